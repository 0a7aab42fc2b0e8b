"""A state of IA-32 between the spec's components and the doublewords of the monitor's record.

The record is laid out at `ST_SEG` and below in `ia32_rom/monitor.asm`.  Segments are given with
what the processor remembers of their descriptors, so that any state that loading segments can lead
to is entered as it is, whatever is in the tables now.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from popek.oracles.oracle import Refused, State, Value, bank, number

#: Ten segments of four doublewords each, then 22 doublewords.
WORDS: Final = struct.Struct("<62I")

#: Bits of registers by the spec's names: the lowest, and how many.
_EFLAGS: Final = {
    "EFLAGS.CF": (0, 1),
    "EFLAGS.PF": (2, 1),
    "EFLAGS.AF": (4, 1),
    "EFLAGS.ZF": (6, 1),
    "EFLAGS.SF": (7, 1),
    "EFLAGS.TF": (8, 1),
    "EFLAGS.IF": (9, 1),
    "EFLAGS.DF": (10, 1),
    "EFLAGS.OF": (11, 1),
    "EFLAGS.IOPL": (12, 2),
    "EFLAGS.NT": (14, 1),
    "EFLAGS.RF": (16, 1),
    "EFLAGS.VM": (17, 1),
    "EFLAGS.AC": (18, 1),
    "EFLAGS.VIF": (19, 1),
    "EFLAGS.VIP": (20, 1),
    "EFLAGS.ID": (21, 1),
}
_CR0: Final = {
    "CR0.PE": (0, 1),
    "CR0.MP": (1, 1),
    "CR0.EM": (2, 1),
    "CR0.TS": (3, 1),
    "CR0.NE": (5, 1),
    "CR0.WP": (16, 1),
    "CR0.AM": (18, 1),
    "CR0.NW": (29, 1),
    "CR0.CD": (30, 1),
    "CR0.PG": (31, 1),
}
_CR3: Final = {"CR3.PWT": (3, 1), "CR3.PCD": (4, 1), "CR3.BASE": (12, 20)}
_CR4: Final = {
    "CR4.VME": (0, 1),
    "CR4.PVI": (1, 1),
    "CR4.TSD": (2, 1),
    "CR4.DE": (3, 1),
    "CR4.PSE": (4, 1),
    "CR4.MCE": (6, 1),
    "CR4.PGE": (7, 1),
    "CR4.PCE": (8, 1),
    "CR4.UMIP": (11, 1),
}
_DR6: Final = {"DR6.B": (0, 4), "DR6.BD": (13, 1), "DR6.BS": (14, 1), "DR6.BT": (15, 1)}
_DR7: Final = {
    "DR7.ENABLE": (0, 8),
    "DR7.EXACT": (8, 2),
    "DR7.GD": (13, 1),
    "DR7.CONDITIONS": (16, 16),
}
#: What the other bits hold.
_EFLAGS_FIXED, _CR0_FIXED, _DR6_FIXED, _DR7_FIXED = 0x2, 0x10, 0xFFFF_0FF0, 0x400

_ES, _CS, _SS, _DS, _FS, _GS = range(6)
_SELECTORS: Final = ("ES", "", "", "DS", "FS", "GS")

#: Access rights as VMX has them.
_CODE, _PRESENT, _BIG, _PAGES, UNUSABLE = 0x18, 0x80, 0x4000, 0x8000, 0x10000

#: The words behind the segments; in these the order is that of the spec's names: CR0, CR2, CR3,
#: CR4 from CR on, DR0 to DR3, DR6, DR7 from DR on.  Tables are segments: selector, rights, limit,
#: base.
CPL, EIP, FLAGS, GPR, CR = 40, 41, 42, 43, 51
DR, SHADOW = 55, 61
GDTR, LDTR, IDTR, TR = 24, 28, 32, 36


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry to a guest demands of its state, beyond the rules that it shares.

    `whole_limits`: limits are those that a descriptor can have.  `busy`: TR's descriptor says that
    it is busy, as it is in a processor.  `nmi_blocked`: that NMIs are blocked is part of the state.
    """

    whole_limits: bool
    busy: bool
    nmi_blocked: bool


def _packed(state: State, fields: dict[str, tuple[int, int]]) -> int:
    return sum(number(state, name) << low for name, (low, _) in fields.items() if name in state)


