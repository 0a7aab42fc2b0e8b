"""The state of one elaboration: a clause, an alias, a translation's body."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from popek.diagnostics import Collector
from popek.isa import bits, footprint, ir
from popek.isa.errors import NeedContext, TooLarge
from popek.isa.scope import Scope
from popek.isa.values import Flex, Tuple, Typed, Value
from popek.source import Span

if TYPE_CHECKING:
    from popek.isa.world import World

INLINE_LIMIT = 64
STATEMENT_LIMIT = 50_000


#: What may change state.
CHANGING = (
    ir.Write,
    ir.WriteElement,
    ir.Store,
    ir.DeviceInput,
    ir.DeviceOutput,
    ir.Interpret,
    ir.Inject,
)


class Clause:
    """Where statements are emitted, and what is known while they are.

    `kind` is `form` for instruction bodies, where writing the pc is a jump, `translate`, or
    `other`.  `contexts` are the values of the decode contexts that the form was split on.
    """

    def __init__(
        self,
        world: World,
        kind: str = "other",
        contexts: Mapping[str, int] | None = None,
        collector: Collector | None = None,
    ):
        self.world = world
        self.kind = kind
        self.contexts: Mapping[str, int] = contexts or {}
        self.collector = collector if collector is not None else world.collector
        self.blocks: list[list[ir.Stmt]] = [[]]
        self.version = 0
        self.parameters_static = False
        self.fields_key: tuple[object, ...] = ()
        self.next_address: ir.Expr | None = None
        #: The trap, in a handler of a design.
        self.handled: ir.Trap | None = None
        self.inlining: list[tuple[str, Span]] = []
        self._last: dict[str, int] = {}
        self._sites: dict[str, int] = {}
        self._count = 0

    # ------------------------------------------------------------ statements

    @property
    def block(self) -> list[ir.Stmt]:
        """The statements of the block that is being written."""
        return self.blocks[-1]

    def spend(self, span: Span) -> None:
        """Count one more statement, or definition written out in place."""
        self._count += 1
        if self._count > STATEMENT_LIMIT:
            raise TooLarge(
                "E0806",
                f"this expands into more than {STATEMENT_LIMIT:,} statements",
                span,
                hint="loops and functions are written out in full where they are used",
            )

    def emit(self, stmt: ir.Stmt) -> None:
        """Add a statement to the block that is being written."""
        self.spend(stmt.span)
        if isinstance(stmt, CHANGING):
            self.version += 1
        self.block.append(stmt)

    @contextmanager
    def capture(self) -> Iterator[list[ir.Stmt]]:
        """Statements emitted inside go to the list."""
        block: list[ir.Stmt] = []
        depth = len(self.blocks)
        self.blocks.append(block)
        try:
            yield block
        finally:
            del self.blocks[depth:]

    # ------------------------------------------------------------ names

    def fresh(self, name: str) -> str:
        """A local name that the clause does not use yet."""
        number = self._last[name] = self._last.get(name, 0) + 1
        return name if number == 1 else f"{name}#{number}"

    def site(self, what: str) -> str:
        """The name of the next place of its kind: `undefined#1`."""
        self._sites[what] = self._sites.get(what, 0) + 1
        return f"{what}#{self._sites[what]}"

    def scope(self) -> Scope:
        """A fresh outermost scope."""
        return Scope()

    # ------------------------------------------------------------ keeping values

    def bind(self, name: str, expr: ir.Expr, span: Span) -> ir.Local:
        """Keep the present value of an expression in a fresh local."""
        local = ir.Local(self.fresh(name), expr.width)
        self.emit(ir.Set(local.name, expr, span))
        return local

    def is_stable(self, expr: ir.Expr) -> bool:
        """Whether no later statement of the clause can change the expression's value."""
        for node in ir.subexpressions(expr):
            match node:
                case ir.Read() | ir.ReadElement() | ir.Input() | ir.Apply():
                    return False
                case ir.Local(name=name):
                    if name.split("#", 1)[0] in self.world.assigned_names:
                        return False
                case _:
                    pass
        return True

    def keep(self, value: Value, name: str, span: Span) -> Value:
        """A value that later statements do not change."""
        match value:
            case Typed(expr=expr):
                if self.is_stable(expr):
                    return value
                return Typed(self.bind(name, expr, span), value.layout, value.context)
            case Flex(op=op, args=args, span=where, site=site):
                return Flex(op, tuple(self.keep(a, name, span) for a in args), where, site)
            case Tuple(items=items):
                return Tuple(tuple(self.keep(item, name, span) for item in items))
            case _:
                return value

    def settle(self, values: list[Value], start: int, span: Span) -> list[Value]:
        """Keep earlier values as they were before the statements from `start` on were emitted."""
        added = tuple(self.block[start:])
        if not added:
            return values
        changed = footprint.writes(added) | footprint.bound_locals(added)
        if not changed:
            return values
        with self.capture() as kept:
            result = [
                self.keep(value, "t", span) if self._touches(value, changed) else value
                for value in values
            ]
        self.block[start:start] = kept
        return result

    def _touches(self, value: Value, changed: frozenset[str]) -> bool:
        match value:
            case Typed(expr=expr):
                names = footprint.expression_reads(expr) | footprint.expression_locals(expr)
                return bool(names & changed)
            case Flex(args=args) | Tuple(items=args):
                return any(self._touches(arg, changed) for arg in args)
            case _:
                return False

    # ------------------------------------------------------------ contexts

    def case(self, context: str, value: int) -> ir.Expr:
        """The condition that a decode context has a value."""
        return self.world.context_case(context, value)

    def need(self, context: str, span: Span) -> NeedContext:
        """The request to split the form, to be raised."""
        return NeedContext(context, span)

    # ------------------------------------------------------------ components

    def write_component(self, component: str, value: ir.Expr, span: Span) -> None:
        """Assign a scalar component; in an instruction, assigning the pc is a jump."""
        if self.kind == "form" and component == self.world.pc:
            self.emit(ir.Jump(value, span))
        else:
            self.emit(ir.Write(component, value, span))

    def guarded(self, condition: ir.Expr, action: Callable[[], None], span: Span) -> None:
        """Do something only where `condition` holds."""
        if condition == bits.FALSE:
            return
        if condition == bits.TRUE:
            action()
            return
        with self.capture() as block:
            action()
        if block:
            self.emit(ir.If(condition, tuple(block), (), span))
