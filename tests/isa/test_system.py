from __future__ import annotations

from popek.isa import ir
from tests.isa.machine import HEADER, Machine, spec

ONE = "instruction T x, y\n  encoding 0001 0000 x:4 y:4\n  skip\n"


def test_translation() -> None:
    text = """
translate mem(s : u2, v : u16) -> E
  require v < R.b else raise bad
  if access == write and s == 1 then raise call(3)
  if start == 0 and size == 2 then return 0
  return R.l + v
translate table(v : u16) -> mem2  for processor
  return v
translate mem2(v : u16) -> E
  return v
"""
    isa = spec(text + ONE)
    mem = isa.translations["mem"]
    assert mem.params == (ir.Local("s", 2), ir.Local("v", 16))
    assert mem.result == ir.Local("result", 16)
    assert isa.translations["table"].processor
    assert isa.translations["table"].target == "mem2"
    state = Machine(
        scalars={"R.l": 100, "R.b": 50},
        locals={"s": 0, "v": 7, "access": 0, "size": 1, "start": 7},
    )
    assert state.run(mem.body).locals["result"] == 107


def test_traps_and_deliveries() -> None:
    text = (
        HEADER.replace("deliver all\n  skip\n", "")
        + """
trap simple
trap vector(n : u8) : aborts = exception(n, 1)
deliver plain
  E[0] = P
  jump 100
deliver exception(number : u8, kind : u8)
  let old = P
  P = 200 + zext(number)
  E[zext(kind)] = old
interrupt tick when R.b != 0
  R.b = R.b - 1
  if R.b == 0 then raise simple
reset
  P = 3
  M = user
"""
    )
    isa = spec(ONE, text)
    state = Machine(scalars={"P": 9}).run(isa.traps["simple"].delivery)
    assert (state.memory[0], state.scalars["P"]) == (9, 100)
    trap = isa.traps["vector"]
    assert trap.kind is ir.TrapKind.ABORTS
    state = Machine(scalars={"P": 9}, locals={"n": 5}).run(trap.delivery)
    assert (state.memory[1], state.scalars["P"]) == (9, 205)
    assert isa.traps["bad"].delivery
    (tick,) = isa.interrupts
    assert Machine(scalars={"R.b": 2}).value(tick.condition) == 1
    assert Machine(scalars={"R.b": 2}).run(tick.body).scalars["R.b"] == 1
    assert Machine().run(isa.reset).scalars == {"P": 3, "M": 1}


def test_predicates() -> None:
    text = """
invariant F.C == 0 "carry is clear"
host R.l >= 16
host E[R.l] == 0 "empty"
contract user: F.Z == 1 and F.K in {1, 2}
assume board-mmu "as the board has it"
"""
    isa = spec(text + ONE)
    assert [p.text for p in isa.invariants] == ["carry is clear"]
    assert [p.text for p in isa.hosts] == ["R.l >= 16", "empty"]
    assert len(isa.hosts[1].setup) == 1
    assert [(p.level, p.text) for p in isa.contracts] == [("user", "F.Z == 1 and F.K in {1, 2}")]
    assert [a.id for a in isa.assumptions] == ["board-mmu"]
