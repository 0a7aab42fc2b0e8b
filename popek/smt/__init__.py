"""Queries to solvers and their answers; z3 is loaded when the first query is solved, not before."""

from popek.smt.answer import Answer, Budget, Cause, Sat, Stats, Undecided, Unsat
from popek.smt.decide import By, Decision, decide
from popek.smt.model import Model
from popek.smt.query import Query, query
from popek.smt.solver import Solver
from popek.smt.z3_in_process import Z3InProcess
from popek.smt.z3_process import Z3Process

__all__ = [
    "Answer",
    "Budget",
    "By",
    "Cause",
    "Decision",
    "Model",
    "Query",
    "Sat",
    "Solver",
    "Stats",
    "Undecided",
    "Unsat",
    "Z3InProcess",
    "Z3Process",
    "decide",
    "query",
]
