"""Wrong usage exits 2, says what to write instead, and prints nothing on stdout."""

from __future__ import annotations

from pathlib import Path

import pytest

from popek.cli import main
from popek.cli.verbs import VERBS
from tests.inputs.cases import GOOD

CHOICES = GOOD + 'control  C : u2  "a control"\nloadable L : u4\n'

WRONG = {
    "verb": (("chek", "good.isa"), "did you mean check?"),
    "verb-to-come": (("guest", "good.isa"), "there is no verb guest"),
    "no-spec": (("check",), "Missing argument 'SPEC...'"),
    "no-instruction": (("explain", "good.isa"), "Missing argument 'INSTRUCTION'"),
    "two-instructions": (("explain", "good.isa", "T", "U"), "unexpected extra argument"),
    "option": (("check", "good.isa", "--excepted"), "--expected"),
    "option-to-come": (("check", "good.isa", "--jobs", "2"), "No such option '--jobs'"),
    "option-without-value": (("check", "good.isa", "--only"), "requires an argument"),
    "format": (("check", "good.isa", "--format", "xml"), "'xml' is not one of 'text', 'json'"),
    "format-twice": (("check", "good.isa", "--json", "--format", "text"), "contradict"),
    "reading": (("check", "good.isa", "--reading", "smith"), "'smith' is not one of 'direct'"),
    "budget": (("check", "good.isa", "--budget", "0"), "0 is not in the range"),
    "budget-word": (("check", "good.isa", "--budget", "all"), "'all' is not a valid integer"),
    "host-unknown": (("check", "good.isa", "--host", "CC = 1"), "has no component CC"),
    "host-role": (("check", "good.isa", "--host", "R = 1"), "has the role resource"),
    "host-range": (("check", "good.isa", "--host", "C = 4"), "C has 2 bits; 4 does not fit"),
    "host-negative": (("check", "good.isa", "--host", "C = -1"), "--host"),
    "host-held": (("check", "good.isa", "--host", "C = held"), "--host"),
    "host-without-value": (("check", "good.isa", "--host", "C"), "--host"),
    "host-twice": (("check", "good.isa", "--host", "C=1", "--host", "C=2"), "C is given twice"),
    "top": (("check", "good.isa", "--top", "ring0"), "M has no level ring0"),
    "keep-smt2": (("check", "good.isa", "--keep-smt2", "good.isa"), "is a file"),
    "explain-host": (("explain", "good.isa", "T", "--host", "CC = 1"), "has no component CC"),
    "explain-top": (("explain", "good.isa", "T", "--top", "ring0"), "M has no level ring0"),
    "asm-address": (("asm", "good.isa", "a.s", "--address", "start"), "`start` is no number"),
    "asm-context": (("asm", "good.isa", "a.s", "--context", "CC = 1"), "has no component CC"),
    "asm-out": (("asm", "good.isa", "a.s", "-o", "nowhere/a"), "cannot be written"),
    "disasm-context": (("disasm", "good.isa", "a.s", "--context", "C = 9"), "number of 2 bits"),
    "list-argument": (("list", "good.isa"), "unexpected extra argument"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_usage(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "good.isa").write_text(CHOICES)
    (tmp_path / "a.s").write_text("t 1, 2\n")
    monkeypatch.chdir(tmp_path)
    arguments, says = WRONG[name]
    code = main(arguments)
    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    assert says in " ".join(err.split())
    assert "Error: " in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.s", "good.isa"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_refuses_an_unknown_option(verb: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--no-such-option"]) == 2
    assert "--no-such-option" in capfd.readouterr().err
