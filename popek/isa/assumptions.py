"""What a verdict may rest on: the ids that `assume` can name, and that popek prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: The registry of ids, with what is assumed (definitions.md, section 6.4).
REGISTRY: Final[Mapping[str, str]] = {
    "coherent-translation": "an access that the real machine permits is permitted on the bare "
    "machine and reaches the same cell",
    "timing-exempt": "what a clock shows is free on each side, as in 1974",
    "same-processor": "parameters and abstract functions of the processor are equal on both sides",
    "same-storage": "the bare machine compared with has exactly the storage the host gives",
    "unseen-code": "the guest neither reads nor changes the places of its code in which the host "
    "or its port has put something else",
    "host-vectors": "traps of the real machine reach the host's handlers, by memory that is no "
    "guest's",
    "one-core": "no other processor or device changes memory during a step",
    "board-mmu": "the board's relocation is supervisor-only and always active",
    "unmodelled": "what the spec leaves out may end in any outcome",
}
