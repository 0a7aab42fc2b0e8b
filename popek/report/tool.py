"""Which versions of popek and its solver have spoken."""

from __future__ import annotations

from popek import __version__


def installed(distribution: str) -> str | None:
    """The version of an installed package, without importing it."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 -- slow

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def tool() -> dict[str, str | None]:
    """The entry `tool` of every document."""
    return {"popek": __version__, "z3": installed("z3-solver")}
