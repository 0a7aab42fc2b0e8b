"""Designs of hypervisors: what they are, what a step under one is, and the proofs about them."""
