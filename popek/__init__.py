"""popek: decides, by proof, whether an instruction set can be virtualized.

    import popek

    isa = popek.load("pg74")                   # a bundled name, or a path
    result = popek.check(isa)                  # every form, theorems 1 to 3
    print(result.vmm.verdict, result.vmm.because)
    for verdict in result.verdicts:
        print(verdict.form.mnemonic, verdict.kind, verdict.reason)
    print(popek.render(result))                # what `popek check` prints
    print(popek.explain(result, "JRST1"))      # what `popek explain` prints
    proof = popek.prove(popek.load_design("pg74/trap-and-emulate"))
    print(proof.kind)                          # of the hypervisor, in Smith and Nair's words

Bad input raises `PopekError`, which carries diagnostics with places; `str()` shows them.  Nothing
is imported before it is needed, z3 least of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from popek.diagnostics import Diagnostic, PopekError
    from popek.hypervisor.design import Design, Property
    from popek.hypervisor.proof import Kind, Proof
    from popek.isa.ir import Form, Isa
    from popek.report.changes import Change
    from popek.resources import list_designs, list_specs
    from popek.smt import Solver
    from popek.theory.check import Check, Progress
    from popek.theory.prover import Disagreement
    from popek.theory.theorems import Theorem, Verdict
    from popek.theory.verdict import Class, FormVerdict, Label, Witness

__version__ = "0.1.0"

__all__ = [
    "Change",
    "Check",
    "Class",
    "Design",
    "Diagnostic",
    "Disagreement",
    "Form",
    "FormVerdict",
    "Isa",
    "Kind",
    "Label",
    "PopekError",
    "Proof",
    "Property",
    "Theorem",
    "Verdict",
    "Witness",
    "__version__",
    "check",
    "diff",
    "document",
    "explain",
    "list_designs",
    "list_specs",
    "load",
    "load_design",
    "prove",
    "render",
]

Reading = Literal["direct", "general", "pg74"]

_HOMES: Final = {
    "Change": "popek.report.changes",
    "Check": "popek.theory.check",
    "Class": "popek.theory.verdict",
    "Design": "popek.hypervisor.design",
    "Diagnostic": "popek.diagnostics",
    "Disagreement": "popek.theory.prover",
    "Form": "popek.isa.ir",
    "FormVerdict": "popek.theory.verdict",
    "Isa": "popek.isa.ir",
    "Kind": "popek.hypervisor.proof",
    "Label": "popek.theory.verdict",
    "PopekError": "popek.diagnostics",
    "Proof": "popek.hypervisor.proof",
    "Property": "popek.hypervisor.design",
    "Theorem": "popek.theory.theorems",
    "Verdict": "popek.theory.theorems",
    "Witness": "popek.theory.verdict",
    "list_designs": "popek.resources",
    "list_specs": "popek.resources",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'popek' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def load(spec: str | os.PathLike[str], *, only: Iterable[str] = ()) -> Isa:
    """The instruction set that a spec describes; `spec` is a path or a bundled name.

    With `only`, just the instructions of these mnemonics or names, in any case.  Raises PopekError.
    """
    from popek.isa.load import load as load_isa  # noqa: PLC0415 -- as all imports here: late
    from popek.report.names import Wanted  # noqa: PLC0415
    from popek.resources import shown_path, spec_path  # noqa: PLC0415

    path = spec_path(spec)
    wanted = Wanted(tuple(only))
    isa = load_isa(path, only=wanted if wanted.names else None)
    wanted.require_all(shown_path(path))
    return isa


def check(
    isa: Isa,
    *,
    host: Mapping[str, int | str] | None = None,
    top: str | None = None,
    partial: bool = False,
    about: Iterable[Form] | None = None,
    rlimit: int | None = None,
    simplify: bool = True,
    keep_smt2: Path | None = None,
    solver: Solver | None = None,
    progress: Progress | None = None,
) -> Check:
    """Classifies every form of `isa` and decides the theorems.

    `host` fixes controls and loadables by hand: a number, "loaded" or "held".  `top` is the guest's
    own highest level.  `partial`: `isa` has only some of its forms, so that nothing is said about
    invariants.  `about`: the forms whose verdicts are wanted, if not all; the others then only have
    a say in the host's choice, and no theorem is decided.  `rlimit` is the solver's budget per
    query, `keep_smt2` a folder for the queries.  `solver` is z3 in this process by default;
    `popek.smt.Z3Process` can be killed when it hangs.
    Raises ValueError for a host or level that the spec does not have.
    """
    from popek.report.choices import checked_host, checked_level  # noqa: PLC0415
    from popek.smt import Budget, Z3InProcess  # noqa: PLC0415
    from popek.theory import check as theory  # noqa: PLC0415
    from popek.theory.prover import Prover  # noqa: PLC0415

    options = theory.Options(
        host=checked_host(isa, host or {}),
        top=None if top is None else checked_level(isa, top),
        partial=partial,
        about=None if about is None else frozenset(form.key for form in about),
    )
    budget = Budget() if rlimit is None else Budget(rlimit=rlimit)
    prover = Prover(isa, solver or Z3InProcess(), budget, simplify, keep_smt2)
    return theory.check(prover, options, progress or theory.no_progress)


def load_design(design: str | os.PathLike[str], *, only: Iterable[str] = ()) -> Design:
    """The hypervisor that a design describes; `design` is a path or a bundled name.

    With `only`, its ISA has just the instructions of these mnemonics or names.  Raises PopekError.
    """
    from popek.hypervisor.load import load_design as read  # noqa: PLC0415
    from popek.report.names import Wanted  # noqa: PLC0415
    from popek.resources import design_path  # noqa: PLC0415

    found = read(design_path(design))
    wanted = Wanted(tuple(only))
    if not wanted.names:
        return found
    forms = tuple(form for form in found.isa.forms if wanted(form.mnemonic, form.name))
    wanted.require_all(found.isa.path)
    return replace(found, isa=replace(found.isa, forms=forms))


def prove(
    design: Design,
    *,
    checked: Check | None = None,
    top: str | None = None,
    partial: bool = False,
    rlimit: int | None = None,
    simplify: bool = True,
    keep_smt2: Path | None = None,
    solver: Solver | None = None,
    progress: Progress | None = None,
) -> Proof:
    """Decides equivalence, resource control and efficiency of a design, for each form and state.

    `checked` is what `check` says of the design's ISA, with the same `top`; it is asked if it is
    not given.  The rest is as for `check`.  Raises PopekError for a design that leaves something
    out, and ValueError for a level that the spec does not have.
    """
    from popek.hypervisor.prove import Proving, no_progress  # noqa: PLC0415
    from popek.report.choices import checked_level  # noqa: PLC0415
    from popek.smt import Budget, Z3InProcess  # noqa: PLC0415
    from popek.theory.prover import Prover  # noqa: PLC0415

    solver = solver or Z3InProcess()
    checked = checked or check(
        design.isa,
        top=top,
        partial=partial,
        rlimit=rlimit,
        simplify=simplify,
        solver=solver,
        progress=progress,
    )
    budget = Budget() if rlimit is None else Budget(rlimit=rlimit)
    return Proving(
        design,
        Prover(design.isa, solver, budget, simplify, keep_smt2),
        {verdict.form.key: verdict.kind for verdict in checked.verdicts},
        None if top is None else checked_level(design.isa, top),
        partial,
        checked.invariants,
        progress or no_progress,
    ).prove()


def render(result: Check | Proof, *, reading: Reading = "direct", width: int = 100) -> str:
    """What `popek check` or `popek prove` prints, without colours."""
    from popek.hypervisor.proof import Proof  # noqa: PLC0415
    from popek.report.check_text import check_report  # noqa: PLC0415
    from popek.report.prove_text import prove_report  # noqa: PLC0415
    from popek.report.style import plain_text  # noqa: PLC0415
    from popek.report.view import view  # noqa: PLC0415

    if isinstance(result, Proof):
        return plain_text(prove_report(result), width)
    return plain_text(check_report(view(result, reading)), width)


def explain(
    result: Check, instruction: str, *, reading: Reading = "direct", width: int = 100
) -> str:
    """What `popek explain` prints of an instruction, by mnemonic or name, without colours."""
    from popek.report.explain_text import explanation  # noqa: PLC0415
    from popek.report.style import plain_text  # noqa: PLC0415
    from popek.report.view import view  # noqa: PLC0415

    return plain_text(explanation(view(result, reading), instruction), width)


def document(result: Check | Proof, *, reading: Reading = "direct") -> dict[str, Any]:
    """One entry of `results` in what `popek check --json` or `popek prove --json` prints."""
    from popek.hypervisor.proof import Proof  # noqa: PLC0415
    from popek.report.check_json import check_result  # noqa: PLC0415
    from popek.report.prove_json import prove_result  # noqa: PLC0415
    from popek.report.view import view  # noqa: PLC0415

    if isinstance(result, Proof):
        return prove_result(result)
    return check_result(view(result, reading))


def diff(first: Check, second: Check, *, reading: Reading = "direct") -> tuple[Change, ...]:
    """The forms that have another class in the second check, each with the lines that make the
    difference.
    """
    from popek.report.changes import Comparison  # noqa: PLC0415
    from popek.report.view import view  # noqa: PLC0415

    return Comparison(view(first, reading), view(second, reading)).changes
