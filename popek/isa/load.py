"""Reading a spec: its files, what they include and extend, and the whole elaboration."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from popek.diagnostics import Collector, Diagnostic, Note, PopekError
from popek.isa import instructions, ir, masks, overlap, system
from popek.isa.declarations import declare
from popek.isa.errors import TooLarge, fail
from popek.isa.world import World
from popek.resources import shown_path
from popek.source import Source, Span
from popek.syntax import parse, tree

FILE_LIMIT = 512
DEPTH_LIMIT = 64


def load(path: Path | str, *, only: Callable[[str, str], bool] | None = None) -> ir.Isa:
    """The instruction set that a file describes.

    `only` says by mnemonic and name which instructions' clauses are elaborated.  Raises
    PopekError with everything that is wrong.
    """
    path = Path(path)
    source = Source.read(path, shown=shown_path(path))
    return _elaborate(_Reader(path.parent), source, path, only).isa


@dataclass(frozen=True, slots=True)
class Elaborated:
    """An instruction set, and the names that its spec declares: what designs are written in."""

    isa: ir.Isa
    world: World


def elaborate(path: Path, collector: Collector) -> Elaborated:
    """As `load`, with the names.  What is read with them adds its mistakes to `collector`."""
    source = Source.read(path, shown=shown_path(path))
    return _elaborate(_Reader(path.parent, collector), source, path, None)


def load_source(
    text: str,
    name: str = "spec.isa",
    directory: Path | str = ".",
    *,
    only: Callable[[str, str], bool] | None = None,
) -> ir.Isa:
    """As `load`, for a text that includes files of `directory`."""
    path = Path(directory) / name
    return _elaborate(_Reader(Path(directory)), Source(name, text), path, only).isa


@dataclass(slots=True)
class _Reader:
    """Reads files once each, inside one folder."""

    root: Path
    collector: Collector = field(default_factory=Collector)
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    done: dict[Path, Source] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)

    def items(
        self, source: Source, path: Path, stack: tuple[tuple[Path, Span | None], ...]
    ) -> list[tree.Item]:
        """The items of a file, those of included and extended files in their places."""
        self.files.append(path)
        if len(self.files) > FILE_LIMIT:
            if len(self.files) == FILE_LIMIT + 1:
                self.collector.add("E0804", f"more than {FILE_LIMIT} files", stack[-1][1])
            return []
        self.digest.update(source.text.encode())
        self.digest.update(b"\0")
        try:
            parsed = parse(source)
        except PopekError as error:
            self.collector.extend(error)
            return []
        result: list[tree.Item] = []
        for item in parsed.items:
            match item:
                case tree.Header(extends=str(name)):
                    result += self._other(name, item.span, path, stack, "extends")
                    result.append(item)
                case tree.Include(path=name):
                    included = self._other(name, item.span, path, stack, "include")
                    self._refuse_headers(included, item.span)
                    result += included
                case _:
                    result.append(item)
        return result

    def _refuse_headers(self, items: list[tree.Item], span: Span) -> None:
        for header in items:
            if isinstance(header, tree.Header):
                self.collector.add(
                    "E0109",
                    "a file with an `isa` line is a spec of its own, and cannot be included",
                    header.span,
                    notes=[Note(span, "included here")],
                    hint="a variant `extends` another spec",
                )

    def _other(
        self,
        name: str,
        span: Span,
        path: Path,
        stack: tuple[tuple[Path, Span | None], ...],
        verb: str,
    ) -> list[tree.Item]:
        try:
            target = self._resolve(name, span, path)
            for open_path, where in stack:
                if open_path == target:
                    notes = [Note(where, "read from here")] if where else []
                    code = "E0701" if verb == "extends" else "E0007"
                    itself = "extends itself" if verb == "extends" else "includes itself"
                    raise fail(code, f"`{name}` {itself}", span, notes=notes)
            if target in self.done:
                if verb == "extends":
                    raise fail("E0701", f"`{name}` is already part of this spec", span)
                raise fail("E0007", f"`{name}` is included twice", span)
            if len(stack) > DEPTH_LIMIT:
                raise fail("E0801", f"files are nested more than {DEPTH_LIMIT} deep", span)
            written = Path(os.path.normpath(path.parent / name))
            source = self._read(written, span)
            self.done[target] = source
            return self.items(source, written, (*stack, (target, span)))
        except PopekError as error:
            self.collector.extend(error)
            return []

    def _read(self, target: Path, span: Span) -> Source:
        try:
            return Source.read(target, shown=shown_path(target))
        except PopekError as error:
            first = error.diagnostics[0]
            raise fail(first.code, f"{span.text}: {first.message}", span, hint=first.hint) from None

    def _resolve(self, name: str, span: Span, path: Path) -> Path:
        if PurePosixPath(name).is_absolute() or os.path.isabs(name) or "\0" in name:
            raise fail("E0009", f"`{name}` is an absolute path", span)
        target = _real(path.parent / name)
        if not target.is_relative_to(_real(self.root)):
            raise fail(
                "E0008",
                f"`{name}` lies outside the folder of the spec",
                span,
                hint="a spec reads only files beside it or below it",
            )
        return target


def _real(path: Path) -> Path:
    """The path without symbolic links, as far as there are no loops of them."""
    return Path(os.path.realpath(path))


def _elaborate(
    reader: _Reader, source: Source, path: Path, only: Callable[[str, str], bool] | None
) -> Elaborated:
    collector = reader.collector
    items = reader.items(source, path, ((_real(path), None),))
    collector.check()
    headers = [item for item in items if isinstance(item, tree.Header)]
    if not headers:
        code = "E0006" if not items else "E0109"
        raise PopekError(Diagnostic(code, 'a spec starts with `isa "title"`', source.span(0, 0)))
    declarations = declare(items, collector)
    if not declarations.extends:
        spans = [item.span for item in declarations.amends]
        spans += [item.span for item in declarations.removes]
        for span in spans:
            collector.add("E0706", "this spec extends nothing", span)
    world = World(declarations, collector)
    isa = None
    try:
        world.build()
        _check(collector)
        forms = instructions.elaborate(world, only)
        if only is None:
            overlap.check(world, forms)
        digest = reader.digest.hexdigest()
        isa = system.assemble(world, forms, source.path, digest, complete=only is None)
    except RecursionError:
        collector.add("E0801", "expressions or blocks are nested too deeply", headers[-1].span)
    except TooLarge as error:
        collector.extend([error.diagnostic])
    _check(collector)
    assert isa is not None
    isa = dataclasses.replace(isa, warnings=tuple(masks.warnings(isa)))
    return Elaborated(isa, world)


def _check(collector: Collector) -> None:
    """Raise what was found; of several errors with one code at one place, the first."""
    if not collector.failed:
        return
    kept: dict[tuple[str, object, object], Diagnostic] = {}
    for diagnostic in collector.diagnostics:
        span = diagnostic.span
        kept.setdefault(
            (diagnostic.code, diagnostic.path, (span.start, span.end) if span else None),
            diagnostic,
        )
    raise PopekError(kept.values())
