"""Writes the generated parts of the documentation; `--check` only compares them.

A generated part lies between `<!-- generated: NAME -->` and `<!-- end -->`.  Most come from popek's
own tables and help texts, and a test compares them on every run.  docs/ia32.md and docs/atlas.md
come from whole checks, which take minutes: they are written only when asked for, with `--checked`,
or at no cost with `--checked FILE...`, from what `popek check SPEC... --json` printed.  How far
emulators were asked is kept in docs/validated.json, which `--validated FILE...` writes from what
`popek validate ... --json` printed of whole specs.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import indent
from typing import Any

import click

from popek import load
from popek.cli.main import popek
from popek.cli.verbs import VERBS
from popek.diagnostics import CODES
from popek.isa.assumptions import REGISTRY
from popek.resources import list_specs

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
    "10": "Designs",
    "11": "Guests",
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
LISTS = {"Robin and Irvine": ROBIN_IRVINE, "Bugnion et al.": BUGNION, "with far loads": LAWTON}

#: The entries `results` of documents of `popek check --json`.
Results = Sequence[Mapping[str, Any]]

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


def row_of(result: Mapping[str, Any], mnemonic: str) -> str:
    """One line of the table of mnemonics."""
    row = by_mnemonic(result)[mnemonic]
    forms = [form for form in result["instructions"] if form["mnemonic"] == mnemonic]
    named = ("yes" if mnemonic in names else "" for names in LISTS.values())
    user = "yes" if mnemonic in wrong_in_user_mode(result) else ""
    cells = (*named, *(cell(row[r]) for r in READINGS), user)
    return " | ".join((f"| `{mnemonic}`", str(len(forms)), *cells)) + " |"


def wrong_in_user_mode(result: Mapping[str, Any]) -> list[str]:
    """The mnemonics of which some form goes wrong in the least privileged level."""
    wrong = (f["mnemonic"] for f in result["instructions"] if f["readings"]["direct"]["user"])
    return list(dict.fromkeys(wrong))


def ia32_mnemonics(result: Mapping[str, Any]) -> str:
    """Every mnemonic that a list names, or that is critical in some reading."""
    found = by_mnemonic(result)
    listed = [m for m in LAWTON if m in found]
    others = [
        m
        for m, row in found.items()
        if m not in LAWTON and any(row[r]["critical"] for r in READINGS)
    ]
    titles = ("mnemonic", "forms", *LISTS, *(f"`{r}`" for r in READINGS), "wrong at CPL 3")
    rows = [row_of(result, m) for m in (*listed, *others)]
    table = ("| " + " | ".join(titles) + " |", "|---" * len(titles) + "|", *rows)
    return "\n" + "\n".join(table) + "\n\n"


def ia32_lists(result: Mapping[str, Any]) -> str:
    """Each published list beside the mnemonics that are critical in the reading `direct`."""
    critical = [m for m, row in by_mnemonic(result).items() if row["direct"]["critical"]]
    titles = ("list", "names", "of them not critical here", "critical here, and not named")
    rows = []
    for title, names in LISTS.items():
        safe = [m for m in names if m not in critical]
        more = [m for m in critical if m not in names]
        parts = (str(len(names)), ", ".join(safe) or "none", ", ".join(more) or "none")
        rows.append(" | ".join((f"| {title}", *parts)) + " |")
    table = ("| " + " | ".join(titles) + " |", "|---" * len(titles) + "|", *rows)
    said = f"{len(critical)} mnemonics have a form that is critical in `direct`."
    return "\n" + "\n".join((said, "", *table)) + "\n\n"


def ia32_theorems(result: Mapping[str, Any]) -> str:
    """Where the premises of the theorems fail."""
    vmm, hybrid = result["theorems"]["vmm"], result["theorems"]["hybrid"]
    assert vmm["verdict"] == hybrid["verdict"] == "refuted", "the page says that both fail"
    spared = [m for m in wrong_in_user_mode(result) if m not in hybrid["because"]]
    lines = (
        f"- Theorem 1 (trap-and-emulate): {', '.join(vmm['because'])}.",
        f"- Theorem 3 (hybrid), under the spec's contract: {', '.join(hybrid['because'])}.",
        f"- Wrong at CPL 3 only where the contract is broken: {', '.join(spared) or 'none'}.",
    )
    return "\n" + "\n".join(lines) + "\n\n"


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
    total = (
        f"{len(result['instructions'])} forms of {len(found)} mnemonics. The cells are forms / "
        "mnemonics; a mnemonic has the worst class of its forms."
    )
    head = "| reading | " + " | ".join(classes) + " |"
    return "\n".join(("", total, "", head, "|---" * (1 + len(classes)) + "|", *rows)) + "\n\n"


def ia32_host(result: Mapping[str, Any]) -> str:
    """The host's choice under which the classes of the direct reading hold."""
    fixed = [f"`{n} = {v}`" for n, v in result["host"].items() if v != "loaded"]
    loaded = [f"`{n}`" for n, v in result["host"].items() if v == "loaded"]
    return (
        f"\nThe host's choice: {', '.join(fixed) or 'no constant'}; "
        f"loaded with the guest's own value: {', '.join(loaded) or 'nothing'}. "
        f"{result['choice']['tied'] - 1} other choices are as good.\n\n"
    )