def _fields(value: int, fields: dict[str, tuple[int, int]], like: State) -> dict[str, Value]:
    return {
        name: value >> low & ((1 << n) - 1) for name, (low, n) in fields.items() if name in like
    }


def selector(state: State, n: int) -> int:
    """The segment register of this number."""
    if n in (_CS, _SS):
        name = "CS" if n == _CS else "SS"
        low = f"{name}_LOW" if number(state, "EFLAGS.VM") else f"{name}.RPL"
        return number(state, f"{name}.INDEX") << 2 | number(state, low)
    return number(state, _SELECTORS[n])


# ---------------------------------------------------------------- into the record


def encoded(state: State, entry: Entry) -> list[int] | Refused:
    """The state's 62 doublewords."""
    if why := _unreachable(state):
        return Refused(why)
    if number(state, "CR0.NW") or number(state, "CR0.CD"):
        return Refused("CR0.CD or CR0.NW, which an entry of VMX leaves as they are")
    cpl = number(state, "CS.RPL")
    words: list[int] = []
    columns = [bank(state, f"seg.{part}") for part in _PARTS]
    for n in range(6):
        seg = _Segment(*(column[n] for column in columns))
        rights = (
            seg.paragraph(selector(state, n)) if number(state, "EFLAGS.VM") else seg.rights(n, cpl)
        )
        if isinstance(rights, str):
            return Refused(rights)
        if entry.whole_limits and seg.usable and not _whole(seg.limit):
            return Refused(_NO_SUCH_LIMIT)
        words += selector(state, n), rights, seg.limit, seg.base
    tss_type = (9 if number(state, "TSS.wide") else 1) | (2 if entry.busy else 0)
    ldt_limit, tss_limit = number(state, "LDT.limit"), number(state, "TSS.limit")
    ldt = 0x82 | _granularity(ldt_limit) if number(state, "LDT.usable") else UNUSABLE
    if entry.whole_limits:
        if not _whole(tss_limit) or (number(state, "LDT.usable") and not _whole(ldt_limit)):
            return Refused(_NO_SUCH_LIMIT)
    shadow = number(state, "inhibit") | number(state, "NMI_blocked") << 3
    if shadow & 1:
        return Refused("interrupts are inhibited before the step")
    if shadow and not entry.nmi_blocked:
        return Refused("SVM does not say whether NMIs are blocked")
    words += 0, 0, number(state, "GDTR.limit"), number(state, "GDTR.base")
    words += number(state, "LDTR"), ldt, ldt_limit, number(state, "LDT.base")
    words += 0, 0, number(state, "IDTR.limit"), number(state, "IDTR.base")
    rights = tss_type | _PRESENT | _granularity(tss_limit)
    words += number(state, "TR"), rights, tss_limit, number(state, "TSS.base")
    words += cpl, number(state, "EIP"), _packed(state, _EFLAGS) | _EFLAGS_FIXED
    words += bank(state, "gpr")
    words += _packed(state, _CR0) | _CR0_FIXED, number(state, "CR2")
    words += _packed(state, _CR3), _packed(state, _CR4)
    words += (number(state, f"DR{n}") for n in range(4))
    words += _packed(state, _DR6) | _DR6_FIXED, _packed(state, _DR7) | _DR7_FIXED, shadow
    return words


_PARTS: Final = ("base", "limit", "usable", "readable", "writable", "down", "big", "level")

_NO_SUCH_LIMIT = "a limit that no descriptor has"


