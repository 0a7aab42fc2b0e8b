"""What a hostile reader tried: each verdict argued by hand from the definitions."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from popek.diagnostics import PopekError
from popek.smt import Answer, Budget, Cause, Query, Stats, Undecided
from popek.smt.z3_in_process import Z3InProcess
from popek.theory.host import Value
from popek.theory.theorems import Verdict
from popek.theory.verdict import Class, Label
from tests.theory.toys import checked, one, toy, verdict_of

CRITICAL, PRIVILEGED, INNOCUOUS = Class.CRITICAL, Class.PRIVILEGED, Class.INNOCUOUS
GUARDED, UNDECIDED = Class.GUARDED, Class.UNDECIDED


@dataclass(frozen=True)
class Tried:
    """A clause on the toy machine, with declarations that it lacks, and the right class.

    `because` is the argument.  `general`: whether the form is sensitive there, where that matters.
    """

    name: str
    text: str
    kind: Class
    because: str
    more: str = ""
    label: Label | None = None
    general: bool | None = None
    host: dict[str, Value] = field(default_factory=dict)


#: Two resources that an invariant makes equal.
TIED = "\nresource A : u16\nresource B : u16\ninvariant A == B\n"
#: A trap that ends in user mode, in the guest's own hands.
LOST = "\ntrap lost = nowhere(1)\ndeliver nowhere(c : u8)\n  M = user\n"
#: The processor's own table, at a fixed place.
FIXED = "\ntranslate fixed(v : u16) -> E for processor\n  return v\n"
#: A translation that programs have a say in, as IA-32's EFLAGS.AC and PKRU.
KEYED = """
register K : u16
translate keyed(v : u16) -> E
  require K[0] == 0 and v < R.b else raise memory_trap
  return R.l + v
"""
#: Any function.
HASH = "\nabstract function hash(w : u16) -> u16\n"
#: A translation whose trap relies on V being 0.
VECTORED = """
resource V : u1 host 0
trap late : {kind} = via(1)
deliver via(c : u8)
  host V == 0 "V is 0"
  P = 1
  if V then M = user else M = supervisor
translate far(v : u16) -> E
  require v < R.b else raise late
  return v
