"""Verdicts come from the clauses: not from what is expected, cited, called or said first.

Removing all `expect` and `see` lines, renaming every instruction and component, and permuting items
and properties leave the elaborated clauses of every form of every bundled spec as they were, and
every class.  The clauses are compared for all forms; the classes by a check of the whole spec, or,
on ia32 and ia32-umip, of forms drawn by seed from every chapter, which are printed.  The variants
m68010 and ia32-umip are rewritten in all three ways at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

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

SPECS = (
    "pg74",
    "pg74-clean",
    "one-critical",
    "pg74-vt",
    "m68000",
    "m68010",
    "ia32",
    "ia32-umip",
    "rv64",
    "s370",
)
WAYS = ("without expect and see", "renamed", "permuted")
ALL = "all at once"
VARIANTS = ("m68010", "ia32-umip")
CASES = [(s, way) for s in SPECS for way in ((ALL,) if s in VARIANTS else WAYS)]

#: Specs of which forms are drawn, and the seed.
SAMPLED = ("ia32", "ia32-umip", "s370")
SEED = 1974
#: Clauses of up to so many statements are drawn.
SMALL_CLAUSE = 120

#: Fields of a form that say nothing about its meaning, and may follow its name.
SAID = {"text", "title", "template", "sees", "expect", "notes"}

Key = tuple[str, str]
Back = Callable[[str], str]


def ways(spec: str, way: str) -> tuple[tuple[Rewriting, ...], Back]:
    """The rewritings, and what gives a name of the result its old one."""
    match way:
        case "without expect and see":
            return (without_provenance,), str
        case "renamed":
            renaming = renaming_of(spec)
            return (renaming,), renaming.back
        case "permuted":
            return (Permutation(spec),), str
        case _:
            renaming = renaming_of(spec)
            return (without_provenance, Permutation(spec), renaming), renaming.back


@cache
def other(spec: str, way: str) -> tuple[ir.Isa, Back]:
    """The spec rewritten, and what gives a name of it its old one."""
    rewritings, back = ways(spec, way)
    with TemporaryDirectory() as folder:
        return load(rewritten(spec, Path(folder), *rewritings)), back


# ---------------------------------------------------------------- clauses


class Plain:
    """Nodes of the IR as tuples, under the old names, without places in files."""

    def __init__(self, back: Back) -> None:
        self.back = back
        self._made: dict[int, tuple[object, object]] = {}

    def __call__(self, node: object) -> object:
        match node:
            case Span():
                return None
            case str():
                return self.back(node)
            case tuple():
                return tuple(self(part) for part in node)
            case Mapping():
                return {self.back(str(name)): self(value) for name, value in node.items()}
            case _ if is_dataclass(node):
                # Forms share their operand tables.  The node is kept, so that its id stays its own.
                if id(node) not in self._made:
                    self._made[id(node)] = node, self._parts(node)
                return self._made[id(node)][1]
            case _:
                return node

    def _parts(self, node: object) -> object:
        assert is_dataclass(node)
        names = [f.name for f in fields(node) if f.name not in SAID]
        return type(node).__name__, tuple(self(getattr(node, name)) for name in names)


def clauses(isa: ir.Isa, back: Back) -> dict[Key, object]:
    """The meaning of each form."""
    plain = Plain(back)
    return {(back(f.name), back(f.text)): plain(f) for f in isa.forms}


def world(isa: ir.Isa, back: Back) -> dict[str, object]:
    """Everything else that a verdict depends on; the order of declarations is not compared."""
    plain = Plain(back)
    found: dict[str, object] = {
        name: plain(getattr(isa, name))
        for name in ("components", "translations", "traps", "memories", "devices", "functions")
    }
    for name in ("invariants", "hosts", "contracts", "interrupts"):
        found[name] = sorted(repr(plain(x)) for x in getattr(isa, name))
    found["mode"] = plain(isa.mode)
    return found


@cache
def base(spec: str) -> tuple[dict[str, object], dict[Key, object]]:
    """The bundled spec as it is."""
    isa = bundled_isa(spec)
    return world(isa, str), clauses(isa, str)


@pytest.mark.parametrize(("spec", "way"), CASES)
def test_every_clause_means_the_same(spec: str, way: str) -> None:
    isa, back = other(spec, way)
    around, before = base(spec)
    assert world(isa, back) == around
    after = clauses(isa, back)
    assert after.keys() == before.keys()
    for key, meaning in before.items():
        assert after[key] == meaning, key


# ---------------------------------------------------------------- classes


@cache
def drawn(spec: str) -> tuple[Key, ...]:
    """One form of every file of the spec that has any, by seed: a small one if there is one."""
    chapters: dict[str, list[tuple[int, Key]]] = {}
    for form in bundled_isa(spec).forms:
        size = len(list(ir.statements(form.body)))
        chapters.setdefault(form.span.path, []).append((size, form.key))
    random = Random(f"{spec}/{SEED}")
    small = [
        [key for size, key in forms if size <= SMALL_CLAUSE] or [min(forms)[1]]
        for _, forms in sorted(chapters.items())
    ]
    chosen = tuple(random.choice(keys) for keys in small)
    return chosen


def said(found: Check, back: Back) -> Iterator[tuple[object, ...]]:
    """The class of each form in each reading, the theorems, how many choices of the host's are as
    good; which of them it takes only where one is the best: the order of declarations breaks ties.
    """
    for v in found.verdicts:
        label = v.label and v.label.value
        readings = (v.pg74.kind.value, v.general.kind.value, v.kind.value, label)
        yield (back(v.form.name), back(v.form.text), *readings, v.plain, v.user)
    yield "choices", found.choice.tied
    for name, value in found.choice.host.items() if found.choice.tied == 1 else ():
        yield back(name), str(value)
    theorems = (found.vmm, found.recursive, found.hybrid, found.hybrid_without_contract)
    for theorem in theorems:
        yield theorem.verdict.value, tuple(sorted(map(back, theorem.because)))


def classes(isa: ir.Isa, back: Back, keys: Sequence[Key] = ()) -> list[tuple[object, ...]]:
    """What a check says, in an order of its own; of these forms, or all."""
    if keys:
        forms = tuple(f for f in isa.forms if (back(f.name), back(f.text)) in keys)
        assert len(forms) == len(keys)
        isa = replace(isa, forms=forms)
    found = check(Prover(isa, Z3InProcess()), Options(partial=bool(keys)))
    return sorted(said(found, back), key=repr)


@cache
def base_classes(spec: str) -> list[tuple[object, ...]]:
    """What a check of the bundled spec says."""
    return classes(bundled_isa(spec), str, drawn(spec) if spec in SAMPLED else ())


@pytest.mark.parametrize(("spec", "way"), CASES)
def test_every_class_is_the_same(spec: str, way: str) -> None:
    keys = drawn(spec) if spec in SAMPLED else ()
    for name, text in keys:
        print(f"{spec}: {name} [{text}]")
    isa, back = other(spec, way)
    assert classes(isa, back, keys) == base_classes(spec)
