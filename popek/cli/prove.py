"""`popek prove DESIGN...`: is it a hypervisor, of which kind, and at what price?"""

from __future__ import annotations

from collections.abc import Iterable
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
from popek.hypervisor.design import Design
from popek.hypervisor.proof import Proof
from popek.report.check_text import together
from popek.report.document import document
from popek.report.prove_json import SCHEMA, prove_result
from popek.report.prove_text import prove_report
from popek.report.style import for_stdout
from popek.resources import design_files
from popek.theory.prover import Disagreement


@click.command("prove")
@options.designs
@options.only
@options.solving
@options.output
def command(
    designs: tuple[str, ...],
    only: tuple[str, ...],
    top: str | None,
    budget: int | None,
    no_simplify: bool,
    keep_smt2: Path | None,
    format: str | None,
) -> int:
    """Prove equivalence, resource control and efficiency of the hypervisor DESIGN, or refute them.

    DESIGN is a path, a folder, or a bundled name (popek list). Exits 0 if all is as the design
    says: what it claims is proved, or refuted at exactly the forms that an `expect` names.
    """
    as_json = options.chosen_format(format) == "json"
    exits: list[Exit] = []
    errors: list[Diagnostic] = []
    shown: list[tuple[Proof, dict[str, Any]]] = []
    with Session({}, top, budget, not no_simplify, keep_smt2) as session:
        for design in _loaded(designs, only, session, errors):
            try:
                proof, stats = session.prove(design, partial=bool(only))
            except PopekError as error:
                errors += error.diagnostics
                continue
            except Disagreement as error:
                exits.append(report_disagreement(design.path, design.sha256, error))
                continue
            except KeyboardInterrupt:
                say(f"popek: interrupted while proving {design.path}")
                exits.append(Exit.INTERRUPTED)
                break
            except Exception as error:  # noqa: BLE001 -- the other designs are still proved
                exits.append(report_bug(error))
                continue
            shown.append((proof, stats))
            exits.append(outcome(proof))
            if proof.interrupted:
                say(f"popek: interrupted while proving {design.path}; the report is partial")
                exits.append(Exit.INTERRUPTED)
                break
    say_diagnostics(errors)
    if errors:
        exits.append(Exit.BAD_INPUT)
    if as_json:
        emit_json(document(SCHEMA, [prove_result(p, stats) for p, stats in shown], errors))
    elif shown:
        reports: list[RenderableType] = [prove_report(proof) for proof, _ in shown]
        emit(for_stdout(together(reports)))
    return worst(exits)


def outcome(proof: Proof) -> Exit:
    """What the verdicts on one design come to."""
    answers = set(proof.claims.values())
    if False in answers:
        return Exit.FAILS
    return Exit.UNDECIDED if None in answers else Exit.HOLDS


def _loaded(
    names: Iterable[str], only: tuple[str, ...], session: Session, errors: list[Diagnostic]
) -> list[Design]:
    """The designs that are meant, each once; `errors` of those that cannot be read."""
    found: dict[Path, Design] = {}
    for name in names:
        try:
            for path in design_files(name):
                if path not in found:
                    found[path] = popek.load_design(path, only=only)
                    session.validate(found[path].isa)
        except PopekError as error:
            errors += error.diagnostics
    return list(found.values())
