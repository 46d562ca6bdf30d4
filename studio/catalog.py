"""A folder is a register: each module of a package that holds one well-named constant is an entry."""

import importlib
import pkgutil
from typing import TypeVar

Entry = TypeVar("Entry")


def scan(package: str, constant: str, kind: type[Entry]) -> dict[str, Entry]:
    """Every module of `package` (dotted name) that has `constant`: module name to the constant, sorted by name.

    Raises TypeError when a constant is not a `kind`: that is a slip in the module, not in anything a user did."""
    folder = importlib.import_module(package)
    found: dict[str, Entry] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(folder.__path__)):
        entry = getattr(importlib.import_module(f"{package}.{module}"), constant, None)
        if entry is None:
            continue
        if not isinstance(entry, kind):
            raise TypeError(
                f"{package}.{module}.{constant} is a {type(entry).__name__}, not a {kind.__name__}"
            )
        found[module] = entry
    return found
