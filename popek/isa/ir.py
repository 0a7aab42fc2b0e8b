"""The instruction set after elaboration: the central, frozen IR.

Names are resolved, functions inlined, families and contexts expanded, and every width is a number.
`Isa` is what an `.isa` file means; `Form` is one encoding form of an instruction (definitions.md,
section 1: "an encoding, not a mnemonic"), with its clause as a tuple of statements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from popek.diagnostics import Diagnostic
from popek.source import Span

# ---------------------------------------------------------------- roles and state


class Role(StrEnum):
    """What a component is for the proofs (definitions.md, section 1)."""

    REGISTER = "register"
    PC = "pc"
    MODE = "mode"
    RESOURCE = "resource"
    CONTROL = "control"
    LOADABLE = "loadable"
    HIDDEN = "hidden"
    PARAMETER = "parameter"


#: The roles that make a component privileged in the reading `general`.
PRIVILEGED_ROLES = frozenset({Role.MODE, Role.RESOURCE, Role.CONTROL, Role.LOADABLE, Role.HIDDEN})


@dataclass(frozen=True, slots=True)
class Component:
    """One named part of the state: a scalar, or a bank of `size` elements, each `width` bits.

    A register with fields is one component per field (`EFLAGS.IF`).  `banked`: one element per
    level of the mode, in the order of the levels; the current level's one is the visible copy.
    `hardwired`: elements that hold a constant, by index; no expression reads or writes them.
    `default`: a parameter's value where nobody gives another.
    """

    name: str
    role: Role
    width: int
    size: int | None
    span: Span = field(compare=False, repr=False)
    title: str = ""
    host: Expr | None = None
    banked: bool = False
    hardwired: tuple[tuple[int, int], ...] = ()
    default: int = 0

    @property
    def index_width(self) -> int:
        """Bits of an index into the bank."""
        assert self.size is not None
        return max(1, (self.size - 1).bit_length())


@dataclass(frozen=True, slots=True)
class Level:
    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Mode:
    """The privilege mode: `level` reads it, `levels` most privileged first."""

    name: str
    level: Expr
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Memory:
    name: str
    index_width: int
    width: int
    size: int


@dataclass(frozen=True, slots=True)
class Device:
    name: str
    index_width: int
    width: int


# ---------------------------------------------------------------- expressions


class Op(StrEnum):
    """Operators; widths as in SMT-LIB's QF_BV, comparisons and Booleans one bit wide."""

    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    UDIV = "udiv"
    UREM = "urem"
    SDIV = "sdiv"
    SREM = "srem"
    AND = "and"
    OR = "or"
    XOR = "xor"
    NOT = "not"
    NEG = "neg"
    SHL = "shl"
    LSHR = "lshr"
    ASHR = "ashr"
    EQ = "eq"
    ULT = "ult"
    ULE = "ule"
    SLT = "slt"
    SLE = "sle"
    CONCAT = "concat"
    ITE = "ite"
    ZEXT = "zext"
    SEXT = "sext"


@dataclass(frozen=True, slots=True)
class Const:
    value: int
    width: int


@dataclass(frozen=True, slots=True)
class Local:
    """A name bound by a `Set`, `Load` or parameter; unique within its clause."""

    name: str
    width: int


@dataclass(frozen=True, slots=True)
class Read:
    """The current value of a scalar component."""

    component: str
    width: int


@dataclass(frozen=True, slots=True)
class ReadElement:
    """An element of a bank.  An index beyond the bank's size reads 0."""

    component: str
    index: Expr
    width: int


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the instruction's encoding, prefixes and its `length` included."""

    name: str
    width: int


class InputKind(StrEnum):
    UNDEFINED = "undefined"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Input:
    """What is not state: an undefined value, what a clock shows.  `site` names the place."""

    kind: InputKind
    site: str
    width: int


@dataclass(frozen=True, slots=True)
class Apply:
    """A call of an abstract function."""

    function: str
    args: tuple[Expr, ...]
    width: int


