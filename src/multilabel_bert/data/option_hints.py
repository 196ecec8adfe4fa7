"""How an error message names an option, for the command line and for Python alike."""

from __future__ import annotations

from collections.abc import Iterable

# The command's name where it differs from the Python argument's with dashes.
_COMMAND_NAMES = {"labels_file": "--labels", "header": "--no-header", "quoting": "--no-quoting"}


def option(argument: str, value: object = None) -> str:
    """Return an option as it is typed on the command line, and in Python.

    >>> option("empty_text", "drop")
    "--empty-text drop (in Python empty_text='drop')"
    >>> option("header", False)
    '--no-header (in Python header=False)'
    """
    command = _COMMAND_NAMES.get(argument, "--" + argument.replace("_", "-"))
    if value is None:
        return f"{command} (in Python {argument})"
    if isinstance(value, bool):
        return f"{command} (in Python {argument}={value})"
    if isinstance(value, (list, tuple)):
        return f"{command} {_typed(','.join(map(str, value)))} (in Python {argument}={value!r})"
    return f"{command} {_typed(str(value))} (in Python {argument}={value!r})"


def _typed(word: str) -> str:
    """Return a word as a shell needs it."""
    return f"'{word}'" if not word or any(c in word for c in " ;|&<>*?\t") else word


def listed(names: Iterable[str], limit: int = 20) -> str:
    """Return names for an error message: quoted, separated by commas, cut after `limit`.

    >>> listed(["a", "b", "c"], limit=2)
    "'a', 'b' and 1 more"
    """
    names = list(names)
    shown = ", ".join(repr(name) for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")
