"""Toy machines, one instruction under test at a time.

The machine has a bit of everything that 1974's lacks: a condition register whose interrupt bit is
the host's, controls, a loadable, a clock, a device, a banked stack pointer and a table that the
processor reads for itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from popek.isa import ir
from popek.isa.load import load_source
from popek.smt import Budget, Solver, Z3InProcess
from popek.theory.check import Check, Options, check
from popek.theory.host import Value
from popek.theory.prover import Prover
from popek.theory.verdict import FormVerdict

STATE = """\
isa "toy"
code 16 bits big

memory    E[2**16] : u16
mode      M : supervisor > user
pc        P : u16
resource  R
  l : u16
  b : u16
register  a[16] : u16
register  F : u8
  0       C
  1       IE   resource  host 1
  4..2    PRI  resource
resource  T : u16
control   TSD : bool
control   MASK : u2
control   ALL : bool
loadable  ID : u16
clock     CLK : u16
device    bus[4]
  operation reset()
  operation ask(x : u16) -> u16
banked    S : u16 by M
  supervisor  KS
  user        US

reset
  M = supervisor

translate mem(v : u16) -> E
  require v < R.b else raise memory_trap
  return R.l + v

translate table(v : u16) -> E for processor
  return T + v

deliver to_host(cause : u8)
  M = supervisor
  P = zext(cause)

trap memory_trap = to_host(1)
trap denied = to_host(2)
trap call : completes = to_host(3)
trap caught = to_host(4)
"""

#: Instructions that other tests put beside the one under test.
ADD = """
instruction ADD x, y
  encoding  0001 .... x:4 y:4
  a[x] = a[x] + a[y]
"""
LRA = """
instruction LRA x
  encoding  0010 ........ x:4
  a[x] = R.l
"""
JRST1 = """
instruction JRST1 v
  encoding  0011 .... v:8
  M = user
  jump zext(v)
"""
HALT = """
instruction HALT
  encoding  0100 ............
  require M == supervisor else raise denied
  wait
"""
RDT = """
instruction RDT x
  encoding  0101 ........ x:4
  require M == supervisor or not TSD else raise denied
  a[x] = CLK
"""
PUSHF = """
instruction PUSHF x
  encoding  0110 ........ x:4
  a[x] = zext(F)
"""


def toy(*texts: str, state: str = STATE) -> ir.Isa:
    """The machine with these instructions, and whatever else the texts declare."""
    return load_source(state + "\n".join(texts))


def one(clause: str, encoding: str = "1111 .... y:4 x:4") -> str:
    """An instruction X with a clause, its lines separated by semicolons."""
    lines = "".join(f"  {line.strip()}\n" for line in clause.split(";"))
    return f"\ninstruction X x, y\n  encoding  {encoding}\n{lines}"


def checked(
    isa: ir.Isa,
    *,
    host: Mapping[str, Value] | None = None,
    top: str | None = None,
    solver: Solver | None = None,
    budget: Budget | None = None,
    simplify: bool = True,
) -> Check:
    """The whole check of a machine."""
    prover = Prover(isa, solver or Z3InProcess(), budget or Budget(), simplify)
    return check(prover, Options(host=host or {}, top=top))


def verdict_of(result: Check, mnemonic: str = "X") -> FormVerdict:
    """The one form of a mnemonic."""
    (found,) = (v for v in result.verdicts if v.form.mnemonic == mnemonic)
    return found
