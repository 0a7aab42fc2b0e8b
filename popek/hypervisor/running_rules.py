"""Which forms the rules of a design mean; that may take proofs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from popek.hypervisor.proof import selected
from popek.hypervisor.reading import CLASSES
from popek.hypervisor.running_monitor import Selects
from popek.isa import ir
from popek.theory.verdict import Class

#: The classes of all forms, as `popek check` proves them.
Classes = Callable[[], Mapping[tuple[str, str], Class]]


def selecting(isa: ir.Isa, classes: Classes) -> Selects:
    """How rules select forms.  `classes` is called only where a rule depends on it."""
    known = cache(classes)
    proved = frozenset(CLASSES) - {"everything"}
    forms = {form.key: form for form in isa.forms}

    @cache
    def select(key: tuple[str, str], names: tuple[str, ...]) -> bool:
        form = forms[key]
        # Without a class among the names, any one gives the same.
        kind = known()[key] if proved & set(names) else Class.UNDECIDED
        return selected(isa, form, names, kind)

    return lambda form, names: select(form.key, names)
