"""`popek list`: the bundled specs and designs."""

from __future__ import annotations

import click

from popek.cli import options
from popek.cli.exits import Exit
from popek.cli.output import emit, emit_json
from popek.report.specs import list_document, list_report
from popek.report.style import for_stdout
from popek.resources import list_designs, list_specs


@click.command("list")
@options.output
def command(format: str | None) -> int:
    """List the bundled specs and designs by the names that other verbs take."""
    if options.chosen_format(format) == "json":
        emit_json(list_document(list_specs(), list_designs()))
    else:
        emit(for_stdout(list_report(list_specs(), list_designs())))
    return Exit.HOLDS
