"""The documentation as data: pages, their code blocks, and the marks above them.

Every fenced block of README.md, specs/README.md and docs/ is checked.  How follows from its
language, and from an HTML comment on the line above the fence:

- `console`: a shell session.  Lines that start with `$ ` are run by bash, those that start with
  `> ` continue them, and the rest is what they print, stderr included but for progress.  A line
  `...` stands for any lines, and `...` within a line for any text.  Line numbers of the bundled
  specs may have moved.
- `python`: run by Python.  A block marked `<!-- output -->` right after it is what it prints.
- `isa`, `hv`: a spec, a design.  `<!-- file: NAME -->` writes it where the page's later blocks find
  it; without a mark the block is parsed.
- `<!-- command: NAME -->`: what `.ci/run` picks out, and runs in a fresh environment; here only its
  syntax is checked.
- `<!-- not run: REASON -->`: neither run nor parsed.

The blocks of a page are run in one new folder, in which `specs` is a copy of the bundled specs, and
`designs` of the bundled designs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_MARK = re.compile(r"<!-- (?P<key>[a-z ]+?)(?:: (?P<value>.*?))? -->\s*")
_PROGRESS = re.compile(r"popek: .*, \d+ of \d+ forms")  # on a slow machine
_FENCE = re.compile(r"(?P<indent> *)(?P<ticks>```+)(?P<language>[a-z]*)\s*")


def pages() -> list[Path]:
    """What the rules above hold for."""
    return [
        ROOT / "README.md",
        ROOT / "specs" / "README.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    ]


def name_of(page: Path) -> str:
    """`docs/theory.md`."""
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.  `line` is that of its opening fence; `key`, `value` are of its mark."""

    line: int
    language: str
    key: str
    value: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        opening = _FENCE.fullmatch(lines[number])
        if opening is None:
            number += 1
            continue
        start = number
        indent = len(opening["indent"])
        body: list[str] = []
        number += 1
        while lines[number].strip() != opening["ticks"]:
            body.append(lines[number][indent:])
            number += 1
        number += 1
        mark = _MARK.fullmatch(lines[start - 1].strip()) if start else None
        key, value = (mark["key"], mark["value"] or "") if mark else ("", "")
        yield Block(start + 1, opening["language"], key, value, "\n".join(body) + "\n")


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a console block, and what it is said to print."""

    text: str
    output: tuple[str, ...]


def session(text: str) -> list[Command]:
    """The commands of a console block."""
    found: list[tuple[list[str], list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1][0].append(line[2:])
        else:
            assert found, f"a console block starts with `$ `, not with: {line}"
            found[-1][1].append(line)
    return [Command("\n".join(command), tuple(output)) for command, output in found]


def _line(expected: str) -> str:
    pattern = re.escape(expected).replace(r"\.\.\.", r"[^\n]*?")
    pattern = re.sub(r"((?:specs|designs)/\S*\.(?:isa|hv):)\d+", r"\1\\d+", pattern)
    return re.sub(r"^((?:\\ )*(?:>\\ )?)\d+(\\ \\\|)", r"\1\\d+\2", pattern) + r"\n"


def printed_lines(printed: str) -> list[str]:
    """What a command prints, but for blanks at the ends of lines and for its progress."""
    lines = (line.rstrip() for line in printed.splitlines())
    return [line for line in lines if not _PROGRESS.fullmatch(line)]


def matches(expected: tuple[str, ...], seen: list[str]) -> bool:
    """Whether the output is as the page shows it, `...` being left out."""
    pattern = "".join(
        r"(?:[^\n]*\n)*?" if line.strip() == "..." else _line(line.rstrip()) for line in expected
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in seen)) is not None
