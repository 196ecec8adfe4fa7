"""Imports of optional packages, with an error that names the command that installs them."""

from __future__ import annotations

import importlib
import importlib.util
import sys
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
    check_optional(module, extra=extra, purpose=purpose)
    return importlib.import_module(module)


def check_optional(module: str, *, extra: str, purpose: str) -> None:
    """Refuse what needs `module` where it is not installed, without importing it.

    Args:
        module: see `import_optional`.
        extra: see `import_optional`.
        purpose: see `import_optional`.

    Raises:
        MissingExtraError: if it is not installed.
    """
    package = module.partition(".")[0]
    if package not in sys.modules and importlib.util.find_spec(package) is None:
        raise MissingExtraError(
            f"{purpose[:1].upper()}{purpose[1:]} needs the package {module!r}, which is not "
            "installed. "
            f"Install it with: pip install 'multilabel-bert[{extra}]'"
        )
