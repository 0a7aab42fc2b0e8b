"""Instructions by the names that a user gives: mnemonics or instruction names, in any case."""

from __future__ import annotations

from popek.diagnostics import Collector, did_you_mean
from popek.isa import ir


def is_named(form: ir.Form, name: str) -> bool:
    """Whether a form has this mnemonic or instruction name."""
    return name.casefold() in (form.mnemonic.casefold(), form.name.casefold())


class Wanted:
    """The `only` of `popek.isa.load`: also keeps which names it met, for names that meet none."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._folded = {name.casefold() for name in names}
        self._met: set[str] = set()
        self._known: set[str] = set()

    def __call__(self, mnemonic: str, name: str) -> bool:
        here = {mnemonic.casefold(), name.casefold()}
        self._known |= {mnemonic, name}
        self._met |= here & self._folded
        return bool(here & self._folded)

    def require_all(self, path: str) -> None:
        """Raises PopekError (E0201) if a name was given that the spec at `path` does not have."""
        found = Collector()
        for name in self.names:
            if name.casefold() not in self._met:
                found.add(
                    "E0201",
                    f"no instruction has the mnemonic or name `{name}`",
                    path=path,
                    hint=self._hint(name),
                )
        found.check()

    def _hint(self, name: str) -> str:
        """One name is one word: for a list, how to write it."""
        names = [part.strip() for part in name.split(",") if part.strip()]
        if len(names) > 1:
            return f"write {' '.join(f'--only {part}' for part in names)}"
        return did_you_mean(name, self._known)
