"""`popek validate SPEC --on ORACLE[,ORACLE]`: every path of every form, run on emulators."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import RenderableType

import popek
from popek.cli import options
from popek.cli.bugs import report_bug
from popek.cli.exits import Exit, worst
from popek.cli.output import emit, emit_json, say, say_diagnostics
from popek.cli.progress import Progress
from popek.diagnostics import Diagnostic, PopekError, did_you_mean
from popek.isa import ir
from popek.isa.load import load_source
from popek.oracles import OracleMissing
from popek.oracles.catalogue import CATALOGUE, Known, known
from popek.oracles.oracle import Oracle
from popek.report.check_text import together
from popek.report.document import document
from popek.report.style import for_stdout
from popek.report.validate_json import SCHEMA, validate_result
from popek.report.validate_text import validate_report
from popek.resources import spec_path
from popek.validation.disagreements import Blame, Classified, classified, table
from popek.validation.recording import BadRecording, Header, Recorded, read, write
from popek.validation.result import Validation
from popek.validation.run import Options, replay, validate
from popek.validation.store import Store


@click.command("validate")
@options.specs
@click.option(
    "--on",
    "names",
    metavar="ORACLE[,ORACLE]",
    help="The emulators that vote; popek doctor lists them. States are what all can show.",
)
@options.only
@click.option("--seed", type=int, default=1, show_default=True, help="Of all that is drawn.")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the results of forms there, and use those whose form has not changed.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=None,
    help="Processes that make cases; by default one for each processor.",
)
@click.option(
    "--clauses",
    is_flag=True,
    help="The clauses of forms alone, not the deliveries and translations that they lead to.",
)
@click.option(
    "--record",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write there what the first oracle shows.",
)
@click.option(
    "--recorded",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Instead of --on: compare with the answers in such a file.",
)
@options.output
def command(
    specs: tuple[str, ...],
    names: str | None,
    only: tuple[str, ...],
    seed: int,
    keep: Path | None,
    jobs: int | None,
    clauses: bool,
    record: Path | None,
    recorded: Path | None,
    format: str | None,
) -> int:
    """Run every path of every form of SPEC on emulators, and compare all of the state.

    Exits 0 if every disagreement is explained by the table and none by a fault of the spec, 4 if
    some paths are neither reached nor refuted.
    """
    as_json = options.chosen_format(format) == "json"
    if (names is None) == (recorded is None):
        raise click.UsageError("one of --on and --recorded is needed")
    if record is not None and (keep is not None or len(specs) > 1 or recorded is not None):
        raise click.UsageError("--record takes one SPEC, and every form anew: no --keep")
    wanted = [_known(name.strip()) for name in (names or "").split(",") if names]
    exits: list[Exit] = []
    errors: list[Diagnostic] = []
    documents: list[dict[str, Any]] = []
    reports: list[RenderableType] = []
    for name in specs:
        try:
            isa = popek.load(name, only=only)
            oracles = _opened(wanted, isa)
            past = None if recorded is None else _read(recorded, isa)
        except PopekError as error:
            errors += error.diagnostics
            exits.append(Exit.BAD_INPUT)
            continue
        except OracleMissing as error:
            say(f"popek: {error}")
            exits.append(Exit.ORACLE)
            continue
        say(f"popek: {isa.title} on {names or recorded}, seed {seed}")
        try:
            if past is not None:
                header, answers = past
                wanted_forms = {form.key for form in isa.forms}
                answers = tuple(a for a in answers if a.form in wanted_forms)
                result = replay(popek.load(name), header, answers)
            else:
                result = _validated(isa, name, only, oracles, seed, keep, jobs, clauses, record)
        except Exception as error:  # noqa: BLE001 -- the other specs are still validated
            exits.append(report_bug(error))
            continue
        rows = {o.name: table(o.name) for o in result.oracles}
        found = classified(isa, result, rows)
        documents.append(validate_result(isa, result, found))
        reports.append(validate_report(isa, result, found, only=only))
        exits.append(outcome(result, found))
        if result.partial:
            say(f"popek: interrupted while validating {isa.path}; the report is partial")
            break
    say_diagnostics(errors)
    if as_json:
        emit_json(document(SCHEMA, documents, errors))
    elif reports:
        emit(for_stdout(together(reports)))
    return worst(exits)


def _known(name: str) -> tuple[Known, ...]:
    found = known(name)
    if not found:
        have = list(dict.fromkeys(entry.name for entry in CATALOGUE))
        hint = did_you_mean(name, have) or f"popek has {', '.join(have)}"
        raise click.UsageError(f"--on: there is no oracle {name}; {hint}")
    return found


def _opened(wanted: Sequence[tuple[Known, ...]], isa: ir.Isa) -> list[Oracle]:
    """The oracles for a spec.  Raises OracleMissing, and UsageError for one of another ISA."""
    found: list[Oracle] = []
    for entries in wanted:
        entry = next((entry for entry in entries if isa.title in entry.titles), None)
        if entry is None:
            titles = ", ".join(title for e in entries for title in e.titles)
            raise click.UsageError(f"--on: {entries[0].name} runs {titles}, not {isa.title}")
        found.append(entry.open(isa.title))
    return found


def on_bench(spec: str, title: str, conditions: tuple[str, ...]) -> ir.Isa:
    """The whole spec of this title, with the conditions of a bench among its invariants."""
    if not conditions:
        return popek.load(spec)
    path = spec_path(spec)
    added = "".join(f"invariant {condition}\n" for condition in conditions)
    text = f'isa "{title}" extends "{path.name}"\n\n{added}'
    return replace(load_source(text, "bench.isa", path.parent), path=str(path))


def _validated(
    isa: ir.Isa,
    name: str,
    only: tuple[str, ...],
    oracles: Sequence[Oracle],
    seed: int,
    keep: Path | None,
    jobs: int | None,
    clauses: bool,
    record: Path | None,
) -> Validation:
    answers: list[Recorded] = []
    conditions = tuple(dict.fromkeys(c for o in oracles for c in o.bench.conditions))
    load = partial(on_bench, name, isa.title, conditions)
    settings = Options(
        seed=seed,
        jobs=min(jobs or os.cpu_count() or 1, len(isa.forms)),
        load=load,
        only=frozenset(form.key for form in isa.forms) if only else None,
        clauses=clauses,
        store=None if keep is None else partial(Store, keep),
        record=None if record is None else answers.append,
    )
    with Progress(isa) as progress:
        result = validate(load(), oracles, settings, progress)
    if record is not None and result.bench is not None and not result.partial and not result.lost:
        oracle = oracles[0]
        names = "".join(f" --only {n}" for n in only)
        command = f"popek validate {name} --on {oracle.identity.name}{names} --seed {seed}"
        header = Header(f"{command} --record FILE", isa.title, seed, oracle.identity, result.bench)
        write(record, header, answers)
    return result


def _read(path: Path, isa: ir.Isa) -> tuple[Header, tuple[Recorded, ...]]:
    """A recording for the spec.  Raises UsageError for another file."""
    try:
        header, found = read(path)
    except BadRecording as error:
        raise click.UsageError(f"--recorded: {error}") from None
    if header.spec != isa.title:
        raise click.UsageError(f"--recorded: {path} is about {header.spec}, not {isa.title}")
    return header, found


def outcome(result: Validation, found: Sequence[Classified]) -> Exit:
    """What a validation comes to."""
    exits = [Exit.HOLDS]
    if any(c.blame in (Blame.SPEC, Blame.UNCLASSIFIED) for c in found):
        exits.append(Exit.FAILS)
    if any(s.unknown or s.cut for s in result.subjects):
        exits.append(Exit.UNDECIDED)
    if result.lost:
        exits.append(Exit.ORACLE)
    if result.partial:
        exits.append(Exit.INTERRUPTED)
    return worst(exits)