def _unreachable(state: State) -> str:
    """Why no program gets the processor into the state, "" if one may."""
    big = bank(state, "seg.big")
    if number(state, "SS.RPL") != number(state, "CS.RPL"):
        return "SS is not at the current privilege level"
    if (number(state, "CS_D"), number(state, "SS_B")) != (big[_CS], big[_SS]):
        return "seg.big is not CS_D and SS_B for CS and SS"
    if not number(state, "CR0.PE"):
        return "real-address mode"
    if number(state, "EFLAGS.VM") and number(state, "CS.RPL") != 3:
        return "virtual-8086 mode above level 3"
    if number(state, "EFLAGS.TF"):
        return "EFLAGS.TF: the step is not alone"
    if number(state, "EFLAGS.RF"):
        return "EFLAGS.RF: the processor clears it after the step"
    extension = "CR4.VME" if number(state, "EFLAGS.VM") else "CR4.PVI"
    virtual = number(state, extension) and number(state, "EFLAGS.VIF")
    if virtual and number(state, "EFLAGS.VIP") and number(state, "CS.RPL") == 3:
        return "a virtual interrupt is pending and enabled: a fault before the instruction"
    if number(state, "DR7.ENABLE"):
        return "breakpoints"
    if number(state, "TR") & 4 or (number(state, "LDT.usable") and number(state, "LDTR") & 4):
        return "TR or LDTR in the local table"
    return ""


def _whole(limit: int) -> bool:
    return limit < 1 << 20 or limit & 0xFFF == 0xFFF


def _granularity(limit: int) -> int:
    return _PAGES if limit >> 20 else 0


@dataclass(frozen=True, slots=True)
class _Segment:
    """The hidden part of a segment register."""

    base: int
    limit: int
    usable: int
    readable: int
    writable: int
    down: int
    big: int
    level: int

    def rights(self, n: int, cpl: int) -> int | str:
        """Access rights, or why there are none."""
        if not self.usable:
            if n in (_CS, _SS):
                return "CS or SS is null"
            return "a null segment with a level" if self.level else UNUSABLE
        kind = self._code(cpl) if n == _CS else self._data(n, cpl)
        if isinstance(kind, str):
            return kind
        level = cpl if n == _CS else self.level
        big = _BIG if self.big else 0
        return kind | level << 5 | _PRESENT | big | _granularity(self.limit)

    def paragraph(self, selector: int) -> int | str:
        """Access rights in virtual-8086 mode, or why there are none."""
        of_8086 = _Segment(selector << 4, 0xFFFF, 1, 1, 1, 0, 0, 3)
        return 0x13 | 3 << 5 | _PRESENT if self == of_8086 else "no segment of virtual-8086 mode"

    def _code(self, cpl: int) -> int | str:
        if self.writable or self.down:
            return "a code segment that is writable or expand-down"
        if self.level not in (cpl, 3):
            return "a code segment that is neither of the current level nor conforming"
        conforming = 4 if self.level != cpl else 0
        return _CODE | 1 | self.readable << 1 | conforming

    def _data(self, n: int, cpl: int) -> int | str:
        if not self.readable:
            return "a data segment that cannot be read"
        if n == _SS and (not self.writable or self.level != cpl):
            return "a stack segment that is not writable or of another level"
        return 0x11 | self.writable << 1 | self.down << 2


# ---------------------------------------------------------------- out of the result


