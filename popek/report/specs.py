"""The bundled specs and designs: name, title, file, and a spec's groups of instructions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from popek.diagnostics import PopekError
from popek.report.style import QUIET, grid, section
from popek.report.tool import tool
from popek.resources import design_path, shown_path, spec_path
from popek.source import Source
from popek.syntax import design_tree, parse, tree
from popek.syntax.parser import parse_design


@dataclass(frozen=True, slots=True)
class Bundled:
    """What the first file of a spec says of it.  `broken`: it does not parse."""

    name: str
    title: str
    path: str
    extends: str | None
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    broken: bool = False


def bundled_spec(name: str) -> Bundled:
    """One of the bundled specs, by its name."""
    path = spec_path(name)
    shown = shown_path(path)
    try:
        items = parse(Source.read(path, shown=shown)).items
    except PopekError:
        return Bundled(name, "(does not parse)", shown, None, (), broken=True)
    header = next((i for i in items if isinstance(i, tree.Header)), None)
    groups = tuple(
        (str(i.name), tuple(str(m) for m in i.members)) for i in items if isinstance(i, tree.Group)
    )
    title = "" if header is None else header.title
    return Bundled(name, title, shown, None if header is None else header.extends, groups)


@dataclass(frozen=True, slots=True)
class BundledDesign:
    """What a design says of itself.  `broken`: it does not parse."""

    name: str
    title: str
    path: str
    spec: str
    broken: bool = False


def bundled_design(name: str) -> BundledDesign:
    """One of the bundled designs, by its name."""
    path = design_path(name)
    shown = shown_path(path)
    try:
        items = parse_design(Source.read(path, shown=shown)).items
    except PopekError:
        return BundledDesign(name, "(does not parse)", shown, "", broken=True)
    header = next((i for i in items if isinstance(i, design_tree.Header)), None)
    if header is None:
        return BundledDesign(name, "", shown, "")
    return BundledDesign(name, header.title, shown, header.spec)


def list_document(names: Iterable[str], designs: Iterable[str]) -> dict[str, Any]:
    """`popek list --json`."""
    return {
        "schema": "popek.list/1",
        "tool": tool(),
        "specs": [
            {
                "name": spec.name,
                "title": spec.title,
                "path": spec.path,
                "extends": spec.extends,
                "groups": {name: list(members) for name, members in spec.groups},
            }
            for spec in map(bundled_spec, names)
        ],
        "designs": [
            {"name": d.name, "title": d.title, "path": d.path, "spec": d.spec}
            for d in map(bundled_design, designs)
        ],
    }


def list_report(names: Iterable[str], designs: Iterable[str]) -> Group:
    """`popek list`."""
    rows: list[list[RenderableType]] = []
    for spec in map(bundled_spec, names):
        lines = [Text(spec.title, style="bold red" if spec.broken else "")]
        if spec.extends is not None:
            lines.append(Text(f"extends {spec.extends}", QUIET))
        for name, members in spec.groups:
            lines.append(Text(f"group {name}: {', '.join(members)}", QUIET))
        rows.append([Text(spec.name, "bold"), Text(spec.path, QUIET), Group(*lines)])
    if not rows:
        return Group(Text("no bundled specs were found; popek doctor says where they should be"))
    kept: list[list[RenderableType]] = [
        [Text(d.name, "bold"), Text(d.title, style="bold red" if d.broken else "")]
        for d in map(bundled_design, designs)
    ]
    return Group(grid(rows), section("Designs", grid(kept)))
