"""What the answers of oracles say of a subject: which paths they show, and where they disagree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from popek.isa import ir
from popek.oracles.oracle import Answer, Died, Memory, Oracle, Outcome, Refused
from popek.validation.cases import Population
from popek.validation.comparison import TRAP, Difference, differences
from popek.validation.paths import Key
from popek.validation.prediction import Prediction, Silent
from popek.validation.recording import Recorded
from popek.validation.result import Disagreement, Subjected, after_of, case_document
from popek.validation.stepping import CLAUSE


@dataclass(frozen=True, slots=True)
class Batch:
    """A subject's cases with what the spec says of each."""

    made: Population
    said: tuple[Prediction | Silent, ...]

    def about(self, paths: frozenset[Key]) -> Batch:
        """The cases that take one of the paths."""
        pairs = zip(self.made.made, self.said, strict=True)
        wanted = [(m, said) for m, said in pairs if not paths.isdisjoint(m.paths)]
        made = replace(self.made, made=tuple(m for m, _ in wanted))
        return Batch(made, tuple(said for _, said in wanted))

    def before(self, other: Batch) -> Batch:
        """The cases of both; what is known of the paths is what this one knows."""
        made = replace(self.made, made=self.made.made + other.made.made)
        return Batch(made, self.said + other.said)


@dataclass(frozen=True, slots=True)
class Shown:
    """A batch, and for each of its cases what each oracle answers."""

    batch: Batch
    answers: Sequence[tuple[Answer, ...]]

    def and_then(self, other: Shown) -> Shown:
        """The cases of both."""
        return Shown(self.batch.before(other.batch), [*self.answers, *other.answers])

    def recorded(self) -> Iterator[Recorded]:
        """The cases that the first oracle showed."""
        for m, row in zip(self.batch.made.made, self.answers, strict=True):
            if isinstance(row[0], Outcome):
                yield Recorded.of(self.batch.made.subject.form, m.world, m.case, row[0])


def judged(
    isa: ir.Isa,
    form: ir.Form,
    oracles: Sequence[Oracle],
    home: Memory,
    shown: Shown,
) -> tuple[Subjected, frozenset[Key]]:
    """The result, and the paths that no oracle has shown, though one was asked that might; of a
    clause, those, too, of which the spec says nothing in these states, as where traps follow
    without end.  `home`: the cells that are in every case.
    """
    batch, made = shown.batch, shown.batch.made
    exercised: set[Key] = set()
    #: Of each path: what each oracle says of the last state in which it did not show it, of those
    #: of which the spec says something, if there are any.
    why: dict[Key, dict[str, str]] = defaultdict(dict)
    agree = disagree = died = 0
    found: list[Disagreement] = []
    for m, said, row in zip(made.made, batch.said, shown.answers, strict=True):
        votes: dict[str, tuple[Outcome, tuple[Difference, ...]]] = {}
        for oracle, answer in zip(oracles, row, strict=True):
            name = oracle.identity.name
            match answer:
                case Outcome():
                    assert isinstance(said, Prediction)
                    votes[name] = (
                        answer,
                        differences(isa, m.case, said, answer, oracle.bench.unseen),
                    )
                case Refused(why=reason):
                    for path in m.paths:
                        if isinstance(said, Prediction):
                            why[path][name] = reason
                        else:
                            why[path].setdefault(name, reason)
                case Died(why=reason):
                    died += 1
                    for path in m.paths:
                        why[path][name] = f"{name} died: {reason}"
        for name, (outcome, differing) in votes.items():
            if {d.of for d in differing} & {TRAP, isa.pc}:
                for path in m.paths:
                    why[path][name] = f"{name} goes on elsewhere"
            else:
                exercised.update(m.paths)
            agree += not differing
            disagree += bool(differing)
            if differing:
                assert isinstance(said, Prediction)
                found.append(
                    Disagreement(
                        oracle=name,
                        ending=said.ending,
                        access=said.zeros.access,
                        argument=said.zeros.argument,
                        wraps=said.zeros.wraps,
                        then=said.zeros.then,
                        code=m.code.hex(),
                        case=case_document(m.case, home),
                        differs=differing,
                        after=after_of(m.case, outcome),
                        votes={n: not d for n, (_, d) in votes.items() if n != name},
                    )
                )
    left = Counter(
        _joined(why[path], [o.identity.name for o in oracles])
        for path in made.paths
        if path not in exercised
    )
    asked = set[Key]()
    for m, said, row in zip(made.made, batch.said, shown.answers, strict=True):
        says = isinstance(said, Prediction) or made.subject.scope == CLAUSE
        if says and not all(_never_shows(answer) for answer in row):
            asked.update(m.paths)
    result = Subjected(
        name=form.name,
        mnemonic=form.mnemonic,
        text=form.text,
        scope=made.subject.scope,
        feasible=len(made.paths),
        exercised=sum(path in exercised for path in made.paths),
        infeasible=made.infeasible,
        beyond=made.beyond,
        unknown=made.unknown,
        cut=made.cut,
        ways=made.ways,
        cases=len(made.made),
        agree=agree,
        disagree=disagree,
        left=dict(sorted(left.items())),
        died=died,
        disagreements=tuple(found),
        scopes=tuple(sorted(made.scopes)),
    )
    return result, frozenset(made.paths) & asked - exercised


def _joined(why: Mapping[str, str], names: Sequence[str]) -> str:
    """The reasons of the oracles, in their order; what all say alike, once."""
    reasons = dict.fromkeys(why[name] for name in names if name in why)
    return "; ".join(reasons) or "no state of it was made for the oracle"


def _never_shows(answer: Answer) -> bool:
    """Whether the oracle would refuse every case that takes the same path."""
    return isinstance(answer, Refused) and answer.always
