"""`popek diff`: the report for a reader."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from popek.report.changes import Change, Comparison
from popek.report.style import QUIET, UNDECIDED_STYLE, VERDICT_STYLE, class_word, grid, section
from popek.source import Span
from popek.theory.theorems import count
from popek.theory.verdict import Class

#: What changes is told by lines: at most so many for one kind of change.
LINES = 6

#: The theorems by their name in JSON.
_THEOREMS = {"vmm": "1  trap-and-emulate", "recursive": "2  recursive", "hybrid": "3  hybrid"}


def diff_report(compared: Comparison) -> Group:
    """The whole report."""
    return Group(*_opening(compared), *_theorems(compared), *_host(compared), *_changes(compared))


def _opening(compared: Comparison) -> Iterator[RenderableType]:
    first, second = (view.check.isa for view in compared.views)
    if compared.first.check.options.partial:
        yield Text("The host's choice is made for the named forms alone.", style="yellow")
    if compared.interrupted:
        yield Text(
            "PARTIAL: interrupted; forms without a verdict count as absent.", UNDECIDED_STYLE
        )
    yield Text.assemble(
        (first.title, "bold"), (f"  {first.path}", QUIET), "  and  ",
        (second.title, "bold"), (f"  {second.path}", QUIET),
        (f", reading `{compared.first.reading}`", QUIET),
    )  # fmt: skip
    yield Text()
    changes = compared.changes
    if not changes:
        yield Text("Every form has the same class in both.")
        return
    both = [c for c in changes if c.before is not None and c.after is not None]
    names = dict.fromkeys(c.form.mnemonic for c in both)
    parts = [
        (len(both), f"of {count(len(names), 'mnemonic')} with another class"),
        (sum(c.before is None for c in changes), f"only in {second.title}"),
        (sum(c.after is None for c in changes), f"only in {first.title}"),
    ]
    yield Text("; ".join(f"{count(n, 'form')} {what}" for n, what in parts if n) + ".")


def _theorems(compared: Comparison) -> Iterator[RenderableType]:
    rows: list[list[RenderableType]] = []
    for name, shown in _THEOREMS.items():
        one, two = (view.theorems[name].verdict for view in compared.views)
        if one is not two:
            rows.append(
                [Text(shown), Text(one.value, VERDICT_STYLE[one]), Text("->"),
                 Text(two.value, VERDICT_STYLE[two])]
            )  # fmt: skip
    if rows:
        yield section("Theorems", grid(rows))


def _host(compared: Comparison) -> Iterator[RenderableType]:
    rows: list[list[RenderableType]] = [
        [Text(name), *(Text("absent" if v is None else str(v)) for v in values)]
        for name, values in compared.choices.items()
    ]
    if rows:
        yield section("The host's choice", grid(rows))


def _changes(compared: Comparison) -> Iterator[RenderableType]:
    """By mnemonic, change and lines: many forms change for one reason."""
    alike: dict[tuple[object, ...], list[Change]] = {}
    for change in compared.changes:
        lines = tuple(map(_line, change.because)) if change.before and change.after else ()
        key = (change.form.mnemonic, change.before, change.after, lines, change.host)
        alike.setdefault(key, []).append(change)
    rows: list[list[RenderableType]] = []
    for its in alike.values():
        first = its[0]
        what = Text.assemble(_word(first.before), " -> ", _word(first.after))
        what.append(f"  ({count(len(its), 'form')})", QUIET)
        rows.append([Text(first.form.mnemonic, "bold"), Group(what, *_because(first))])
    if rows:
        yield section("Changes", grid(rows))


def _because(change: Change) -> Iterator[Text]:
    spans = change.because
    for span in spans[:LINES]:
        yield Text(_line(span), QUIET)
    if len(spans) > LINES:
        yield Text(f"and {count(len(spans) - LINES, 'line')} more", QUIET)
    if change.host:
        yield Text(f"the host's choice of {', '.join(change.host)} is another", QUIET)


def _line(span: Span) -> str:
    return f"{span.path}:{span.line}: {span.source.line_text(span.line).strip()}"


def _word(kind: Class | None) -> Text:
    return Text("absent", QUIET) if kind is None else class_word(kind)
