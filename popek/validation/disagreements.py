"""The table of known disagreements: which bits, why, and by which section of the manual.

`tables/ORACLE-FAMILY.toml` holds an oracle's rows about a family of instruction sets.  A row is
about instructions of instruction sets (`*`: all) and, if it says so, about steps that end in
certain traps, whose delivery ends in certain others (`then`), that an access raises or not, with
certain bits in their first `argument`, with an access that `wraps` around or not, whose code
matches a pattern, or that start from certain values; it explains a disagreement only if each bit
that differs is among those that it names (`*`: whatever differs).  What it `needs` are
differences by which its reason shows: without them it explains nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from typing import Any

from popek.isa import ir
from popek.oracles.oracle import State
from popek.validation.comparison import Difference
from popek.validation.prediction import Prediction
from popek.validation.result import Disagreement, Subjected, Validation, state_of


class Blame(StrEnum):
    """Who is wrong."""

    SPEC = "spec"
    ORACLE = "oracle"
    #: The manual leaves these bits undefined.
    UNDEFINED = "undefined"
    #: Processors of the family differ.
    MODEL = "model"
    UNCLASSIFIED = "unclassified"


@dataclass(frozen=True, slots=True)
class Bits:
    """Bits that may differ: of a component, of `trap`, `waits` or `events`, or of memory.

    `element`: of a bank, which one, if not any.  In a memory `base` is the component (of a bank,
    the element of it) whose value after the step, as the oracle shows it, the cells are counted
    from: those `first` to `last` further on; without it, from the memory's first.  `ones`: only
    where the oracle shows ones.
    """

    of: str
    element: int | None
    base: str
    first: int
    last: int | None
    mask: int
    ones: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What rows ask of a step of the spec; see `prediction.Predicted`."""

    ending: str
    then: tuple[str, ...] = ()
    access: bool = False
    argument: int = 0
    wraps: bool = False
    code: str = ""
    before: State = field(default_factory=dict)

    @classmethod
    def of(cls, said: Prediction, code: bytes, before: State) -> Step:
        first = said.zeros
        return cls(
            first.ending, first.then, first.access, first.argument, first.wraps, code.hex(), before
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One known disagreement."""

    isas: frozenset[str]
    instructions: frozenset[str]
    endings: frozenset[str] | None
    then: frozenset[str] | None
    access: bool | None
    argument: int
    wraps: bool | None
    code: str
    state: tuple[tuple[str, frozenset[int]], ...]
    bits: tuple[Bits, ...]
    needs: tuple[Bits, ...]
    blame: Blame
    manual: str
    reason: str

    def about(self, isa: ir.Isa, form: ir.Form, step: Step) -> bool:
        """Whether the row is about such a step of this form."""
        return (
            isa.title in self.isas
            and not {form.name, form.mnemonic, "*"}.isdisjoint(self.instructions)
            and (self.endings is None or step.ending in self.endings)
            and (self.then is None or not self.then.isdisjoint(step.then))
            and self.access in (None, step.access)
            and self.argument & ~step.argument == 0
            and self.wraps in (None, step.wraps)
            and re.search(self.code, step.code) is not None
            and all(step.before[name] in values for name, values in self.state)
        )

    def explains(self, isa: ir.Isa, differing: Sequence[Difference], after: State) -> bool:
        """Whether every bit that differs is among the row's, and all that it needs differs."""
        return self.shows(isa, differing, after) and all(
            _among(isa, d, self.bits, after) for d in differing
        )

    def shows(self, isa: ir.Isa, differing: Sequence[Difference], after: State) -> bool:
        """Whether all that the row needs differs."""
        return all(
            any(_among(isa, d, (needed,), after) for d in differing) for needed in self.needs
        )


def _among(isa: ir.Isa, found: Difference, known: Sequence[Bits], after: State) -> bool:
    """Whether no other bits differ."""
    allowed = 0
    for bits in known:
        if bits.of == "*" or (bits.of == found.of and _there(isa, bits, found, after)):
            allowed |= bits.mask & found.oracle if bits.ones else bits.mask
    return not found.bits & ~allowed


def _there(isa: ir.Isa, bits: Bits, found: Difference, after: State) -> bool:
    if found.of not in isa.memories:
        return bits.element in (None, found.at)
    if bits.last is None:
        return True
    value = after[bits.base] if bits.base else 0
    start = value if isinstance(value, int) else value[bits.element or 0]
    offset = (found.at - start) % (1 << isa.memories[found.of].index_width)
    return bits.first <= offset <= bits.last


def table(oracle: str) -> tuple[Row, ...]:
    """The rows of an oracle, about all families; none if there is no file."""
    files = (resources.files("popek.validation") / "tables").iterdir()
    own = [f for f in files if f.name.startswith(f"{oracle}-")]
    texts = [f.read_text(encoding="utf-8") for f in sorted(own, key=lambda f: f.name)]
    return tuple(row for text in texts for row in parse_table(text))


def parse_table(text: str) -> tuple[Row, ...]:
    """The rows of a table.  Raises ValueError for one that is incomplete."""
    try:
        return tuple(_row(entry) for entry in tomllib.loads(text).get("row", []))
    except KeyError as error:
        raise ValueError(f"a row has no {error}") from None


def _row(entry: Mapping[str, Any]) -> Row:
    endings, then = entry.get("endings"), entry.get("then")
    return Row(
        frozenset(entry["isas"]),
        frozenset(entry["instructions"]),
        None if endings is None else frozenset(endings),
        None if then is None else frozenset(then),
        entry.get("access"),
        entry.get("argument", 0),
        entry.get("wraps"),
        entry.get("code", ""),
        tuple((name, _values(one)) for name, one in entry.get("state", {}).items()),
        tuple(_bits(b) for b in entry["differs"]),
        tuple(_bits(b) for b in entry.get("needs", ())),
        Blame(entry["class"]),
        entry["manual"],
        entry["reason"],
    )


def _values(given: int | list[int]) -> frozenset[int]:
    return frozenset(given if isinstance(given, list) else (given,))


def _bits(entry: Mapping[str, Any]) -> Bits:
    base = entry.get("from", "")
    first, last = entry.get("cells", (0, 0 if base else None))
    return Bits(
        entry["of"],
        entry.get("element"),
        base,
        first,
        last,
        entry.get("bits", -1),
        entry.get("ones", False),
    )


@dataclass(frozen=True, slots=True)
class Classified:
    """A disagreement of a form, and the row that explains it, if one does."""

    subject: Subjected
    found: Disagreement
    row: Row | None

    @property
    def blame(self) -> Blame:
        return Blame.UNCLASSIFIED if self.row is None else self.row.blame


def classified(
    isa: ir.Isa, result: Validation, rows: Mapping[str, Sequence[Row]]
) -> tuple[Classified, ...]:
    """All disagreements of a run.  `rows`: the tables by the oracles' names."""
    forms = {form.key: form for form in isa.forms}
    return tuple(
        Classified(subject, found, _row_for(isa, forms[subject.key], found, rows[found.oracle]))
        for subject in result.subjects
        for found in subject.disagreements
    )


def _row_for(isa: ir.Isa, form: ir.Form, found: Disagreement, rows: Sequence[Row]) -> Row | None:
    before = state_of(found.case)
    after = {**before, **found.after}
    step = Step(
        found.ending, found.then, found.access, found.argument, found.wraps, found.code, before
    )
    return explanation(isa, form, step, found.differs, after, rows)


def explanation(
    isa: ir.Isa,
    form: ir.Form,
    step: Step,
    differing: Sequence[Difference],
    after: State,
    rows: Sequence[Row],
) -> Row | None:
    """The row that explains all that differs; else the first of several that do together."""
    about = [row for row in rows if row.about(isa, form, step)]
    for row in about:
        if row.explains(isa, differing, after):
            return row
    needed = [row for row in about if row.shows(isa, differing, after)]
    known = [bits for row in needed for bits in row.bits]
    if needed and all(_among(isa, d, known, after) for d in differing):
        return needed[0]
    return None
