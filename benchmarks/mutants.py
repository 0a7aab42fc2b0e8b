"""`python -m benchmarks.mutants SPEC RECORDING`: how many faults in a spec does validation notice?

Mutants are drawn by seed from all sites of all forms of which the recording has cases.  What the
cases do not kill is put to the solver: a mutant that comes to the same in every state is none, and
is not counted; for each other one a case is made that tells it from its form.  With `--on` the
oracle is asked of it: what it shows kills, too, and `--record` adds it to the recording; what it
cannot show (`beyond`, with its reason) is counted apart.  Survivors are printed with their lines.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import click

from popek.cli.validate import on_bench
from popek.isa import ir
from popek.oracles.catalogue import known
from popek.oracles.oracle import Oracle, Outcome, Refused
from popek.smt import Sat, Undecided, Unsat
from popek.smt.z3_conditions import Z3Conditions
from popek.validation.cases import Made, made_of
from popek.validation.disagreements import Row, table
from popek.validation.ground import Ground
from popek.validation.home import with_home
from popek.validation.mutants import Mutant, draw, killed
from popek.validation.prediction import Silent, predict
from popek.validation.recording import Header, Recorded, by_form, read, write
from popek.validation.run import remade
from popek.validation.search import Search
from popek.validation.stepping import CLAUSE, Stepped, Stepper
from popek.validation.telling import Telling


@click.command(name="mutants", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("spec")
@click.argument("recording", type=click.Path(exists=True, path_type=Path))
@click.option("--count", default=500, show_default=True, help="Mutants drawn.")
@click.option("--seed", default=1, show_default=True, help="Draws them.")
@click.option("--on", "name", help="The oracle of the recording: shows the cases that are made.")
@click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write there the recording, with the cases that killed what it did not.",
)
def command(
    spec: str, recording: Path, count: int, seed: int, name: str | None, record: Path | None
) -> None:
    """The mutation score of SPEC on the cases of RECORDING."""
    header, recorded = read(recording)
    isa = on_bench(spec, header.spec, header.bench.conditions)
    entries = dict(by_form(recorded))
    shown = replace(isa, forms=tuple(f for f in isa.forms if f.key in entries))
    forms = {form.key: form for form in shown.forms}
    bench = _Bench(isa, header, None if name is None else _opened(name, isa.title))
    mutants = draw(shown, seed, count)
    score: Counter[str] = Counter()
    for key, group in _grouped(mutants).items():
        past = list(remade(isa, forms[key], header, entries[key]))
        for mutant in group:
            verdict = bench.judged(forms[key], mutant, past)
            score[verdict] += 1
            if not verdict.startswith("killed"):
                where = f"{mutant.span.source.path}:{mutant.span.line}"
                click.echo(f"{verdict}: {where}: {mutant.form.name}: {mutant.what}")
    if record is not None:
        write(record, header, [*recorded, *bench.made])
    of = sum(n for verdict, n in score.items() if verdict in (*KILLED, *SURVIVED))
    kills = sum(score[verdict] for verdict in KILLED)
    click.echo(f"{isa.title}, seed {seed}: {len(mutants)} mutants of {len(shown.forms)} forms")
    for verdict, n in sorted(score.items()):
        click.echo(f"{n:6}  {verdict}")
    click.echo(f"{kills} of {of} killed, {kills / max(of, 1):.1%}, of those that a case could kill")


KILLED = ("killed", "killed by a case made for it")
SURVIVED = ("survived", "undecided")


@dataclass
class _Bench:
    """What decides what becomes of a mutant; `made` are the cases that it took."""

    isa: ir.Isa
    header: Header
    oracle: Oracle | None
    made: list[Recorded] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows: Sequence[Row] = table(self.header.oracle.name)

    @cached_property
    def ground(self) -> Ground:
        """The bench, with a home to start from."""
        return Ground(with_home(self.isa, self.header.bench, self.header.seed))

    def judged(self, form: ir.Form, mutant: Mutant, past: list[tuple[Made, Outcome]]) -> str:
        """The verdict; a case that was made is from then on among the form's."""
        found = killed(self.isa, mutant, past, self.rows, self.header.bench)
        if found is None:
            return "cannot be run"
        if found:
            return "killed"
        stepper = Stepper.of(self.isa, form, self.ground)
        telling = Telling(self.isa, form, Search(stepper, Z3Conditions()), self.ground.home)
        match telling.same(mutant.form):
            case Unsat():
                return "equivalent"
            case Undecided():
                return "undecided"
            case Sat(model=model):
                return self._told(form, mutant, telling.states(mutant.form, model), past)

    def _told(
        self,
        form: ir.Form,
        mutant: Mutant,
        telling: Iterator[Stepped],
        past: list[tuple[Made, Outcome]],
    ) -> str:
        verdict = "survived"
        for made in self._telling(form, mutant, telling):
            said = predict(self.isa, form, made.fields, made.case, self.header.bench)
            if isinstance(said, Silent):
                verdict = f"beyond: {said.why}"
            elif self.oracle is None:
                return "survived"
            else:
                (answer,) = self.oracle.run([made.case])
                match answer:
                    case Outcome():
                        shown = [(made, answer)]
                        if killed(self.isa, mutant, shown, self.rows, self.header.bench):
                            past.append((made, answer))
                            entry = Recorded.of(form.key, made.world, made.case, answer)
                            self.made.append(entry)
                            return "killed by a case made for it"
                        return "survived"
                    case Refused(why=why):
                        verdict = f"beyond: {why}"
                    case _:
                        pass
        return verdict

    def _telling(self, form: ir.Form, mutant: Mutant, telling: Iterator[Stepped]) -> Iterator[Made]:
        """Cases of which the two readings say something else."""
        for run in telling:
            made = made_of(self.isa, CLAUSE, run, self.ground)
            says = [
                predict(self.isa, f, made.fields, made.case, self.header.bench)
                for f in (form, mutant.form)
            ]
            if says[0] != says[1]:
                yield made


def _opened(name: str, title: str) -> Oracle:
    (entry,) = (entry for entry in known(name) if title in entry.titles)
    return entry.open(title)


def _grouped(mutants: list[Mutant]) -> dict[tuple[str, str], list[Mutant]]:
    found: dict[tuple[str, str], list[Mutant]] = {}
    for mutant in mutants:
        found.setdefault(mutant.form.key, []).append(mutant)
    return found


if __name__ == "__main__":
    sys.exit(command())
