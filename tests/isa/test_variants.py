from __future__ import annotations

from pathlib import Path

import pytest

from popek.diagnostics import PopekError
from popek.isa import ir
from popek.isa.load import load
from tests.isa.machine import HEADER, Machine

BASE = (
    HEADER
    + """
family op(k : u2) of (p, q)
  ADD 00 : p + q
  SUB 01 : p - q
function limit() -> u16 = 8
instruction op x
  encoding 0001 00 k 0 x:4 000
  see M1 "base"
  expect innocuous
  a[0] = op(a[1], limit())
instruction GET x  as GET_first
  encoding 0010 0000 x:4 0000
  expect critical
  a[0] = R.l
instruction SET x
  encoding 0011 0000 x:4 0000
  R.l = a[0]
group system = GET_first, SET
"""
)


def load_variant(folder: Path, text: str) -> ir.Isa:
    (folder / "base.isa").write_text(BASE)
    (folder / "variant.isa").write_text('isa "Variant" extends "base.isa"\n' + text)
    return load(folder / "variant.isa")


def test_amendments(tmp_path: Path) -> None:
    isa = load_variant(
        tmp_path,
        """
amend system
  before
    require M == supervisor else raise bad
  expect privileged, sensitive
amend SUB
  after
    F.C = 1
  see M1 "variant"
amend SET
  replace
    R.b = a[0]
amend limit
  replace
    return 9
amend bad_delivery, all
  after
    F.Z = 1
""".replace("bad_delivery, ", ""),
    )
    assert isa.title == "Variant"
    forms = {form.mnemonic: form for form in isa.forms}
    assert isinstance(forms["GET"].body[0], ir.Require)
    assert forms["GET"].expect is not None
    assert forms["GET"].expect.classes == ("privileged", "sensitive")
    assert [see.text for see in forms["SUB"].sees] == ["variant"]
    assert [see.text for see in forms["ADD"].sees] == ["base"]
    assert Machine().run(forms["ADD"].body).banks["a"][0] == 9
    assert Machine().run(forms["SUB"].body).scalars == {"F.C": 1}
    assert Machine(banks={"a": {0: 4}}).run(forms["SET"].body).scalars == {"R.b": 4}
    assert Machine().run(isa.traps["bad"].delivery).scalars == {"F.Z": 1}


def test_remove_and_new_state(tmp_path: Path) -> None:
    isa = load_variant(tmp_path, "remove GET, ADD\nresource V : u32\nregister F : u16\n  7  Q\n")
    assert [form.name for form in isa.forms] == ["SUB", "SET"]
    assert {"V", "F.Q", "F.C"} <= set(isa.components)


def test_files_count_in_the_hash_and_stay_in_the_folder(tmp_path: Path) -> None:
    first = load_variant(tmp_path, "")
    assert first.sha256 == load_variant(tmp_path, "").sha256
    (tmp_path / "base.isa").write_text(BASE + "# more\n")
    assert load(tmp_path / "variant.isa").sha256 != first.sha256
    (tmp_path / "link.isa").symlink_to("/etc/hostname")
    (tmp_path / "variant.isa").write_text('isa "V" extends "link.isa"\n')
    with pytest.raises(PopekError, match="E0008"):
        load(tmp_path / "variant.isa")


def test_only_selects_clauses(tmp_path: Path) -> None:
    (tmp_path / "base.isa").write_text(BASE)
    seen: list[tuple[str, str]] = []

    def only(mnemonic: str, name: str) -> bool:
        seen.append((mnemonic, name))
        return mnemonic == "GET"

    isa = load(tmp_path / "base.isa", only=only)
    assert [form.name for form in isa.forms] == ["GET_first"]
    assert seen == [("ADD", "ADD"), ("SUB", "SUB"), ("GET", "GET_first"), ("SET", "SET")]


def test_long_chain_of_files(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"f{number}.isa").write_text(f'include "f{number + 1}.isa"\n')
    (tmp_path / "main.isa").write_text('isa "Deep"\ninclude "f0.isa"\n')
    with pytest.raises(PopekError, match="E0801"):
        load(tmp_path / "main.isa")
