"""How wide a value may be."""

from __future__ import annotations

from popek.isa.errors import fail
from popek.source import Span

WIDTH_LIMIT = 4096


def check_width(width: int, span: Span) -> int:
    """A width that popek supports, or an error."""
    if width <= 0:
        raise fail("E0307", f"a value of {width} bits", span, hint="widths start at 1")
    if width > WIDTH_LIMIT:
        raise fail("E0802", f"a value of {width} bits", span, hint=f"the limit is {WIDTH_LIMIT}")
    return width
