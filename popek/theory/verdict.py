"""What popek says, and on what grounds.  An answer is a union, never a bool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from popek.isa import ir
from popek.semantics.ints import Interpretation
from popek.source import Span
from popek.terms import ArrayValue
from popek.theory.obligation import Fault


class Decider(StrEnum):
    """Who decided an obligation."""

    REWRITER = "rewriter"
    SAMPLING = "sampling"
    SOLVER = "solver"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One way in which the re-evaluated witness goes wrong."""

    fault: Fault
    side: str
    component: str
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Ran:
    """One side of a witness: the state before, and the outcome: the state after, or `trap`.

    Only components that the form reads or writes, or that differ between the sides, are listed.
    """

    before: Mapping[str, int | ArrayValue]
    after: Mapping[str, int | ArrayValue]
    trap: str | None


@dataclass(frozen=True, slots=True)
class Witness:
    """States in which the claim fails, re-evaluated over Python ints straight from the IR."""

    query: str
    fields: Mapping[str, int]
    runs: Mapping[str, Ran]
    sightings: tuple[Sighting, ...]
    blame: Span | None = field(default=None, compare=False)
    #: Components in which the two states differed before the step, and that the form reads.
    causes: tuple[str, ...] = ()
    #: The symbols' values, and whether translations are the identity in it.
    model: Interpretation = field(default_factory=dict, compare=False, repr=False)
    flat: bool = field(default=False, compare=False)
    #: Sides whose step reads an input.
    choosing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proved:
    """No counterexample: the obligation is unsatisfiable, its premises are not."""

    query: str
    by: Decider


@dataclass(frozen=True, slots=True)
class Refuted:
    witness: Witness
    by: Decider


@dataclass(frozen=True, slots=True)
class Undecided:
    query: str
    cause: str


Finding = Proved | Refuted | Undecided


class Class(StrEnum):
    """The classes of definitions.md section 3, worst first as a mnemonic is rolled up."""

    CRITICAL = "critical"
    UNDECIDED = "undecided"
    GUARDED = "guarded"
    PRIVILEGED = "privileged"
    INNOCUOUS = "innocuous"


def worst(classes: list[Class]) -> Class:
    """The class of a mnemonic: the worst of its forms."""
    order = list(Class)
    return min(classes, key=order.index)


class Label(StrEnum):
    """Why a guarded form is safe; the first that fits."""

    ALWAYS = "always"
    EXEMPT = "exempt"
    LOADED = "loaded"
    TRAPS = "traps"
    MATCHED = "matched"


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The properties of a form in one of the readings `pg74` and `general`.

    None where the finding is undecided.  `findings` has the evidence by property.
    """

    privileged: bool | None
    control: bool | None
    mode: bool | None
    location: bool | None
    resource: bool | None
    user: bool | None
    findings: Mapping[str, tuple[Finding, ...]]

    @property
    def sensitive(self) -> bool | None:
        """Control, mode, location or resource sensitive."""
        parts = (self.control, self.mode, self.location, self.resource)
        if any(part is True for part in parts):
            return True
        return None if any(part is None for part in parts) else False

    @property
    def kind(self) -> Class:
        """The class in this reading."""
        if self.privileged is True:
            return Class.PRIVILEGED
        if self.privileged is None or self.sensitive is None:
            return Class.UNDECIDED
        return Class.CRITICAL if self.sensitive else Class.INNOCUOUS


@dataclass(frozen=True, slots=True)
class Unless:
    """A critical form would be safe under another choice of the host's, at a price.

    `stopped`: the plain forms that would trap under it where the bare machine does not.
    """

    host: Mapping[str, int | str]
    kind: Class
    stopped: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FormVerdict:
    """All that is decided of one form."""

    form: ir.Form
    kind: Class
    label: Label | None
    reason: str
    user: bool | None
    plain: bool | None
    shows_clock: bool
    pg74: Sensitivity
    general: Sensitivity
    direct: tuple[Finding, ...]
    witness: Witness | None
    unless: tuple[Unless, ...]
    assumptions: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.form.key
