"""A validation: cases are made by worker processes, and run on the oracles in batches here."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from time import perf_counter

from popek.isa import ir
from popek.oracles.oracle import (
    Answer,
    Bench,
    Case,
    Died,
    Identity,
    Oracle,
    OracleMissing,
    Outcome,
    Refused,
)
from popek.validation.cases import Made, Population, Subject, examples, made_of, population
from popek.validation.common import common
from popek.validation.ground import Ground
from popek.validation.home import with_home
from popek.validation.judging import Batch, Shown, judged
from popek.validation.likeness import models
from popek.validation.paths import Key
from popek.validation.prediction import Prediction, predict
from popek.validation.recording import Header, Recorded, by_form
from popek.validation.result import (
    Stats,
    Subjected,
    Validation,
)
from popek.validation.stepping import CLAUSE, Stepper, Unencodable
from popek.validation.store import Store, common_of
from popek.validation.world import World

#: Called with what is being done, how many subjects are done, and how many there are.
Progress = Callable[[str, int, int], None]

#: Cases that an oracle is given at once.
BATCH = 1500

#: How often other states are made of paths that no oracle has shown, though it was asked.
AGAIN = 2

#: Cases in a row at which an oracle may die before it counts as lost.
PATIENCE = 5


@dataclass(frozen=True)
class Options:
    """`jobs`: worker processes.  `load`: how a worker gets the spec.  `only`: the forms' keys, if
    not all; the others still say where code is fetched from, and where to start.  `clauses`: not
    the deliveries and translations.
    """

    seed: int
    jobs: int
    load: Callable[[], ir.Isa]
    only: frozenset[tuple[str, str]] | None = None
    clauses: bool = False
    store: Callable[[str], Store] | None = None
    #: Takes each case that the first oracle showed.
    record: Callable[[Recorded], None] | None = None


@dataclass
class _Maker:
    """Makes the cases of subjects, in this process or in a worker."""

    isa: ir.Isa
    ground: Ground
    seed: int
    forms: dict[tuple[str, str], ir.Form] = field(default_factory=dict)
    _examples: dict[tuple[str, str], tuple[World, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.forms = {form.key: form for form in self.isa.forms}

    def examples(self, form: ir.Form) -> tuple[World, ...]:
        """States for the paths of a form's clause."""
        if form.key not in self._examples:
            self._population(Subject(form.key))
        return self._examples[form.key]

    def _population(self, subject: Subject) -> Population:
        form = self.forms[subject.form]
        model = models(self.isa)[form.key] if subject.scope == CLAUSE else form
        own = subject == Subject(model.key) or subject.attempt > 0
        like = () if own else self.examples(model)
        found = population(self.isa, subject, self.ground, self.seed, like)
        if subject == Subject(form.key):
            self._examples[form.key] = examples(found)
        return found

    def make(self, subject: Subject) -> Batch:
        form = self.forms[subject.form]
        made = self._population(subject)
        said = tuple(
            predict(self.isa, form, m.fields, m.case, self.ground.bench) for m in made.made
        )
        return Batch(made, said)


def validate(
    isa: ir.Isa, oracles: Sequence[Oracle], options: Options, progress: Progress
) -> Validation:
    """Runs every path of every form on the oracles; then those of deliveries and translations.

    Cases come from the bench that the oracles have in common.  An interrupt ends the run with what
    it has.
    """
    started = perf_counter()
    result = Validation(tuple(o.identity for o in oracles), options.seed)
    reused = 0
    try:
        wanted = [f for f in isa.forms if options.only is None or f.key in options.only]
        progress("looking for a state to start from", 0, len(wanted))
        result.bench = with_home(isa, common([o.bench for o in oracles]), options.seed)
        store = None
        if options.store is not None:
            benches = [result.bench, *(o.bench for o in oracles[1:])]
            store = options.store(common_of(isa, benches, result.oracles, options.seed))
        with _made_by(isa, result.bench, options) as made:
            parts = [partial(_clauses, wanted), partial(_processor, result)]
            for subjects in parts[:1] if options.clauses else parts:
                reused += _subjects(
                    isa,
                    oracles,
                    result,
                    made,
                    list(subjects()),
                    store,
                    options.record,
                    progress,
                )
    except KeyboardInterrupt:
        result.partial = True
    except OracleMissing as error:
        result.lost = str(error)
    result.stats = Stats(perf_counter() - started, reused)
    return result


