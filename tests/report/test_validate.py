"""The report of a validation, and its exit code."""

from __future__ import annotations

from functools import partial

import popek
from popek.cli.exits import Exit
from popek.cli.validate import outcome
from popek.report.style import plain_text
from popek.report.validate_json import validate_result
from popek.report.validate_text import validate_report
from popek.validation.disagreements import classified
from popek.validation.run import Options, validate
from tests.validation.mirror import Mirror, wrong_carry


def test_an_unclassified_disagreement_is_shown_and_fails() -> None:
    load = partial(popek.load, "m68000", only=["TRAPV"])
    isa = load()
    options = Options(seed=3, jobs=1, load=load)
    result = validate(isa, [Mirror(isa, wrong_carry)], options, lambda what, done, total: None)
    found = classified(isa, result, {"mirror": ()})
    text = plain_text(validate_report(isa, result, found, only=("TRAPV",)), 80)
    assert "68000" in text
    assert "mirror 1 (68000), seed 3" in text
    assert f"Unclassified: {len(found)} disagreements" in text
    assert outcome(result, found) is Exit.FAILS
    document = validate_result(isa, result, found)
    assert document["summary"]["by_class"]["unclassified"] == len(found)
    result.partial = True
    assert outcome(result, found) is Exit.INTERRUPTED
    assert "PARTIAL" in plain_text(validate_report(isa, result, found), 80)
