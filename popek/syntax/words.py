"""The words of the language: which begin an item, and which cannot be variables."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


ITEMS = words(
    "isa include manual code bits constant parameter type enum group invariant host contract "
    "assume register pc resource control loadable hidden clock mode banked bank alias memory "
    "device reset translate trap deliver interrupt function abstract names token immediate "
    "prefix context format operand family instruction amend remove"
)
"""The first words of the sentences in the first column of a spec."""

DESIGN_ITEMS = words("hypervisor host vcpu state instructions on cost assume prove expect")
"""And of a design."""

PROPERTIES = words("encoding forms syntax see expect valid note")
"""The first words of the sentences of an instruction that are not statements."""

STATEMENTS = words(
    "let lasting require raise host check jump return unpredictable unmodelled wait shutdown skip "
    "if match for"
)
"""The first words of statements, assignments and calls aside."""

OPERATORS = words("and or not in then else with undefined")

RESERVED = PROPERTIES | STATEMENTS | OPERATORS
"""What an expression or a sentence of a body could not read as a name.

Words of items (`code`, `mode`, `type`) are free: they mean something in the first column only.
"""
