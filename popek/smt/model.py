"""Models as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from popek.terms import Array, ArrayValue, Function, FunctionValue, Symbol, Value


@dataclass(frozen=True, slots=True)
class Model(Mapping[str, Value]):
    """Values by name, as `popek.terms.evaluate` takes them.

    A solver may leave out a name on whose value nothing depends: `completed` gives it a value.
    """

    assigned: Mapping[str, Value] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Value:
        return self.assigned[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.assigned)

    def __len__(self) -> int:
        return len(self.assigned)

    def completed(self, symbols: Iterable[Symbol]) -> Model:
        """The same model with zero, or zero everywhere, for the symbols that it leaves out."""
        return Model({**{s.name: _zero(s) for s in symbols}, **self.assigned})


def _zero(symbol: Symbol) -> Value:
    if isinstance(symbol, Function):
        return FunctionValue()
    return ArrayValue() if isinstance(symbol.sort, Array) else 0
