"""`popek check`: the report for a reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from popek.report.choices import shown_settings, shown_value
from popek.report.constructions import Standing, constructions, single_critical, some_of
from popek.report.expectations import expectations
from popek.report.style import (
    CLASS_STYLE,
    QUIET,
    UNDECIDED_STYLE,
    VERDICT_STYLE,
    class_word,
    grid,
    indented,
    section,
)
from popek.report.view import SHOWN, Row, View
from popek.source import Span
from popek.theory.theorems import Theorem, Verdict, count
from popek.theory.verdict import Class, Label, Proved

_STANDING_STYLE = {
    Standing.EXISTS: "green",
    Standing.NO_PROOF: "red",
    Standing.UNDECIDED: UNDECIDED_STYLE,
    Standing.POSSIBLE: "",
    Standing.NEEDLESS: QUIET,
}


def check_report(view: View, *, expected: bool = False) -> Group:
    """The whole report of one spec."""
    parts: list[RenderableType] = [*_opening(view), *_theorems(view)]
    parts += [*_host(view), *_assumptions(view), *_classes(view)]
    parts += [*_reasons(view), *_guarded(view), *_undecided(view)]
    if expected:
        parts += _expectations(view)
    if not view.check.options.partial and not view.check.interrupted:
        parts += _remaining(view)
    return Group(*parts)


# ---------------------------------------------------------------- what holds


def _opening(view: View) -> Iterator[RenderableType]:
    """What was checked, and Theorem 1 in one sentence."""
    check = view.check
    isa = check.isa
    if check.options.partial:
        only = dict.fromkeys(f.mnemonic for f in isa.forms)
        yield Text(
            f"Only {', '.join(only)}: the host's choice is made for the named forms alone.",
            style="yellow",
        )
    if check.interrupted:
        yield Text(
            f"PARTIAL: interrupted after {len(check.verdicts)} of {count(len(isa.forms), 'form')}.",
            style=UNDECIDED_STYLE,
        )
    yield Text.assemble(
        (isa.title, "bold"),
        (f"  {isa.path}  {count(len(isa.forms), 'form')}, reading `{view.reading}`", QUIET),
    )
    if check.options.top is not None:
        yield Text(f"The guest's own levels range from {check.options.top} down.")
    yield Text()
    yield _sentence(view)


def _sentence(view: View) -> Text:
    theorem = view.theorems["vmm"]
    title = view.check.isa.title
    if view.check.options.partial and theorem.verdict is Verdict.PROVED:
        return Text(f"None of the named forms is critical; Theorem 1 asks that of all of {title}.")
    critical = view.of(Class.CRITICAL)
    match theorem.verdict:
        case Verdict.PROVED:
            said = f"Theorem 1 holds for {title}: {theorem.says}."
        case Verdict.REFUTED:
            mnemonics = list(dict.fromkeys(row.mnemonic for row in critical))
            n = len(critical)
            which = f"{count(n, 'form')} of {count(len(mnemonics), 'mnemonic')}"
            if len(mnemonics) == 1:
                which = f"{count(n, 'form')} of {mnemonics[0]}"
            said = (
                f"Theorem 1 does not apply to {title}: {which} {'is' if n == 1 else 'are'} "
                f"critical; {_critical_means(view, n)}."
            )
        case Verdict.UNDECIDED:
            at = f" at {some_of(theorem.because)}" if theorem.because else ""
            why = "" if at else f": {theorem.says}"
            if not at and not view.check.choice.admissible:
                why = ": no admissible choice of the host's was found"
            said = f"Theorem 1 is undecided for {title}{at}{why}."
    return Text(said, style=VERDICT_STYLE[theorem.verdict])


def _critical_means(view: View, n: int) -> str:
    if view.reading == "direct":
        verb = "it runs without a trap and goes" if n == 1 else "they run without a trap and go"
        return f"in some state of a demoted guest {verb} wrong"
    return f"that is, sensitive and not privileged in the reading `{view.reading}`"


def _theorems(view: View) -> Iterator[RenderableType]:
    partial = view.check.options.partial
    words = {
        "vmm": "1  trap-and-emulate",
        "recursive": "2  recursive",
        "hybrid": "3  hybrid",
    }
    rows = [
        [
            Text(words[name]),
            _verdict(theorem, partial=partial),
            Text("" if partial and theorem.verdict is Verdict.PROVED else _because(name, theorem)),
        ]
        for name, theorem in view.theorems.items()
    ]
    if view.contract_matters:
        bare = view.check.hybrid_without_contract
        rows[-1][-1] = Text(f"{_because('hybrid', view.theorems['hybrid'])}; under the contract")
        said = _verdict(bare, partial=partial)
        rows.append([Text("   no contract"), said, Text(_because("hybrid", bare))])
    scope = ", as far as the named forms go" if view.check.options.partial else ""
    yield section(f"Theorems{scope}", grid(rows))


def _verdict(theorem: Theorem, *, partial: bool) -> Text:
    match theorem.verdict:
        case Verdict.PROVED if partial:
            return Text("no objection")
        case Verdict.PROVED:
            word = "proved"
        case Verdict.REFUTED:
            word = "premise fails"
        case Verdict.UNDECIDED:
            word = "undecided"
    return Text(word, style=VERDICT_STYLE[theorem.verdict])


def _because(name: str, theorem: Theorem) -> str:
    at = some_of(theorem.because)
    match theorem.verdict:
        case Verdict.REFUTED if name == "hybrid":
            return f"in user mode at {at}"
        case Verdict.REFUTED if name == "vmm":
            return f"at {at}"
        case Verdict.UNDECIDED if at:
            return f"at {at}"
        case _:
            return theorem.says


# ---------------------------------------------------------------- under which conditions


def _host(view: View) -> Iterator[RenderableType]:
    check = view.check
    if view.reading != "direct" or (check.interrupted and not check.verdicts):
        return
    choice = check.choice
    fixed = set(choice.fixed)
    rows = []
    loaded = []
    for name, value in choice.host.items():
        shown = shown_value(value)
        if shown == "loaded" and name not in fixed:
            loaded.append(name)
        else:
            rows.append([Text(name), Text(str(shown)), Text("by hand" if name in fixed else "")])
    body: list[RenderableType] = []
    if rows:
        body.append(grid(rows))
    if loaded:
        body.append(Text(f"loaded with the guest's own value: {', '.join(loaded)}"))
    if not choice.host:
        body.append(Text("nothing to choose: the spec has no control and no loadable"))
    elif choice.tied > 1:
        body.append(Text(f"{choice.tied} choices are as good; this is the first", style=QUIET))
    if not choice.admissible:
        how = "by hand, and " if fixed else ""
        body.append(
            Text(f"{how}not admissible: it stops or breaks plain forms".capitalize(), "yellow")
        )
    kept = [Text(p.text) for p in check.isa.hosts]
    for promise, possible in check.promises.items():
        doubt = "" if possible else "  not shown to be possible"
        kept.append(Text.assemble(promise, (doubt, UNDECIDED_STYLE)))
    if kept:
        body.append(Text("and the real machine satisfies, while a guest runs:"))
        body.append(indented(grid([[line] for line in kept])))
    yield section("The host's choice", *body)


def _assumptions(view: View) -> Iterator[RenderableType]:
    check = view.check
    rows = [[Text(a.id), Text(a.text)] for a in check.assumptions]
    body: list[RenderableType] = [grid(rows)] if rows else [Text("none")]
    proved = [k.invariant.text for k in check.invariants if k.inductive is True]
    if proved:
        body.append(Text(f"proved, and so not assumed: {'; '.join(proved)}"))
    astray = [n for n, f in check.deliveries.items() if not isinstance(f, Proved)]
    if astray and view.reading == "direct":
        body.append(
            Text(f"not proved to lead to the host: {', '.join(astray)}", style=UNDECIDED_STYLE)
        )
    yield section("Assumptions", *body)


# ---------------------------------------------------------------- the classes


def _classes(view: View) -> Iterator[RenderableType]:
    rows: list[list[RenderableType]] = [
        [Text("class", QUIET), Text("forms", QUIET), Text("mnemonics", QUIET), Text()]
    ]
    for kind in SHOWN:
        forms = len(view.of(kind))
        mnemonics = view.mnemonics_of(kind)
        if kind is Class.GUARDED and view.reading != "direct":
            continue
        short = some_of(mnemonics, 8 if kind is Class.INNOCUOUS else 30)
        rows.append(
            [
                class_word(kind),
                Text(f"{forms:>5}"),
                Text(f"{len(mnemonics):>9}"),
                Text(short, style=QUIET),
            ]
        )
    rows.append([Text("all"), Text(f"{len(view.rows):>5}"), Text(f"{len(view.mnemonics):>9}"), ""])
    yield section(f"Classes ({view.reading})", grid(rows))


def _reasons(view: View) -> Iterator[RenderableType]:
    """For each critical mnemonic one line of reason, and the line of the spec."""
    by_mnemonic: dict[str, list[Row]] = {}
    for row in view.of(Class.CRITICAL):
        by_mnemonic.setdefault(row.mnemonic, []).append(row)
    if not by_mnemonic:
        return
    totals = Counter(row.mnemonic for row in view.rows)
    rows: list[list[RenderableType]] = []
    for mnemonic, its in by_mnemonic.items():
        lines = [Text(its[0].reason)]
        if totals[mnemonic] > 1:
            share = "all" if len(its) == totals[mnemonic] else f"{len(its)} of"
            lines[0].append(f"  ({share} {totals[mnemonic]} forms)", QUIET)
        lines.append(Text(_line(_blamed(its[0])), style=QUIET))
        lines += [Text(text, style="yellow") for text in _unless(its[0])]
        rows.append([Text(mnemonic, style=CLASS_STYLE[Class.CRITICAL]), Group(*lines)])
    yield section("Critical", grid(rows))


def _undecided(view: View) -> Iterator[RenderableType]:
    """The undecided forms, by cause."""
    by_reason: dict[str, dict[str, None]] = {}
    for row in view.of(Class.UNDECIDED):
        by_reason.setdefault(row.reason, {})[row.mnemonic] = None
    if by_reason:
        yield section(
            "Undecided",
            *(
                Text.assemble((", ".join(mnemonics), UNDECIDED_STYLE), f": {reason}")
                for reason, mnemonics in by_reason.items()
            ),
        )


def _blamed(row: Row) -> Span:
    witness = row.witness
    return row.verdict.form.span if witness is None or witness.blame is None else witness.blame


def _line(span: Span) -> str:
    return f"{span.path}:{span.line}: {span.source.line_text(span.line).strip()}"


def _unless(row: Row) -> Iterator[str]:
    for unless in row.verdict.unless:
        stopped = len(unless.stopped)
        mnemonics = list(dict.fromkeys(name for name, _ in unless.stopped))
        price = (
            f", which makes {count(stopped, 'plain form')} trap: {some_of(mnemonics)}"
            if stopped
            else ""
        )
        yield f"critical unless {shown_settings(unless.host)}{price}"


def _guarded(view: View) -> Iterator[RenderableType]:
    by_label: dict[Label, dict[str, None]] = {}
    for row in view.of(Class.GUARDED):
        label = row.verdict.label
        assert label is not None
        by_label.setdefault(label, {})[row.mnemonic] = None
    if not by_label:
        return
    meaning = {
        Label.ALWAYS: "traps in every mode",
        Label.EXEMPT: "shows a clock; timing is exempt",
        Label.LOADED: "safe because the guest's own value is loaded",
        Label.TRAPS: "traps wherever it would go wrong",
        Label.MATCHED: "the bare machine does the same",
    }
    yield section(
        "Guarded",
        grid(
            [
                Text(label.value, CLASS_STYLE[Class.GUARDED]),
                Text(f"{meaning[label]}: {', '.join(by_label[label])}"),
            ]
            for label in Label
            if label in by_label
        ),
    )


def _expectations(view: View) -> Iterator[RenderableType]:
    found = expectations(view.check.verdicts)
    wrong = [e for e in found if e.surprising]
    open_ = [e for e in found if e.open]
    declared = sum(bool(e.declared) for e in found)
    body: list[RenderableType] = []
    for list_, style in ((wrong, CLASS_STYLE[Class.CRITICAL]), (open_, UNDECIDED_STYLE)):
        for e in list_:
            form = e.verdict.form
            place = f"{e.span.path}:{e.span.line}"
            body.append(
                Text.assemble(
                    (f"{place}: ", QUIET), f"{form.mnemonic} [{form.text}] ", (e.says, style)
                )
            )
    if not body:
        body.append(Text(f"met, all {declared}", style="green"))
    yield section("Expectations", *body)


def _remaining(view: View) -> Iterator[RenderableType]:
    body: list[RenderableType] = [
        grid(
            [Text(c.name), Text(c.standing.value, _STANDING_STYLE[c.standing]), Text(c.says)]
            for c in constructions(view)
        )
    ]
    question = single_critical(view)
    if question is not None:
        body += [Text(), Text(question)]
    yield section("Which hypervisors remain", *body)


def together(reports: Iterable[RenderableType]) -> Group:
    """Several reports, one below the other."""
    parts: list[RenderableType] = []
    for report in reports:
        if parts:
            parts += [Text(), Text()]
        parts.append(report)
    return Group(*parts)
