"""Local names: a chain of blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from popek.isa.values import Value


class Scope:
    """Names of one block, over those of the blocks around it."""

    def __init__(self, parent: Scope | None = None, names: Mapping[str, Value] | None = None):
        self.parent = parent
        self.names: dict[str, Value] = dict(names or {})

    def get(self, name: str) -> Value | None:
        """The value of a local name, or None."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def bind(self, name: str, value: Value) -> None:
        """Add a name, hiding one of the same name around it."""
        self.names[name] = value

    def __iter__(self) -> Iterator[str]:
        scope: Scope | None = self
        while scope is not None:
            yield from scope.names
            scope = scope.parent
