"""`--no-simplify`: without a rewriter every verdict is the same, so that none rests on it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from popek.isa import ir
from popek.smt import Z3InProcess
from popek.theory.check import Check, Options, check
from popek.theory.prover import Prover
from tests.semantics.specs import bundled_isa

SEED = 1974
IA32_FORMS = 50

#: Each spec, in how many parts: the parts can be checked side by side.
PARTS = {"pg74": 1, "m68000": 4, "ia32": 5}


def part(spec: str, number: int) -> ir.Isa:
    """A part of a spec's forms, or of fifty of ia32's that are drawn by seed, and printed."""
    isa = bundled_isa(spec)
    forms = isa.forms
    if spec == "ia32":
        forms = tuple(Random(SEED).sample(forms, IA32_FORMS))
    forms = forms[number :: PARTS[spec]]
    for form in forms:
        print(f"{form.name} [{form.text}]")
    return replace(isa, forms=forms)


def said(found: Check) -> list[object]:
    """What is decided of each form in each reading, what the host chooses, and the theorems."""
    verdicts = [
        (v.key, v.kind, v.label, v.plain, v.user, v.pg74.kind, v.general.kind)
        for v in found.verdicts
    ]
    theorems = (found.vmm, found.recursive, found.hybrid, found.hybrid_without_contract)
    return [*verdicts, found.choice, *theorems]


@pytest.mark.parametrize(
    ("spec", "number"), [(spec, i) for spec, parts in PARTS.items() for i in range(parts)]
)
def test_verdicts_are_the_same_without_the_rewriter(spec: str, number: int) -> None:
    isa = part(spec, number)
    options = Options(partial=PARTS[spec] > 1)
    with_it = check(Prover(isa, Z3InProcess()), options)
    without = check(Prover(isa, Z3InProcess(), simplify=False), options)
    assert said(without) == said(with_it)
    assert without.stats.undecided == 0
    # It was off: z3 was asked much more.
    assert without.stats.solver_calls > 2 * with_it.stats.solver_calls
    assert without.stats.proved_without_solver < with_it.stats.proved_without_solver
