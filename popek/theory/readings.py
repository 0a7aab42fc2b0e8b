"""The properties of a form in the readings `pg74` and `general`, each with its evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations

from popek.isa import ir
from popek.semantics.algebra import Algebra, B, V
from popek.theory import general, pg74
from popek.theory.anatomy import Anatomy
from popek.theory.obligation import Obligation
from popek.theory.pairs import Comparison, both_states
from popek.theory.prover import Prover
from popek.theory.subject import Claim, Subject, either, some
from popek.theory.verdict import Finding, Sensitivity


@dataclass
class _Evidence:
    """Collects the findings of a form by property, as they are asked for."""

    subject: Subject
    findings: dict[str, list[Finding]] = field(default_factory=dict)

    def ask(self, name: str, claim: Claim, comparisons: Iterator[Comparison]) -> bool | None:
        """Whether some comparison has a counterexample."""
        found = self.findings.setdefault(name, [])

        def each() -> Iterator[Finding]:
            for comparison in comparisons:
                where = comparison.first.name
                if not comparison.same_mode:
                    where += f" and {comparison.second.name}"
                finding = self.subject.compare(f"{name} at {where}", claim, comparison)
                found.append(finding)
                yield finding

        return some(each())

    def result(self) -> dict[str, tuple[Finding, ...]]:
        return {name: tuple(found) for name, found in self.findings.items()}


def _each_level(
    subject: Subject, varied: frozenset[str], levels: tuple[ir.Level, ...] | None = None
) -> Iterator[Comparison]:
    """Both states in the same level, for each level that makes a difference, the lowest first."""
    for level in reversed(subject.levels if levels is None else levels):
        yield Comparison(subject.anatomy, level, level, varied)


def disentangled(prover: Prover, anatomy: Anatomy) -> Anatomy:
    """The anatomy, entangled if some pair of levels has no two states to compare otherwise."""
    if anatomy.varied_with_mode == anatomy.tied_to_mode:
        return anatomy
    for higher, lower in combinations(anatomy.levels, 2):
        comparison = Comparison(anatomy, higher, lower, anatomy.varied_with_mode)

        def build(
            algebra: Algebra[V, B], flat: bool, comparison: Comparison = comparison
        ) -> Obligation[V, B]:
            return both_states(replace(comparison, flat=flat), algebra)

        if prover.satisfiable(f"states at {higher.name} and {lower.name}", (), build) is not True:
            return replace(anatomy, entangled=True)
    return anatomy


def _each_pair(subject: Subject) -> Iterator[Comparison]:
    """All pairs of levels, with what invariants tie to the mode varied too."""
    if subject.sees_mode:
        for higher, lower in combinations(subject.anatomy.levels, 2):
            yield Comparison(subject.anatomy, higher, lower, subject.anatomy.varied_with_mode)


def read_general(subject: Subject) -> Sensitivity:
    """The reading `general`."""
    anatomy = subject.anatomy
    lowest, higher = (anatomy.lowest,), subject.levels[:-1]
    evidence = _Evidence(subject)
    # Two states that differ in a component differ in what invariants tie to it.
    varied = anatomy.tied(subject.reads & anatomy.varied, anatomy.varied)
    relocation = varied & anatomy.relocation

    in_user = evidence.ask(
        "does not trap in user mode", general.silent, _each_level(subject, frozenset(), lowest)
    )
    in_supervisor = evidence.ask(
        "completes in supervisor mode",
        general.completes,
        _each_level(subject, frozenset(), (anatomy.levels[0],)),
    )
    if in_user is True or in_supervisor is False:
        privileged: bool | None = False
    elif in_user is None or in_supervisor is None:
        privileged = None
    else:
        privileged = True
    control_user = evidence.ask(
        "control", general.control_sensitive, _each_level(subject, frozenset(), lowest)
    )
    control = control_user
    if control is not True and subject.sees_mode:
        control = evidence.ask(
            "control", general.control_sensitive, _each_level(subject, frozenset(), higher)
        )
    mode = evidence.ask("mode", general.mode_sensitive, _each_pair(subject))
    resource_user: bool | None = False
    resource: bool | None = False
    if varied or subject.probes:
        resource_user = evidence.ask(
            "resource", general.resource_sensitive, _each_level(subject, varied, lowest)
        )
        resource = resource_user
        if resource is not True and subject.sees_mode:
            resource = evidence.ask(
                "resource", general.resource_sensitive, _each_level(subject, varied, higher)
            )
    location: bool | None = False
    if relocation:
        location = evidence.ask(
            "location", general.resource_sensitive, _each_level(subject, relocation)
        )
    return Sensitivity(
        privileged=privileged,
        control=control,
        mode=mode,
        location=location,
        resource=resource,
        user=either(control_user, resource_user),
        findings=evidence.result(),
    )


def plain(subject: Subject, reading: Sensitivity) -> bool | None:
    """Not sensitive (general) among states that agree on all controls."""
    if reading.sensitive is False:
        return True
    anatomy = subject.anatomy
    controls = {c.name for c in anatomy.controls} & anatomy.tied(subject.reads, anatomy.varied)
    if not controls or reading.control is True or reading.mode is True:
        return None if reading.sensitive is None else False
    may_vary = anatomy.varied - {c.name for c in anatomy.controls}
    varied = anatomy.tied(subject.reads & may_vary, may_vary)
    resource: bool | None = False
    if varied or subject.probes:
        evidence = _Evidence(subject)
        resource = evidence.ask(
            "resource with controls equal",
            general.resource_sensitive,
            _each_level(subject, varied),
        )
    sensitive = either(reading.control, reading.mode, resource)
    return None if sensitive is None else not sensitive


def read_pg74(subject: Subject) -> Sensitivity:
    """The reading `pg74`."""
    anatomy = subject.anatomy
    evidence = _Evidence(subject)
    levels = anatomy.levels
    lowest, higher = (anatomy.lowest,), subject.levels[:-1]
    extremes = Comparison(anatomy, levels[0], anatomy.lowest, anatomy.varied_with_mode)
    unprivileged = evidence.ask("not privileged", pg74.not_privileged, iter([extremes]))
    privileged = None if unprivileged is None else not unprivileged
    if privileged:
        # A form for which no pair satisfies the premise is not privileged.
        privileged = evidence.ask("premise", pg74.premise, iter([extremes]))
    control_user = evidence.ask(
        "control", pg74.control_sensitive, _each_level(subject, frozenset(), lowest)
    )
    control = control_user
    if control is not True and subject.sees_mode:
        control = evidence.ask(
            "control", pg74.control_sensitive, _each_level(subject, frozenset(), higher)
        )
    relocation = anatomy.relocation & subject.reads
    location_user: bool | None = False
    location: bool | None = False
    if relocation:
        location_user = evidence.ask(
            "location", pg74.behaviour_sensitive, _each_level(subject, relocation, lowest)
        )
        location = location_user
        if location is not True and subject.sees_mode:
            location = evidence.ask(
                "location", pg74.behaviour_sensitive, _each_level(subject, relocation, higher)
            )
    mode = evidence.ask("mode", pg74.behaviour_sensitive, _each_pair(subject))
    return Sensitivity(
        privileged=privileged,
        control=control,
        mode=mode,
        location=location,
        resource=False,
        user=either(control_user, location_user),
        findings=evidence.result(),
    )