# ---------------------------------------------------------------- from whole checks of all specs

THEOREMS = {"vmm": "trap-and-emulate", "recursive": "recursive", "hybrid": "hybrid"}


def question(result: Mapping[str, Any]) -> str:
    """The spec by its name, and the guest's highest level where that is not the machine's."""
    name = Path(result["spec"]["path"]).stem
    return f"{name} --top {result['top']}" if result["top"] else name


def anchor(result: Mapping[str, Any]) -> str:
    """Where the section of a result is, by the rules of Markdown's headings."""
    return re.sub(r"[^a-z0-9- ]", "", question(result).lower()).replace(" ", "-")


def atlas_summary(results: Results) -> str:
    """One line per spec."""
    classes = tuple(reversed(WORST))
    titles = ("spec", "forms", *classes, *THEOREMS.values())
    rows = []
    for result in results:
        counts = (str(result["summary"][c]) for c in ("forms", *classes))
        verdicts = (result["theorems"][name]["verdict"] for name in THEOREMS)
        rows.append(
            " | ".join((f"| [{question(result)}](#{anchor(result)})", *counts, *verdicts)) + " |"
        )
    table = ("| " + " | ".join(titles) + " |", "|---" * len(titles) + "|", *rows)
    return "\n" + "\n".join(table) + "\n\n"


def atlas_specs(results: Results) -> str:
    """A section per spec."""
    return "\n" + "\n".join(atlas_section(result) for result in results) + "\n"


def atlas_section(result: Mapping[str, Any]) -> str:
    """Theorems, the host's choice, the other readings, and a reason for each critical mnemonic."""
    lines = [f"## {question(result)}", "", f"{result['spec']['title']}.", ""]
    for name, title in THEOREMS.items():
        theorem = result["theorems"][name]
        said = f": {theorem['says']}" if theorem["says"] else ""
        lines.append(f"- {title}: **{theorem['verdict']}**{said}")
    lines += ["", ia32_host(result).strip(), ""]
    for reading in ("general", "pg74"):
        counts = Counter(f["readings"][reading]["class"] for f in result["instructions"])
        parts = ", ".join(f"{counts[c]} {c}" for c in reversed(WORST) if counts[c])
        lines.append(f"- in the reading `{reading}`: {parts}")
    critical: dict[str, list[Mapping[str, Any]]] = {}
    for form in result["instructions"]:
        if form["class"] == "critical":
            critical.setdefault(form["mnemonic"], []).append(form)
    if critical:
        lines += ["", "| critical | forms | for example |", "|---|---|---|"]
        for mnemonic, forms in critical.items():
            total = sum(f["mnemonic"] == mnemonic for f in result["instructions"])
            share = str(total) if len(forms) == total else f"{len(forms)} of {total}"
            lines.append(f"| `{mnemonic}` | {share} | {forms[0]['reason']} |")
    return "\n".join((*lines, ""))


# ---------------------------------------------------------------- from validations

VALIDATED = ROOT / "docs" / "validated.json"
"""`spec`, `oracles`, `seed`, `summary` and `stats` of runs, as `popek validate` says them."""


def validations() -> Results:
    """The runs that are kept."""
    found: Results = json.loads(VALIDATED.read_text(encoding="utf-8"))
    return found


def by_whom(result: Mapping[str, Any]) -> tuple[str, ...]:
    """The spec, and the oracles that were asked of it."""
    return result["spec"]["title"], *(o["name"] for o in result["oracles"])


def keep(results: Results) -> None:
    """Keeps runs in the place of earlier ones on the same oracles."""
    parts = ("spec", "oracles", "seed", "summary", "stats")
    found = {by_whom(r): r for r in validations()}
    found |= {by_whom(r): {name: r[name] for name in parts} for r in results}
    text = json.dumps([found[key] for key in sorted(found)], indent=1)
    VALIDATED.write_text(f"{text}\n", encoding="utf-8")


