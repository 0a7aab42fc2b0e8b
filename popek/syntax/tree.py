"""The syntax tree of an `.isa` file: what was written, and where.

Nothing is resolved here: a `Name` may be a register, a local or a mistake.  Every node carries
its `span`, which takes no part in equality, so that "the parse of the formatted text is the
identity" is plain `==`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from popek.source import Span


def _span() -> Span:
    return field(compare=False, repr=False, kw_only=True)  # type: ignore[no-any-return]


# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class Name:
    id: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Int:
    """A literal.  `digits` is its width in bits if it was written in binary or hex, else None."""

    value: int
    digits: int | None
    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Undefined:
    """A fresh value: what the manual calls undefined.  Its width comes from the context."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class TupleExpr:
    items: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Call:
    function: Expr
    args: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Get:
    base: Expr
    field: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class GetSet:
    """`EFLAGS.{CF, PF}`: several fields at once."""

    base: Expr
    fields: tuple[str, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Index:
    base: Expr
    args: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Slice:
    """`base[first..last]`, as written: most significant first unless bits count from the left."""

    base: Expr
    first: Expr
    last: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Unary:
    """op: `-` `~` `not`."""

    op: str
    operand: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Binary:
    """op: `+ - * *s / /s % %s ** & | ^ @ << >> >>s == != < <= > >= <s <=s >s >=s and or`."""

    op: str
    left: Expr
    right: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Range:
    first: Expr
    last: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Member:
    """`x in {1, 3..5}`."""

    value: Expr
    items: tuple[Expr | Range, ...]
    negated: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Ite:
    condition: Expr
    then: Expr
    otherwise: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class With:
    """`x with {VM = 0, RF = 0}`."""

    base: Expr
    updates: tuple[tuple[str, Expr], ...]
    span: Span = _span()


Expr = (
    Name
    | Int
    | Undefined
    | TupleExpr
    | Call
    | Get
    | GetSet
    | Index
    | Slice
    | Unary
    | Binary
    | Member
    | Ite
    | With
)


@dataclass(frozen=True, slots=True)
class TypeRef:
    """`u32`, `bool`, `EFLAGS`, `bits(opsize)` (argument in `size`)."""

    name: str
    size: Expr | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Param:
    name: str
    type: TypeRef | None
    span: Span = _span()


# ---------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True)
class Let:
    """`let (a, b) = f()` has several names."""

    names: tuple[str, ...]
    type: TypeRef | None
    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Assign:
    """`lasting`: even if the step then ends in a fault."""

    target: Expr
    value: Expr
    span: Span = _span()
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Do:
    """A call for its effects."""

    call: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Raise:
    trap: str
    args: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Require:
    condition: Expr
    otherwise: Raise
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class HostRequire:
    """`host E "why"` in a body: what the host promises of the value its own tables hold here."""

    condition: Expr
    why: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Check:
    """`check fetch mem[CS, target]`: the translation's checks of one access, without the access."""

    access: str
    place: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Jump:
    target: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Return:
    value: Expr | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Unpredictable:
    """`unpredictable ["why"]`, `unpredictable beyond privilege ["why"]`."""

    beyond: bool
    why: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Unmodelled:
    """`unmodelled "task switch"`: left out of this spec on purpose; any outcome, and printed."""

    what: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Wait:
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Shutdown:
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Skip:
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Interpret:
    """In a handler of a design: the instruction that trapped, done on the virtual machine."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Reflect:
    """In a handler: the virtual machine traps; `trap` is `trap` where it is the handler's own."""

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


@dataclass(frozen=True, slots=True)
class If:
    """`inline` remembers the one-line form for the formatter's sake."""

    condition: Expr
    then: tuple[Stmt, ...]
    otherwise: tuple[Stmt, ...]
    inline: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Arm:
    """`patterns` empty: the wildcard `_`."""

    patterns: tuple[Expr, ...]
    body: tuple[Stmt, ...]
    inline: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Match:
    value: Expr
    arms: tuple[Arm, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class For:
    """`for i in 0..7` includes both ends; the bounds are constants."""

    name: str
    first: Expr
    last: Expr
    body: tuple[Stmt, ...]
    span: Span = _span()


Stmt = (
    Let
    | Assign
    | Do
    | Require
    | Raise
    | HostRequire
    | Check
    | Jump
    | Return
    | Unpredictable
    | Unmodelled
    | Wait
    | Shutdown
    | Skip
    | If
    | Match
    | For
    | Interpret
    | Reflect
    | Inject
    | Resume
    | Stop
)

# ---------------------------------------------------------------- encodings


@dataclass(frozen=True, slots=True)
class EncLiteral:
    """A byte `9D`, bits `0100`, or don't-care bits `....`; `text` as written."""

    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class EncSum:
    """`00+8n` (base 0x00, scale 8, name n), `50+r` (scale 1)."""

    base: str
    scale: int
    name: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class EncField:
    """`rs1:5`, `dst.reg:3`."""

    name: str
    width: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class EncSlice:
    """`imm[10..5]`, `imm[11]`: some bits of a field that is spread over the word."""

    name: str
    first: int
    last: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class EncEqual:
    """`mod=11`, `opsize=16`: a field, context or parameter that must have this value."""

    name: str
    value: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class EncFormat:
    """`S(op=82)`: a declared format with some of its fields given."""

    name: str
    values: tuple[EncEqual, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class EncSlash:
    """`/r`, `/0`..`/7`, `/n` (a family column)."""

    what: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class EncName:
    """A token, immediate, operand, family column or (dotted) operand field, by name."""

    name: str
    span: Span = _span()


EncItem = EncLiteral | EncSum | EncField | EncSlice | EncEqual | EncFormat | EncSlash | EncName

# ---------------------------------------------------------------- items


@dataclass(frozen=True, slots=True)
class Header:
    title: str
    extends: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Include:
    path: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Manual:
    name: str
    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Code:
    """`code 16 bits big` (unit 16) or `code bytes little` (unit 8, `bytewise`)."""

    unit: int
    bytewise: bool
    endian: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Numbering:
    """`bits from left`: bit 0 is the most significant (IBM, DEC)."""

    side: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Constant:
    name: str
    value: Expr
    title: str | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: TypeRef
    value: Expr | None
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FieldRow:
    """`13..12  IOPL : u2  control host 0 "text"`; `first`/`last` are None for `l : word`."""

    first: int | None
    last: int | None
    name: str
    type: TypeRef | None
    role: str | None
    host: Expr | None
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FixedRow:
    """`1  = 1`: constant bits."""

    first: int
    last: int
    value: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class HardwiredRow:
    """`fixed x[0] = 0`."""

    place: Expr
    value: Expr
    span: Span = _span()


Row = FieldRow | FixedRow | HardwiredRow


@dataclass(frozen=True, slots=True)
class TypeDef:
    """`type word = u16`, or a layout: `type selector = u16` with field rows."""

    name: str
    type: TypeRef
    rows: tuple[Row, ...]
    title: str | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class EnumDef:
    name: str
    type: TypeRef | None
    members: tuple[tuple[str, int | None], ...]
    title: str | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    members: tuple[str, ...]
    title: str | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Invariant:
    condition: Expr
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Host:
    """`host E "why"` at top level: what the real machine's components satisfy under a guest."""

    condition: Expr
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Contract:
    """`contract user: IOPL == 0 and IF == 1`: what guests keep to while in virtual LEVEL."""

    level: str
    condition: Expr
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Assumption:
    """`assume board-mmu "text"`: an id of the registry."""

    id: str
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class State:
    """register, resource, control, loadable, hidden, pc, clock: `role NAME[size] : type`."""

    role: str
    names: tuple[str, ...]
    size: Expr | None
    type: TypeRef | None
    elements: tuple[str, ...]
    host: Expr | None
    title: str | None
    rows: tuple[Row, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Level:
    name: str
    value: int | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Mode:
    """`mode CPL = CS.RPL : 0 > 1 > 2 > 3`; `alias` None: a component of its own."""

    name: str
    alias: Expr | None
    levels: tuple[Level, ...]
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Banked:
    """`banked A7 : u32 by state`, then a row per level: the copy's name."""

    name: str
    type: TypeRef
    mode: str
    rows: tuple[tuple[str, str], ...]
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class BankRow:
    """`0x100  sstatus = mstatus & MASK  "text"`; `value` None: the component of that name."""

    number: int
    name: str
    value: Expr | None
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Bank:
    """Numbered views.  `write` is (parameter name, body)."""

    name: str
    params: tuple[Param, ...]
    type: TypeRef
    rows: tuple[BankRow, ...]
    read: tuple[Stmt, ...] | None
    write: tuple[str, tuple[Stmt, ...]] | None
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Alias:
    name: str
    params: tuple[Param, ...] | None
    value: Expr
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Memory:
    name: str
    size: Expr
    type: TypeRef
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    params: tuple[Param, ...]
    result: TypeRef | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Device:
    name: str
    size: Expr | None
    type: TypeRef | None
    operations: tuple[Operation, ...]
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Translate:
    """`processor`: accesses on the processor's behalf (descriptor tables), not the program's."""

    name: str
    params: tuple[Param, ...]
    target: str
    processor: bool
    title: str | None
    body: tuple[Stmt, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Trap:
    """`trap GP(code : u16) : fault = exception(13, 1, code) "text"`; kind None: fault."""

    name: str
    params: tuple[Param, ...]
    kind: str | None
    delivery: Call | None
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Deliver:
    name: str
    params: tuple[Param, ...]
    title: str | None
    body: tuple[Stmt, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Interrupt:
    """A step between instructions: `interrupt NAME when E` and its body."""

    name: str
    condition: Expr
    title: str | None
    body: tuple[Stmt, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Reset:
    body: tuple[Stmt, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Function:
    """`expression` set: `function f(..) = E`; else `body`."""

    name: str
    params: tuple[Param, ...]
    result: TypeRef | None
    expression: Expr | None
    body: tuple[Stmt, ...]
    title: str | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class AbstractFunction:
    """Uninterpreted in proofs; `expression`/`body` is its executable definition, if it has one."""

    name: str
    params: tuple[Param, ...]
    result: TypeRef
    expression: Expr | None
    body: tuple[Stmt, ...]
    title: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Names:
    """`names r32 = eax, ecx, ...`: what an operand field prints as."""

    name: str
    words: tuple[str, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Token:
    name: str
    items: tuple[EncItem, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Immediate:
    """`immediate ib : u8, iz : bits(opsize)`."""

    params: tuple[Param, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class PrefixRow:
    """`26 2E 36 3E 64 65  segment`: field `segment` is 0 without, else the position from 1."""

    codes: tuple[str, ...]
    name: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Prefix:
    rows: tuple[PrefixRow, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Context:
    """`context opsize : 16, 32 = if ..`: a finite value that splits forms where widths need it."""

    name: str
    values: tuple[int, ...]
    value: Expr
    title: str | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Format:
    name: str
    items: tuple[EncItem, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class OperandRow:
    """`mod=01 rm=100 sib d8  "[...]"  home(base) : gpr[base] + ...  before S after S`.

    `address` None: `value` is the location itself; else `value : address` is a (segment, offset)
    pair, the index of an address space.
    """

    pattern: tuple[EncItem, ...]
    syntax: str
    value: Expr
    address: Expr | None
    before: Stmt | None
    after: Stmt | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Operand:
    """`operand ea(n) over mode:3 reg:3` and its table; or `operand r8 "{reg|r8}" = gpr8(reg)`.

    `layout` are the fields that stand where the operand's name stands in an encoding.
    """

    name: str
    params: tuple[Param, ...]
    layout: tuple[EncItem, ...]
    rows: tuple[OperandRow, ...]
    inline: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """Column values as written; `value` None: a table of columns only."""

    name: str
    columns: tuple[str, ...]
    value: Expr | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Family:
    """`family alu(n : u3) of (a, b)`, a row per member."""

    name: str
    columns: tuple[Param, ...]
    formals: tuple[str, ...]
    title: str | None
    rows: tuple[FamilyRow, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class OperandRef:
    """`dst:rm16` (name, kind), `v` (kind None: the operand kind or field of that name).

    `args` are static arguments of the kind: `src:ea(8)`.
    """

    name: str
    kind: str | None
    args: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FormRow:
    """`rm8, ib : 80 /n ib`: kinds for the header's operands in order, and the encoding."""

    kinds: tuple[OperandRef, ...]
    encoding: tuple[EncItem, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Encoding:
    items: tuple[EncItem, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Forms:
    rows: tuple[FormRow, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Syntax:
    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class See:
    manual: str
    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Expect:
    classes: tuple[str, ...]
    why: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Valid:
    condition: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Note:
    text: str
    span: Span = _span()


Property = Encoding | Forms | Syntax | See | Expect | Valid | Note


@dataclass(frozen=True, slots=True)
class Instruction:
    """`families` are the dotted words of the mnemonic: `alu`, `arith.size`, or just `POPF`."""

    words: tuple[str, ...]
    operands: tuple[OperandRef, ...]
    name: str | None
    title: str | None
    properties: tuple[Property, ...]
    body: tuple[Stmt, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Amendment:
    """`where`: `before`, `after` or `replace`."""

    where: str
    body: tuple[Stmt, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Amend:
    """Changes instructions, groups, functions, translations or deliveries, by name."""

    targets: tuple[str, ...]
    properties: tuple[Property, ...]
    changes: tuple[Amendment, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Remove:
    targets: tuple[str, ...]
    span: Span = _span()


Item = (
    Header
    | Include
    | Manual
    | Code
    | Numbering
    | Constant
    | Parameter
    | TypeDef
    | EnumDef
    | Group
    | Invariant
    | Host
    | Contract
    | Assumption
    | State
    | Mode
    | Banked
    | Bank
    | Alias
    | Memory
    | Device
    | Translate
    | Trap
    | Deliver
    | Interrupt
    | Reset
    | Function
    | AbstractFunction
    | Names
    | Token
    | Immediate
    | Prefix
    | Context
    | Format
    | Operand
    | Family
    | Instruction
    | Amend
    | Remove
)


@dataclass(frozen=True, slots=True)
class File:
    """One parsed file, its items in order."""

    items: tuple[Item, ...]
    span: Span = _span()
