"""The verbs by name; each is imported only when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from popek.diagnostics import did_you_mean

VERBS: Final = {
    "check": "Classify every instruction form, decide theorems 1 to 3.",
    "explain": "Why: the spec's lines, the two states, what differs.",
    "diff": "Which verdicts changed between two ISAs, because of which lines.",
    "prove": "Equivalence, resource control, efficiency of hypervisor designs.",
    "run": "A guest under a hypervisor design, beside the bare machine.",
    "validate": "Every path of every form, run on emulators and compared.",
    "fmt": "Lay out specs and designs in the canonical way.",
    "list": "The bundled specs and designs.",
    "doctor": "Whether everything that popek needs is there.",
    "asm": "Assembly to machine code, by the spec.",
    "disasm": "Machine code to assembly, by the spec.",
}
"""What `popek --help` says of each."""


class Verbs(click.Group):
    """Finds the command `command` in `popek.cli.VERB`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command = import_module(f"popek.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            hint = did_you_mean(name, VERBS) or f"popek has {', '.join(VERBS)}"
            ctx.fail(f"there is no verb {name}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))
