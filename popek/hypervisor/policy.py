"""The rules and handlers of a design: what becomes of instructions, and of traps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from popek.diagnostics import Note
from popek.hypervisor.design import Disposition, Handler, Rule
from popek.hypervisor.reading import CLASSES, Reading
from popek.isa import effects, ir, statements
from popek.isa.clause import Clause
from popek.isa.errors import fail, unknown
from popek.isa.layouts import Layout
from popek.isa.scope import Scope
from popek.isa.values import Typed
from popek.isa.world import World
from popek.syntax import design_tree, tree


@dataclass(frozen=True)
class Policy:
    """Reads the rows of `instructions`, and the `on` blocks."""

    reading: Reading

    def rules(self) -> tuple[Rule, ...]:
        """The rules, in their order."""
        return tuple(self.reading.all(self.reading.rows(design_tree.Rule), self._rule))

    def _rule(self, row: design_tree.Rule) -> Rule:
        known = {
            word
            for instruction in self.reading.world.declarations.instructions
            for word in self.reading.world.declarations.words_of(instruction)
        }
        known |= {*CLASSES, *self.reading.isa.groups}
        for name in row.names:
            if name not in known:
                raise unknown("instruction, group or class", name, row.span, known)
        condition = None
        if row.condition is not None:
            condition = self.reading.predicate(row.condition, None, row.span)
        return Rule(row.names, condition, Disposition(row.disposition), row.title or "", row.span)

    def handlers(self) -> dict[str, Handler]:
        """The handlers, by their traps."""
        found: dict[str, Handler] = {}
        for item in self.reading.items:
            if not isinstance(item, design_tree.On):
                continue
            for name in item.traps:
                handler = self.reading.attempt(self._handler, item, name)
                if handler is None:
                    continue
                if name in found:
                    notes = [Note(found[name].span, "the first one")]
                    message = f"`{name}` is handled twice"
                    self.reading.collector.add("E0203", message, item.span, notes=notes)
                found[name] = handler
        return found

    def _handler(self, item: design_tree.On, name: str) -> Handler:
        trap = self.reading.isa.traps.get(name)
        if trap is None:
            raise unknown("trap", name, item.span, self.reading.isa.traps)
        if item.params and len(item.params) != len(trap.params):
            raise fail(
                "E0206",
                f"`{name}` has {len(trap.params)} arguments, not {len(item.params)}",
                item.span,
                notes=[Note(trap.span, "declared here")],
            )
        clause = Clause(self.reading.world, "handler")
        clause.handled = trap
        scope = Scope()
        for param, own in zip(item.params, trap.params, strict=False):
            local = ir.Local(statements.argument(own.name), own.width)
            scope.bind(
                param.name, Typed(local, _layout_of(self.reading.world, trap.name, own.name))
            )
        statements.run(clause, scope, item.body)
        return Handler(name, tuple(clause.block), item.span)


def _layout_of(world: World, trap: str, param: str) -> Layout | None:
    """The layout of a trap's parameter, if its type has one."""
    for declared in world.declarations.traps[trap].params:
        if declared.name == param and declared.type is not None:
            return world.type_of(declared.type)[1]
    return None


def assigned(items: Iterable[design_tree.Item]) -> Iterator[str]:
    """The plain names that some handler assigns."""
    for item in items:
        if isinstance(item, design_tree.On):
            for stmt in effects.all_statements(item.body):
                match stmt:
                    case tree.Assign(target=tree.Name(id=name)):
                        yield name
                    case _:
                        pass