"""
UNLESS_TSD = "require M == supervisor or not TSD else raise denied"

TRIED = [
    # ------------------------------------------------------------ storage by its real address
    Tried(
        "an absolute load", "a[x] = E[a[y]]", CRITICAL,
        "E by its own name is not seen through R: relocated, it is another word",
        general=True,
    ),
    Tried(
        "an absolute store", "E[a[x]] = a[y]", CRITICAL,
        "what it overwrites is the host's, and does not move with the guest",
        general=True,
    ),
    Tried(
        "a table behind a control", f"{UNLESS_TSD}; a[x] = fixed[a[y]]", PRIVILEGED,
        "not plain whatever the controls: TSD = 1 is admissible, and traps it",
        FIXED, general=True,
    ),
    Tried(
        "an absolute load behind a control", f"{UNLESS_TSD}; a[x] = E[a[y]]", PRIVILEGED,
        "as the table", general=True,
    ),
    # ------------------------------------------------------------ what invariants tie
    Tried(
        "showing one of two tied resources", "a[x] = A", CRITICAL,
        "the guest's A and the host's differ, each with its own B", TIED, general=True,
    ),
    Tried(
        "showing the other", "a[x] = B", CRITICAL, "as above", TIED, general=True,
    ),
    Tried(
        "tied by more than an equation", "a[x] = B", CRITICAL, "as above",
        TIED.replace("A == B", "A + 1 == B + 1"), general=True,
    ),
    Tried(
        "a register tied to a resource", "a[x] = N", INNOCUOUS,
        "bound states agree on registers: N is equal in both, so T2 is",
        "\nregister N : u16\nresource T2 : u16\ninvariant N == T2\n", general=False,
    ),
    Tried(
        "an invariant about a banked register", "if S[0] then a[x] = R.l", INNOCUOUS,
        "both copies are even, whichever is selected: R.l is never shown",
        "\ninvariant US[0] == 0 and KS[0] == 0\n",
    ),
    Tried(
        "a host clause against an invariant", "a[x] = if Z then R.l else 0", UNDECIDED,
        "no real machine has Z = 1 and Z = 0: the premise is vacuous",
        "\nresource Z : u1 host 1\ninvariant Z == 0\nreset\n  Z = 0\n",
    ),
    # ------------------------------------------------------------ host clauses
    Tried(
        "a host line on what an invariant defines", "require A != 0 else raise denied; a[x] = R.l",
        PRIVILEGED, "the real A is 0, whatever else is said of it",
        "\nresource A : u16\nresource B : u16\ninvariant A == B\nhost A == 0\n", general=True,
    ),
    Tried(
        "a host line through what an invariant defines",
        "require B != 0 else raise denied; a[x] = R.l", PRIVILEGED, "the real B is the real A",
        "\nresource A : u16\nresource B : u16\ninvariant A == B\nhost A == 0\n", general=True,
    ),
    Tried(
        "a host clause through what an invariant defines",
        "require A != 0 else raise denied; a[x] = R.l", PRIVILEGED, "A is B, B is C, and C is 0",
        "\nresource A : u16 host B\nresource B : u16\nresource C : u16 host 0\ninvariant B == C\n",
        general=True,
    ),
    Tried(
        "a loadable that the host gives a value", "a[x] = A", CRITICAL,
        "what has a `host` value is not loaded with the guest's",
        "\nloadable A : u16 host 0\n",
    ),
    Tried(
        "the same, written", "A = a[x]", CRITICAL,
        "afterwards the real one is no longer what the host gave it",
        "\nloadable A : u16 host 0\n",
    ),
    Tried(
        "a control that the host gives a value",
        "require M == supervisor or not A else raise denied; a[x] = R.l", PRIVILEGED,
        "the real A is 1", "\ncontrol A : bool host 1\n",
    ),
    Tried(
        "decode context that the host gives a value", "a[x] = A", INNOCUOUS,
        "decode context is equal in bound states: both have 0",
        "\nhidden A : u16 host 0\n",
    ),
    Tried(
        "a bank that the host gives a value", "a[x] = B[1]", CRITICAL,
        "shows the host's 0", "\nresource B[4] : u16 host 0\n",
    ),
    # ------------------------------------------------------------ where traps lead
    Tried(
        "a memory trap that is astray", "a[x] = bad[a[y]]", UNDECIDED,
        "out of bounds the guest runs on, without a hypervisor",
        LOST + "\ntranslate bad(v : u16) -> E\n  require v < R.b else raise lost\n  return v\n",
    ),
    Tried(
        "a delivery that raises a trap that is astray", "raise first", UNDECIDED,
        "the second trap leads to user mode",
        LOST + "\ntrap first = onwards(1)\ndeliver onwards(c : u8)\n  raise lost\n",
    ),
    Tried(
        "a trap that keeps what leads it astray", "V = a[x][0]; raise kept", UNDECIDED,
        "the delivery reads V as the step left it, which is the guest's",
        "\nresource V : u1 host 0\ntrap kept : completes = via(1)\n"
        "deliver via(c : u8)\n  if V then M = user else M = supervisor\n",
    ),
    Tried(
        "two promises in the same words", "if a[x] == 0 then raise t1; raise t2", UNDECIDED,
        "the host can keep the first alone",
        "\ntrap t1 = d1(1)\ntrap t2 = d2(1)\ndeliver d1(c : u8)\n  let new = E[zext(c)]\n"
        '  host new[0] == supervisor "the vector"\n  M = new[0]\n'
        "deliver d2(c : u8)\n  let new = E[zext(c)]\n"
        '  host new[0] == 0 and new[0] == 1 "the vector"\n  M = user\n',
    ),
    # ------------------------------------------------------------ traps that keep their effects
    Tried(
        "a trap that shows the mode in what it leaves",
        "if M == supervisor then a[x] = 1; raise call", GUARDED,
        "it traps; in `general` the two modes leave different states",
        label=Label.ALWAYS, general=True,
    ),
    Tried(
        "a saved pc that shows a resource", "if R.l[0] then jump 5; raise skipped", GUARDED,
        "it traps; in `general` the state that the trap leaves is part of the outcome",
        "\ntrap skipped : suppresses = to_host(5)\n", Label.ALWAYS, general=True,
    ),
    Tried(
        "a saved pc that shows the mode", "if M == user then jump 5; raise skipped", GUARDED,
        "as above", "\ntrap skipped : suppresses = to_host(5)\n", Label.ALWAYS, general=True,
    ),
    Tried(
        "a trap that undoes what shows a resource", "a[x] = R.l; raise skipped", GUARDED,
        "the pc it saves is that of the next instruction",
        "\ntrap skipped : suppresses = to_host(5)\n", Label.ALWAYS, general=False,
    ),
    Tried(
        "a promise that weighs the host's against the guest's",
        'host R.l < a[y] "it is below"; a[x] = 0', UNDECIDED,
        "the guest may hold 0: no R.l of the host's is below that",
    ),
    Tried(
        "a register that the translation reads",
        "K = a[y]; a[x] = keyed[a[y]]", INNOCUOUS,
        "both sides have the same K before and after: the translation takes it as an argument",
        KEYED, general=False,
    ),
    Tried(
        "a resource that the translation reads",
        "R.l = a[y]; a[x] = keyed[a[y]]", CRITICAL,
        "changes the real R.l", KEYED, general=True,
    ),
    Tried(
        "a promise about a register of the guest's",
        'host a[x] == 0 "a[x] is 0"; if a[x] != 0 then a[y] = R.l', UNDECIDED,
        "no host can promise what the guest computes",
    ),
    Tried(
        "a promise about the guest's memory",
        'let w = mem[a[x]]; host w == 0 "it is 0"; if w != 0 then a[y] = R.l', UNDECIDED,
        "nor what it stores",
    ),
    Tried(
        "a promise about a control", 'host TSD "TSD is set"; if not TSD then a[x] = R.l', UNDECIDED,
        "loaded, the real TSD is what the guest wants",
    ),
    Tried(
        "a promise about what the step has changed", "V = a[x][0]; raise kept", UNDECIDED,
        "the delivery relies on V as the guest left it",
        '\nresource V : u1\ntrap kept : completes = via(1)\ndeliver via(c : u8)\n'
        '  host V == 0 "V is 0"\n  if V then M = user else M = supervisor\n',
    ),
    Tried(
        "a promise about a table that the step has changed", "fixed[0] = a[x]; raise kept",
        UNDECIDED, "the vector is what the guest wrote there",
        FIXED + "\ntrap kept : completes = via(1)\ndeliver via(c : u8)\n  let new = fixed[0]\n"
        '  host new[0] == supervisor "the vector"\n  M = new[0]\n',
    ),
    Tried(
        "a promise about the real state before a trap that keeps its effects",
        "a[x] = a[y]; raise kept", GUARDED, "the step leaves the real V alone",
        '\nresource V : u1\ntrap kept : completes = via(1)\ndeliver via(c : u8)\n'
        '  host V == 0 "V is 0"\n  P = 1\n  if V then M = user else M = supervisor\n',
        Label.ALWAYS,
    ),
    Tried(
        "what is left to a second trap", "V = a[x][0]; raise first", UNDECIDED,
        "the second delivery reads V as the step left it, though itself it is a fault",
        "\nresource V : u1 host 0\ntrap first : completes = onwards(1)\ntrap second = via(1)\n"
        "deliver onwards(c : u8)\n  raise second\n"
        "deliver via(c : u8)\n  if V then M = user else M = supervisor\n",
    ),
    # ------------------------------------------------------------ clocks
    Tried(
        "a clock with a settable offset", "a[x] = CLK + OFF", GUARDED,
        "what a clock shows, offset included, is an input while timing is exempt",
        "\nresource OFF : u16\n", Label.EXEMPT, general=True,
    ),
    Tried(
        "the difference of two readings' offsets", "let t = CLK; a[x] = t; a[y] = t + OFF",
        CRITICAL, "no reading hides OFF where it is shown with and without",
        "\nresource OFF : u16\n", general=True,
    ),
    # ------------------------------------------------------------ outcomes
    Tried(
        "a privileged shutdown", "require M == supervisor else raise denied; shutdown", GUARDED,
        "a shutdown is no completion: nowhere does it complete, so it is not privileged",
        label=Label.TRAPS,
    ),
    Tried(
        "a choice that cannot match in memory",
        "let u : u16 = undefined; mem[a[y]] = if M == supervisor then u | 1 else 0", CRITICAL,
        "the bare machine stores an odd number, whichever it likes, and the real one 0",
    ),
    Tried(
        "an access in supervisor mode alone", "if M == supervisor\n    let q = mem[0]", CRITICAL,
        "the bare machine may trap on mem[0], the real one never asks", general=True,
    ),
    Tried(
        "an access in user mode alone", "if M == user\n    let q = mem[0]", GUARDED,
        "where the real machine reads without a trap, nothing shows it",
        label=Label.MATCHED, general=True,
    ),
    Tried(
        "overlapping accesses that wrap around",
        "mem[a[x], 2] = a[y] @ a[x]; a[y] = mem[a[x] + 1]; mem[a[x] + 0xFFFF, 3] = mem[a[x], 3]",
        INNOCUOUS, "the same cells on both sides, in the same order", general=False,
    ),
    Tried(
        "a promise about a table", 'let w = table[a[x]]; host w == 0 "it is 0"; a[y] = w', CRITICAL,
        "the guest's table holds anything", general=True,
    ),
    Tried(
        "more choice in user mode",
        "let u : u16 = undefined; a[x] = if M == user then u else u & 1", CRITICAL,
        "the real machine may show 2, the bare one cannot", general=True,
    ),
    Tried(
        "what is undefined in a resource", "let u : u1 = undefined; F.IE = u", CRITICAL,
        "the real F.IE changes", general=True,
    ),
    Tried(
        "hidden state that shows the mode", "D = M", CRITICAL,
        "decode context that differs afterwards", "\nhidden D : u1\n", general=True,
    ),
    # ------------------------------------------------------------ where traps lead
    Tried(
        "a handler that the guest names", "raise aimed", UNDECIDED,
        "in supervisor mode, at an address of the guest's choosing",
        "\ntrap aimed = at(1)\ndeliver at(c : u8)\n  M = supervisor\n  P = a[0]\n",
    ),
    Tried(
        "a handler that the guest's memory names", "raise aimed", UNDECIDED, "as above",
        "\ntrap aimed = at(1)\ndeliver at(c : u8)\n  M = supervisor\n  P = mem[0]\n",
    ),
    Tried(
        "a delivery without end", "raise lp", UNDECIDED, "no handler is ever reached",
        "\ntrap lp = around(1)\ndeliver around(c : u8)\n  raise lp\n",
    ),
    Tried(
        "a handler that the guest names in an argument", "raise aimed(a[x])", UNDECIDED, "as above",
        "\ntrap aimed(w : u16) = at(w)\ndeliver at(w : u16)\n  M = supervisor\n  P = w\n",
    ),
    Tried(
        "a handler that each trap names", "if a[x] == 0 then raise denied; raise call", GUARDED,
        "1 and 2, which the spec says; not the guest", label=Label.ALWAYS,
    ),
    Tried(
        "a handler that the guest names through an abstract function", "raise aimed", UNDECIDED,
        "whatever the function, the guest says of what",
        f"{HASH}\ntrap aimed = at(1)\ndeliver at(c : u8)\n  M = supervisor\n  P = hash(a[0])\n",
    ),
    Tried(
        "a promise about an abstract function of the guest's", "raise aimed", UNDECIDED,
        "no T is the hash of whatever a[0] is",
        f'{HASH}\ntrap aimed = at(1)\ndeliver at(c : u8)\n  host hash(a[0]) == T "it is T"\n'
        "  P = 1\n  if hash(a[0]) == T then M = supervisor else M = user\n",
    ),
    Tried(
        "a trap of a translation behind a translation", "a[x] = far[a[y]]", UNDECIDED,
        "the table's own trap leads to user mode",
        LOST + "\ntranslate entries(v : u16) -> E for processor\n"
        "  require v < R.b else raise lost\n  return v\n"
        "translate far(v : u16) -> E\n  let w = entries[v]\n  return w\n",
    ),
    Tried(
        "a host line about a table that the step has changed", "fixed[0] = a[x]; raise kept",
        UNDECIDED, "the vector is what the guest wrote there",
        FIXED + '\nhost fixed[0] == 0 "the vector"\ntrap kept : completes = via(1)\n'
        "deliver via(c : u8)\n  P = 1\n  if fixed[0] != 0 then M = user else M = supervisor\n",
    ),
    Tried(
        "a promise about what lasts when memory traps",
        "let old = V; lasting V = a[x][0]; let q = far[a[y]]; V = old", UNDECIDED,
        "the fault is delivered with V as the guest left it", VECTORED.format(kind="fault"),
    ),
    Tried(
        "a promise about what an aborted access leaves",
        "let old = V; V = a[x][0]; let q = far[a[y]]; V = old", UNDECIDED,
        "as above", VECTORED.format(kind="aborts"),
    ),
    Tried(
        "a promise about what a faulting access undoes",
        "let old = V; V = a[x][0]; let q = far[a[y]]; V = old", INNOCUOUS,
        "V is as it was when the fault is delivered", VECTORED.format(kind="fault"),
    ),
    Tried(
        "a delivery without end for some guests", "raise lp", UNDECIDED,
        "where a[0] is 0 no handler is ever reached",
        "\ntrap lp = around()\ndeliver around()\n  if a[0] == 0 then raise lp\n"
        "  P = 1\n  M = supervisor\n",
    ),
    Tried(
        "a delivery that leads to itself as the host has seen to", "raise lp", GUARDED,
        "what its table says is promised",
        FIXED + "\ntrap lp = around()\ndeliver around()\n  let new = fixed[0]\n"
        '  host new != 0 "the table has an entry"\n  if new == 0 then raise lp\n'
        "  P = 1\n  M = supervisor\n", Label.ALWAYS,
    ),
    # ------------------------------------------------------------ the host's choice
    Tried(
        "a resource that is what a control is", "a[x] = zext(Q)", INNOCUOUS,
        "states that agree on all controls agree on Q: it is plain, and A is loaded",
        "\ncontrol A : bool\nresource Q : bool\ninvariant A == Q\n", general=True,
    ),
    Tried(
        "a level that has no states", "a[x] = a[y]", UNDECIDED,
        "bound(v, r) has to be satisfiable at every level, whether the form sees it or not",
        "\ninvariant M == user\n",
    ),
    Tried(
        "a choice that an invariant rules out", "require not A else raise denied; a[x] = R.l",
        CRITICAL, "the real machine is in user mode, where A is 0",
        "\ncontrol A : bool\ninvariant M == supervisor or not A\n",
    ),
    Tried(
        "a control that the guest may set and the real machine may not",
        "if A then a[x] = 1 else a[x] = 2", CRITICAL,
        "it cannot be loaded: the real machine is in user mode, where A is 0",
        "\ncontrol A : bool\ninvariant M == supervisor or not A\n",
    ),
    Tried(
        "a control of which the host says what it is", "if not A then a[x] = R.l", CRITICAL,
        "it cannot be loaded, the guest may have A = 0", "\ncontrol A : bool\nhost A == 1\n",
    ),
    Tried(
        "a loadable of which the host says what it is", "if not A then a[x] = R.l", CRITICAL,
        "as above", "\nloadable A : bool\nhost A == 1\n",
    ),
    Tried(
        "a control that is always what a resource is",
        "require M == supervisor or not A else raise denied; a[x] = R.l", PRIVILEGED,
        "the host may set A = 1: the real Q is then 1",
        "\ncontrol A : bool\nresource Q : bool\ninvariant A == Q\n",
    ),
    Tried(
        "a control that rules out what a guest may have",
        "require M == supervisor or not A else raise denied; a[x] = R.l", CRITICAL,
        "with A = 1 no guest that has H = 1 can be run",
        "\ncontrol A : bool\nregister H : bool\ninvariant not A or not H\n",
    ),
    Tried(
        "a resource that conditions make the mode", "a[x] = zext(Q)", CRITICAL,
        "no two states differ in the mode alone; those that differ in both show it",
        "\nresource Q : bool\ninvariant M == user or not Q\ninvariant M == supervisor or Q\n",
        general=True,
    ),
    Tried(
        "a resource of supervisor mode", "a[x] = zext(Q)", CRITICAL,
        "in supervisor mode the guest reads its own; demoted it reads 0",
        "\nresource Q : bool\ninvariant M == supervisor or not Q\n", general=True,
    ),
]  # fmt: skip


@pytest.mark.parametrize("tried", TRIED, ids=lambda tried: tried.name)
def test_tried(tried: Tried) -> None:
    result = checked(toy(tried.more, one(tried.text)), host=tried.host)
    verdict = verdict_of(result)
    assert (verdict.kind, verdict.label) == (tried.kind, tried.label), verdict.reason
    if tried.general is not None:
        assert verdict.general.sensitive is tried.general
    assert (result.vmm.verdict is Verdict.PROVED) == (tried.kind not in (CRITICAL, UNDECIDED))


def test_a_clock_with_an_offset_is_no_recursion() -> None:
    """Once timing counts the offset is a resource that is shown."""
    result = checked(toy("\nresource OFF : u16\n", one("a[x] = CLK + OFF")))
    assert result.recursive.verdict is Verdict.REFUTED
    assert "timing exempt" in result.recursive.says


# ---------------------------------------------------------------- vacuity at one level


def test_a_form_that_one_level_cannot_decode_is_undecided() -> None:
    """Only the decoding sees D, which is 0 in supervisor mode: no pair is bound there."""
    more = "\nhidden D : bool\ninvariant M == user or D == 0\ncontext wide : 0, 1 = D\n"
    text = """
