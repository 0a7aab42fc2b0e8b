"""How many cases emulators run in a second: a batch of those that are recorded."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter, process_time

from popek.cli.validate import on_bench
from popek.oracles import OracleMissing
from popek.oracles.catalogue import known
from popek.oracles.oracle import Case, Oracle
from popek.validation.recording import by_form, read
from popek.validation.run import remade

#: Specs with an oracle, a recording that has cases of it, and how many a second there should be.
MEASURED = (
    ("ia32", "qemu", "ia32.bochs", 2000),
    ("ia32", "bochs", "ia32.bochs", 500),
    ("rv64", "qemu", "rv64.qemu-integer", None),
    ("s370", "hercules", "s370.hercules", None),
    ("m68000", "hatari", "m68000.hatari", None),
    ("m68000", "machine68k", "m68000.machine68k", None),
)
#: Cases of a batch where there is a target, and elsewhere.
MANY, FEW = 3000, 500

_RECORDED = Path(__file__).resolve().parents[1] / "tests" / "validation" / "recorded"


@dataclass(frozen=True, slots=True)
class Speed:
    """A batch: seconds of wall clock, and of processor time, of the emulator and of this process,
    which writes cases and reads answers.
    """

    cases: int
    refused: int
    seconds: float
    emulator: float
    own: float

    @property
    def processor(self) -> float:
        return self.emulator + self.own


def speed(spec: str, name: str, recording: str, count: int) -> Speed | None:
    """So many cases on the oracle of this name, in one batch; None where it is not installed."""
    header, recorded = read(_RECORDED / f"{recording}.gz")
    (entry,) = (entry for entry in known(name) if header.spec in entry.titles)
    try:
        oracle = entry.open(header.spec)
    except OracleMissing:
        return None
    isa = on_bench(spec, header.spec, header.bench.conditions)
    forms = {form.key: form for form in isa.forms}
    cases = [
        # Where processors differ, as that of this oracle.
        replace(made.case, state={**made.case.state, **oracle.bench.fixed})
        for key, entries in by_form(recorded)
        if key in forms
        for made, _ in remade(isa, forms[key], header, entries)
    ]
    return _measured(oracle, list(islice(cycle(cases), count)))


def _measured(oracle: Oracle, cases: Sequence[Case]) -> Speed:
    wall, cpu, children = perf_counter(), process_time(), _children()
    kinds = Counter(type(answer).__name__ for answer in oracle.run(cases))
    taken = perf_counter() - wall, _children() - children, process_time() - cpu
    return Speed(kinds.total(), kinds["Refused"], *taken)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
