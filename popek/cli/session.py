"""A run of proofs: its solver, its progress on stderr, and what it cost."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any

import click

import popek
from popek.cli.output import make_folder
from popek.cli.progress import Progress
from popek.hypervisor.design import Design
from popek.hypervisor.proof import Proof
from popek.isa import ir
from popek.report.choices import checked_host, checked_level
from popek.smt import Z3Process
from popek.theory.check import Check
from popek.theory.prover import Stats


@dataclass
class Session:
    """How the user wants proofs to be done.  Use it in a `with`: it ends the solver's process."""

    host: Mapping[str, int | str] = field(default_factory=dict)
    top: str | None = None
    budget: int | None = None
    simplify: bool = True
    keep_smt2: Path | None = None
    solver: Z3Process = field(default_factory=Z3Process)
    #: What was found of the ISAs of designs: most have several.
    _checked: dict[tuple[object, ...], Check] = field(default_factory=dict)

    def validate(self, isa: ir.Isa) -> None:
        """Raises UsageError for a host or level that the spec does not have."""
        try:
            checked_host(isa, self.host)
        except ValueError as error:
            raise click.UsageError(f"--host: {error}") from None
        try:
            if self.top is not None:
                checked_level(isa, self.top)
        except ValueError as error:
            raise click.UsageError(f"--top: {error}") from None

    def check(
        self, isa: ir.Isa, *, partial: bool, about: Iterable[ir.Form] | None = None
    ) -> tuple[Check, dict[str, Any]]:
        """The verdicts on an ISA, or on the forms `about`, and what they cost."""
        start = perf_counter()
        keep = None if self.keep_smt2 is None else self.keep_smt2 / Path(isa.path).stem
        with Progress(isa) as progress:
            result = popek.check(
                isa,
                host=self.host,
                top=self.top,
                partial=partial,
                about=about,
                rlimit=self.budget,
                simplify=self.simplify,
                keep_smt2=keep,
                solver=self.solver,
                progress=progress,
            )
        return result, _cost(result.stats, perf_counter() - start)

    def prove(self, design: Design, *, partial: bool) -> tuple[Proof, dict[str, Any]]:
        """The verdicts on a design, and what they cost.  An ISA is checked for its first design."""
        start = perf_counter()
        isa = design.isa
        key = (isa.sha256, tuple(form.key for form in isa.forms))
        if key not in self._checked:
            result, _ = self.check(isa, partial=partial)
            if result.interrupted:
                raise KeyboardInterrupt
            self._checked[key] = result
        keep = None if self.keep_smt2 is None else self.keep_smt2 / _folder_of(design)
        with Progress(isa) as progress:
            proof = popek.prove(
                design,
                checked=self._checked[key],
                top=self.top,
                partial=partial,
                rlimit=self.budget,
                simplify=self.simplify,
                keep_smt2=keep,
                solver=self.solver,
                progress=progress,
            )
        return proof, _cost(proof.stats, perf_counter() - start)

    def __enter__(self) -> Session:
        if self.keep_smt2 is not None:
            # Before the proofs, which may take minutes; and empty where no solver is asked.
            make_folder(self.keep_smt2)
        self.solver.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.solver.close()


def _folder_of(design: Design) -> Path:
    """Of its queries: designs for several ISAs have the same names."""
    path = Path(design.path)
    return Path(path.parent.name) / path.stem


def _cost(stats: Stats, seconds: float) -> dict[str, Any]:
    """The entry `stats` of a result: all that may differ between two runs."""
    return {
        "queries": stats.queries,
        "without_solver": stats.without_solver,
        "proved": stats.proved,
        "proved_without_solver": stats.proved_without_solver,
        "refuted": stats.refuted,
        "undecided": stats.undecided,
        "solver_calls": stats.solver_calls,
        "rlimit": stats.rlimit,
        "seconds": round(seconds, 3),
        "solver_seconds": round(stats.solver_seconds, 3),
        "cached": 0,
        "peak_memory_mib": _peak_memory(),
    }


def _peak_memory() -> int:
    """Of this process, and of the largest of its children that has ended, in MiB."""
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(resource.getrusage(w).ru_maxrss for w in who) // unit