instruction X x, y
  encoding  1111 .... y:4 x:4
  valid when wide == 1
  a[x] = a[y]
"""
    assert verdict_of(checked(toy(more, text))).kind is UNDECIDED


def test_choices_that_rule_each_other_out_are_made_together() -> None:
    """Either control stops one leak; an invariant lets the host set one of them, not both."""
    more = "\ncontrol A : bool\ncontrol B : bool\ninvariant not (A and B)\n"
    second = """
instruction Y x, y
  encoding  1110 .... y:4 x:4
  require M == supervisor or not B else raise denied
  a[x] = R.b
"""
    first = one("require M == supervisor or not A else raise denied; a[x] = R.l")
    result = checked(toy(more, first, second))
    assert {v.kind for v in result.verdicts} == {CRITICAL, PRIVILEGED}
    # The one that is set, and the other 0: loaded, the guest could want both.
    assert result.choice.tied == 2


def test_one_choice_for_what_is_tied_to_a_control_too() -> None:
    """The real Q is the real A: equal to the bare Q only if A is loaded and equal to that, while Y
    needs A = 1.
    """
    more = "\ncontrol A : bool\nresource Q : bool\ninvariant (A ^ Q) == 0\n"
    second = """
instruction Y x, y
  encoding  1110 .... y:4 x:4
  require M == supervisor or not A else raise denied
  a[x] = R.l
