"""A valid file of 100,000 lines is checked; what is too large is refused with the limit named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from popek.cli import main
from popek.diagnostics import PopekError
from popek.isa.load import load_source
from tests.inputs.cases import GOOD, MACHINE, spec

LINES = 100_000
INSTRUCTIONS = 500


def large() -> str:
    """Instructions, functions and comments, in about this order of frequency in a real spec."""
    lines = ['isa "Large"', *MACHINE.splitlines()]
    for n in range(INSTRUCTIONS):
        lines += [
            f"# Instruction number {n}",
            f'instruction I{n} x  "Number {n}"',
            f"  encoding  001 {n:09b} . x:3",
            f'  see       TM "page {n}"',
            "  expect    innocuous",
            "",
            "  let old = a[x]",
            f"  a[x] = old + {n}",
            "",
        ]
    number = 0
    while len(lines) < LINES // 2:
        lines += [
            f"function f{number}(v : u16) -> u16",
            f"  let w = v + {number}",
            "  if w == 0",
            "    return 1",
            "  return w & v",
            "",
        ]
        number += 1
    lines += [f"# Comment {n}" for n in range(LINES - len(lines))]
    return "".join(f"{line}\n" for line in lines)


def test_a_valid_file_of_100_000_lines_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    text = large()
    assert text.count("\n") == LINES
    (tmp_path / "large.isa").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert main(["check", "large.isa", "--json"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    (result,) = json.loads(out)["results"]
    assert result["summary"]["forms"] == INSTRUCTIONS + 1
    assert result["summary"]["innocuous"] == INSTRUCTIONS + 1


def test_all_errors_are_found_in_it_too() -> None:
    text = GOOD + "# a comment\n" * LINES + "constant N = nowhere\n"
    with pytest.raises(PopekError) as caught:
        load_source(text)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.span is not None
    assert (diagnostic.code, diagnostic.span.line) == ("E0201", text.count("\n"))


def test_too_many_forms_are_refused() -> None:
    families = "".join(
        f"family f{k}(n{k} : u8)\n" + "".join(f"  A{i}  {i:08b}\n" for i in range(150))
        for k in (1, 2)
    )
    with pytest.raises(PopekError, match="more than 20,000 forms"):
        load_source(spec(families + "instruction f1.f2\n  encoding n1 n2\n  skip\n"))
