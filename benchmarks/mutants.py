"""`python -m benchmarks.mutants SPEC RECORDING...`: does validation notice faults in a spec?

Mutants are drawn by seed from all sites of all forms, and laid beside what an oracle has shown: the
cases of the recordings and, with `--on`, of forms that they lack those that validation makes now.
What these do not kill is put to the solver: a mutant that comes to the same in every state is none,
and is not counted; for each other one a case is made that tells it from its form.  With `--on` the
oracle is asked of it: what it shows kills, too; what it cannot show (`beyond`, with its reason) is
counted apart.  Survivors are printed with their lines.  `--record` writes, for each mutant that the
recordings do not kill, a case that does.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import click

from popek.cli.validate import on_bench
from popek.isa import ir
from popek.oracles.catalogue import known
from popek.oracles.oracle import Bench, Oracle, Outcome, Refused
from popek.smt import Sat, Undecided, Unsat
from popek.smt.z3_conditions import Z3Conditions
from popek.validation.cases import Made, made_of
from popek.validation.disagreements import Row, table
from popek.validation.ground import Ground
from popek.validation.home import with_home
from popek.validation.mutants import Mutant, draw, draw_of_processor, kills
from popek.validation.prediction import Silent, predict
from popek.validation.recording import Header, Recorded, read, write
from popek.validation.run import Options, remade, validate
from popek.validation.search import Search
from popek.validation.stepping import CLAUSE, Stepped, Stepper
from popek.validation.telling import Telling


@click.command(name="mutants", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("spec")
@click.argument("recordings", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--count", default=500, show_default=True, help="Mutants drawn.")
@click.option("--seed", default=1, show_default=True, help="Draws them.")
@click.option("--on", "name", help="The oracle of the recordings: shows the cases that are made.")
@click.option(
    "--processor",
    is_flag=True,
    help="Draw from deliveries and translations; survivors may be equivalent.",
)
@click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write there the cases that killed what the recordings did not.",
)
def command(
    spec: str,
    recordings: tuple[Path, ...],
    count: int,
    seed: int,
    name: str | None,
    processor: bool,
    record: Path | None,
) -> None:
    """The mutation score of SPEC on the cases of RECORDINGS."""
    past = [read(path) for path in recordings]
    header, _ = past[0]
    if processor:
        if name is not None:
            raise click.UsageError("--processor asks no oracle: no --on")
        isa = on_bench(spec, header.spec, header.bench.conditions)
        _of_processor(isa, past, seed, count)
        return
    oracle = None if name is None else _opened(name, header.spec)
    isa = on_bench(spec, header.spec, (oracle or header).bench.conditions)
    forms = {form.key: form for form in isa.forms}
    groups = _grouped(draw(isa, seed, count))
    made: list[Recorded] = []
    if oracle is not None:
        lacking = groups.keys() - {entry.form for _, entries in past for entry in entries}
        bench = _validated(isa, oracle, header.seed, lacking, made.append)
        said = f"python -m benchmarks.mutants {spec} {' '.join(map(str, recordings))}"
        said += f" --on {name} --count {count} --seed {seed} --record FILE"
        header = Header(said, isa.title, header.seed, oracle.identity, bench)
    judge = _Judge(isa, header, oracle)
    score: Counter[str] = Counter()
    for key, group in groups.items():
        form = forms[key]
        known = [c for h, entries in past for c in _remade(isa, form, h, entries)]
        cases = _remade(isa, form, header, made)
        for mutant in group:
            verdict = judge.judged(form, mutant, known, cases)
            score[verdict] += 1
            if not verdict.startswith("killed"):
                where = f"{mutant.span.source.path}:{mutant.span.line}"
                click.echo(f"{verdict}: {where}: {form.name}: {mutant.what}")
    if record is not None:
        write(record, header, judge.killing)
    of = sum(n for verdict, n in score.items() if verdict in (*KILLED, *SURVIVED))
    dead = sum(score[verdict] for verdict in KILLED)
    click.echo(f"{isa.title}, seed {seed}: {score.total()} mutants of {len(groups)} forms")
    for verdict, n in sorted(score.items()):
        click.echo(f"{n:6}  {verdict}")
    click.echo(f"{dead} of {of} killed, {dead / max(of, 1):.1%}, of those that a case could kill")


def _of_processor(
    isa: ir.Isa, past: Sequence[tuple[Header, Sequence[Recorded]]], seed: int, count: int
) -> None:
    """The score of mutants of deliveries and translations, beside the cases of all forms."""
    shown = [
        (form, case.made, case.seen, rows, header.bench)
        for header, entries in past
        for rows in [table(header.oracle.name)]
        for form in isa.forms
        for case in _remade(isa, form, header, entries)
    ]
    dead = 0
    mutants = draw_of_processor(isa, seed, count)
    for mutant in mutants:
        try:
            killed = any(kills(mutant.isa, *case) for case in shown)
            verdict = "survived"
        except KeyError:
            killed, verdict = False, "cannot be run"
        dead += killed
        if not killed:
            where = f"{mutant.span.source.path}:{mutant.span.line}"
            click.echo(f"{verdict}: {where}: {mutant.where}: {mutant.what}")
    said = f"{isa.title}, seed {seed}: {dead} of {len(mutants)} mutants of deliveries and"
    click.echo(f"{said} translations killed, {dead / max(len(mutants), 1):.1%}")


KILLED = ("killed", "killed by a case of validation", "killed by a case made for it")
SURVIVED = ("survived", "undecided")


def _validated(
    isa: ir.Isa,
    oracle: Oracle,
    seed: int,
    keys: Set[tuple[str, str]],
    record: Callable[[Recorded], None],
) -> Bench:
    """Has forms validated on the oracle; returns the bench, with the home that was found."""
    options = Options(
        seed=seed, jobs=1, load=lambda: isa, only=frozenset(keys), clauses=True, record=record
    )

    def progress(what: str, done: int, total: int) -> None:
        click.echo(f"{what}, {done} of {total} forms", err=True)

    bench = validate(isa, [oracle], options, progress).bench
    assert bench is not None, "interrupted"
    return bench


@dataclass(frozen=True)
class _Case:
    """A case with what an oracle showed of it, and the two as they are recorded."""

    made: Made
    seen: Outcome
    entry: Recorded


def _remade(isa: ir.Isa, form: ir.Form, header: Header, entries: Iterable[Recorded]) -> list[_Case]:
    """Those of a form."""
    return [
        _Case(made, seen, entry)
        for entry in entries
        if entry.form == form.key
        for made, seen in remade(isa, form, header, [entry])
    ]


@dataclass
class _Judge:
    """Decides what becomes of a mutant; `killing` are the cases that it took, beside the known."""

    isa: ir.Isa
    header: Header
    oracle: Oracle | None
    killing: list[Recorded] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows: Sequence[Row] = table(self.header.oracle.name)

    @cached_property
    def ground(self) -> Ground:
        """The bench, with a home to start from."""
        return Ground(with_home(self.isa, self.header.bench, self.header.seed))

    def judged(
        self, form: ir.Form, mutant: Mutant, known: list[_Case], cases: Sequence[_Case]
    ) -> str:
        """The verdict; a case that it took is from then on among the known."""
        try:
            return self._verdict(form, mutant, known, cases)
        except KeyError:
            return "cannot be run"  # it uses what it does not bind any more

    def _verdict(
        self, form: ir.Form, mutant: Mutant, known: list[_Case], cases: Sequence[_Case]
    ) -> str:
        if self._killer(mutant, known) is not None:
            return "killed"
        if (killer := self._killer(mutant, cases)) is not None:
            self._keep(killer, known)
            return "killed by a case of validation"
        stepper = Stepper.of(self.isa, form, self.ground)
        telling = Telling(self.isa, form, Search(stepper, Z3Conditions()), self.ground.home)
        match telling.same(mutant.form):
            case Unsat():
                return "equivalent"
            case Undecided():
                return "undecided"
            case Sat(model=model):
                return self._told(form, mutant, telling.states(mutant.form, model), known)

    def _killer(self, mutant: Mutant, cases: Iterable[_Case]) -> _Case | None:
        """A case that kills it."""
        bench = self.header.bench
        form = mutant.form
        return next(
            (c for c in cases if kills(self.isa, form, c.made, c.seen, self.rows, bench)), None
        )

    def _keep(self, killer: _Case, known: list[_Case]) -> None:
        known.append(killer)
        self.killing.append(killer.entry)

    def _told(
        self, form: ir.Form, mutant: Mutant, telling: Iterator[Stepped], known: list[_Case]
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
                        entry = Recorded.of(form.key, made.world, made.case, answer)
                        case = _Case(made, answer, entry)
                        if self._killer(mutant, [case]) is None:
                            return "survived"
                        self._keep(case, known)
                        return "killed by a case made for it"
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