def _clauses(forms: Iterable[ir.Form]) -> Iterator[Subject]:
    for form in forms:
        yield Subject(form.key)


def _processor(result: Validation) -> Iterator[Subject]:
    """Deliveries and translations, each by the form with the fewest paths that leads there."""
    carriers: dict[str, Subjected] = {}
    for subject in result.subjects:
        for scope in subject.scopes:
            known = carriers.get(scope)
            if known is None or subject.feasible < known.feasible:
                carriers[scope] = subject
    for scope in sorted(carriers):
        yield Subject(carriers[scope].key, scope)


def _subjects(
    isa: ir.Isa,
    oracles: Sequence[Oracle],
    result: Validation,
    made: Callable[[Sequence[Subject]], Iterable[Batch]],
    subjects: Sequence[Subject],
    store: Store | None,
    record: Callable[[Recorded], None] | None,
    progress: Progress,
) -> int:
    """Validates the subjects, in their order; returns how many results had been kept."""
    forms = {form.key: form for form in isa.forms}
    assert result.bench is not None
    home = result.bench.cells
    kept = {s: store.get(forms[s.form], s.scope) if store else None for s in subjects}
    done = {s: r for s, r in kept.items() if r is not None}
    reused = len(done)
    waiting: list[Batch] = []
    #: What was made and answered for subjects of which paths are left, and those paths.
    begun: dict[Subject, tuple[Shown, frozenset[Key]]] = {}

    def flush() -> None:
        for batch, answers in zip(waiting, _answers(oracles, waiting), strict=True):
            subject = replace(batch.made.subject, attempt=0, wanted=frozenset[Key]())
            shown = Shown(batch, answers)
            if subject in begun:
                shown = begun.pop(subject)[0].and_then(shown)
            form = forms[subject.form]
            done[subject], left = judged(isa, form, oracles, home, shown)
            if left and batch.made.subject.attempt < AGAIN:
                begun[subject] = shown, left
                continue
            if record is not None and subject.scope == CLAUSE:
                for recorded in shown.recorded():
                    record(recorded)
            # What is unknown is asked again: the machine may have been busy.
            if store is not None and not done[subject].unknown:
                store.put(form, done[subject])
        waiting.clear()

    try:
        for batch in made([s for s in subjects if s not in done]):
            waiting.append(batch)
            if sum(len(b.said) for b in waiting) >= BATCH:
                flush()
            progress("validating", len(done) + len(waiting), len(subjects))
        flush()
        for attempt in range(1, AGAIN + 1):
            left = [replace(s, attempt=attempt, wanted=w) for s, (_, w) in begun.items()]
            for n, batch in enumerate(made(left), start=1):
                waiting.append(batch.about(batch.made.subject.wanted))
                progress("looking for other states", n, len(left))
            flush()
    except KeyboardInterrupt:
        # Making the cases took longer than showing them does; a second interrupt ends that, too.
        flush()
        raise
    finally:
        result.subjects += [done[s] for s in subjects if s in done]
    return reused


def _asked(oracle: Oracle, cases: Sequence[Case]) -> Iterator[Answer]:
    """An answer for each case, whatever becomes of the oracle: where it breaks, the case counts as
    its death, and it is started again behind it.  Raises OracleMissing if it breaks every time.
    """
    done = deaths = 0
    while done < len(cases):
        try:
            for answer in oracle.run(cases[done:]):
                yield answer
                done, deaths = done + 1, 0
            if done < len(cases):
                raise RuntimeError(f"{len(cases) - done} cases were not answered")
        except (OSError, RuntimeError) as error:
            deaths += 1
            if deaths > PATIENCE:
                name = oracle.identity.name
                raise OracleMissing(f"{name} died {deaths} times in a row: {error}") from error
            yield Died(str(error))
            done += 1


