"""The state of a training on disk after each epoch, from which a stopped one goes on."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.errors import ModelError, SettingsError
from multilabel_bert.files import atomic_directory, explain_os_errors

_ARRAYS = "state.safetensors"
_FACTS = "state.json"


class SavedState:
    """A directory that holds one training's weights, optimizer, random seeds and history.

    It is written whole or not at all, so a kill at any moment leaves the last complete epoch.

    Args:
        directory: of the state; made when the first epoch is done.
        identity: what the result depends on, name to value that JSON can hold: a training goes on
            only from a state of the same.
    """

    def __init__(self, directory: Path, identity: Mapping[str, Any]) -> None:
        self.directory = directory
        self.identity = json.loads(json.dumps(identity))

    def save(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Keep the state of now in place of an older one.

        Raises:
            WriteError: if the file system refuses; the older state stays.
        """
        from safetensors.numpy import save_file

        with atomic_directory(self.directory, overwrite=True) as directory:
            # Not ascontiguousarray, which gives a number a dimension.
            plain = {name: np.asarray(array, order="C") for name, array in arrays.items()}
            save_file(plain, directory / _ARRAYS)
            content = {"identity": self.identity, "facts": facts}
            (directory / _FACTS).write_text(json.dumps(content), encoding="utf-8")

    def load(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """The arrays and facts of the last `save`; None where there is none.

        Raises:
            SettingsError: if the state is of another training.
            ModelError: if it is damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        if not (self.directory / _FACTS).exists():
            return None
        try:
            content = json.loads((self.directory / _FACTS).read_text(encoding="utf-8"))
            identity, facts = content["identity"], content["facts"]
            arrays = load_file(self.directory / _ARRAYS)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ModelError(
                f"The state of the stopped training in {self.directory} is damaged ({error}). "
                "Remove that directory and train anew."
            ) from None
        for name, now in self.identity.items():
            if identity.get(name) != now:
                raise SettingsError(
                    f"The stopped training in {self.directory} had {name}="
                    f"{identity.get(name)!r}, this one has {now!r}: it cannot go on from there. "
                    "Give the same, or remove that directory and train anew."
                )
        return arrays, facts

    def clear(self) -> None:
        """Remove it: the training is over.

        Raises:
            WriteError: if the file system refuses.
        """
        with explain_os_errors(self.directory):
            if self.directory.exists():
                shutil.rmtree(self.directory)


def digest_of(*arrays: np.ndarray) -> str:
    """A short digest of arrays with their shapes and types.

    >>> digest_of(np.zeros(2)) == digest_of(np.zeros(2)), digest_of(np.zeros(3))[:0]
    (True, '')
    """
    total = hashlib.sha256()
    for array in arrays:
        total.update(f"{array.dtype}{array.shape}".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()[:16]
