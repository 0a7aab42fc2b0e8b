"""`popek diff`: which verdicts changed, because of which lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Popek

#: Two classes, and the texts of the lines to blame.
Changed = tuple[str | None, str | None, tuple[str, ...]]


def changes(popek: Popek, first: str | Path, second: str | Path) -> dict[str, Changed]:
    """By mnemonic: before, after, and the texts of the lines."""
    ran = popek("diff", first, second, "--json")
    assert ran.code == 1, ran.err
    found: dict[str, Changed] = {}
    for change in ran.json["changes"]:
        texts = tuple(_line(entry) for entry in change["because"])
        found[change["name"]] = (change["before"], change["after"], texts)
    return found


def _line(entry: dict[str, object]) -> str:
    path, number = entry["file"], entry["line"]
    assert isinstance(path, str) and isinstance(number, int)
    return Path(path).read_text("utf-8").splitlines()[number - 1].strip()


def test_the_same_spec_has_no_changes(popek: Popek) -> None:
    ran = popek("diff", "pg74", "pg74")
    assert ran.code == 0
    assert "Every form has the same class in both." in ran.out


def test_what_makes_pg74_clean(popek: Popek, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    check = "require M == supervisor else raise privileged_operation"
    assert changes(popek, "pg74", "pg74-clean") == {
        "LRA": ("critical", "privileged", (check,)),
        "JRST1": ("critical", "privileged", (check,)),
    }


def test_a_line_that_is_gone_is_named_too(popek: Popek, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    check = "require M == supervisor else raise privileged_operation"
    there = changes(popek, "pg74-clean", "pg74")
    assert there["LRA"] == ("privileged", "critical", (check,))


def variant(folder: Path, text: str) -> Path:
    """pg74 with something amended, in a folder of its own."""
    specs = Path(__file__).parents[2] / "specs"
    (folder / "pg74.isa").write_text((specs / "pg74.isa").read_text("utf-8"))
    path = folder / "variant.isa"
    path.write_text(f'isa "Variant" extends "pg74.isa"\n\n{text}')
    return path


def test_a_new_form_is_named_by_its_declaration(popek: Popek, tmp_path: Path) -> None:
    path = variant(
        tmp_path, 'instruction RDM x  "Read M"\n  encoding  1110 0010 x:4 ....\n  a[x] = zext(M)\n'
    )
    found = changes(popek, tmp_path / "pg74.isa", path)
    assert found == {"RDM": (None, "critical", ('instruction RDM x  "Read M"',))}
    gone = changes(popek, path, tmp_path / "pg74.isa")
    assert gone == {"RDM": ("critical", None, ('instruction RDM x  "Read M"',))}


def test_a_change_around_the_clause(popek: Popek, tmp_path: Path) -> None:
    """What the hardware does on a trap decides whether a form that traps is safe."""
    path = variant(tmp_path, "amend swap\n  replace\n    E[0] = zext(P)\n    jump 0\n")
    found = changes(popek, tmp_path / "pg74.isa", path)
    before, after, lines = found["SVC"]
    assert (before, after) == ("guarded", "undecided")
    assert "E[0] = zext(P)" in lines


def test_errors_of_both_specs_are_shown(popek: Popek) -> None:
    ran = popek("diff", "nowhere", "nothing")
    assert ran.code == 3
    assert "nowhere" in ran.err
    assert "nothing" in ran.err


def test_usage(popek: Popek) -> None:
    assert popek("diff", "pg74").code == 2