@dataclass(frozen=True, slots=True)
class Extract:
    value: Expr
    high: int
    low: int

    @property
    def width(self) -> int:
        return self.high - self.low + 1


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator applied to its arguments."""

    op: Op
    args: tuple[Expr, ...]
    width: int


Expr = Const | Local | Read | ReadElement | Field | Input | Apply | Extract | Operation

# ---------------------------------------------------------------- statements


class Access(StrEnum):
    """The kind of a memory access; `value` inside `translate` is the position in this list."""

    READ = "read"
    WRITE = "write"
    FETCH = "fetch"


def _span() -> Span:
    return field(compare=False, repr=False)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Set:
    """Binds or re-binds a local."""

    local: str
    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Write:
    """`lasting`: a fault of the same step does not undo it."""

    component: str
    value: Expr
    span: Span = _span()
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class WriteElement:
    """An index beyond the bank's size writes nothing."""

    component: str
    index: Expr
    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Load:
    """`local` becomes `units` units of `space` at `args`; width = units * the memory's width."""

    local: str
    space: str
    args: tuple[Expr, ...]
    units: int
    width: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Store:
    space: str
    args: tuple[Expr, ...]
    units: int
    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Check:
    """The checks of one stage of translation for an access that is not made."""

    access: Access
    space: str
    args: tuple[Expr, ...]
    units: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class DeviceInput:
    """`local` becomes what the device answers: an input, and an event."""

    local: str
    device: str
    operation: str
    args: tuple[Expr, ...]
    width: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class DeviceOutput:
    device: str
    operation: str
    args: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class If:
    condition: Expr
    then: tuple[Stmt, ...]
    otherwise: tuple[Stmt, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Require:
    """Unless `condition`, the step ends in the trap."""

    condition: Expr
    trap: str
    args: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class HostRequire:
    """On the real machine under a guest `condition` holds here; elsewhere it says nothing."""

    condition: Expr
    why: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Jump:
    """The pc after this step."""

    target: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Unpredictable:
    """The step ends with an outcome that the architecture leaves open.

    `unmodelled` is non-empty where it is this spec that leaves it open.
    """

    site: str
    beyond_privilege: bool
    why: str
    unmodelled: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Wait:
    """The step completes, and the processor waits for an interrupt."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Shutdown:
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Interpret:
    """In a handler of a design: the instruction that trapped, done on the virtual machine."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Reflect:
    """In a handler: the step of the virtual machine ends in the trap."""

    trap: str
    args: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Inject:
    """In a handler: those of these interrupts of the virtual machine that are due, in order."""

    interrupts: tuple[str, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Resume:
    """In a handler: back to the guest."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Stop:
    """In a handler: the guest is run no further."""

    why: str
    span: Span = _span()


#: What only handlers of designs do; `popek.hypervisor` gives it its meaning.
Action = Interpret | Reflect | Inject | Resume | Stop

Stmt = (
    Set
    | Write
    | WriteElement
    | Load
    | Store
    | Check
    | DeviceInput
    | DeviceOutput
    | If
    | Require
    | HostRequire
    | Jump
    | Unpredictable
    | Wait
    | Shutdown
    | Action
)
# `raise T` is `Require(0, T)`: one way to trap.

# ---------------------------------------------------------------- translation, traps


@dataclass(frozen=True, slots=True)
class Translation:
    """An address space over another one (definitions.md: `memory` + `translate`).

    `body` runs once per unit with the locals of `params`, `access` (2 bits, `Access` order),
    `size` (16 bits, units of the whole access) and `start` (the last parameter at the first unit);
    it leaves the index into `target` in the local `result`.
    """

    name: str
    params: tuple[Local, ...]
    target: str
    processor: bool
    body: tuple[Stmt, ...]
    result: Local
    span: Span = _span()


class TrapKind(StrEnum):
    FAULT = "fault"
    SUPPRESSES = "suppresses"
    COMPLETES = "completes"
    ABORTS = "aborts"
    INTERRUPT = "interrupt"

    @property
    def undoes(self) -> bool:
        """Whether the effects of the step are undone, but for what lasts."""
        return self in (TrapKind.FAULT, TrapKind.SUPPRESSES)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A way in which the hardware delivers traps: a body over the locals of `params`."""

    name: str
    params: tuple[Local, ...]
    body: tuple[Stmt, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Trap:
    """`delivery` is the body that the hardware runs, over the locals of `params`: it sets the
    parameters of `by`, and goes on with its body.
    """

    name: str
    params: tuple[Local, ...]
    kind: TrapKind
    delivery: tuple[Stmt, ...]
    by: Delivery
    title: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Interrupt:
    """A step of its own between instructions."""

    name: str
    condition: Expr
    setup: tuple[Stmt, ...]
    body: tuple[Stmt, ...]
    title: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition on states: an invariant, a host line, a contract.  `setup` binds its locals."""

    setup: tuple[Stmt, ...]
    condition: Expr
    text: str
    span: Span = _span()
    level: str = ""


@dataclass(frozen=True, slots=True)
class AbstractFunction:
    """Uninterpreted in proofs; `body`/`result` is the executable definition, if it has one."""

    name: str
    params: tuple[Local, ...]
    width: int
    body: tuple[Stmt, ...]
    result: Expr | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Assumption:
    id: str
    text: str
    span: Span | None = field(compare=False, repr=False, default=None)


# ---------------------------------------------------------------- encodings


@dataclass(frozen=True, slots=True)
class FixedBits:
    """`width` bits of which those in `mask` must be as in `value`; the others are don't-care."""

    value: int
    mask: int
    width: int


@dataclass(frozen=True, slots=True)
class FieldBits:
    """Bits `high..low` of an instruction field."""

    field: str
    high: int
    low: int


@dataclass(frozen=True, slots=True)
class ImmediateBits:
    """A whole number of code units holding the field in the code's byte order."""

    field: str
    width: int


@dataclass(frozen=True, slots=True)
class Extension:
    """Where the tokens and immediates of operand number `operand`'s row stand."""

    operand: int


EncodingItem = FixedBits | FieldBits | ImmediateBits | Extension


@dataclass(frozen=True, slots=True)
class TemplateText:
    text: str


@dataclass(frozen=True, slots=True)
class TemplateField:
    """A field, printed as a number or, with `names`, as a word; `signed`: two's complement."""

    field: str
    names: tuple[str, ...] = ()
    signed: bool = False


TemplatePart = TemplateText | TemplateField


@dataclass(frozen=True, slots=True)
class OperandRow:
    """One way to write an operand.  The first row whose condition holds is the operand's.

    `condition` is over the fields and the decode context; `extension` follows in the code.
    """

    condition: Expr
    extension: tuple[EncodingItem, ...]
    template: tuple[TemplatePart, ...]


@dataclass(frozen=True, slots=True)
class Operand:
    name: str
    rows: tuple[OperandRow, ...]


@dataclass(frozen=True, slots=True)
class PrefixGroup:
    """A prefix byte sets `field` to its position in `codes`, from 1; 0 is absent."""

    field: str
    codes: tuple[int, ...]
    width: int


@dataclass(frozen=True, slots=True)
class See:
    manual: str
    text: str


@dataclass(frozen=True, slots=True)
class Expect:
    classes: tuple[str, ...]
    why: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Form:
    """One encoding form: what `popek check` classifies.

    `name` is the instruction's name in the spec (`MOV_from_sreg`), `text` its encoding as written
    with the family's columns filled in; (name, text) is unique.  `fields` are all fields of the
    encoding.  `decode` says, over fields and decode context, when the bytes mean this form;
    `length` is in units of the memory that code is fetched from.
    """

    name: str
    mnemonic: str
    text: str
    title: str
    fields: Mapping[str, int]
    encoding: tuple[EncodingItem, ...]
    operands: tuple[Operand, ...]
    template: tuple[TemplatePart | int, ...]
    decode: Expr
    length: Expr
    body: tuple[Stmt, ...]
    sees: tuple[See, ...]
    expect: Expect | None
    notes: tuple[str, ...]
    span: Span = _span()

    @property
    def key(self) -> tuple[str, str]:
        return (self.name, self.text)


@dataclass(frozen=True, slots=True)
class Isa:
    """A whole instruction set.  `spaces` are memories and translations by name."""

    title: str
    path: str
    sha256: str
    manuals: Mapping[str, str]
    unit: int
    bytewise: bool
    endian: str
    components: Mapping[str, Component]
    mode: Mode
    pc: str
    memories: Mapping[str, Memory]
    translations: Mapping[str, Translation]
    devices: Mapping[str, Device]
    traps: Mapping[str, Trap]
    interrupts: tuple[Interrupt, ...]
    invariants: tuple[Predicate, ...]
    hosts: tuple[Predicate, ...]
    contracts: tuple[Predicate, ...]
    assumptions: tuple[Assumption, ...]
    reset: tuple[Stmt, ...]
    functions: Mapping[str, AbstractFunction]
    prefixes: tuple[PrefixGroup, ...]
    groups: Mapping[str, tuple[str, ...]]
    forms: tuple[Form, ...]
    warnings: tuple[Diagnostic, ...] = field(compare=False, repr=False, default=())


def subexpressions(expr: Expr) -> Iterator[Expr]:
    """The expression and everything inside it."""
    stack: list[Expr] = [expr]
    while stack:
        node = stack.pop()
        yield node
        match node:
            case ReadElement(index=index):
                stack.append(index)
            case Apply(args=args) | Operation(args=args):
                stack.extend(args)
            case Extract(value=value):
                stack.append(value)
            case Const() | Local() | Read() | Field() | Input():
                pass


def statements(body: tuple[Stmt, ...]) -> Iterator[Stmt]:
    """All statements, those in branches included."""
    for stmt in body:
        yield stmt
        if isinstance(stmt, If):
            yield from statements(stmt.then)
            yield from statements(stmt.otherwise)


def expressions(stmt: Stmt) -> tuple[Expr, ...]:
    """The expressions that a statement itself evaluates (not those of its branches)."""
    match stmt:
        case Set(value=value) | Write(value=value):
            return (value,)
        case WriteElement(index=index, value=value):
            return (index, value)
        case Store(args=args, value=value):
            return (*args, value)
        case Load(args=args) | Check(args=args) | DeviceInput(args=args) | DeviceOutput(args=args):
            return args
        case If(condition=condition) | HostRequire(condition=condition):
            return (condition,)
        case Require(condition=condition, args=args):
            return (condition, *args)
        case Reflect(args=args):
            return args
        case Jump(target=target):
            return (target,)
        case Unpredictable() | Wait() | Shutdown() | Interpret() | Inject() | Resume() | Stop():
            return ()
