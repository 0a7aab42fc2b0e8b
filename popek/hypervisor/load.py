"""Reading a design: its file, the spec that it is for, and the whole elaboration."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from popek.diagnostics import Collector, Diagnostic, Note, PopekError
from popek.hypervisor.arranging import Arranging
from popek.hypervisor.claims import Claims
from popek.hypervisor.design import Design
from popek.hypervisor.policy import Policy, assigned
from popek.hypervisor.reading import Reading
from popek.isa.errors import TooLarge, fail
from popek.isa.load import elaborate
from popek.resources import shown_path, spec_path
from popek.source import Source
from popek.syntax import design_tree
from popek.syntax.parser import parse_design


def load_design(path: Path) -> Design:
    """The design that a file describes; raises PopekError with everything that is wrong."""
    return _read(Source.read(path, shown=shown_path(path)), path.parent)


def load_design_source(text: str, name: str = "design.hv", directory: Path | str = ".") -> Design:
    """As `load_design`, for a text; a spec that it names by a path is sought from `directory`."""
    return _read(Source(name, text), Path(directory))


def _read(source: Source, folder: Path) -> Design:
    file = parse_design(source)
    headers = [item for item in file.items if isinstance(item, design_tree.Header)]
    if not headers:
        message = 'a design starts with `hypervisor "title" for "spec"`'
        raise PopekError(
            Diagnostic("E0006" if not file.items else "E0109", message, source.span(0, 0))
        )
    for again in headers[1:]:
        notes = [Note(headers[0].span, "the first one")]
        raise fail("E0203", "`hypervisor` is there twice", again.span, notes=notes)
    collector = Collector()
    found = elaborate(_spec_of(headers[0], folder), collector)
    digest = hashlib.sha256(f"{found.isa.sha256}\0{source.text}".encode()).hexdigest()
    reading = Reading(found.isa, found.world, collector, file.items)
    try:
        return _design(reading, headers[0], source.path, digest)
    except TooLarge as error:
        raise PopekError([error.diagnostic]) from None


def _spec_of(header: design_tree.Header, folder: Path) -> Path:
    """A path relative to the design, or the name of a bundled spec."""
    name = header.spec
    if os.path.isabs(name) or "\0" in name:
        raise fail("E0009", f"`{name}` is an absolute path", header.span)
    beside = folder / name
    if beside.suffix == ".isa" and beside.is_file():
        return beside
    try:
        return spec_path(name)
    except PopekError as error:
        first = error.diagnostics[0]
        raise fail(first.code, first.message, header.span, hint=first.hint) from None


def _design(reading: Reading, header: design_tree.Header, path: str, digest: str) -> Design:
    """The design, or PopekError."""
    reading.world.assigned_names |= frozenset(assigned(reading.items))
    arranging = Arranging(reading)
    arranging.arrange(header.span)
    requirements = reading.all(
        reading.rows(design_tree.Requirement),
        lambda row: reading.predicate(row.condition, row.title, row.span),
    )
    policy, claims = Policy(reading), Claims(reading)
    rules, handlers = policy.rules(), policy.handlers()
    proves, expectations, cost = claims.proves(), claims.expectations(), claims.cost()
    assumptions, contracts = claims.assumptions()
    reading.collector.check()
    return Design(
        title=header.title,
        path=path,
        sha256=digest,
        isa=reading.isa,
        parameters=arranging.parameters,
        requirements=tuple(requirements),
        extras=arranging.extras,
        rows={name: arranging.rows[name] for name in reading.isa.components},
        placements=arranging.placements,
        devices=frozenset(arranging.devices),
        shadowed=frozenset(arranging.shadowed),
        rules=rules,
        handlers=handlers,
        cost=cost,
        assumptions=assumptions,
        contracts=contracts,
        proves=proves,
        expectations=expectations,
        span=header.span,
    )
