"""Reductions of encodings, operands, families and instructions."""

from __future__ import annotations

from typing import Any

from lark import Token

from popek.syntax import tree
from popek.syntax.lower_base import Part, strings, text_of, value_of
from popek.syntax.lower_stmt import Body, Statements

Enc = tuple[tree.EncItem, ...]

PROPERTIES = (
    tree.Encoding,
    tree.Forms,
    tree.Syntax,
    tree.See,
    tree.Expect,
    tree.Valid,
    tree.Note,
)


class Encodings(Statements):
    """One method per alternative of the rules about code and its assembly."""

    def enc(self, *symbols: Any) -> Enc:
        return symbols

    def enc_literal(self, text: Token) -> tree.EncLiteral:
        return tree.EncLiteral(text.value, span=self.place(text))

    def enc_sum(self, base: Token, plus: Token, addend: Token) -> tree.EncSum:
        name = addend.value.lstrip("0123456789")
        scale = addend.value[: len(addend.value) - len(name)]
        span = self.around(base, addend)
        return tree.EncSum(base.value, int(scale) if scale else 1, name, span=span)

    def enc_name(self, name: Token) -> tree.EncName:
        return tree.EncName(name.value, span=self.place(name))

    def enc_field(self, name: Token, colon: Token, width: Token) -> tree.EncField:
        return tree.EncField(name.value, self.number(width), span=self.around(name, width))

    def enc_slice(
        self, name: Token, opening: Any, first: Token, dots: Any, last: Any, closing: Token
    ) -> tree.EncSlice:
        start = self.number(first)
        end = start if last is None else self.number(last)
        return tree.EncSlice(name.value, start, end, span=self.around(name, closing))

    def enc_equal(self, name: Token, equals: Token, value: Token) -> tree.EncEqual:
        return tree.EncEqual(name.value, value.value, span=self.around(name, value))

    def enc_values(self, *symbols: Any) -> tuple[tree.EncEqual, ...]:
        return symbols[::2]

    def enc_format(self, name: Token, opening: Any, values: Any, closing: Token) -> tree.EncFormat:
        return tree.EncFormat(name.value, values or (), span=self.around(name, closing))

    def enc_slash(self, text: Token) -> tree.EncSlash:
        return tree.EncSlash(text.value[1:], span=self.place(text))

    # ------------------------------------------------------------ parts of the code

    def names(self, word: Token, name: Token, equals: Any, words: Any, end: Any) -> tree.Names:
        return tree.Names(name.value, strings(words), span=self.around(word, words))

    def token(self, word: Token, name: Token, equals: Any, items: Enc, end: Any) -> tree.Token:
        return tree.Token(name.value, items, span=self.around(word, items))

    def imm(self, name: Token, colon: Any, type_: tree.TypeRef) -> tree.Param:
        self.declare(name)
        return tree.Param(name.value, type_, span=self.around(name, type_))

    def immediate(self, word: Token, *symbols: Any) -> tree.Immediate:
        params = symbols[:-1:2]
        return tree.Immediate(params, span=self.around(word, params))

    def prefix_row(self, *symbols: Any) -> tree.PrefixRow:
        *codes, name, _ = symbols
        self.declare(name)
        return tree.PrefixRow(strings(codes), name.value, span=self.around(codes[0], name))

    def prefix(self, word: Token, *symbols: Any) -> tree.Prefix:
        rows = symbols[2:-1]
        return tree.Prefix(rows, span=self.around(word, rows))

    def context(self, word: Token, name: Token, colon: Any, *symbols: Any) -> tree.Context:
        *values, _, value, title, _ = symbols
        self.declare(name)
        numbers = tuple(self.number(token) for token in values[::2])
        span = self.around(word, value, title)
        return tree.Context(name.value, numbers, value, text_of(title), span=span)

    def format(self, word: Token, name: Token, equals: Any, items: Enc, end: Any) -> tree.Format:
        return tree.Format(name.value, items, span=self.around(word, items))

    # ------------------------------------------------------------ operands

    def meaning(
        self,
        value: Any,
        colon: Any,
        address: Any,
        before: Any,
        first: Any,
        after: Any,
        second: Any,
    ) -> Part:
        span = self.around(value, address, first, second)
        return Part((value, address, first, second), span)

    def operand_row(
        self, pattern: Enc | None, syntax: Token, meaning: Part, end: Any
    ) -> tree.OperandRow:
        value, address, before, after = meaning.value
        return tree.OperandRow(
            pattern or (),
            text_of(syntax) or "",
            value,
            address,
            before,
            after,
            span=self.around(*(pattern or ()), syntax, meaning),
        )

    def operand_inline(
        self,
        word: Token,
        name: Token,
        formals: Part | None,
        over: Any,
        layout: Any,
        syntax: Token,
        equals: Any,
        meaning: Part,
        end: Any,
    ) -> tree.Operand:
        self.declare(name)
        row = self.operand_row(None, syntax, meaning, end)
        params = value_of(formals) or ()
        span = self.around(word, meaning)
        return tree.Operand(name.value, params, layout or (), (row,), True, span=span)

    def operand_table(
        self,
        word: Token,
        name: Token,
        formals: Part | None,
        over: Any,
        layout: Any,
        *symbols: Any,
    ) -> tree.Operand:
        self.declare(name)
        rows = symbols[2:-1]
        params = value_of(formals) or ()
        span = self.around(word, rows)
        return tree.Operand(name.value, params, layout or (), rows, False, span=span)

    # ------------------------------------------------------------ families

    def of_formals(self, of: Token, opening: Any, names: Any, closing: Any) -> tuple[Token, ...]:
        self.declare(*names)
        tokens: tuple[Token, ...] = names
        return tokens

    def family_row(self, name: Token, *symbols: Any) -> tree.FamilyRow:
        *columns, _, value, _ = symbols
        span = self.around(name, columns, value)
        return tree.FamilyRow(name.value, strings(columns), value, span=span)

    def family(
        self,
        word: Token,
        name: Token,
        columns: Part | None,
        formals: tuple[Token, ...] | None,
        title: Token | None,
        *symbols: Any,
    ) -> tree.Family:
        self.declare(name)
        rows = symbols[2:-1]
        return tree.Family(
            name.value,
            value_of(columns) or (),
            strings(formals or ()),
            text_of(title),
            rows,
            span=self.around(word, rows),
        )

    # ------------------------------------------------------------ instructions

    def operand_ref(
        self, name: Token, colon: Any, kind: Token | None, opening: Any, args: Any, closing: Any
    ) -> tree.OperandRef:
        self.declare(name)
        span = self.around(name, kind, closing)
        return tree.OperandRef(name.value, kind and kind.value, args or (), span=span)

    def operands(self, *symbols: Any) -> tuple[tree.OperandRef, ...]:
        return symbols[::2]

    def kind(self, name: Token, opening: Any, args: Any, closing: Any) -> tree.OperandRef:
        return tree.OperandRef(name.value, None, args or (), span=self.around(name, closing))

    def form_row(self, *symbols: Any) -> tree.FormRow:
        *kinds, _, encoding, _ = symbols
        return tree.FormRow(tuple(kinds[::2]), encoding, span=self.around(kinds[0], encoding))

    def encoding(self, word: Token, items: Enc, end: Any) -> tree.Encoding:
        return tree.Encoding(items, span=self.around(word, items))

    def forms(self, word: Token, *symbols: Any) -> tree.Forms:
        rows = symbols[2:-1]
        return tree.Forms(rows, span=self.around(word, rows))

    def syntax(self, word: Token, text: Token, end: Any) -> tree.Syntax:
        return tree.Syntax(text_of(text) or "", span=self.around(word, text))

    def see(self, word: Token, manual: Token, text: Token, end: Any) -> tree.See:
        return tree.See(manual.value, text_of(text) or "", span=self.around(word, text))

    def expect(self, word: Token, classes: Any, why: Token | None, end: Any) -> tree.Expect:
        return tree.Expect(strings(classes), text_of(why), span=self.around(word, classes, why))

    def valid(self, word: Token, when: Token, condition: Any, end: Any) -> tree.Valid:
        return tree.Valid(condition, span=self.around(word, condition))

    def note(self, word: Token, text: Token, end: Any) -> tree.Note:
        return tree.Note(text_of(text) or "", span=self.around(word, text))

    def clause(self, *symbols: Any) -> Part:
        parts = symbols[1:-1]
        properties = tuple(part for part in parts if isinstance(part, PROPERTIES))
        body = tuple(part for part in parts if not isinstance(part, PROPERTIES))
        return Part((properties, body), self.around(*parts))

    def instruction(
        self,
        word: Token,
        mnemonic: Token,
        operands: Any,
        as_: Any,
        name: Token | None,
        title: Token | None,
        end: Any,
        clause: Part | None,
    ) -> tree.Instruction:
        properties, body = clause.value if clause else ((), ())
        return tree.Instruction(
            tuple(mnemonic.value.split(".")),
            operands or (),
            name and name.value,
            text_of(title),
            properties,
            body,
            span=self.around(word, mnemonic, operands, name, title, clause),
        )

    def amendment(self, where: Token, body: Body) -> tree.Amendment:
        return tree.Amendment(where.value, body, span=self.around(where, body))

    def amend(self, word: Token, targets: Any, *symbols: Any) -> tree.Amend:
        parts = symbols[2:-1]
        properties = tuple(part for part in parts if isinstance(part, PROPERTIES))
        changes = tuple(part for part in parts if isinstance(part, tree.Amendment))
        span = self.around(word, parts)
        return tree.Amend(strings(targets), properties, changes, span=span)

    def remove(self, word: Token, targets: Any, end: Any) -> tree.Remove:
        return tree.Remove(strings(targets), span=self.around(word, targets))
