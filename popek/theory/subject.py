"""One form under proof: what its clause touches, and how a claim about it is put to the prover."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from popek.isa import ir
from popek.isa.footprint import expression_reads, reads, writes
from popek.semantics.algebra import Algebra, B, V
from popek.theory.anatomy import Anatomy
from popek.theory.direct import Coupling
from popek.theory.obligation import Obligation
from popek.theory.pairs import Comparison
from popek.theory.prover import Prover
from popek.theory.verdict import Finding, Proved, Refuted, Undecided, Witness


class Claim(Protocol):
    """A function of `popek.theory.general` or `pg74`: the obligation of one comparison."""

    def __call__(
        self, comparison: Comparison, form: ir.Form, algebra: Algebra[V, B]
    ) -> Obligation[V, B]: ...


class CoupledClaim(Protocol):
    """A function of `popek.theory.direct`: the obligation of one coupling."""

    def __call__(
        self, coupling: Coupling, form: ir.Form, algebra: Algebra[V, B]
    ) -> Obligation[V, B]: ...


@dataclass(frozen=True)
class Subject:
    """A form, with the prover and the anatomy of its ISA.

    `dropped`: invariants that comparisons do without, by their text.
    """

    prover: Prover
    anatomy: Anatomy
    form: ir.Form
    dropped: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        return f"{self.form.name} [{self.form.text}]"

    @cached_property
    def reads(self) -> frozenset[str]:
        """The components that the clause itself reads."""
        return frozenset(reads(self.form.body) & self.anatomy.isa.components.keys())

    @cached_property
    def touches(self) -> frozenset[str]:
        """The components that the clause itself reads or writes."""
        return self.reads | (writes(self.form.body) & self.anatomy.isa.components.keys())

    @cached_property
    def probes(self) -> bool:
        """Whether the clause makes accesses that are not through the program's translation: on the
        processor's own behalf, or to a memory by its own name.
        """
        translations = self.anatomy.isa.translations
        return any(
            isinstance(s, ir.Load | ir.Store | ir.Check)
            and ((t := translations.get(s.space)) is None or t.processor)
            for s in ir.statements(self.form.body)
        )

    @cached_property
    def sees_mode(self) -> bool:
        """Whether the level, or a banked register, takes part in the clause.

        Where neither does, the runs at all levels are one and the same.
        """
        banked = {c.name for c in self.anatomy.isa.components.values() if c.banked}
        decoding = expression_reads(self.form.decode)
        return bool((self.touches | decoding) & (self.anatomy.tied_to_mode | banked))

    @property
    def levels(self) -> tuple[ir.Level, ...]:
        """The levels that make a difference, most privileged first; the lowest is among them."""
        levels = self.anatomy.levels
        return levels if self.sees_mode else levels[-1:]

    def compare(self, name: str, claim: Claim, comparison: Comparison) -> Finding:
        """Decides a claim about two states of one machine."""

        def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
            there = replace(comparison, flat=flat, dropped=self.dropped)
            return claim(there, self.form, algebra)

        without = "".join(f" without {text}" for text in sorted(self.dropped))
        title = f"{self.title} {name}{without}"
        return self.prover.find(title, self.form.body, build, self.form)

    def couple(
        self,
        name: str,
        claim: CoupledClaim,
        coupling: Coupling,
        accept: Callable[[Witness], bool] = lambda witness: True,
        hint: Witness | None = None,
    ) -> Finding:
        """Decides a claim about a bare state and the real one bound to it."""

        def build(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
            return claim(replace(coupling, flat=flat), self.form, algebra)

        title = f"{self.title} {name}"
        return self.prover.find(title, self.form.body, build, self.form, accept, hint)


def some(findings: Iterable[Finding]) -> bool | None:
    """Whether a counterexample exists; None where that is not decided.  Stops at the first."""
    result: bool | None = False
    for finding in findings:
        match finding:
            case Refuted():
                return True
            case Undecided():
                result = None
            case Proved():
                pass
    return result


def either(*parts: bool | None) -> bool | None:
    """Three-valued `or`."""
    if True in parts:
        return True
    return None if None in parts else False
