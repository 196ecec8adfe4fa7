"""Names for several models: those of their directories, or those that their user gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from multilabel_bert.errors import SettingsError


def named_paths(given: Sequence[str | Path]) -> dict[str, Path]:
    """Names of models from what the command line has: ``DIR``, or ``NAME=DIR``.

    Raises:
        SettingsError: if two have the same name.

    >>> [*named_paths(["models/complaints", "old=models/2023"])]
    ['complaints', 'old']
    """
    paths: dict[str, Path] = {}
    for entry in given:
        text = str(entry)
        name, separator, rest = text.partition("=")
        is_named = bool(separator and name and rest) and not Path(text).exists()
        path = Path(rest if is_named else text)
        name = name if is_named else path.resolve().name
        if name in paths:
            raise SettingsError(
                f"Two models would be called {name!r}: {paths[name]} and {path}. Name one of "
                f"them: other-name={path}."
            )
        paths[name] = path
    return paths