"""
    result = checked(toy(more, one("a[x] = zext(Q)"), second))
    assert CRITICAL in {v.kind for v in result.verdicts}
    assert result.vmm.verdict is Verdict.REFUTED


def test_no_other_choice_is_named_that_no_real_machine_has() -> None:
    """In user mode A is 0: that direct execution is right under A = 1 is vacuous."""
    more = "\ncontrol A : bool\ninvariant M == supervisor or not A\n"
    assert (
        verdict_of(checked(toy(more, one("require not A else raise denied; a[x] = R.l")))).unless
        == ()
    )


def test_a_hybrid_rests_on_the_traps_of_critical_forms_too() -> None:
    """X goes right in virtual user mode, but for its trap, which never reaches the host."""
    result = checked(toy(LOST, one("if a[y] == 0 then raise lost; a[x] = zext(M)")))
    assert verdict_of(result).kind is CRITICAL
    assert result.hybrid.verdict is Verdict.UNDECIDED


def test_a_promise_is_the_hosts_in_one_place_and_not_in_another() -> None:
    """The same line: of R.b the host may say that it is zero, of a register it may not."""
    more = '\nfunction zero(v : u16)\n  host v == 0 "it is zero"\n'
    second = """
instruction Y x, y
  encoding  1110 .... y:4 x:4
  zero(a[x])
  if a[x] != 0 then a[y] = R.l
