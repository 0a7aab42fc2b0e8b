"""Encoding and decoding, assembling and disassembling undo each other, on every form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from popek.diagnostics import PopekError
from popek.guest import (
    Context,
    Decoded,
    Decoder,
    Disassembler,
    assemble,
    encode,
    form_bytes_and_text,
    sample_fields,
)
from popek.isa import ir
from popek.isa.load import load
from popek.resources import list_specs, spec_path
from popek.source import Source
from tests.guest.machines import BYTES, WORDS
from tests.guest.strategies import instructions

#: Samples of every form, beside those that Hypothesis draws.
SAMPLES = 2

MACHINES = {"bytes": BYTES, "words": WORDS}


@dataclass(frozen=True)
class Machine:
    """An instruction set, made ready for one decode context."""

    isa: ir.Isa
    context: Context
    decoder: Decoder
    disassembler: Disassembler


def contexts(isa: ir.Isa) -> tuple[Context, ...]:
    """All ones and all zeros of the components that say how code is read."""
    names = {
        node.component
        for form in isa.forms
        for expr in (form.decode, *(r.condition for o in form.operands for r in o.rows))
        for node in ir.subexpressions(expr)
        if isinstance(node, ir.Read)
    }
    return ({}, dict.fromkeys(sorted(names), 1)) if names else ({},)


@cache
def machines(name: str) -> tuple[Machine, ...]:
    if (isa := MACHINES.get(name)) is None:
        try:
            isa = load(spec_path(name))
        except PopekError as error:
            pytest.skip(f"{name} does not elaborate: {error.diagnostics[0].message}")
    return tuple(
        Machine(isa, context, Decoder(isa), Disassembler(isa, context)) for context in contexts(isa)
    )


def samples(machine: Machine) -> Iterator[tuple[ir.Form, dict[str, int]]]:
    for form in machine.isa.forms:
        for seed in range(SAMPLES):
            fields = sample_fields(machine.isa, form, machine.context, Random(seed))
            if fields is not None:
                yield form, fields


every_machine = pytest.mark.parametrize("name", [*MACHINES, *list_specs()])


def decodes(machine: Machine, form: ir.Form, fields: dict[str, int]) -> None:
    code = encode(machine.isa, form, fields, machine.context)
    meanings = machine.decoder.meanings(code + b"\x90\x90", machine.context)
    assert [(m.form.key, m.fields, m.size) for m in meanings] == [(form.key, fields, len(code))]
    again = encode(machine.isa, meanings[0].form, meanings[0].fields, machine.context)
    assert again == code


@every_machine
def test_decode_undoes_encode_for_every_form(name: str) -> None:
    for machine in machines(name):
        for form, fields in samples(machine):
            decodes(machine, form, fields)


@every_machine
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_decode_undoes_encode(name: str, data: st.DataObject) -> None:
    machine = data.draw(st.sampled_from(machines(name)))
    decodes(machine, *data.draw(instructions(machine.isa, machine.context)))


@every_machine
def test_every_form_has_code_in_some_context(name: str) -> None:
    reached = {form.key for machine in machines(name) for form, _ in samples(machine)}
    assert {form.key for form in machines(name)[0].isa.forms} == reached


@every_machine
def test_assembling_undoes_disassembling_for_every_form(name: str) -> None:
    for machine in machines(name):
        cases = list(samples(machine))
        code = b"".join(encode(machine.isa, *case, machine.context) for case in cases)
        lines = list(machine.disassembler.lines(code))
        assert b"".join(line.code for line in lines) == code
        assert not [line.text for line in lines if line.text.startswith(".")]
        text = "\n".join(line.text for line in lines)
        assert assemble(machine.isa, Source("all.s", text), machine.context) == code


@every_machine
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_assembling_undoes_disassembling(name: str, data: st.DataObject) -> None:
    machine = data.draw(st.sampled_from(machines(name)))
    form, fields = data.draw(instructions(machine.isa, machine.context))
    code, text = form_bytes_and_text(machine.isa, form, fields, machine.context)
    assert not text.startswith(".")
    assert assemble(machine.isa, Source("one.s", text), machine.context).hex() == code


@every_machine
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_bytes_disassemble_to_text_that_assembles_to_them(
    name: str, data: st.DataObject
) -> None:
    machine = data.draw(st.sampled_from(machines(name)))
    unit = machine.decoder.units.size
    code = data.draw(st.binary(max_size=24).map(lambda b: b[: len(b) // unit * unit]))
    text = "\n".join(line.text for line in machine.disassembler.lines(code))
    assert assemble(machine.isa, Source("any.s", text), machine.context) == code


@every_machine
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_what_any_bytes_mean_is_encoded_as_code_that_means_the_same(
    name: str, data: st.DataObject
) -> None:
    machine = data.draw(st.sampled_from(machines(name)))
    found = machine.decoder.decode(data.draw(st.binary(max_size=24)), machine.context)
    if isinstance(found, Decoded):
        code = encode(machine.isa, found.form, found.fields, machine.context)
        again = machine.decoder.decode(code, machine.context)
        assert isinstance(again, Decoded)
        assert again.form is found.form
        same = {**found.fields, "length": 0}, {**again.fields, "length": 0}
        assert same[0] == same[1]
