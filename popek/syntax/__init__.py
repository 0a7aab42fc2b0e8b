"""Text to tree: the only package that imports Lark."""

from popek.syntax.format import format_file
from popek.syntax.parser import parse

__all__ = ["format_file", "parse"]
