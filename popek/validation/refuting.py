"""Proofs that no state takes a path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from popek.smt.answer import Answer, Sat, Unsat
from popek.smt.model import Model
from popek.smt.z3_conditions import LARGE, Z3Conditions
from popek.terms import Term, Value, evaluate
from popek.validation.trace import Names
from popek.validation.world import Place


class Verdict(StrEnum):
    """Why no state takes a path."""

    INFEASIBLE = "infeasible"
    #: States do, but none that the oracle can be set up as.
    BEYOND = "beyond the bench"
    #: Neither a state was found, nor a proof that there is none.
    UNKNOWN = "unknown"


#: What every useful state meets and is wanted, and what the bench asks for beside it.
Question = tuple[tuple[Term, ...], tuple[Term, ...]]


@dataclass(frozen=True)
class Refuting:
    """Asks with a large budget: an answer spares a search in vain."""

    names: Names
    solver: Z3Conditions
    _known: dict[Question, Verdict] = field(default_factory=dict)

    def verdict(self, wanted: Sequence[Term], bench: Sequence[Term]) -> Verdict:
        """Why no state meets what is wanted, if the solver knows."""
        question = tuple(wanted), tuple(bench)
        if question not in self._known:
            self._known[question] = self._verdict(*question)
        return self._known[question]

    def _verdict(self, wanted: tuple[Term, ...], bench: tuple[Term, ...]) -> Verdict:
        match self._answer(wanted):
            case Unsat():
                return Verdict.INFEASIBLE
            case Sat() if bench and isinstance(self._answer((*bench, *wanted)), Unsat):
                return Verdict.BEYOND
            case _:
                return Verdict.UNKNOWN

    def _answer(self, wanted: tuple[Term, ...]) -> Answer:
        """Whether these can be met where a place holds one value, whatever index leads there.

        Of the pairs of symbols that may be of one place only those are spoken of that an answer
        gave two values; each pair once, so this ends.
        """
        mentioned = set[str]().union(*map(self.names.mentioned, wanted))
        elements = sorted(mentioned & self.names.indices.keys())
        alike: dict[Term, None] = {}
        while True:
            answer = self.solver.solve((*wanted, *alike), {}, LARGE)
            if isinstance(answer, Sat):
                clashes = [c for c in self._clashes(elements, answer.model) if c not in alike]
                if clashes:
                    alike |= dict.fromkeys(clashes)
                    continue
            return answer

    def _clashes(self, elements: Sequence[str], model: Model) -> list[Term]:
        """What a model forgets of the symbols for elements of banks."""
        names = self.names
        values = defaultdict[str, Value](int, model)
        first: dict[Place, str] = {}
        found: list[Term] = []
        for name in elements:
            bank, index = names.indices[name]
            number = evaluate(index, values)
            assert isinstance(number, int)
            other = first.setdefault((bank, number), name)
            if values[other] != values[name]:
                found.append(names.congruent(other, name))
        return found
