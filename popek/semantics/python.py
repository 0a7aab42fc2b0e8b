"""Clauses as Python source: a step over integers that is fast where nothing special happens.

What is compiled is the step of one instruction, its fields and some components being constants.
Where it does not simply complete (a trap, a device, a wait, something left open, a translation
that stores), the function raises `Special`, having done nothing: `popek.semantics.step` says what
happens then.  Nothing else than speed depends on this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from popek.isa import ir
from popek.isa.footprint import writes
from popek.isa.ir import Op
from popek.semantics.ints import Ints
from popek.semantics.step import Inputs, next_pc
from popek.semantics.storage import memory_of
from popek.terms import ArrayValue


class Special(Exception):
    """This step is not one that simply completes."""


class Unsuited(Exception):
    """No step of this clause is."""


#: What a step changes: components, and cells by memory; the cells that programs' accesses reach.
Done = tuple[dict[str, Any], dict[str, dict[int, int]], dict[str, list[int]]]

#: From the components, whose banks have the default 0, the cells of the memories, and what is no
#: state.
Quick = Callable[[Mapping[str, Any], Mapping[str, Mapping[int, int]], Inputs[int]], Done]

#: Whether a condition holds in a state.
Holds = Callable[[Mapping[str, Any], Inputs[int]], int]

_INTS: Final = Ints({})
_INFIX: Final = {Op.AND: "&", Op.OR: "|", Op.XOR: "^"}
_COMPARED: Final = {Op.EQ: "==", Op.ULT: "<", Op.ULE: "<=", Op.SLT: "<", Op.SLE: "<="}

#: Longer functions are not worth their compilation (characters).
LONGEST: Final = 100_000

#: What an expression comes to: a number, or source text in brackets where it needs them.
_Text = int | str


def quick_step(
    isa: ir.Isa, form: ir.Form, fields: Mapping[str, int], known: Mapping[str, int]
) -> Quick:
    """The step of an instruction with these fields, where components are as `known` says.

    Raises Unsuited.
    """
    constant = {n: v for n, v in known.items() if n not in writes(form.body)}
    writer = _Writer(isa, fields, constant)
    writer.lines.append((0, f"target = {writer.value(next_pc(isa, form))}"))
    writer.body(form.body, 0)
    return cast(Quick, _compiled(writer.function("step", form.name), "step"))


def quick_condition(isa: ir.Isa, setup: Sequence[ir.Stmt], condition: ir.Expr) -> Holds:
    """A condition on states.  Raises Unsuited where it reaches memory, say."""
    writer = _Writer(isa, {}, {})
    writer.body(setup, 0)
    result = writer.value(condition)
    text = "".join(f"    {line}\n" for line in writer.prelude())
    text += "".join(f"    {'    ' * by}{line}\n" for by, line in writer.lines)
    if writer.memories:
        raise Unsuited
    return cast(Holds, _compiled(f"def holds(s, i):\n{text}    return {result}\n", "holds"))


def _compiled(text: str, name: str) -> object:
    scope: dict[str, object] = {"Special": Special, "ArrayValue": ArrayValue}
    exec(compile(text, "<clause>", "exec"), scope)
    return scope[name]


@dataclass
class _Writer:
    """The source of one clause.  `assigned` are the components that it may write."""

    isa: ir.Isa
    fields: Mapping[str, int]
    known: Mapping[str, int]
    lines: list[tuple[int, str]] = field(default_factory=list)
    components: dict[str, str] = field(default_factory=dict)
    assigned: dict[str, None] = field(default_factory=dict)
    memories: dict[str, str] = field(default_factory=dict)
    stored: dict[str, None] = field(default_factory=dict)
    walks: dict[tuple[str, ir.Access, int], str] = field(default_factory=dict)
    definitions: list[str] = field(default_factory=list)
    #: Whether it writes a translation.
    inside: bool = False

    # ------------------------------------------------------------ the whole

    def prelude(self) -> Iterator[str]:
        """What is read from the state."""
        for name, variable in self.components.items():
            if self.isa.components[name].size is None:
                yield f"{variable} = s[{name!r}]"
            else:
                yield f"{variable} = s[{name!r}].entries"
        for name, variable in self.memories.items():
            yield f"{variable} = m[{name!r}]"
            yield f"w_{variable} = {{}}"
            yield f"x_{variable} = []"

    def function(self, name: str, title: str) -> str:
        """The function's source."""
        self._forget_unused()
        changed = [f"{self.isa.pc!r}: target"]
        for component in self.assigned:
            variable = self.components[component]
            banked = self.isa.components[component].size is not None
            value = f"ArrayValue(s[{component!r}].default, {variable})" if banked else variable
            changed.append(f"{component!r}: {value}")
        cells = ", ".join(f"{n!r}: w_{self.memories[n]}" for n in self.stored)
        lines = [f"def {name}(s, m, i):", *(f"    {line}" for line in self.prelude())]
        lines += [f"    {line}" for text in self.definitions for line in text.splitlines()]
        lines += [f"    {'    ' * by}{line}" for by, line in self.lines]
        reached = ", ".join(f"{n!r}: x_{v}" for n, v in self.memories.items())
        lines.append(f"    return {{{', '.join(changed)}}}, {{{cells}}}, {{{reached}}}")
        if sum(map(len, lines)) > LONGEST:
            raise Unsuited
        return f"# {title}\n" + "\n".join(lines) + "\n"

    def _forget_unused(self) -> None:
        """Locals that nothing reads are not computed."""
        while True:
            text = "\n".join([*(line for _, line in self.lines), *self.definitions])
            used = set(re.findall(r"\bl_\w+\b(?! = )", text))
            kept = [
                (by, "pass" if (found := _SET.match(line)) and found[1] not in used else line)
                for by, line in self.lines
            ]
            if kept == self.lines:
                return
            self.lines = kept

    # ------------------------------------------------------------ statements

    def body(self, body: Sequence[ir.Stmt], by: int) -> None:
        """The statements of a block, indented."""
        start = len(self.lines)
        for stmt in body:
            self._statement(stmt, by)
        if len(self.lines) == start and by:
            self.lines.append((by, "pass"))

    def _statement(self, stmt: ir.Stmt, by: int) -> None:
        def say(line: str) -> None:
            self.lines.append((by, line))

        match stmt:
            case ir.Set(local=local, value=value):
                say(f"{_local(local)} = {self.value(value)}")
            case ir.Write(component=component, value=value):
                self._write(component, value, say)
            case ir.WriteElement(component=component, index=index, value=value):
                self._write_element(component, index, value, say)
            case ir.Load(local=local, space=space, args=args, units=units):
                cells = self._cells(ir.Access.READ, space, args, units, say)
                say(f"{_local(local)} = {self._joined(space, cells)}")
            case ir.Store(space=space, args=args, units=units, value=value):
                self._store(space, args, units, value, say)
            case ir.Check(access=access, space=space, args=args, units=units):
                if space in self.isa.translations:
                    whole = access is not ir.Access.FETCH
                    self._cells(access, space, args, units, say, whole=whole)
            case ir.If(condition=condition, then=then, otherwise=otherwise):
                self._branch(self.value(condition), then, otherwise, by)
            case ir.Require(condition=condition):
                text = self.value(condition)
                if text == 0:
                    say("raise Special")
                elif text != 1:
                    say(f"if not {text}: raise Special")
            case ir.HostRequire():
                pass
            case ir.Jump(target=target):
                say(f"target = {self.value(target)}")
            case _:
                say("raise Special")

    def _branch(
        self, test: _Text, then: Sequence[ir.Stmt], otherwise: Sequence[ir.Stmt], by: int
    ) -> None:
        if isinstance(test, int):
            self.body(then if test else otherwise, by)
            return
        self.lines.append((by, f"if {test}:"))
        self.body(then, by + 1)
        if otherwise:
            self.lines.append((by, "else:"))
            self.body(otherwise, by + 1)

    def _write(self, component: str, value: ir.Expr, say: Callable[[str], None]) -> None:
        text = self.value(value)
        if component == self.isa.pc:
            say(f"target = {text}")
            return
        variable = self._component(component)
        self.assigned[component] = None
        say(f"{variable} = {text}")

    def _write_element(
        self, name: str, index: ir.Expr, value: ir.Expr, say: Callable[[str], None]
    ) -> None:
        at, inside = self._index(name, index)
        text = self.value(value)
        variable = self._component(name)
        self.assigned[name] = None
        if inside == 0:
            return
        guard = "" if inside == 1 else f"if {inside}: "
        say(f"{guard}{variable} = {{**{variable}, {at}: {text}}}")

    # ------------------------------------------------------------ memory

    def _cells(
        self,
        access: ir.Access,
        space: str,
        args: Sequence[ir.Expr],
        units: int,
        say: Callable[[str], None],
        *,
        whole: bool = True,
    ) -> list[str]:
        """Variables with the cells of an access, unit by unit; `whole`: through all stages."""
        values = [self.value(a) for a in args]
        width, start = args[-1].width, values[-1]
        found = []
        for i in range(units):
            last = start if not i else _masked(f"{start} + {i}", width, start, i)
            cell: _Text = last
            inner, given, first = space, [*values[:-1], last], start
            while inner in self.isa.translations:
                walk = self._walk(inner, access, units)
                variable = f"c{len(self.lines)}_{i}_{len(given)}_{inner}"
                say(f"{variable} = {walk}({', '.join(map(str, [*given, first]))})")
                cell = first = variable
                given, inner = [variable], self.isa.translations[inner].target
                if not whole:
                    break
            found.append(str(cell))
            if whole and not self.inside and not self._of_processor(space):
                say(f"x_{self._memory(space)[1]}.append({cell})")
        return found

    def _of_processor(self, space: str) -> bool:
        translation = self.isa.translations.get(space)
        return translation is not None and translation.processor

    def _walk(self, space: str, access: ir.Access, units: int) -> str:
        """A function inside the step's that walks one translation."""
        key = space, access, units
        if key in self.walks:
            return self.walks[key]
        name = self.walks[key] = f"t_{space}_{access.value}_{units}"
        translation = self.isa.translations[space]
        outer, self.lines = (self.lines, self.inside), []
        self.inside = True
        params = [_local(p.name) for p in translation.params]
        self.lines += [
            (1, f"{_local('access')} = {list(ir.Access).index(access)}"),
            (1, f"{_local('size')} = {units}"),
        ]
        effects = len(self.stored) + len(self.assigned)
        self.body(translation.body, 1)
        if len(self.stored) + len(self.assigned) > effects:
            raise Unsuited
        lines = [f"{'    ' * by}{line}" for by, line in self.lines]
        lines.append(f"    return {_local(translation.result.name)}")
        self.lines, self.inside = outer
        head = f"def {name}({', '.join([*params, _local('start')])}):"
        self.definitions.append("\n".join([head, *lines]))
        return name

    def _memory(self, space: str) -> tuple[ir.Memory, str]:
        memory = memory_of(self.isa, space)
        return memory, self.memories.setdefault(memory.name, f"m_{len(self.memories)}")

    def _joined(self, space: str, cells: Sequence[str]) -> str:
        """The value of cells at rising addresses."""
        memory, variable = self._memory(space)
        ordered = list(cells) if self.isa.endian == "big" else list(reversed(cells))
        text = ""
        for cell in ordered:
            before = f"{variable}.get({cell}, 0)"
            unit = f"(w_{variable}[{cell}] if {cell} in w_{variable} else {before})"
            text = unit if not text else f"({text} << {memory.width} | {unit})"
        return text

    def _store(
        self,
        space: str,
        args: Sequence[ir.Expr],
        units: int,
        value: ir.Expr,
        say: Callable[[str], None],
    ) -> None:
        if self.inside:  # the mark of an access that was made
            say("raise Special")
            return
        memory, variable = self._memory(space)
        cells = self._cells(ir.Access.WRITE, space, args, units, say)
        self.stored[memory.name] = None
        text, mask = self.value(value), (1 << memory.width) - 1
        say(f"stored = {text}")
        order = range(units) if self.isa.endian != "big" else reversed(range(units))
        for cell, position in zip(cells, order, strict=True):
            say(f"w_{variable}[{cell}] = stored >> {position * memory.width} & {mask}")

    # ------------------------------------------------------------ expressions

    def _component(self, name: str) -> str:
        return self.components.setdefault(name, f"r_{len(self.components)}")

    def _index(self, name: str, index: ir.Expr) -> tuple[_Text, _Text]:
        """The index into a bank, and whether it is inside."""
        component = self.isa.components[name]
        assert component.size is not None
        at = self.value(index)
        if component.size >= 1 << index.width:
            return at, 1
        inside = int(at < component.size) if isinstance(at, int) else f"({at} < {component.size})"
        return at, inside

    def value(self, expr: ir.Expr) -> _Text:
        """An expression's value: a number where it is one."""
        match expr:
            case ir.Const(value=value, width=width):
                return value & ((1 << width) - 1)
            case ir.Local(name=name):
                return _local(name)
            case ir.Field(name=name):
                return self.fields[name]
            case ir.Read(component=component):
                if component in self.known and component not in self.assigned:
                    return self.known[component]
                return self._component(component)
            case ir.ReadElement(component=component, index=index):
                at, inside = self._index(component, index)
                if inside == 0:
                    return 0
                text = f"{self._component(component)}.get({at}, 0)"
                return text if inside == 1 else f"({text} if {inside} else 0)"
            case ir.Extract(value=inner, high=high, low=low):
                return _extracted(self.value(inner), high, low, inner.width)
            case ir.Operation(op=op, args=args, width=width):
                return self._operation(op, args, width)
            case ir.Input(kind=kind, site=site, width=width):
                return f"i({kind.value!r}, {site!r}, {width})"
            case ir.Apply():
                raise Unsuited

    def _operation(self, op: Op, args: Sequence[ir.Expr], width: int) -> _Text:
        if op is Op.ITE:
            return self._choice(args)
        values = [self.value(a) for a in args]
        widths = [a.width for a in args]
        numbers = [v for v in values if isinstance(v, int)]
        if len(numbers) == len(values):
            return _INTS.operation(op, numbers, widths, width)
        if width == 1 and op in (Op.AND, Op.OR):
            decisive = int(op is Op.OR)
            if decisive in numbers:
                return decisive
            values = [v for v in values if not isinstance(v, int)]
            if len(values) == 1:
                return values[0]
        return _text(op, [str(v) for v in values], widths, width)

    def _choice(self, args: Sequence[ir.Expr]) -> _Text:
        test = self.value(args[0])
        if isinstance(test, int):
            return self.value(args[1] if test else args[2])
        then, otherwise = self.value(args[1]), self.value(args[2])
        return then if then == otherwise else f"({then} if {test} else {otherwise})"


