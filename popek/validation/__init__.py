"""Spec against oracles: every path of every clause from a concrete state, compared bit by bit."""
