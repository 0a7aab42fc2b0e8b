"""`popek doctor`: whether everything that popek needs is there."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator

import click

from popek import __version__
from popek.cli import options
from popek.cli.exits import Exit
from popek.cli.output import emit, emit_json
from popek.diagnostics import PopekError
from popek.oracles import OracleMissing
from popek.oracles.catalogue import CATALOGUE, Known
from popek.report.findings import Finding, State, doctor_document, doctor_report
from popek.report.style import for_stdout
from popek.report.tool import installed
from popek.resources import bundled, list_designs, list_specs, shown_path, spec_path
from popek.smt import Budget, Unsat, Z3Process, query
from popek.source import Source
from popek.syntax import grammar, parse
from popek.terms import Terms


@click.command("doctor")
@options.output
def command(format: str | None) -> int:
    """Say which parts of popek were found, and where. Exits 1 if one that it needs is missing."""
    findings = list(_findings())
    if options.chosen_format(format) == "json":
        emit_json(doctor_document(findings))
    else:
        emit(for_stdout(doctor_report(findings)))
    broken = any(finding.state is State.BROKEN for finding in findings)
    return Exit.FAILS if broken else Exit.HOLDS


def _findings() -> Iterator[Finding]:
    version = platform.python_version()
    yield Finding.of("python", sys.version_info >= (3, 11), version, sys.executable)
    yield Finding.of("popek", True, __version__, str(bundled("specs").parent))
    for name, distribution in (("z3", "z3-solver"), ("lark", "lark"), ("rich", "rich")):
        found = installed(distribution)
        yield Finding.of(name, found is not None, found or "", "" if found else "not installed")
    yield _solver()
    yield _grammar()
    yield _specs()
    designs = list_designs()
    yield Finding("designs", State.FOUND, str(len(designs)), str(bundled("designs")))
    for oracle in CATALOGUE:
        yield _oracle(oracle)


def _oracle(known: Known) -> Finding:
    """An oracle that `popek validate` can use: its version, or how to get it."""
    purpose = f"an oracle for {known.purpose}, optional"
    try:
        identity = known.open(known.titles[0]).identity
    except OracleMissing:
        return Finding(known.name, State.ABSENT, "", f"{purpose}: `{known.install}`")
    return Finding(known.name, State.FOUND, identity.version, purpose)


def _solver() -> Finding:
    """z3 answers, in a process of its own."""
    terms = Terms()
    x = terms.var("x", 8)
    goal = terms.eq(terms.mul(x, x), terms.const(3, 8))  # no square is 3 modulo 8
    with Z3Process() as solver:
        answer, _ = solver.solve(query("doctor", [goal]), Budget())
    return Finding.of("solver", isinstance(answer, Unsat), "", "answers in its own process")


def _grammar() -> Finding:
    """The grammar is found; its tables are kept if there is a place for them."""
    found = (bundled("grammars") / "isa.lark").is_file()
    folder = grammar.cache_folder()
    kept = sorted(p.name for p in folder.glob("*.lark-tables")) if folder.is_dir() else []
    where = f"tables kept in {folder}" if kept else f"tables not kept yet in {folder}"
    return Finding.of("grammar", found, "", where if found else f"missing in {bundled('grammars')}")


def _specs() -> Finding:
    """The bundled specs are found and parse."""
    names = list_specs()
    broken = []
    for name in names:
        path = spec_path(name)
        try:
            parse(Source.read(path, shown=shown_path(path)))
        except PopekError:
            broken.append(name)
    detail = f"do not parse: {', '.join(broken)}" if broken else str(bundled("specs"))
    return Finding.of("specs", bool(names) and not broken, str(len(names)), detail)
