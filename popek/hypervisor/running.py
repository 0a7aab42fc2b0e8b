"""`popek run`: a guest under a design, beside the bare machine, step by step, over integers.

Both start from the reset.  An interrupt of the real machine's comes behind a step where it is due;
the guest's own come where a handler injects them, and the bare machine takes the same.  After
every step alpha of the host's state is compared with the bare machine's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from popek.hypervisor.design import Design
from popek.hypervisor.running_bare import Bare
from popek.hypervisor.running_compare import Change, changes, outside, told
from popek.hypervisor.running_machine import Ended, State, number
from popek.hypervisor.running_monitor import Selects, Turn
from popek.hypervisor.running_stack import Stack
from popek.hypervisor.running_start import Image
from popek.semantics.running import Running
from popek.semantics.storage import Walk

#: What the machine does in a row without a step of the guest's, before that counts as stuck.
PATIENCE = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """What tells the guest from one on the bare machine; of `changes`, the bare value is first."""

    why: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """What was done, and in which state: `pc`, `level` and `instruction` are the guest's before it.

    `number` counts the guest's steps.  `notes` say what monitors did, `changes` what became of the
    guest's state.
    """

    number: int
    pc: int
    level: str
    instruction: str
    notes: tuple[str, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended: `steps` agreed, and `last` is what was done then.

    `difference` tells the two machines apart behind it.  `ended`: why the guest goes no further on
    either; "" where it would have.
    """

    steps: int
    last: Shown | None = None
    difference: Difference | None = None
    ended: str = ""
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run depends on beside its designs.

    `given`: values of the innermost host's parameters.  `periods`: an interrupt of the real
    machine's comes behind each n-th step at which it is due, 1 unless said otherwise; 0: never.
    """

    image: Image
    given: Mapping[str, int] = field(default_factory=dict)
    periods: Mapping[str, int] = field(default_factory=dict)


#: Told of each step as it is done.
Watch = Callable[[Shown], None]


class _Finished(Exception):
    """The end of a run before all its steps: `ended`, or with a difference."""

    def __init__(self, difference: Difference | None, ended: str = "") -> None:
        self.difference = difference
        self.ended = ended


class Beside:
    """A guest under designs, the outermost first, each the machine of the next, beside the bare
    machine.
    """

    def __init__(
        self,
        designs: Sequence[Design],
        setting: Setting,
        selects: Selects,
        watch: Watch | None = None,
    ) -> None:
        self.isa = designs[0].isa
        self.algebra = Running()
        image, given = setting.image, setting.given
        self.periods = {i.name: setting.periods.get(i.name, 1) for i in self.isa.interrupts}
        comes = frozenset(name for name, period in self.periods.items() if period)
        self.stack = Stack(designs, self.algebra, image, given, selects, comes)
        self.bare = Bare(self.stack.virtual, self.stack.bare)
        self.since = dict.fromkeys(self.periods, 0)
        self.watch = watch
        self.steps = 0
        self._last: Callable[[], Shown] | None = None

    def run(self, steps: int) -> Ran:
        """At most so many steps of the guest's.  Ctrl-C ends it with what was done until then."""
        idle = 0
        try:
            self._compare("they start in different states")
            while self.steps < steps and idle < PATIENCE:
                before = self.steps
                self._turn()
                idle = 0 if self.steps > before else idle + 1
        except _Finished as end:
            last = None if self._last is None else self._last()
            return Ran(self.steps, last, end.difference, end.ended)
        except KeyboardInterrupt:
            return Ran(self.steps, interrupted=True)
        if idle == PATIENCE and self.stack.top.waits:
            return Ran(self.steps, ended="the guest waits for an interrupt, and none comes")
        if idle == PATIENCE:
            why = f"the guest does not go on: {PATIENCE} traps and interrupts reach the host alone"
            return Ran(self.steps, difference=Difference(why))
        return Ran(self.steps)

    # ------------------------------------------------------------ one thing after the other

    def _turn(self) -> None:
        """An instruction, unless the guest waits, and the interrupts that come behind it."""
        if self.stack.top.waits and self.bare.stuck(self.stack.comes):
            raise _Finished(None, "the guest waits for an interrupt that cannot come")
        if not self.stack.top.waits:
            self._beside(self.stack.instruct, "")
        for name, period in self.periods.items():
            self.since[name] += 1
            if period and self.since[name] >= period and self.stack.due(name):
                self.since[name] = 0
                self._beside(partial(self.stack.arrive, name), name)

    def _beside(self, act: Callable[[], None], interrupt: str) -> None:
        """Something that the real machine does, and what the bare machine does meanwhile."""
        stack, top = self.stack, self.stack.top
        self.algebra.now = self.steps + 1
        top.turn, self.bare.events = Turn(), []
        stack.notes, stack.told, stack.touched = [], [], {}
        before = stack.views[-1]
        failed = _ended(act)
        after = before if failed else stack.views[-1]
        found = tuple(changes(self.isa, self.algebra, self._sizes, before, after))
        # A handler may do the guest's step by hand.
        stepped = top.turn.stepped or (not interrupt and (bool(found) or failed is not None))
        other = self._bare(stepped)
        notes = tuple(stack.notes)
        self._last = partial(self._shown, before, self.steps + stepped, interrupt, notes, found)
        if self.watch is not None and (stepped or notes):
            self.watch(self._last())
        self._judge(failed, other)
        self._compare("what the guest sees differs")
        self._controlled(after)
        self.steps += stepped
        self._last = None
        stack.settle()
        self.bare.settle()

    def _bare(self, stepped: bool) -> Ended | None:
        """What the bare machine does beside it; why it does not go on."""

        def act() -> None:
            if stepped:
                self.bare.step()
            for name in self.stack.top.turn.offered:
                self.bare.take(name)

        return _ended(act)

    # ------------------------------------------------------------ comparing

    def _judge(self, failed: Ended | None, other: Ended | None) -> None:
        """Where one of the two machines goes no further, or both."""
        for end in (failed, other):
            if end is not None and end.open:
                raise _Finished(None, end.why)
        if failed is not None and other is not None:
            raise _Finished(None, other.why)
        if failed is not None:
            raise _Finished(Difference(f"under the design alone: {failed.why}"))
        if other is not None:
            raise _Finished(Difference(f"on the bare machine alone: {other.why}"))

    def _compare(self, why: str) -> None:
        """The guest's state under the design with that on the bare machine."""
        top = self.stack.top
        guest = self.stack.views[-1]
        found = tuple(changes(self.isa, self.algebra, self._sizes, self.bare.state, guest))
        if found:
            raise _Finished(Difference(why, found))
        if told(self.bare.events) != told(top.turn.events):
            raise _Finished(Difference("devices are told something else"))
        if self.bare.waits != top.waits:
            where = "on the bare machine" if self.bare.waits else "under the design"
            raise _Finished(Difference(f"the guest waits for an interrupt {where} alone"))

    def _controlled(self, guest: State) -> None:
        """What the guest did to the host."""
        stack = self.stack
        for memory, cell in outside(self.isa, self._sizes, guest, stack.touched):
            why = f"the guest reaches {memory}[{cell:#x}], which is the host's"
            raise _Finished(Difference(why))
        for event in stack.told:
            why = f"the guest tells the real {event.device}.{event.operation}"
            raise _Finished(Difference(why))
        for monitor, view in zip(stack.monitors, stack.views, strict=False):
            if broken := monitor.broken(view):
                raise _Finished(Difference(f"the host is left without what it requires: {broken}"))

    @property
    def _sizes(self) -> Mapping[str, int]:
        """How many cells the guest's memories have."""
        stack = self.stack
        return {n: p.size for n, p in stack.top.pieces(stack.top.host(stack.views[-2])).items()}

    # ------------------------------------------------------------ showing

    def _shown(
        self,
        guest: State,
        number_: int,
        interrupt: str,
        notes: tuple[str, ...],
        found: tuple[Change, ...],
    ) -> Shown:
        """What was done, from the guest's state before it: as long as that is not settled."""
        isa, virtual = self.isa, self.stack.virtual
        value = virtual.run(Walk(), guest).value(isa.mode.level)
        level = next((one.name for one in isa.mode.levels if one.value == value), str(value))
        text = interrupt or virtual.text(guest)
        return Shown(number_, number(guest, isa.pc), level, text, notes, found)


def _ended(act: Callable[[], None]) -> Ended | None:
    """Does it; why a machine goes no further then."""
    try:
        act()
    except Ended as end:
        return end
    return None
