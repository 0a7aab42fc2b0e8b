"""What a design claims, at what cost, and on which assumptions."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from popek.hypervisor.design import Cost, Expectation, Property
from popek.hypervisor.reading import CLASSES, Reading
from popek.isa import ir
from popek.isa.assumptions import REGISTRY
from popek.isa.errors import unknown
from popek.source import Span
from popek.syntax import design_tree


@dataclass(frozen=True)
class Claims:
    """Reads `prove`, `expect`, `cost` and `assume`."""

    reading: Reading

    def proves(self) -> tuple[Property, ...]:
        """The properties that are claimed; all, if none is named."""
        items = [i for i in self.reading.items if isinstance(i, design_tree.Prove)]
        found = self.reading.all(items, self._prove)
        return tuple(p for some in found for p in some) or tuple(Property)

    def expectations(self) -> tuple[Expectation, ...]:
        """The counterexamples that are expected."""
        items = [i for i in self.reading.items if isinstance(i, design_tree.ExpectCounterexample)]
        return tuple(self.reading.all(items, self._expectation))

    def cost(self) -> Cost | None:
        """The cost model, if there is one."""
        return self.reading.attempt(self._cost)

    def assumptions(self) -> tuple[tuple[ir.Assumption, ...], tuple[ir.Predicate, ...]]:
        """Those of the registry, and conditions on the states in which the guest runs."""
        ids: list[ir.Assumption] = []
        contracts: list[ir.Predicate] = []
        for item in self.reading.items:
            if not isinstance(item, design_tree.Assume):
                continue
            text = item.condition.span.text.replace(" ", "")
            if text == "coherent-translation":
                message = "a design may not assume that its translations are coherent"
                self.reading.collector.add("E1008", message, item.span, hint="that is proved")
                continue
            if text in REGISTRY:
                ids.append(ir.Assumption(text, item.title or REGISTRY[text], item.span))
                continue
            made = self.reading.attempt(
                self.reading.predicate, item.condition, item.title, item.span
            )
            if made is not None:
                contracts.append(made)
        return tuple(ids), tuple(contracts)

    def _property(self, name: str, span: Span) -> Property:
        try:
            return Property(name)
        except ValueError:
            raise unknown("property", name, span, [p.value for p in Property]) from None

    def _prove(self, item: design_tree.Prove) -> tuple[Property, ...]:
        return tuple(self._property(name, item.span) for name in item.properties)

    def _expectation(self, item: design_tree.ExpectCounterexample) -> Expectation:
        known = {form.mnemonic for form in self.reading.isa.forms} | {
            form.name for form in self.reading.isa.forms
        }
        for name in item.names:
            if name not in known | {*CLASSES, *self.reading.isa.groups}:
                raise unknown("instruction, group or class", name, item.span, known)
        return Expectation(
            self._property(item.property, item.span), item.names, item.span.text, item.span
        )

    def _cost(self) -> Cost | None:
        known = [f.name for f in dataclasses.fields(Cost)]
        given = {}
        for row in self.reading.rows(design_tree.CostRow):
            if row.name not in known:
                raise unknown("cost", row.name, row.span, known)
            given[row.name] = self.reading.world.number(row.value)
        return Cost(**given) if given else None
