"""Why a property of a design fails, in words."""

from __future__ import annotations

from typing import assert_never

from popek.hypervisor import exhibit
from popek.hypervisor.cost import Way, steps
from popek.hypervisor.design import Design, Disposition, Property
from popek.hypervisor.exhibit import Exhibit
from popek.hypervisor.proof import FormProof, InterruptProof
from popek.theory.direct import DIRECT
from popek.theory.obligation import Fault
from popek.theory.verdict import Proved, Refuted, Sighting, Undecided, Witness

_HOLDS = {
    Property.EQUIVALENCE: "in every state the guest goes on as on the bare machine",
    Property.CONTROL: "in every state the host keeps what is its own",
    Property.EFFICIENCY: "it runs, and traps where the bare machine traps alone",
}


def form_reason(property: Property, one: FormProof) -> str:
    """Why a property holds of a form or not."""
    match one.finding:
        case Proved():
            return _HOLDS[property]
        case Undecided(cause=cause):
            return cause
        case Refuted(witness=witness):
            if property is Property.EFFICIENCY:
                return _loss(one, witness)
            return f"{_how(one, witness)}, and {_wrong(one.case.design, witness)}"
        case _ as never:
            assert_never(never)


def interrupt_reason(one: InterruptProof) -> str:
    """Why a property holds between instructions or not."""
    match one.finding:
        case Proved():
            return "in every state"
        case Undecided(cause=cause):
            return cause
        case Refuted(witness=witness):
            if one.arrival is None:
                return one.failing
            return _wrong(one.arrival.design, witness)
        case _ as never:
            assert_never(never)


def form_exhibit(one: FormProof) -> Exhibit | None:
    """What the witness about a form shows, if there is one."""
    if not isinstance(one.finding, Refuted):
        return None
    return exhibit.of_case(one.case, one.rule.span, one.finding.witness)


def interrupt_exhibit(one: InterruptProof) -> Exhibit | None:
    """What the witness about an interrupt shows, if there is one."""
    if not isinstance(one.finding, Refuted) or one.arrival is None:
        return None
    return exhibit.of_arrival(one.arrival, one.finding.witness)


def _loss(one: FormProof, witness: Witness) -> str:
    """What is lost where an innocuous form does not simply run."""
    cost = one.case.design.cost
    match one.disposition:
        case Disposition.INTERPRET | Disposition.TRANSLATE | Disposition.REPLACED:
            way = Way.INTERPRETED
            price = "" if cost is None else f", at {steps(cost, way)} steps for {cost.run}"
            return f"the host interprets it{price}"
        case _:
            least = None if cost is None else steps(cost, Way.REFLECTED)
            price = "" if cost is None else f", at {least} steps and more for {cost.run}"
            trap = witness.runs[DIRECT].trap
            return f"it traps, {trap}, where the bare machine does not{price}"


def _how(one: FormProof, witness: Witness) -> str:
    """What becomes of the instruction in the witness."""
    match one.disposition:
        case Disposition.INTERPRET | Disposition.TRANSLATE | Disposition.REPLACED:
            return "the host interprets it"
        case _:
            pass
    trap = witness.runs[DIRECT].trap if DIRECT in witness.runs else None
    if trap is None:
        return "it runs without a trap"
    name = trap.partition("(")[0]
    handled = name in one.case.design.handlers
    return f"it traps, {trap}" if handled else f"it traps, {trap}, and nothing handles that"


def _wrong(design: Design, witness: Witness) -> str:
    """What the first thing that goes wrong is; of what differs, all."""
    first = witness.sightings[0]
    names = [s.component for s in witness.sightings if s.fault is first.fault and s.component]
    what = ", ".join(dict.fromkeys(names))
    match first.fault:
        case Fault.DIFFERS:
            verb = "is" if len(set(names)) == 1 else "are"
            return f"{what} {verb} then other than on the bare machine"
        case Fault.TRAPS_DIFFER:
            return f"the guest's trap {what} is not that of the bare machine"
        case Fault.TRAPS:
            return "the guest has a trap that the bare machine does not have"
        case Fault.COMPLETES:
            if first.side == "@virtual":
                return "the guest goes on where the bare machine does not"
            return "the guest does not go on as the bare machine does"
        case Fault.CHANGES:
            if what:
                return f"what the host has in {what} changes"
            return f"then `{_required(design, first)}` does not hold"
        case Fault.STORAGE:
            return f"it reaches {what} outside the guest's piece"
        case Fault.DEVICE:
            return f"the device {what} is told something else"
        case Fault.WAITS:
            return "it waits on one machine and not on the other"
        case Fault.SHUTS_DOWN:
            return "it shuts the machine down"
        case Fault.LEFT_OPEN | Fault.ACCESSES | Fault.TRANSLATION:
            return "the bare machine does not leave open what the guest sees"
        case _ as never:
            assert_never(never)


def _required(design: Design, sighting: Sighting) -> str:
    """The requirement that is broken."""
    found = (p for p in design.requirements if p.span == sighting.span)
    return next((p.text for p in found), "what the design requires")
