"""Terms as linear sums modulo 2^width: coefficients on atoms, and a constant.

`x + x - 4` has the form ({x: 2}, -4 mod 2^w). Sums that are equal as polynomials of degree one have
equal forms, whatever they were added up from; two forms with the same coefficients are at a known
distance, which is what tells addresses apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from popek.terms.integers import mask
from popek.terms.term import Op, Term

if TYPE_CHECKING:
    from popek.terms.builder import Terms

Form: TypeAlias = tuple[dict[Term, int], int]
"""Nonzero coefficients per atom, and the constant, all in [0, 2^width). Never changed once made."""


def shifted(term: Term) -> tuple[Term, int] | None:
    """(x, k) if the term is x shifted left by k, in the concatenation that stands for it."""
    if term.op is not Op.CONCAT or len(term.args) != 2:
        return None
    top, low = term.args
    if not (low.is_value(0) and top.op is Op.EXTRACT):
        return None
    whole = top.args[0]
    if whole.width != term.width or top.payload != (term.width - low.width - 1, 0):
        return None
    return whole, low.width


def _monomial(term: Term) -> tuple[Term, int]:
    op = term.op
    if op is Op.NEG:
        return term.args[0], mask(term.width)
    if op is Op.MUL and len(term.args) == 2 and term.args[0].op is Op.CONST:
        return term.args[1], term.args[0].payload
    if op is Op.CONCAT:
        shift = shifted(term)
        if shift is not None:
            return shift[0], 1 << shift[1]
    return term, 1


def form_of(t: Terms, term: Term) -> Form:
    """The term's linear form; an opaque term is an atom with coefficient 1."""
    known = t.forms.get(term)
    if known is None:
        if term.op is Op.NOT:  # -x - 1
            known = combine(({}, mask(term.width)), _read(term.args[0]), -1, term.width)
        else:
            known = _read(term)
        t.forms[term] = known
    return known


def _read(term: Term) -> Form:
    if term.op is Op.CONST:
        return {}, term.payload
    low, coefficients, constant = mask(term.width), dict[Term, int](), 0
    for a in term.args if term.op is Op.ADD else (term,):
        if a.op is Op.CONST:
            constant += a.payload
        else:
            atom, c = _monomial(a)
            coefficients[atom] = coefficients.get(atom, 0) + c & low
    return {a: c for a, c in coefficients.items() if c}, constant & low


def combine(a: Form, b: Form, factor: int, width: int) -> Form:
    """a + factor * b."""
    low, coefficients = mask(width), dict(a[0])
    for atom, c in b[0].items():
        total = coefficients.get(atom, 0) + factor * c & low
        if total:
            coefficients[atom] = total
        else:
            coefficients.pop(atom, None)
    return coefficients, a[1] + factor * b[1] & low


def sum_of(t: Terms, form: Form, width: int) -> Term:
    """The term of a linear form: monomials ordered by their atoms' digests, the constant last."""
    coefficients, constant = _settled(t, form, width)
    if not coefficients:
        return t.const(constant, width)
    low = mask(width)
    if len(coefficients) == 1:
        ((atom, c),) = coefficients.items()
        if not constant:
            return _times(t, c, atom)
        if c == low and constant == low:
            return t.not_(atom)
    atoms = sorted(coefficients, key=_digest)
    args = [_times(t, coefficients[a], a) for a in atoms]
    if constant:
        args.append(t.const(constant, width))
    return t.node(Op.ADD, tuple(args))


def _settled(t: Terms, form: Form, width: int) -> Form:
    """The form that reading the form's term would give.

    Shifting an atom may take it apart: what comes out is an atom of its own then. Ends because each
    such step lengthens the zeros at an atom's end.
    """
    for atom, c in form[0].items():
        if c != 1 and c & (c - 1) == 0:
            product = _times(t, c, atom)
            if shifted(product) != (atom, c.bit_length() - 1):
                rest = {a: k for a, k in form[0].items() if a is not atom}, form[1]
                return _settled(t, combine(rest, form_of(t, product), 1, width), width)
    return form


def _digest(term: Term) -> bytes:
    return term.digest


def _times(t: Terms, c: int, atom: Term) -> Term:
    if c == 1:
        return atom
    width = atom.width
    if c == mask(width):
        return t.node(Op.NEG, (atom,))
    if c & (c - 1) == 0:
        k = c.bit_length() - 1
        return t.concat(t.extract(atom, width - k - 1, 0), t.const(0, k))
    return t.node(Op.MUL, (t.const(c, width), atom))


def distinct(t: Terms, a: Term, b: Term) -> bool:
    """Whether a and b, of one width, are known to differ for all values of the variables.

    They do if their distance is a nonzero constant, or one of two nonzero constants; or if they
    have different constants in the same bits.
    """
    if a.op is Op.CONST and b.op is Op.CONST:
        return bool(a.payload != b.payload)
    left, right = form_of(t, a), form_of(t, b)
    if left[0] == right[0]:
        return left[1] != right[1]
    coefficients, constant = combine(left, right, -1, a.width)
    if len(coefficients) == 1:
        ((atom, c),) = coefficients.items()
        if atom.op is Op.ITE and atom.args[1].op is Op.CONST and atom.args[2].op is Op.CONST:
            low = mask(a.width)
            return all((c * leaf.payload + constant) & low for leaf in atom.args[1:])
    return _bits_differ(a, b)


def _bits_differ(a: Term, b: Term) -> bool:
    if Op.CONCAT not in (a.op, b.op):
        return False
    known, value = _known_bits(a)
    known_b, value_b = _known_bits(b)
    return bool(known & known_b & (value ^ value_b))


def _known_bits(term: Term) -> tuple[int, int]:
    """The mask of the constant bits of a constant or concatenation, and their values."""
    if term.op is Op.CONST:
        return mask(term.width), term.payload
    known = value = 0
    if term.op is Op.CONCAT:
        for part in term.args:
            known, value = known << part.width, value << part.width
            if part.op is Op.CONST:
                known |= mask(part.width)
                value |= part.payload
    return known, value
