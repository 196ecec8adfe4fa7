"""The errors this package raises for what a user can mend.

MultilabelError
├── DataError          a file or a table cannot be used as data
│   └── LabelError     a label is unknown, or neither 0 nor 1
├── CheckpointError    a pre-trained encoder is missing, damaged or does not fit
├── ModelError         a saved model directory is missing, damaged or would be overwritten
├── SettingsError      an option has a value that cannot be used
├── WriteError         a result cannot be written: exists already, no permission, a full disk
└── MissingExtraError  an optional package is not installed

Each message says what failed, what was expected, what was found and what to do. The command
line and the server translate this one base class; everything else is a bug of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MultilabelError(Exception):
    """Base class of every error that a user can mend."""


class DataError(MultilabelError, ValueError):
    """A file or a table cannot be used as data."""


class LabelError(DataError):
    """A label is unknown, or its value is neither 0 nor 1 nor unknown."""


class CheckpointError(MultilabelError, ValueError):
    """A pre-trained encoder is missing, damaged, or does not fit its configuration."""


class ModelError(MultilabelError, ValueError):
    """A saved model directory is missing, damaged, or would be overwritten."""


class SettingsError(MultilabelError, ValueError):
    """An option has a value that cannot be used."""


class WriteError(MultilabelError, OSError):
    """A result cannot be written: it exists already, no permission, a full disk."""


class MissingExtraError(MultilabelError, ImportError):
    """An optional package is not installed."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest of `known`, or an empty string.

    >>> did_you_mean("txt", ["text", "toxic"])
    " Did you mean 'text'?"
    >>> did_you_mean("zzz", ["text"])
    ''
    """
    by_lower = {candidate.lower(): candidate for candidate in reversed(list(known))}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f" Did you mean {by_lower[near[0]]!r}?" if near else ""
