"""fmt, list, doctor, asm, disasm."""

from __future__ import annotations

from pathlib import Path

import pytest

from popek.resources import list_specs
from tests.cli.conftest import Popek

NEAT = 'isa "Neat"\nmode M : high > low\n'
UNTIDY = 'isa   "Neat"\nmode M:high>low\n'


def test_fmt_check_lists_what_would_change_and_changes_nothing(
    popek: Popek, tmp_path: Path
) -> None:
    (tmp_path / "a.isa").write_text(UNTIDY)
    (tmp_path / "b.isa").write_text(NEAT)
    ran = popek("fmt", "--check", tmp_path)
    assert (ran.code, ran.out) == (1, f"{tmp_path / 'a.isa'}\n")
    assert (tmp_path / "a.isa").read_text() == UNTIDY


def test_fmt_writes_and_then_has_nothing_to_do(popek: Popek, tmp_path: Path) -> None:
    path = tmp_path / "a.isa"
    path.write_text(UNTIDY)
    path.chmod(0o640)
    assert popek("fmt", path).code == 0
    assert path.read_text() == NEAT
    assert path.stat().st_mode & 0o777 == 0o640
    assert popek("fmt", "--check", path).out == ""
    assert [p.name for p in tmp_path.iterdir()] == ["a.isa"]


def test_fmt_shows_errors_and_still_formats_the_others(popek: Popek, tmp_path: Path) -> None:
    (tmp_path / "a.isa").write_text("isa (\n")
    (tmp_path / "b.isa").write_text(UNTIDY)
    ran = popek("fmt", tmp_path / "missing.isa", tmp_path)
    assert ran.code == 3
    assert "E0001" in ran.err
    assert (tmp_path / "b.isa").read_text() == NEAT


def test_list_names_the_bundled_specs(popek: Popek) -> None:
    ran = popek("list")
    assert ran.code == 0
    for name in list_specs():
        assert name in ran.out
    document = popek("list", "--json").json
    assert [s["name"] for s in document["specs"]] == list(list_specs())


def test_doctor_finds_what_popek_needs(popek: Popek) -> None:
    ran = popek("doctor", "--json")
    states = {f["name"]: f["state"] for f in ran.json["findings"]}
    needed = ("python", "popek", "z3", "lark", "solver", "grammar", "specs")
    assert {states[name] for name in needed} == {"found"}
    assert ran.code == 0


def test_asm_and_disasm_are_inverse(popek: Popek, tmp_path: Path) -> None:
    source, code = tmp_path / "a.s", tmp_path / "a.bin"
    source.write_text("add 1, 2\nshow 3\ncall 7\n")
    assert popek("asm", "leaky.isa", source, "-o", code).code == 0
    assert code.read_bytes() == bytes.fromhex("3006 6003 2007")
    again, copy = tmp_path / "b.s", tmp_path / "b.bin"
    assert popek("disasm", "leaky.isa", code, "-o", again).code == 0
    assert popek("asm", "leaky.isa", again, "-o", copy).code == 0
    assert copy.read_bytes() == code.read_bytes()


def test_asm_without_output_is_a_listing(popek: Popek, tmp_path: Path) -> None:
    source = tmp_path / "a.s"
    source.write_text("add 1, 2\n")
    assert popek("asm", "leaky.isa", source, "--address", "0x10").out == (
        "0010  3006              add 1, 2\n"
    )


def test_asm_shows_errors(popek: Popek, tmp_path: Path) -> None:
    source = tmp_path / "a.s"
    source.write_text("ad 1, 2\n")
    ran = popek("asm", "leaky.isa", source)
    assert ran.code == 3
    assert "a.s:1" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("disasm", "leaky.isa", "nowhere.bin"), 3),
        (("asm", "leaky.isa", "nowhere.s"), 3),
        (("disasm", "leaky.isa", "base.isa", "--address", "x"), 2),
        (("disasm", "leaky.isa", "base.isa", "--context", "Q = 1"), 2),
        (("disasm", "leaky.isa", "base.isa", "--context", "M = 7"), 2),
    ],
)
def test_bad_arguments(popek: Popek, arguments: tuple[str, ...], code: int) -> None:
    assert popek(*arguments).code == code
