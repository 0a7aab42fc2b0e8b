"""Which settings of controls and loadables the host can hold at all (definitions.md, section 2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from popek.isa.ir import Predicate, Role
from popek.semantics.algebra import Algebra, B, V
from popek.theory.anatomy import Anatomy, reads_of
from popek.theory.direct import Binding, Coupling, Host, bound_states, unbound
from popek.theory.obligation import Obligation
from popek.theory.prover import Prover
from popek.theory.subject import some

#: What has the guest's own value in the real machine, whatever the host does.
GUESTS_OWN = frozenset({Role.REGISTER, Role.PC, Role.HIDDEN, Role.PARAMETER})


@dataclass(frozen=True)
class Settings:
    """Whether there are bound states at every level under a setting, unless that is not decided.

    Only invariants and `host` lines about the chosen components can rule a setting out.  Where it
    loads one of these, every bare state has to have its real one: no hypervisor runs a guest whose
    own value it cannot load.  Where it does not, every one as far as predicates tie the chosen to
    what is the guest's own: what they rule out, no guest that has it can be run.
    """

    prover: Prover
    anatomy: Anatomy
    _known: dict[tuple[tuple[str, int | Binding], ...], bool] = field(default_factory=dict)

    def __call__(self, setting: Host) -> bool:
        about = tuple((n, v) for n, v in setting.items() if n in self._said)
        if about not in self._known:
            self._known[about] = not about or self._is_possible(dict(about))
        return self._known[about]

    @cached_property
    def _predicates(self) -> tuple[Predicate, ...]:
        return (*self.anatomy.isa.invariants, *self.anatomy.isa.hosts)

    @cached_property
    def _said(self) -> frozenset[str]:
        return frozenset(name for p in self._predicates for name in reads_of(p))

    def _is_possible(self, setting: Host) -> bool:
        every = None
        if Binding.LOADED not in setting.values():
            own = {c.name for c in self.anatomy.isa.components.values() if c.role in GUESTS_OWN}
            fixed = {name for name, value in setting.items() if isinstance(value, int)}
            every = frozenset(
                p.text
                for p in self._predicates
                if reads_of(p) & fixed and reads_of(p) <= fixed | own
            )
        under = ", ".join(f"{n}={v}" for n, v in setting.items())
        return all(
            self._is_bound(
                Coupling(self.anatomy, level, setting), f"{level.name} under {under}", every
            )
            for level in self.anatomy.levels
        )

    def _is_bound(self, coupling: Coupling, where: str, every: frozenset[str] | None) -> bool:
        """Whether some bare state in the coupling's level has a real one, and every one has: as far
        as the predicates of these texts go, or all.
        """

        def together(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
            return bound_states(coupling.flattened(flat), algebra)

        def alone(algebra: Algebra[V, B], flat: bool) -> Obligation[V, B]:
            return unbound(coupling.flattened(flat), algebra, every)

        if self.prover.satisfiable(f"bound at {where}", (), together) is False:
            return False
        if every is not None and not every:
            return True
        return some([self.prover.find(f"unbound at {where}", (), alone)]) is not True
