"""The height of trees, measured without recursion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, is_dataclass

from popek.diagnostics import Collector
from popek.source import Span
from popek.syntax import design_tree, tree
from popek.syntax.limits import DEPTH


def check_depth(
    items: Iterable[tree.Item | design_tree.Item], heavy: set[int], found: Collector
) -> None:
    """Report the items among those that start at `heavy` whose tree is too high."""
    if not heavy:
        return
    for item in items:
        if item.span.start in heavy:
            place = _too_deep(item)
            if place is not None:
                found.add(
                    "E0801",
                    f"more than {DEPTH} expressions or blocks inside each other",
                    place,
                    hint="name the inner parts with `let` or a function",
                )


def _too_deep(item: tree.Item | design_tree.Item) -> Span | None:
    todo: list[tuple[object, int]] = [(item, 0)]
    while todo:
        node, depth = todo.pop()
        if isinstance(node, tuple):
            todo += [(part, depth) for part in node]
        elif is_dataclass(node):
            parts = {field.name: getattr(node, field.name) for field in fields(node)}
            span: Span = parts.pop("span")
            if depth > DEPTH:
                return span
            todo += [(part, depth + 1) for part in parts.values()]
    return None
