"""`popek explain SPEC INSTRUCTION`: why it has its class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

import popek
from popek.cli import options
from popek.cli.bugs import report_disagreement
from popek.cli.exits import Exit
from popek.cli.output import emit, emit_json, say, say_diagnostics
from popek.cli.session import Session
from popek.diagnostics import PopekError, did_you_mean
from popek.isa import ir
from popek.isa.footprint import reads, writes
from popek.report.explain_json import explain_document
from popek.report.explain_text import explanation, named_rows
from popek.report.names import is_named
from popek.report.style import for_stdout
from popek.report.view import view
from popek.theory.host import choosable
from popek.theory.prover import Disagreement
from popek.theory.verdict import Class


@click.command("explain")
@options.spec
@click.argument("instruction", metavar="INSTRUCTION")
@options.proving
@options.output
def command(
    spec: str,
    instruction: str,
    reading: options.Reading,
    host: Mapping[str, int | str],
    top: str | None,
    budget: int | None,
    no_simplify: bool,
    keep_smt2: Path | None,
    format: str | None,
) -> int:
    """Explain the class of INSTRUCTION, a mnemonic or an instruction's name.

    Shows the spec's lines, two states side by side, what a hypervisor would see, and the queries
    that the verdict rests on. Exits 1 if a form is critical, 4 if one is undecided.
    """
    as_json = options.chosen_format(format) == "json"
    isa = popek.load(spec)
    if not any(is_named(form, instruction) for form in isa.forms):
        known = {form.mnemonic for form in isa.forms} | {form.name for form in isa.forms}
        raise PopekError.at(
            "E0201",
            f"no instruction has the mnemonic or name `{instruction}`",
            path=isa.path,
            hint=did_you_mean(instruction, known),
        )
    with Session(host, top, budget, not no_simplify, keep_smt2) as session:
        session.validate(isa)
        say_diagnostics(isa.warnings)
        try:
            named = [form for form in isa.forms if is_named(form, instruction)]
            result, stats = session.check(concerned(isa, instruction), partial=True, about=named)
        except Disagreement as error:
            return report_disagreement(isa.path, isa.sha256, error)
    seen = view(result, reading)
    if as_json:
        emit_json(explain_document(seen, instruction, stats))
    else:
        emit(for_stdout(explanation(seen, instruction)))
    if result.interrupted:
        say("popek: interrupted; the explanation is partial")
        return Exit.INTERRUPTED
    kinds = {row.kind for row in named_rows(seen, instruction)}
    if Class.CRITICAL in kinds:
        return Exit.FAILS
    return Exit.UNDECIDED if Class.UNDECIDED in kinds else Exit.HOLDS


def concerned(isa: ir.Isa, instruction: str) -> ir.Isa:
    """The ISA with the forms that have a say in the instruction's class.

    Those are its own, and all that touch a control or loadable that the host has to choose together
    with one that it touches: the choice is then the one that all forms together give.
    """
    choices = {c.name for c in choosable(isa)}
    touched = [(reads(f.body) | writes(f.body)) & choices for f in isa.forms]
    kept = [is_named(form, instruction) for form in isa.forms]
    together: set[str] = set()
    while True:
        more = {n for names, k in zip(touched, kept, strict=True) if k for n in names} - together
        if not more:
            break
        together |= more
        kept = [k or bool(names & together) for k, names in zip(kept, touched, strict=True)]
    return replace(isa, forms=tuple(f for f, k in zip(isa.forms, kept, strict=True) if k))
