"""Text to tree: the only package that imports Lark."""

from popek.syntax.parser import parse

__all__ = ["parse"]
