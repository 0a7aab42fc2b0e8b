"""Reductions of the items that declare state."""

from __future__ import annotations

from typing import Any

from lark import Token

from popek.syntax import tree
from popek.syntax.lower_base import Part, strings, text_of, value_of
from popek.syntax.lower_enc import Encodings


class StateItems(Encodings):
    """One method per alternative of the rules about components and their fields."""

    def named(self, word: Token, names: Any) -> Part:
        self.declare(*names)
        return Part(strings(names), self.around(word, names))

    def host_value(self, word: Token, value: Any) -> tree.Expr:
        node: tree.Expr = value
        return node

    def state(
        self,
        role: Token,
        names: Any,
        size: Part | None,
        colon: Any,
        type_: Any,
        named: Part | None,
        host: Any,
        title: Token | None,
        end: Any,
        rows: Any,
    ) -> tree.State:
        self.declare(*names)
        return tree.State(
            role.value,
            strings(names),
            value_of(size),
            type_,
            value_of(named) or (),
            host,
            text_of(title),
            rows or (),
            span=self.around(role, names, size, type_, named, host, title, rows),
        )

    def rows(self, *symbols: Any) -> tuple[tree.Row, ...]:
        return symbols[1:-1]

    def bits_row(
        self,
        first: Token,
        dots: Any,
        last: Token | None,
        name: Token,
        colon: Any,
        type_: Any,
        role: Token | None,
        host: Any,
        title: Token | None,
        end: Any,
    ) -> tree.FieldRow:
        high = self.number(first)
        low = high if last is None else self.number(last)
        span = self.around(first, name, type_, role, host, title)
        return tree.FieldRow(
            high, low, name.value, type_, role and role.value, host, text_of(title), span=span
        )

    def plain_row(
        self,
        name: Token,
        colon: Any,
        type_: Any,
        role: Token | None,
        host: Any,
        title: Token | None,
        end: Any,
    ) -> tree.FieldRow:
        span = self.around(name, type_, role, host, title)
        return tree.FieldRow(
            None, None, name.value, type_, role and role.value, host, text_of(title), span=span
        )

    def fixed_row(
        self, first: Token, dots: Any, last: Token | None, equals: Any, value: Token, end: Any
    ) -> tree.FixedRow:
        high = self.number(first)
        low = high if last is None else self.number(last)
        return tree.FixedRow(high, low, self.number(value), span=self.around(first, value))

    def hardwired_row(
        self, word: Token, place: Any, equals: Any, value: Any, end: Any
    ) -> tree.HardwiredRow:
        return tree.HardwiredRow(place, value, span=self.around(word, value))

    # ------------------------------------------------------------ modes and banks

    def level_named(self, name: Token, equals: Any, value: Token | None) -> tree.Level:
        self.declare(name)
        number = None if value is None else self.number(value)
        return tree.Level(name.value, number, span=self.around(name, value))

    def level_number(self, value: Token) -> tree.Level:
        return tree.Level(value.value, self.number(value), span=self.place(value))

    def levels(self, *symbols: Any) -> tuple[tree.Level, ...]:
        return symbols[::2]

    def mode(
        self,
        word: Token,
        name: Token,
        equals: Any,
        alias: Any,
        colon: Any,
        levels: Any,
        title: Token | None,
        end: Any,
    ) -> tree.Mode:
        self.declare(name)
        span = self.around(word, levels, title)
        return tree.Mode(name.value, alias, levels, text_of(title), span=span)

    def banked_row(self, level: Token, name: Token, end: Any) -> Part:
        self.declare(name)
        return Part((level.value, name.value), self.around(level, name))

    def banked_rows(self, *symbols: Any) -> Part:
        rows = symbols[1:-1]
        return Part(tuple(row.value for row in rows), self.around(*rows))

    def banked(
        self,
        word: Token,
        name: Token,
        colon: Any,
        type_: Any,
        by: Any,
        mode: Token,
        title: Token | None,
        end: Any,
        rows: Part,
    ) -> tree.Banked:
        self.declare(name)
        span = self.around(word, rows)
        return tree.Banked(name.value, type_, mode.value, rows.value, text_of(title), span=span)

    def bank_row(
        self, number: Token, name: Token, equals: Any, value: Any, title: Token | None, end: Any
    ) -> tree.BankRow:
        span = self.around(number, name, value, title)
        return tree.BankRow(self.number(number), name.value, value, text_of(title), span=span)

    def bank_read(self, word: Token, body: Any) -> Part:
        return Part(("read", body), self.around(word, body))

    def bank_write(self, word: Token, name: Token, body: Any) -> Part:
        self.declare(name)
        return Part(("write", (name.value, body)), self.around(word, body))

    def bank(
        self,
        word: Token,
        name: Token,
        opening: Any,
        params: Any,
        closing: Any,
        colon: Any,
        type_: Any,
        title: Token | None,
        end: Any,
        *symbols: Any,
    ) -> tree.Bank:
        self.declare(name)
        parts = symbols[1:-1]
        blocks: dict[str, Any] = {}
        for part in parts:
            if isinstance(part, Part):
                which, block = part.value
                if which in blocks:
                    self.found.add("E0203", f"a second `{which}` block of one bank", part.span)
                blocks[which] = block
        return tree.Bank(
            name.value,
            params,
            type_,
            tuple(part for part in parts if isinstance(part, tree.BankRow)),
            blocks.get("read"),
            blocks.get("write"),
            text_of(title),
            span=self.around(word, parts),
        )

    # ------------------------------------------------------------ the other components

    def alias(
        self,
        word: Token,
        name: Token,
        formals: Part | None,
        equals: Any,
        value: Any,
        title: Token | None,
        end: Any,
    ) -> tree.Alias:
        self.declare(name)
        span = self.around(word, value, title)
        return tree.Alias(name.value, value_of(formals), value, text_of(title), span=span)

    def memory(
        self,
        word: Token,
        name: Token,
        size: Part,
        colon: Any,
        type_: Any,
        title: Token | None,
        end: Any,
    ) -> tree.Memory:
        self.declare(name)
        span = self.around(word, type_, title)
        return tree.Memory(name.value, size.value, type_, text_of(title), span=span)

    def operation(
        self, word: Token, name: Token, formals: Part, arrow: Any, result: Any, end: Any
    ) -> tree.Operation:
        span = self.around(word, formals, result)
        return tree.Operation(name.value, formals.value, result, span=span)

    def operations(self, *symbols: Any) -> tuple[tree.Operation, ...]:
        return symbols[1:-1]

    def device(
        self,
        word: Token,
        name: Token,
        size: Part | None,
        colon: Any,
        type_: Any,
        title: Token | None,
        end: Any,
        operations: Any,
    ) -> tree.Device:
        self.declare(name)
        span = self.around(word, name, size, type_, title, operations)
        return tree.Device(
            name.value, value_of(size), type_, operations or (), text_of(title), span=span
        )

    def reset(self, word: Token, body: Any) -> tree.Reset:
        return tree.Reset(body, span=self.around(word, body))
