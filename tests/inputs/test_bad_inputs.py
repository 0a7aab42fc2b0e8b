"""Whatever the input: a clear error with its code and place, exit 3, and nothing half written.

`POPEK_UPDATE_GOLDEN=1 pytest tests/inputs` rewrites the expectations; read the difference.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from popek.cli import main
from tests.inputs.cases import CASES, GOOD, Case, spec

GOLDEN = Path(__file__).parent / "golden"

TERMINAL = re.compile(r"__ANON|\b_?[A-Z]{4,}\b|\bLark\b|UnexpectedToken|Traceback")
"""What a terminal of the grammar looks like; no message may name one."""


def tree(folder: Path) -> dict[str, bytes | str]:
    """Every file of a folder with its content; links and folders as what they are."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        else:
            found[name] = "folder" if path.is_dir() else path.read_bytes()
    return found


@pytest.mark.parametrize("case", CASES, ids=str)
def test_message(
    case: Case,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    case.write(tmp_path)
    before = tree(tmp_path)
    monkeypatch.chdir(tmp_path)
    code = main(case.arguments)
    out, err = capfd.readouterr()
    assert code == 3
    if "--json" in case.arguments:
        assert json.loads(out)["results"] == []
    else:
        assert out == ""
    assert tree(tmp_path) == before
    for line in err.splitlines():
        if line.startswith("error["):
            assert not TERMINAL.search(re.sub(r"`[^`]*`", "", line))
    text = f"$ popek {' '.join(case.arguments)}\n{err}exit {code}\n"
    golden = GOLDEN / f"{case.name}.txt"
    if os.environ.get("POPEK_UPDATE_GOLDEN") == "1":
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_every_expectation_has_its_case() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {*names, *WARNINGS}


WARNINGS = {
    "mask-register": "register IF : bool\n",
    "mask-control": "control IF : bool\n",
    "mask-without-host": "resource IF : bool\n",
}
INTERRUPT = "trap irq : interrupt\ninterrupt device when IF and M == user\n  raise irq\n"


@pytest.mark.parametrize("name", WARNINGS)
def test_a_mask_that_the_guest_could_hold_is_warned_about(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "bad.isa").write_text(spec(WARNINGS[name] + INTERRUPT))
    monkeypatch.chdir(tmp_path)
    code = main(["check", "bad.isa", "--json"])
    out, err = capfd.readouterr()
    (result,) = json.loads(out)["results"]
    assert [w["code"] for w in result["warnings"]] == ["W0501"]
    text = f"$ popek check bad.isa\n{err}exit {code}\n"
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("POPEK_UPDATE_GOLDEN") == "1":
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        f"resource IF : bool  host 1\n{INTERRUPT}",
        "register TF : bool\ntrap step : completes\ninterrupt single when TF\n  raise step\n",
        "resource timer : u16\ntrap irq : interrupt\n"
        "interrupt runs_out when timer == 1\n  timer = 0\n  raise irq\n",
    ],
    ids=["held", "single-step", "passes-by-itself"],
)
def test_other_conditions_of_interrupts_are_not(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.isa").write_text(spec(text))
    monkeypatch.chdir(tmp_path)
    assert main(["check", "good.isa", "--only", "T"]) == 0
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
def test_a_file_that_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "secret.isa"
    path.write_text(GOOD)
    path.chmod(0)
    monkeypatch.chdir(tmp_path)
    assert main(["check", "secret.isa"]) == 3
    assert capfd.readouterr().err == (
        "error[E0005]: the file cannot be read: Permission denied\n  --> secret.isa\n"
    )


def test_one_bad_spec_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.isa").write_text("isa (\n")
    (tmp_path / "good.isa").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert main(["check", "bad.isa", "nowhere.isa", "good.isa"]) == 3
    out, err = capfd.readouterr()
    assert re.findall(r"error\[(\w+)\]", err) == ["E0101", "E0001"]
    assert out.startswith("Good  good.isa  1 form")
