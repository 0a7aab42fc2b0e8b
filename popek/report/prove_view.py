"""A proof as it is shown: for each form and disposition one entry, the levels together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from popek.hypervisor.design import Disposition, Property
from popek.hypervisor.exhibit import Exhibit
from popek.hypervisor.proof import FormProof, InterruptProof, Proof, verdict_of
from popek.isa import ir
from popek.report.code import Code
from popek.report.prove_words import form_exhibit, form_reason
from popek.theory.theorems import Verdict
from popek.theory.verdict import Class, Refuted, Witness

_WORST_FIRST = (Verdict.REFUTED, Verdict.UNDECIDED, Verdict.PROVED)


@dataclass(frozen=True)
class Entry:
    """A form under one disposition; `proofs` are of its levels, the most telling one first."""

    of: Property
    kind: Class
    proofs: tuple[FormProof, ...]

    @property
    def form(self) -> ir.Form:
        return self.proofs[0].form

    @property
    def disposition(self) -> Disposition:
        return self.proofs[0].disposition

    @property
    def verdict(self) -> Verdict:
        return verdict_of(one.finding for one in self.proofs)

    @property
    def levels(self) -> Mapping[str, Verdict]:
        """The verdict at each level, from the most privileged one down."""
        found: dict[str, list[FormProof]] = {}
        for one in self.proofs:
            found.setdefault(one.level.name, []).append(one)
        order = [level.name for level in self.proofs[0].case.design.isa.mode.levels]
        return {
            name: verdict_of(one.finding for one in found[name]) for name in order if name in found
        }

    @property
    def reason(self) -> str:
        """Of the most telling proof."""
        return form_reason(self.of, self.proofs[0])

    @property
    def witness(self) -> Witness | None:
        finding = self.proofs[0].finding
        return finding.witness if isinstance(finding, Refuted) else None

    @cached_property
    def exhibit(self) -> Exhibit | None:
        """What the witness shows."""
        return form_exhibit(self.proofs[0])


@dataclass(frozen=True)
class ProofView:
    """What is shown of a proof."""

    proof: Proof

    @cached_property
    def code(self) -> Code:
        """Writes the instructions of witnesses."""
        return Code(self.proof.design.isa)

    def entries(self, property: Property) -> tuple[Entry, ...]:
        """The forms of a property, in the order of the spec."""
        return tuple(self._entries(property))

    def refuted(self, property: Property) -> list[Entry]:
        """The forms at which it fails."""
        return [e for e in self.entries(property) if e.verdict is Verdict.REFUTED]

    def undecided(self, property: Property) -> list[Entry]:
        """The forms at which it is not decided."""
        return [e for e in self.entries(property) if e.verdict is Verdict.UNDECIDED]

    def between(self, property: Property) -> tuple[InterruptProof, ...]:
        """What is proved or not between instructions."""
        return self.proof.properties[property].interrupts

    def _entries(self, property: Property) -> Iterator[Entry]:
        groups: dict[tuple[tuple[str, str], Disposition], list[FormProof]] = {}
        for one in self.proof.properties[property].forms:
            groups.setdefault((one.form.key, one.disposition), []).append(one)
        for (key, _), proofs in groups.items():
            proofs.sort(key=lambda one: _WORST_FIRST.index(verdict_of([one.finding])))
            yield Entry(property, self.proof.classes[key], tuple(proofs))
