"""Images of memory before and after a step."""

from __future__ import annotations

from typing import Final

_PAGE: Final = 4096


def differences(before: bytearray, after: bytes, first: int = 0) -> dict[int, int]:
    """Cells that hold another byte, looked for a page at a time; the images begin at `first`."""
    if before == after:
        return {}
    return {
        first + i: after[i]
        for page in range(0, len(before), _PAGE)
        if before[page : page + _PAGE] != after[page : page + _PAGE]
        for i in range(page, page + _PAGE)
        if before[i] != after[i]
    }
