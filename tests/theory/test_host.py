"""The host's choice: what is admissible, what is preferred, and what another choice would cost."""

from __future__ import annotations

from popek.theory.direct import Binding
from popek.theory.verdict import Class, Label
from tests.theory.toys import ADD, LRA, checked, one, toy, verdict_of

LOADED, HELD = Binding.LOADED, Binding.HELD

#: Traps outside supervisor mode if the bit is set; its text has a name for the bit.
TRAPPED = "require M == supervisor or not ALL else raise denied"
ADDT = f"""
instruction ADDT x, y
  encoding  0111 .... x:4 y:4
  {TRAPPED}
  a[x] = a[x] + a[y]
"""
SHOWN = one(f"{TRAPPED}; a[x] = R.l")


def test_what_no_form_touches_is_loaded() -> None:
    choice = checked(toy(ADD, LRA)).choice
    assert choice.host == {"TSD": LOADED, "MASK": LOADED, "ALL": LOADED, "ID": LOADED}
    assert (choice.tied, choice.fixed, choice.admissible) == (1, (), True)


def test_a_bit_that_traps_the_sensitive_form_alone_is_set() -> None:
    result = checked(toy(SHOWN, ADD))
    assert result.choice.host["ALL"] == 1
    assert (result.choice.tied, result.choice.admissible) == (1, True)
    assert verdict_of(result).kind is Class.PRIVILEGED


def test_a_bit_that_traps_a_plain_form_is_not_admissible() -> None:
    """One bit that traps everything must not make any machine virtualizable."""
    result = checked(toy(SHOWN, ADDT))
    assert result.choice.host["ALL"] is LOADED
    assert result.choice.admissible
    verdict = verdict_of(result)
    assert verdict.kind is Class.CRITICAL
    assert verdict_of(result, "ADDT").kind is Class.INNOCUOUS
    (unless,) = verdict.unless
    assert unless.host == {"ALL": 1}
    assert unless.kind is Class.PRIVILEGED
    assert unless.stopped == (("ADDT", "0111 .... x:4 y:4"),)


def test_a_control_that_decides_about_plain_forms_is_the_guests_own() -> None:
    """With 0 a guest that had set it would miss its trap; with 1 one that had not would get one."""
    result = checked(toy(ADDT))
    assert result.choice.host["ALL"] is LOADED
    assert result.choice.tied == 1
    assert verdict_of(result, "ADDT").kind is Class.INNOCUOUS


def test_a_value_by_hand_need_not_be_admissible_and_says_so() -> None:
    result = checked(toy(SHOWN, ADDT), host={"ALL": 1})
    assert result.choice.fixed == ("ALL",)
    assert not result.choice.admissible
    assert verdict_of(result).kind is Class.PRIVILEGED
    assert verdict_of(result, "ADDT").kind is Class.PRIVILEGED
    assert result.vmm.verdict != "proved"


def test_among_equals_the_lowest_value_is_taken() -> None:
    result = checked(toy(one("require M == supervisor or MASK == 3 else raise denied; F.IE = 0")))
    assert result.choice.host["MASK"] == 0
    assert result.choice.tied == 3
    result = checked(toy(one("require M == supervisor or MASK == 0 else raise denied; F.IE = 0")))
    assert result.choice.host["MASK"] == 1
    assert result.choice.tied == 3


def test_one_choice_for_all_forms() -> None:
    """X wants the bit set and Y wants it clear: one of them stays critical."""
    wants_it_clear = """
instruction Y x
  encoding  1000 ........ x:4
  require M == supervisor or ALL else raise denied
  a[x] = R.b
"""
    result = checked(toy(SHOWN, wants_it_clear))
    kinds = {v.form.mnemonic: v.kind for v in result.verdicts}
    assert sorted(kinds.values()) == [Class.CRITICAL, Class.PRIVILEGED]
    # As many are unsafe either way: the lowest value.
    assert result.choice.host["ALL"] == 0
    assert result.choice.tied == 2
    assert kinds["X"] is Class.CRITICAL
    (unless,) = verdict_of(result).unless
    assert unless.host == {"ALL": 1}
    assert unless.stopped == ()


def test_a_form_that_completes_comes_before_one_that_traps() -> None:
    """Loaded, X is safe because the guest's own value is shown; set, because it traps."""
    result = checked(toy(one(f"{TRAPPED}; a[x] = zext(ALL)")))
    assert verdict_of(result).kind is Class.INNOCUOUS
    assert result.choice.host["ALL"] is LOADED


def test_independent_controls_are_chosen_apart_and_their_ties_multiply() -> None:
    both = """
control KEY : u2
instruction Y x
  encoding  1000 ........ x:4
  require M == supervisor or KEY == 1 else raise denied
  F.IE = 0
"""
    first = one("require M == supervisor or MASK == 3 else raise denied; F.IE = 0")
    result = checked(toy(both, first))
    assert (result.choice.host["MASK"], result.choice.host["KEY"]) == (0, 0)
    assert result.choice.tied == 3 * 3


def test_a_loadable_is_loaded_unless_it_is_held_by_hand() -> None:
    result = checked(toy(one("a[x] = ID")))
    assert result.choice.host["ID"] is LOADED
    assert verdict_of(result).label is Label.LOADED
    held = checked(toy(one("a[x] = ID")), host={"ID": HELD})
    assert verdict_of(held).kind is Class.CRITICAL
    (unless,) = verdict_of(held).unless
    assert unless.host == {"ID": "loaded"}
    assert unless.kind is Class.GUARDED


def test_what_an_invariant_defines_is_nobodys_choice() -> None:
    result = checked(toy("\ncontrol VM : bool\ninvariant VM == 0\n", one("a[x] = zext(VM)")))
    assert "VM" not in result.choice.host
    assert verdict_of(result).kind is Class.INNOCUOUS


def test_wide_controls_are_tried_at_both_ends() -> None:
    wide = "\ncontrol W : u16\n"
    clause = "require M == supervisor or W != 0 else raise denied; a[x] = R.l"
    result = checked(toy(wide, one(clause)))
    assert result.choice.host["W"] == 0
    assert verdict_of(result).kind is Class.PRIVILEGED
    clause = "require M == supervisor or W != 0xFFFF else raise denied; a[x] = R.l"
    result = checked(toy(wide, one(clause)))
    assert result.choice.host["W"] == 0xFFFF


def test_a_guest_of_lower_levels_has_a_choice_of_its_own() -> None:
    """`--top user`: nothing depends on the supervisor's state, and what only it may do is dead."""
    result = checked(toy(one("if M == supervisor then F.IE = a[x][0]")), top="user")
    assert verdict_of(result).kind is Class.INNOCUOUS
    result = checked(toy(one("if M == supervisor then F.IE = a[x][0]")))
    assert verdict_of(result).kind is Class.CRITICAL
    # Nowhere in range does it complete.
    result = checked(toy(one("require M == supervisor else raise denied")), top="user")
    assert (verdict_of(result).kind, verdict_of(result).label) == (Class.GUARDED, Label.ALWAYS)