def decoded(words: tuple[int, ...], before: State) -> dict[str, Value]:
    """The components, of which the processor holds no others than `before` has.

    What no instruction can find out stays as it was: the hidden part of a null segment but for its
    level, and of a null LDTR.
    """
    cpl, virtual = words[CPL], words[FLAGS] >> _EFLAGS["EFLAGS.VM"][0] & 1
    columns = [list(bank(before, f"seg.{part}")) for part in _PARTS]
    for n in range(6):
        _, rights, limit, base = words[4 * n : 4 * n + 4]
        if rights & UNUSABLE:
            columns[2][n] = columns[7][n] = 0
            continue
        code = rights & 8
        conforming = code and rights & 4
        found = (
            base,
            limit,
            1,
            int(not code or bool(rights & 2)),
            int(not code and bool(rights & 2)),
            int(not code and bool(rights & 4)),
            rights >> 14 & 1,
            3 if conforming else rights >> 5 & 3,
        )
        for column, value in zip(columns, found, strict=True):
            column[n] = value
    state: dict[str, Value] = {
        **before,
        **{f"seg.{part}": tuple(c) for part, c in zip(_PARTS, columns, strict=True)},
        **{name: words[4 * n] for n, name in enumerate(_SELECTORS) if name},
        "CS.INDEX": words[4 * _CS] >> 2,
        "CS.RPL": cpl,
        "SS.INDEX": words[4 * _SS] >> 2,
        "SS.RPL": cpl if virtual else words[4 * _SS] & 3,
        "CS_D": words[4 * _CS + 1] >> 14 & 1,
        "SS_B": words[4 * _SS + 1] >> 14 & 1,
        "GDTR.limit": words[GDTR + 2],
        "GDTR.base": words[GDTR + 3],
        "IDTR.limit": words[IDTR + 2],
        "IDTR.base": words[IDTR + 3],
        "LDTR": words[LDTR],
        "TR": words[TR],
        "TSS.limit": words[TR + 2],
        "TSS.base": words[TR + 3],
        "TSS.wide": words[TR + 1] >> 3 & 1,
        "EIP": words[EIP],
        "gpr": words[GPR : GPR + 8],
        "CR2": words[CR + 1],
        **{f"DR{n}": words[DR + n] for n in range(4)},
        "inhibit": words[SHADOW] & 1 | words[SHADOW] >> 1 & 1,
        "NMI_blocked": words[SHADOW] >> 3 & 1,
        **_fields(words[FLAGS], _EFLAGS, before),
        **_fields(words[CR], _CR0, before),
        **_fields(words[CR + 2], _CR3, before),
        **_fields(words[CR + 3], _CR4, before),
        **_fields(words[DR + 4], _DR6, before),
        **_fields(words[DR + 5], _DR7, before),
    }
    if virtual:
        state |= {"CS_LOW": words[4 * _CS] & 3, "SS_LOW": words[4 * _SS] & 3}
    usable = not words[LDTR + 1] & UNUSABLE
    state["LDT.usable"] = int(usable)
    if usable:
        state |= {"LDT.limit": words[LDTR + 2], "LDT.base": words[LDTR + 3]}
    return state


#: What is the same in every state that a case starts from: one step, alone, not of real-address
#: mode.
FIXED: Final = {
    "EFLAGS.TF": 0,
    "EFLAGS.RF": 0,
    "inhibit": 0,
    "delivering": 0,
    "CR0.PE": 1,
    "CR0.CD": 0,
    "CR0.NW": 0,
    "DR7.ENABLE": 0,
}


def _paragraph(name: str, selector: str) -> tuple[str, ...]:
    """What a segment register remembers in virtual-8086 mode."""
    seg = f"seg[{name}_SEG]"
    return (
        f"not EFLAGS.VM or {seg}.base == zext({selector} @ 0x0) and {seg}.limit == 0xFFFF",
        f"not EFLAGS.VM or {seg}.usable and {seg}.readable and {seg}.level == 3",
        f"not EFLAGS.VM or {seg}.writable and not {seg}.down and not {seg}.big",
    )


#: What the segment registers and their hidden parts are in every state that an entry of a guest
#: accepts (SDM vol. 3C, section 26.3.1.2; APM vol. 2, section 15.5.1), and what processors hold.
CONDITIONS: Final = (
    "seg[CS_SEG].big == CS_D",
    "seg[SS_SEG].big == SS_B",
    "seg[CS_SEG].usable and seg[CS_SEG].writable == EFLAGS.VM and not seg[CS_SEG].down",
    "seg[CS_SEG].level == CPL or seg[CS_SEG].level == 3",
    "seg[SS_SEG].usable and seg[SS_SEG].readable and seg[SS_SEG].writable",
    "seg[SS_SEG].level == CPL",
    *(
        f"if seg[{n}].usable then seg[{n}].readable else seg[{n}].level == 0"
        for n in ("ES_SEG", "DS_SEG", "FS_SEG", "GS_SEG")
    ),
    "not TR[2] and not LDTR[2]",
    # Limits in a descriptor count pages where they are larger than 1 MiB.
    *(
        f"{limit}[31..20] == 0 or {limit}[11..0] == 0xFFF"
        for limit in (*(f"seg[{n}].limit" for n in range(6)), "LDT.limit", "TSS.limit")
    ),
    "not (EFLAGS.VIF and EFLAGS.VIP and (if EFLAGS.VM then CR4.VME else CR4.PVI) and CPL == 3)",
    "not (EFLAGS.VM and CS_D)",
    *_paragraph("CS", "CS[15..2] @ CS_LOW"),
    *_paragraph("SS", "SS[15..2] @ SS_LOW"),
    *(condition for name in ("ES", "DS", "FS", "GS") for condition in _paragraph(name, name)),
)
