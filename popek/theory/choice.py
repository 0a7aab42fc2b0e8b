"""for some input': could the bare machine have chosen otherwise, and matched?

DX exhibits one choice, r's own, name by name.  Where that fails and the bare machine's step reads
undefined values or a clock, the two states are fixed and the bare machine's inputs left free: only
if no choice of them matches is the witness one.
"""

from __future__ import annotations

from collections.abc import Sequence

from popek.isa import ir
from popek.semantics.ints import Interpretation
from popek.semantics.symbols import Symbols
from popek.smt import Sat, Undecided, Unsat, query
from popek.terms import ArrayValue, FunctionValue, Op, Term, Terms
from popek.theory.direct import Coupling, direct_execution
from popek.theory.prover import Prover
from popek.theory.states import CHOICE


class Pinned(Symbols):
    """Terms in which every free symbol has its value in a model, the choices alone are free."""

    def __init__(self, terms: Terms, model: Interpretation) -> None:
        super().__init__(terms)
        self._model = model

    def variable(self, name: str, width: int) -> Term:
        if name.endswith(CHOICE):
            return self.terms.var(name, width)
        value = self._model.get(name, 0)
        assert isinstance(value, int)
        return self.terms.const(value, width)

    def bank_variable(self, name: str, index_width: int, width: int) -> Term:
        value = self._model.get(name, ArrayValue())
        assert isinstance(value, ArrayValue)
        terms = self.terms
        bank = terms.constant_array(index_width, terms.const(value.default, width))
        for index, element in sorted(value.entries.items()):
            bank = terms.store(bank, terms.const(index, index_width), terms.const(element, width))
        return bank

    def banks_differ(self, a: Term, b: Term, name: str, index_width: int, width: int) -> Term:
        """Exactly, not at a free index: here the answer is negated.

        Two banks differ where one was written, or where they started from other values.
        """
        terms = self.terms
        places: dict[Term, None] = {}
        starts: set[Term] = set()
        waiting, seen = [a, b], set[Term]()
        while waiting:
            bank = waiting.pop()
            if bank in seen:
                continue
            seen.add(bank)
            match bank.op:
                case Op.STORE:
                    places[bank.args[1]] = None
                    waiting.append(bank.args[0])
                case Op.ITE:
                    waiting += bank.args[1:]
                case _:
                    starts.add(bank)
        if len(starts) > 1:
            # Which of the two starts is met depends on the choices: one free index has to do.
            return super().banks_differ(a, b, name, index_width, width)
        return terms.any_of(terms.ne(terms.select(a, at), terms.select(b, at)) for at in places)

    def uninterpreted(
        self, name: str, args: Sequence[Term], widths: Sequence[int], width: int
    ) -> Term:
        value = self._model.get(name, FunctionValue())
        assert isinstance(value, FunctionValue)
        terms = self.terms
        result = terms.const(value.default, width)
        for entry, element in sorted(value.entries.items()):
            here = terms.all_of(
                terms.eq(arg, terms.const(v, w))
                for arg, v, w in zip(args, entry, widths, strict=True)
            )
            result = terms.ite(here, terms.const(element, width), result)
        return result

    def abstract(self, function: ir.AbstractFunction, args: Sequence[Term], width: int) -> Term:
        return self.uninterpreted(function.name, args, [p.width for p in function.params], width)


def another_choice_matches(
    prover: Prover, coupling: Coupling, form: ir.Form, model: Interpretation
) -> bool | None:
    """Whether the bare machine, from the model's state, has inputs that match."""
    algebra = Pinned(Terms(simplify=prover.simplify), model)
    obligation = direct_execution(coupling.choosing_inputs(), form, algebra)
    terms = algebra.terms
    wrong = terms.any_of(v.condition for v in obligation.violations)
    goal = terms.and_(terms.not_(wrong), *(p.condition for p in obligation.premises))
    if goal.is_value(0):
        return False
    if goal.is_value(1):
        return True
    name = f"{form.name} [{form.text}] another choice"
    answer, _ = prover.solver.solve(query(name, [goal]), prover.budget)
    match answer:
        case Sat():
            return True
        case Unsat():
            return False
        case Undecided():
            return None
