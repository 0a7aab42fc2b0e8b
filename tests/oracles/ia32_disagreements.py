"""Where the spec, QEMU and Bochs are known to disagree about IA-32, and who is right.

Of each row, what it says is expected is taken out of the differences; what is left is unexplained.
SDM is order number 325462-075.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from popek.oracles import Outcome
from tests.oracles.comparing import Difference, Trial

Expected = Callable[[Trial, Outcome, Difference], bool]


class Wrong(Enum):
    ORACLE = "the oracle"
    SPEC = "the spec, which says so where it does it"
    NOBODY = "the manual allows both, or leaves it to the model"


@dataclass(frozen=True)
class Row:
    """`expected`: is the difference one of those that `why` explains?"""

    oracles: tuple[str, ...]
    wrong: Wrong
    why: str
    expected: Expected


BOTH, BOCHS, QEMU = ("bochs", "qemu"), ("bochs",), ("qemu",)

#: Instructions that read what they then write.
READ_MODIFY_WRITE = frozenset(
    (
        *("ADD", "OR", "ADC", "SBB", "AND", "SUB", "XOR", "INC", "DEC", "NOT", "NEG", "ARPL"),
        *("SHL", "SHR", "SAR", "SAL", "ROL", "ROR", "RCL", "RCR", "SHLD", "SHRD"),
        *("BTS", "BTR", "BTC", "XCHG", "XADD", "CMPXCHG", "CMPXCHG8B"),
    )
)

#: Instructions with an offset and a selector in memory.
FAR = frozenset(
    (
        *("RET_far", "RET_far_pop", "IRET", "LES", "LDS", "LSS", "LFS", "LGS"),
        *("CALL_far_indirect", "JMP_far_indirect"),
    )
)

#: Instructions that write several times, or before they are refused.
SEVERAL = frozenset(
    (
        *("ENTER", "ENTER_nested", "PUSHA"),
        *("CALL_near", "CALL_near_indirect", "CALL_far", "CALL_far_indirect"),
    )
)


def _bits(d: Difference) -> int:
    return 0 if d.spec is None or d.oracle is None else d.spec ^ d.oracle


def _nested(made: Trial) -> bool:
    """Does the delivery of the step's own trap end in another?"""
    return made.zeros.ending != made.zeros.first


def _marks(made: Trial, seen: Outcome, d: Difference) -> bool:
    paged = made.case.state["CR0.PG"] and d.of == "phys" and d.at % 4 == 0
    return bool(made.zeros.ending) and bool(paged) and not _bits(d) & ~0x60


def _partial(made: Trial, seen: Outcome, d: Difference) -> bool:
    return bool(made.zeros.ending) and made.form.name in SEVERAL and d.of == "phys"


def _write_intent(made: Trial, seen: Outcome, d: Difference) -> bool:
    return made.form.mnemonic in READ_MODIFY_WRITE and made.zeros.checked


def _locked(code: bytes) -> bool:
    prefixes = bytes.fromhex("66 67 26 2e 36 3e 64 65 f0 f2 f3")
    length = next((i for i, byte in enumerate(code) if byte not in prefixes), len(code))
    return 0xF0 in code[:length]


