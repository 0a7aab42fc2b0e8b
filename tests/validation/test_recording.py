"""What was recorded is compared with the spec as it is today, without the oracle."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

import popek
from popek.cli.main import main
from popek.isa import ir
from popek.validation.recording import BadRecording, Header, Recorded, read, write
from popek.validation.run import Options, replay, validate
from tests.validation.mirror import Mirror

RECORDINGS = Path(__file__).parent / "recorded"


def recorded(path: Path) -> ir.Isa:
    """SWAP on the mirror."""
    load = partial(popek.load, "m68000", only=["SWAP"])
    isa, oracle = load(), Mirror(load())
    answers: list[Recorded] = []
    options = Options(seed=1, jobs=1, load=load, record=answers.append)
    validate(isa, [oracle], options, lambda what, done, total: None)
    write(path, Header("a command", isa.title, 1, oracle.identity, oracle.bench), answers)
    assert read(path)[1] == tuple(answers)
    return isa


def test_a_recording_agrees_until_the_spec_changes(tmp_path: Path) -> None:
    path = tmp_path / "swap.gz"
    isa = recorded(path)
    result = replay(isa, *read(path))
    assert result.total("agree") == result.total("cases") > 0
    assert result.total("exercised") == 1
    (form,) = isa.forms
    broken = replace(isa, forms=(replace(form, body=form.body[:-1]),))
    assert replay(broken, *read(path)).total("disagree") > 0


def test_other_files_are_no_recordings(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(b"no")
    with pytest.raises(BadRecording, match="cannot be read"):
        read(path)


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.gz")), ids=lambda path: path.stem)
def test_the_specs_agree_with_what_is_checked_in(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the oracle showed, by the command in the file's first line."""
    header, answers = read(path)
    spec = path.name.split(".")[0]
    validated = f"popek validate {spec} --on {header.oracle.name}"
    assert header.command.startswith((validated, f"python -m benchmarks.mutants {spec}"))
    assert main(["validate", spec, "--recorded", str(path), "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert result["summary"]["cases"] == len(answers) > 50
    assert result["summary"]["agree"] + result["summary"]["disagree"] == len(answers)
    assert result["summary"]["by_class"]["unclassified"] == 0
