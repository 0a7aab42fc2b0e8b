"""Verdicts come from the clauses: not from what is expected, cited, called or said first.

Removing all `expect` and `see` lines, renaming every instruction and component, and permuting items
and properties leave the elaborated clauses of every form of every bundled spec as they were, and
every class.  The clauses are compared for all forms; the classes by a whole check of the machines
of 1974, and of the larger specs for forms drawn by seed and the critical ones that are decided
fast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from random import Random

import pytest

from popek.isa import ir
from popek.isa.load import load
from popek.smt import Z3InProcess
from popek.source import Span
from popek.theory.check import Check, Options, check
from popek.theory.prover import Prover
from tests.metamorphic.rewriting import (
    Permutation,
    Rewriting,
    renaming_of,
    rewritten,
    without_provenance,
)
from tests.semantics.specs import bundled_isa

SPECS = ("pg74", "pg74-clean", "one-critical", "m68000", "m68010", "ia32", "ia32-umip")
WAYS = ("without expect and see", "renamed", "permuted")

#: Fields of a form that say nothing about its meaning, and may follow its name.
SAID = {"text", "title", "template", "sees", "expect", "notes"}

Key = tuple[str, str]
Back = Callable[[str], str]


def ways(spec: str, way: str) -> tuple[tuple[Rewriting, ...], Back]:
    """The rewritings, and what gives a name of the result its old one."""
    renaming = renaming_of(spec)
    match way:
        case "without expect and see":
            return (without_provenance,), str
        case "renamed":
            return (renaming,), renaming.back
        case "permuted":
            return (Permutation(spec),), str
        case _:
            return (without_provenance, Permutation(spec), renaming), renaming.back


def plain(node: object, back: Back, said: bool = False) -> object:
    """A node of the IR as tuples, under the old names, without places in files."""
    match node:
        case Span():
            return None
        case str():
            return back(node)
        case tuple():
            return tuple(plain(part, back) for part in node)
        case Mapping():
            return {back(str(name)): plain(value, back) for name, value in node.items()}
        case _ if is_dataclass(node):
            parts = {f.name: getattr(node, f.name) for f in fields(node)}
            kept = {n: plain(v, back) for n, v in parts.items() if said or n not in SAID}
            return (type(node).__name__, tuple(kept.items()))
        case _:
            return node


def forms(isa: ir.Isa, back: Back) -> dict[Key, object]:
    """The meaning of each form."""
    return {(back(f.name), back(f.text)): plain(f, back) for f in isa.forms}


def world(isa: ir.Isa, back: Back) -> dict[str, object]:
    """Everything else that a verdict depends on; the order of declarations is not compared."""
    found: dict[str, object] = {
        name: plain(getattr(isa, name), back)
        for name in ("components", "translations", "traps", "memories", "devices", "functions")
    }
    for name in ("invariants", "hosts", "contracts", "interrupts"):
        found[name] = sorted(repr(plain(x, back)) for x in getattr(isa, name))
    found["mode"] = plain(isa.mode, back)
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("spec", SPECS)
def test_every_clause_means_the_same(spec: str, way: str, tmp_path: Path) -> None:
    rewritings, back = ways(spec, way)
    base = bundled_isa(spec)
    other = load(rewritten(spec, tmp_path, *rewritings))
    assert world(other, back) == world(base, str)
    before, after = forms(base, str), forms(other, back)
    assert after.keys() == before.keys()
    for key, meaning in before.items():
        assert after[key] == meaning, key
