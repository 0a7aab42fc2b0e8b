"""Bad inputs: a folder with files in it, and a command line that has to refuse them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder where a file is expected."""


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: str


Content = str | bytes | Folder | Link


@dataclass(frozen=True, slots=True)
class Case:
    """`files` by name; `arguments` of popek, run in the folder that holds them."""

    name: str
    arguments: tuple[str, ...]
    files: Mapping[str, Content]

    def __str__(self) -> str:
        return self.name

    def write(self, folder: Path) -> None:
        """Put the files into a folder."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            match content:
                case str():
                    path.write_text(content, encoding="utf-8")
                case bytes():
                    path.write_bytes(content)
                case Folder():
                    path.mkdir()
                case Link(target=target):
                    path.symlink_to(target)


MACHINE: Final = """manual TM = "The toy manual"
code 16 bits big
memory   E[2**16] : u16
mode     M : supervisor > user
pc       P : u16
register a[8] : u16
resource R : u16
trap bad
deliver all
  skip
instruction T x, y
  encoding 0001 0000 x:4 y:4
  skip
"""
GOOD: Final = 'isa "Good"\n' + MACHINE
U: Final = "instruction U x\n  encoding 1111 0000 0000 x:4\n"


def spec(text: str) -> str:
    """A small machine with `text` added."""
    return f'isa "Bad"\n{MACHINE}{text}'


def check(name: str, text: Content, **files: Content) -> Case:
    """`popek check bad.isa`; names of further files have `_` for `.`."""
    others = {key.replace("_", "."): value for key, value in files.items()}
    return Case(name, ("check", "bad.isa"), {"bad.isa": text, **others})


def doubled(kind: str) -> str:
    """Thirty definitions, each of which uses the next one twice."""
    text = ""
    for i in range(30):
        if kind == "function":
            text += f"function f{i}(x)\n  return f{i + 1}(x) + f{i + 1}(x)\n"
        else:
            text += f"alias f{i} = f{i + 1} + f{i + 1}\n"
    last = "function f30(x) = x\n" if kind == "function" else "alias f30 = a[1]\n"
    use = "f0(a[1])" if kind == "function" else "f0"
    return spec(f"{text}{last}{U}  a[0] = {use}\n")


CHAIN: Final = {f"{i}.isa": f'include "{i + 1}.isa"\n' for i in range(70)}
MANY: Final = {f"i{i}.isa": "" for i in range(520)}

FILES: Final = (
    Case("missing", ("check", "nowhere.isa"), {}),
    Case("unknown-spec", ("check", "pg47"), {}),
    check("folder", Folder()),
    check("empty", ""),
    check("only-comments", "# nothing here yet\n\n"),
    check("not-utf-8", b'isa "Bad"\nmanual M = "\xff"\n'),
    check("nul-byte", b'isa "Bad"\nmanual M = "a\0b"\n'),
    check("binary-junk", bytes(range(256)) * 40),
    check("utf-16", 'isa "Bad"\n'.encode("utf-16")),
    check("link-loop", Link("bad.isa")),
    check("dangling-link", Link("nowhere.isa")),
    check("too-large", b"# padding\n" * (64 * 1024 * 1024 // 10 + 1)),
    check("cut-in-a-clause", GOOD[: GOOD.index("  encoding")]),
    check("cut-in-a-line", GOOD[: GOOD.index(" : u16")]),
    check("cut-in-a-string", GOOD[: GOOD.index(" manual")]),
    check("not-a-spec", "#!/bin/sh\nset -e\nfor i in *; do echo $i; done\n"),
    check("no-header", MACHINE),
    check("two-headers", 'isa "Good"\n' + GOOD),
)

OTHER_FILES: Final = (
    check("include-missing", spec('include "nowhere.isa"\n')),
    check("include-folder", spec('include "d.isa"\n'), d_isa=Folder()),
    check("include-binary", spec('include "d.isa"\n'), d_isa=b"\0\1\2"),
    check("include-link-loop", spec('include "d.isa"\n'), d_isa=Link("d.isa")),
    check("include-outside", spec('include "../secret.isa"\n')),
    check("include-link-outside", spec('include "d.isa"\n'), d_isa=Link("/etc/hostname")),
    check("include-absolute", spec('include "/etc/hostname"\n')),
    check("include-itself", spec('include "bad.isa"\n')),
    check(
        "include-cycle",
        spec('include "b.isa"\n'),
        b_isa='include "c.isa"\n',
        c_isa='include "b.isa"\n',
    ),
    check("include-a-spec", spec('include "good.isa"\n'), good_isa=GOOD),
    Case("include-deep", ("check", "0.isa"), {**CHAIN, "0.isa": spec('include "1.isa"\n')}),
    Case(
        "include-many",
        ("check", "bad.isa"),
        {**MANY, "bad.isa": spec("".join(f'include "{name}"\n' for name in MANY))},
    ),
    check("extends-itself", 'isa "Bad" extends "bad.isa"\n'),
    check(
        "extends-cycle",
        'isa "Bad" extends "b.isa"\n',
        b_isa='isa "B" extends "c.isa"\n',
        c_isa='isa "C" extends "b.isa"\n',
    ),
    check("extends-missing", 'isa "Bad" extends "nowhere.isa"\n'),
    check(
        "errors-of-two-files",
        spec(f'include "b.isa"\n{U}  a[0] = nowhere\n  a[1] = F\n'),
        b_isa="constant N = missing\n",
    ),
)

MEANINGS: Final = (
    check("unknown-names", spec(f"{U}  a[x] = b\n  raise worse\n  rotate(a[0])\n")),
    check("widths", spec(f"{U}  a[0] = x\n  a[1] = a[2] + 0x1_0000\n  if a[3] then skip\n")),
    check("overlap", spec("instruction V x\n  encoding 0001 0000 0000 x:4\n  skip\n")),
    check("declared-twice", spec('trap bad\nregister R : u8\nmanual TM = "Another"\n')),
    check("code-twice", spec("code bytes little\n")),
    check("unknown-role", spec("register F : u8\n  0  A  resourse\n")),
    check("no-mode", GOOD.replace("mode     M : supervisor > user\n", "")),
    check("nothing-there", 'isa "Bad"\ninstruction U\n  encoding 00\n  skip\n'),
    check("no-encoding", spec("instruction U\n  skip\n")),
    check("recursion", spec(f"function f(x) = g(x)\nfunction g(x) = f(x)\n{U}  a[0] = f(a[0])\n")),
    check("recursive-types", spec("type q = r\ntype r = q\n")),
    check("recursive-alias", spec("alias A = B\nalias B = A\n")),
    check("nested-brackets", spec(f"{U}  a[0] = {'(' * 5000}1{')' * 5000}\n")),
    check("nested-blocks", spec(U + "".join(f"{'  ' * i}if x\n" for i in range(1, 400)))),
    check("wide-register", spec("register w : u99999\n")),
    check("wide-field", spec("instruction U x\n  encoding x:16000\n  skip\n")),
    check("wide-extension", spec(f"{U}  a[0] = zext(a[0], 2**14)[15..0]\n")),
    check("huge-memory", spec("memory w[2**100] : u8\n")),
    check("huge-power", spec("constant N = 2**2**2**2**2**2\nregister w : bits(N)\n")),
    check("huge-number", spec(f"constant N = 1{'0' * 5000}\n")),
    check("code-of-no-bits", GOOD.replace("code 16", "code 0")),
    check("code-is-no-whole-unit", GOOD.replace("E[2**16] : u16", "E[2**16] : u32")),
    check("long-loop", spec(f"{U}  for i in 0..99_999_999\n    a[0] = 1\n")),
    check("doubling-functions", doubled("function")),
    check("doubling-aliases", doubled("alias")),
    check(
        "doubling-arguments",
        spec(f"function d(x) = x + x\n{U}  a[0] = {'d(' * 60}R{')' * 60}\n"),
    ),
    check("host-contradiction", spec("host R == 1\nhost R == 2\n")),
    check("unknown-assumption", spec("assume one-cpu\n")),
    check("group-of-nothing", spec("group G = T, UU\n")),
    check(
        "amended-and-removed",
        'isa "Bad" extends "good.isa"\namend T\n  before\n    skip\nremove T\n',
        good_isa=GOOD,
    ),
    check(
        "many-errors",
        spec(
            "".join(
                f"instruction U{i}\n  encoding 1111 {i:012b}\n  a[0] = n{i}\n" for i in range(60)
            )
        ),
    ),
)

BAD: Final = "isa (\n"
VERBS: Final = (
    Case("explain-bad-spec", ("explain", "bad.isa", "T"), {"bad.isa": spec("constant N = M2\n")}),
    Case("explain-unknown", ("explain", "good.isa", "TT"), {"good.isa": GOOD}),
    Case("check-only-unknown", ("check", "good.isa", "--only", "TT"), {"good.isa": GOOD}),
    Case("check-json", ("check", "bad.isa", "--json"), {"bad.isa": spec("constant N = M2\n")}),
    Case("fmt-bad", ("fmt", "bad.isa"), {"bad.isa": BAD}),
    Case("fmt-check-bad", ("fmt", "--check", "bad.isa"), {"bad.isa": BAD}),
    Case("fmt-missing", ("fmt", "nowhere.isa"), {}),
    Case("fmt-link-loop", ("fmt", "bad.isa"), {"bad.isa": Link("bad.isa")}),
    Case("fmt-binary", ("fmt", "bad.isa"), {"bad.isa": b"\0\1\2\3"}),
    Case("asm-bad-spec", ("asm", "bad.isa", "a.s", "-o", "out"), {"bad.isa": BAD, "a.s": ""}),
    Case("asm-missing", ("asm", "good.isa", "a.s", "-o", "out"), {"good.isa": GOOD}),
    Case("asm-folder", ("asm", "good.isa", "a.s"), {"good.isa": GOOD, "a.s": Folder()}),
    Case("asm-binary", ("asm", "good.isa", "a.s"), {"good.isa": GOOD, "a.s": b"\0\xff"}),
    Case("disasm-bad-spec", ("disasm", "bad.isa", "a", "-o", "out"), {"bad.isa": BAD, "a": b"ab"}),
    Case("disasm-missing", ("disasm", "good.isa", "a", "-o", "out"), {"good.isa": GOOD}),
    Case("disasm-folder", ("disasm", "good.isa", "a"), {"good.isa": GOOD, "a": Folder()}),
)

ASSEMBLED: Final = f"""isa "Assembled"
{MACHINE}
names reg = r0, r1, r2, r3
operand where over n:2 "{{n|reg}}" = a[n]
instruction ADD x, y
  encoding 0010 0000 x:4 y:4
  valid when x < 8 and y < 8
  skip