def atlas_coverage() -> str:
    """A line per run: what the oracles were asked, and what came of it; then what none showed."""
    paths = ("feasible", "exercised", "silent", "beyond", "unknown")
    classes = ("oracle", "undefined", "model", "spec", "unclassified")
    titles = ("spec", "oracles", "forms", *paths, "cases", "died", *classes)
    rows, left = [], []
    for result in validations():
        name, summary = Path(result["spec"]["path"]).stem, result["summary"]
        oracles = ", ".join(f"{o['name']} {o['version']}" for o in result["oracles"])
        cells = (
            *(summary[f"paths_{p}"] for p in paths),
            *(summary["cases"], summary["died"]),
            *(summary["by_class"][c] for c in classes),
        )
        first = (f"| [{name}](#{name})", oracles, summary["forms"])
        rows.append(" | ".join(map(str, (*first, *cells))) + " |")
        reasons = sorted(summary["not_exercised"].items(), key=lambda item: -item[1])
        left += [f"| {name} | {oracles} | {n} | {why} |" for why, n in reasons]
    table = ("| " + " | ".join(titles) + " |", "|---" * len(titles) + "|", *rows)
    others = ("| spec | oracles | paths | why no oracle showed them |", "|---" * 4 + "|", *left)
    return "\n" + "\n".join((*table, "", *others)) + "\n\n"


# ---------------------------------------------------------------- the parts

FAST: dict[str, Callable[[], str]] = {
    "errors": errors,
    "assumptions": assumptions,
    "atlas coverage": atlas_coverage,
    "help": lambda: help_of(""),
    **{f"help {verb}": lambda verb=verb: help_of(verb) for verb in VERBS},  # type: ignore[misc]
}
OF_ALL: dict[str, Callable[[Results], str]] = {
    "atlas summary": atlas_summary,
    "atlas specs": atlas_specs,
}
OF_IA32: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "ia32 counts": ia32_counts,
    "ia32 host": ia32_host,
    "ia32 lists": ia32_lists,
    "ia32 theorems": ia32_theorems,
    "ia32 mnemonics": ia32_mnemonics,
}


def rewritten(text: str, checked: Results | None) -> str:
    """A page with its generated parts as they have to be; those of which nothing is known stay."""

    def part(match: re.Match[str]) -> str:
        opening, name, old, closing = match.groups()
        if name in FAST:
            new = FAST[name]()
        elif checked is None:
            new = old
        elif name in OF_ALL:
            new = OF_ALL[name](checked)
        else:
            new = OF_IA32[name](next(r for r in checked if question(r) == "ia32"))
        return opening + new + closing

    return _PART.sub(part, text)


def pages() -> list[Path]:
    """Every page that may have generated parts."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


#: What the atlas asks: the arguments of `popek check`.
QUESTIONS = [[spec] for spec in list_specs()] + [["rv64", "--top", "S"]]


def popek_check(asked: Sequence[str]) -> str:
    """What `popek check --json` prints."""
    command = [sys.executable, "-m", "popek", "check", "--json", *asked]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout


def results_of(files: Sequence[Path]) -> Results:
    """The results of whole checks, run or read, in the order of the atlas."""
    if files:
        printed = [file.read_text(encoding="utf-8") for file in files]
    else:
        printed = [popek_check(asked) for asked in QUESTIONS]
    found = {question(result): result for text in printed for result in json.loads(text)["results"]}
    missing = [asked for asked in map(" ".join, QUESTIONS) if asked not in found]
    partial = [name for name, r in found.items() if r["partial"] or r["only"] is not None]
    if missing or partial:
        sys.exit(f"no whole check of: {', '.join((*missing, *partial))}")
    return [found[" ".join(asked)] for asked in QUESTIONS]


def validations_of(files: Sequence[Path]) -> Results:
    """The results of validations of whole specs that came to their end."""
    found = [r for f in files for r in json.loads(f.read_text(encoding="utf-8"))["results"]]
    names = [r["spec"]["title"] for r in found if r["partial"] or r["lost"] or not is_whole(r)]
    if names:
        sys.exit(f"not the whole of: {', '.join(names)}")
    return found


def is_whole(result: Mapping[str, Any]) -> bool:
    """Whether a validation was of all forms, and of deliveries and translations."""
    forms = load(Path(result["spec"]["path"]).stem).forms
    return result["summary"]["forms"] == len(forms) and bool(result["processor"])


def main() -> int:
    """Writes, or with --check compares; exits 1 if something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if it would")
    parser.add_argument(
        "--checked", nargs="*", type=Path, metavar="FILE", help="docs/ia32.md and docs/atlas.md too"
    )
    parser.add_argument(
        "--validated",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="docs/validated.json, which the coverage in docs/atlas.md is from, too",
    )
    options = parser.parse_args()
    checked = None if options.checked is None else results_of(options.checked)
    if options.validated is not None:
        keep(validations_of(options.validated))
    stale = False
    for page in pages():
        old = page.read_text(encoding="utf-8")
        new = rewritten(old, checked)
        if new != old:
            stale = True
            sys.stdout.write(f"{page.relative_to(ROOT)}\n")
            if not options.check:
                page.write_text(new, encoding="utf-8")
    return int(stale and options.check)


if __name__ == "__main__":
    sys.exit(main())
