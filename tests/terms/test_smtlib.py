from __future__ import annotations

from popek.terms import Terms, to_smtlib
from tests.hash_seeds import printed

SCRIPT = """
from popek.terms import Terms, to_smtlib
from tests.terms.random_terms import Drawing
drawing = Drawing(Terms(), 7)
for _ in range(80):
    drawing.grow()
print(to_smtlib(drawing.pool[1], "n"))
"""


def test_the_same_text_in_every_process() -> None:
    (text,) = printed(SCRIPT)
    assert text.count(b"define-fun") > 5


def test_script() -> None:
    t = Terms(simplify=False)
    x, bit = t.var("old.x@bare", 8), t.var("a bit", 1)
    shared = t.add(x, t.const(3, 8))
    assertions = [
        t.eq(t.concat(bit, t.extract(x, 0, 0), t.const(1, 1)), t.const(5, 3)),
        t.or_(t.ult(shared, x), t.extract(shared, 7, 7), bit),
        t.eq(t.zext(t.apply("f", [bit, shared], 1), 2), t.sext(bit, 2)),
        t.eq(t.select(t.array("m", 1, 1), bit), t.ite(bit, t.extract(x, 1, 1), t.true())),
        t.eq(t.select(t.constant_array(8, x), x), t.var("bv1", 8)),
    ]
    x_text, bits = "old.x@bare", "(ite |a bit| #b1 #b0)"
    assert to_smtlib(assertions, "two\nlines").splitlines() == [
        "; two",
        "; lines",
        "(set-logic QF_AUFBV)",
        "(declare-const |a bit| Bool)",
        "(declare-const |bv1| (_ BitVec 8))",
        "(declare-fun f ((_ BitVec 1) (_ BitVec 8)) (_ BitVec 1))",
        "(declare-const m (Array (_ BitVec 1) (_ BitVec 1)))",
        f"(declare-const {x_text} (_ BitVec 8))",
        f"(define-fun $0 () (_ BitVec 8) (bvadd {x_text} #x03))",
        f"(assert (= (concat {bits} (concat ((_ extract 0 0) {x_text}) #b1)) #b101))",
        f"(assert (or (bvult $0 {x_text}) (= ((_ extract 7 7) $0) #b1) |a bit|))",
        f"(assert (= ((_ zero_extend 1) (f {bits} $0)) ((_ sign_extend 1) {bits})))",
        f"(assert (= (select m {bits}) "
        f"(ite (ite |a bit| (= ((_ extract 1 1) {x_text}) #b1) true) #b1 #b0)))",
        f"(assert (= (select ((as const (Array (_ BitVec 8) (_ BitVec 8))) {x_text}) {x_text}) "
        "|bv1|))",
        "(check-sat)",
    ]


def test_shared_terms_are_written_once() -> None:
    t = Terms()
    x = t.var("x", 32)
    for i in range(60):
        x = t.mul(x, t.udiv(x, t.var(f"y{i}", 32)))
    assert len(to_smtlib([t.eq(x, t.const(1, 32))], "shared")) < 20_000