ROWS: tuple[Row, ...] = (
    Row(
        BOTH,
        Wrong.NOBODY,
        "which accessed and dirty bits are set on the way to a fault: of a walk that fails, of an "
        "access that fails in its second page (vol. 3A, section 4.8 speaks of translations used)",
        _marks,
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "the final stack pointer of ENTER is checked against its page, too (vol. 2A, ENTER)",
        lambda made, seen, d: made.form.mnemonic == "ENTER" and made.zeros.ending != "UD",
    ),
    Row(
        BOTH,
        Wrong.SPEC,
        "what an instruction has written before it faults is there (vol. 3A, section 6.5: only the "
        "registers are restored); the spec undoes everything",
        _partial,
    ),
    Row(
        BOCHS,
        Wrong.NOBODY,
        "what is to be written after it was read is checked as a write from the start: vol. 3A, "
        "section 4.7 speaks of accesses, not of instructions",
        _write_intent,
    ),
    Row(
        BOCHS,
        Wrong.NOBODY,
        "of a far pointer the selector is read first: the manual gives no order",
        lambda made, seen, d: made.form.name in FAR and made.zeros.checked,
    ),
    Row(
        BOCHS,
        Wrong.NOBODY,
        "an access that wraps around the end of 4 GiB is refused (vol. 3A, section 5.3)",
        lambda made, seen, d: made.zeros.wraps,
    ),
    Row(
        BOTH,
        Wrong.NOBODY,
        "with PSE-36, bits of a large page are no reserved ones (vol. 3A, section 4.3)",
        lambda made, seen, d: made.zeros.first == "PF" and bool(_code(made) & 8),
    ),
    Row(
        BOCHS,
        Wrong.NOBODY,
        "with BMI1 and LZCNT, F3 makes TZCNT and LZCNT of BSF and BSR (vol. 2D, TZCNT)",
        lambda made, seen, d: made.form.name in ("BSF", "BSR") and 0xF3 in made.code[:4],
    ),
    Row(
        BOCHS,
        Wrong.NOBODY,
        "certain debug exceptions may clear DR6.B (vol. 3B, section 17.2.3)",
        lambda made, seen, d: d.of == "DR6.B",
    ),
    Row(
        BOCHS,
        Wrong.ORACLE,
        "a double fault is an abort: RF is saved as it was (vol. 3B, section 17.3.1.1)",
        lambda made, seen, d: made.zeros.ending == "DF" and d.of == "phys" and _bits(d) == 1,
    ),
    Row(
        BOCHS,
        Wrong.ORACLE,
        "INT1 is a debug exception: GD is cleared before its handler (vol. 3B, section 17.2.4)",
        lambda made, seen, d: made.form.name == "INT1" and d.of == "DR7.GD",
    ),
    Row(
        BOCHS,
        Wrong.ORACLE,
        "the privilege level is asked for before DR7.GD (vol. 2B, MOV, debug registers: operation)",
        lambda made, seen, d: (
            made.form.name in ("MOV_to_DR", "MOV_from_DR") and made.case.state["DR7.GD"] == 1
        ),
    ),
    Row(
        BOCHS,
        Wrong.ORACLE,
        "CALL looks at its target before the stack is written (vol. 2A, CALL: operation)",
        lambda made, seen, d: made.form.mnemonic == "CALL" and made.zeros.first == "GP",
    ),
    Row(
        BOTH,
        Wrong.NOBODY,
        "INS looks at its memory before the port is read: the manual gives no order",
        lambda made, seen, d: made.form.mnemonic in ("INSB", "INS") and d.of == "events",
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "RF is set in the frame of a fault (vol. 3B, section 17.3.1.1); error codes have EXT (vol. "
        "3A, section 6.13); the code segment of a handler is marked as accessed (section 3.4.5.1)",
        lambda made, seen, d: bool(made.zeros.ending) and d.of == "phys" and _bits(d) == 1,
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "limits, types and null segments are checked (vol. 3A, sections 5.3 and 5.5), and "
        "alignment (interrupt 17); QEMU checks neither",
        lambda made, seen, d: (
            made.zeros.ending == "AC"
            or (made.zeros.first in ("GP", "SS", "AC") and made.zeros.checked)
        ),
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "LOCK is an invalid opcode but with a read-modify-write of memory (vol. 2A, LOCK)",
        lambda made, seen, d: made.zeros.first == "UD" and _locked(made.code),
    ),
    Row(
        QEMU,
        Wrong.NOBODY,
        "after the last iteration QEMU comes back to find the count 0, as its single steps do",
        lambda made, seen, d: made.form.name.startswith("REP_") and d.of == "EIP",
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "F6 /1 and F7 /1 are TEST (APM vol. 3, appendix A)",
        lambda made, seen, d: made.form.mnemonic == "TEST",
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "STI inhibits interrupts if they were disabled (vol. 2B, STI); QEMU does in any case",
        lambda made, seen, d: made.form.name == "STI" and d.of == "inhibit",
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "with CR4.PVI, CLI and STI at level 3 work on VIF (vol. 3B, section 20.4); QEMU has no PVI",
        lambda made, seen, d: (
            made.form.name in ("CLI", "STI")
            and made.case.state["CR4.PVI"] == 1
            and made.case.state["CS.RPL"] == 3
        ),
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "an exception's frame must fit into the stack (vol. 3A, section 6.12.1); QEMU pushes it",
        lambda made, seen, d: _nested(made) and made.zeros.ending in ("DF", "SS"),
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "pushes for a handler at level 3 are accesses of level 3 (vol. 3A, section 4.6.1)",
        lambda made, seen, d: _nested(made) and made.zeros.ending == "PF" and _bits(d) == 4,
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "what RET drops is a number without sign (vol. 2B, RET)",
        lambda made, seen, d: (
            made.form.name in ("RET_near_pop", "RET_far_pop") and made.code[-1] >= 0x80
        ),
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "IRET returns to virtual-8086 mode from level 0 alone (vol. 2A, IRET: operation)",
        lambda made, seen, d: (
            made.form.name == "IRET" and seen.trap is None and made.case.state["CS.RPL"] != 0
        ),
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "INT1 is a debug exception (vol. 2A, INT n); QEMU has no such opcode",
        lambda made, seen, d: made.form.name == "INT1",
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "empty places of a group are invalid, and their operands are not accessed (vol. 2D, table "
        "A-6)",
        lambda made, seen, d: made.form.name.startswith("INVALID_group"),
    ),
    Row(
        QEMU,
        Wrong.NOBODY,
        "0F 01 D8 to DF are the instructions of SVM, with which QEMU is run",
        lambda made, seen, d: made.code[-3:-1] == b"\x0f\x01" and made.code[-1] >> 3 == 27,
    ),
    Row(
        QEMU,
        Wrong.NOBODY,
        "the level is asked for before the number of the register: the manual gives no order",
        lambda made, seen, d: made.form.mnemonic == "MOV" and made.form.name[-2:] in ("CR", "DR"),
    ),
    Row(
        QEMU,
        Wrong.NOBODY,
        "BSWAP of a 16-bit register is undefined (vol. 2A, BSWAP): QEMU swaps 32 bits",
        lambda made, seen, d: made.form.name == "BSWAP" and d.of == "gpr",
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "PUSHA pushes EAX first (vol. 2B, PUSHA: operation); QEMU starts with EDI, at the lowest "
        "address",
        lambda made, seen, d: made.form.name == "PUSHA" and d.of == "CR2",
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "a fault leaves the flags as they were (vol. 3A, section 6.5); QEMU has set those of RCL "
        "and RCR before it writes",
        lambda made, seen, d: (
            made.form.mnemonic in ("RCL", "RCR")
            and made.zeros.checked
            and (d.of in ("EFLAGS.CF", "EFLAGS.OF") or not _bits(d) & ~0x09)
        ),
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "IRET to virtual-8086 mode loads RF (vol. 2A, IRET: operation); QEMU leaves it",
        lambda made, seen, d: made.form.name == "IRET" and d.of == "EFLAGS.RF",
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "LSS inhibits no interrupts (vol. 3A, section 6.8.3: MOV and POP to SS do)",
        lambda made, seen, d: made.form.name == "LSS" and d.of == "inhibit",
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "with CR4.VME, 16-bit PUSHF, POPF and IRET, CLI, STI and INT n of virtual-8086 mode work "
        "on VIF (vol. 3B, section 20.3); QEMU has no VME",
        lambda made, seen, d: (
            made.form.name in ("PUSHF", "POPF", "IRET", "CLI", "STI", "INT")
            and made.case.state["EFLAGS.VM"] == 1
            and made.case.state["CR4.VME"] == 1
        ),
    ),
    Row(
        QEMU,
        Wrong.ORACLE,
        "in virtual-8086 mode, too, the target of a far transfer has to be inside the code segment "
        "(vol. 2A, CALL and JMP; vol. 2B, RET: operation); Bochs asks",
        lambda made, seen, d: (
            made.form.mnemonic in ("CALL", "JMP", "RET")
            and made.case.state["EFLAGS.VM"] == 1
            and made.zeros.first == "GP"
        ),
    ),
    Row(
        BOTH,
        Wrong.ORACLE,
        "IRET inside virtual-8086 mode, too: #GP if EIP is outside the code segment (vol. 2A, "
        "IRET: operation); without the check the next fetch would fault, for which the manual "
        "leaves no room",
        lambda made, seen, d: (
            made.form.name == "IRET"
            and made.case.state["EFLAGS.VM"] == 1
            and made.zeros.first == "GP"
            and seen.trap is None
        ),
    ),
    Row(
        BOCHS,
        Wrong.ORACLE,
        "alignment is checked at CPL 3, in virtual-8086 mode too (vol. 3A, interrupt 17); where it "
        "is entered by VMLAUNCH, Bochs does not check it",
        lambda made, seen, d: (
            made.case.state["EFLAGS.VM"] == 1 and made.zeros.first == "AC" and seen.trap is None
        ),
    ),
    Row(
        QEMU,
        Wrong.NOBODY,
        "the second operand of CMPS is read first: the manual gives no order",
        lambda made, seen, d: made.form.mnemonic == "CMPS" and made.zeros.checked,
    ),
)


def _code(made: Trial) -> int:
    return made.zeros.args[0] if made.zeros.ending == "PF" else 0


def unexplained(
    oracle: str, made: Trial, seen: Outcome, different: list[Difference]
) -> Iterator[Difference]:
    """The differences of no row."""
    rows = [row for row in ROWS if oracle in row.oracles]
    for d in different:
        if not any(row.expected(made, seen, d) for row in rows):
            yield d
