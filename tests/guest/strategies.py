"""Hypothesis strategies for field values and code."""

from __future__ import annotations

from random import Random

from hypothesis import assume
from hypothesis import strategies as st

from popek.guest import Context, sample_fields
from popek.isa import ir


@st.composite
def fields_for(draw: st.DrawFn, isa: ir.Isa, form: ir.Form, context: Context) -> dict[str, int]:
    """Values of all fields of a form, such that the code means it in this decode context."""
    seed = draw(st.integers(0, 2**32 - 1))
    fields = sample_fields(isa, form, context, Random(seed))
    assume(fields is not None)
    assert fields is not None
    return fields


@st.composite
def instructions(draw: st.DrawFn, isa: ir.Isa, context: Context) -> tuple[ir.Form, dict[str, int]]:
    """A form of the instruction set, and fields for it."""
    form = draw(st.sampled_from(isa.forms))
    return form, draw(fields_for(isa, form, context))
