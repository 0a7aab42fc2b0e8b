"""The parser that Lark makes of a grammar, kept between runs.

Building the tables takes 0.4 s, reading them back 0.03 s.  They are kept as plain data (`marshal`,
which runs no code), with a hash, in the user's own cache folder.  Whatever is wrong with what is
kept, or with the folder, the tables are built anew.
"""

from __future__ import annotations

import hashlib
import io
import marshal
import os
import pickle
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import lark
from lark import Lark

from popek.resources import bundled

FIXED: dict[str, Any] = {
    "parser": "lalr",
    "lexer": "contextual",
    "keep_all_tokens": True,
    "maybe_placeholders": True,
}


def load(name: str, layout: Any, reductions: Any) -> Lark:
    """The parser for `grammars/NAME.lark`; it calls `reductions` and builds no tree of its own."""
    folder = bundled("grammars")
    # One may import from another.
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.lark"))}
    every = "\0".join(texts.values())
    key = hashlib.sha256(f"{every}\0{lark.__version__}\0{sys.version}".encode()).hexdigest()
    path = cache_folder() / f"{name}-{key[:16]}.tables"
    tables = _read(path)
    if tables is not None:
        # What Lark's own stand-alone parsers call.  If another version has it differently, or
        # the tables are not what they seem, the grammar is still there.
        with suppress(Exception):
            loader: Any = Lark
            kept: Lark = loader._load_from_dict(**tables, postlex=layout, transformer=reductions)
            return kept
    parser = Lark(
        texts[name], postlex=layout, transformer=reductions, import_paths=[str(folder)], **FIXED
    )
    _write(path, parser)
    return parser


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, payload = content[:32], content[32:]
    if hashlib.sha256(payload).digest() != digest:
        return None
    with suppress(ValueError, EOFError, TypeError):
        tables = marshal.loads(payload)
        if isinstance(tables, dict):
            return tables
    return None


def _write(path: Path, parser: Lark) -> None:
    """Keep the tables if that is possible; another popek may be doing the same."""
    saved = io.BytesIO()
    parser.save(saved, exclude_options=("postlex", "transformer"))
    payload = marshal.dumps(_plain(pickle.loads(saved.getvalue())))  # our own, of a moment ago
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(prefix=path.stem, suffix=".new", dir=path.parent)
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(payload).digest() + payload)
        Path(aside).replace(path)
    except OSError:
        with suppress(OSError):
            Path(aside).unlink()


def _plain(data: Any) -> Any:
    """The tables without Lark's tokens, which the names of imported rules are."""
    match data:
        case dict():
            return {_plain(key): _plain(value) for key, value in data.items()}
        case list():
            return [_plain(item) for item in data]
        case tuple():
            return tuple(_plain(item) for item in data)
        case str():
            return str(data)
        case _:
            return data


def cache_folder() -> Path:
    """popek's folder in the user's cache."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
    else:
        base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "popek"
    except RuntimeError:  # no home: a folder that cannot be made
        return Path(os.devnull) / "popek"
