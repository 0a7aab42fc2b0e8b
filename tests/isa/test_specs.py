"""Every bundled spec elaborates, and its IR is well formed."""

from __future__ import annotations

import pytest

from popek.isa import ir
from popek.isa.footprint import bound_locals, expression_locals, fields, reads, writes
from popek.isa.load import load
from popek.resources import list_specs, spec_path


@pytest.fixture(scope="module", params=list_specs())
def isa(request: pytest.FixtureRequest) -> ir.Isa:
    return load(spec_path(request.param))


def bodies(isa: ir.Isa) -> list[tuple[ir.Stmt, ...]]:
    return [
        *(form.body for form in isa.forms),
        *(trap.delivery for trap in isa.traps.values()),
        *(translation.body for translation in isa.translations.values()),
        *(interrupt.body for interrupt in isa.interrupts),
        isa.reset,
    ]


def test_names_are_unique(isa: ir.Isa) -> None:
    keys = [form.key for form in isa.forms]
    assert len(keys) == len(set(keys))
    assert keys


def test_fields_are_declared(isa: ir.Isa) -> None:
    for form in isa.forms:
        exprs = [form.decode, form.length]
        exprs += [e for stmt in ir.statements(form.body) for e in ir.expressions(stmt)]
        exprs += [row.condition for operand in form.operands for row in operand.rows]
        for expr in exprs:
            for node in ir.subexpressions(expr):
                if isinstance(node, ir.Field):
                    assert form.fields[node.name] == node.width, (form.key, node)
        assert fields(*exprs) <= set(form.fields)


def test_components_and_widths_agree(isa: ir.Isa) -> None:
    for body in bodies(isa):
        for stmt in ir.statements(body):
            match stmt:
                case ir.Write(component=name, value=value):
                    assert isa.components[name].size is None
                    assert isa.components[name].width == value.width
                case ir.WriteElement(component=name, index=index, value=value):
                    assert isa.components[name].index_width == index.width
                    assert isa.components[name].width == value.width
                case ir.If(condition=condition) | ir.Require(condition=condition):
                    assert condition.width == 1
                case _:
                    pass
            for expr in ir.expressions(stmt):
                check_widths(isa, expr)


def check_widths(isa: ir.Isa, expr: ir.Expr) -> None:
    for node in ir.subexpressions(expr):
        assert node.width > 0
        match node:
            case ir.Read(component=name, width=width):
                assert (isa.components[name].width, isa.components[name].size) == (width, None)
            case ir.ReadElement(component=name, index=index, width=width):
                assert isa.components[name].width == width
                assert isa.components[name].index_width == index.width
            case ir.Extract(value=value, high=high, low=low):
                assert value.width > high >= low >= 0
            case ir.Operation(op=ir.Op.ITE, args=args, width=width):
                assert [arg.width for arg in args] == [1, width, width]
            case ir.Operation(op=ir.Op.CONCAT, args=args, width=width):
                assert sum(arg.width for arg in args) == width
            case ir.Operation(op=ir.Op.ZEXT | ir.Op.SEXT, args=args, width=width):
                assert args[0].width < width
            case ir.Operation(op=ir.Op.EQ | ir.Op.ULT | ir.Op.ULE, args=args, width=width):
                assert (args[0].width, width) == (args[1].width, 1)
            case ir.Operation(args=args, width=width):
                assert all(arg.width in (width, arg.width) for arg in args)
            case _:
                pass


def test_locals_are_bound(isa: ir.Isa) -> None:
    for form in isa.forms:
        bound = bound_locals(form.body)
        for stmt in ir.statements(form.body):
            for expr in ir.expressions(stmt):
                assert expression_locals(expr) <= bound, form.key


def test_locals_have_one_width(isa: ir.Isa) -> None:
    for form in isa.forms:
        widths: dict[str, int] = {}
        for stmt in ir.statements(form.body):
            if isinstance(stmt, ir.Set):
                assert widths.setdefault(stmt.local, stmt.value.width) == stmt.value.width
            for expr in ir.expressions(stmt):
                for node in ir.subexpressions(expr):
                    if isinstance(node, ir.Local):
                        assert widths.setdefault(node.name, node.width) == node.width


def test_footprints_name_what_exists(isa: ir.Isa) -> None:
    known = {*isa.components, *isa.memories, *isa.translations, *isa.devices}
    for body in bodies(isa):
        assert reads(body) <= known
        assert writes(body) <= known


def test_every_form_cites_its_manual(isa: ir.Isa) -> None:
    assert [form.key for form in isa.forms if not form.sees] == []


def test_pg74_expectations() -> None:
    def expected(name: str) -> dict[str, str]:
        isa = load(spec_path(name))
        return {form.name: form.expect.classes[0] for form in isa.forms if form.expect}

    critical = {
        name: sorted(n for n, c in expected(name).items() if c == "critical")
        for name in ("pg74", "pg74-clean", "one-critical")
    }
    assert critical == {"pg74": ["JRST1", "LRA"], "pg74-clean": [], "one-critical": ["JRST1"]}
