"""Operators: numbers are computed, open values take their neighbour's width."""

from __future__ import annotations

from collections.abc import Callable

from popek.diagnostics import Note
from popek.isa import bits, branches, expressions, ir, naming, places
from popek.isa.clause import Clause
from popek.isa.errors import fail, unknown
from popek.isa.ir import Op
from popek.isa.scope import Scope
from popek.isa.values import (
    FALSE,
    TRUE,
    Flex,
    Plain,
    Static,
    Typed,
    Value,
    Varying,
    Word,
    context_of,
    describe,
    materialize,
)
from popek.isa.widths import check_width
from popek.source import Span
from popek.syntax import tree

_ARITHMETIC = {
    "+": Op.ADD,
    "-": Op.SUB,
    "*": Op.MUL,
    "*s": Op.MUL,
    "/": Op.UDIV,
    "%": Op.UREM,
    "/s": Op.SDIV,
    "%s": Op.SREM,
    "&": Op.AND,
    "|": Op.OR,
    "^": Op.XOR,
}
_SHIFTS = {"<<": Op.SHL, ">>": Op.LSHR, ">>s": Op.ASHR}
#: operator -> (operator of the IR, sides exchanged, negated)
_COMPARISONS = {
    "==": (Op.EQ, False, False),
    "!=": (Op.EQ, False, True),
    "<": (Op.ULT, False, False),
    "<=": (Op.ULE, False, False),
    ">": (Op.ULT, True, False),
    ">=": (Op.ULE, True, False),
    "<s": (Op.SLT, False, False),
    "<=s": (Op.SLE, False, False),
    ">s": (Op.SLT, True, False),
    ">=s": (Op.SLE, True, False),
}
_NUMBERS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "*s": lambda a, b: a * b,
    "/": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "/s": lambda a, b: abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1),
    "%s": lambda a, b: abs(a) % abs(b) * (1 if a >= 0 else -1),
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "<<": lambda a, b: a << b,
    ">>": lambda a, b: a >> b,
    ">>s": lambda a, b: a >> b,
    "**": lambda a, b: a**b,
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    "<=": lambda a, b: int(a <= b),
    ">": lambda a, b: int(a > b),
    ">=": lambda a, b: int(a >= b),
    "<s": lambda a, b: int(a < b),
    "<=s": lambda a, b: int(a <= b),
    ">s": lambda a, b: int(a > b),
    ">=s": lambda a, b: int(a >= b),
}
_EXPONENT_LIMIT = 1 << 14


def unary(clause: Clause, scope: Scope, node: tree.Unary) -> Value:
    """`-e`, `~e`, `not e`."""
    if node.op == "not":
        found = expressions.condition(clause, scope, node.operand)
        return Typed(bits.not_(found.expr), None, found.context)
    plain = expressions.value(clause, scope, node.operand)
    match plain:
        case Static(value=number) if node.op == "-":
            return Static(-number)
        case Varying(context=context, cases=cases) if node.op == "-":
            return Varying(context, tuple((key, -number) for key, number in cases))
        case Static() | Flex() | Varying():
            return Flex("neg" if node.op == "-" else "not", (plain,), node.span)
        case Typed(expr=expr, context=context):
            result = bits.neg(expr) if node.op == "-" else bits.not_(expr)
            return Typed(result, None, context)
        case _:
            raise _no_number(plain, node.operand.span)


def _no_number(plain: Plain, span: Span) -> Exception:
    return fail("E0310", "a number is needed here", span, label=describe(plain))


def binary(clause: Clause, scope: Scope, node: tree.Binary) -> Value:
    """An operator with two sides."""
    if node.op in ("and", "or"):
        return branches.short_circuit(clause, scope, node)
    if node.op == "@":
        return _concatenation(clause, scope, node)
    if node.op in ("==", "!="):
        words = _words(clause, scope, node)
        if words is not None:
            return words
    left, right = expressions.values(clause, scope, (node.left, node.right))
    return combine(clause, node, left, right)


def combine(clause: Clause, node: tree.Binary, left: Plain, right: Plain) -> Plain:
    """An operator applied to two values."""
    op = node.op
    for side, tree_side in ((left, node.left), (right, node.right)):
        if not isinstance(side, Static | Varying | Typed | Flex):
            raise _no_number(side, tree_side.span)
    computed = _computed(clause, node, left, right)
    if computed is not None:
        return computed
    context = context_of(left) or context_of(right)
    if op in _SHIFTS:
        return _shift(clause, node, left, right, context)
    if op == "**":
        raise fail("E0312", "`**` is for numbers that are known when the spec is read", node.span)
    if op in _COMPARISONS:
        ir_op, exchanged, negated = _COMPARISONS[op]
        a, b = _sides(clause, node, left, right)
        if a is None or b is None:
            raise fail(
                "E0304",
                f"nothing determines the width at which `{op}` compares",
                node.span,
                hint="give one side a width: `zext(e, 32)`",
            )
        expr = bits.binary(ir_op, b, a) if exchanged else bits.binary(ir_op, a, b)
        return Typed(bits.not_(expr) if negated else expr, None, context)
    a, b = _sides(clause, node, left, right)
    if a is None or b is None:
        return Flex(_ARITHMETIC[op].value, (left, right), node.span)
    return Typed(bits.binary(_ARITHMETIC[op], a, b), None, context)


