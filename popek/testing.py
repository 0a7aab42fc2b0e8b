"""Hypothesis strategies for instruction sets: instructions, and guests that change their level.

    from hypothesis import given
    from popek.testing import guests

    @given(guest=guests(popek.load("pg74")))
    def test_my_hypervisor(guest): ...

Needs the package hypothesis, which popek itself does without.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Final

from hypothesis import assume
from hypothesis import strategies as st

from popek.diagnostics import PopekError
from popek.guest import Context, assemble, encode, sample_fields
from popek.guest.image import Guest
from popek.guest.units import Units
from popek.isa import ir
from popek.isa.footprint import writes
from popek.source import Source

#: Kernels with places for code that is drawn: {boot}, {trap} and {user}, and numbers {a} to {d} of
#: 7 bits.  Each boots, goes to user mode, and comes back there from its traps.
FRAMES: Final = (
    # The machine of 1974.
    """
        .org 0
old:    .word 0, 0, 0
        .word trap, 0, 0x100
        .word 0
again:  .word 0x8000, user, {a} + 16
        .org 0x10
boot:   ldi 15, {b}
        stm 15
        {boot}
        lpsw again
        .org 0x40
trap:   ld 14, 6
        {trap}
        ldi 15, {c}
        stm 15
        lpsw old
        .org 0x80
user:   {user}
        svc {d}
        jmp 0
""",
)

#: How many instructions are drawn for one place.
LONGEST: Final = 6


def instructions(
    isa: ir.Isa, forms: Iterable[ir.Form] | None = None, context: Context | None = None
) -> st.SearchStrategy[bytes]:
    """Machine code of one instruction, of `forms` if given, as this decode context reads it."""
    among = tuple(isa.forms if forms is None else forms)

    @st.composite
    def one(draw: st.DrawFn) -> bytes:
        form = draw(st.sampled_from(among))
        seed = draw(st.integers(0, 2**16 - 1))
        fields = sample_fields(isa, form, context or {}, Random(seed))
        assume(fields is not None)
        assert fields is not None
        return encode(isa, form, fields, context or {})

    return one()


def straight(isa: ir.Isa) -> tuple[ir.Form, ...]:
    """The forms behind which the next instruction follows, unless they trap: they neither jump nor
    wait, nor change what code is fetched by.
    """
    fetched = {name for t in isa.translations.values() for name in _reads(t.body)}
    kept = []
    for form in isa.forms:
        every = list(ir.statements(form.body))
        if any(isinstance(s, ir.Jump | ir.Wait | ir.Unpredictable | ir.Shutdown) for s in every):
            continue
        if not writes(form.body) & (fetched | {isa.pc}):
            kept.append(form)
    return tuple(kept)


def _reads(body: tuple[ir.Stmt, ...]) -> frozenset[str]:
    return frozenset(
        node.component
        for stmt in ir.statements(body)
        for expr in ir.expressions(stmt)
        for node in ir.subexpressions(expr)
        if isinstance(node, ir.Read | ir.ReadElement)
    )


@st.composite
def _code(draw: st.DrawFn, isa: ir.Isa, mostly: tuple[ir.Form, ...]) -> str:
    """Some instructions as assembly: three of four go straight on."""
    units = Units.of(isa)
    lines = []
    for _ in range(draw(st.integers(0, LONGEST))):
        forms = mostly if draw(st.integers(0, 3)) else isa.forms
        code = draw(instructions(isa, forms))
        parts = [code[at : at + units.size] for at in range(0, len(code), units.size)]
        words = ", ".join(str(units.unpack(part)[0]) for part in parts)
        lines.append(f"{'.byte' if units.bits == 8 else '.word'} {words}")
    return "\n        ".join(lines)


def guests(isa: ir.Isa, frame: str | None = None) -> st.SearchStrategy[Guest]:
    """Guests that boot, execute some instructions, go to user mode, execute some there, and are
    back in user mode after each trap; but for where a drawn instruction leads astray.

    `frame` is a kernel as in `FRAMES`.  Raises ValueError where there is none for this set.
    """
    text = next((f for f in (frame, *FRAMES) if f is not None and _assembles(isa, f)), None)
    if text is None:
        raise ValueError(f"no frame is in the assembly of {isa.title}")
    mostly = straight(isa)

    @st.composite
    def one(draw: st.DrawFn) -> Guest:
        numbers = {key: draw(st.integers(0, 127)) for key in "abcd"}
        places = {key: draw(_code(isa, mostly)) for key in ("boot", "trap", "user")}
        source = Source("guest.asm", text.format(**numbers, **places))
        return Guest("guest", assemble(isa, source))

    return one()


def _assembles(isa: ir.Isa, frame: str) -> bool:
    """Whether a frame is for this instruction set."""
    text = frame.format(a=0, b=0, c=0, d=0, boot="", trap="", user="")
    try:
        assemble(isa, Source("frame.asm", text))
    except PopekError:
        return False
    return True
