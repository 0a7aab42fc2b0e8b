"""Encodings that overlap: two forms that the same bytes could mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from popek.diagnostics import Note
from popek.isa import bits, conditions, ir
from popek.isa.encodings import item_width
from popek.isa.world import World
from popek.syntax.tree import PrefixRow

ENUMERATION_LIMIT = 14
"""Free bits that conditions may mention; with more, two forms are taken not to overlap."""


@dataclass(frozen=True, slots=True)
class _Test:
    """A part of a decode condition: its function, and the bits that its arguments consist of."""

    function: Callable[..., int]
    spots: tuple[tuple[object, ...], ...]

    @property
    def atoms(self) -> Iterator[object]:
        """All the bits."""
        return (atom for leaf in self.spots for atom in leaf)

    def holds(self, env: Mapping[object, int]) -> bool:
        """Whether the condition holds where the bits are so."""
        values = (sum(env[atom] << i for i, atom in enumerate(leaf)) for leaf in self.spots)
        return bool(self.function(*values))


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A form's leading bits: fixed ones, and where its fields are (most significant first)."""

    form: ir.Form
    width: int
    value: int
    mask: int
    terms: frozenset[ir.Expr]
    tests: tuple[_Test, ...]

    @property
    def first(self) -> tuple[int, int]:
        """The value and mask of the first byte."""
        shift = self.width - 8
        return (self.value >> shift, self.mask >> shift) if shift >= 0 else (0, 0)


def check(world: World, forms: Sequence[ir.Form]) -> None:
    """Record every pair of forms that overlap, and forms that are written twice."""
    keys: dict[tuple[str, str], ir.Form] = {}
    for form in forms:
        first = keys.setdefault(form.key, form)
        if first is not form:
            world.collector.add(
                "E0401",
                f"`{form.name}` has the encoding `{form.text}` twice",
                form.span,
                notes=[Note(first.span, "the first one")],
            )
    patterns = [_pattern(form) for form in forms]
    _check_prefixes(world, patterns)
    buckets: dict[int, list[_Pattern]] = {}
    reported: set[tuple[object, object]] = set()
    for pattern in patterns:
        value, mask = pattern.first
        for byte in _bytes(value, mask):
            bucket = buckets.setdefault(byte, [])
            for other in bucket:
                pair = (id(pattern.form.span), id(other.form.span))
                if pair in reported or pattern.form.key == other.form.key:
                    continue
                if overlaps(pattern, other):
                    reported.add(pair)
                    world.collector.add(
                        "E0401",
                        f"`{pattern.form.name}` {pattern.form.text} and `{other.form.name}` "
                        f"{other.form.text} share a pattern",
                        pattern.form.span,
                        notes=[Note(other.form.span, "the other one")],
                    )
            bucket.append(pattern)


def _check_prefixes(world: World, patterns: Sequence[_Pattern]) -> None:
    """No form starts with a prefix, and no byte is two prefixes."""
    codes: dict[int, PrefixRow] = {}
    for prefix in world.declarations.prefixes:
        for row in prefix.rows:
            for code in row.codes:
                other = codes.setdefault(int(code, 16), row)
                if other is not row:
                    world.collector.add(
                        "E0401",
                        f"{code} is two prefixes",
                        row.span,
                        notes=[Note(other.span, "the other one")],
                    )
    for pattern in patterns:
        value, mask = pattern.first
        for byte, row in codes.items():
            if (value ^ byte) & mask == 0:
                world.collector.add(
                    "E0401",
                    f"`{pattern.form.name}` {pattern.form.text} starts with the prefix {byte:02X}",
                    pattern.form.span,
                    notes=[Note(row.span, "the prefix")],
                )


def _bytes(value: int, mask: int) -> Iterator[int]:
    free = [1 << bit for bit in range(8) if not mask >> bit & 1]
    for choice in range(1 << len(free)):
        yield value | sum(bit for i, bit in enumerate(free) if choice >> i & 1)


