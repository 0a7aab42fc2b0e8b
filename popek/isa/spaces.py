"""Indexing memories, address spaces and devices."""

from __future__ import annotations

from popek.isa import bits, expressions, ir, places
from popek.isa.clause import Clause
from popek.isa.definitions import Device, Space
from popek.isa.errors import fail
from popek.isa.scope import Scope
from popek.isa.values import Plain, Tuple, Typed, Value
from popek.source import Span
from popek.syntax import tree

UNITS_LIMIT = 512


def coerce_index(clause: Clause, value: Plain, width: int, span: Span, what: str) -> ir.Expr:
    """An index: narrower ones are zero-extended, wider ones are an error."""
    if isinstance(value, Typed):
        if value.width > width:
            if value.context:
                raise clause.need(value.context, span)
            raise fail(
                "E0311",
                f"an index of {value.width} bits where {what} has {width}",
                span,
                label=f"u{value.width}",
                hint="`trunc` or a slice makes a value narrower",
            )
        return bits.zext(value.expr, width)
    return expressions.coerce(clause, value, width, span, "index")


def flattened(values: list[Plain]) -> list[Plain]:
    """Index values with pairs such as an operand's `segment : offset` spread out."""
    result: list[Plain] = []
    for value in values:
        if isinstance(value, Tuple):
            result.extend(item for item in value.items if not isinstance(item, places.Place))
        else:
            result.append(value)
    return result


def cell(clause: Clause, scope: Scope, space: Space, node: tree.Index) -> places.Place:
    """`mem[args]` or `mem[args, n]`: n units."""
    values = flattened(expressions.values(clause, scope, node.args))
    units = 1
    if len(values) == len(space.params) + 1:
        units = expressions.as_number(clause, values.pop(), node.args[-1].span)
        if not 1 <= units <= UNITS_LIMIT:
            raise fail("E0311", f"an access of {units} units", node.args[-1].span)
    if len(values) != len(space.params):
        raise fail(
            "E0206",
            f"`{space.name}` takes {len(space.params)} indices and a number of units, "
            f"not {len(values)}",
            node.span,
        )
    spans = [arg.span for arg in node.args]
    args = tuple(
        coerce_index(
            clause, value, width, spans[min(i, len(spans) - 1)], f"`{space.name}`'s {param}"
        )
        for i, (value, (param, width)) in enumerate(zip(values, space.params, strict=True))
    )
    return places.MemoryCell(units * space.unit, None, node.span, space.name, args, units)


def port(clause: Clause, scope: Scope, device: Device, node: tree.Index) -> Value:
    """`port[a]` or `port[a, n]`."""
    args, units = _device_index(clause, scope, device, node)
    if device.unit is None:
        raise fail(
            "E0205",
            f"`{device.name}` is used through its operations",
            node.span,
            hint=", ".join(f"`{device.name}[..].{name}(..)`" for name in device.operations),
        )
    return places.DeviceCell(units * device.unit, None, node.span, device.name, args)


def _device_index(
    clause: Clause, scope: Scope, device: Device, node: tree.Index
) -> tuple[tuple[ir.Expr, ...], int]:
    values = flattened(expressions.values(clause, scope, node.args))
    wanted = 1 if device.sized else 0
    units = 1
    if len(values) == wanted + 1:
        units = expressions.as_number(clause, values.pop(), node.args[-1].span)
        if not 1 <= units <= UNITS_LIMIT:
            raise fail("E0311", f"an access of {units} units", node.args[-1].span)
    if len(values) != wanted:
        raise fail("E0206", f"`{device.name}` takes {wanted} index, not {len(values)}", node.span)
    args = tuple(
        coerce_index(clause, value, device.index_width, node.span, f"`{device.name}`")
        for value in values
    )
    return args, units


def operation(clause: Clause, scope: Scope, node: tree.Call, get: tree.Get) -> Value | None:
    """`channel[x].start(y)`, `console.reset()`; None if it is not a device's operation."""
    base = get.base
    owner = base.base if isinstance(base, tree.Index) else base
    if not isinstance(owner, tree.Name) or scope.get(owner.id) is not None:
        return None
    device = clause.world.lookup(owner.id)
    if not isinstance(device, Device):
        return None
    found = device.operations.get(get.field)
    if found is None:
        raise expressions.unknown_field(
            device.name, get.field, list(device.operations), get.span, "operation"
        )
    place: tuple[ir.Expr, ...] = ()
    if isinstance(base, tree.Index):
        place, _ = _device_index(clause, scope, device, base)
    elif device.sized:
        raise fail("E0205", f"`{device.name}` needs an index", node.span)
    if len(node.args) != len(found.params):
        raise fail(
            "E0206",
            f"`{get.field}` takes {len(found.params)} arguments, not {len(node.args)}",
            node.span,
        )
    args: list[ir.Expr] = []
    for param, value, arg in zip(
        found.params, expressions.values(clause, scope, node.args), node.args, strict=True
    ):
        if param.type is None:
            raise fail("E0304", f"`{param.name}` needs a type", param.span)
        width = clause.world.width_of(param.type)
        args.append(expressions.coerce(clause, value, width, arg.span, "argument"))
    if found.result is None:
        clause.emit(ir.DeviceOutput(device.name, get.field, (*place, *args), node.span))
        return Tuple(())
    width, layout = clause.world.type_of(found.result)
    local = ir.Local(clause.fresh(get.field), width)
    clause.emit(
        ir.DeviceInput(local.name, device.name, get.field, (*place, *args), width, node.span)
    )
    return Typed(local, layout)
