"""Every link within the documentation leads somewhere, and every page can be found."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, name_of, pages

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"#+ (?P<title>.+?)\s*#*")
_CHECKED = [*pages(), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


def _prose(page: Path) -> list[str]:
    """The lines outside code."""
    lines: list[str] = []
    inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("```"):
            inside = not inside
        elif not inside:
            lines.append(line)
    return lines


@cache
def _anchors(page: Path) -> frozenset[str]:
    """The fragments of a page's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    result = set()
    for line in _prose(page):
        heading = _HEADING.fullmatch(line)
        if heading is not None:
            text = re.sub(r"[^\w\- ]", "", heading["title"].casefold()).replace(" ", "-")
            number = found.get(text, 0)
            found[text] = number + 1
            result.add(f"{text}-{number}" if number else text)
    return frozenset(result)


def _links(page: Path) -> list[str]:
    text = re.sub(r"`[^`\n]*`", "", "\n".join(_prose(page)))
    return [m["target"] for m in _LINK.finditer(text)]


def _target(page: Path, link: str) -> tuple[Path, str]:
    path, _, fragment = link.partition("#")
    return (page.parent / path).resolve() if path else page, fragment


@pytest.mark.parametrize("page", _CHECKED, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for link in _links(page):
        if re.match(r"[a-z]+:", link):
            continue
        target, fragment = _target(page, link)
        if not target.exists() or (fragment and fragment not in _anchors(target)):
            wrong.append(link)
    assert not wrong


def test_every_page_is_reached_from_the_readme() -> None:
    reached = {ROOT / "README.md"}
    waiting = list(reached)
    while waiting:
        page = waiting.pop()
        for link in _links(page):
            target = _target(page, link)[0]
            if target.suffix == ".md" and target.exists() and target not in reached:
                reached.add(target)
                waiting.append(target)
    assert sorted(map(name_of, set(pages()) - reached)) == []
