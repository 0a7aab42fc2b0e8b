"""Constructors of IR expressions that compute their width and fold constants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from popek.isa import ir
from popek.isa.ir import Const, Op

TRUE = Const(1, 1)
FALSE = Const(0, 1)

_COMPARISONS = frozenset({Op.EQ, Op.ULT, Op.ULE, Op.SLT, Op.SLE})


def const(value: int, width: int) -> Const:
    """`value` modulo 2**width."""
    return Const(value & ((1 << width) - 1), width)


def signed(value: int, width: int) -> int:
    """The two's complement reading of `value`."""
    return value - (1 << width) if value >> (width - 1) & 1 else value


def _divide(a: int, b: int, width: int) -> int:
    return a // b if b else (1 << width) - 1


def _sdivide(a: int, b: int, width: int) -> int:
    x, y = signed(a, width), signed(b, width)
    if y == 0:
        return 1 if x < 0 else -1
    quotient = abs(x) // abs(y)
    return quotient if (x < 0) == (y < 0) else -quotient


def _sremainder(a: int, b: int, width: int) -> int:
    x, y = signed(a, width), signed(b, width)
    if y == 0:
        return x
    remainder = abs(x) % abs(y)
    return -remainder if x < 0 else remainder


#: What each operator of two arguments of one width does, as in SMT-LIB.
FOLD: dict[Op, Callable[[int, int, int], int]] = {
    Op.ADD: lambda a, b, w: a + b,
    Op.SUB: lambda a, b, w: a - b,
    Op.MUL: lambda a, b, w: a * b,
    Op.UDIV: _divide,
    Op.UREM: lambda a, b, w: a % b if b else a,
    Op.SDIV: _sdivide,
    Op.SREM: _sremainder,
    Op.AND: lambda a, b, w: a & b,
    Op.OR: lambda a, b, w: a | b,
    Op.XOR: lambda a, b, w: a ^ b,
    Op.SHL: lambda a, b, w: a << b if b < w else 0,
    Op.LSHR: lambda a, b, w: a >> b if b < w else 0,
    Op.ASHR: lambda a, b, w: signed(a, w) >> min(b, w),
    Op.EQ: lambda a, b, w: int(a == b),
    Op.ULT: lambda a, b, w: int(a < b),
    Op.ULE: lambda a, b, w: int(a <= b),
    Op.SLT: lambda a, b, w: int(signed(a, w) < signed(b, w)),
    Op.SLE: lambda a, b, w: int(signed(a, w) <= signed(b, w)),
}


def binary(op: Op, left: ir.Expr, right: ir.Expr) -> ir.Expr:
    """An operator on two arguments of one width."""
    width = 1 if op in _COMPARISONS else left.width
    if isinstance(left, Const) and isinstance(right, Const):
        return const(FOLD[op](left.value, right.value, left.width), width)
    if op is Op.EQ:
        return eq(left, right)
    if op is Op.AND and left.width == 1:
        return and_(left, right)
    if op is Op.OR and left.width == 1:
        return or_(left, right)
    if isinstance(right, Const) and right.value == 0:
        if op in (Op.ADD, Op.SUB, Op.OR, Op.XOR, Op.SHL, Op.LSHR, Op.ASHR):
            return left
    if isinstance(left, Const) and left.value == 0 and op in (Op.ADD, Op.OR, Op.XOR):
        return right
    return ir.Operation(op, (left, right), width)


def eq(left: ir.Expr, right: ir.Expr) -> ir.Expr:
    """Whether two values of one width are the same."""
    if left == right and not any(isinstance(e, ir.Input) for e in ir.subexpressions(left)):
        return TRUE
    if isinstance(left, Const):
        left, right = right, left
    if isinstance(right, Const):
        if isinstance(left, Const):
            return TRUE if left == right else FALSE
        if right.width == 1:
            return left if right.value else not_(left)
        if isinstance(left, ir.Operation):
            if left.op is Op.ZEXT:
                inner = left.args[0]
                if right.value >> inner.width:
                    return FALSE
                return eq(inner, const(right.value, inner.width))
            if left.op is Op.ITE and any(isinstance(a, Const) for a in left.args[1:]):
                condition, then, otherwise = left.args
                return ite(condition, eq(then, right), eq(otherwise, right))
    return ir.Operation(Op.EQ, (left, right), 1)


def not_(value: ir.Expr) -> ir.Expr:
    """Bitwise complement; negation of a condition."""
    if isinstance(value, Const):
        return const(~value.value, value.width)
    if isinstance(value, ir.Operation) and value.op is Op.NOT:
        return value.args[0]
    return ir.Operation(Op.NOT, (value,), value.width)


def neg(value: ir.Expr) -> ir.Expr:
    """Two's complement negation."""
    if isinstance(value, Const):
        return const(-value.value, value.width)
    return ir.Operation(Op.NEG, (value,), value.width)


def and_(*conditions: ir.Expr) -> ir.Expr:
    """Conjunction of conditions; none is true."""
    kept: list[ir.Expr] = []
    for condition in conditions:
        if condition == FALSE:
            return FALSE
        if condition != TRUE and condition not in kept:
            kept.append(condition)
    return _fold_left(Op.AND, kept, TRUE)


def or_(*conditions: ir.Expr) -> ir.Expr:
    """Disjunction of conditions; none is false."""
    kept: list[ir.Expr] = []
    for condition in conditions:
        if condition == TRUE:
            return TRUE
        if condition != FALSE and condition not in kept:
            kept.append(condition)
    return _fold_left(Op.OR, kept, FALSE)


