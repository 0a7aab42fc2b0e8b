"""The two readings of the semantics agree: Python ints, and terms evaluated at the same values.

For every form of every bundled spec: on a hundred states drawn at random, on one that traps and
one that completes where the form has both, and on states that reach places in the clause which the
random ones missed.  A form that means the same in the base of its spec is compared there.

A failure names the form and the number of the state, which are the seed of all that was drawn.
"""

from __future__ import annotations

from random import Random

import pytest

from popek.isa import ir
from popek.isa.footprint import reads, writes
from popek.semantics.ints import Ints
from popek.semantics.sampled import Sampled
from popek.semantics.storage import translation_reads
from popek.smt import Budget, Sat, Undecided, Unsat, Z3InProcess, decide
from popek.terms import Term, Value
from tests.semantics.drawing import POOL, Friendly, encodings, pool
from tests.semantics.specs import bundled_isa
from tests.semantics.stepping import (
    Clause,
    Observed,
    Symbolic,
    abstract_storage,
    clause_of,
    concrete,
    difference,
    processor_clauses,
)
from tests.terms.random_terms import random_value

STATES = 100
#: And for what the processor does by itself.
FEWER = 30
#: So many of them just as the prover samples them.
PLAIN = 12
#: What the solver may spend on one place that no random state reached, and on how many of a form.
SMALL = Budget(rlimit=300_000, seconds=5)
PLACES = 8

#: The bundled specs, each with the number of tests that share its forms.
SHARDS = {
    "ia32": 8,
    "ia32-umip": 1,
    "m68000": 2,
    "m68010": 2,
    "one-critical": 1,
    "pg74": 1,
    "pg74-clean": 1,
    "pg74-vt": 1,
    "rv64": 4,
    "s370": 4,
}
BASES = {
    "pg74-clean": "pg74",
    "pg74-vt": "pg74",
    "one-critical": "pg74",
    "m68010": "m68000",
    "ia32-umip": "ia32",
}
CASES = [(spec, shard, of) for spec, of in SHARDS.items() for shard in range(of)]


@pytest.mark.parametrize(("spec", "shard", "of"), CASES)
def test_both_readings_agree(spec: str, shard: int, of: int) -> None:
    known = _meanings(BASES[spec]) if spec in BASES else {}
    isa = bundled_isa(spec)
    for form in isa.forms[shard::of]:
        if known.get(form.key) != _meaning(isa, form):
            _agree(spec, clause_of(isa, form), STATES)


@pytest.mark.parametrize("spec", ["pg74", "m68000", "m68010", "ia32", "rv64", "s370"])
def test_both_readings_agree_on_what_the_processor_does_by_itself(spec: str) -> None:
    """Deliveries, interrupts and the reset."""
    for clause in processor_clauses(bundled_isa(spec)):
        _agree(spec, clause, FEWER)


def _meanings(spec: str) -> dict[tuple[str, str], object]:
    isa = bundled_isa(spec)
    return {form.key: _meaning(isa, form) for form in isa.forms}


def _meaning(isa: ir.Isa, form: ir.Form) -> object:
    """Everything that a step of the form depends on, its storage being the abstract one."""
    spaces = {n: (t.params, t.target, t.processor) for n, t in isa.translations.items()}
    names = reads(form.body) | writes(form.body) | {isa.pc}
    names |= {name for space in spaces for name in translation_reads(isa, space)}
    components = {n: c for n, c in isa.components.items() if n in names}
    raised = {s.trap for s in ir.statements(form.body) if isinstance(s, ir.Require)}
    kinds = {n: isa.traps[n].kind for n in raised}
    clause = (form.body, form.decode, form.length, form.fields, form.encoding, form.operands)
    return (
        clause,
        components,
        spaces,
        kinds,
        isa.memories,
        isa.devices,
        isa.functions,
        isa.prefixes,
    )


def _agree(spec: str, clause: Clause, states: int) -> None:
    """Compares the readings on so many random states of one clause, and on those sought."""
    isa, title = clause.isa, clause.title
    random = Random(title)
    symbolic = Symbolic(clause, abstract_storage(isa))
    unseen: dict[str, Value] = {s.name: random_value(random, s) for s in symbolic.symbols}
    coded = encodings(isa, clause.form, random) if clause.form else [{}]
    assert coded, f"{title}: no encoding was found"
    left = dict.fromkeys(symbolic.places)
    traps = completes = False

    def compare(where: str, ours: Observed, env: dict[str, Value]) -> None:
        nonlocal traps, completes
        values = symbolic.values(env)
        theirs = symbolic.observe(values)
        assert ours == theirs, difference(f"{title}, {where}", ours, theirs)
        outcomes = len(ours.endings) + (ours.completes == 1)
        assert outcomes == 1, f"{title}, {where}: {outcomes} outcomes at once"
        traps, completes = traps or ours.traps, completes or not ours.traps
        for place in [place for place in left if values[place] == 1]:
            del left[place]

    def solve(name: str, place: Term, budget: Budget) -> None:
        goals = [place, symbolic.decode]
        match decide(symbolic.terms, f"{title} {name}", goals, Z3InProcess(), budget).answer:
            case Sat(model=model):
                env = {**unseen, **model}
                compare(name, concrete(clause, Ints(env), abstract_storage(isa)), env)
            case Undecided(cause=cause):
                assert budget is SMALL, f"{title}, {name}: not decided, {cause}"
            case Unsat():
                pass

    for number in range(states):
        drawing = Random(f"{title}/{number}")
        code = coded[number % len(coded)]
        algebra = (
            Sampled(drawing, code)
            if number < PLAIN
            else Friendly(drawing, {**pool(spec)[drawing.randrange(POOL)], **code})
        )
        ours = concrete(clause, algebra, abstract_storage(isa))
        compare(f"state {number}", ours, {**unseen, **algebra.model})
    if not traps:
        solve("a state that traps", symbolic.traps, Budget())
    if not completes:
        solve("a state that does not trap", symbolic.terms.not_(symbolic.traps), Budget())
    for i in range(PLACES):
        if not left:
            break
        place = random.choice(list(left))
        del left[place]
        solve(f"a place that was left over ({i})", place, SMALL)
