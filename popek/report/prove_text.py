"""`popek prove`: the report for a reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType
from rich.text import Text

from popek.hypervisor.cost import Expense
from popek.hypervisor.design import Property
from popek.hypervisor.exhibit import End, Exhibit
from popek.hypervisor.proof import InterruptProof, Kind, Proof
from popek.isa import ir
from popek.report.constructions import some_of
from popek.report.prove_view import Entry, ProofView
from popek.report.prove_words import interrupt_exhibit, interrupt_reason
from popek.report.style import (
    CLASS_STYLE,
    QUIET,
    UNDECIDED_STYLE,
    VERDICT_STYLE,
    Whole,
    class_word,
    grid,
    indented,
    section,
)
from popek.report.values import brief, component_of, scalars, width_of
from popek.report.witness import COMPLETES
from popek.source import Span
from popek.theory.theorems import Verdict, count
from popek.theory.verdict import Class, Refuted, Undecided

_MARK = "bold red"

_SAYS = {
    Kind.TRUE: "a true hypervisor: for guests of any length equivalent, in control and efficient",
    Kind.INEFFICIENT: "a hypervisor, not efficient: for guests of any length equivalent and in "
    "control",
    Kind.NONE: "not a hypervisor",
}


def prove_report(proof: Proof) -> Group:
    """The whole report of one design."""
    view = ProofView(proof)
    parts: list[RenderableType] = [*_opening(proof), _properties(view)]
    for property in Property:
        parts += _refuted(view, property)
    parts += [*_undecided(view), *_host(proof), *_assumptions(proof)]
    parts += [*_cost(proof), *_expectations(proof)]
    return Group(*parts)


# ---------------------------------------------------------------- what it is


def _opening(proof: Proof) -> Iterator[RenderableType]:
    design, isa = proof.design, proof.design.isa
    if proof.partial:
        only = dict.fromkeys(f.mnemonic for f in isa.forms)
        yield Text(
            f"Only {', '.join(only)}: the host's choice is made for the named forms alone.",
            style="yellow",
        )
    if proof.interrupted:
        yield Text("PARTIAL: interrupted; what was not reached is not decided.", UNDECIDED_STYLE)
    yield Text.assemble(
        (design.title, "bold"), f" for {isa.title}", (f"  {design.path}, {isa.path}", QUIET)
    )
    yield Text()
    yield _sentence(proof)


def _sentence(proof: Proof) -> Text:
    what = "As far as the named forms go" if proof.partial else f"`{proof.design.title}`"
    is_ = ", this is" if proof.partial else " is"
    match proof.kind:
        case None:
            said, style = f"{what}{is_} undecided.", UNDECIDED_STYLE
        case Kind.NONE as kind:
            failing = [p for p, f in proof.properties.items() if f.verdict is Verdict.REFUTED]
            why = " and ".join(p.value for p in failing if p is not Property.EFFICIENCY)
            said = f"{what}{is_} {_SAYS[kind]}: {why} {'fails' if ' and ' not in why else 'fail'}."
            style = VERDICT_STYLE[Verdict.REFUTED]
        case Kind.HYBRID:
            said, style = f"{what}{is_} {_hybrid(proof)}.", VERDICT_STYLE[Verdict.PROVED]
        case kind:
            said, style = f"{what}{is_} {_SAYS[kind]}.", VERDICT_STYLE[Verdict.PROVED]
    return Text(said, style=style)


def _hybrid(proof: Proof) -> str:
    if proof.properties[Property.EFFICIENCY].verdict is Verdict.PROVED:
        return (
            "a hybrid, equivalent, in control and efficient for guests of any length: what is "
            "critical does not run directly"
        )
    return (
        "a hybrid, equivalent and in control for guests of any length: some of what is innocuous "
        "does not run directly"
    )


def _properties(view: ProofView) -> RenderableType:
    proof = view.proof
    rows: list[list[RenderableType]] = []
    for property, found in proof.properties.items():
        rows.append(
            [
                Text(property.value),
                Text(found.verdict.value, VERDICT_STYLE[found.verdict]),
                _expected(proof, property),
                Text(_where(view, property)),
            ]
        )
    return section("Properties", grid(rows))


def _where(view: ProofView, property: Property) -> str:
    """At which forms it fails or is open, or of how many it is proved."""
    found = view.proof.properties[property]
    entries = view.entries(property)
    match found.verdict:
        case Verdict.PROVED:
            forms = {entry.form.key for entry in entries}
            return f"of {count(len(forms), 'form')}"
        case Verdict.REFUTED:
            names = [entry.form.mnemonic for entry in view.refuted(property)]
            names += [one.title for one in found.refuted_interrupts]
            names += [f"{name} (lost)" for name in found.lost]
        case Verdict.UNDECIDED:
            names = [entry.form.mnemonic for entry in view.undecided(property)]
            names += [i.title for i in found.interrupts if isinstance(i.finding, Undecided)]
    return f"at {some_of(list(dict.fromkeys(names)))}" if names else ""


def _expected(proof: Proof, property: Property) -> Text:
    if property not in proof.claims:
        return Text("not claimed", QUIET)
    match proof.holds(property):
        case True:
            return Text("as the design says", "green")
        case False:
            return Text("not as the design says", _MARK)
        case None:
            return Text("not decided", UNDECIDED_STYLE)


# ---------------------------------------------------------------- where it fails


def _refuted(view: ProofView, property: Property) -> Iterator[RenderableType]:
    groups: dict[str, list[Entry]] = {}
    for entry in view.refuted(property):
        groups.setdefault(_groups_by(entry), []).append(entry)
    body: list[RenderableType] = []
    for same in groups.values():
        body += _one(view, same)
    for one in view.between(property):
        if isinstance(one.finding, Refuted):
            body += _between(view, one)
    for name in view.proof.properties[property].lost:
        body.append(Text(f"no handler injects the guest's interrupt {name}", _MARK))
    if body:
        yield section(f"Where {property.value} fails", *body)


def _groups_by(entry: Entry) -> str:
    """Entries of one key are told together: the same loss, or the same instruction."""
    if entry.of is Property.EFFICIENCY:
        return entry.reason
    return f"{entry.form.mnemonic}: {entry.reason}"


def _one(view: ProofView, same: list[Entry]) -> Iterator[RenderableType]:
    entry = same[0]
    names = list(dict.fromkeys(e.form.mnemonic for e in same))
    failing = [n for n, verdict in entry.levels.items() if verdict is Verdict.REFUTED]
    yield Text.assemble(
        (some_of(names, 30), CLASS_STYLE[Class.CRITICAL]),
        (f"  {count(len(same), 'form')}, " if len(same) > 1 else f" [{entry.form.text}]  ", QUIET),
        f"at {', '.join(failing)}: {entry.reason}",
    )
    if entry.exhibit is None or entry.witness is None:
        return
    lines = [entry.exhibit.design]
    if entry.of is not Property.EFFICIENCY:
        lines.insert(0, entry.exhibit.spec)
    for line in lines:
        yield indented(_line(line))
    if entry.of is Property.EFFICIENCY:
        return
    code = view.code.of(entry.form, entry.witness)
    if code is not None:
        shown = Text.assemble(("code  ", QUIET), code[0], "   ", (code[1], "bold"))
        yield indented(shown)
    differs = {s.component for s in entry.witness.sightings}
    yield from _exhibit(view.proof.design.isa, entry.exhibit, differs)


def _between(view: ProofView, one: InterruptProof) -> Iterator[RenderableType]:
    yield Text.assemble(
        (one.title, CLASS_STYLE[Class.CRITICAL]),
        f"  at {one.level.name}: {interrupt_reason(one)}",
    )
    shown = interrupt_exhibit(one)
    if shown is None or not isinstance(one.finding, Refuted):
        return
    for line in (shown.spec, shown.design):
        yield indented(_line(line))
    differs = {s.component for s in one.finding.witness.sightings}
    yield from _exhibit(view.proof.design.isa, shown, differs)


def _line(span: Span) -> Text:
    return Text(f"{span.path}:{span.line}: {span.source.line_text(span.line).strip()}", QUIET)


def _exhibit(isa: ir.Isa, shown: Exhibit, differs: set[str]) -> Iterator[RenderableType]:
    """The guest's state, and the host's."""
    ends = [] if shown.bare is None else [("bare after", shown.bare)]
    ends.append(("virtual after", shown.virtual))
    yield indented(_states(isa, "guest before", shown.guest, ends, differs))
    if shown.host:
        outcome = None if shown.trap is None else f"trap {shown.trap}"
        host = [("host after", End(shown.left, outcome))]
        yield indented(_states(isa, "host before", shown.host, host, set()))


def _states(
    isa: ir.Isa,
    title: str,
    before: Mapping[str, object],
    ends: list[tuple[str, End]],
    differs: set[str],
) -> RenderableType:
    """A state, and those that steps end in; then what all of them have alike."""
    first, *others = scalars(isa, before, *(end.after for _, end in ends))  # type: ignore[arg-type]
    head = [Text(""), Text(title, QUIET), *(Text(name, QUIET) for name, _ in ends), Text("")]
    rows: list[list[RenderableType]] = []
    same: list[str] = []
    for key in dict.fromkeys(k for state in (first, *others) for k in state):
        width = width_of(isa, key.removeprefix("vcpu."))
        values = [state.get(key) for state in (first, *others)]
        reached = {v for v in values[1:] if v is not None}
        wrong = component_of(key) in differs and len(reached) > 1
        known = [v for v in values if v is not None]
        if len(set(known)) < 2 and not wrong:
            if "[" not in key:
                same.append(f"{key} = {brief(known[0], width)}")
            continue
        cells = [Text("" if v is None else brief(v, width), _MARK if wrong else "") for v in values]
        mark = Text("<- differs" if wrong else "", _MARK)
        rows.append([Text(key, _MARK if wrong else ""), *cells, mark])
    outcomes = [end.outcome for _, end in ends]
    if any(outcomes):
        cells = [Text(outcome or COMPLETES) for outcome in outcomes]
        rows.append([Text("ends"), Text(""), *cells, Text("")])
    parts: list[RenderableType] = [Whole(grid([head, *rows]))] if rows else []
    if same:
        words = "the same throughout" if rows else title.replace("before", "before and after")
        parts.append(Text(f"{words}: {', '.join(same)}", style=QUIET))
    return Group(*parts)


def _undecided(view: ProofView) -> Iterator[RenderableType]:
    """What is not decided, by cause."""
    causes: dict[str, dict[str, None]] = {}
    for property in Property:
        for entry in view.undecided(property):
            causes.setdefault(entry.reason, {})[f"{entry.form.mnemonic} ({property})"] = None
        for one in view.between(property):
            if isinstance(one.finding, Undecided):
                causes.setdefault(one.finding.cause, {})[f"{one.title} ({property})"] = None
    if causes:
        yield section(
            "Undecided",
            *(
                Text.assemble((", ".join(names), UNDECIDED_STYLE), f": {cause}")
                for cause, names in causes.items()
            ),
        )


# ---------------------------------------------------------------- under which conditions


def _host(proof: Proof) -> Iterator[RenderableType]:
    design = proof.design
    if not design.requirements:
        return
    lines = (Text(p.span.text) for p in design.requirements)
    yield section("While a guest runs, proved to stay so", *lines)


def _assumptions(proof: Proof) -> Iterator[RenderableType]:
    if proof.interrupted:
        return
    rows = [[Text(a.id), Text(a.text)] for a in proof.assumptions]
    yield section("Assumptions", grid(rows) if rows else Text("none"))


def _cost(proof: Proof) -> Iterator[RenderableType]:
    model = proof.design.cost
    if model is None or not proof.expenses:
        return
    prices = [f"run {model.run}", f"trap {model.trap}", f"interpret {model.interpret}"]
    if model.translate:
        prices.append(f"translate {model.translate}")
    rows: list[list[RenderableType]] = [
        [Text(word, QUIET) for word in ("class", "level", "forms", "bare", "virtual", "")]
    ]
    for e in proof.expenses:
        rows.append(
            [
                class_word(e.kind),
                Text(e.level.name),
                Text(f"{e.forms:>5}"),
                Text(f"{e.bare:>4}"),
                Text(_price(e)),
                Text("; ".join(way.value for way in e.ways), QUIET),
            ]
        )
    yield section(f"Cost in steps of the real machine: {', '.join(prices)}", grid(rows))


def _price(e: Expense) -> str:
    if e.most is None:
        return "undecided"
    return f"{e.most}" if e.least == e.most else f"{e.least} to {e.most}"


def _expectations(proof: Proof) -> Iterator[RenderableType]:
    rows: list[list[RenderableType]] = []
    for expectation in proof.expectations:
        met = proof.met(expectation)
        word = {True: "met", False: "not met", None: "not decided"}[met]
        style = {True: "green", False: _MARK, None: UNDECIDED_STYLE}[met]
        rows.append([Text(word, style), Text(expectation.text)])
    if rows:
        yield section("Expectations", grid(rows))
