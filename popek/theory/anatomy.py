"""Which component plays which part in the theorem (definitions.md, sections 1 and 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from popek.isa import ir
from popek.isa.footprint import expression_reads, reads
from popek.isa.ir import Component, Isa, Role
from popek.semantics.storage import translation_reads


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The components of an ISA by the part they play.  `top`: the guest's own highest level.

    `entangled`: invariants other than equations, too, leave no two states at different levels that
    are equal but for the mode and what equations tie to it.

    Compared by identity: an ISA is too much to hash.
    """

    isa: Isa
    top: str | None = None
    entangled: bool = False

    @cached_property
    def levels(self) -> tuple[ir.Level, ...]:
        """The levels in range, most privileged first."""
        levels = self.isa.mode.levels
        if self.top is None:
            return levels
        names = [level.name for level in levels]
        return levels[names.index(self.top) :]

    @property
    def lowest(self) -> ir.Level:
        return self.isa.mode.levels[-1]

    @cached_property
    def mode_components(self) -> frozenset[str]:
        """What `level` reads, and every component of role mode."""
        named = {c.name for c in self.isa.components.values() if c.role is Role.MODE}
        read = {
            e.component for e in ir.subexpressions(self.isa.mode.level) if isinstance(e, ir.Read)
        }
        return frozenset(named | read)

    @cached_property
    def tied_to_mode(self) -> frozenset[str]:
        """What invariants tie to the mode, directly or through others; the mode itself included."""
        return self.tied(self.mode_components, frozenset(self.isa.components))

    @cached_property
    def varied_with_mode(self) -> frozenset[str]:
        """What differs where the mode does: what equations tie to it.

        What an invariant ties to it under a condition (ia32: virtual-8086 mode is at level 3)
        leaves states that differ in the mode alone.
        """
        if self.entangled:
            return self.tied_to_mode
        return _closure(self.mode_components, [reads_of(p) for p in self._equations])

    @property
    def _equations(self) -> list[ir.Predicate]:
        return [p for p in self.isa.invariants if is_equation(p.condition)]

    def tied(self, names: frozenset[str], among: frozenset[str]) -> frozenset[str]:
        """`names`, and what invariants tie to them, through components of `among` alone."""
        return _closure(names, [reads_of(p) & among for p in self.isa.invariants])

    def bonded(self, names: frozenset[str]) -> frozenset[str]:
        """`names`, and what invariants, and what the spec says of the real machine, tie to them."""
        return _closure(names, self._bonds)

    @cached_property
    def _bonds(self) -> list[frozenset[str]]:
        isa = self.isa
        clauses = [
            frozenset({c.name}) | expression_reads(c.host)
            for c in isa.components.values()
            if c.host is not None
        ]
        return [*clauses, *(reads_of(p) for p in (*isa.invariants, *isa.hosts))]

    @cached_property
    def translation(self) -> frozenset[str]:
        """What the translation of the program's own accesses reads, memory apart."""
        names: set[str] = set()
        for space, translation in self.isa.translations.items():
            if not translation.processor:
                names |= translation_reads(self.isa, space)
        return frozenset(names)

    @cached_property
    def covered_by_coherence(self) -> frozenset[str]:
        """Hidden components that only the translation reads."""
        return frozenset(
            c.name
            for c in self.isa.components.values()
            if c.role is Role.HIDDEN and c.name in self.translation - self.read_by_clauses
        )

    @cached_property
    def read_by_clauses(self) -> frozenset[str]:
        """What the loaded forms read themselves, their decoding included."""
        names: set[str] = set()
        for form in self.isa.forms:
            names |= reads(form.body) | reads((ir.Jump(form.decode, form.span),))
        return frozenset(names)

    @cached_property
    def decode_context(self) -> frozenset[str]:
        """The other hidden components: equal on both sides, and never varied."""
        hidden = {c.name for c in self.isa.components.values() if c.role is Role.HIDDEN}
        return frozenset(hidden - self.covered_by_coherence)

    @cached_property
    def controls(self) -> tuple[Component, ...]:
        return tuple(c for c in self.isa.components.values() if c.role is Role.CONTROL)

    @cached_property
    def loadables(self) -> tuple[Component, ...]:
        return tuple(c for c in self.isa.components.values() if c.role is Role.LOADABLE)

    @cached_property
    def privileged(self) -> frozenset[str]:
        """The components that count in the reading `general`, decode context included."""
        return frozenset(
            c.name for c in self.isa.components.values() if c.role in ir.PRIVILEGED_ROLES
        )

    @cached_property
    def varied(self) -> frozenset[str]:
        """What the reading `general` varies at one level: banked registers stand for the copies
        that the level does not select.
        """
        banked = {c.name for c in self.isa.components.values() if c.banked}
        return (self.privileged - self.mode_components - self.decode_context) | banked

    @cached_property
    def relocation(self) -> frozenset[str]:
        """R to the letter of 1974: what the translation reads, less M and what programs own."""
        own = {Role.REGISTER, Role.PC, Role.PARAMETER}
        return frozenset(
            name
            for name in self.translation - self.mode_components
            if self.isa.components[name].role not in own
        )


def reads_of(predicate: ir.Predicate) -> frozenset[str]:
    """The components that a predicate is about."""
    condition = ir.Require(predicate.condition, "", (), predicate.span)
    return reads((*predicate.setup, condition))


def is_equation(condition: ir.Expr) -> bool:
    """Whether a condition equates things, each whatever the others are."""
    match condition:
        case ir.Operation(op=ir.Op.EQ):
            return True
        case ir.Operation(op=ir.Op.AND, args=args, width=1):
            return all(map(is_equation, args))
        case _:
            return False


def _closure(names: frozenset[str], bonds: Sequence[frozenset[str]]) -> frozenset[str]:
    """The names, and those that some bond joins with them, directly or through others."""
    found = set(names)
    while more := {n for bond in bonds if bond & found for n in bond} - found:
        found |= more
    return frozenset(found)
