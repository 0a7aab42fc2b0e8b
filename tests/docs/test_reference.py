"""The reference pages name everything that popek has."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import popek
from popek.cli.exits import Exit
from popek.cli.verbs import VERBS
from popek.diagnostics import CODES
from popek.isa.assumptions import REGISTRY
from popek.report.changes import Comparison
from popek.report.diff_json import diff_document
from popek.report.explain_json import explain_document
from popek.report.view import view
from popek.theory.verdict import Label
from tests.docs.pages import ROOT, name_of, pages


@cache
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_up_to_date() -> None:
    rewritten: Callable[[str, Mapping[str, Any] | None], str] = generate().rewritten
    stale = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if rewritten(text, None) != text:
            stale.append(name_of(page))
    assert stale == [], "run: python docs/generate.py"


@pytest.mark.parametrize("run", generate().validations(), ids=lambda r: r["spec"]["title"])
def test_what_emulators_were_asked_adds_up(run: Mapping[str, Any]) -> None:
    """Every form, every path; and what no oracle showed is a fiftieth at most."""
    found = run["summary"]
    feasible, exercised = found["paths_feasible"], found["paths_exercised"]
    assert found["forms"] == len(popek.load(Path(run["spec"]["path"]).stem).forms)
    assert exercised + sum(found["not_exercised"].values()) == feasible
    assert feasible - exercised - found["paths_silent"] <= feasible / 50
    assert found["by_class"]["spec"] == found["by_class"]["unclassified"] == 0


def _page(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def test_every_verb_has_its_section() -> None:
    text = _page("cli.md")
    assert re.findall(r"^## popek (\S+)$", text, re.MULTILINE) == list(VERBS)
    assert re.findall(r"^<!-- generated: help (\S+) -->$", text, re.MULTILINE) == list(VERBS)


def test_every_exit_code_has_one_row() -> None:
    rows = re.findall(r"^\| (\d+) \| ", _page("cli.md"), re.MULTILINE)
    assert rows == [str(int(code)) for code in sorted(Exit)]


def test_every_error_code_is_explained() -> None:
    assert re.findall(r"^### (\S+)$", _page("errors.md"), re.MULTILINE) == list(CODES)


def test_every_assumption_is_in_the_reference() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ", _page("assumptions.md"), re.MULTILINE)
    assert set(REGISTRY) <= set(rows)


def _keys(entry: object) -> set[str]:
    """The names of all entries, but not those of the machine's components."""
    data = {"host", "before", "after", "fields", "mnemonics", "deliveries", "tool", "witnesses"}
    match entry:
        case dict():
            found = set(entry)
            for key, value in entry.items():
                if key not in data:
                    found |= _keys(value)
            return found
        case list():
            return set().union(*map(_keys, entry)) if entry else set()
        case _:
            return set()


def test_every_entry_of_a_proof_is_in_the_reference() -> None:
    proof = popek.prove(popek.load_design("pg74/trap-and-emulate", only=["LRA"]), partial=True)
    told = set(re.findall(r"`([a-z0-9_]+)`", _page("json.md")))
    levels = {level.name for level in proof.design.isa.mode.levels}
    assert _keys(json.loads(json.dumps(popek.document(proof)))) - levels - _GUESTS <= told


#: The components that a witness about LRA shows.
_GUESTS = {"P", "M", "R.l", *(f"a[{i}]" for i in (*range(16), "..."))}


@pytest.mark.parametrize("document", ["check", "explain", "diff"])
def test_every_json_entry_is_in_the_reference(document: str) -> None:
    only = ["LRA", "JRST1", "SVC"]
    check = popek.check(popek.load("pg74", only=only), partial=True)
    match document:
        case "check":
            made = popek.document(check)
        case "explain":
            made = explain_document(view(check, "direct"), "LRA")
        case _:
            other = popek.check(popek.load("pg74-clean", only=only), partial=True)
            made = diff_document(Comparison(view(check, "direct"), view(other, "direct")), [{}, {}])
    told = set(re.findall(r"`([a-z0-9_]+)`", _page("json.md")))
    assert _keys(json.loads(json.dumps(made))) <= told


def test_every_label_is_in_the_reference() -> None:
    text = _page("json.md")
    assert all(f"`{label.value}`" in text for label in Label)


def test_every_public_name_is_in_the_reference_of_the_api() -> None:
    told = set(re.findall(r"`(\w+)", _page("api.md")))
    assert sorted(set(popek.__all__) - told) == []


@pytest.mark.parametrize(
    ("grammar", "page"), [("isa.lark", "language.md"), ("hypervisor.lark", "designs.md")]
)
def test_every_keyword_is_in_the_language_reference(grammar: str, page: str) -> None:
    whole = (ROOT / "grammars" / grammar).read_text(encoding="utf-8")
    rules = re.sub(r"//[^\n]*", "", whole.split("// ---- terminals")[0])
    keywords = set(re.findall(r'"([a-z]+)"', rules)) - {"s"}
    text = _page(page)
    missing = sorted(word for word in keywords if not re.search(rf"\b{word}\b", text))
    assert missing == []
