"""`popek diff SPEC SPEC`: which verdicts changed between two instruction sets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

import popek
from popek.cli import options
from popek.cli.bugs import report_disagreement
from popek.cli.exits import Exit
from popek.cli.output import emit, emit_json, say, say_diagnostics
from popek.cli.session import Session
from popek.diagnostics import Diagnostic, PopekError
from popek.isa import ir
from popek.report.changes import Comparison
from popek.report.diff_json import diff_document
from popek.report.diff_text import diff_report
from popek.report.style import for_stdout
from popek.report.view import View, view
from popek.theory.prover import Disagreement
from popek.theory.verdict import Class


@click.command("diff")
@click.argument("first", metavar="SPEC")
@click.argument("second", metavar="SPEC")
@options.only
@options.proving
@options.output
def command(
    first: str,
    second: str,
    only: tuple[str, ...],
    reading: options.Reading,
    host: Mapping[str, int | str],
    top: str | None,
    budget: int | None,
    no_simplify: bool,
    keep_smt2: Path | None,
    format: str | None,
) -> int:
    """Check two specs and say which forms have another class in the second, because of which lines.

    Exits 0 if no class changed and 1 if one did; 4 if none did but one is undecided.
    """
    as_json = options.chosen_format(format) == "json"
    isas = _loaded((first, second), only)
    checked: list[tuple[View, dict[str, Any]]] = []
    with Session(host, top, budget, not no_simplify, keep_smt2) as session:
        for isa in isas:
            session.validate(isa)
        say_diagnostics(warning for isa in isas for warning in isa.warnings)
        for isa in isas:
            try:
                result, stats = session.check(isa, partial=bool(only))
            except Disagreement as error:
                return report_disagreement(isa.path, isa.sha256, error)
            checked.append((view(result, reading), stats))
            if result.interrupted:
                break
    if len(checked) < len(isas):
        say("popek: interrupted before the second spec was checked")
        return Exit.INTERRUPTED
    (one, _), (two, _) = checked
    compared = Comparison(one, two)
    if as_json:
        emit_json(diff_document(compared, [stats for _, stats in checked]))
    else:
        emit(for_stdout(diff_report(compared)))
    if compared.interrupted:
        say("popek: interrupted; the comparison is partial")
        return Exit.INTERRUPTED
    if compared.changes:
        return Exit.FAILS
    return Exit.UNDECIDED if one.of(Class.UNDECIDED) or two.of(Class.UNDECIDED) else Exit.HOLDS


def _loaded(specs: tuple[str, ...], only: tuple[str, ...]) -> list[ir.Isa]:
    """Both specs.  Raises PopekError with the errors of both."""
    found: list[ir.Isa] = []
    errors: list[Diagnostic] = []
    for spec in specs:
        try:
            found.append(popek.load(spec, only=only))
        except PopekError as error:
            errors += error.diagnostics
    if errors:
        raise PopekError(errors)
    return found
