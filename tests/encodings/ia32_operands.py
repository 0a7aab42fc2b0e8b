"""Operands of a line of IA-32 assembly, in popek's notation or one near to it."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

NUMBER: Final = re.compile(r"0x[0-9a-f]+|[0-9]+")

#: Whether it is memory, its segment if not the usual one, registers and scaled registers, a number.
Operand: TypeAlias = tuple[bool, str, tuple[str, ...], int]


def operands(text: str) -> list[Operand]:
    """The operands in either notation, without sizes and without what is usual."""
    return [operand(part) for part in re.split(r", ?", text.lower())] if text else []


def operand(text: str) -> Operand:
    """One of them."""
    text = re.sub(r"\b(byte|word|dword|qword|far) ?", "", text.strip())
    match = re.fullmatch(r"\[?([cdefgs]s:)?(.*?)\]?", text)
    assert match is not None
    segment, terms, number = match[1] or "", list[str](), 0
    for sign, term in re.findall(r"([+-]?)([^+\-]+)", match[2]):
        if NUMBER.fullmatch(term):
            number += int(f"{sign}{int(term, 0)}")
        else:
            terms.append(term)
    in_memory = "[" in text
    if in_memory:
        on_stack = "bp" in terms or (terms and terms[0] in ("ebp", "esp"))
        segment = segment if segment != ("ss:" if on_stack else "ds:") else ""
    return in_memory, segment, tuple(sorted(t.removesuffix("*1") for t in terms)), number
