"""Where QEMU 7.2 differs from the spec of rv64, by the reason.

Either QEMU does what the manual does not allow, or both do what it leaves to an implementation.  A
reason says which bits may differ, given what was seen; nothing else may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from popek.oracles import Outcome
from tests.oracles.comparing import Difference, Trial

COMPARISONS = {f"f{what}_{size}" for what in ("le", "lt", "eq") for size in "sd"}
TO_INTEGER = {f"fcvt_{kind}_{size}" for kind in ("w", "wu", "l", "lu") for size in "sd"}

#: What a trap changes.
OF_TRAPS = {
    *("trap", "PC", "priv", "x", "mcause", "mepc", "mtval", "scause", "sepc", "stval"),
    *(f"mstatus.{field}" for field in ("MIE", "MPIE", "MPP", "SIE", "SPIE", "SPP")),
}


@dataclass(frozen=True)
class Known:
    """A reason with its place in the manuals; `explains` a difference of a step."""

    reason: str
    manual: str
    explains: Callable[[Step, Difference], bool]


@dataclass(frozen=True)
class Step:
    """A step in both readings."""

    made: Trial
    seen: Outcome

    @property
    def name(self) -> str:
        return self.made.form.name

    @property
    def word(self) -> int:
        return int.from_bytes(self.made.code, "little")

    @property
    def ending(self) -> str:
        """The trap that the spec takes."""
        return self.made.zeros.ending

    @property
    def cause(self) -> int | None:
        """That of the oracle."""
        return None if self.seen.trap is None else self.seen.trap.vector

    def before(self, name: str) -> int:
        value = self.made.case.state[name]
        assert isinstance(value, int)
        return value

    @property
    def source(self) -> int:
        """The value of the register rs1."""
        x = self.made.case.state["x"]
        assert isinstance(x, tuple)
        return x[self.word >> 15 & 31]

    @property
    def writes_nothing(self) -> bool:
        """CSRRS and CSRRC of a register that is not x0 and holds 0."""
        names_a_register = self.word >> 15 & 31 != 0 and self.word >> 12 & 7 in (2, 3)
        return self.name.startswith("csr_") and names_a_register and self.source == 0

    @property
    def marked_pages(self) -> bool:
        """Whether bits A and D of table entries were set."""
        before = self.made.case.memory["ram"]
        cells = self.seen.changed.get("ram", {})
        return any(before.get(cell, 0) ^ byte in (0x40, 0x80, 0xC0) for cell, byte in cells.items())

    @property
    def data_beside_code(self) -> bool:
        """An access of M under MPRV to a page that holds the code, too, of which it is a part."""
        modified = self.before("priv") == 3 and self.before("mstatus.MPRV")
        pages = {self.before("PC") + offset >> 12 for offset in (-8, 0, 8)}
        offsets = (0, _sext(self.word >> 20), _sext(self.word >> 25 << 5 | self.word >> 7 & 31))
        return bool(modified) and any(self.source + offset >> 12 in pages for offset in offsets)


def _sext(immediate: int) -> int:
    return (immediate ^ 0x800) - 0x800


def _differs_in(d: Difference, bits: int) -> bool:
    return d.spec is not None and d.oracle is not None and not (d.spec ^ d.oracle) & ~bits


def _in(names: Iterable[str]) -> Callable[[Difference], bool]:
    known = set(names)
    return lambda d: d.of in known


KNOWN = (
    # ------------------------------------------------------------ left to implementations
    Known(
        "the instruction in mtval and stval after an illegal one, where the spec has 0",
        "PRIV 3.1.16",
        lambda step, d: (
            step.ending == "illegal_instruction"
            and step.cause == 2
            and d.of in ("mtval", "stval")
            and _differs_in(d, step.word)
        ),
    ),
    Known(
        "0 in mtval and stval after EBREAK, where the spec has its address",
        "PRIV 3.1.16",
        lambda step, d: step.name == "ebreak" and d.of in ("mtval", "stval") and d.oracle == 0,
    ),
    Known(
        "A and D are set, where the spec raises a page fault",
        "PRIV 10.3.1",
        lambda step, d: step.marked_pages and (d.of in OF_TRAPS or d.of in ("ram", "f")),
    ),
    Known(
        "a step that may write only flags, but did not, does not make FS dirty",
        "PRIV 3.1.6.6",
        lambda step, d: (
            step.name in COMPARISONS | TO_INTEGER
            and d.of == "mstatus.FS"
            and step.seen.state["fcsr.FFLAGS"] == step.before("fcsr.FFLAGS")
        ),
    ),
    Known(
        "satp takes Sv48 and Sv57",
        "PRIV 10.1.11",
        lambda step, d: step.name == "csr_satp" and d.of.startswith("satp."),
    ),
    # ------------------------------------------------------------ QEMU's faults
    Known(
        "JAL and branches to a misaligned target put their own address in mtval",
        "PRIV 3.1.16: the faulting virtual address",
        lambda step, d: (
            (step.name == "jal" or step.made.form.mnemonic.startswith("b"))
            and step.cause == 0
            and d.of in ("mtval", "stval")
            and d.oracle == step.before("PC")
        ),
    ),
    Known(
        "SC without a reservation does not look at its address",
        "UNPRIV 14.2: the address must be naturally aligned, otherwise an exception is generated",
        lambda step, d: (
            step.name == "sc"
            and step.ending == "misaligned"
            and step.cause is None
            and d.of in OF_TRAPS
        ),
    ),
    Known(
        "AMOs raise the exceptions of loads, before those of stores",
        "PRIV table 14: store/AMO address misaligned, access fault, page fault",
        lambda step, d: (
            step.made.form.mnemonic.startswith("amo")
            and step.cause in (4, 5, 13)
            and (d.of in OF_TRAPS)
        ),
    ),
    Known(
        "medeleg keeps bits of exceptions that cannot occur below M",
        "PRIV 3.1.8: medeleg[11] is read-only zero",
        lambda step, d: (
            step.name == "csr_machine" and d.of == "medeleg" and _differs_in(d, ~0xB3FF)
        ),
    ),
    Known(
        "mideleg and mie keep bits of interrupts that the hart does not have",
        "PRIV 3.1.9: read-only zero",
        lambda step, d: (
            step.name in ("csr_machine", "csr_supervisor")
            and d.of in ("mideleg", "mie")
            and _differs_in(d, 0x3444)
        ),
    ),
    Known(
        "mepc and sepc keep bits 1 and 0",
        "PRIV 3.1.14 and 10.1.7: always zero with IALIGN 32",
        lambda step, d: (
            step.name in ("csr_machine", "csr_supervisor")
            and d.of in ("mepc", "sepc")
            and _differs_in(d, 3)
        ),
    ),
    Known(
        "pmpcfg keeps bits 6 and 5, and W without R",
        "PRIV 3.7.1: zero, and reserved",
        lambda step, d: (
            step.name == "csr_pmpcfg0" and d.of == "pmp.config" and _differs_in(d, 0x62)
        ),
    ),
    Known(
        "MRET and SRET to S and U leave MPRV",
        "PRIV 3.1.6.3",
        lambda step, d: step.name in ("mret", "sret") and d.of == "mstatus.MPRV" and d.oracle == 1,
    ),
    Known(
        "M's accesses under MPRV are those of M in pages that hold the code",
        "PRIV 3.1.6.3",
        lambda step, d: step.data_beside_code and (d.of in OF_TRAPS or d.of in ("ram", "f")),
    ),
    Known(
        "MPP takes 2",
        "PRIV 3.1.6.1: WARL, holds implemented modes",
        lambda step, d: step.name == "csr_machine" and d.of == "mstatus.MPP" and d.oracle == 2,
    ),
    Known(
        "CSRRS and CSRRC of a register other than x0 write nothing if it holds 0",
        "UNPRIV 7.1",
        lambda step, d: step.writes_nothing and (d.of in OF_TRAPS or d.of == "mstatus.FS"),
    ),
    Known(
        "comparisons and conversions to integers that raise flags do not make FS dirty",
        "PRIV 3.1.6.6: dirty where the state may differ from what was saved",
        lambda step, d: step.name in COMPARISONS | TO_INTEGER and d.of == "mstatus.FS",
    ),
    Known(
        "MRET to S and U is illegal where no PMP entry is on",
        "PRIV 3.7.1: accesses fail then, and no instruction does",
        lambda step, d: (
            step.name == "mret" and step.cause == 2 and d.of in OF_TRAPS | {"mstatus.MPRV"}
        ),
    ),
)


def reason(step: Step, d: Difference) -> Known | None:
    """Why the two differ, None if that is not known."""
    return next((known for known in KNOWN if known.explains(step, d)), None)
