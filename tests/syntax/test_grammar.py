"""The grammar itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lark import Lark  # noqa: TID251  the grammar itself is tested

from popek.resources import bundled
from popek.source import Source
from popek.syntax import grammar, parse
from popek.syntax.expected import KINDS, Vocabulary
from popek.syntax.grammar import load
from popek.syntax.layout import Layout
from popek.syntax.lower import Lowering
from popek.syntax.lower_base import reductions
from popek.syntax.words import ITEMS

TEXT = (bundled("grammars") / "isa.lark").read_text(encoding="utf-8")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    return tmp_path / "popek"


def test_it_has_no_conflicts() -> None:
    pytest.importorskip("interegular")
    Lark(TEXT, parser="lalr", lexer="contextual", postlex=Layout(ITEMS), strict=True)


def test_every_rule_has_a_reduction() -> None:
    parser = Lark(TEXT, parser="lalr", postlex=Layout(ITEMS), keep_all_tokens=True)
    names = {
        rule.alias or rule.origin.name
        for rule in parser.rules
        if not rule.origin.name.startswith("__")
        and not (rule.options.expand1 and len(rule.expansion) == 1 and rule.alias is None)
    }
    assert {str(name) for name in names} <= reductions(Lowering()).keys()


def test_every_terminal_has_words_for_users() -> None:
    parser = Lark(TEXT, parser="lalr", postlex=Layout(ITEMS))
    shown = Vocabulary(parser).shown({t.name for t in parser.terminals})
    unnamed = {name for name in shown if name.isupper() and name not in KINDS}
    assert unnamed <= {"COMMENT", "__IGNORE_0"}


def test_the_tables_are_kept(cache: Path) -> None:
    load("isa", Layout(ITEMS), None)
    (kept,) = cache.iterdir()
    before = kept.stat().st_mtime_ns
    load("isa", Layout(ITEMS), None)
    assert [kept] == list(cache.iterdir())
    assert kept.stat().st_mtime_ns == before


def test_damaged_tables_are_built_anew(cache: Path) -> None:
    load("isa", Layout(ITEMS), None)
    (kept,) = cache.iterdir()
    content = kept.read_bytes()
    for damaged in (b"", content[:1000], content[:-1] + b"?", b"\0" * 1000):
        kept.write_bytes(damaged)
        load("isa", Layout(ITEMS), None)
        assert len(kept.read_bytes()) == len(content)


def test_it_works_where_nothing_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(grammar, "cache_folder", lambda: tmp_path / "file" / "popek")
    load("isa", Layout(ITEMS), None)


def test_several_processes_may_start_at_once(cache: Path) -> None:
    program = (
        "from popek.source import Source; from popek.syntax import parse; "
        "parse(Source('x', 'isa \"x\"\\n'))"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(grammar.__file__).parents[2])}
    runs = [subprocess.Popen([sys.executable, "-c", program], env=env) for _ in range(2)]
    assert [run.wait() for run in runs] == [0, 0]
    assert len(list(cache.iterdir())) == 1


def test_a_thread_has_its_own_parser() -> None:
    from concurrent.futures import ThreadPoolExecutor

    texts = [f'isa "{i}"\nconstant N = {i}\n' * 50 for i in range(6)]
    with ThreadPoolExecutor(3) as pool:
        files = list(pool.map(lambda text: parse(Source("x", text)), texts))
    for text, file in zip(texts, files, strict=True):
        assert file == parse(Source("x", text))
