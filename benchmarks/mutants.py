"""`python -m benchmarks.mutants SPEC RECORDING`: how many faults in a spec does validation notice?

Mutants are drawn by seed from all sites of all forms of which the recording has cases; each
survivor is printed, with its line.  A survivor is a case that is missing, or no fault at all.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import click

import popek
from popek.validation.disagreements import table
from popek.validation.mutants import Mutant, draw, killed
from popek.validation.recording import by_form, read
from popek.validation.run import remade


@click.command(name="mutants", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("spec")
@click.argument("recording", type=click.Path(exists=True, path_type=Path))
@click.option("--count", default=500, show_default=True, help="Mutants drawn.")
@click.option("--seed", default=1, show_default=True, help="Draws them.")
def command(spec: str, recording: Path, count: int, seed: int) -> None:
    """The mutation score of SPEC on the cases of RECORDING."""
    isa = popek.load(spec)
    header, recorded = read(recording)
    entries = dict(by_form(recorded))
    rows = table(header.oracle.name)
    shown = replace(isa, forms=tuple(f for f in isa.forms if f.key in entries))
    forms = {form.key: form for form in shown.forms}
    mutants = draw(shown, seed, count)
    score: Counter[str] = Counter()
    for key, group in _grouped(mutants).items():
        past = list(remade(isa, forms[key], header, entries[key]))
        for mutant in group:
            match killed(isa, mutant, past, rows, header.bench.unseen):
                case None:
                    score["cannot be run"] += 1
                case True:
                    score["killed"] += 1
                case False:
                    score["survived"] += 1
                    where = f"{mutant.span.source.path}:{mutant.span.line}"
                    click.echo(f"survived: {where}: {mutant.form.name}: {mutant.what}")
    of = score["killed"] + score["survived"]
    click.echo(f"{isa.title}, seed {seed}: {len(mutants)} mutants of {len(shown.forms)} forms")
    click.echo(
        f"{score['killed']} of {of} killed, {score['killed'] / max(of, 1):.1%}; {dict(score)}"
    )


def _grouped(mutants: list[Mutant]) -> dict[tuple[str, str], list[Mutant]]:
    found: dict[tuple[str, str], list[Mutant]] = {}
    for mutant in mutants:
        found.setdefault(mutant.form.key, []).append(mutant)
    return found


if __name__ == "__main__":
    sys.exit(command())
