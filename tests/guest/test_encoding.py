from __future__ import annotations

import pytest

from popek.guest import Decoded, Decoder, EncodingError, Undecodable, decode, encode
from popek.guest.units import Units
from popek.isa import ir
from tests.guest.machines import BYTES, PROTECTED, WORDS


def form(isa: ir.Isa, name: str) -> ir.Form:
    return next(f for f in isa.forms if f.name == name)


def meaning(isa: ir.Isa, code: str, context: dict[str, int]) -> Decoded:
    found = decode(isa, bytes.fromhex(code), context)
    assert isinstance(found, Decoded)
    return found


def test_bytes_with_an_operand_table() -> None:
    mov = form(BYTES, "MOV")
    fields = {"mod": 1, "rm": 3, "reg": 6, "d8": 0xFC}
    assert encode(BYTES, mov, fields, PROTECTED).hex() == "8973fc"


def test_immediates_have_the_byte_order_of_code() -> None:
    imm = form(BYTES, "MOV_imm")
    assert encode(BYTES, imm, {"r": 1, "iz": 0x12345678}, PROTECTED).hex() == "b978563412"
    move = form(WORDS, "MOVE.W")
    fields = {"mode": 7, "reg": 1, "a32": 0x12345678, "dst.reg": 2}
    assert encode(WORDS, move, fields).hex() == "343912345678"


def test_units_of_code_have_a_byte_order_of_their_own() -> None:
    little = Units(16, "little", 8)
    assert little.pack(0x1234_5678, 32) == bytes.fromhex("34127856")
    assert little.unpack(bytes.fromhex("34127856")) == (0x1234_5678, 32)
    assert little.immediate(0x1234_5678, 32) == 0x5678_1234


def test_units_that_are_no_whole_number_of_bytes_lie_in_more() -> None:
    units = Units(36, "big", 36)
    assert units.size == 5
    assert units.pack(0o123456_701234, 36) == (0o123456_701234).to_bytes(5, "big")
    assert units.addresses(10) == 2


def test_extensions_of_two_operands_follow_in_the_order_of_the_operands() -> None:
    move = form(WORDS, "MOVE.B")
    fields = {"mode": 5, "reg": 1, "d16": 2, "dst.mode": 7, "dst.reg": 0, "dst.a16": 0x8000}
    assert encode(WORDS, move, fields).hex() == "11e900028000"
    found = meaning(WORDS, "11e900028000", {})
    assert found.form is move
    assert found.fields["d16"] == 2 and found.fields["dst.a16"] == 0x8000
    assert found.fields["length"] == found.size == 6


def test_a_row_may_depend_on_the_token_that_it_adds() -> None:
    absolute = meaning(BYTES, "8b04850a000000", PROTECTED)
    assert (absolute.fields["base"], absolute.fields["d32"], absolute.size) == (5, 10, 7)
    based = meaning(BYTES, "8b0483", PROTECTED)
    assert (based.fields["base"], based.fields["d32"], based.size) == (3, 0, 3)


def test_the_decode_context_selects_the_form() -> None:
    code = "b878563412"
    assert meaning(BYTES, code, PROTECTED).size == 5
    assert meaning(BYTES, code, {}).size == 3
    assert meaning(BYTES, "66" + code, PROTECTED).size == 4


def test_valid_when_leaves_the_bytes_to_another_form() -> None:
    assert meaning(BYTES, "cd03", PROTECTED).form.name == "BREAK"
    assert meaning(BYTES, "cd04", PROTECTED).form.name == "INT"
    assert decode(BYTES, bytes.fromhex("8dc0"), PROTECTED) is Undecodable.UNKNOWN


def test_of_several_prefixes_of_a_group_the_last_counts() -> None:
    found = meaning(BYTES, "2e36362e9d", PROTECTED)
    assert found.fields["segment"] == 2
    assert (found.fields["length"], found.size) == (5, 5)
    assert encode(BYTES, found.form, found.fields, PROTECTED).hex() == "2e9d"


def test_code_longer_than_its_length_field_holds_means_nothing() -> None:
    assert meaning(BYTES, "66" * 14 + "9d", PROTECTED).size == 15
    assert decode(BYTES, b"\x66" * 15 + b"\x9d", PROTECTED) is Undecodable.UNKNOWN
    assert decode(BYTES, b"\x66" * 5_000_000, PROTECTED) is Undecodable.UNKNOWN


@pytest.mark.parametrize("code", ["", "66", "8b", "8b04", "8b0485", "8b04850a0000", "0f", "b8"])
def test_code_that_ends_too_early_is_truncated(code: str) -> None:
    assert decode(BYTES, bytes.fromhex(code), PROTECTED) is Undecodable.TRUNCATED


@pytest.mark.parametrize("code", ["ff", "0fff", "66ff", "0f"])
def test_unknown_code(code: str) -> None:
    expected = Undecodable.TRUNCATED if code == "0f" else Undecodable.UNKNOWN
    assert decode(BYTES, bytes.fromhex(code), PROTECTED) is expected


def test_ignored_bits_are_ignored() -> None:
    assert meaning(WORDS, "4e73", {}).form.name == "NOP"
    assert encode(WORDS, form(WORDS, "NOP"), {}).hex() == "4e71"


def test_decoding_reads_no_further_than_the_instruction() -> None:
    decoder = Decoder(WORDS)
    for size in range(2, 12):
        found = decoder.decode(bytes.fromhex("700160026000000200ff")[:size])
        assert isinstance(found, Decoded)
        assert found.size == 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"nonsense": 1}, "no field nonsense"),
        ({"rm": 8}, "rm = 8 does not fit 3 bits"),
        ({"rm": -1}, "rm = -1 does not fit"),
    ],
)
def test_fields_that_are_none_are_refused(fields: dict[str, int], message: str) -> None:
    with pytest.raises(EncodingError, match=message):
        encode(BYTES, form(BYTES, "MOV"), fields, PROTECTED)


def test_an_operand_without_a_row_is_refused() -> None:
    with pytest.raises(EncodingError, match="no row of ea fits"):
        encode(WORDS, form(WORDS, "MOVE.B"), {"mode": 7, "reg": 7})
