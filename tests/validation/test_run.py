"""A run: votes, kept results, oracles that die, interrupts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import popek
from popek.isa import ir
from popek.oracles import Answer, Case, Died, Outcome, Refused
from popek.validation.disagreements import Blame, classified
from popek.validation.result import Validation
from popek.validation.run import PATIENCE, Options, validate
from popek.validation.store import Store
from tests.hash_seeds import printed
from tests.validation.mirror import Mirror, wrong_carry

NAMES = ("TRAPV", "UNLK", "SWAP")


def load() -> ir.Isa:
    return popek.load("m68000", only=NAMES)


def run(*oracles: Mirror, keep: Path | None = None) -> Validation:
    store = None if keep is None else partial(Store, keep)
    options = Options(seed=1, jobs=1, load=load, store=store)
    return validate(load(), oracles, options, lambda what, done, total: None)


def test_an_oracle_that_is_the_spec_agrees() -> None:
    result = run(Mirror(load()))
    assert [s.name for s in result.forms] == ["UNLK", "SWAP", "TRAPV"]
    assert result.total("disagree") == 0
    assert all(s.exercised == s.feasible - sum(s.left.values()) for s in result.subjects)
    assert set(result.left) <= {"the processor shuts down"}
    assert result.silent == sum(result.left.values())
    assert {s.scope for s in result.processor} >= {"delivery of overflow", "bus.read"}


def test_a_fault_is_found_and_has_no_row() -> None:
    isa = load()
    result = run(Mirror(isa, wrong_carry), Mirror(isa, name="other"))
    found = classified(isa, result, {"mirror": ()})
    assert found
    assert all(c.found.votes == {"other": True} for c in found)
    assert {c.blame for c in found} == {Blame.UNCLASSIFIED}
    assert all(d.of in ("SR.C", "store") for c in found for d in c.found.differs)


def test_what_is_refused_is_counted_with_its_reason() -> None:
    def refuse(case: Case, outcome: Outcome) -> Answer:
        return Refused("no traps here") if outcome.trap else outcome

    def refuse_too(case: Case, outcome: Outcome) -> Answer:
        return Refused("nor here") if outcome.trap else outcome

    result = run(Mirror(load(), refuse), Mirror(load(), refuse_too, "other"))
    assert result.left["no traps here; nor here"] > 0
    assert result.silent == result.left["the processor shuts down"]


def test_what_is_not_shown_is_asked_in_other_states() -> None:
    """That a path was met in states that an oracle refuses does not mean that it has no others."""

    class Late(Mirror):
        def run(self, cases: Sequence[Case]) -> Iterator[Answer]:
            late = self.asked > 0
            for answer in super().run(cases):
                yield answer if late else Refused("not at first")

    options = Options(seed=1, jobs=1, load=load, clauses=True)
    result = validate(load(), [Late(load())], options, lambda what, done, total: None)
    assert result.total("exercised") > 0
    assert set(result.left) <= {"the processor shuts down"}


def test_a_dying_oracle_costs_its_case() -> None:
    """Whether it says so, or breaks."""

    class Breaks(Mirror):
        def run(self, cases: Sequence[Case]) -> Iterator[Answer]:
            for answer in super().run(cases):
                if self.asked % 7 == 0:
                    raise OSError("gone")
                yield answer

    def dies(case: Case, outcome: Outcome) -> Answer:
        return Died("hung") if outcome.trap else outcome

    for oracle in (Breaks(load()), Mirror(load(), dies)):
        result = run(oracle)
        assert len(result.forms) == 3
        assert result.total("died") > 0
        assert result.total("agree") > 0
        assert not result.lost


def test_an_oracle_that_only_dies_ends_the_run() -> None:
    class Dead(Mirror):
        def run(self, cases: Sequence[Case]) -> Iterator[Answer]:
            self.asked += 1
            raise OSError("gone")

    oracle = Dead(load())
    assert "gone" in run(oracle).lost
    assert oracle.asked == PATIENCE + 1


def test_an_interrupt_leaves_what_was_done(tmp_path: Path) -> None:
    class Interrupted(Mirror):
        def run(self, cases: Sequence[Case]) -> Iterator[Answer]:
            raise KeyboardInterrupt

    result = run(Interrupted(load()), keep=tmp_path)
    assert result.partial
    assert not result.subjects


def test_an_interrupt_while_cases_are_made_keeps_what_they_show(tmp_path: Path) -> None:
    made: list[str] = []

    def interrupt(what: str, done: int, total: int) -> None:
        if what == "validating":
            made.append(what)
            if len(made) == 2:
                raise KeyboardInterrupt

    options = Options(seed=1, jobs=1, load=load, store=partial(Store, tmp_path))
    result = validate(load(), [Mirror(load())], options, interrupt)
    assert result.partial
    assert len(result.subjects) == 2
    assert run(Mirror(load()), keep=tmp_path).stats.reused == 2


def test_results_are_kept_until_the_form_changes(tmp_path: Path) -> None:
    first, again = Mirror(load()), Mirror(load())
    before = run(first, keep=tmp_path)
    after = run(again, keep=tmp_path)
    # What is unknown is asked again.
    unknown = [s for s in before.subjects if s.unknown]
    assert bool(again.asked) == bool(unknown)
    assert after.subjects == before.subjects
    assert after.stats.reused == len(before.subjects) - len(unknown) > 0
    # A file that was damaged is as good as none.
    next(tmp_path.rglob("*.json")).write_text("{")
    assert run(Mirror(load()), keep=tmp_path).stats.reused == after.stats.reused - 1


def test_a_changed_clause_has_no_kept_result(tmp_path: Path) -> None:
    (result,) = [s for s in run(Mirror(load())).subjects if s.name == "SWAP"]
    store = Store(tmp_path, "the same")
    (form,) = (f for f in load().forms if f.name == "SWAP")
    store.put(form, result)
    assert store.get(form, result.scope) == result
    changed = replace(form, body=form.body[:-1])
    assert store.get(changed, result.scope) is None
    assert Store(tmp_path, "another seed").get(form, result.scope) is None


def test_kept_results_are_found_by_another_process() -> None:
    """Sets have their elements in another order there: nothing was ever used again."""
    digest = """
import popek
from popek.oracles.oracle import Bench
from popek.validation.store import common_of
bench = Bench({}, (), unseen=frozenset({"a", "b", "c", "d", "e", "f", "g", "h"}))
print(common_of(popek.load("pg74"), [bench], [], 1))
"""
    assert len(printed(digest)) == 1
