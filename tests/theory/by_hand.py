"""The machine of 1974 built by hand: no file, no parser, no elaborator has a part in it."""

from __future__ import annotations

from popek.isa import ir
from popek.isa.ir import Const, Expr, Field, Local, Op, Operation, Read, ReadElement, Role
from popek.source import Source

SPAN = Source("by-hand", "x\n").span(0, 1)


def component(name: str, role: Role, width: int, size: int | None = None) -> ir.Component:
    return ir.Component(name, role, width, size, SPAN)


def op(operator: Op, width: int, *args: Expr) -> Operation:
    return Operation(operator, args, width)


COMPONENTS = {
    c.name: c
    for c in (
        component("M", Role.MODE, 1),
        component("P", Role.PC, 15),
        component("R.l", Role.RESOURCE, 16),
        component("R.b", Role.RESOURCE, 16),
        component("a", Role.REGISTER, 16, 16),
        component("IE", Role.RESOURCE, 1),
        component("TSD", Role.CONTROL, 1),
        component("ID", Role.LOADABLE, 16),
    )
}

M = Read("M", 1)
SUPERVISOR = op(Op.EQ, 1, M, Const(0, 1))
V, RESULT = Local("v", 16), Local("result", 16)
X, Y = Field("x", 4), op(Op.ZEXT, 16, Field("y", 8))
A_X = ReadElement("a", X, 16)

#: Virtual addresses below R.b, relocated by R.l.
MEM = ir.Translation(
    "mem",
    (V,),
    "E",
    False,
    (
        ir.Require(op(Op.ULT, 1, V, Read("R.b", 16)), "memory_trap", (), SPAN),
        ir.Set("result", op(Op.ADD, 16, Read("R.l", 16), V), SPAN),
    ),
    RESULT,
    SPAN,
)

ENTERED = (ir.Write("M", Const(0, 1), SPAN), ir.Write("P", Const(1, 15), SPAN))
DELIVERY = ir.Delivery("enter", (), ENTERED, SPAN)
TRAPS = {
    name: ir.Trap(name, (), ir.TrapKind.FAULT, DELIVERY.body, DELIVERY, "", SPAN)
    for name in ("memory_trap", "privileged_operation", "svc")
}


def load(local: str) -> ir.Load:
    """The word at y."""
    return ir.Load(local, "mem", (Y,), 1, 16, SPAN)


def put(value: Expr) -> ir.WriteElement:
    """a[x] = value."""
    return ir.WriteElement("a", X, value, SPAN)


def form(name: str, *body: ir.Stmt) -> ir.Form:
    return ir.Form(
        name, name, name, "", {"x": 4, "y": 8}, (), (), (), Const(1, 1), Const(1, 15), body,
        (), None, (), SPAN,
    )  # fmt: skip


PRIVILEGED = ir.Require(SUPERVISOR, "privileged_operation", (), SPAN)
NOT_TSD = op(Op.NOT, 1, Read("TSD", 1))

FORMS = (
    form("ADD", load("t"), put(op(Op.ADD, 16, A_X, Local("t", 16)))),
    form("ST", ir.Store("mem", (Y,), 1, A_X, SPAN)),
    form("LRA", put(op(Op.ADD, 16, Read("R.l", 16), Y))),
    form(
        "JRST1",
        ir.Write("M", Const(1, 1), SPAN),
        ir.Jump(op(Op.ZEXT, 15, Field("y", 8)), SPAN),
    ),
    form(
        "LPSW",
        PRIVILEGED,
        load("t"),
        ir.Write("M", ir.Extract(Local("t", 16), 15, 15), SPAN),
        ir.Jump(ir.Extract(Local("t", 16), 14, 0), SPAN),
    ),
    form("SVC", ir.Require(Const(0, 1), "svc", (), SPAN)),
    form("HALT", PRIVILEGED, ir.Wait(SPAN)),
    form(
        "CLI",
        ir.Write("IE", op(Op.AND, 1, Read("IE", 1), op(Op.NOT, 1, SUPERVISOR)), SPAN),
    ),
    form(
        "RDT",
        ir.Require(op(Op.OR, 1, SUPERVISOR, NOT_TSD), "privileged_operation", (), SPAN),
        put(ir.Input(ir.InputKind.CLOCK, "clock", 16)),
    ),
    form("RDID", put(Read("ID", 16))),
    form("UNDEF", put(ir.Input(ir.InputKind.UNDEFINED, "u", 16))),
    form("MAYBE", ir.Unpredictable("here", False, "", "", SPAN)),
    form("WILD", ir.Unpredictable("there", True, "", "", SPAN)),
)


def machine(*names: str) -> ir.Isa:
    """The machine with these instructions, or with all."""
    forms = tuple(f for f in FORMS if not names or f.name in names)
    return ir.Isa(
        title="by hand",
        path="by-hand",
        sha256="",
        manuals={},
        unit=16,
        bytewise=False,
        endian="big",
        components=COMPONENTS,
        mode=ir.Mode("M", M, (ir.Level("supervisor", 0), ir.Level("user", 1))),
        pc="P",
        memories={"E": ir.Memory("E", 16, 16, 1 << 16)},
        translations={"mem": MEM},
        devices={},
        traps=TRAPS,
        interrupts=(),
        invariants=(),
        hosts=(),
        contracts=(),
        assumptions=(),
        reset=(),
        functions={},
        prefixes=(),
        groups={},
        forms=forms,
    )