def remade(
    isa: ir.Isa, form: ir.Form, header: Header, recorded: Iterable[Recorded]
) -> Iterator[tuple[Made, Outcome]]:
    """The cases of a form that were recorded, with the answers.  One whose fields mean no code any
    more is left out.
    """
    ground = Ground(header.bench)
    stepper = Stepper.of(isa, form, ground)
    for entry in recorded:
        try:
            made = made_of(isa, CLAUSE, stepper.step(entry.world), ground)
        except Unencodable:
            continue
        yield made, entry.outcome(made.case)


def replay(isa: ir.Isa, header: Header, recorded: Sequence[Recorded]) -> Validation:
    """What the spec says of recorded cases, beside what was answered then."""
    started = perf_counter()
    oracle = _Past(header.oracle, header.bench)
    forms = {form.key: form for form in isa.forms}
    result = Validation((header.oracle,), header.seed)
    for key, entries in by_form(recorded):
        if (form := forms.get(key)) is None:
            continue
        past = list(remade(isa, form, header, entries))
        made, answers = [m for m, _ in past], [(seen,) for _, seen in past]
        said = tuple(predict(isa, form, m.fields, m.case, header.bench) for m in made)
        rows = [
            row if isinstance(s, Prediction) else (Refused(s.why),)
            for row, s in zip(answers, said, strict=True)
        ]
        paths = tuple(dict.fromkeys(path for m in made for path in m.paths))
        population = Population(
            Subject(key), tuple(made), paths, 0, 0, 0, 0, False, frozenset[str]()
        )
        shown = Shown(Batch(population, said), rows)
        result.subjects.append(judged(isa, form, [oracle], header.bench.cells, shown)[0])
    result.stats = Stats(perf_counter() - started)
    return result


@dataclass(frozen=True)
class _Past:
    """An oracle that is not there any more."""

    identity: Identity
    bench: Bench

    def run(self, cases: Sequence[Case]) -> Iterator[Answer]:
        return iter([Refused("not recorded")] * len(cases))


def _answers(oracles: Sequence[Oracle], batches: Sequence[Batch]) -> list[list[tuple[Answer, ...]]]:
    """For each batch and each of its cases, what each oracle answers."""
    cases = [m.case for b in batches for m in b.made.made]
    said = [s for b in batches for s in b.said]
    shown = [c for c, s in zip(cases, said, strict=True) if isinstance(s, Prediction)]
    columns: list[list[Answer]] = []
    for oracle in oracles:
        running = _asked(oracle, shown)
        columns.append(
            [next(running) if isinstance(s, Prediction) else Refused(s.why) for s in said]
        )
    rows = iter(list(zip(*columns, strict=True)))
    return [[next(rows) for _ in b.said] for b in batches]


@contextmanager
def _made_by(
    isa: ir.Isa, bench: Bench, options: Options
) -> Iterator[Callable[[Sequence[Subject]], Iterable[Batch]]]:
    """What makes the cases of subjects, in their order, while the block runs."""
    ground = Ground(bench)
    if options.jobs <= 1:
        maker = _Maker(isa, ground, options.seed)
        yield lambda subjects: map(maker.make, subjects)
        return
    context = get_context("spawn")
    given = (options.load, ground, options.seed)
    with context.Pool(options.jobs, _start_worker, given) as pool:
        yield lambda subjects: pool.imap(_work, subjects)


_worker: list[_Maker] = []


def _start_worker(load: Callable[[], ir.Isa], ground: Ground, seed: int) -> None:
    # An interrupt at the terminal reaches the whole group: the parent decides what becomes of us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker.append(_Maker(load(), ground, seed))


def _work(subject: Subject) -> Batch:
    return _worker[0].make(subject)