def _computed(clause: Clause, node: tree.Binary, left: Plain, right: Plain) -> Plain | None:
    """The result if both sides are numbers, or numbers by decode context."""
    compute = _NUMBERS.get(node.op)
    if compute is None:
        return None
    cases: tuple[tuple[int, int, int], ...]
    match left, right:
        case Static(value=a), Static(value=b):
            result = _apply(node, compute, a, b)
            return _boolean(result) if node.op in _COMPARISONS else Static(result)
        case Varying(context=context), Static(value=b):
            cases = tuple((key, a, b) for key, a in left.cases)
        case Static(value=a), Varying(context=context):
            cases = tuple((key, a, b) for key, b in right.cases)
        case Varying(context=context), Varying(context=other) if context == other:
            second = dict(right.cases)
            cases = tuple((key, a, second[key]) for key, a in left.cases)
        case Varying(context=context), Varying():
            raise clause.need(context, node.span)
        case _:
            return None
    return Varying(context, tuple((key, _apply(node, compute, a, b)) for key, a, b in cases))


def _boolean(result: int) -> Typed:
    return TRUE if result else FALSE


def _apply(node: tree.Binary, compute: Callable[[int, int], int], a: int, b: int) -> int:
    if node.op in ("/", "%", "/s", "%s") and b == 0:
        raise fail("E0312", "a division by zero", node.span)
    if node.op in ("**", "<<", ">>", ">>s") and not 0 <= b <= _EXPONENT_LIMIT:
        raise fail("E0805", f"the exponent {b} is not between 0 and {_EXPONENT_LIMIT}", node.span)
    result = compute(a, b)
    if abs(result).bit_length() > _EXPONENT_LIMIT:
        raise fail("E0805", "a number that is larger than popek computes with", node.span)
    return result


def _sides(
    clause: Clause, node: tree.Binary, left: Plain, right: Plain
) -> tuple[ir.Expr | None, ir.Expr | None]:
    """Both sides at one width; None, None if neither has one."""
    if isinstance(left, Typed) and isinstance(right, Typed):
        if left.width != right.width:
            context = left.context or right.context
            if context:
                raise clause.need(context, node.span)
            narrow = node.left if left.width < right.width else node.right
            raise fail(
                "E0301",
                f"the two sides of `{node.op}` have different widths",
                node.left.span,
                label=f"u{left.width}",
                notes=[Note(node.right.span, f"u{right.width}")],
                hint=f"write zext({narrow.span.text}) or sext({narrow.span.text})"
                if len(narrow.span.text) < 40
                else "write zext(..) or sext(..)",
            )
        return left.expr, right.expr
    if isinstance(left, Typed):
        return left.expr, _other(clause, right, left.width, node.right.span)
    if isinstance(right, Typed):
        return _other(clause, left, right.width, node.left.span), right.expr
    return None, None


def _other(clause: Clause, plain: Plain, width: int, span: Span) -> ir.Expr:
    expr = materialize(plain, width, span, clause.case)
    if expr is None:
        raise fail("E0310", f"a u{width} is needed here", span, label=describe(plain))
    return expr


def _shift(
    clause: Clause, node: tree.Binary, left: Plain, right: Plain, context: str | None
) -> Plain:
    amount = expressions.read(clause, right)
    if isinstance(left, Typed):
        if isinstance(amount, Typed):
            shift = amount.expr
        elif isinstance(amount, Static):
            needed = max(left.width, amount.value.bit_length())
            shift = expressions.coerce(clause, amount, needed, node.right.span, "amount")
        else:
            shift = expressions.coerce(clause, amount, left.width, node.right.span, "amount")
        return Typed(bits.shift(_SHIFTS[node.op], left.expr, shift), None, context)
    if isinstance(amount, Static | Flex | Varying):
        return Flex(_SHIFTS[node.op].value, (left, amount), node.span)
    raise fail(
        "E0304",
        f"nothing determines the width of the left side of `{node.op}`",
        node.left.span,
        label=describe(left),
        hint="write zext(.., width)",
    )


# ---------------------------------------------------------------- words, concatenation, sets


def _words(clause: Clause, scope: Scope, node: tree.Binary) -> Typed | None:
    """A comparison with `mnemonic` or a family's row."""
    for one, other in ((node.left, node.right), (node.right, node.left)):
        found = same_word(clause, scope, one, other)
        if found is not None:
            return _boolean(found == (node.op == "=="))
    return None