"""
    result = checked(toy(more, one("zero(R.b); a[x] = 0"), second))
    assert verdict_of(result, "Y").kind is UNDECIDED


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("host T == a[0]", "E0603"),
        ("host mem[0] == 0", "E0603"),
        ("resource Q : u16 host a[0]", "E0603"),
        ("resource Q : u16 host CLK", "E0605"),
    ],
    ids=["of a register, too", "of the guest's memory", "to be a register", "to be a clock"],
)
def test_what_no_host_can_keep_to_is_no_host_line(more: str, code: str) -> None:
    """It would rule out guests that break it, by the next instruction and without a trap."""
    with pytest.raises(PopekError, match=code):
        toy(f"\n{more}\n", one("if M == user and T == a[0] then raise denied; a[x] = zext(M)"))


# ---------------------------------------------------------------- invariants


def test_a_trap_that_keeps_its_effects_can_break_an_invariant() -> None:
    more = "\nresource D : bool host 0\ninvariant D == 0\nreset\n  D = 0\n"
    (kept,) = checked(toy(more, one("D = 1; raise call"))).invariants
    assert kept.inductive is False
    # A fault undoes it.
    (kept,) = checked(toy(more, one("D = 1; raise denied"))).invariants
    assert kept.inductive is True


def test_what_is_unpredictable_can_break_an_invariant_about_registers() -> None:
    """And none about what unprivileged code cannot reach."""
    more = "\n{role} N : u16\ninvariant N == 0\nreset\n  N = 0\n"
    for role, statement, inductive in (
        ("register", "unpredictable", False),
        ("resource", "unpredictable", True),
        ("resource", "unpredictable beyond privilege", False),
    ):
        (kept,) = checked(toy(more.format(role=role), one(statement))).invariants
        assert kept.inductive is inductive, (role, statement)


#: D is 0 at reset, and nothing but what follows writes it.
ZERO = """
resource D : u1 host 0
invariant D == 0 "d0"
reset
  D = 0
