"""What the parser makes of texts."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from popek.diagnostics import PopekError
from popek.resources import bundled
from popek.source import Source, Span
from popek.syntax import parse, tree

EVERYTHING = Path(__file__).parent / "good" / "everything.isa"
SPECS = sorted(bundled("specs").rglob("*.isa"))


def nodes(node: object) -> Iterator[object]:
    """The node and all below it."""
    if isinstance(node, tuple):
        for part in node:
            yield from nodes(part)
    elif dataclasses.is_dataclass(node) and not isinstance(node, Span):
        yield node
        for field in dataclasses.fields(node):
            yield from nodes(getattr(node, field.name))


def item(text: str) -> tree.Item:
    (only,) = parse(Source("x", text)).items
    return only


def expression(text: str) -> tree.Expr:
    constant = item(f"constant C = {text}\n")
    assert isinstance(constant, tree.Constant)
    return constant.value


def statements(*lines: str) -> tuple[tree.Stmt, ...]:
    reset = item("reset\n" + "".join(f"  {line}\n" for line in lines))
    assert isinstance(reset, tree.Reset)
    return reset.body


def codes(text: str) -> list[str]:
    with pytest.raises(PopekError) as caught:
        parse(Source("x", text))
    return [diagnostic.code for diagnostic in caught.value.diagnostics]


def test_everything_is_accepted_and_every_kind_of_node_appears() -> None:
    file = parse(Source.read(EVERYTHING))
    found = {type(node) for node in nodes(file)}
    kinds = {
        kind
        for kind in vars(tree).values()
        if dataclasses.is_dataclass(kind) and isinstance(kind, type) and kind is not Span
    }
    assert found | ACTIONS == kinds


#: What only handlers of designs do.
ACTIONS = {tree.Interpret, tree.Reflect, tree.Inject, tree.Resume, tree.Stop}


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_the_bundled_specs_are_accepted(path: Path) -> None:
    assert parse(Source.read(path)).items


def test_spans_hold_what_their_nodes_say() -> None:
    file = parse(Source.read(EVERYTHING))
    for node in nodes(file):
        text = node.span.text  # type: ignore[attr-defined]
        assert text == text.strip() or isinstance(node, tree.File)
        match node:
            case tree.Name(id=name):
                assert text.strip("()") == name
            case tree.Int(text=written):
                assert text == written
            case tree.EncLiteral(text=written):
                assert text == written
            case tree.Instruction(words=words):
                assert text.startswith("instruction " + ".".join(words))
            case tree.Let():
                assert text.startswith("let ")
            case tree.If():
                assert text.startswith("if ")


def test_spans_of_parts_lie_in_their_wholes() -> None:
    for node in nodes(parse(Source.read(EVERYTHING))):
        whole: Span = node.span  # type: ignore[attr-defined]
        for part in nodes(node):
            span: Span = part.span  # type: ignore[attr-defined]
            assert whole.start <= span.start <= span.end <= whole.end


def test_brackets_belong_to_the_span_but_not_to_the_tree() -> None:
    product = expression("(a + b) * c")
    assert isinstance(product, tree.Binary)
    assert product.left.span.text == "(a + b)"
    assert product.span.text == "(a + b) * c"
    assert expression("((a))") == expression("a")


def test_operators_bind_as_documented() -> None:
    assert expression("a | b ^ c & d << e @ f + g * -h ** i") == expression(
        "a | (b ^ (c & (d << (e @ (f + (g * (-(h ** i))))))))"
    )
    assert expression("not a == b and c or d") == expression("((not (a == b)) and c) or d")
    assert expression("a - b - c") == expression("(a - b) - c")
    assert expression("a with {F = 1} with {G = 2}") == expression("(a with {F = 1}) with {G = 2}")
    assert expression("if a then b else c with {F = 1}") == expression(
        "if a then b else (c with {F = 1})"
    )
    assert expression("a & b == c") == expression("(a & b) == c")


def test_signed_operators_end_where_words_begin() -> None:
    assert expression("a *scale") == expression("a * scale")
    assert expression("a *s cale") != expression("a * scale")
    assert expression("a <s b") == tree.Binary("<s", expression("a"), expression("b"), span=ANY)


ANY = Source("", "").span()


@pytest.mark.parametrize(
    ("text", "value", "digits"),
    [("0x0F", 15, 8), ("0b0_1", 1, 2), ("1_000", 1000, None), ("007", 7, None)],
)
def test_numbers(text: str, value: int, digits: int | None) -> None:
    assert expression(text) == tree.Int(value, digits, text, span=ANY)


def test_words_of_the_language_are_mnemonics_and_fields() -> None:
    assert expression("mnemonic == or") == tree.Binary(
        "==", tree.Name("mnemonic", span=ANY), tree.Name("or", span=ANY), span=ANY
    )
    assert expression("x.in") == tree.Get(tree.Name("x", span=ANY), "in", span=ANY)
    file = parse(Source("x", "instruction in mode, reset\n  encoding mode:3 for:1 if\n"))
    assert len(file.items) == 1


def test_else_after_a_one_line_if() -> None:
    (statement,) = statements("if a then b = 1", "else if c", "  d = 2", "else e = 3")
    assert isinstance(statement, tree.If)
    (inner,) = statement.otherwise
    assert statement.inline
    assert isinstance(inner, tree.If)
    assert not inner.inline
    assert len(inner.otherwise) == 1


def test_comments_and_blank_lines_are_anywhere() -> None:
    text = '\n# a\n\nisa "x"  # b\n   # c\nreset\n# d\n\n  skip\n    # e\n  wait\n# f'
    assert len(parse(Source("x", text)).items) == 2


@pytest.mark.parametrize("text", ["", "\n", "# only a comment", "   \n\t\n"])
def test_nothing_is_a_file(text: str) -> None:
    assert parse(Source("x", text)).items == ()


def test_line_ends_inside_brackets_do_not_count() -> None:
    assert expression("(a +\nb\n  # c\n)") == expression("a + b")


def test_all_items_with_errors_are_reported() -> None:
    text = "regster a : u8\nalias A = \nreset\n  x = = 1\nconstant C = 1\n" * 2 + "reset\n"
    assert len(codes(text)) == 7


def test_errors_end_somewhere() -> None:
    assert len(codes("alias x\n" * 200)) == 50


def test_tabs_may_indent() -> None:
    parse(Source("x", "reset\n\tif a\n\t\tskip\n\twait\n"))


@pytest.mark.parametrize(
    "text",
    [
        "constant C = " + "(" * 5000 + "x",
        "constant C = " + "f(" * 5000 + "x" + ")" * 5000,
        "constant C = " + "x + " * 5000 + "x",
        "constant C = x" + ".a" * 5000,
        "constant C = " + "not " * 5000 + "x",
        "constant C = " + "if a then b else " * 5000 + "x",
        "constant C = x" + " with {F = 1}" * 5000,
        "reset\n" + "".join(" " * (i + 1) + "if x\n" for i in range(1000)) + " " * 1001 + "skip",
        "reset\n  if x then skip\n" + "  else if x then skip\n" * 5000,
        "reset\n  if x then skip\n" + "  else\n" * 1,
    ],
)
def test_too_deep_is_an_error_and_not_a_crash(text: str) -> None:
    assert codes(text + "\n")[0] in ("E0801", "E0102")


def test_long_is_not_deep() -> None:
    parse(Source("x", "constant C = f(" + ", ".join(["x"] * 5000) + ")\n"))
    parse(Source("x", "reset\n" + "  x = 1\n" * 5000))
    parse(Source("x", "constant C = " + " @ ".join(["x"] * 100) + "\n"))


def test_work_grows_with_the_length_only() -> None:
    text = EVERYTHING.read_text(encoding="utf-8")

    def calls(copies: int) -> int:
        """Functions called, a measure of work that is the same on every machine."""
        source, count = Source("x", text * copies), 0

        def called(frame: FrameType, event: str, arg: object) -> None:
            nonlocal count
            count += 1

        before = sys.getprofile()
        sys.setprofile(called)
        try:
            parse(source)
        finally:
            sys.setprofile(before)
        return count

    calls(1)
    assert calls(20) < 10 * calls(2) * 1.1
