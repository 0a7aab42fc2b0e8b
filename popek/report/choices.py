"""What the host does with a control or loadable, as text: read, and shown."""

from __future__ import annotations

from collections.abc import Mapping

from popek.diagnostics import did_you_mean
from popek.isa import ir
from popek.theory.direct import Binding
from popek.theory.host import Value, choosable


def parse_setting(text: str) -> tuple[str, int | str]:
    """`FIELD = VALUE`, as `--host` takes it; raises ValueError."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name and equals and value):
        raise ValueError(f"`{text}` is not of the form `FIELD = VALUE`")
    if value.casefold() in {b.value for b in Binding}:
        return name, value.casefold()
    try:
        return name, int(value, 0)
    except ValueError:
        raise ValueError(
            f"`{value}` is no value: give a number (`3`, `0x3`, `0b11`), `loaded` or `held`"
        ) from None


def checked_host(isa: ir.Isa, settings: Mapping[str, int | str]) -> dict[str, Value]:
    """The settings with the names as the spec writes them.

    Raises ValueError, with a hint, for a field that is not the host's to choose or a value that it
    cannot have.
    """
    known = {c.name: c for c in choosable(isa)}
    result: dict[str, Value] = {}
    for given, value in settings.items():
        name = next((n for n in known if n.casefold() == given.casefold()), None)
        if name is None:
            raise ValueError(_unknown(isa, given, known))
        if name in result:
            raise ValueError(f"{name} is given twice")
        result[name] = _checked_value(known[name], value)
    return result


def _checked_value(component: ir.Component, value: int | str) -> Value:
    name, loadable = component.name, component.role is ir.Role.LOADABLE
    if isinstance(value, int):
        if loadable:
            raise ValueError(f"{name} is loadable: its value is `loaded` or `held`, not {value}")
        if not 0 <= value < 1 << component.width:
            raise ValueError(f"{name} has {component.width} bits; {value} does not fit")
        return value
    if value not in {b.value for b in Binding}:
        raise ValueError(f"`{value}` is no value for {name}: a number, `loaded` or `held`")
    binding = Binding(value)
    if binding is Binding.HELD and not loadable:
        raise ValueError(f"{name} is a control, always held: its value is a number or `loaded`")
    return binding


def _unknown(isa: ir.Isa, given: str, known: Mapping[str, ir.Component]) -> str:
    component = next(
        (c for n, c in isa.components.items() if n.casefold() == given.casefold()), None
    )
    if component is None:
        fields = [n for n in isa.components if n.startswith(f"{given}.")]
        hint = did_you_mean(given, known) or did_you_mean(given, isa.components)
        if fields:
            hint = f"its fields are {', '.join(fields)}"
        return f"{isa.title} has no component {given}" + (f"; {hint}" if hint else "")
    if component.role in (ir.Role.CONTROL, ir.Role.LOADABLE):
        why = (
            "given by its `host` clause" if component.host is not None else "given by an invariant"
        )
        if component.size is not None:
            why = "an array"
        return f"{component.name} is {why}, so it is not the host's to choose"
    choice = ", ".join(known)
    rest = f"the host chooses {choice}" if choice else "this spec leaves the host no choice"
    return f"{component.name} has the role {component.role}; {rest}"


def checked_level(isa: ir.Isa, given: str) -> str:
    """The level of the mode with this name; raises ValueError."""
    names = [level.name for level in isa.mode.levels]
    for name in names:
        if name.casefold() == given.casefold():
            return name
    hint = did_you_mean(given, names) or f"its levels are {', '.join(names)}"
    raise ValueError(f"{isa.mode.name} has no level {given}; {hint}")


def shown_value(value: Value) -> int | str:
    """A constant as a number, else `loaded` or `held`."""
    return value.value if isinstance(value, Binding) else value


def shown_settings(host: Mapping[str, Value | str]) -> str:
    """`CR0.TS = 1 and CR4.TSD = 1`."""
    return " and ".join(
        f"{name} = {v.value if isinstance(v, Binding) else v}" for name, v in host.items()
    )