def same_word(clause: Clause, scope: Scope, subject: tree.Expr, pattern: tree.Expr) -> bool | None:
    """Whether a mnemonic is the one named; None if `subject` is no mnemonic."""
    if not isinstance(subject, tree.Name):
        return None
    known = scope.get(subject.id)
    if not isinstance(known, Word) and not (
        known is not None and isinstance(_peek(clause, scope, subject), Word)
    ):
        return None
    word = _peek(clause, scope, subject)
    assert isinstance(word, Word)
    if not isinstance(pattern, tree.Name):
        raise fail("E0310", f"`{subject.id}` is compared with names only", pattern.span)
    other = scope.get(pattern.id)
    if isinstance(other, Word):
        return word == other
    meant = naming.word(clause, scope, pattern)
    if meant is None:
        rows = [
            row.name
            for family in clause.world.declarations.families.values()
            for row in family.rows
        ]
        raise unknown("mnemonic", pattern.id, pattern.span, rows)
    return word == meant


def _peek(clause: Clause, scope: Scope, node: tree.Name) -> Value | None:
    known = scope.get(node.id)
    if known is None or isinstance(known, places.Place):
        return None
    if isinstance(known, Word):
        return known
    from_row = getattr(known, "member", None)
    if from_row is not None and from_row.row.value is None:
        return Word(from_row.row.name)
    return None


def _concatenation(clause: Clause, scope: Scope, node: tree.Binary) -> Value:
    nodes: list[tree.Expr] = []
    todo: list[tree.Expr] = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, tree.Binary) and part.op == "@":
            todo += [part.left, part.right]
        else:
            nodes.append(part)
    nodes.reverse()
    denoted: list[Value] = []
    for part in nodes:
        start = len(clause.block)
        now = expressions.denote(clause, scope, part)
        denoted = clause.settle(denoted, start, part.span)
        denoted.append(now)
    if all(isinstance(part, places.Place) for part in denoted):
        cells = [part for part in denoted if isinstance(part, places.Place)]
        total = 0
        for cell, where in zip(cells, nodes, strict=True):
            total += expressions.width_of(clause, cell, where.span)
        return places.Joined(check_width(total, node.span), None, node.span, tuple(cells))
    exprs: list[Value] = []
    context = None
    for found, where in zip(denoted, nodes, strict=True):
        start = len(clause.block)
        typed = _part(clause, found, where)
        exprs = clause.settle(exprs, start, where.span)
        context = context or typed.context
        exprs.append(typed)
    parts = [e.expr for e in exprs if isinstance(e, Typed)]
    check_width(sum(part.width for part in parts), node.span)
    return Typed(bits.concat(parts), None, context)


def _part(clause: Clause, found: Value, where: tree.Expr) -> Typed:
    plain = expressions.read(clause, found)
    if isinstance(plain, Static):
        if plain.digits is None:
            raise fail(
                "E0308",
                f"the decimal number {plain.value} has no width in `@`",
                where.span,
                hint="write it in binary or hexadecimal: the digits count",
            )
        return Typed(bits.const(plain.value, plain.digits))
    return expressions.settled(clause, plain, where.span)


def member(clause: Clause, scope: Scope, node: tree.Member) -> Value:
    """`x in {1, 3..5}`."""
    if isinstance(node.value, tree.Name):
        matches = [
            same_word(clause, scope, node.value, item)
            for item in node.items
            if not isinstance(item, tree.Range)
        ]
        if matches and all(match is not None for match in matches):
            return _boolean(any(matches) != node.negated)
    subject = expressions.value(clause, scope, node.value)
    conditions: list[ir.Expr] = []
    context = context_of(subject)
    if isinstance(subject, Typed) and not clause.is_stable(subject.expr) and len(node.items) > 4:
        subject = Typed(clause.bind("member", subject.expr, node.span), subject.layout, context)
    for item in node.items:
        if isinstance(item, tree.Range):
            low = _compare(clause, scope, ">=", node, subject, item.first)
            high = _compare(clause, scope, "<=", node, subject, item.last)
            conditions.append(bits.and_(low, high))
        else:
            conditions.append(_compare(clause, scope, "==", node, subject, item))
    found = bits.or_(*conditions)
    return Typed(bits.not_(found) if node.negated else found, None, context)


def _compare(
    clause: Clause, scope: Scope, op: str, node: tree.Member, subject: Plain, item: tree.Expr
) -> ir.Expr:
    comparison = tree.Binary(op, node.value, item, span=item.span)
    found = combine(clause, comparison, subject, expressions.value(clause, scope, item))
    expr = materialize(found, 1, item.span, clause.case)
    assert expr is not None
    return expr
