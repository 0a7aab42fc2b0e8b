"""`popek disasm SPEC FILE`: machine code to assembly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

import popek
from popek.cli import options
from popek.cli.exits import Exit
from popek.cli.output import emit, write_file
from popek.guest import Disassembler
from popek.source import read_bytes


@click.command("disasm")
@options.spec
@click.argument("file", metavar="FILE")
@click.option("-o", "out", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--address", metavar="N", default="0", help="Where the code lies.")
@options.context
def command(
    spec: str, file: str, out: Path | None, address: str, context: Mapping[str, int | str]
) -> int:
    """Disassemble the flat image FILE by the encodings of SPEC.

    What is printed assembles to the same bytes; address and code are comments.
    """
    start = options.number(address, "--address")
    isa = popek.load(spec)
    code = read_bytes(file)
    lines = Disassembler(isa, options.checked_context(isa, context)).lines(code, start)
    text = f".org {start:#x}\n" if start else ""
    text += "".join(f"{x.text:<32} ; {x.address:04x}  {x.code.hex()}\n" for x in lines)
    if out is None:
        emit(text)
    else:
        write_file(out, text.encode())
    return Exit.HOLDS
