"""`popek run GUEST --under DESIGN`: a guest under a design, beside the bare machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

import click

import popek
from popek.cli import options
from popek.cli.exits import Exit
from popek.cli.output import emit, emit_json, say
from popek.diagnostics import PopekError, did_you_mean
from popek.guest.image import Guest, read_guest
from popek.hypervisor.design import Design
from popek.hypervisor.load import load_design
from popek.hypervisor.running import Beside, Ran, Setting, Shown
from popek.hypervisor.running_rules import selecting
from popek.hypervisor.running_start import Image
from popek.isa import ir
from popek.report.document import document
from popek.report.run_json import SCHEMA, run_result
from popek.report.run_text import run_report, trace_line
from popek.report.style import for_stdout
from popek.resources import design_path
from popek.theory.verdict import Class

#: Steps where neither the command line nor the guest says how many.
STEPS = 10_000


@click.command("run")
@click.argument("guest", metavar="GUEST", type=click.Path(path_type=Path))
@click.option(
    "--under",
    "names",
    metavar="DESIGN",
    required=True,
    multiple=True,
    help="The hypervisor; repeated, each is the machine of the next.",
)
@click.option("--trace", is_flag=True, help="Show every step.")
@click.option("--steps", metavar="N", type=click.IntRange(min=1), help="At most so many.")
@options.by_name(
    "--host",
    "host",
    "'NAME = N'",
    "A parameter of the (innermost) design's host.  Repeatable.",
)
@options.by_name(
    "--interrupt",
    "interrupts",
    "'NAME = N'",
    "The real machine's comes where it is due, after every N steps at the earliest; 0: never.",
)
@options.output
def command(
    guest: Path,
    names: tuple[str, ...],
    trace: bool,
    steps: int | None,
    host: Mapping[str, int | str],
    interrupts: Mapping[str, int | str],
    format: str | None,
) -> int:
    """Run GUEST, a description (NAME.json beside NAME.bin) or a flat image, over integers.

    It runs as the spec says, under DESIGN and on the bare machine.  After every step the two are
    compared.  Exits 0 if all steps agree, 1 at the first that does not.
    """
    as_json = options.chosen_format(format) == "json"
    try:
        return _run(guest, names, trace, steps, host, interrupts, as_json)
    except PopekError as error:
        if as_json:
            emit_json(document(SCHEMA, [], error.diagnostics))
        raise


def _run(
    guest: Path,
    names: tuple[str, ...],
    trace: bool,
    steps: int | None,
    host: Mapping[str, int | str],
    interrupts: Mapping[str, int | str],
    as_json: bool,
) -> Exit:
    found = read_guest(guest)
    designs = [load_design(design_path(name)) for name in names]
    isa = designs[-1].isa
    for design in designs[:-1]:
        if design.isa.sha256 != isa.sha256:
            raise click.UsageError(f"--under: {design.title} is for {design.isa.title}")
    setting = Setting(
        Image({next(iter(isa.memories)): found.cells(isa)}, found.entry),
        {**found.host, **_numbers("--host", host, _parameters(designs[-1]))},
        {**found.interrupts, **_numbers("--interrupt", interrupts, _interrupts(isa))},
    )
    _checked(found, designs[-1])
    shown: list[Shown] = []

    def watch(one: Shown) -> None:
        if as_json:
            shown.append(one)
        else:
            emit(trace_line(isa, one))

    begun = perf_counter()
    beside = Beside(
        designs, setting, selecting(isa, lambda: _classes(isa)), watch if trace else None
    )
    ran = beside.run(steps or found.steps or STEPS)
    stats = {"seconds": round(perf_counter() - begun, 3)}
    if as_json:
        result = run_result(found.name, designs, ran, shown if trace else None, stats)
        emit_json(document(SCHEMA, [result]))
    else:
        emit(for_stdout(run_report(found.name, designs, ran)))
    if ran.interrupted:
        say("popek: interrupted; the run is partial")
    return outcome(ran)


def outcome(ran: Ran) -> Exit:
    """What a run comes to."""
    if ran.interrupted:
        return Exit.INTERRUPTED
    return Exit.HOLDS if ran.difference is None else Exit.FAILS


def _classes(isa: ir.Isa) -> Mapping[tuple[str, str], Class]:
    """Proved, where a rule of the design depends on them."""
    say(f"popek: the design's rules depend on the classes of {isa.title}: checking it")
    return {v.form.key: v.kind for v in popek.check(isa).verdicts}


def _parameters(design: Design) -> tuple[str, ...]:
    return (*design.parameters, *(c.name for c in design.isa.components.values() if c.size is None))


def _interrupts(isa: ir.Isa) -> tuple[str, ...]:
    return tuple(i.name for i in isa.interrupts)


def _numbers(option: str, given: Mapping[str, int | str], known: tuple[str, ...]) -> dict[str, int]:
    """Settings by name.  Raises UsageError for a name that is not known, or no number."""
    result: dict[str, int] = {}
    for name, value in given.items():
        if name not in known:
            hint = did_you_mean(name, known) or f"there is {', '.join(known)}"
            raise click.UsageError(f"{option}: there is no {name}; {hint}")
        if not isinstance(value, int):
            raise click.UsageError(f"{option}: {name} is a number")
        result[name] = value
    return result


def _checked(guest: Guest, design: Design) -> None:
    """Raises PopekError where the description names what the design does not have."""
    for names, known in (
        (guest.host, _parameters(design)),
        (guest.interrupts, _interrupts(design.isa)),
    ):
        for name in names:
            if name not in known:
                raise PopekError.at(
                    "E1101",
                    f"{design.title} has no `{name}`",
                    path=f"{guest.name}.json",
                    hint=did_you_mean(name, known),
                )
