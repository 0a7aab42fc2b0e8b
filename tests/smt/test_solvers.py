"""Both ways of running z3, on queries whose answers are known."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from popek.smt import (
    Budget,
    Cause,
    Query,
    Sat,
    Solver,
    Undecided,
    Unsat,
    Z3InProcess,
    Z3Process,
    query,
)
from popek.terms import ArrayValue, FunctionValue, Term, Terms, evaluate

BUDGET = Budget(rlimit=10_000_000, seconds=20)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=["in-process", "process"])
def solver(request: pytest.FixtureRequest) -> Iterator[Solver]:
    if request.param == "in-process":
        yield Z3InProcess()
    else:
        with Z3Process() as process:
            yield process


def factoring(t: Terms, width: int = 64) -> Query:
    """Two factors of a product of two primes: far beyond any budget used here."""
    a, b = t.var("a", width), t.var("b", width)
    product = t.mul(t.zext(a, 2 * width), t.zext(b, 2 * width))
    number = t.const(12764787846358441471 * 10953742525620032441, 2 * width)
    one = t.const(1, width)
    return query("factors", [t.eq(product, number), t.ne(a, one), t.ne(b, one)])


def both(t: Terms) -> list[Term]:
    m, x, y = t.array("m", 32, 8), t.var("old.x@bare", 32), t.var("y", 32)
    bit = t.var("a bit", 1)
    return [
        t.eq(t.mul(x, y), t.const(0xBC614D, 32)),
        t.ult(t.const(1, 32), x),
        t.eq(t.select(m, x), t.const(5, 8)),
        t.ne(t.select(m, y), t.select(m, t.add(x, t.const(1, 32)))),
        t.eq(t.apply("f", [x, t.extract(y, 3, 0)], 1), bit),
        t.ne(t.apply("f", [y, t.extract(y, 3, 0)], 1), bit),
    ]


def test_sat_with_a_model_of_plain_values(solver: Solver) -> None:
    assertions = both(Terms())
    answer, stats = solver.solve(query("both", assertions), BUDGET)
    assert isinstance(answer, Sat)
    assert [evaluate(a, answer.model) for a in assertions] == [1] * len(assertions)
    assert isinstance(answer.model["m"], ArrayValue)
    assert isinstance(answer.model["f"], FunctionValue)
    assert stats.rlimit > 0 and stats.seconds > 0


def test_unsat(solver: Solver) -> None:
    t = Terms(simplify=False)
    m, x, i = t.array("m", 16, 8), t.var("x", 16), t.var("i", 16)
    one, two = t.const(1, 8), t.const(2, 8)
    a = t.store(t.store(m, x, one), t.add(x, t.const(1, 16)), two)
    b = t.store(t.store(m, t.add(x, t.const(1, 16)), two), x, one)
    answer, _ = solver.solve(query("commute", [t.array_differs(a, b, i)]), BUDGET)
    assert answer == Unsat()


def test_names_on_which_nothing_depends_get_values(solver: Solver) -> None:
    t = Terms(simplify=False)
    m, x = t.array("m", 8, 8), t.var("x", 8)
    idle = [t.eq(t.select(m, x), t.select(m, x)), t.eq(t.apply("f", [x], 3), t.apply("f", [x], 3))]
    answer, _ = solver.solve(query("idle", idle), BUDGET)
    assert isinstance(answer, Sat)
    assert set(answer.model) == {"m", "x", "f"}


def test_steps_run_out(solver: Solver) -> None:
    answer, stats = solver.solve(factoring(Terms()), Budget(rlimit=200_000, seconds=60))
    assert isinstance(answer, Undecided) and answer.cause is Cause.BUDGET
    assert stats.rlimit >= 200_000


def test_seconds_run_out(solver: Solver) -> None:
    answer, _ = solver.solve(factoring(Terms()), Budget(rlimit=1 << 31, seconds=1))
    # On a loaded machine z3 was seen to stop late by half its time: a worker is killed by then.
    late = {Cause.KILLED} if isinstance(solver, Z3Process) else set()
    assert isinstance(answer, Undecided), answer
    assert answer.cause in {Cause.TIMEOUT} | late, answer


def test_unreadable_query(solver: Solver) -> None:
    answer, _ = solver.solve(Query("broken", "(assert nonsense)", ()), BUDGET)
    assert isinstance(answer, Undecided) and answer.cause is Cause.ERROR


def test_equal_queries_take_equal_steps(solver: Solver) -> None:
    """Whatever was solved before, and in whichever process."""
    first = solver.solve(query("both", both(Terms())), BUDGET)
    solver.solve(factoring(Terms(), 80), Budget(rlimit=100_000))
    second = solver.solve(query("both", both(Terms())), BUDGET)
    assert first[0] == second[0]
    assert first[1].rlimit == second[1].rlimit
    assert first[1].rlimit == Z3InProcess().solve(query("both", both(Terms())), BUDGET)[1].rlimit


def test_a_worker_that_does_not_stop_is_killed_and_replaced() -> None:
    with Z3Process() as process:
        assert isinstance(process.solve(query("both", both(Terms())), BUDGET)[0], Sat)
        answer, _ = process.solve(factoring(Terms()), Budget(rlimit=1 << 31, seconds=0.0001))
        assert isinstance(answer, Undecided) and answer.cause is Cause.KILLED
        assert isinstance(process.solve(query("both", both(Terms())), BUDGET)[0], Sat)


def test_a_worker_that_dies_is_replaced() -> None:
    with Z3Process() as process:
        process.solve(query("both", both(Terms())), BUDGET)
        worker = process._process
        assert worker is not None
        worker.kill()
        worker.join()
        answer, _ = process.solve(query("both", both(Terms())), BUDGET)
        assert isinstance(answer, Undecided) and answer.cause is Cause.KILLED
        assert isinstance(process.solve(query("both", both(Terms())), BUDGET)[0], Sat)


CHILD = """
import sys
from popek.smt import Budget, Z3Process
from popek.terms import Terms
from tests.smt.test_solvers import factoring

if __name__ == "__main__":
    solver = Z3Process()
    solver.solve(factoring(Terms()), Budget(rlimit=1000))
    print(solver._process.pid, flush=True)
    solver.solve(factoring(Terms()), Budget(rlimit=1 << 31, seconds=300))
"""


@pytest.mark.skipif(os.name != "posix", reason="signals and process groups are POSIX")
@pytest.mark.parametrize("sent", ["SIGINT", "SIGKILL"])
def test_no_worker_outlives_its_parent(sent: str, tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text(CHILD)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        # Where the tests run in the background, SIGINT is ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    with parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        time.sleep(0.3)
        if sent == "SIGINT":  # as the terminal does: to the whole group
            os.killpg(parent.pid, signal.SIGINT)
        else:
            parent.kill()
        parent.wait(20)
        deadline = time.monotonic() + 10
        while running(worker) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not running(worker)


def running(process: int) -> bool:
    """Whether the process exists and is more than an entry that nobody has waited for."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
