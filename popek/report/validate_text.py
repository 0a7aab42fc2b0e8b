"""`popek validate`: the report for a reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from popek.isa import ir
from popek.report.style import QUIET, UNDECIDED_STYLE, grid, section
from popek.theory.theorems import count
from popek.validation.disagreements import Blame, Classified, Row
from popek.validation.result import Validation

_STYLE = {
    Blame.SPEC: "bold red",
    Blame.ORACLE: "yellow",
    Blame.UNDEFINED: QUIET,
    Blame.MODEL: QUIET,
    Blame.UNCLASSIFIED: "bold red",
}

#: Lines of the first table: what they are called, and what they sum.
_COUNTS = (
    ("feasible paths", "feasible"),
    ("  exercised", "exercised"),
    ("infeasible beginnings", "infeasible"),
    ("beyond the bench", "beyond"),
    ("unknown", "unknown"),
    ("ways reached", "ways"),
    ("cases", "cases"),
)

#: Unclassified disagreements that are shown in full.
SHOWN = 10


def validate_report(
    isa: ir.Isa, result: Validation, classified: Sequence[Classified], *, only: Sequence[str] = ()
) -> Group:
    """The whole report of one spec."""
    parts: list[RenderableType] = [*_opening(isa, result, only), *_paths(result)]
    parts += [*_left(result), *_short(result), *_explained(classified)]
    parts += _unclassified(classified)
    return Group(*parts)


def _opening(isa: ir.Isa, result: Validation, only: Sequence[str]) -> Iterator[RenderableType]:
    if only:
        yield Text(f"Only {', '.join(only)}.", style="yellow")
    if result.partial:
        done, of = len(result.forms), count(len(isa.forms), "form")
        yield Text(f"PARTIAL: interrupted after {done} of {of}.", style=UNDECIDED_STYLE)
    if result.lost:
        done, of = len(result.forms), count(len(isa.forms), "form")
        yield Text(f"PARTIAL: {result.lost}, after {done} of {of}.", style=UNDECIDED_STYLE)
    names = ", ".join(f"{o.name} {o.version} ({o.model})" for o in result.oracles)
    yield Text.assemble(
        (isa.title, "bold"),
        (f"  {isa.path}  on {names}, seed {result.seed}", QUIET),
    )


def _paths(result: Validation) -> Iterator[RenderableType]:
    """What was enumerated and run; deliveries and translations apart."""
    columns = [s for s in (result.forms, result.processor) if s]
    titles = (count(len(result.forms), "form"), f"{len(result.processor)} of the processor's own")
    rows: list[tuple[str, ...]] = [("", *titles[: len(columns)])]
    for name, counted in _COUNTS:
        rows.append((name, *(str(sum(getattr(s, counted) for s in c)) for c in columns)))
    yield Text()
    yield grid([[Text(cell) for cell in row] for row in rows])
    agree, disagree, died = (result.total(n) for n in ("agree", "disagree", "died"))
    yield Text(f"{agree} agree, {disagree} disagree" + (f", {died} died" if died else ""))


def _left(result: Validation) -> Iterator[RenderableType]:
    left = result.left
    if left:
        rows = [[Text(str(n)), Text(why)] for why, n in left.most_common()]
        silent = result.silent
        said = Text(f"Of {silent} of them the spec says nothing that could be shown.", style=QUIET)
        yield section("Paths that no oracle showed", grid(rows), *([said] if silent else []))


def _short(result: Validation) -> Iterator[RenderableType]:
    """Forms of which something is not known."""
    short = [s for s in result.subjects if s.unknown or s.cut]
    if short:
        rows = [
            [
                Text(s.mnemonic if s.is_clause else s.scope),
                Text(f"{s.unknown} unknown" + (", cut short" if s.cut else "")),
                Text(s.text, style=QUIET),
            ]
            for s in short
        ]
        yield section("Paths that were neither reached nor refuted", grid(rows))


def _explained(classified: Sequence[Classified]) -> Iterator[RenderableType]:
    """The rows of the tables that were needed."""
    found: dict[tuple[str, Row], Counter[str]] = {}
    for c in classified:
        if c.row is not None:
            names = found.setdefault((c.found.oracle, c.row), Counter())
            names[c.subject.mnemonic] += 1
    if found:
        rows = [
            [
                Text(row.blame.value, style=_STYLE[row.blame]),
                Text(oracle),
                Text(str(names.total())),
                Text(f"{', '.join(sorted(names))}: {row.reason} ({row.manual})"),
            ]
            for (oracle, row), names in found.items()
        ]
        yield section("Known disagreements", grid(rows))


def _unclassified(classified: Sequence[Classified]) -> Iterator[RenderableType]:
    wrong = [c for c in classified if c.row is None]
    if not wrong:
        return
    rows = [
        [
            Text(c.found.oracle),
            Text(c.subject.mnemonic, style=_STYLE[Blame.UNCLASSIFIED]),
            Text(c.found.code),
            Text(_differs(c)),
        ]
        for c in wrong[:SHOWN]
    ]
    names = Counter(c.subject.mnemonic for c in wrong)
    shown = f" ({SHOWN} shown)" if len(wrong) > SHOWN else ""
    yield section(
        f"Unclassified: {count(len(wrong), 'disagreement')}{shown}",
        grid(rows),
        Text(", ".join(f"{name} {n}" for name, n in names.most_common()), style=QUIET),
    )


def _differs(c: Classified) -> str:
    ending = c.found.ending or "completes"
    others = "".join(
        f"; {name} {'agrees with the spec' if agrees else 'disagrees, too'}"
        for name, agrees in c.found.votes.items()
    )
    parts = [f"{d.of}[{d.at:#x}] {d.spec:#x}, not {d.oracle:#x}" for d in c.found.differs[:6]]
    more = "" if len(c.found.differs) <= 6 else ", ..."
    return f"{ending}: spec says {', '.join(parts)}{more}{others}"
