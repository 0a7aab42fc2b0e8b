"""Writes the generated parts of the documentation; `--check` only compares them.

A generated part lies between `<!-- generated: NAME -->` and `<!-- end -->`.  Most come from popek's
own tables and help texts, and a test compares them on every run.  The tables of docs/ia32.md come
from a whole `popek check ia32`, which takes minutes: they are written only when asked for, with
`--ia32`, or with `--ia32 FILE` from what `popek check ia32 --json` printed.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import indent
from typing import Any

import click

from popek.cli.main import popek
from popek.cli.verbs import VERBS
from popek.diagnostics import CODES
from popek.isa.assumptions import REGISTRY

ROOT = Path(__file__).resolve().parents[1]

_PART = re.compile(r"(<!-- generated: ([a-z0-9 -]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)

GROUPS = {
    "00": "Files",
    "01": "Syntax",
    "02": "Names",
    "03": "Widths and types",
    "04": "Encodings",
    "05": "State and roles",
    "06": "Traps, translation, host, invariants",
    "07": "Variants",
    "08": "Limits",
    "09": "Assembly",
}
"""The groups of codes, by the two digits after the letter."""


# ---------------------------------------------------------------- from popek's tables


_MESSAGE = re.compile(
    r"^(?:error|warning)\[(\w+)\].*?(?=\n\n|\nexit |\Z)", re.DOTALL | re.MULTILINE
)


def examples() -> Mapping[str, str]:
    """For each code the shortest message that the tests have word for word."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "tests").glob("*/golden/*.txt")):
        for match in _MESSAGE.finditer(path.read_text(encoding="utf-8")):
            code, message = match[1], match[0].rstrip()
            if code not in found or len(message) < len(found[code]):
                found[code] = message
    return found


def errors() -> str:
    """Every code with its explanation and an example."""
    shown = examples()
    text = ""
    group = ""
    for code, explanation in CODES.items():
        if code[1:3] != group:
            group = code[1:3]
            text += f"\n## {GROUPS[group]}\n"
        text += f"\n### {code}\n\n{explanation}\n\n{indent(shown[code], '    ')}\n"
    return f"{text}\n"


def assumptions() -> str:
    """The registry of assumptions."""
    rows = "".join(f"| `{name}` | {text} |\n" for name, text in REGISTRY.items())
    return f"\n| id | what is assumed |\n|---|---|\n{rows}\n"


def help_of(verb: str) -> str:
    """What `popek VERB --help` prints on a terminal 80 columns wide."""
    root = click.Context(popek, info_name="popek", **popek.context_settings)
    settings = {"terminal_width": 78}
    if verb:
        command = popek.get_command(root, verb)
        assert command is not None
        context = click.Context(command, root, verb, help_option_names=["-h", "--help"], **settings)
    else:
        context = click.Context(popek, None, "popek", **popek.context_settings, **settings)
    printed = context.get_help()
    block = f"```text\n{printed.rstrip()}\n```\n"
    name = " ".join(("popek", verb)).rstrip()
    return f"\n<!-- not run: what `{name} --help` prints -->\n{block}\n"


# ---------------------------------------------------------------- from a whole check of IA-32

SENSITIVE_REGISTERS = ["SGDT", "SIDT", "SLDT", "SMSW", "PUSHF", "POPF"]
PROTECTION_SYSTEM = ["LAR", "LSL", "VERR", "VERW", "POP", "PUSH", "CALL", "JMP", "INT", "RET"]
ROBIN_IRVINE = [*SENSITIVE_REGISTERS, *PROTECTION_SYSTEM, "STR", "MOV"]
BUGNION = [*ROBIN_IRVINE, "IRET"]
LAWTON = [*BUGNION, "LDS", "LES", "LFS", "LGS", "LSS"]
LISTS = {"Robin and Irvine": ROBIN_IRVINE, "Bugnion et al.": BUGNION, "and the far loads": LAWTON}

READINGS = ("pg74", "general", "direct")
WORST = ("critical", "undecided", "guarded", "privileged", "innocuous")


def worst(classes: Mapping[str, int]) -> str:
    """The class of a mnemonic: the worst of its forms'."""
    return next(c for c in WORST if classes.get(c))


def by_mnemonic(result: Mapping[str, Any]) -> dict[str, dict[str, Counter[str]]]:
    """Mnemonic, reading: how many forms have each class."""
    found: dict[str, dict[str, Counter[str]]] = {}
    for form in result["instructions"]:
        row = found.setdefault(form["mnemonic"], {r: Counter() for r in READINGS})
        for reading in READINGS:
            row[reading][form["readings"][reading]["class"]] += 1
    return found


def cell(classes: Counter[str]) -> str:
    """The class of a mnemonic, and of how many of its forms where they differ."""
    kind = worst(classes)
    total = sum(classes.values())
    count = f" ({classes[kind]} of {total})" if classes[kind] != total else ""
    return f"**{kind}**{count}" if kind == "critical" else f"{kind}{count}"


def row_of(mnemonic: str, row: Mapping[str, Counter[str]], lists: Mapping[str, list[str]]) -> str:
    """One line of the table of mnemonics."""
    named = ["yes" if mnemonic in names else "" for names in lists.values()]
    forms = sum(row["direct"].values())
    return (
        " | ".join((f"| `{mnemonic}`", str(forms), *named, *(cell(row[r]) for r in READINGS)))
        + " |"
    )


def ia32_mnemonics(result: Mapping[str, Any]) -> str:
    """Every mnemonic that a list names, or that is critical in some reading."""
    found = by_mnemonic(result)
    listed = [m for m in LAWTON if m in found]
    others = [
        m
        for m, row in found.items()
        if m not in LAWTON and any(row[r]["critical"] for r in READINGS)
    ]
    head = "| mnemonic | forms | " + " | ".join((*LISTS, *(f"`{r}`" for r in READINGS))) + " |"
    rule = "|---" * (2 + len(LISTS) + len(READINGS)) + "|"
    rows = [row_of(m, found[m], LISTS) for m in (*listed, *others)]
    return "\n" + "\n".join((head, rule, *rows)) + "\n\n"


def ia32_counts(result: Mapping[str, Any]) -> str:
    """Forms and mnemonics of each class, in each reading."""
    found = by_mnemonic(result)
    classes = tuple(reversed(WORST))
    rows = []
    for reading in READINGS:
        forms = Counter(f["readings"][reading]["class"] for f in result["instructions"])
        names = Counter(worst(row[reading]) for row in found.values())
        cells = (f"{forms[c]} / {names[c]}" for c in classes)
        rows.append(" | ".join((f"| `{reading}`", *cells)) + " |")
    total = f"{len(result['instructions'])} forms of {len(found)} mnemonics; forms / mnemonics:"
    head = "| reading | " + " | ".join(classes) + " |"
    return "\n".join(("", total, "", head, "|---" * (1 + len(classes)) + "|", *rows)) + "\n\n"


def ia32_host(result: Mapping[str, Any]) -> str:
    """The host's choice under which the classes of the direct reading hold."""
    fixed = [f"`{n} = {v}`" for n, v in result["host"].items() if v != "loaded"]
    loaded = [f"`{n}`" for n, v in result["host"].items() if v == "loaded"]
    return (
        f"\nThe host's choice: {', '.join(fixed) or 'no constant'}; "
        f"loaded with the guest's own value: {', '.join(loaded) or 'nothing'}. "
        f"As good as it: {result['choice']['tied'] - 1} others.\n\n"
    )


# ---------------------------------------------------------------- the parts

FAST: dict[str, Callable[[], str]] = {
    "errors": errors,
    "assumptions": assumptions,
    "help": lambda: help_of(""),
    **{f"help {verb}": lambda verb=verb: help_of(verb) for verb in VERBS},  # type: ignore[misc]
}
SLOW: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "ia32 counts": ia32_counts,
    "ia32 host": ia32_host,
    "ia32 mnemonics": ia32_mnemonics,
}


def rewritten(text: str, ia32: Mapping[str, Any] | None) -> str:
    """A page with its generated parts as they have to be."""

    def part(match: re.Match[str]) -> str:
        opening, name, old, closing = match.groups()
        if name in FAST:
            return opening + FAST[name]() + closing
        if ia32 is None:
            return opening + old + closing
        return opening + SLOW[name](ia32) + closing

    return _PART.sub(part, text)


def pages() -> list[Path]:
    """Every page that may have generated parts."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def check_ia32(file: Path | None) -> Mapping[str, Any]:
    """The result of `popek check ia32 --json`, run or read."""
    if file is not None:
        printed = file.read_text(encoding="utf-8")
    else:
        arguments = [sys.executable, "-m", "popek", "check", "ia32", "--json"]
        printed = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=False).stdout
    results = json.loads(printed)["results"]
    if len(results) != 1 or results[0]["partial"] or results[0]["only"] is not None:
        sys.exit("this is not the result of a whole check of one spec")
    result: Mapping[str, Any] = results[0]
    return result


def main() -> int:
    """Writes, or with --check compares; exits 1 if something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if it would")
    parser.add_argument(
        "--ia32", nargs="?", const="", metavar="FILE", help="the tables of docs/ia32.md too"
    )
    options = parser.parse_args()
    ia32 = None
    if options.ia32 is not None:
        ia32 = check_ia32(Path(options.ia32) if options.ia32 else None)
    stale = False
    for page in pages():
        old = page.read_text(encoding="utf-8")
        new = rewritten(old, ia32)
        if new != old:
            stale = True
            sys.stdout.write(f"{page.relative_to(ROOT)}\n")
            if not options.check:
                page.write_text(new, encoding="utf-8")
    return int(stale and options.check)


if __name__ == "__main__":
    sys.exit(main())
