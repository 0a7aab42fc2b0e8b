"""`python -m benchmarks [NAME ...]`: runs benchmarks, prints a table, writes JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from benchmarks.measures import BENCHMARKS, Plan
from benchmarks.table import Row, document, text
from popek.resources import list_specs


@click.command(name="benchmarks", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option("--spec", "specs", multiple=True, help="Instead of all bundled specs.  Repeatable.")
@click.option("--main", help="The spec of start, building and baseline: ia32, or the first --spec.")
@click.option("--sample", default=200, show_default=True, help="Obligations for the baseline.")
@click.option("--seed", default=1, show_default=True, help="Draws them.")
@click.option("--limit", default=10.0, show_default=True, help="Seconds for each of them.")
@click.option("--starts", default=5, show_default=True, help="Processes started per command.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Where the JSON goes.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
def command(
    names: tuple[str, ...],
    specs: tuple[str, ...],
    main: str | None,
    sample: int,
    seed: int,
    limit: float,
    starts: int,
    path: Path | None,
    quiet: bool,
) -> None:
    """Measures popek against the targets of solver.md.

    Without a NAME, everything: start, decided, building, baseline, repeat, oracles.
    """

    def say(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    plan = Plan(
        specs=specs or list_specs(),
        main=main or (specs[0] if specs else "ia32"),
        sample=sample,
        seed=seed,
        limit=limit,
        starts=starts,
        say=say,
    )
    rows: list[Row] = []
    try:
        for name, benchmark in BENCHMARKS.items():
            if name in names or not names:
                rows += benchmark(plan)
    except KeyboardInterrupt:
        say("interrupted")
    click.echo(text(rows))
    if path is not None:
        path.write_text(json.dumps(document(rows, plan.details), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(command())
