"""What names, fields and elements denote: places and values."""

from __future__ import annotations

from popek.diagnostics import Note
from popek.isa import bits, calls, expressions, fields, ir, places, views
from popek.isa.clause import Clause
from popek.isa.definitions import (
    Clock,
    Device,
    Element,
    Known,
    Register,
    Space,
)
from popek.isa.errors import Poisoned, fail, unknown
from popek.isa.scope import Scope
from popek.isa.values import Poison, RowOf, Static, Typed, Value, Varying, Word
from popek.syntax import tree


def name(clause: Clause, scope: Scope, node: tree.Name) -> Value:
    """What a name means here."""
    local = scope.get(node.id)
    if local is not None:
        if isinstance(local, Poison):
            raise Poisoned
        if isinstance(local, RowOf) and not local.member.family.formals:
            return calls.row_value(clause, local, node.span)
        return local
    world = clause.world
    if node.id == "pc" and world.pc:
        return Typed(ir.Read(world.pc, world.pc_width))
    if node.id == "next" and clause.next_address is not None:
        return Typed(clause.next_address)
    found = world.lookup(node.id)
    match found:
        case None:
            raise _unknown(clause, scope, node)
        case Register():
            return fields.register(clause, found, None, node.span)
        case Element(register=owner, index=index):
            whole = world.lookup(owner)
            assert isinstance(whole, Register)
            width = (
                world.components[owner].index_width if whole.whole else fields.index_width(whole)
            )
            return fields.register(clause, whole, bits.const(index, width), node.span)
        case Known(value=value):
            return value
        case Clock(name=clock, width=width):
            return places.ClockReading(width, None, node.span, clock)
        case tree.Constant():
            return world.constant(found, node.span)
        case tree.Parameter():
            width, layout = world.type_of(found.type)
            if clause.parameters_static and found.value is not None:
                return Typed(bits.const(world.number(found.value), width), layout)
            return places.ReadOnly(width, layout, node.span, found.name)
        case tree.Alias():
            if found.params is not None:
                raise fail(
                    "E0206",
                    f"`{node.id}` takes {len(found.params)} arguments",
                    node.span,
                    notes=[Note(found.span, "declared here")],
                )
            return views.alias(clause, found, [], node.span)
        case tree.Mode():
            assert found.alias is not None
            return expressions.denote(clause, clause.scope(), found.alias)
        case tree.Context():
            if node.id in clause.contexts:
                return Static(clause.contexts[node.id])
            return Varying(node.id, tuple((number, number) for number in found.values))
        case tree.Function() | tree.AbstractFunction() if not found.params:
            raise fail(
                "E0205", f"`{node.id}` is a function", node.span, hint=f"call it: `{node.id}()`"
            )
        case Space() | Device() | tree.Bank():
            raise fail("E0205", f"`{node.id}` needs an index", node.span, hint=f"`{node.id}[...]`")
        case tree.Family():
            raise fail("E0205", f"`{node.id}` is not a family of this instruction", node.span)
        case _:
            raise fail("E0205", f"`{node.id}` is a function, not a value", node.span)


def _unknown(clause: Clause, scope: Scope, node: tree.Name) -> Exception:
    found = clause.world.declarations
    if node.id in found.traps:
        return fail("E0205", f"`{node.id}` is a trap, not a value", node.span)
    if node.id in found.operands or node.id in found.immediates:
        return fail("E0403", f"this encoding has no operand `{node.id}`", node.span)
    known = [*scope, *clause.world.names, "pc", "next"]
    return unknown("name", node.id, node.span, known)


def word(clause: Clause, scope: Scope, node: tree.Name) -> Word | None:
    """A name that is meant as a mnemonic, because it is compared with one."""
    for family in clause.world.declarations.families.values():
        if any(row.name == node.id for row in family.rows):
            return Word(node.id)
    for instruction in clause.world.declarations.instructions:
        if node.id in clause.world.declarations.words_of(instruction):
            return Word(node.id)
    return None
