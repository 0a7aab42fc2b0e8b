"""The benchmarks themselves.  Each takes a `Plan` and gives rows, and details for the JSON."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from statistics import median
from time import perf_counter, process_time
from typing import Any

import popek
from benchmarks.oracles import FEW, MANY, MEASURED, speed
from benchmarks.plain import PlainZ3, Verdict
from benchmarks.record import Recorded, Run, TimedSolver, run
from benchmarks.table import Row, at_least, at_most, share
from benchmarks.unshared import unshared
from popek.smt import Budget
from popek.theory.prover import Prover
from popek.theory.verdict import Finding, Proved, Refuted

Say = Callable[[str], None]


@dataclass
class Plan:
    """What is measured.  `specs`: all of them; `main`: the one of the costly benchmarks.

    `sample` obligations, drawn by `seed`, go to the baseline, for `limit` seconds each; processes
    are started `starts` times.
    """

    specs: tuple[str, ...]
    main: str
    sample: int = 200
    seed: int = 1
    limit: float = 10.0
    starts: int = 5
    say: Say = lambda text: None
    details: dict[str, Any] = field(default_factory=dict)
    _runs: dict[str, Run] = field(default_factory=dict)

    def checked(self, spec: str) -> Run:
        """One cold check of a spec, made once."""
        if spec not in self._runs:
            self.say(f"checking {spec}")
            self._runs[spec] = run(spec)
        return self._runs[spec]


def decided(plan: Plan) -> Iterator[Row]:
    """How much is decided without a solver, per form and property; and that all of it is."""
    for spec in plan.specs:
        done = plan.checked(spec)
        stats = done.check.stats
        free = share(stats.proved_without_solver, stats.proved)
        name = "decided"
        yield Row(name, spec, "forms", done.check.summary()["forms"])
        yield Row(name, spec, "queries", stats.queries)
        if spec == plan.main:
            yield at_least(name, spec, "UNSAT without a solver, share", free, 0.9)
        else:
            yield Row(name, spec, "UNSAT without a solver, share", round(free, 4))
        all_free = share(stats.without_solver, stats.queries)
        yield Row(name, spec, "queries without a solver, share", round(all_free, 4))
        yield at_most(name, spec, "undecided queries", stats.undecided, 0)
        yield at_most(name, spec, "undecided forms", done.check.summary()["undecided"], 0)
        yield Row(name, spec, "solver calls", stats.solver_calls)
        yield Row(name, spec, "solver steps (rlimit)", stats.rlimit)
        yield Row(name, spec, "loading, CPU s", round(done.loading, 2))
        yield Row(name, spec, "proofs, CPU s", round(done.seconds, 2))


def building(plan: Plan) -> Iterator[Row]:
    """Building all obligations of the main spec, against solving what is left of them."""
    done = plan.checked(plan.main)
    recorder = done.recorder
    name, spec = "building", plan.main
    yield Row(name, spec, "clauses to terms, CPU s", round(recorder.building, 2))
    yield Row(name, spec, "terms to goals, CPU s", round(recorder.rewriting, 2))
    yield Row(name, spec, "solver, CPU s", round(done.solving, 2))
    if done.solving:
        cold = recorder.building / done.solving
        yield at_most(name, spec, "building / solver time of the same run", cold, 0.1)
    yield Row(name, spec, "building / whole run", round(share(recorder.building, done.seconds), 4))


def baseline(plan: Plan) -> Iterator[Row]:
    """Cold proofs of a sample, against z3's `Solver()` on the unshared product.

    popek's are those of the cold check, where obligations about one form share their terms; what
    each takes by itself, in a prover that knows nothing yet, is shown beside.
    """
    done = plan.checked(plan.main)
    # What a setting leaves real is asked of one state made from another: apart, it says nothing.
    recorded = [one for one in done.recorder.recorded if one.form is not None]
    count = min(plan.sample, len(recorded))
    chosen = Random(plan.seed).sample(recorded, count)
    compared: list[dict[str, Any]] = []
    with PlainZ3() as plain:
        plain.started()
        for i, one in enumerate(chosen):
            plan.say(f"{i + 1}/{count} {one.name}")
            compared.append(_compare(plan, done, one, plain))
    plan.details["baseline"] = compared
    yield from _ratios(plan, compared)
    # The rewriter leaves little to the solver: what building spares it shows on the baseline's.
    built = done.recorder.building / len(done.recorder.recorded)
    solved = sum(c["baseline_cpu"] - c["baseline_built"] for c in compared) / len(compared)
    ratio = round(share(built, solved), 4)
    yield Row(
        "baseline", plan.main, "popek's building / the baseline's solver, per obligation", ratio
    )


def _compare(plan: Plan, done: Run, one: Recorded, plain: PlainZ3) -> dict[str, Any]:
    """One obligation, by popek and by the baseline, from its declaration to its verdict."""
    solver = TimedSolver()
    prover = Prover(done.check.isa, solver, Budget(seconds=plan.limit))
    wall = perf_counter()
    finding = prover.find(one.name, one.body, one.build, one.form, one.accept)
    alone = perf_counter() - wall

    wall, cpu = perf_counter(), process_time()
    asked = unshared(one.name, one.build)
    built = process_time() - cpu
    answer = plain.solve(asked.text, plan.limit)
    theirs = (perf_counter() - wall, built + answer.seconds)
    timeout = answer.verdict == "unknown"
    return {
        "name": one.name,
        "finding": type(finding).__name__,
        "baseline": answer.verdict,
        "agree": _agree(finding, answer.verdict),
        "seconds": one.seconds,
        "cpu": one.cpu,
        "rlimit": one.rlimit,
        "alone_seconds": alone,
        "alone_rlimit": prover.stats.rlimit,
        "baseline_seconds": max(theirs[0], plan.limit) if timeout else theirs[0],
        "baseline_cpu": theirs[1],
        "baseline_built": built,
        "baseline_rlimit": answer.rlimit,
        "baseline_bytes": len(asked.text),
    }


def _agree(finding: Finding, verdict: Verdict) -> bool | None:
    """Whether both decided, and alike."""
    match finding, verdict:
        case (Proved(), "unsat") | (Refuted(), "sat"):
            return True
        case (Proved(), "sat") | (Refuted(), "unsat"):
            return False
        case _:
            return None


def _ratios(plan: Plan, compared: list[dict[str, Any]]) -> Iterator[Row]:
    name, spec = "baseline", plan.main

    def total(key: str) -> float:
        return float(sum(c[key] for c in compared))

    yield Row(name, spec, "obligations", len(compared))
    yield Row(name, spec, "baseline timeouts", sum(c["baseline"] == "unknown" for c in compared))
    yield Row(name, spec, "popek undecided", sum(c["finding"] == "Undecided" for c in compared))
    yield Row(name, spec, "verdicts that differ", sum(c["agree"] is False for c in compared))
    yield Row(name, spec, "popek, s", round(total("seconds"), 2))
    yield Row(name, spec, "popek, each by itself, s", round(total("alone_seconds"), 2))
    yield Row(name, spec, "baseline, s", round(total("baseline_seconds"), 2))
    yield Row(name, spec, "baseline, building alone, CPU s", round(total("baseline_built"), 2))
    ratio = share(total("seconds"), total("baseline_seconds"))
    yield at_most(name, spec, "popek / baseline, wall clock", ratio, 1 / 3)
    ratio = share(total("alone_seconds"), total("baseline_seconds"))
    yield Row(name, spec, "each by itself / baseline, wall clock", round(ratio, 4))
    ratio = share(total("cpu"), total("baseline_cpu"))
    yield Row(name, spec, "popek / baseline, CPU", round(ratio, 4))
    ratio = share(total("rlimit"), total("baseline_rlimit"))
    yield Row(name, spec, "popek / baseline, solver steps", round(ratio, 4))


def start(plan: Plan) -> Iterator[Row]:
    """From process start: one instruction, cold, and the help."""
    spec = plan.main
    only = "POPF" if spec == "ia32" else popek.load(spec).forms[0].mnemonic
    commands = {
        f"check {spec} --only {only}": (["check", spec, "--only", only], 1.5),
        "--help": (["--help"], 0.2),
    }
    with tempfile.TemporaryDirectory() as folder:
        # The first start finds neither parse tables nor compiled modules; the others find both.
        environment = {**os.environ, "XDG_CACHE_HOME": folder, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for shown, (arguments, limit) in commands.items():
            plan.say(f"popek {shown}")
            timed = [_timed(arguments, environment) for _ in range(plan.starts + 1)]
            walls, cpus = [t[0] for t in timed[1:]], [t[1] for t in timed[1:]]
            yield Row("start", spec, f"{shown}, first of all, s", round(timed[0][0], 3))
            yield at_most("start", spec, f"{shown}, best, s", min(walls), limit)
            yield Row("start", spec, f"{shown}, median, s", round(median(walls), 3))
            yield Row("start", spec, f"{shown}, CPU with children, s", round(min(cpus), 3))


def _timed(arguments: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Wall clock and processor time of one popek process, its children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = perf_counter()
    command = [sys.executable, "-m", "popek", *arguments]
    subprocess.run(command, env=environment, capture_output=True, check=False)
    wall = perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


#: What `popek check --json` may show differently in two runs.
VOLATILE = frozenset({"seconds", "solver_seconds", "peak_memory_mib"})


def repeat(plan: Plan) -> Iterator[Row]:
    """The same verdicts, witnesses and solver steps in two processes with other hash seeds."""
    for spec in plan.specs:
        plan.say(f"checking {spec} twice")
        first, second = (_report(spec, seed) for seed in ("1", "2"))
        same = first == second
        steps = [r["stats"]["rlimit"] for r in first["results"]]
        yield Row("repeat", spec, "same verdicts, witnesses and steps", str(same), "True", same)
        yield Row("repeat", spec, "solver steps (rlimit)", sum(steps))


def _report(spec: str, seed: str) -> dict[str, Any]:
    """What `popek check --json` prints, less what may differ."""
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-m", "popek", "check", spec, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, text=True)
    printed: dict[str, Any] = json.loads(done.stdout)
    for result in printed["results"]:
        result["stats"] = {k: v for k, v in result["stats"].items() if k not in VOLATILE}
    return printed


def oracles(plan: Plan) -> Iterator[Row]:
    """Cases a second on the emulators that are installed; of processor time, too, as others may
    have the machine.
    """
    name = "oracles"
    for spec, oracle, recording, target in MEASURED:
        if spec not in plan.specs:
            continue
        count = FEW if target is None else MANY
        plan.say(f"{count} cases of {spec} on {oracle}")
        if (found := speed(spec, oracle, recording, count)) is None:
            plan.say(f"{oracle} is not installed")
            continue
        what = f"cases a second on {oracle}"
        rate = found.cases / found.seconds
        if target is None:
            yield Row(name, spec, what, round(rate, 1))
        else:
            yield at_least(name, spec, what, rate, target)
        yield Row(name, spec, f"{what}, of CPU", round(found.cases / found.processor, 1))
        yield Row(name, spec, f"refused by {oracle}", found.refused)


#: By name, in the order in which they run.
BENCHMARKS: dict[str, Callable[[Plan], Iterator[Row]]] = {
    "start": start,
    "decided": decided,
    "building": building,
    "baseline": baseline,
    "repeat": repeat,
    "oracles": oracles,
}