"""
#: The head of an instruction.
LOADING = "\ninstruction LD x\n  encoding  1000 ........ x:4\n"


@dataclass(frozen=True)
class Broken:
    """Declarations that make an invariant no fact, and why."""

    name: str
    more: str
    because: str
    invariant: str = "d0"


BROKEN = [
    Broken(
        "by what another assumption hides",
        ZERO + "\nresource A : u1 host 0\ninvariant A == 0\nreset\n  A = 0\n"
        "instruction SETA x\n  encoding  1000 ........ x:4\n"
        "  require M == supervisor else raise denied\n  A = a[x][0]\n"
        "instruction COPY x\n  encoding  1001 ........ x:4\n"
        "  require M == supervisor else raise denied\n  D = A\n",
        "A is no fact: what was proved of D with its help is none",
    ),
    Broken(
        "in the delivery of what an interrupt has changed",
        ZERO + "\nresource Q : u1 host 0\ninvariant Q == 0\nreset\n  Q = 0\n"
        "trap odd = nested()\ntrap met = meeting()\ntrap ticks : interrupt = ticking()\n"
        "deliver nested()\n  lasting Q = 1\n  require table[0] != 0 else raise met\n"
        "  M = supervisor\n  Q = 0\n"
        "deliver meeting()\n  Q = 0\n  M = supervisor\n"
        "deliver ticking()\n  if Q then D = 1\n  Q = 0\n  M = supervisor\n"
        "interrupt tick when F.IE\n  Q = 1\n  raise ticks\n",
        "between steps Q is 0; when the interrupt is delivered it is 1",
    ),
    Broken(
        "by a memory trap that keeps what was done",
        ZERO + "\ntrap bus_error : aborts = to_host(1)\ntranslate far(v : u16) -> E\n"
        "  require v < R.b else raise bus_error\n  return v\n"
        + LOADING + "  D = 1\n  a[x] = far[a[x]]\n  D = 0\n",
        "the access aborts, and D stays 1",
    ),
    Broken(
        "by a trap of the processor's own access that keeps what was done",
        ZERO + "\ntrap bus_error : aborts = to_host(1)\ntranslate far(v : u16) -> E for processor\n"
        "  require v < R.b else raise bus_error\n  return v\n"
        + LOADING + "  D = 1\n  a[x] = far[a[x]]\n  D = 0\n",
        "as above",
    ),
    Broken(
        "by a memory trap after what lasts",
        ZERO + LOADING + "  lasting D = 1\n  a[x] = mem[a[x]]\n  D = 0\n",
        "the fault undoes all but D",
    ),
    Broken(
        "by a translation",
        ZERO + "\ntranslate marking(v : u16) -> E\n  D = 1\n  return v\n"
        + LOADING + "  a[x] = marking[a[x]]\n",
        "proofs do not walk translations",
    ),
    Broken(
        "in memory that is relocated",
        '\ninvariant mem[0] == 0 "m0"\nreset\n  mem[0] = 0\n'
        + LOADING + "  require M == supervisor else raise denied\n  R.l = a[x]\n",
        "mem[0] is then another word",
        "m0",
    ),
    Broken(
        "by the pc that a trap leaves",
        ZERO + '\ninvariant P != 9\nreset\n  P = 0\ntrap skipped : suppresses = skipping()\n'
        "deliver skipping()\n  M = supervisor\n  if P == 9 then D = 1\n  P = 0\n"
        + LOADING + "  jump 9\n  raise skipped\n",
        "a trap that suppresses is delivered with the pc where the jump leads",
    ),
]  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_an_invariant_that_is_no_fact(broken: Broken) -> None:
    kept = checked(toy(broken.more)).invariants
    (inductive,) = (k.inductive for k in kept if k.invariant.text == broken.invariant)
    assert inductive is not True


def test_an_interrupt_is_taken_where_its_condition_holds() -> None:
    (kept,) = checked(toy(ZERO, "\ninterrupt tick when D\n  D = 1\n")).invariants
    assert kept.inductive is True


def test_an_invariant_about_memory_that_is_not_relocated() -> None:
    (kept,) = checked(
        toy("\ninvariant mem[0] == 0\nreset\n  mem[0] = 0\n", one("a[x] = 0"))
    ).invariants
    assert kept.inductive is True


@pytest.mark.parametrize(
    ("more", "clause", "rests_on"),
    [
        (
            'resource A : u1\nresource B : u1\ninvariant A == B "ab"\ninvariant B == 0 "b0"',
            "if A then a[x] = R.l",
            ("ab", "b0"),
        ),
        (
            "resource A : u1\nfunction zero() -> bool\n  let q = A\n  return q == 0\n"
            'invariant zero() "a0"',
            "if A then a[x] = R.l",
            ("a0",),
        ),
        (
            'resource A : u1\ninvariant A == 0 "one"\ninvariant A + A == 0 and A != 1 "two"',
            "if A then a[x] = R.l",
            ("two",),
        ),
        (
            "parameter N : u16\nresource A : u16\ninvariant A == N\nreset\n  A = N",
            "a[x] = A",
            ("same-processor",),
        ),
        # Direct execution goes right without it, too; that the form is plain is what rests on it.
        ('control D : u2\ninvariant D != 1 "d"', "if D == 1 then wait", ("d",)),
    ],
    ids=[
        "through another",
        "in a local",
        "one of two",
        "a parameter through an invariant",
        "innocuous alone",
    ],
)
def test_a_verdict_lists_every_invariant_that_it_rests_on(
    more: str, clause: str, rests_on: tuple[str, ...]
) -> None:
    verdict = verdict_of(checked(toy(f"\n{more}\n", one(clause))))
    assert verdict.kind is INNOCUOUS
    assert verdict.assumptions == rests_on


def test_a_verdict_rests_on_an_invariant_through_a_host_clause() -> None:
    """The real B is the real A, which is 1 if the invariant holds."""
    more = '\nresource A : u1\nresource B : u1 host A\ninvariant A == 1 "a1"\n'
    clause = "require M == supervisor or not B else raise denied; a[x] = R.l"
    verdict = verdict_of(checked(toy(more, one(clause))))
    assert (verdict.kind, verdict.assumptions) == (PRIVILEGED, ("a1",))


def test_that_a_form_completes_nowhere_rests_on_the_invariant_that_stops_it() -> None:
    """Without it the bare machine completes in supervisor mode: the form would be privileged."""
    more = '\nresource A : bool host 0\ninvariant A == 0 "a0"\n'
    verdict = verdict_of(checked(toy(more, one("require A else raise denied; a[x] = R.l"))))
    assert (verdict.kind, verdict.label) == (GUARDED, Label.ALWAYS)
    assert verdict.assumptions == ("a0",)


def test_a_verdict_rests_on_what_its_traps_lead_to_the_host_by() -> None:
    more = (
        '\nresource A : u1\ninvariant A == 0 "a0"\ntrap led = leading()\n'
        "deliver leading()\n  P = 1\n  if A then M = user else M = supervisor\n"
    )
    verdict = verdict_of(checked(toy(more, one("raise led"))))
    assert (verdict.kind, verdict.assumptions) == (GUARDED, ("a0",))


@pytest.mark.parametrize(
    ("promise", "kind"), [("n == T", UNDECIDED), ("T != n", UNDECIDED), ("n <= T", GUARDED)]
)
def test_no_host_is_equal_to_every_argument(promise: str, kind: Class) -> None:
    """A bound may lie beyond all of them."""
    more = f"""
