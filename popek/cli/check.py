"""`popek check SPEC...`: every form classified, theorems 1 to 3 decided."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import RenderableType

import popek
from popek.cli import options
from popek.cli.bugs import report_bug, report_disagreement
from popek.cli.exits import Exit, worst
from popek.cli.output import emit, emit_json, say, say_diagnostics
from popek.cli.session import Session
from popek.diagnostics import Diagnostic, PopekError
from popek.isa import ir
from popek.report.check_json import SCHEMA, check_result
from popek.report.check_text import check_report, together
from popek.report.document import document
from popek.report.expectations import expectations
from popek.report.style import for_stdout
from popek.report.view import View, view
from popek.theory.prover import Disagreement
from popek.theory.verdict import Class


@click.command("check")
@options.specs
@options.only
@options.proving
@click.option(
    "--expected",
    is_flag=True,
    help="Ask whether every form has the class that its `expect` line declares.",
)
@options.output
def command(
    specs: tuple[str, ...],
    only: tuple[str, ...],
    reading: options.Reading,
    host: Mapping[str, int | str],
    top: str | None,
    budget: int | None,
    no_simplify: bool,
    keep_smt2: Path | None,
    expected: bool,
    format: str | None,
) -> int:
    """Classify every instruction form of SPEC and decide theorems 1 to 3.

    Exits 0 if no form is critical; with --expected, if every declared class is met and every
    critical form is declared critical.
    """
    as_json = options.chosen_format(format) == "json"
    exits: list[Exit] = []
    errors: list[Diagnostic] = []
    loaded: list[ir.Isa] = []
    with Session(host, top, budget, not no_simplify, keep_smt2) as session:
        for name in specs:
            try:
                isa = popek.load(name, only=only)
            except PopekError as error:
                errors += error.diagnostics
                exits.append(Exit.BAD_INPUT)
                continue
            session.validate(isa)
            loaded.append(isa)
        say_diagnostics([*errors, *(w for isa in loaded for w in isa.warnings)])
        shown: list[tuple[View, dict[str, Any]]] = []
        for isa in loaded:
            try:
                result, stats = session.check(isa, partial=bool(only))
            except Disagreement as error:
                exits.append(report_disagreement(isa.path, isa.sha256, error))
                continue
            except KeyboardInterrupt:
                say(f"popek: interrupted while checking {isa.path}")
                exits.append(Exit.INTERRUPTED)
                break
            except Exception as error:  # noqa: BLE001 -- the other specs are still checked
                exits.append(report_bug(error))
                continue
            shown.append((view(result, reading), stats))
            exits.append(outcome(shown[-1][0], expected=expected))
            if result.interrupted:
                say(f"popek: interrupted while checking {isa.path}; the report is partial")
                exits.append(Exit.INTERRUPTED)
                break
    if as_json:
        emit_json(document(SCHEMA, [check_result(v, stats) for v, stats in shown], errors))
    elif shown:
        reports: list[RenderableType] = [check_report(v, expected=expected) for v, _ in shown]
        emit(for_stdout(together(reports)))
    return worst(exits)


def outcome(view: View, *, expected: bool) -> Exit:
    """What the verdicts on one spec come to."""
    if expected:
        found = expectations(view.check.verdicts)
        if any(e.surprising for e in found):
            return Exit.FAILS
        return Exit.UNDECIDED if any(e.open for e in found) else Exit.HOLDS
    if view.of(Class.CRITICAL):
        return Exit.FAILS
    return Exit.UNDECIDED if view.of(Class.UNDECIDED) else Exit.HOLDS
