"""The names that a design adds to its spec's, and its map from real states to virtual ones."""

from __future__ import annotations

from collections.abc import Iterator

from popek.diagnostics import Note
from popek.hypervisor.design import VCPU, Direct, Kept, Placement, Row, Selected, kept
from popek.hypervisor.reading import Reading
from popek.isa import expressions, fields, ir, places
from popek.isa.clause import Clause
from popek.isa.definitions import Device, Part, Register, Space
from popek.isa.errors import fail, unknown
from popek.isa.scope import Scope
from popek.isa.values import Typed
from popek.source import Span
from popek.syntax import design_tree, tree


class Arranging:
    """Reads the rows of `host`, `vcpu` and `state`."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.where: dict[str, Span] = {}
        self.rows: dict[str, Row] = {}
        self.placements: dict[str, Placement] = {}
        self.devices: set[str] = set()
        self.shadowed: set[str] = set()
        self.parameters: dict[str, ir.Component] = {}
        self.extras: dict[str, ir.Component] = {}

    def arrange(self, span: Span) -> None:
        """All rows; `span` is where what is missing is said."""
        for row in self.reading.rows(design_tree.HeldParameter):
            self.reading.attempt(self._parameter, row)
        for extra in self.reading.rows(design_tree.VcpuRow):
            self.reading.attempt(self._extra, extra)
        self.reading.attempt(self._direct_rows)
        self.reading.collector.check()
        self.reading.world.namespaces[VCPU] = self._entry
        self.reading.attempt(self._kept_rows)
        self.reading.attempt(self._settings)
        self._complete(span)

    def _entry(self, name: str) -> str:
        """Where the guest's own `name` is: a direct component is the machine's."""
        if name.startswith(f"{VCPU}.") or isinstance(self.rows.get(name), Direct):
            return name
        return kept(name)

    def _parameter(self, row: design_tree.HeldParameter) -> None:
        width = self.reading.world.width_of(row.type)
        component = ir.Component(
            row.name, ir.Role.PARAMETER, width, None, row.span, row.title or ""
        )
        item = tree.Parameter(row.name, row.type, None, row.title, span=row.span)
        self.reading.world.declare(row.name, item, row.span)
        self.parameters[row.name] = component

    def _extra(self, row: design_tree.VcpuRow) -> None:
        name = kept(row.name)
        width, layout = self.reading.world.type_of(row.type)
        size = None if row.size is None else self.reading.world.number(row.size)
        if size is not None and not 0 < size <= 1 << 20:
            raise fail("E0307", f"{size} elements", row.span)
        component = ir.Component(name, ir.Role.RESOURCE, width, size, row.span, row.title or "")
        part = Part(name, width, layout)
        register = Register(name, ir.Role.RESOURCE, size, part, {}, layout, row.span)
        self.reading.world.declare(name, register, row.span)
        self.reading.world.components[name] = component
        self.extras[name] = component

    # ------------------------------------------------------------ the map

    def _direct_rows(self) -> None:
        for row in self.reading.rows(design_tree.Direct):
            for place in row.places:
                if row.at is not None:
                    self.reading.attempt(self._placed, place, row)
                    continue
                for name in self.reading.attempt(self._components, place) or ():
                    banked = self.reading.isa.components[name].banked
                    self._arrange(name, Selected() if banked else Direct(), row.span)
        for loaded in self.reading.rows(design_tree.Loaded):
            for place in loaded.places:
                for name in self.reading.attempt(self._components, place) or ():
                    self._arrange(name, Direct(), loaded.span)

        for shadowed in self.reading.rows(design_tree.Shadowed):
            for place in shadowed.places:
                self.reading.attempt(self._shadow, place)

    def _shadow(self, place: tree.Expr) -> None:
        known = self.reading.isa.translations
        if not isinstance(place, tree.Name) or place.id not in known:
            raise unknown("translation", place.span.text, place.span, known)
        self.shadowed.add(place.id)

    def _kept_rows(self) -> None:
        for row in self.reading.rows(design_tree.Virtual):
            for place in row.places:
                if isinstance(place, tree.Name) and isinstance(
                    self.reading.world.lookup(place.id), Device
                ):
                    self.devices.add(place.id)
                    self.where[place.id] = row.span
                    continue
                for name in self.reading.attempt(self._components, place) or ():
                    width = self.reading.isa.components[name].width
                    value, real = (
                        None
                        if node is None
                        else self.reading.attempt(self.reading.pure, node, width)
                        for node in (row.value, row.real)
                    )
                    if real is not None and self._wired(name, row.span):
                        real = None
                    self._arrange(name, Kept(value, real), row.span)

    def _settings(self) -> None:
        for row in self.reading.rows(design_tree.Setting):
            for name in self.reading.attempt(self._components, row.place) or ():
                held = self.rows.get(name)
                if self._wired(name, row.span):
                    continue
                if not isinstance(held, Kept) or held.real is not None:
                    what = "given a real value by its row" if isinstance(held, Kept) else "direct"
                    if held is not None:
                        self.reading.collector.add("E1003", f"`{name}` is {what} already", row.span)
                    continue
                real = self.reading.pure(row.value, self.reading.isa.components[name].width)
                self.rows[name] = Kept(held.value, real)

    def _wired(self, name: str, span: Span) -> bool:
        """Whether it is a parameter of the processor, which no host sets."""
        wired = self.reading.isa.components[name].role is ir.Role.PARAMETER
        if wired:
            what = f"`{name}` is a parameter of the processor: the real machine has it as it is"
            self.reading.collector.add("E1003", what, span)
        return wired

    def _arrange(self, name: str, row: Row, span: Span) -> None:
        if (first := self.where.get(name)) is not None:
            notes = [Note(first, "the first one")]
            self.reading.collector.add("E0203", f"`{name}` has two rows", span, notes=notes)
            return
        self.where[name] = span
        self.rows[name] = row

    def _placed(self, place: tree.Expr, row: design_tree.Direct) -> None:
        """`E[i] direct at E[region + i] when i < size`."""
        match place, row.at:
            case (
                tree.Index(base=tree.Name(id=memory), args=(tree.Name(id=index),)),
                tree.Index(base=tree.Name(id=target), args=(at,)),
            ) if memory == target and memory in self.reading.world.memories:
                width = self.reading.world.memories[memory].index_width
                local = ir.Local(index, width)
                scope = Scope(names={index: Typed(local)})
                clause = Clause(self.reading.world)
                target_cell = expressions.coerced(clause, scope, at, width, "index")
                assert row.exists is not None
                exists = expressions.condition(clause, scope, row.exists).expr
                match target_cell, exists:
                    case (
                        ir.Operation(op=ir.Op.ADD, args=(base, last)),
                        ir.Operation(op=ir.Op.ULT, args=(first, size)),
                    ) if last == first == local and not clause.block:
                        self.placements[memory] = Placement(memory, base, size)
                        self.where[memory] = row.span
                        return
                    case _:
                        pass
            case _:
                pass
        raise fail(
            "E1002",
            "a memory of the guest's is one piece of the real one",
            row.span,
            hint="write `E[i]  direct at E[region + i] when i < size`",
        )

    def _components(self, node: tree.Expr) -> tuple[str, ...]:
        """The components that a place consists of."""
        if isinstance(node, tree.Name):
            definition = self.reading.world.lookup(node.id)
            if isinstance(definition, tree.Parameter):
                return (node.id,)
            if isinstance(definition, Space):
                raise fail(
                    "E1002",
                    f"`{node.id}` is placed cell by cell",
                    node.span,
                    hint=f"write `{node.id}[i]  direct at {node.id}[region + i] when i < size`",
                )
        names = tuple(
            dict.fromkeys(_parts(expressions.denote(Clause(self.reading.world), Scope(), node)))
        )
        if not names:
            raise fail("E1002", "this is no part of the state", node.span)
        return names

    def _complete(self, span: Span) -> None:
        """Every part of the state has a row; parameters are the same for both by default."""
        missing = []
        for component in self.reading.isa.components.values():
            if component.name in self.rows:
                continue
            if component.role is ir.Role.PARAMETER:
                self.rows[component.name] = Direct()
            else:
                missing.append(component.name)
        missing += [m for m in self.reading.isa.memories if m not in self.placements]
        missing += [d for d in self.reading.isa.devices if d not in self.devices]
        if missing:
            self.reading.collector.add(
                "E1001",
                f"the design does not say how it keeps {', '.join(missing)}",
                span,
                hint="each part of the guest's state has a row in `state`: direct or virtual",
            )


def _parts(found: object) -> Iterator[str]:
    """The components that a place is made of."""
    match found:
        case fields.RegisterFile(definition=definition):
            parts = [definition.whole] if definition.whole else definition.parts.values()
            yield from (part.component for part in parts)
        case fields.DividedRegister(definition=definition):
            yield from (part.component for part in definition.parts.values())
        case places.Component(component=name) | places.BankElement(component=name):
            yield name
        case places.Joined(parts=inner):
            for part in inner:
                yield from _parts(part)
        case _:
            return
