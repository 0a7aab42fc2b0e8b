"""Known answers: one instruction on a toy machine, its class and its sensitivities."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from popek.theory.direct import Binding
from popek.theory.host import Value
from popek.theory.verdict import Class, Label
from tests.theory.toys import HALT, JRST1, LRA, PUSHF, RDT, checked, one, toy, verdict_of

CRITICAL, PRIVILEGED = Class.CRITICAL, Class.PRIVILEGED
INNOCUOUS, GUARDED, UNDECIDED = Class.INNOCUOUS, Class.GUARDED, Class.UNDECIDED
ALWAYS, EXEMPT, LOADED = Label.ALWAYS, Label.EXEMPT, Label.LOADED
TRAPS, MATCHED = Label.TRAPS, Label.MATCHED


@dataclass(frozen=True)
class Known:
    """A clause and its verdict.  `user`: direct execution fails in virtual user mode too."""

    name: str
    text: str
    kind: Class
    label: Label | None
    pg74: Class
    general: Class
    user: bool
    host: tuple[tuple[str, Value], ...] = ()
    #: Declarations that the machine lacks.
    more: str = ""


TRAPS_WHERE_WRONG = """\
if a[x] != 0
    require M == supervisor else raise denied
    a[y] = R.l"""

IOPL = "\ncontrol IOPL : u1\n"
CLI = "require M == supervisor or IOPL == 1 else raise denied; F.IE = 0"
MC = "require not MASK[1] else raise caught"
MOV_SS = "require (M == supervisor) == a[x][0] else raise denied; a[y] = 0"

KNOWN = [
    # ------------------------------------------------------------ the paper's own
    Known("LRA", LRA, CRITICAL, None, CRITICAL, CRITICAL, True),
    Known("JRST1", JRST1, CRITICAL, None, CRITICAL, CRITICAL, False),
    Known("HALT", HALT, PRIVILEGED, None, PRIVILEGED, PRIVILEGED, False),
    Known(
        "LPSW",
        "require M == supervisor else raise denied; let w = mem[a[x]]; M = w[15]; jump w",
        PRIVILEGED, None, PRIVILEGED, PRIVILEGED, False,
    ),
    Known("SVC", "raise call", GUARDED, ALWAYS, INNOCUOUS, INNOCUOUS, False),
    Known("ADD", "a[x] = a[x] + a[y]", INNOCUOUS, None, INNOCUOUS, INNOCUOUS, False),
    Known("LD", "a[x] = mem[a[y]]", INNOCUOUS, None, INNOCUOUS, INNOCUOUS, False),
    Known("ST", "mem[a[y]] = a[x]", INNOCUOUS, None, INNOCUOUS, INNOCUOUS, False),
    # Privileged, and not sensitive: INVD where no cache is described.
    Known(
        "INVD", "require M == supervisor else raise denied",
        PRIVILEGED, None, PRIVILEGED, PRIVILEGED, False,
    ),
    Known("SRB", "R.b = a[x]", CRITICAL, None, CRITICAL, CRITICAL, True),
    # ------------------------------------------------------------ what is silently ignored
    Known(
        "POPF", "F.C = a[x][0]; if M == supervisor then F.IE = a[x][1]",
        CRITICAL, None, CRITICAL, CRITICAL, False,
    ),
    Known(
        "SPL of the PDP-11", "if M == supervisor then F.PRI = a[x][2..0]",
        CRITICAL, None, CRITICAL, CRITICAL, False,
    ),
    Known(
        "RESET of the PDP-11", "if M == supervisor then bus[0].reset()",
        CRITICAL, None, INNOCUOUS, CRITICAL, False,
    ),
    Known(
        "a bare RESET", "bus[0].reset()",
        CRITICAL, None, INNOCUOUS, CRITICAL, True,
    ),
    Known(
        "reading a device", "a[x] = bus[0].ask(a[y])",
        CRITICAL, None, INNOCUOUS, CRITICAL, True,
    ),
    # ------------------------------------------------------------ what is shown
    Known("PUSHF", PUSHF, CRITICAL, None, INNOCUOUS, CRITICAL, True),
    Known("the mode as data", "a[x] = zext(M)", CRITICAL, None, CRITICAL, CRITICAL, False),
    # ------------------------------------------------------------ waiting
    Known("WFI", "wait", GUARDED, MATCHED, INNOCUOUS, CRITICAL, False),
    Known(
        "waiting if it may", "if M == supervisor then wait",
        CRITICAL, None, INNOCUOUS, CRITICAL, False,
    ),
    Known("shutdown", "shutdown", CRITICAL, None, INNOCUOUS, CRITICAL, True),
    # ------------------------------------------------------------ controls and loadables
    Known("RDTSC", RDT, GUARDED, EXEMPT, INNOCUOUS, CRITICAL, False),
    Known(
        "RDTSC, the host sets TSD", RDT,
        PRIVILEGED, None, INNOCUOUS, CRITICAL, False, (("TSD", 1),),
    ),
    Known("STCK", "a[x] = CLK", GUARDED, EXEMPT, INNOCUOUS, INNOCUOUS, False),
    Known("MONITOR CALL", MC, INNOCUOUS, None, INNOCUOUS, CRITICAL, False),
    Known(
        "MONITOR CALL, the host sets its mask", MC,
        GUARDED, ALWAYS, INNOCUOUS, CRITICAL, False, (("MASK", 3),),
    ),
    Known("RDPID", "a[x] = ID", GUARDED, LOADED, INNOCUOUS, CRITICAL, False),
    Known(
        "RDPID, the host holds ID", "a[x] = ID",
        CRITICAL, None, INNOCUOUS, CRITICAL, True, (("ID", Binding.HELD),),
    ),
    Known("WRPID", "ID = a[x]", GUARDED, LOADED, INNOCUOUS, CRITICAL, False),
    Known("a control as data", "a[x] = zext(TSD)", INNOCUOUS, None, INNOCUOUS, CRITICAL, False),
    Known("writing a control", "TSD = a[x][0]", CRITICAL, None, INNOCUOUS, CRITICAL, True),
    Known("CLI", CLI, PRIVILEGED, None, INNOCUOUS, CRITICAL, False, (), IOPL),
    Known(
        "CLI, the host gives its IOPL away", CLI,
        CRITICAL, None, INNOCUOUS, CRITICAL, True, (("IOPL", 1),), IOPL,
    ),
    # ------------------------------------------------------------ trapping sometimes
    Known("REP INS", TRAPS_WHERE_WRONG, GUARDED, TRAPS, CRITICAL, CRITICAL, False),
    Known(
        "trapping, and not where it matters",
        "require M == supervisor or a[x] != 0 else raise denied; a[y] = R.l",
        CRITICAL, None, CRITICAL, CRITICAL, True,
    ),
    Known("the higher alone traps (CSM)", "require M == user else raise denied",
          CRITICAL, None, INNOCUOUS, CRITICAL, False),
    Known("MOV SS", MOV_SS, CRITICAL, None, INNOCUOUS, CRITICAL, False),
    # ------------------------------------------------------------ left open
    Known("unpredictable", "unpredictable", INNOCUOUS, None, INNOCUOUS, INNOCUOUS, False),
    Known(
        "unpredictable for some values", "if a[x] == 0 then unpredictable",
        INNOCUOUS, None, INNOCUOUS, INNOCUOUS, False,
    ),
    Known(
        "beyond privilege", "unpredictable beyond privilege",
        CRITICAL, None, INNOCUOUS, CRITICAL, True,
    ),
    Known(
        "beyond privilege, where it traps",
        "require M == supervisor else raise denied; unpredictable beyond privilege",
        PRIVILEGED, None, PRIVILEGED, PRIVILEGED, False,
    ),
    Known("not modelled", 'unmodelled "all of it"', CRITICAL, None, INNOCUOUS, CRITICAL, True),
    # The real machine's choice is the adversary's; the bare machine's is ours.
    Known(
        "unpredictable in user mode", "if M == user then unpredictable",
        CRITICAL, None, INNOCUOUS, CRITICAL, False,
    ),
    Known(
        "unpredictable in supervisor mode", "if M == supervisor then unpredictable",
        GUARDED, MATCHED, INNOCUOUS, CRITICAL, False,
    ),
    Known("undefined", "a[x] = undefined", INNOCUOUS, None, INNOCUOUS, INNOCUOUS, False),
    Known(
        "undefined in user mode", "if M == user then a[x] = undefined else a[x] = 0",
        CRITICAL, None, CRITICAL, CRITICAL, False,
    ),
    # ------------------------------------------------------------ banked registers
    Known("the visible copy", "a[x] = S; S = a[y]", INNOCUOUS, None, INNOCUOUS, INNOCUOUS, False),
    Known("MOVE from USP", "a[x] = US", CRITICAL, None, CRITICAL, CRITICAL, False),
    Known("MOVE to USP", "US = a[x]", CRITICAL, None, CRITICAL, CRITICAL, False),
    Known("the supervisor's copy", "a[x] = KS", CRITICAL, None, CRITICAL, CRITICAL, True),
    # ------------------------------------------------------------ the processor's own tables
    Known("LAR", "a[x] = table[a[y]]", CRITICAL, None, INNOCUOUS, CRITICAL, True),
    Known(
        "LAR, indexed in the clause", "a[x] = E[T + a[y]]",
        CRITICAL, None, INNOCUOUS, CRITICAL, True,
    ),
    Known("writing a table", "table[a[y]] = a[x]", CRITICAL, None, INNOCUOUS, CRITICAL, True),
    # ------------------------------------------------------------ banks of resources
    Known(
        "copying one element of a bank", "B[1] = B[0]",
        CRITICAL, None, INNOCUOUS, CRITICAL, True, (), "\nresource B[4] : u8\n",
    ),
    Known(
        "showing one element of a bank", "F.C = B[a[x][1..0]][0]",
        CRITICAL, None, INNOCUOUS, CRITICAL, True, (), "\nresource B[4] : u8\n",
    ),
]  # fmt: skip


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_known_verdict(known: Known) -> None:
    text = known.text if "instruction" in known.text else one(known.text)
    result = checked(toy(known.more, text), host=dict(known.host))
    (verdict,) = result.verdicts
    assert (verdict.kind, verdict.label) == (known.kind, known.label), verdict.reason
    assert verdict.pg74.kind is known.pg74
    assert verdict.general.kind is known.general
    assert verdict.user is known.user
    if known.kind is CRITICAL:
        assert verdict.witness is not None
        assert verdict.witness.sightings


def test_a_choice_of_the_bare_machine_may_rescue() -> None:
    """The real machine shows 0; the bare one anything, 0 too."""
    result = checked(toy(one("if M == supervisor then a[x] = undefined else a[x] = 0")))
    verdict = verdict_of(result)
    assert verdict.kind is UNDECIDED
    assert "another choice" in verdict.reason
    assert result.vmm.verdict == "undecided"
    assert verdict.user is False


def test_no_choice_of_the_bare_machine_rescues() -> None:
    """The real machine shows 0; the bare one an odd number, whichever it likes."""
    clause = "let u : u16 = undefined; a[x] = if M == supervisor then u | 1 else 0"
    verdict = verdict_of(checked(toy(one(clause))))
    assert verdict.kind is CRITICAL
    assert verdict.witness is not None


@pytest.mark.parametrize("simplify", [True, False], ids=["simplified", "verbatim"])
def test_hidden_components_of_the_decode_context_are_no_difference(simplify: bool) -> None:
    """A form that reads them does the same on both sides; one that writes them is sensitive."""
    wide = "\nhidden D : bool\n"
    verdict = verdict_of(checked(toy(wide, one("if D then a[x] = 0")), simplify=simplify))
    assert verdict.kind is INNOCUOUS
    verdict = verdict_of(checked(toy(wide, one("D = a[x][0]")), simplify=simplify))
    assert (verdict.kind, verdict.label) == (GUARDED, MATCHED)


def test_a_segment_base_that_depends_on_the_mode() -> None:
    """The paper's reading asks whether a bank is left alone, element by element."""
    segments = """
hidden seg[4]
  base : u16

translate far(s : u2, v : u16) -> E
  return seg[s].base + v
"""
    result = checked(toy(segments, one("seg[x[1..0]].base = zext(M); a[0] = zext(M)")))
    verdict = verdict_of(result)
    assert verdict.kind is CRITICAL
    assert verdict.pg74.kind is CRITICAL


def test_a_hidden_bank_that_a_clause_reads_is_decode_context() -> None:
    """All of it, and nothing of it is drawn as one number."""
    result = checked(toy("\nhidden H[4] : u16\n", one("a[x] = H[1]")))
    assert verdict_of(result).kind is Class.INNOCUOUS
