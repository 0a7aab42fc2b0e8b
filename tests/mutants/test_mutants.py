"""One clause made wrong (or right), and the verdict follows.

Each `.isa` file beside this module changes one thing in a bundled spec.  Its first comment says
what, and these lines what comes of it:

    # only:   the instruction that is checked, by name or mnemonic
    # base:   its class, and label, as the spec is
    # mutant: its class, and label, as changed
    # blame:  the line that the witness blames, where it is critical; `or` between two as good
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from popek.isa import ir
from popek.isa.load import load_source
from popek.resources import bundled
from popek.smt import Z3InProcess
from popek.source import Span
from popek.theory.check import Check, Options, check
from popek.theory.prover import Prover
from popek.theory.verdict import Class, FormVerdict
from tests.semantics.specs import bundled_isa

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*/*.isa"))


@dataclass(frozen=True)
class Mutant:
    """A file, and what it says of itself."""

    path: Path
    only: str
    base: str
    mutant: str
    blame: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.relative_to(FOLDER).with_suffix("").as_posix()

    @property
    def spec(self) -> str:
        return self.path.parent.name


def read(path: Path) -> Mutant:
    """The file's own account."""
    said = dict(re.findall(r"^# (\w+): +(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE))
    lines = said["blame"].split(" or ") if "blame" in said else []
    return Mutant(path, said["only"], said["base"], said["mutant"], tuple(lines))


def checked(isa: ir.Isa) -> Check:
    """The check of some of an ISA's forms."""
    return check(Prover(isa, Z3InProcess()), Options(partial=True))


def called(found: FormVerdict) -> str:
    """Class and label, as the files have them."""
    return " ".join([found.kind.value] + ([found.label.value] if found.label else []))


@cache
def base(spec: str, only: str) -> dict[tuple[str, str], FormVerdict]:
    """The verdicts of an instruction as its spec is."""
    whole = bundled_isa(spec)
    forms = tuple(f for f in whole.forms if only in (f.mnemonic, f.name))
    return {v.key: v for v in checked(replace(whole, forms=forms)).verdicts}


@pytest.mark.parametrize("mutant", [read(f) for f in FILES], ids=lambda mutant: mutant.name)
def test_a_mutant_changes_the_verdict(mutant: Mutant) -> None:
    def wanted(mnemonic: str, name: str) -> bool:
        return mutant.only in (mnemonic, name)

    before = base(mutant.spec, mutant.only)
    assert {called(v) for v in before.values()} == {mutant.base}

    text = mutant.path.read_text(encoding="utf-8")
    # The spec that it extends is looked for beside it, among the bundled ones.
    isa = load_source(text, mutant.path.name, bundled("specs"), only=wanted)
    after = checked(isa)
    assert {v.key for v in after.verdicts} == before.keys()
    assert {called(v) for v in after.verdicts} == {mutant.mutant}, after.verdicts[0].reason

    if mutant.mutant == Class.CRITICAL:
        assert mutant.blame, "a critical mutant names the line to blame"
        for verdict in after.verdicts:
            assert verdict.witness is not None
            assert line(verdict.witness.blame) in mutant.blame, verdict.reason


def line(span: Span | None) -> str:
    """The line of a spec that a span is on, without its comment."""
    assert span is not None
    text = span.source.text.splitlines()[span.line - 1]
    return text.split("#")[0].strip()


def test_there_are_enough() -> None:
    """At least thirty, fifteen of them on ia32; most of them are caught by a change of class."""
    mutants = [read(path) for path in FILES]
    assert len(mutants) >= 30
    assert sum(m.spec == "ia32" for m in mutants) >= 15
    assert sum(m.base != m.mutant for m in mutants) >= 30
    assert sum(m.mutant == Class.CRITICAL for m in mutants) >= 20