def _pattern(form: ir.Form) -> _Pattern:
    value = mask = width = 0
    places: dict[str, dict[int, int]] = {}
    for item in form.encoding:
        if isinstance(item, ir.Extension):
            break
        size = item_width(item)
        value <<= size
        mask <<= size
        match item:
            case ir.FixedBits():
                value |= item.value & item.mask
                mask |= item.mask
            case ir.FieldBits(field=name, high=high, low=low):
                for bit in range(high, low - 1, -1):
                    places.setdefault(name, {})[bit] = width + (high - bit)
            case ir.ImmediateBits(field=name):
                pass
        width += size
    for name, wanted in _equalities(form.decode):
        spots = places.get(name)
        if spots is None:
            continue
        for bit, position in spots.items():
            shift = width - 1 - position
            mask |= 1 << shift
            value |= (wanted >> bit & 1) << shift
    ordered = {
        name: tuple(spots.get(bit, -1) for bit in range(max(spots) + 1))
        for name, spots in places.items()
    }
    terms = conditions.terms(form.decode)
    tests = tuple(_test(term, ordered) for term in terms)
    return _Pattern(form, width, value, mask, terms, tests)


def _test(term: ir.Expr, places: Mapping[str, tuple[int, ...]]) -> _Test:
    inputs = conditions.leaves(term)
    spots = tuple(tuple(_atoms(places, leaf)) for leaf in inputs)
    return _Test(conditions.compiled(term, inputs), spots)


def _equalities(expr: ir.Expr) -> Iterator[tuple[str, int]]:
    match expr:
        case ir.Operation(op=ir.Op.AND, args=args) if expr.width == 1:
            for arg in args:
                yield from _equalities(arg)
        case ir.Operation(op=ir.Op.EQ, args=(ir.Field(name=name), ir.Const(value=value))):
            yield name, value
        case _:
            pass


def overlaps(one: _Pattern, other: _Pattern) -> bool:
    """Whether some bits and some decode context mean both forms."""
    common = min(one.width, other.width)
    a, b = one.width - common, other.width - common
    if ((one.value >> a) ^ (other.value >> b)) & (one.mask >> a) & (other.mask >> b):
        return False
    if one.form.decode == bits.TRUE and other.form.decode == bits.TRUE:
        return True
    if conditions.contradict(one.terms, other.terms):
        return False
    fixed = _known(one, common) | _known(other, common)
    tests = (*one.tests, *other.tests)
    free = list(dict.fromkeys(a for test in tests for a in test.atoms if a not in fixed))
    settled = [test for test in tests if all(atom in fixed for atom in test.atoms)]
    if not all(test.holds(fixed) for test in settled):
        return False
    if len(free) > ENUMERATION_LIMIT:
        return False
    open_tests = [test for test in tests if test not in settled]
    for choice in range(1 << len(free)):
        env = dict(fixed)
        env.update({atom: choice >> i & 1 for i, atom in enumerate(free)})
        if all(test.holds(env) for test in open_tests):
            return True
    return False


def _known(pattern: _Pattern, common: int) -> dict[object, int]:
    return {
        position: pattern.value >> (pattern.width - 1 - position) & 1
        for position in range(common)
        if pattern.mask >> (pattern.width - 1 - position) & 1
    }


def _atoms(places: Mapping[str, tuple[int, ...]], node: ir.Expr) -> Iterable[object]:
    """The bits that a leaf of a condition consists of: positions in the code, or named bits."""
    match node:
        case ir.Field(name=name, width=width):
            spots = places.get(name, ())
            for bit in range(width):
                inside = bit < len(spots) and spots[bit] >= 0
                yield spots[bit] if inside else (name, bit)
        case ir.Read(component=name, width=width):
            for bit in range(width):
                yield ("state", name, bit)
        case ir.ReadElement() | ir.Local() | ir.Input() | ir.Apply():
            for bit in range(node.width):
                yield (repr(node), bit)
        case _:
            pass
