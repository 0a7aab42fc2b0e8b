"""The rewrite rules, one file per family; importing this package fills the registry in order."""

from popek.terms.rules import (  # noqa: I001 -- the order is the order in which rules are tried
    folding as folding,
    sums as sums,
    products as products,
    bitwise as bitwise,
    booleans as booleans,
    shifts as shifts,
    slices as slices,
    joins as joins,
    equality as equality,
    order as order,
    choices as choices,
    arrays as arrays,
)
