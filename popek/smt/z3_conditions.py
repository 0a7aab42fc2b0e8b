"""z3 for many small questions about the same bit-vectors: terms are handed over as they are.

`Z3Process` is for proofs: it reads a script of its own for each query, in a process that can be
killed.  Here the questions are conjunctions of conditions that share almost all their parts, no
arrays among them, of which hundreds a second are asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, Final

from popek.smt.answer import Answer, Budget, Cause, Sat, Undecided, Unsat
from popek.smt.model import Model
from popek.terms import Op, Term, bottom_up

#: What one question of many may cost, one of those that are asked again, and one whose answer
#: spares many.
SMALL: Final = Budget(rlimit=300_000, seconds=60.0)
MIDDLE: Final = Budget(rlimit=2_000_000, seconds=120.0)
LARGE: Final = Budget(rlimit=20_000_000, seconds=120.0)

#: What holds, the values of some variables, and what the answer may cost.
_Question = tuple[tuple[Term, ...], frozenset[tuple[Term, int]], Budget]


class Z3Conditions:
    """Answers conjunctions over bit-vectors; `solve` may be called any number of times."""

    def __init__(self, budget: Budget = SMALL) -> None:
        import z3  # noqa: PLC0415 -- z3 takes long to import

        self._z3: Any = z3
        #: Of each question from now on that says nothing else.
        self.budget = budget
        self._context = z3.Context()
        self._true = z3.BoolVal(True, self._context)
        self._made: dict[Term, Any] = {}
        self._answered: dict[_Question, Answer] = {}
        #: Questions asked, and seconds spent on them.
        self.asked = 0
        self.seconds = 0.0

    def solve(
        self, holds: Sequence[Term], values: Mapping[Term, int], budget: Budget | None = None
    ) -> Answer:
        """Values that make the conditions 1 where these variables have these values.

        The model has the variables that the conditions mention.  The same question again has the
        same answer, unless time ran out.  Raises KeyboardInterrupt.
        """
        budget = budget or self.budget
        question = tuple(holds), frozenset(values.items()), budget
        known = self._answered.get(question)
        if known is None:
            known = self._solve(holds, values, budget)
            if not (isinstance(known, Undecided) and known.cause is Cause.TIMEOUT):
                self._answered[question] = known
        return known

    def _solve(self, holds: Sequence[Term], values: Mapping[Term, int], budget: Budget) -> Answer:
        start = perf_counter()
        self.asked += 1
        z3 = self._z3
        solver = z3.SolverFor("QF_BV", self._context)
        solver.set("rlimit", budget.rlimit)
        solver.set("timeout", round(budget.seconds * 1000))
        # All at once: handing the values over is most of the work.
        all_of = z3.And(*(self._bool(term) for term in holds), self._true)
        given = [
            (self._bits(v), z3.BitVecVal(n, v.width, self._context)) for v, n in values.items()
        ]
        solver.add(z3.substitute(all_of, *given) if given else all_of)
        verdict = solver.check()
        try:
            if verdict == z3.unsat:
                return Unsat()
            if verdict == z3.sat:
                return Sat(self._model(solver.model()))
            reason = solver.reason_unknown()
            if reason == "interrupted from keyboard":
                raise KeyboardInterrupt
            late = perf_counter() - start >= budget.seconds
            return Undecided(Cause.TIMEOUT if late else Cause.BUDGET, reason)
        finally:
            self.seconds += perf_counter() - start

    def _model(self, model: Any) -> Model:
        return Model({d.name(): model[d].as_long() for d in model.decls()})

    # ------------------------------------------------------------ terms

    def _bool(self, term: Term) -> Any:
        """A term of width 1 as a Boolean."""
        made = self._expression(term)
        return made if self._z3.is_bool(made) else made == 1

    def _bits(self, term: Term) -> Any:
        z3 = self._z3
        made = self._expression(term)
        if not z3.is_bool(made):
            return made
        one, zero = (z3.BitVecVal(n, 1, self._context) for n in (1, 0))
        return z3.If(made, one, zero)

    def _expression(self, term: Term) -> Any:
        """Boolean where the term is a condition, else a bit-vector."""
        if term not in self._made:
            for part in bottom_up([term]):
                if part not in self._made:
                    self._made[part] = self._make(part)
        return self._made[term]

    def _make(self, term: Term) -> Any:
        z3 = self._z3
        match term.op:
            case Op.CONST:
                return z3.BitVecVal(term.payload, term.width, self._context)
            case Op.VAR:
                return z3.BitVec(term.payload, term.width, self._context)
            case Op.AND | Op.OR | Op.XOR | Op.NOT | Op.ITE if term.width == 1:
                args = [self._bool(a) for a in term.args]
                match term.op:
                    case Op.AND:
                        return z3.And(*args)
                    case Op.OR:
                        return z3.Or(*args)
                    case Op.NOT:
                        return z3.Not(args[0])
                    case Op.ITE:
                        return z3.If(*args)
                    case _:
                        result = args[0]
                        for arg in args[1:]:
                            result = z3.Xor(result, arg)
                        return result
            case Op.ITE:
                then, otherwise = self._bits(term.args[1]), self._bits(term.args[2])
                return z3.If(self._bool(term.args[0]), then, otherwise)
            case _:
                return self._operation(term, [self._bits(a) for a in term.args])

    def _operation(self, term: Term, args: list[Any]) -> Any:
        z3 = self._z3
        match term.op:
            case Op.EQ:
                return args[0] == args[1]
            case Op.ULT:
                return z3.ULT(*args)
            case Op.ULE:
                return z3.ULE(*args)
            case Op.SLT:
                return args[0] < args[1]
            case Op.SLE:
                return args[0] <= args[1]
            case Op.CONCAT:
                return z3.Concat(*args)
            case Op.EXTRACT:
                return z3.Extract(*term.payload, args[0])
            case Op.ZEXT:
                return z3.ZeroExt(term.width - term.args[0].width, args[0])
            case Op.SEXT:
                return z3.SignExt(term.width - term.args[0].width, args[0])
            case Op.NOT:
                return ~args[0]
            case Op.NEG:
                return -args[0]
            case Op.UDIV:
                return z3.UDiv(*args)
            case Op.UREM:
                return z3.URem(*args)
            case Op.SDIV:
                return args[0] / args[1]
            case Op.SREM:
                return z3.SRem(*args)
            case Op.SHL:
                return args[0] << args[1]
            case Op.LSHR:
                return z3.LShR(*args)
            case Op.ASHR:
                return args[0] >> args[1]
            case Op.ADD | Op.SUB | Op.MUL | Op.AND | Op.OR | Op.XOR:
                return self._folded(term.op, args)
            case _:
                raise TypeError(f"{term.op} is not over bit-vectors alone")

    @staticmethod
    def _folded(op: Op, args: list[Any]) -> Any:
        result = args[0]
        for arg in args[1:]:
            match op:
                case Op.ADD:
                    result = result + arg
                case Op.SUB:
                    result = result - arg
                case Op.MUL:
                    result = result * arg
                case Op.AND:
                    result = result & arg
                case Op.OR:
                    result = result | arg
                case _:
                    result = result ^ arg
        return result
