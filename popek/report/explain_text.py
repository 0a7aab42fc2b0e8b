"""`popek explain`: why an instruction has its class."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from popek.isa.footprint import reads, writes
from popek.report.choices import shown_settings, shown_value
from popek.report.evidence import by_level, evidence
from popek.report.excerpt import clause_lines
from popek.report.expectations import expectation
from popek.report.names import is_named
from popek.report.sensitivity import KINDS
from popek.report.style import (
    CLASS_STYLE,
    HEADING,
    QUIET,
    UNDECIDED_STYLE,
    Whole,
    class_word,
    grid,
    section,
    three_valued,
)
from popek.report.values import brief, in_full, width_of
from popek.report.view import Row, View
from popek.report.witness import OUTCOME, Side, Table, Telling, table, telling
from popek.theory.direct import Binding
from popek.theory.theorems import count
from popek.theory.verdict import Class, Label, Witness

_MARK = "bold red"


def named_rows(view: View, instruction: str) -> list[Row]:
    """The forms of an instruction, by mnemonic or name."""
    return [row for row in view.rows if is_named(row.verdict.form, instruction)]


def explanation(view: View, instruction: str) -> Group:
    """All forms of an instruction.  Forms of one verdict and reason are explained once."""
    parts: list[RenderableType] = []
    for same in _alike(named_rows(view, instruction)):
        if parts:
            parts += [Text(), Text()]
        parts += _form(view, same)
    if not parts:
        parts.append(Text(f"no form of {instruction} was reached", style=UNDECIDED_STYLE))
    return Group(*parts)


def _alike(rows: list[Row]) -> list[list[Row]]:
    """Forms of one instruction with one class and one reason."""
    groups: dict[tuple[str, Class, str, object], list[Row]] = {}
    for row in rows:
        key = (row.verdict.form.name, row.kind, row.reason, row.verdict.label)
        groups.setdefault(key, []).append(row)
    return list(groups.values())


def _form(view: View, same: list[Row]) -> Iterator[RenderableType]:
    row = same[0]
    verdict = row.verdict
    form = verdict.form
    style = CLASS_STYLE[row.kind]
    label = f" ({verdict.label.value})" if verdict.label is not None else ""
    yield Text.assemble(
        (f"{form.mnemonic} [{form.text}]", HEADING),
        "  ",
        (f"{row.kind.value}{label if view.reading == 'direct' else ''}", style),
        (f"  reading `{view.reading}`", QUIET),
    )
    if form.title:
        yield Text(form.title)
    if len(same) > 1:
        others = ", ".join(f"[{r.verdict.form.text}]" for r in same[1:])
        yield Text(f"The same holds of {count(len(same) - 1, 'other form')}: {others}", QUIET)
    yield Text()
    yield Text.assemble(("why  ", HEADING), row.reason)
    for unless in verdict.unless if view.reading == "direct" else ():
        stopped = list(dict.fromkeys(name for name, _ in unless.stopped))
        price = (
            f"; the price: {count(len(unless.stopped), 'plain form')} would trap too, of "
            f"{', '.join(stopped)}"
            if stopped
            else "; no plain form would trap for it"
        )
        yield Text(f"critical unless {shown_settings(unless.host)}{price}", style="yellow")
    yield _source(row)
    if row.witness is not None:
        yield from _witness(view, row, row.witness)
    elif view.reading == "direct":
        yield section("What a hypervisor would see", Text(_seen_without_witness(row)))
    yield _readings(row)
    if view.reading == "direct":
        yield from _rests_on(view, row)
    yield from _declared(row)
    yield _evidence(row)


# ---------------------------------------------------------------- the spec


def _source(row: Row) -> RenderableType:
    """The clause; its lines are not wrapped, so that they stay as they are in the file."""
    blame = row.witness.blame if row.witness is not None else None
    lines = clause_lines(row.verdict.form, blame)
    gutter = max(len(str(line.number)) for line in lines)
    text = Text(no_wrap=True, overflow="ignore")
    for line in lines:
        if line.elsewhere:
            text.append(f"\n  {line.file}:{line.number}", style=QUIET)
        elif line.cut:
            text.append(f"\n    {'...':>{gutter}}", style=QUIET)
        mark = ">" if line.blamed else " "
        text.append(
            f"\n  {mark} {line.number:>{gutter}} | {line.text}", style=_MARK if line.blamed else ""
        )
    form = row.verdict.form
    return Group(section(f"{form.span.path}:{form.span.line}"), text[1:])


# ---------------------------------------------------------------- the two states


def _witness(view: View, row: Row, witness: Witness) -> Iterator[RenderableType]:
    isa = view.check.isa
    shown = table(isa, witness)
    code = view.code.of(row.verdict.form, witness)
    body: list[RenderableType] = []
    if code is not None:
        body.append(Text.assemble(("code  ", QUIET), code[0], "   ", (code[1], "bold")))
    head: list[RenderableType] = [Text("")]
    for side in shown.sides:
        head += [Text(f"{side.name} before", QUIET), Text("after", QUIET)]
    rows = [[*head, Text("")]]
    same: list[str] = []
    for key in shown.keys:
        match telling(isa, shown, key, witness.fields):
            case Telling.SHOWN:
                rows.append(_line(view, shown, key))
            case Telling.SAME:
                value = shown.sides[0].before[key]
                same.append(f"{key} = {brief(value, width_of(isa, key))}")
            case Telling.IDLE:
                pass
    ending: list[RenderableType] = [Text("ends")]
    for side in shown.sides:
        ending += [Text(""), Text(_outcome(side), _MARK if OUTCOME in shown.wrong else "")]
    rows.append([*ending, Text("")])
    body.append(Whole(grid(rows)))
    if same:
        body += [Text(), Text(f"the same throughout: {', '.join(same)}", style=QUIET)]
    full = _in_full(view, shown)
    if full:
        body += [Text(), grid(full)]
    title = "Two states" if len(shown.sides) > 1 else "A state"
    if view.reading != "direct":
        title = f"Why it is sensitive: {title.lower()}"
    yield section(f"{title}, re-evaluated", *body)
    direct = shown.side("direct")
    if direct is not None:
        yield section("What a hypervisor would see", Text(_seen(direct, shown.side("bare"))))


def _line(view: View, shown: Table, key: str) -> list[RenderableType]:
    width = width_of(view.check.isa, key)
    wrong = key in shown.wrong
    cells: list[RenderableType] = [Text(key, _MARK if wrong else "")]
    for side in shown.sides:
        before, after = side.before.get(key), side.after.get(key)
        cells.append(Text("" if before is None else brief(before, width)))
        changed = after is not None and after != before
        style = _MARK if wrong else "bold" if changed else QUIET
        cells.append(Text("" if after is None else brief(after, width), style))
    cells.append(Text(f"<- {shown.wrong[key]}" if wrong else "", _MARK))
    return cells


def _outcome(side: Side) -> str:
    return f"trap {side.outcome}" if side.trapped else side.outcome


def _in_full(view: View, shown: Table) -> list[list[RenderableType]]:
    """What differs, once more: hexadecimal, without sign and with sign."""
    rows: list[list[RenderableType]] = []
    for key in shown.differs:
        width = width_of(view.check.isa, key) if key != OUTCOME else 0
        for side in shown.sides:
            after = side.after.get(key)
            if after is not None and width > 4 and after >= 10:
                rows.append([Text(f"{key} after, {side.name}"), Text(in_full(after, width))])
    return rows


def _seen(direct: Side, bare: Side | None) -> str:
    if direct.trapped:
        return f"the trap {direct.outcome}"
    seen = "nothing: the instruction completes on the real machine, and no handler runs"
    if bare is not None and bare.trapped:
        seen += f" (the bare machine traps: {bare.outcome})"
    return seen


def _seen_without_witness(row: Row) -> str:
    match row.kind:
        case Class.PRIVILEGED:
            return "a trap, from every state of the demoted guest"
        case Class.INNOCUOUS:
            return "nothing, and it need not: direct execution does what the bare machine does"
        case Class.UNDECIDED | Class.CRITICAL:
            return "not decided"
        case Class.GUARDED:
            pass
    match row.verdict.label:
        case Label.ALWAYS:
            return "a trap, in every mode"
        case Label.TRAPS:
            return "a trap wherever direct execution would go wrong"
        case Label.EXEMPT:
            return "nothing: the guest sees a clock, and timing is exempt"
        case Label.LOADED:
            return "nothing: the guest works on its own value, which the host has loaded"
        case Label.MATCHED | None:
            return "nothing: the bare machine does the same"


# ---------------------------------------------------------------- readings, grounds


def _readings(row: Row) -> RenderableType:
    """Properties down, readings across; `-` where a reading does not know the property."""
    verdict = row.verdict
    head = [Text(""), *(Text(name, QUIET) for name in ("pg74", "general", "direct"))]
    kinds = (verdict.pg74.kind, verdict.general.kind, verdict.kind)
    rows = [head, [Text("class"), *map(class_word, kinds)]]
    absent = Text("-", QUIET)
    for word in ("privileged", *KINDS):
        old = absent if word == "resource" else three_valued(getattr(verdict.pg74, word))
        new = three_valued(getattr(verdict.general, word))
        sensitive = "" if word == "privileged" else " sensitive"
        rows.append([Text(f"{word}{sensitive}"), old, new, absent])
    users = (verdict.pg74.user, verdict.general.user, verdict.user)
    rows.append([Text("user sensitive"), *map(three_valued, users)])
    body: list[RenderableType] = [grid(rows)]
    settled = Class.UNDECIDED not in (verdict.kind, verdict.general.kind)
    if settled and verdict.kind is not verdict.general.kind:
        body.append(
            Text(
                f"{verdict.general.kind.value} in `general` and {verdict.kind.value} in `direct` "
                "is a difference of definition: `direct` asks what goes wrong under the host's "
                "choice.",
                style=QUIET,
            )
        )
    return section("Readings", *body)


def _rests_on(view: View, row: Row) -> Iterator[RenderableType]:
    check = view.check
    form = row.verdict.form
    touched = reads(form.body) | writes(form.body)
    relevant = {n: value for n, value in check.choice.host.items() if n in touched}
    body: list[RenderableType] = []
    if relevant:
        settings = [
            f"{n} = {shown_value(v)}" for n, v in relevant.items() if v is not Binding.LOADED
        ]
        loaded = [n for n, v in relevant.items() if v is Binding.LOADED]
        if loaded:
            settings.append(f"{', '.join(loaded)} loaded with the guest's own value")
        body.append(Text(f"the host's choice: {'; '.join(settings)}"))
    body += [Text(f"the assumption {a}") for a in row.verdict.assumptions]
    if not body:
        body.append(Text("no choice of the host's, and no assumption"))
    yield section(f"{form.mnemonic}'s class rests on", *body)


def _declared(row: Row) -> Iterator[RenderableType]:
    found = expectation(row.verdict)
    form = row.verdict.form
    lines: list[RenderableType] = []
    if found.declared:
        met = {True: "met", False: "not met", None: "not decided"}[found.met]
        why = form.expect.why if form.expect is not None else ""
        lines.append(
            Text(
                f"declared {', '.join(found.declared)}{f' ({why})' if why else ''}: {met}, "
                f"{found.span.path}:{found.span.line}",
                style={True: "", False: _MARK, None: UNDECIDED_STYLE}[found.met],
            )
        )
    lines += [Text(f"see {see.manual}, {see.text}") for see in form.sees]
    lines += [Text(f"note: {note}") for note in form.notes]
    if lines:
        yield section("The spec says", *lines)


def _evidence(row: Row) -> RenderableType:
    rows: list[list[RenderableType]] = []
    for entry, levels in by_level(evidence(row.verdict)):
        at = f" at {', '.join(levels)}" if levels else ""
        rows.append(
            [
                Text(entry.reading, QUIET),
                Text(entry.answer, UNDECIDED_STYLE if entry.answer == "undecided" else ""),
                Text.assemble(f"{entry.query}{at}", (f"  ({entry.by})", QUIET)),
            ]
        )
    return section("Evidence: is there a state, or a pair, in which", grid(rows))
