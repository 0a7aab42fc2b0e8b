"""What every part of a design's elaboration shares: names, mistakes, and values of the state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from popek.diagnostics import Collector, PopekError
from popek.isa import expressions, ir
from popek.isa.clause import Clause
from popek.isa.errors import NeedContext, Poisoned, fail
from popek.isa.scope import Scope
from popek.isa.world import World
from popek.source import Span
from popek.syntax import design_tree, tree

_T = TypeVar("_T")
_S = TypeVar("_S")

#: The items that are blocks of rows.
BLOCKS = (
    design_tree.Held,
    design_tree.Vcpu,
    design_tree.Arrangement,
    design_tree.Policy,
    design_tree.Cost,
)

#: What a rule can name beside instructions: the proved classes, and all of them.
CLASSES = ("innocuous", "privileged", "guarded", "critical", "everything")


@dataclass(frozen=True)
class Reading:
    """A file that is being elaborated, over the names of its spec and those that it adds."""

    isa: ir.Isa
    world: World
    collector: Collector
    items: tuple[design_tree.Item, ...]

    def attempt(self, action: Callable[..., _T], *args: object) -> _T | None:
        """What the action gives; None where it finds a mistake, which is collected."""
        try:
            return action(*args)
        except PopekError as error:
            self.collector.extend(error)
        except NeedContext as need:
            message = f"`{need.context}` is known only inside an instruction"
            self.collector.add("E0312", message, need.span)
        except Poisoned:
            pass
        return None

    def all(self, items: Iterable[_S], make: Callable[[_S], _T]) -> list[_T]:
        """What is made of each that has no mistake."""
        made = [self.attempt(make, item) for item in items]
        return [one for one in made if one is not None]

    def rows(self, kind: type[_S]) -> list[_S]:
        """The rows of one kind, of all blocks."""
        return [
            row
            for item in self.items
            if isinstance(item, BLOCKS)
            for row in item.rows
            if isinstance(row, kind)
        ]

    def pure(self, node: tree.Expr, width: int) -> ir.Expr:
        """An expression over the parameters, the machine and the virtual CPU."""
        clause = Clause(self.world)
        expr = expressions.coerced(clause, Scope(), node, width, "value")
        if clause.block:
            raise fail("E1004", "this is not a value of the state alone", node.span)
        return expr

    def predicate(self, node: tree.Expr, title: str | None, span: Span) -> ir.Predicate:
        clause = Clause(self.world)
        test = expressions.condition(clause, Scope(), node)
        return ir.Predicate(tuple(clause.block), test.expr, title or node.span.text, span)
