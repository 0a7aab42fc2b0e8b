"""Hypothesis strategies for expressions."""

from __future__ import annotations

from hypothesis import strategies as st

from popek.source import Source
from popek.syntax import tree
from popek.syntax.show import LEVELS
from popek.syntax.words import RESERVED

NOWHERE = Source("", "").span()

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,4}", fullmatch=True).filter(
    lambda name: name not in RESERVED and name != "_"
)
ints = st.one_of(
    st.integers(0, 300).map(lambda n: tree.Int(n, None, str(n), span=NOWHERE)),
    st.integers(0, 255).map(lambda n: tree.Int(n, 8, f"0b{n:08b}", span=NOWHERE)),
    st.integers(0, 255).map(lambda n: tree.Int(n, 8, f"0x{n:02X}", span=NOWHERE)),
)
leaves = st.one_of(
    names.map(lambda name: tree.Name(name, span=NOWHERE)),
    ints,
    st.just(tree.Undefined(span=NOWHERE)),
)
BINARY = sorted(set(LEVELS) - {"not", "~"})


def _larger(inner: st.SearchStrategy[tree.Expr]) -> st.SearchStrategy[tree.Expr]:
    def many(least: int, most: int) -> st.SearchStrategy[tuple[tree.Expr, ...]]:
        return st.lists(inner, min_size=least, max_size=most).map(tuple)

    def at(kind: type, *parts: object) -> st.SearchStrategy[tree.Expr]:
        return st.builds(kind, *parts, span=st.just(NOWHERE))  # type: ignore[arg-type]

    ranges = st.builds(tree.Range, inner, inner, span=st.just(NOWHERE))
    items = st.lists(st.one_of(inner, ranges), min_size=1, max_size=3).map(tuple)
    some_names = st.lists(names, min_size=1, max_size=3).map(tuple)
    updates = st.lists(st.tuples(names, inner), min_size=1, max_size=2).map(tuple)
    return st.one_of(
        at(tree.Binary, st.sampled_from(BINARY), inner, inner),
        at(tree.Unary, st.sampled_from(["-", "~", "not"]), inner),
        at(tree.TupleExpr, many(2, 3)),
        at(tree.Call, inner, many(0, 3)),
        at(tree.Get, inner, names),
        at(tree.GetSet, inner, some_names),
        at(tree.Index, inner, many(1, 2)),
        at(tree.Slice, inner, inner, inner),
        at(tree.Member, inner, items, st.booleans()),
        at(tree.Ite, inner, inner, inner),
        at(tree.With, inner, updates),
    )


expressions: st.SearchStrategy[tree.Expr] = st.recursive(leaves, _larger, max_leaves=12)