instruction ADDR x, y as ADD_reversed
  encoding 0011 0000 x:4 y:4
  syntax   "add {{y}}, {{x}}!"
  skip
instruction CLR where
  encoding 0100 0000 0000 00 where
  skip
"""


def assemble(name: str, text: str) -> Case:
    """`popek asm good.isa a.s -o out`."""
    return Case(name, ("asm", "good.isa", "a.s", "-o", "out"), {"good.isa": ASSEMBLED, "a.s": text})


ASSEMBLY: Final = (
    assemble("asm-mnemonic", "ad 1, 2\n"),
    assemble("asm-operands", "add 1\nadd 1, 2, 3\n"),
    assemble("asm-range", "t 16, 2\n"),
    assemble("asm-label-unknown", "here: .word there\n"),
    assemble("asm-label-twice", "here: t 1, 2\nhere: t 3, 4\n"),
    assemble("asm-directive", ".align 4\n.word\n"),
    assemble("asm-org-back", "t 1, 2\n.org 0\n"),
    assemble("asm-selector", 't 1, 2 {form "9"}\nt 1, 2 {z=1}\n'),
    assemble("asm-label-is-register", "r1: t 1, 2\n"),
    assemble("asm-no-code", "add 9, 1\n"),
    assemble("asm-too-large", "t 1, 2\n.org 0xffffffff\n"),
)


def run_guest(name: str, description: str, *options: str) -> Case:
    """`popek run g.json --under pg74-clean/trap-and-emulate`."""
    arguments = ("run", "g.json", "--under", "pg74-clean/trap-and-emulate", *options)
    return Case(name, arguments, {"g.json": description, "g.bin": bytes(64)})


SCHEMA: Final = '"schema": "popek.guest/1"'
GUESTS: Final = (
    Case("run-missing", ("run", "g.bin", "--under", "pg74-clean/trap-and-emulate"), {}),
    Case("run-bad-design", ("run", "g.bin", "--under", "bad.hv"), {"g.bin": b"", "bad.hv": "hy\n"}),
    Case("run-shadowed", ("run", "g.bin", "--under", "rv64/trap-and-emulate"), {"g.bin": b"ab"}),
    run_guest("run-no-json", "{"),
    run_guest("run-other-schema", '{"schema": "popek.guest/7"}'),
    run_guest("run-bad-number", f'{{{SCHEMA}, "entry": -1}}'),
    run_guest("run-bad-numbers", f'{{{SCHEMA}, "host": {{"size": "large"}}}}'),
    run_guest("run-no-parameter", f'{{{SCHEMA}, "host": {{"sise": 8}}}}'),
    run_guest("run-no-room", f'{{{SCHEMA}, "host": {{"size": 8}}}}'),
    run_guest("run-no-room-json", f'{{{SCHEMA}, "host": {{"size": 8}}}}', "--json"),
)

CASES: Final = (*GUESTS, *FILES, *OTHER_FILES, *MEANINGS, *VERBS, *ASSEMBLY)
