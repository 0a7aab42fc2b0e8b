"""Values of the machine's state, as text."""

from __future__ import annotations

from collections.abc import Mapping

from popek.isa import ir
from popek.terms import ArrayValue

#: Stands for the index of all elements of a bank or memory that are not shown one by one.
REST = "..."

State = Mapping[str, int | ArrayValue]


def scalars(isa: ir.Isa, *states: State) -> tuple[dict[str, int], ...]:
    """The states with an entry per element: `E[12]`, and `E[...]` for the rest of a bank.

    Each has the elements that any of them names.
    """
    indices: dict[str, set[int]] = {}
    for state in states:
        for name, value in state.items():
            if isinstance(value, ArrayValue):
                indices.setdefault(name, set()).update(value.entries)
    result: tuple[dict[str, int], ...] = tuple({} for _ in states)
    for flat, state in zip(result, states, strict=True):
        for name, value in state.items():
            if isinstance(value, ArrayValue):
                for index in sorted(indices[name]):
                    flat[f"{name}[{_index(isa, name, index)}]"] = value.select(index)
                if not _whole(isa, name, indices[name]):
                    flat[f"{name}[{REST}]"] = value.default
            else:
                flat[name] = value
    return result


def _index(isa: ir.Isa, name: str, index: int) -> str:
    """A banked register's copy is named by its level; an address is hexadecimal."""
    component = isa.components.get(name)
    if component is not None and component.banked and index < len(isa.mode.levels):
        return isa.mode.levels[index].name
    return str(index) if component is not None or index < 10 else f"{index:#x}"


def _whole(isa: ir.Isa, name: str, indices: set[int]) -> bool:
    component = isa.components.get(name)
    return component is not None and component.size is not None and len(indices) >= component.size


def component_of(key: str) -> str:
    """`E` of `E[12]`."""
    return key.partition("[")[0]


def width_of(isa: ir.Isa, key: str) -> int:
    """The bits of a component, or of an element of a bank or memory."""
    name = component_of(key).removesuffix("@host")
    if name in isa.components:
        return isa.components[name].width
    return isa.memories[name].width if name in isa.memories else 64


def brief(value: int, width: int) -> str:
    """Small numbers and fields in decimal, others in hexadecimal."""
    return str(value) if width <= 4 or value < 10 else f"{value:#x}"


def in_full(value: int, width: int) -> str:
    """`0xfffe = 65534 = -2`: also without sign and, where the top bit is set, with sign."""
    short = brief(value, width)
    parts = [short]
    if short != str(value) and value < 1 << 32:
        parts.append(str(value))
    if width > 4 and value >> (width - 1):
        parts.append(str(value - (1 << width)))
    return " = ".join(parts)
