"""Specs rewritten so that nothing that matters changes.

Each rewriting takes the text of one file, token by token, and a spec is rewritten with all the
files that it includes and extends.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

from lark import Token  # noqa: TID251  rewriting goes by tokens

from popek.isa import ir
from popek.resources import bundled
from popek.source import Source
from popek.syntax import tree
from popek.syntax.parser import parse_with_tokens
from tests.semantics.specs import bundled_isa

#: A rewriting of one file.
Rewriting = Callable[[Source], str]

#: Tokens that name something, alone or in parts between dots.
NAMING = {"NAME", "ENAME", "DOTTED"}
#: Tokens that name something behind or before digits: `8n`, `/r`.
MIXED = {"ADDEND", "SLASH"}
#: What the language itself calls so.
BUILT_IN = {
    *("access", "size", "start", "read", "write", "fetch", "next", "pc", "mnemonic"),
    *("length", "zext", "sext", "trunc", "width", "bool"),
}
#: Names in the braces of templates.
BRACES = re.compile(r"(?<=\{)[A-Za-z_]\w*")


@cache
def _parsed(source: Source) -> tuple[tuple[tree.Item, ...], list[Token]]:
    return parse_with_tokens(source)


def files(spec: str) -> list[Path]:
    """The files of a bundled spec, relative to the specs' folder."""
    found = [Path(f"{spec}.isa")]
    for path in found:
        source = Source.read(bundled("specs") / path)
        for item in _parsed(source)[0]:
            match item:
                case tree.Include(path=name) | tree.Header(extends=str(name)):
                    found.append(path.parent / name)
                case _:
                    pass
    return found


def rewritten(spec: str, folder: Path, *rewritings: Rewriting) -> Path:
    """The spec as a file in `folder`, rewritten by each in turn."""
    for path in files(spec):
        source = Source.read(bundled("specs") / path)
        for rewriting in rewritings:
            source = Source(source.path, rewriting(source))
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source.text, encoding="utf-8")
    return folder / f"{spec}.isa"


# ---------------------------------------------------------------- without expect and see


def without_provenance(source: Source) -> str:
    """All `expect` and `see` lines removed."""
    lines = source.text.splitlines(keepends=True)
    gone = {
        source.line_of(t.start_pos or 0) for t in _parsed(source)[1] if t.type in ("EXPECT", "SEE")
    }
    return "".join(line for number, line in enumerate(lines, 1) if number not in gone)


# ---------------------------------------------------------------- renamed


class Renaming:
    """Every instruction and component of an instruction set under another name."""

    def __init__(self, isa: ir.Isa, seed: str) -> None:
        names = {part for f in isa.forms for n in (f.name, f.mnemonic) for part in n.split(".")}
        names |= {part for component in isa.components for part in component.split(".")}
        names |= isa.memories.keys() | isa.devices.keys()
        names -= BUILT_IN
        numbers = list(range(1000, 1000 + len(names)))
        Random(seed).shuffle(numbers)
        pairs = zip(sorted(names), numbers, strict=True)
        self.new = {name: f"N{number}" for name, number in pairs}
        self.old = {new: name for name, new in self.new.items()}

    def __call__(self, source: Source) -> str:
        """The text with the new names."""
        text = source.text
        for token in reversed(_parsed(source)[1]):
            if token.type in NAMING:
                word = ".".join(self.new.get(part, part) for part in token.split("."))
            elif token.type == "STRING":
                word = BRACES.sub(lambda found: self.new.get(found[0], found[0]), token)
            elif token.type in MIXED:
                assert token.strip("/0123456789") not in self.new, token
                continue
            else:
                continue
            assert token.start_pos is not None
            assert token.end_pos is not None
            text = text[: token.start_pos] + word + text[token.end_pos :]
        return text

    def back(self, text: str) -> str:
        """A name of the renamed set, or several in one text, as it was."""
        return re.sub(r"\bN\d{4,}\b", lambda found: self.old.get(found[0], found[0]), text)


# ---------------------------------------------------------------- permuted


class Permutation:
    """The items of a file, and the properties of its instructions, in another order."""

    def __init__(self, seed: str) -> None:
        self.seed = seed

    def __call__(self, source: Source) -> str:
        random = Random(f"{self.seed}/{source.path}")
        lines = source.text.splitlines(keepends=True)
        items = _parsed(source)[0]
        starts = [item.span.line - 1 for item in items]
        chunks = [
            lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)
        ]
        first, others = [], []
        for item, chunk in zip(items, chunks, strict=True):
            match item:
                case tree.Header() | tree.Manual() | tree.Code() | tree.Numbering():
                    first.append(chunk)
                case tree.Instruction():
                    others.append(self._properties(chunk, random))
                case _:
                    others.append(chunk)
        random.shuffle(others)
        return "".join(
            line if line.endswith("\n") else line + "\n"
            for chunk in (*first, *others)
            for line in chunk
        )

    @staticmethod
    def _properties(chunk: list[str], random: Random) -> list[str]:
        """One-line properties change places with one another."""
        one_line = re.compile(r"  (encoding|syntax|see|expect|valid|note)\b")
        places = [i for i, line in enumerate(chunk) if one_line.match(line)]
        shuffled = random.sample(places, len(places))
        result = list(chunk)
        for place, source in zip(places, shuffled, strict=True):
            result[place] = chunk[source]
        return result


def renaming_of(spec: str) -> Renaming:
    """The renaming of a bundled spec."""
    return Renaming(bundled_isa(spec), spec)