_SET: Final = re.compile(r"(l_\w+) = ")


def _local(name: str) -> str:
    """A name of Python's for a local."""
    return "l_" + re.sub(r"\W", lambda found: f"_{ord(found[0])}_", name)


def _masked(text: str, width: int, start: _Text, by: int) -> _Text:
    mask = (1 << width) - 1
    return (start + by) & mask if isinstance(start, int) else f"({text} & {mask})"


def _extracted(value: _Text, high: int, low: int, width: int) -> _Text:
    mask = (1 << (high - low + 1)) - 1
    if isinstance(value, int):
        return value >> low & mask
    shifted = f"{value} >> {low}" if low else value
    return f"({shifted})" if high == width - 1 else f"({shifted} & {mask})"


def _text(op: Op, args: list[str], widths: list[int], width: int) -> str:
    """The source of an operator."""
    mask = (1 << width) - 1
    match op:
        case Op.AND | Op.OR | Op.XOR:
            return f"({f' {_INFIX[op]} '.join(args)})"
        case Op.NOT:
            return f"({args[0]} ^ {mask})"
        case Op.NEG:
            return f"(-{args[0]} & {mask})"
        case Op.ADD | Op.SUB | Op.MUL:
            sign = {Op.ADD: "+", Op.SUB: "-", Op.MUL: "*"}[op]
            return f"(({args[0]} {sign} {args[1]}) & {mask})"
        case Op.EQ | Op.ULT | Op.ULE:
            return f"(1 if {args[0]} {_COMPARED[op]} {args[1]} else 0)"
        case Op.SLT | Op.SLE:
            a, b = (_signed(x, w) for x, w in zip(args, widths, strict=True))
            return f"(1 if {a} {_COMPARED[op]} {b} else 0)"
        case Op.ZEXT:
            return args[0]
        case Op.SEXT:
            return f"({_signed(args[0], widths[0])} & {mask})"
        case Op.CONCAT:
            text = args[0]
            for arg, w in zip(args[1:], widths[1:], strict=True):
                text = f"({text} << {w} | {arg})"
            return text
        case Op.SHL:
            return f"(({args[0]} << {args[1]}) & {mask} if {args[1]} < {width} else 0)"
        case Op.LSHR:
            return f"({args[0]} >> {args[1]} if {args[1]} < {width} else 0)"
        case Op.ASHR:
            return f"({_signed(args[0], width)} >> min({args[1]}, {width}) & {mask})"
        case Op.UDIV:
            return f"({args[0]} // {args[1]} if {args[1]} else {mask})"
        case Op.UREM:
            return f"({args[0]} % {args[1]} if {args[1]} else {args[0]})"
        case _:
            raise Unsuited


def _signed(text: str, width: int) -> str:
    sign = 1 << (width - 1)
    return f"(({text} ^ {sign}) - {sign})"
