"""`popek asm SPEC FILE -o OUT`: assembly to machine code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

import popek
from popek.cli import options
from popek.cli.exits import Exit
from popek.cli.output import emit, write_file
from popek.guest import Assembly, assembly
from popek.source import Source


@click.command("asm")
@options.spec
@click.argument("file", metavar="FILE")
@click.option("-o", "out", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--address", metavar="N", default="0", help="Where the code will lie.")
@options.context
def command(
    spec: str, file: str, out: Path | None, address: str, context: Mapping[str, int | str]
) -> int:
    """Assemble FILE by the encodings of SPEC into the flat image OUT.

    Without -o, prints a listing.
    """
    start = options.number(address, "--address")
    isa = popek.load(spec)
    source = Source.read(file)
    made = assembly(isa, source, options.checked_context(isa, context), start)
    if out is None:
        emit(listing(made))
    else:
        write_file(out, made.code)
    return Exit.HOLDS


def listing(made: Assembly) -> str:
    """Address, code and the line it comes from."""
    digits = max(4, len(f"{made.address + len(made.code):x}"))
    return "".join(
        f"{line.address:0{digits}x}  {line.code.hex():<16}  {line.span.text.strip()}\n"
        for line in made.lines
    )
