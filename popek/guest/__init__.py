"""Guests: machine code, its assembly text, and the way between them.

Driven by the spec's encodings and templates alone.
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
