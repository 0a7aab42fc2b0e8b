"""One semantics: the meaning of a clause, over any algebra.

Both branches of an undecided condition are run and joined by `ite`; a decided condition takes one
branch.  A clause is transactional: a fault's state is the state before the step, but for what
lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Generic, Protocol

from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.semantics.outcome import (
    Accessed,
    Assigned,
    DeviceEvent,
    Exit,
    HostPromise,
    LeftOpen,
    ShutDown,
    Step,
    Trapped,
)
from popek.source import Span

#: Components by name; memories are among them, under names that the storage chooses.
State = Mapping[str, V | B]


class Storage(Protocol[V, B]):
    """How accesses reach memory: by the real translation, or by an abstract one."""

    def load(self, run: Run[V, B], space: str, args: Sequence[V], units: int, span: Span) -> V: ...

    def store(
        self, run: Run[V, B], space: str, args: Sequence[V], units: int, value: V, span: Span
    ) -> None: ...

    def check(
        self,
        run: Run[V, B],
        access: ir.Access,
        space: str,
        args: Sequence[V],
        units: int,
        span: Span,
    ) -> None: ...


#: What answers for `Input`s and device reads: (kind, site, width) -> value.
Inputs = Callable[[str, str, int], V]


class Run(Generic[V, B]):
    """One evaluation of a body from a state: the environment, and what it records.

    `path` guards the statement being run, all decisions so far included.  `processor` marks the
    abstract functions where they are this run's own, "" where all runs share them.
    """

    def __init__(
        self,
        isa: ir.Isa,
        algebra: Algebra[V, B],
        storage: Storage[V, B],
        state: State[V, B],
        fields: Mapping[str, V],
        inputs: Inputs[V],
        processor: str = "",
    ) -> None:
        self.isa = isa
        self.processor = processor
        self.algebra = algebra
        self.storage = storage
        self.before = dict(state)
        #: The state that a fault leaves; all of a fault's guard implies what is joined into it.
        self.faulted: dict[str, V | B] = self.before
        self.state: dict[str, V | B] = dict(state)
        self.locals: dict[str, V] = {}
        self.fields = fields
        self.inputs = inputs
        self._one = algebra.const(1, 1)
        self._prefix = self._one
        self._live = self._one
        self.waits = algebra.const(0, 1)
        #: The pc after this step.  Inside it, the pc reads as the address of this instruction.
        self.target: V = state[isa.pc]  # type: ignore[assignment]
        self.exits: list[Exit[V, B]] = []
        self.accesses: list[Accessed[V]] = []
        self.events: list[DeviceEvent[V]] = []
        self.promises: list[HostPromise[V]] = []
        self.assigned: list[Assigned[V]] = []
        self.used: list[tuple[V, ir.Input]] = []
        #: Set while a translation runs: its traps are memory traps (or the processor's own).
        self.translating: ir.Translation | None = None
        #: The statement being run, by identity.
        self.site = 0

    @property
    def lasted(self) -> bool:
        """Whether a fault keeps something of what was done so far."""
        return self.faulted is not self.before

    @property
    def path(self) -> V:
        return self.algebra.both(self._prefix, self._live)

    # ------------------------------------------------------------ expressions

    def value(self, expr: ir.Expr) -> V:
        """The value of an expression in the current environment."""
        algebra = self.algebra
        # The most frequent first: of what a proof costs, much is spent here.
        match expr:
            case ir.Operation(op=op, args=args, width=width):
                return algebra.operation(
                    op, [self.value(a) for a in args], [a.width for a in args], width
                )
            case ir.Local(name=name):
                return self.locals[name]
            case ir.Const(value=value, width=width):
                return algebra.const(value, width)
            case ir.Extract(value=value, high=high, low=low):
                return algebra.extract(self.value(value), high, low, value.width)
            case ir.Read(component=component):
                return self.state[component]  # type: ignore[return-value]
            case ir.ReadElement(component=component, index=index):
                return self.element(component, self.value(index), index.width)
            case ir.Field(name=name):
                return self.fields[name]
            case ir.Input(kind=kind, site=site, width=width):
                self.used.append((self.path, expr))
                return self.inputs(kind, site, width)
            case ir.Apply(function=name, args=args, width=width):
                function = self.isa.functions[name]
                if self.processor:
                    function = replace(function, name=function.name + self.processor)
                values = [self.value(a) for a in args]
                if algebra.interprets(function):
                    return algebra.abstract(function, values, width)
                assert function.result is not None
                names = [param.name for param in function.params]
                with self.scope(dict(zip(names, values, strict=True))):
                    self.run(function.body)
                    return self.value(function.result)

    def _bank(self, component: str) -> B:
        return self.state[component]  # type: ignore[return-value]

    def _index(self, component: ir.Component, index: V, width: int) -> tuple[V, V]:
        """The index at the bank's width, and whether it is inside the bank."""
        assert component.size is not None
        algebra = self.algebra
        if width < component.index_width:
            index = algebra.operation(ir.Op.ZEXT, [index], [width], component.index_width)
        elif width > component.index_width:
            inside = self._below(index, component.size, width)
            return algebra.extract(index, component.index_width - 1, 0, width), inside
        return index, self._below(index, component.size, component.index_width)

    def _below(self, index: V, size: int, width: int) -> V:
        if size == 1 << width:
            return self._one
        limit = self.algebra.const(size, width)
        return self.algebra.operation(ir.Op.ULT, [index, limit], [width, width], 1)

    def element(self, name: str, index: V, width: int) -> V:
        component = self.isa.components[name]
        at, inside = self._index(component, index, width)
        algebra = self.algebra
        value = algebra.select(self._bank(name), at, component.index_width, component.width)
        if algebra.is_true(inside):
            return value
        return algebra.ite(inside, value, algebra.const(0, component.width), component.width)

    # ------------------------------------------------------------ statements

    def run(self, body: Sequence[ir.Stmt]) -> None:
        for stmt in body:
            if self.algebra.is_false(self._live):
                return
            self._statement(stmt)

    def _statement(self, stmt: ir.Stmt) -> None:
        self.site = id(stmt)
        match stmt:
            case ir.Set(local=local, value=value):
                self.locals[local] = self.value(value)
            case ir.Write(component=component, value=value, lasting=lasting, span=span):
                if component == self.isa.pc:
                    self._jump(value, span)
                else:
                    assigned = self.value(value)
                    self.state[component] = assigned
                    if lasting:
                        width = self.isa.components[component].width
                        undone: V = self.faulted[component]  # type: ignore[assignment]
                        lasts = self.algebra.ite(self.path, assigned, undone, width)
                        self.faulted = {**self.faulted, component: lasts}
                    self.assigned.append(Assigned(self.path, component, None, assigned, span))
            case ir.WriteElement(component=component, index=index, value=value, span=span):
                at = self.value(index)
                self._write_element(component, at, index.width, self.value(value), span)
            case ir.Load(local=local, space=space, args=args, units=units, span=span):
                values = [self.value(a) for a in args]
                self.locals[local] = self.storage.load(self, space, values, units, span)
            case ir.Store(space=space, args=args, units=units, value=value, span=span):
                values = [self.value(a) for a in args]
                self.storage.store(self, space, values, units, self.value(value), span)
            case ir.Check(access=access, space=space, args=args, units=units, span=span):
                values = [self.value(a) for a in args]
                self.storage.check(self, access, space, values, units, span)
            case ir.DeviceInput(
                local=local, device=device, operation=operation, args=args, width=width, span=span
            ):
                self._event(device, operation, args, span)
                self.locals[local] = self.inputs("device", f"{device}.{operation}#{local}", width)
            case ir.DeviceOutput(device=device, operation=operation, args=args, span=span):
                self._event(device, operation, args, span)
            case ir.If(condition=condition, then=then, otherwise=otherwise):
                self._branch(self.value(condition), then, otherwise)
            case ir.Require(condition=condition, trap=trap, args=args, span=span):
                self._require(self.value(condition), trap, args, span)
            case ir.HostRequire(condition=condition, why=why, span=span):
                self.promises.append(HostPromise(self.path, self.value(condition), why, span))
            case ir.Jump(target=target, span=span):
                self._jump(target, span)
            case ir.Unpredictable(
                site=site, beyond_privilege=beyond, unmodelled=unmodelled, span=span
            ):
                self.exits.append(LeftOpen(self.path, site, beyond, unmodelled, span))
                self.stop()
            case ir.Wait():
                self.waits = self._one
            case ir.Shutdown(span=span):
                self.exits.append(ShutDown(self.path, span))
                self.stop()
            case ir.Interpret() | ir.Reflect() | ir.Inject() | ir.Resume() | ir.Stop():
                self.act(stmt)

    def act(self, action: ir.Action) -> None:
        """What only handlers of designs do (`popek.hypervisor.handling`)."""
        raise AssertionError(f"no handler, but {action}")

    @contextmanager
    def scope(self, bound: dict[str, V]) -> Iterator[None]:
        """Run a body of its own, which sees these locals and not those of the clause around it."""
        outer, self.locals = self.locals, bound
        try:
            yield
        finally:
            self.locals = outer

    def stop(self) -> None:
        """Nothing after this statement is reached on this path."""
        self._live = self.algebra.const(0, 1)

    def _jump(self, target: ir.Expr, span: Span) -> None:
        self.target = self.value(target)
        self.assigned.append(Assigned(self.path, self.isa.pc, None, self.target, span))

    def _write_element(self, name: str, index: V, width: int, value: V, span: Span) -> None:
        component = self.isa.components[name]
        at, inside = self._index(component, index, width)
        algebra = self.algebra
        bank = self._bank(name)
        stored = algebra.store(bank, at, value, component.index_width, component.width)
        if not algebra.is_true(inside):
            stored = algebra.bank_ite(inside, stored, bank)
        self.state[name] = stored
        self.assigned.append(Assigned(self.path, name, at, value, span))

    def store_cell(self, name: str, memory: ir.Memory, cell: V, value: V, span: Span) -> None:
        """Store one unit in the entry `name` of the state, a copy of `memory`.

        What a translation stores, a fault does not undo (SDM vol. 3A, section 4.8, of accessed
        and dirty bits; of RISC-V's, the privileged manual, section 4.3.1).
        """
        algebra, widths = self.algebra, (memory.index_width, memory.width)
        self.state[name] = algebra.store(self._bank(name), cell, value, *widths)
        if self.translating is not None:
            undone: B = self.faulted[name]  # type: ignore[assignment]
            lasts = algebra.bank_ite(self.path, algebra.store(undone, cell, value, *widths), undone)
            self.faulted = {**self.faulted, name: lasts}
        self.assigned.append(Assigned(self.path, name, cell, value, span))

    def _event(self, device: str, operation: str, args: Sequence[ir.Expr], span: Span) -> None:
        values = tuple(self.value(a) for a in args)
        widths = tuple(a.width for a in args)
        self.events.append(DeviceEvent(self.path, device, operation, values, widths, span))

    def require(self, condition: V, trapped: Callable[[V], Exit[V, B]]) -> None:
        """Where `condition` fails, the step ends in `trapped(guard)`."""
        algebra = self.algebra
        if algebra.is_true(condition):
            return
        guard = algebra.both(self.path, algebra.negation(condition))
        if not algebra.is_false(guard):
            self.exits.append(trapped(guard))
        self._live = algebra.both(self._live, condition)

    def _require(self, condition: V, trap: str, args: Sequence[ir.Expr], span: Span) -> None:
        translating = self.translating
        processor = translating is not None and translating.processor
        kind = self.isa.traps[trap].kind

        def trapped(guard: V) -> Exit[V, B]:
            return Trapped(
                guard,
                trap,
                tuple(self.value(a) for a in args),
                tuple(a.width for a in args),
                translating is not None and not processor,
                processor,
                not kind.undoes or self.lasted,
                self.left(kind),
                span,
            )

        self.require(condition, trapped)

    def left(self, kind: ir.TrapKind) -> dict[str, V | B]:
        """The state in which a trap of this kind leaves the step."""
        match kind:
            case ir.TrapKind.FAULT:
                return self.faulted
            case ir.TrapKind.SUPPRESSES:
                return {**self.faulted, self.isa.pc: self.target}
            case ir.TrapKind.COMPLETES | ir.TrapKind.ABORTS | ir.TrapKind.INTERRUPT:
                return self._after()

    def _after(self) -> dict[str, V | B]:
        """The state with the pc where this step leaves it."""
        return {**self.state, self.isa.pc: self.target}

    def _branch(
        self, condition: V, then: tuple[ir.Stmt, ...], otherwise: tuple[ir.Stmt, ...]
    ) -> None:
        algebra = self.algebra
        if algebra.is_true(condition):
            return self.run(then)
        if algebra.is_false(condition):
            return self.run(otherwise)
        entry = (self._prefix, self._live, self.waits, self.target)
        state, bound = self.state, self.locals

        def side(guard: V, body: Sequence[ir.Stmt]) -> tuple[V, V, V]:
            self._prefix = algebra.both(algebra.both(entry[0], entry[1]), guard)
            self._live, self.waits, self.target = self._one, entry[2], entry[3]
            self.state, self.locals = dict(state), dict(bound)
            self.run(body)
            return self._live, self.waits, self.target

        live_t, waits_t, target_t = side(condition, then)
        state_t, locals_t = self.state, self.locals
        live_e, waits_e, target_e = side(algebra.negation(condition), otherwise)
        state_e, locals_e = self.state, self.locals

        self._prefix = entry[0]
        joined = algebra.ite(condition, live_t, live_e, 1)
        self._live = algebra.both(entry[1], joined)
        if algebra.is_false(live_t):
            self.state, self.locals, self.waits, self.target = (
                state_e, locals_e, waits_e, target_e,
            )  # fmt: skip
            return None
        if algebra.is_false(live_e):
            self.state, self.locals, self.waits, self.target = (
                state_t, locals_t, waits_t, target_t,
            )  # fmt: skip
            return None
        self.state = {
            name: self._join(name, condition, state_t[name], state_e[name]) for name in state
        }
        # A local that only one branch binds is read only under that branch's condition.
        self.locals = {
            name: value
            if name not in locals_e or locals_e[name] is value
            else algebra.ite(condition, value, locals_e[name], 0)
            for name, value in locals_t.items()
        } | {name: value for name, value in locals_e.items() if name not in locals_t}
        self.waits = algebra.ite(condition, waits_t, waits_e, 1)
        pc_width = self.isa.components[self.isa.pc].width
        self.target = algebra.ite(condition, target_t, target_e, pc_width)
        return None

    def _join(self, name: str, condition: V, then: V | B, otherwise: V | B) -> V | B:
        if then is otherwise:
            return then
        component = self.isa.components.get(name)
        if component is None or component.size is not None:
            return self.algebra.bank_ite(condition, then, otherwise)  # type: ignore[arg-type]
        return self.algebra.ite(condition, then, otherwise, component.width)  # type: ignore[arg-type]

    # ------------------------------------------------------------ the result

    def finish(self) -> Step[V, B]:
        return Step(
            exits=tuple(self.exits),
            completes=self._live,
            waits=self.algebra.both(self._live, self.waits),
            state=self._after(),
            accesses=tuple(self.accesses),
            events=tuple(self.events),
            promises=tuple(self.promises),
            assigned=tuple(self.assigned),
            inputs=tuple(self.used),
        )


def length_field(form: ir.Form) -> ir.Field:
    """The field that holds the length of a form whose length varies."""
    return ir.Field("length", form.fields["length"])


def next_pc(isa: ir.Isa, form: ir.Form) -> ir.Expr:
    """The address of the instruction after this one, at the pc's width."""
    width = isa.components[isa.pc].width
    pc = ir.Read(isa.pc, width)
    length: ir.Expr
    match form.length:
        case ir.Const(value=value):
            length = ir.Const(value, width)
        case _:
            length = ir.Operation(ir.Op.ZEXT, (length_field(form),), width)
    return ir.Operation(ir.Op.ADD, (pc, length), width)


def step(
    isa: ir.Isa,
    form: ir.Form,
    algebra: Algebra[V, B],
    storage: Storage[V, B],
    state: State[V, B],
    fields: Mapping[str, V],
    inputs: Inputs[V],
    processor: str = "",
) -> Step[V, B]:
    """One step of `form` from `state`, its fields decoded as `fields`."""
    run = Run(isa, algebra, storage, state, fields, inputs, processor)
    run.target = run.value(next_pc(isa, form))
    run.run(form.body)
    return run.finish()
