"""Hash-consed bit-vector terms: built, simplified, evaluated and printed without any solver."""

from popek.terms import rules as rules  # fills the registry that the builder reads
from popek.terms.builder import Terms
from popek.terms.evaluate import evaluate
from popek.terms.smtlib import to_smtlib
from popek.terms.sorts import Array, BitVec, Sort, SortError
from popek.terms.symbols import Function, Symbol, Variable, symbols_of
from popek.terms.term import Op, Term
from popek.terms.traversal import bottom_up
from popek.terms.values import ArrayValue, FunctionValue, Value

__all__ = [
    "Array",
    "ArrayValue",
    "BitVec",
    "Function",
    "FunctionValue",
    "Op",
    "Sort",
    "SortError",
    "Symbol",
    "Term",
    "Terms",
    "Value",
    "Variable",
    "bottom_up",
    "evaluate",
    "symbols_of",
    "to_smtlib",
]
