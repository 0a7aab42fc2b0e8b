"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from popek.diagnostics import did_you_mean
from popek.isa import ir
from popek.report.choices import parse_setting

F = TypeVar("F", bound=Callable[..., Any])

Format = Literal["text", "json"]
Reading = Literal["direct", "general", "pg74"]


def specs(function: F) -> F:
    """One SPEC or more."""
    return click.argument("specs", nargs=-1, required=True, metavar="SPEC...")(function)


def spec(function: F) -> F:
    """One SPEC."""
    return click.argument("spec", metavar="SPEC")(function)


def designs(function: F) -> F:
    """One DESIGN or more."""
    return click.argument("designs", nargs=-1, required=True, metavar="DESIGN...")(function)


def only(function: F) -> F:
    """`--only`."""
    return click.option(
        "--only",
        "only",
        metavar="NAME",
        multiple=True,
        help="Just the instructions with this mnemonic or name. Repeatable.",
    )(function)


def output(function: F) -> F:
    """`--json`, `--format`; the verb gets `format`."""
    for option in (
        click.option(
            "--format",
            "format",
            type=click.Choice(["text", "json"]),
            default=None,
            help="A report to read, or one JSON document.",
        ),
        click.option(
            "--json",
            "json_",
            is_flag=True,
            callback=_json_is_a_format,
            expose_value=False,
            help="The same as --format json.",
        ),
    ):
        function = option(function)
    return function


def _json_is_a_format(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta["popek.json"] = True


def chosen_format(format: str | None) -> Format:
    """What `--json` and `--format` come to; raises UsageError if they contradict each other."""
    as_json = click.get_current_context().meta.get("popek.json", False)
    if as_json and format == "text":
        raise click.UsageError("--json and --format text contradict each other")
    return "json" if as_json or format == "json" else "text"


class Setting(click.ParamType[tuple[str, int | str]]):
    """`FIELD = VALUE`."""

    name = "setting"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int | str]:
        try:
            return value if isinstance(value, tuple) else parse_setting(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def settings(
    ctx: click.Context, parameter: click.Parameter, value: tuple[tuple[str, int | str], ...]
) -> Mapping[str, int | str]:
    """Settings by name; raises BadParameter where one is given twice."""
    result: dict[str, int | str] = {}
    for name, setting in value:
        if name in result:
            raise click.BadParameter(f"{name} is given twice", ctx, parameter)
        result[name] = setting
    return result


def by_name(flag: str, name: str, metavar: str, help: str) -> Callable[[F], F]:
    """An option that sets something by its name, and may be repeated."""
    return click.option(
        flag, name, metavar=metavar, type=Setting(), multiple=True, callback=settings, help=help
    )


def number(text: str, option: str) -> int:
    """A number in any base; raises UsageError."""
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if value < 0:
        raise click.UsageError(f"{option}: `{text}` is no number")
    return value


def context(function: F) -> F:
    """`--context`, for verbs that read or write code."""
    help = "A component by which code is read, such as a default operand size. Repeatable."
    return by_name("--context", "context", "'FIELD = N'", help)(function)


def checked_context(isa: ir.Isa, given: Mapping[str, int | str]) -> dict[str, int]:
    """The components with their values; raises UsageError for one that the spec does not have."""
    result: dict[str, int] = {}
    for name, value in given.items():
        component = isa.components.get(name)
        if component is None:
            hint = did_you_mean(name, isa.components)
            raise click.UsageError(
                f"--context: {isa.title} has no component {name}{f'; {hint}' if hint else ''}"
            )
        if not isinstance(value, int) or not 0 <= value < 1 << component.width:
            raise click.UsageError(f"--context: {name} is a number of {component.width} bits")
        result[name] = value
    return result


def solving(function: F) -> F:
    """The options of every verb that asks a solver."""
    for option in (
        click.option(
            "--keep-smt2",
            metavar="DIR",
            type=click.Path(file_okay=False, path_type=Path),
            help="Write what the solver is asked to files in this folder.",
        ),
        click.option(
            "--no-simplify",
            is_flag=True,
            help="Ask the solver what the rewriter would have decided.",
        ),
        click.option(
            "--budget",
            metavar="N",
            type=click.IntRange(min=1),
            help="The solver's steps per query (rlimit); the same N gives the same answers.",
        ),
        click.option(
            "--top", metavar="LEVEL", help="The guest's own levels range from this one down."
        ),
    ):
        function = option(function)
    return function


def proving(function: F) -> F:
    """And of those that classify forms, in a reading, under a choice of the host's."""
    function = solving(function)
    for option in (
        by_name(
            "--host",
            "host",
            "'FIELD = VALUE'",
            "Fix a control or loadable by hand: a number, loaded or held. Repeatable.",
        ),
        click.option(
            "--reading",
            type=click.Choice(["direct", "general", "pg74"]),
            default="direct",
            show_default=True,
            help="Which reading of the theorem the classes are shown in.",
        ),
    ):
        function = option(function)
    return function
