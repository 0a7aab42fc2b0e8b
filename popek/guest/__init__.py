"""Guests: machine code, its assembly text, and the way between them.

Driven by the spec's encodings and templates alone.  The assembly language:

    start:  mov eax, [ebx+8]       ; mnemonic and operands as the spec prints them, in any case
            jmp start - next       # `.` is the address of this line, `next` that of the next
            popf {segment=2}       # fields that are not printed; also {form "9D"}, {instruction X}
            .org 0x100             # addresses, as the memory counts them
            .word 1, start         # a unit of code; where that is a byte, two.  Or .byte

Numbers are decimal, 0x, 0b or 0o, in sums with labels.  A label is an address; a relative operand
is written as a difference.  `#` starts a comment only at the start of a line or before a blank.
Which code a line stands for if there is a choice: see `popek.guest.choosing.Chooser`.
"""

from popek.guest.assembling import Assembly, Placed, assemble, assembly
from popek.guest.conditions import Context
from popek.guest.decoding import Decoded, Decoder, Undecodable, decode
from popek.guest.disassembling import Disassembler, Line, disassemble, form_bytes_and_text
from popek.guest.encoding import EncodingError, encode
from popek.guest.fields import canonical, sample_fields

__all__ = [
    "Assembly",
    "Context",
    "Decoded",
    "Decoder",
    "Disassembler",
    "EncodingError",
    "Line",
    "Placed",
    "Undecodable",
    "assemble",
    "assembly",
    "canonical",
    "decode",
    "disassemble",
    "encode",
    "form_bytes_and_text",
    "sample_fields",
]
