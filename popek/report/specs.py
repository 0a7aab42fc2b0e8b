"""The bundled specs: name, title, file, and groups of instructions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from popek.diagnostics import PopekError
from popek.report.style import QUIET, grid
from popek.report.tool import tool
from popek.resources import shown_path, spec_path
from popek.source import Source
from popek.syntax import parse, tree


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


def list_document(names: Iterable[str]) -> dict[str, Any]:
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
    }


def list_report(names: Iterable[str]) -> Group:
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
    return Group(grid(rows))
