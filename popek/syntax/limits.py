"""How large a spec may be before popek refuses it, with a message, instead of failing in it."""

from __future__ import annotations

DEPTH = 200
"""Open brackets, open blocks, and the height of an item's tree.

What reads the tree recurses over it, a few Python frames a level; Python's own limit is 1,000.
"""

DIGITS = 1000
"""The digits of one number: more than any width, and far from Python's own limit of 4,300."""

ERRORS = 50
"""So many errors of one file are reported; the rest follow from the same mistake, as a rule."""
