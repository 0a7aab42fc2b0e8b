"""Reductions of the remaining items, and of the file."""

from __future__ import annotations

from typing import Any

from lark import Token

from popek.syntax import tree
from popek.syntax.lower_base import Part, strings, text_of, value_of
from popek.syntax.lower_state import StateItems


class Lowering(StateItems):
    """Every reduction of `isa.lark`."""

    def start(self, *items: Any) -> tuple[tree.Item, ...]:
        return items

    # ------------------------------------------------------------ the file

    def header(
        self, word: Token, title: Token, extends: Any, base: Token | None, end: Any
    ) -> tree.Header:
        span = self.around(word, title, base)
        return tree.Header(text_of(title) or "", text_of(base), span=span)

    def include(self, word: Token, path: Token, end: Any) -> tree.Include:
        return tree.Include(text_of(path) or "", span=self.around(word, path))

    def manual(self, word: Token, name: Token, equals: Any, text: Token, end: Any) -> tree.Manual:
        return tree.Manual(name.value, text_of(text) or "", span=self.around(word, text))

    def code_bits(self, word: Token, unit: Token, bits: Any, endian: Token, end: Any) -> tree.Code:
        span = self.around(word, endian)
        return tree.Code(self.number(unit), False, endian.value, span=span)

    def code_bytes(self, word: Token, unit: Any, endian: Token, end: Any) -> tree.Code:
        return tree.Code(8, True, endian.value, span=self.around(word, endian))

    def numbering(self, word: Token, from_: Any, side: Token, end: Any) -> tree.Numbering:
        return tree.Numbering(side.value, span=self.around(word, side))

    def constant(
        self, word: Token, name: Token, equals: Any, value: Any, title: Token | None, end: Any
    ) -> tree.Constant:
        self.declare(name)
        span = self.around(word, value, title)
        return tree.Constant(name.value, value, text_of(title), span=span)

    def parameter(
        self,
        word: Token,
        name: Token,
        colon: Any,
        type_: Any,
        equals: Any,
        value: Any,
        title: Token | None,
        end: Any,
    ) -> tree.Parameter:
        self.declare(name)
        span = self.around(word, type_, value, title)
        return tree.Parameter(name.value, type_, value, text_of(title), span=span)

    def type_def(
        self,
        word: Token,
        name: Token,
        equals: Any,
        type_: Any,
        title: Token | None,
        end: Any,
        rows: Any,
    ) -> tree.TypeDef:
        span = self.around(word, type_, title, rows)
        return tree.TypeDef(name.value, type_, rows or (), text_of(title), span=span)

    def enumerator(self, name: Token, equals: Any, value: Token | None) -> Part:
        self.declare(name)
        number = None if value is None else self.number(value)
        return Part((name.value, number), self.around(name, value))

    def enumerators(self, *symbols: Any) -> Part:
        members = symbols[::2]
        return Part(tuple(member.value for member in members), self.around(*members))

    def enum(
        self,
        word: Token,
        name: Token,
        colon: Any,
        type_: Any,
        equals: Any,
        members: Part,
        title: Token | None,
        end: Any,
    ) -> tree.EnumDef:
        span = self.around(word, members, title)
        return tree.EnumDef(name.value, type_, members.value, text_of(title), span=span)

    def group(
        self, word: Token, name: Token, equals: Any, members: Any, title: Token | None, end: Any
    ) -> tree.Group:
        span = self.around(word, members, title)
        return tree.Group(name.value, strings(members), text_of(title), span=span)

    def invariant(
        self, word: Token, condition: Any, title: Token | None, end: Any
    ) -> tree.Invariant:
        span = self.around(word, condition, title)
        return tree.Invariant(condition, text_of(title), span=span)

    def host(self, word: Token, condition: Any, title: Token | None, end: Any) -> tree.Host:
        return tree.Host(condition, text_of(title), span=self.around(word, condition, title))

    def contract(
        self, word: Token, level: Token, colon: Any, condition: Any, title: Token | None, end: Any
    ) -> tree.Contract:
        span = self.around(word, condition, title)
        return tree.Contract(level.value, condition, text_of(title), span=span)

    def assume(self, word: Token, id_: Token, title: Token | None, end: Any) -> tree.Assumption:
        return tree.Assumption(id_.value, text_of(title), span=self.around(word, id_, title))

    # ------------------------------------------------------------ translation, traps

    def for_cpu(self, for_: Token, processor: Token) -> Part:
        return Part(True, self.around(for_, processor))

    def translate(
        self,
        word: Token,
        name: Token,
        formals: Part,
        arrow: Any,
        target: Token,
        for_cpu: Part | None,
        title: Token | None,
        body: Any,
    ) -> tree.Translate:
        self.declare(name)
        return tree.Translate(
            name.value,
            formals.value,
            target.value,
            for_cpu is not None,
            text_of(title),
            body,
            span=self.around(word, body),
        )

    def delivery(self, name: Token, opening: Any, args: Any, closing: Token) -> tree.Call:
        function = tree.Name(name.value, span=self.place(name))
        return tree.Call(function, args or (), span=self.around(name, closing))

    def trap(
        self,
        word: Token,
        name: Token,
        formals: Part | None,
        colon: Any,
        kind: Token | None,
        equals: Any,
        delivery: Any,
        title: Token | None,
        end: Any,
    ) -> tree.Trap:
        return tree.Trap(
            name.value,
            value_of(formals) or (),
            kind and kind.value,
            delivery,
            text_of(title),
            span=self.around(word, name, formals, kind, delivery, title),
        )

    def deliver(
        self, word: Token, name: Token, formals: Part | None, title: Token | None, body: Any
    ) -> tree.Deliver:
        params = value_of(formals) or ()
        span = self.around(word, body)
        return tree.Deliver(name.value, params, text_of(title), body, span=span)

    def interrupt(
        self, word: Token, name: Token, when: Any, condition: Any, title: Token | None, body: Any
    ) -> tree.Interrupt:
        span = self.around(word, body)
        return tree.Interrupt(name.value, condition, text_of(title), body, span=span)

    # ------------------------------------------------------------ functions

    def function_is(
        self,
        word: Token,
        name: Token,
        formals: Part,
        arrow: Any,
        result: Any,
        equals: Any,
        value: Any,
        title: Token | None,
        end: Any,
    ) -> tree.Function:
        self.declare(name)
        span = self.around(word, value, title)
        return tree.Function(
            name.value, formals.value, result, value, (), text_of(title), span=span
        )

    def function_does(
        self,
        word: Token,
        name: Token,
        formals: Part,
        arrow: Any,
        result: Any,
        title: Token | None,
        body: Any,
    ) -> tree.Function:
        self.declare(name)
        span = self.around(word, body)
        return tree.Function(
            name.value, formals.value, result, None, body, text_of(title), span=span
        )

    def abstract_is(
        self,
        word: Token,
        function: Any,
        name: Token,
        formals: Part,
        arrow: Any,
        result: Any,
        equals: Any,
        value: Any,
        title: Token | None,
        end: Any,
    ) -> tree.AbstractFunction:
        self.declare(name)
        span = self.around(word, result, value, title)
        return tree.AbstractFunction(
            name.value, formals.value, result, value, (), text_of(title), span=span
        )

    def abstract_does(
        self,
        word: Token,
        function: Any,
        name: Token,
        formals: Part,
        arrow: Any,
        result: Any,
        title: Token | None,
        body: Any,
    ) -> tree.AbstractFunction:
        self.declare(name)
        span = self.around(word, body)
        return tree.AbstractFunction(
            name.value, formals.value, result, None, body, text_of(title), span=span
        )
