"""A tiny interpreter of bodies, so that tests say what a clause does, not how it is written."""

from __future__ import annotations

from dataclasses import dataclass, field

from popek.isa import bits, ir
from popek.isa.load import load_source

HEADER = """isa "Small"
manual M1 = "A manual"
code 16 bits big
memory   E[2**16] : u16
mode     M : supervisor > user
pc       P : u16
register a[8] : u16
register F : u16
  0      C
  1      Z
  5..2   K
  15     = 1
resource R
  l : u16
  b : u16
trap bad
trap call(n : u8) : completes
deliver all
  skip
"""


class Trapped(Exception):
    """The body raised a trap."""


def spec(text: str, header: str = HEADER) -> ir.Isa:
    """A spec from the small machine and `text`."""
    return load_source(header + text)


def form(body: str, more: str = "") -> ir.Form:
    """The form of an instruction `T x, y` with this body."""
    lines = "".join(f"  {line}\n" for line in body.splitlines())
    text = f"{more}\ninstruction T x, y\n  encoding 0001 0000 x:4 y:4\n{lines}"
    return spec(text).forms[0]


@dataclass
class Machine:
    """State by component name; banks and memories are dictionaries."""

    scalars: dict[str, int] = field(default_factory=dict)
    banks: dict[str, dict[int, int]] = field(default_factory=dict)
    memory: dict[int, int] = field(default_factory=dict)
    fields: dict[str, int] = field(default_factory=dict)
    locals: dict[str, int] = field(default_factory=dict)
    events: list[tuple[object, ...]] = field(default_factory=list)
    inputs: int = 0

    def value(self, expr: ir.Expr) -> int:
        """The value of an expression now."""
        match expr:
            case ir.Const(value=value):
                return value
            case ir.Local(name=name):
                return self.locals[name]
            case ir.Read(component=name):
                return self.scalars.get(name, 0)
            case ir.ReadElement(component=name, index=index):
                return self.banks.get(name, {}).get(self.value(index), 0)
            case ir.Field(name=name):
                return self.fields.get(name, 0)
            case ir.Input():
                self.inputs += 1
                return self.inputs
            case ir.Extract(value=inner, high=high, low=low):
                return self.value(inner) >> low & ((1 << (high - low + 1)) - 1)
            case ir.Operation(op=ir.Op.ITE, args=(condition, then, otherwise)):
                return self.value(then if self.value(condition) else otherwise)
            case ir.Operation(op=op, args=args, width=width):
                consts = [bits.const(self.value(arg), arg.width) for arg in args]
                return self._fold(op, consts, width)
            case ir.Apply():
                raise NotImplementedError
        raise AssertionError(expr)

    @staticmethod
    def _fold(op: ir.Op, args: list[ir.Const], width: int) -> int:
        match op:
            case ir.Op.NOT:
                result = bits.not_(args[0])
            case ir.Op.NEG:
                result = bits.neg(args[0])
            case ir.Op.ZEXT:
                result = bits.zext(args[0], width)
            case ir.Op.SEXT:
                result = bits.sext(args[0], width)
            case ir.Op.CONCAT:
                result = bits.concat(args)
            case _:
                result = args[0]
                for arg in args[1:]:
                    result = bits.binary(op, result, arg)
        assert isinstance(result, ir.Const)
        assert result.width == width
        return result.value

    def run(self, body: tuple[ir.Stmt, ...]) -> Machine:
        """Do the statements of a body."""
        for stmt in body:
            self._statement(stmt)
        return self

    def _statement(self, stmt: ir.Stmt) -> None:
        match stmt:
            case ir.Set(local=local, value=value):
                self.locals[local] = self.value(value)
            case ir.Write(component=component, value=value):
                self.scalars[component] = self.value(value)
            case ir.WriteElement(component=component, index=index, value=value):
                self.banks.setdefault(component, {})[self.value(index)] = self.value(value)
            case ir.Load(local=local, args=args, units=units, width=width):
                address = self.value(args[-1])
                result = 0
                for unit in range(units):
                    result = result << width // units | self.memory.get(address + unit, 0)
                self.locals[local] = result
                self.events.append(("load", address))
            case ir.Store(args=args, units=units, value=value):
                address, number = self.value(args[-1]), self.value(value)
                size = value.width // units
                for unit in range(units):
                    shift = size * (units - 1 - unit)
                    self.memory[address + unit] = number >> shift & ((1 << size) - 1)
                self.events.append(("store", address))
            case ir.If(condition=condition, then=then, otherwise=otherwise):
                self.run(then if self.value(condition) else otherwise)
            case ir.Require(condition=condition, trap=trap, args=args):
                if not self.value(condition):
                    raise Trapped(trap, *(self.value(arg) for arg in args))
            case ir.Jump(target=target):
                self.events.append(("jump", self.value(target)))
            case ir.DeviceInput(local=local, device=device, operation=operation, args=args):
                self.inputs += 1
                self.locals[local] = self.inputs
                self.events.append((device, operation, *(self.value(arg) for arg in args)))
            case ir.DeviceOutput(device=device, operation=operation, args=args):
                self.events.append((device, operation, *(self.value(arg) for arg in args)))
            case _:
                self.events.append((type(stmt).__name__,))
