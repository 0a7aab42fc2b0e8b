"""popek's verdicts against the definitions tried in every state, on random clauses."""

from __future__ import annotations

from itertools import product

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from popek.isa import ir
from popek.isa.ir import Const, Expr, Input, InputKind, Op, Operation, Read
from popek.theory.host import Value
from popek.theory.verdict import Class, Proved, Refuted, Undecided
from tests.theory.brute import COMPONENTS, HELD, LOADED, SITES, Brute, machine
from tests.theory.by_hand import SPAN
from tests.theory.toys import checked

#: Of each kind one is often enough to go wrong: what is privileged comes first.
BITS = ("M", "C", "L", "Q", "IE", "b")


def _bits(depth: int) -> st.SearchStrategy[Expr]:
    """Expressions of one bit."""
    leaves: st.SearchStrategy[Expr] = st.one_of(
        st.sampled_from(BITS).map(lambda name: Read(name, 1)),
        st.integers(0, 1).map(lambda bit: ir.Extract(Read("a", 2), bit, bit)),
        st.integers(0, 1).map(lambda bit: Const(bit, 1)),
        st.sampled_from(SITES).map(lambda site: Input(InputKind.UNDEFINED, site, 1)),
    )
    if not depth:
        return leaves
    less = _bits(depth - 1)
    two = st.sampled_from((Op.AND, Op.OR, Op.XOR, Op.EQ))
    return st.one_of(
        leaves,
        less.map(lambda x: Operation(Op.NOT, (x,), 1)),
        st.tuples(two, less, less).map(lambda t: Operation(t[0], (t[1], t[2]), 1)),
        st.tuples(less, less, less).map(lambda t: Operation(Op.ITE, t, 1)),
    )


def _write(name: str, bit: Expr) -> ir.Stmt:
    if COMPONENTS[name].width == 2:
        bit = Operation(Op.CONCAT, (ir.Extract(Read(name, 2), 0, 0), bit), 2)
    return ir.Write(name, bit, SPAN)


def _statements(depth: int) -> st.SearchStrategy[tuple[ir.Stmt, ...]]:
    bit = _bits(2)
    targets = ("a", "b", "M", "IE", "Q", "C", "L")
    writes = st.builds(_write, st.sampled_from(targets), bit)
    require = st.builds(
        lambda c, trap, arg: ir.Require(c, trap, (arg,), SPAN),
        bit,
        st.sampled_from(("first", "second")),
        _bits(0),
    )
    one: st.SearchStrategy[ir.Stmt] = st.one_of(
        writes,
        writes,
        require,
        require,
        # To an even place: brute force starts at 0 alone, whose next instruction is at 1.
        bit.map(lambda e: ir.Jump(Operation(Op.CONCAT, (e, Const(0, 1)), 2), SPAN)),
        st.just(ir.Wait(SPAN)),
        st.just(ir.Shutdown(SPAN)),
    )
    if depth:
        inner = _statements(depth - 1)
        branch = st.builds(lambda c, t, e: ir.If(c, t, e, SPAN), bit, inner, inner)
        one = st.one_of(one, branch, branch)
    return st.lists(one, max_size=3).map(tuple)


def _guards() -> st.SearchStrategy[tuple[ir.Stmt, ...]]:
    """A check of privilege at the beginning, as often as not with a way around it."""
    in_supervisor = Operation(Op.EQ, (Read("M", 1), Const(0, 1)), 1)
    allowed = st.one_of(
        st.just(in_supervisor),
        _bits(1).map(lambda e: Operation(Op.OR, (in_supervisor, e), 1)),
        _bits(1).map(lambda e: Operation(Op.AND, (in_supervisor, e), 1)),
    )
    return allowed.map(lambda c: (ir.Require(c, "first", (Const(0, 1),), SPAN),))


CLAUSES = st.one_of(
    _statements(1),
    st.tuples(_guards(), _statements(1)).map(lambda parts: (*parts[0], *parts[1])),
)

CONTROLS: tuple[Value, ...] = (LOADED, 0, 1)
LOADABLES: tuple[Value, ...] = (LOADED, HELD)
HOSTS: list[dict[str, Value]] = [{"C": c, "L": h} for c, h in product(CONTROLS, LOADABLES)]


@settings(max_examples=40, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))
@given(CLAUSES)
def test_verdicts_are_what_the_definitions_say(body: tuple[ir.Stmt, ...]) -> None:
    isa = machine(*body)
    brute = Brute(isa)
    note(show(body))
    found = checked(isa)
    (verdict,) = found.verdicts
    # The readings without a host.
    general = verdict.general
    assert general.privileged is brute.privileged_in_general
    assert general.control is brute.control_sensitive
    assert general.mode is brute.mode_sensitive
    assert general.resource is brute.resource_sensitive
    assert general.user is brute.user_sensitive
    assert general.kind is brute.general
    assert verdict.plain is brute.plain
    assert verdict.pg74.kind is brute.pg74
    # Under every host by hand.
    for host in HOSTS:
        (under,) = checked(isa, host=host).verdicts
        levels = (1, 0) if len(under.direct) == 2 else (1,)
        for level, finding in zip(levels, under.direct, strict=True):
            match finding:
                case Proved():
                    assert not brute.fails(level, host)
                case Refuted():
                    assert brute.fails(level, host)
                case Undecided():
                    # Another choice of the bare machine's may match.
                    assert len(brute.choices) > 1
                    assert brute.exhibited_choice_fails(level, host)
        if under.kind is not Class.UNDECIDED:
            assert (under.kind, under.label) == brute.kind(host), host
    # And under the one that popek chooses.
    if all(v.kind is not Class.UNDECIDED for v in found.verdicts) and len(brute.choices) == 1:
        host, tied, admissible = brute.choose()
        assert dict(found.choice.host) == host
        assert found.choice.tied == tied
        assert found.choice.admissible is admissible


def show(body: tuple[ir.Stmt, ...], indent: str = "") -> str:
    """A clause, for the reader of a failure."""
    lines = []
    for stmt in body:
        match stmt:
            case ir.If(condition=condition, then=then, otherwise=otherwise):
                lines.append(f"{indent}if {expr(condition)}")
                lines.append(show(then, indent + "  "))
                lines.append(f"{indent}else")
                lines.append(show(otherwise, indent + "  "))
            case ir.Write(component=name, value=value):
                lines.append(f"{indent}{name} = {expr(value)}")
            case ir.Require(condition=condition, trap=trap, args=(arg,)):
                lines.append(f"{indent}require {expr(condition)} else raise {trap}({expr(arg)})")
            case ir.Jump(target=target):
                lines.append(f"{indent}jump {expr(target)}")
            case _:
                lines.append(indent + type(stmt).__name__)
    return "\n".join(lines)


def expr(e: Expr) -> str:
    """An expression, for the reader of a failure."""
    match e:
        case Operation(op=op, args=args):
            return f"{op}({', '.join(map(expr, args))})"
        case ir.Extract(value=value, high=high):
            return f"{expr(value)}[{high}]"
        case Read(component=name) | Input(site=name):
            return name
        case Const(value=value):
            return str(value)
        case _:
            return repr(e)
