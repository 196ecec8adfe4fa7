"""The state of a training on disk after each epoch, from which a stopped one goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.errors import ModelError, SettingsError
from multilabel_bert.files import atomic_file, explain_os_errors

_ARRAYS = "state-*.safetensors"
_FACTS = "state.json"


class SavedState:
    """A directory that holds one training's weights, optimizer, random seeds and history.

    The arrays of an epoch are written aside, and ``state.json`` then names them in one step: a
    kill at any moment leaves the last complete epoch.

    Args:
        directory: of the state; made when the first epoch is done.
        identity: what the result depends on, name to value that JSON can hold: a training goes on
            only from a state of the same.

    Raises:
        SettingsError: if the directory holds something else.
    """

    def __init__(self, directory: Path, identity: Mapping[str, Any]) -> None:
        check_state_directory(directory)
        self.directory = directory
        self.identity = json.loads(json.dumps(identity))

    def save(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Keep the state of now in place of an older one.

        Raises:
            WriteError: if the file system refuses; the older state stays.
        """
        from safetensors.numpy import save_file

        # Not ascontiguousarray, which gives a number a dimension.
        plain = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        older = set(self.directory.glob(_ARRAYS))
        name = _ARRAYS.replace("*", str(len(facts.get("epochs", ()))))
        with atomic_file(self.directory / name) as path:
            save_file(plain, path)
        content = {"identity": self.identity, "arrays": name, "facts": facts}
        with atomic_file(self.directory / _FACTS) as path:
            path.write_text(json.dumps(content), encoding="utf-8")
        for path in older - {self.directory / name}:
            path.unlink(missing_ok=True)

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
            arrays = load_file(self.directory / content["arrays"])
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


def has_state(directory: Path) -> bool:
    """Whether a stopped training can go on from `directory`."""
    return (directory / _FACTS).is_file()


def check_state_directory(directory: Path) -> None:
    """Refuse a place that holds something else than a state.

    Raises:
        SettingsError: if it does.
    """
    strange = directory.exists() and not directory.is_dir()
    if directory.is_dir() and not has_state(directory):
        # What a kill during the very first save left is ours.
        strange = any(not path.name.startswith((".state", "state")) for path in directory.iterdir())
    if strange:
        raise SettingsError(
            f"{directory} holds something else than the state of a training, which would go there. "
            "Choose another place, or move it away."
        )


def remove_state(directory: Path) -> None:
    """Remove a state, if there is one, and nothing else.

    Raises:
        WriteError: if the file system refuses.
    """
    with explain_os_errors(directory):
        if has_state(directory):
            # First of all: without it there is no state any more.
            (directory / _FACTS).unlink()
            for path in [*directory.glob(_ARRAYS), *directory.glob(".state*")]:
                path.unlink(missing_ok=True)
            if not any(directory.iterdir()):
                directory.rmdir()


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