deliver at(n : u16)
  host {promise} "the host knows"
  M = supervisor
  P = 0x40
trap aimed(n : u16) = at(n)
"""
    assert verdict_of(checked(toy(more, one("raise aimed(a[x])")))).kind is kind


def test_what_an_interrupt_leaves_out_is_printed() -> None:
    more = '\ninterrupt tick when F.IE\n  unmodelled "timers"\n'
    assumptions = checked(toy(ZERO, more, one("if D then a[x] = R.l"))).assumptions
    assert [(a.id, a.text) for a in assumptions] == [("unmodelled", "timers")]


# ---------------------------------------------------------------- unknown is never success


class Refuses:
    """Z3, but for queries with some words in their names."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.z3 = Z3InProcess()

    def solve(self, query: Query, budget: Budget) -> tuple[Answer, Stats]:
        """Out of budget where a word is in the name."""
        if any(word in query.name for word in self.words):
            return Undecided(Cause.BUDGET), Stats(1, 0.0)
        return self.z3.solve(query, budget)


def test_a_choice_that_may_stop_a_plain_form_is_not_admissible() -> None:
    """Whether X is plain is not decided; if it is, ALL = 1 stops it, and Y is critical."""
    hard = "a[x] = if (a[x] * a[x])[1] and M == user then 1 else 0"
    shown = """
instruction Y x, y
  encoding  1110 .... y:4 x:4
  require M == supervisor or not ALL else raise denied
  a[x] = R.l
"""
    trapped = one(f"require M == supervisor or not ALL else raise denied; {hard}")
    result = checked(toy(trapped, shown), solver=Refuses(" mode at"))
    assert verdict_of(result).plain is None
    assert result.vmm.verdict is not Verdict.PROVED


def test_a_timed_query_that_is_not_decided_refutes_nothing() -> None:
    """Theorem 1 holds, a clock is read and its value is never used."""
    clause = "a[x] = if (a[x] * a[x])[1] then CLK else 0"
    decided = checked(toy(one(clause)))
    assert decided.recursive.verdict is Verdict.PROVED
    result = checked(toy(one(clause)), solver=Timed())
    assert result.vmm.verdict is Verdict.PROVED
    assert result.recursive.verdict is Verdict.UNDECIDED


class Timed(Refuses):
    """Z3, but for DX of queries in which the two sides' clocks differ."""

    def solve(self, query: Query, budget: Budget) -> tuple[Answer, Stats]:
        """Out of budget there."""
        if "input.clock" in query.text and "@direct" in query.text and " DX " in query.name:
            return Undecided(Cause.BUDGET), Stats(1, 0.0)
        return self.z3.solve(query, budget)
