"""Reductions of `hypervisor.lark`: items of designs, and what only their handlers do."""

from __future__ import annotations

from typing import Any

from lark import Token

from popek.syntax import design_tree, tree
from popek.syntax.lower_base import Part, strings, text_of, value_of
from popek.syntax.lower_stmt import Statements


class DesignLowering(Statements):
    """Every reduction of `hypervisor.lark` that `isa.lark` does not have, and those it shares."""

    def start(self, *items: Any) -> tuple[design_tree.Item, ...]:
        return items

    def design(
        self, word: Token, title: Token, for_: Any, spec: Token, end: Any
    ) -> design_tree.Header:
        span = self.around(word, spec)
        return design_tree.Header(text_of(title) or "", text_of(spec) or "", span=span)

    # ------------------------------------------------------------ blocks of rows

    def held(self, word: Token, *symbols: Any) -> design_tree.Held:
        return design_tree.Held(symbols[2:-1], span=self.around(word, symbols))

    def held_parameter(
        self, word: Token, name: Token, colon: Any, type_: Any, title: Token | None, end: Any
    ) -> design_tree.HeldParameter:
        self.declare(name)
        span = self.around(word, type_, title)
        return design_tree.HeldParameter(name.value, type_, text_of(title), span=span)

    def requirement(
        self, word: Token, condition: Any, title: Token | None, end: Any
    ) -> design_tree.Requirement:
        span = self.around(word, condition, title)
        return design_tree.Requirement(condition, text_of(title), span=span)

    def setting(
        self, place: Any, equals: Token, value: Any, title: Token | None, end: Any
    ) -> design_tree.Setting:
        span = self.around(place, value, title)
        return design_tree.Setting(place, value, text_of(title), span=span)

    def vcpu(self, word: Token, *symbols: Any) -> design_tree.Vcpu:
        return design_tree.Vcpu(symbols[2:-1], span=self.around(word, symbols))

    def vcpu_row(
        self, name: Token, size: Part | None, colon: Any, type_: Any, title: Token | None, end: Any
    ) -> design_tree.VcpuRow:
        self.declare(name)
        span = self.around(name, type_, title)
        return design_tree.VcpuRow(name.value, value_of(size), type_, text_of(title), span=span)

    def arrangement(self, word: Token, *symbols: Any) -> design_tree.Arrangement:
        return design_tree.Arrangement(symbols[2:-1], span=self.around(word, symbols))

    def places(self, *symbols: Any) -> tuple[tree.Expr, ...]:
        return symbols[::2]

    def direct(
        self,
        places: Any,
        word: Token,
        at: Any,
        target: Any,
        when: Any,
        exists: Any,
        title: Token | None,
        end: Any,
    ) -> design_tree.Direct:
        span = self.around(places[0], word, exists, title)
        return design_tree.Direct(places, target, exists, text_of(title), span=span)

    def loaded(self, places: Any, word: Token, title: Token | None, end: Any) -> design_tree.Loaded:
        span = self.around(places[0], word, title)
        return design_tree.Loaded(places, text_of(title), span=span)

    def shadowed(
        self, places: Any, word: Token, title: Token | None, end: Any
    ) -> design_tree.Shadowed:
        span = self.around(places[0], word, title)
        return design_tree.Shadowed(places, text_of(title), span=span)

    def virtual(
        self,
        places: Any,
        word: Token,
        equals: Any,
        value: Any,
        real: Any,
        is_: Any,
        held: Any,
        title: Token | None,
        end: Any,
    ) -> design_tree.Virtual:
        span = self.around(places[0], word, value, held, title)
        return design_tree.Virtual(places, value, held, text_of(title), span=span)

    # ------------------------------------------------------------ what becomes of instructions

    def policy(self, word: Token, *symbols: Any) -> design_tree.Policy:
        return design_tree.Policy(symbols[2:-1], span=self.around(word, symbols))

    def disposition(self, word: Token) -> Token:
        return word

    def rule(
        self,
        names: Any,
        when: Any,
        condition: Any,
        disposition: Token,
        title: Token | None,
        end: Any,
    ) -> design_tree.Rule:
        span = self.around(names[0], disposition, title)
        return design_tree.Rule(
            strings(names), condition, disposition.value, text_of(title), span=span
        )

    # ------------------------------------------------------------ what the host does

    def on(self, word: Token, names: Any, formals: Part | None, body: Any) -> design_tree.On:
        span = self.around(word, body)
        return design_tree.On(strings(names), value_of(formals) or (), body, span=span)

    def interpret(self, word: Token, insn: Token) -> tree.Interpret:
        return tree.Interpret(span=self.around(word, insn))

    def reflect(
        self, word: Token, trap: Token, opening: Any, args: Any, closing: Any
    ) -> tree.Reflect:
        return tree.Reflect(trap.value, args or (), span=self.around(word, trap, closing))

    def inject(self, word: Token, names: Any) -> tree.Inject:
        return tree.Inject(strings(names), span=self.around(word, names))

    def resume(self, word: Token) -> tree.Resume:
        return tree.Resume(span=self.place(word))

    def stop(self, word: Token, why: Token) -> tree.Stop:
        return tree.Stop(text_of(why) or "", span=self.around(word, why))

    # ------------------------------------------------------------ what is claimed

    def cost(self, word: Token, *symbols: Any) -> design_tree.Cost:
        return design_tree.Cost(symbols[2:-1], span=self.around(word, symbols))

    def cost_row(
        self, name: Token, equals: Any, value: Any, title: Token | None, end: Any
    ) -> design_tree.CostRow:
        span = self.around(name, value, title)
        return design_tree.CostRow(name.value, value, text_of(title), span=span)

    def assume(
        self, word: Token, condition: Any, title: Token | None, end: Any
    ) -> design_tree.Assume:
        span = self.around(word, condition, title)
        return design_tree.Assume(condition, text_of(title), span=span)

    def prove(self, word: Token, names: Any, end: Any) -> design_tree.Prove:
        return design_tree.Prove(strings(names), span=self.around(word, names))

    def expect(
        self,
        word: Token,
        what: Any,
        property: Token,
        at: Any,
        names: Any,
        title: Token | None,
        end: Any,
    ) -> design_tree.ExpectCounterexample:
        span = self.around(word, names, title)
        return design_tree.ExpectCounterexample(
            property.value, strings(names), text_of(title), span=span
        )
