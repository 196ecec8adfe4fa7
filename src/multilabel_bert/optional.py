"""Imports of optional packages, with an error that names the command that installs them."""

from __future__ import annotations

import importlib
from types import ModuleType

from multilabel_bert.errors import MissingExtraError


def import_optional(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import `module`, which the extra `extra` installs.

    Args:
        module: dotted name, such as ``"keras"``.
        extra: name of the extra of this package that installs it, such as ``"train"``.
        purpose: what it is needed for, a noun phrase: ``"training"``.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise MissingExtraError(
            f"{purpose[:1].upper()}{purpose[1:]} needs the package {module!r}, which is not "
            "installed. "
            f"Install it with: pip install 'multilabel-bert[{extra}]'"
        ) from None