def _fold_left(op: Op, conditions: list[ir.Expr], empty: Const) -> ir.Expr:
    if not conditions:
        return empty
    result = conditions[0]
    for condition in conditions[1:]:
        result = ir.Operation(op, (result, condition), 1)
    return result


def ite(condition: ir.Expr, then: ir.Expr, otherwise: ir.Expr) -> ir.Expr:
    """If-then-else on values of one width."""
    if isinstance(condition, Const):
        return then if condition.value else otherwise
    if then == otherwise:
        return then
    if then.width == 1:
        if then == TRUE:
            return or_(condition, otherwise)
        if then == FALSE:
            return and_(not_(condition), otherwise)
        if otherwise == FALSE:
            return and_(condition, then)
        if otherwise == TRUE:
            return or_(not_(condition), then)
    return ir.Operation(Op.ITE, (condition, then, otherwise), then.width)


def chain(cases: Iterable[tuple[ir.Expr, ir.Expr]], otherwise: ir.Expr) -> ir.Expr:
    """The value of the first case whose condition holds; neighbours with one value are joined."""
    joined: list[tuple[ir.Expr, ir.Expr]] = []
    for condition, value in cases:
        if joined and joined[-1][1] == value:
            condition = or_(joined.pop()[0], condition)
        joined.append((condition, value))
    result = otherwise
    for condition, value in reversed(joined):
        result = ite(condition, value, result)
    return result


def concat(parts: Iterable[ir.Expr]) -> ir.Expr:
    """Bits side by side, the first part most significant."""
    kept: list[ir.Expr] = []
    for part in _flattened(parts):
        last = kept[-1] if kept else None
        if isinstance(last, Const) and isinstance(part, Const):
            kept[-1] = Const(last.value << part.width | part.value, last.width + part.width)
        else:
            kept.append(part)
    if len(kept) == 1:
        return kept[0]
    return ir.Operation(Op.CONCAT, tuple(kept), sum(part.width for part in kept))


def _flattened(parts: Iterable[ir.Expr]) -> Iterator[ir.Expr]:
    for part in parts:
        if isinstance(part, ir.Operation) and part.op is Op.CONCAT:
            yield from part.args
        else:
            yield part


def extract(value: ir.Expr, high: int, low: int) -> ir.Expr:
    """Bits `high..low`, bit 0 the least significant."""
    if low == 0 and high == value.width - 1:
        return value
    match value:
        case Const(value=number):
            return const(number >> low, high - low + 1)
        case ir.Extract(value=inner, low=base):
            return extract(inner, base + high, base + low)
        case ir.Operation(op=Op.CONCAT, args=args):
            return _extract_concat(args, high, low)
        case ir.Operation(op=Op.ZEXT | Op.SEXT, args=(inner,)) if high < inner.width:
            return extract(inner, high, low)
        case ir.Operation(op=Op.ZEXT, args=(inner,)) if low >= inner.width:
            return const(0, high - low + 1)
    return ir.Extract(value, high, low)


def _extract_concat(args: tuple[ir.Expr, ...], high: int, low: int) -> ir.Expr:
    parts = []
    top = sum(arg.width for arg in args)
    for arg in args:
        bottom = top - arg.width
        if bottom <= high and top > low:
            parts.append(extract(arg, min(high, top - 1) - bottom, max(low, bottom) - bottom))
        top = bottom
    return concat(parts)


def zext(value: ir.Expr, width: int) -> ir.Expr:
    """Zeros on the left, up to `width`."""
    if value.width == width:
        return value
    if isinstance(value, Const):
        return Const(value.value, width)
    return ir.Operation(Op.ZEXT, (value,), width)


def sext(value: ir.Expr, width: int) -> ir.Expr:
    """Copies of the sign on the left, up to `width`."""
    if value.width == width:
        return value
    if isinstance(value, Const):
        return const(signed(value.value, value.width), width)
    return ir.Operation(Op.SEXT, (value,), width)


def resize(value: ir.Expr, width: int) -> ir.Expr:
    """Zero-extended or cut to `width`."""
    if value.width > width:
        return extract(value, width - 1, 0)
    return zext(value, width)


def shift(op: Op, value: ir.Expr, amount: ir.Expr) -> ir.Expr:
    """A shift whose amount may have another width than the value."""
    if amount.width <= value.width:
        return binary(op, value, zext(amount, value.width))
    limit = const(value.width, amount.width)
    small = binary(Op.ULT, amount, limit)
    sign = extract(value, value.width - 1, value.width - 1)
    filled = sext(sign, value.width) if op is Op.ASHR else const(0, value.width)
    return ite(small, binary(op, value, extract(amount, value.width - 1, 0)), filled)


def splice(whole: ir.Expr, high: int, low: int, part: ir.Expr) -> ir.Expr:
    """`whole` with its bits `high..low` replaced by `part`."""
    pieces = []
    if high < whole.width - 1:
        pieces.append(extract(whole, whole.width - 1, high + 1))
    pieces.append(part)
    if low > 0:
        pieces.append(extract(whole, low - 1, 0))
    return concat(pieces)


def is_stable(expr: ir.Expr) -> bool:
    """Whether nothing that a statement does changes the value: constants and fields."""
    return not any(
        isinstance(e, ir.Read | ir.ReadElement | ir.Local | ir.Input | ir.Apply)
        for e in ir.subexpressions(expr)
    )
