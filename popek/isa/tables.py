"""Operand tables in one form: conditions, what follows in the code, printed forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from popek.diagnostics import did_you_mean
from popek.isa import bits, encodings, expressions, ir
from popek.isa.clause import Clause
from popek.isa.errors import fail, unknown
from popek.isa.operands import OperandPlace, OperandPlan, RowPlan
from popek.isa.scope import Scope
from popek.isa.values import Static, Typed, Value, Varying
from popek.source import Span
from popek.syntax import tree

_HOLE = re.compile(r"\{([^{}]*)\}")


def plan(
    clause: Clause,
    fields: Scope,
    kind: tree.Operand,
    args: Sequence[Value],
    prefix: str | None,
    span: Span,
    seen: tuple[str, ...] = (),
) -> OperandPlan:
    """The table of an operand; rows whose conditions cannot hold in this form are dropped."""
    if kind.name in seen:
        raise fail("E0204", f"the operand `{kind.name}` is defined in terms of itself", kind.span)
    if len(args) != len(kind.params):
        raise fail(
            "E0206",
            f"the operand `{kind.name}` takes {len(kind.params)} "
            f"argument{'s' if len(kind.params) != 1 else ''}, not {len(args)}",
            span,
        )
    own = prefix if kind.layout else None
    scope = Scope(fields)
    for param, arg in zip(kind.params, args, strict=True):
        scope.bind(param.name, arg)
    held: dict[str, ir.Field] = {}
    for item in kind.layout:
        if isinstance(item, tree.EncField):
            held[item.name] = ir.Field(_named(own, item.name), item.width)
            scope.bind(item.name, Typed(held[item.name]))
    result = OperandPlan(prefix or kind.name, [], held, span)
    if all(isinstance(arg, Static) for arg in args):
        contexts = tuple(sorted(clause.contexts.items()))
        result.key = (kind.name, tuple(args), prefix, contexts, clause.fields_key)
    for row in kind.rows:
        clause.spend(row.span)
        made = _row(clause, scope, kind, row, prefix, own, (*seen, kind.name), result)
        if made is not None:
            result.rows.append(made)
    if not result.rows:
        raise fail("E0404", f"no row of the operand `{kind.name}` fits here", span)
    return result


def _named(prefix: str | None, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _row(
    clause: Clause,
    table: Scope,
    kind: tree.Operand,
    row: tree.OperandRow,
    prefix: str | None,
    own: str | None,
    seen: tuple[str, ...],
    owner: OperandPlan,
) -> RowPlan | None:
    found = clause.world.declarations
    scope = Scope(table)
    conditions: list[ir.Expr] = []
    extension: list[ir.EncodingItem | OperandPlan] = []
    nested: dict[str, OperandPlan] = {}
    for item in row.pattern:
        match item:
            case tree.EncEqual():
                condition = _condition(clause, scope, item)
                if condition == bits.FALSE:
                    return None
                conditions.append(condition)
            case tree.EncName(name=name) if name in found.tokens:
                token = found.tokens[name]
                for part in token.items:
                    if isinstance(part, tree.EncField):
                        place = ir.Field(_named(own, part.name), part.width)
                        owner.fields[part.name] = place
                        scope.bind(part.name, Typed(place))
                extension.extend(
                    encodings.token_items(clause.world, token, lambda n: _named(own, n))
                )
            case tree.EncName(name=name) if name in found.immediates:
                width = encodings.immediate_width(clause, name)
                place = ir.Field(_named(own, name), width)
                owner.fields[name] = place
                scope.bind(name, Typed(place))
                extension.append(ir.ImmediateBits(place.name, width))
            case tree.EncName(name=name) if name in found.operands:
                kind_of = found.operands[name]
                args = [_passed(scope, param, item.span) for param in kind_of.params]
                inner = plan(clause, scope, kind_of, args, prefix, item.span, seen)
                inner.place = OperandPlace(inner)
                nested[name] = inner
                scope.bind(name, inner.place)
                extension.append(inner)
            case tree.EncName(name=name):
                known = [*found.tokens, *found.immediates, *found.operands]
                raise unknown("token, immediate or operand", name, item.span, known, "E0403")
            case _:
                raise fail(
                    "E0407",
                    "a row of an operand has conditions, tokens, immediates and operands",
                    item.span,
                )
    template = parse_template(clause, row.syntax, row.span, _holes(scope, nested))
    parts = tuple(part for part in template if not isinstance(part, int))
    return RowPlan(
        row, bits.and_(*conditions), scope, tuple(extension), parts, tuple(nested.values())
    )


def _passed(scope: Scope, param: tree.Param, span: Span) -> Value:
    value = scope.get(param.name)
    if value is None:
        raise fail("E0206", f"the operand inside needs `{param.name}`", span)
    return value


def _condition(clause: Clause, scope: Scope, item: tree.EncEqual) -> ir.Expr:
    """`mod=11`: on a field, a context or a parameter of the operand."""
    value = scope.get(item.name)
    if value is None and clause.world.context(item.name) is None:
        width = clause.world.prefix_fields.get(item.name)
        if width is None:
            raise fail(
                "E0403",
                f"the encoding of this form has no field `{item.name}`",
                item.span,
                hint=did_you_mean(item.name, [*scope, *clause.world.prefix_fields]),
            )
        value = Typed(ir.Field(item.name, width))
    if value is None:
        name = tree.Name(item.name, span=item.span)
        value = expressions.value(clause, scope, name)
        allowed = clause.world.declarations.contexts[item.name].values
        if encodings.number_text(item.value, None, item.span) not in allowed:
            raise fail("E0404", f"`{item.name}` is never {item.value}", item.span)
    if isinstance(value, Varying) and clause.world.context(item.name) is not None:
        return clause.case(item.name, encodings.number_text(item.value, None, item.span))
    if isinstance(value, Typed) and not isinstance(value.expr, ir.Const):
        wanted = encodings.number_text(item.value, value.width, item.span)
        return bits.eq(value.expr, bits.const(wanted, value.width))
    number = expressions.as_number(clause, value, item.span)
    width = value.width if isinstance(value, Typed) else None
    same = number == encodings.number_text(item.value, width, item.span)
    return bits.TRUE if same else bits.FALSE


# ---------------------------------------------------------------- templates

Hole: TypeAlias = "Value | OperandPlan | int | str | None"
Look: TypeAlias = "Callable[[str], Hole]"


def _holes(scope: Scope, nested: dict[str, OperandPlan]) -> Look:
    def look(name: str) -> Hole:
        return nested[name] if name in nested else scope.get(name)

    return look


def parse_template(
    clause: Clause,
    text: str,
    span: Span,
    look: Look,
) -> tuple[ir.TemplatePart | OperandPlan | int, ...]:
    """The parts of a printed form: text, fields, and operands (by number or plan)."""
    parts: list[ir.TemplatePart | OperandPlan | int] = []
    end = 0
    for hole in _HOLE.finditer(text):
        if hole.start() > end:
            parts.append(ir.TemplateText(text[end : hole.start()]))
        end = hole.end()
        parts.append(_hole(clause, hole.group(1).strip(), span, look))
    if end < len(text):
        parts.append(ir.TemplateText(text[end:]))
    return tuple(parts)


def _hole(
    clause: Clause,
    inside: str,
    span: Span,
    look: Look,
) -> ir.TemplatePart | OperandPlan | int:
    name, _, table = (part.strip() for part in inside.partition("|"))
    value = look(name)
    words: tuple[str, ...] = ()
    if table and table != "signed":
        found = clause.world.declarations.names.get(table)
        if found is None:
            raise unknown("list of names", table, span, clause.world.declarations.names)
        words = found.words
    match value:
        case OperandPlan() | int():
            return value
        case Typed(expr=ir.Field(name=field, width=width)):
            if words and len(words) < 1 << width:
                words = (*words, *(str(n) for n in range(len(words), 1 << width)))
            return ir.TemplateField(field, words, table == "signed")
        case Typed(expr=ir.Const(value=number)) | Static(value=number):
            return ir.TemplateText(words[number] if words else str(number))
        case Varying(context=context):
            raise clause.need(context, span)
        case str():
            return ir.TemplateText(value)
        case None:
            raise fail("E0409", f"there is no field or operand `{name}` to print", span)
        case _:
            raise fail("E0409", f"`{name}` is no field of the encoding", span)
