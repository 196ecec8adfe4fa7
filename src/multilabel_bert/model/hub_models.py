"""Models on the Hugging Face hub: a repository's name to a directory in the user's cache."""

from __future__ import annotations

from pathlib import Path

from multilabel_bert.encoder.hub import ENCODER_FILES, HubError, download, is_hub_name
from multilabel_bert.errors import ModelError

# All that a model directory holds but the card. Nothing of it can run code.
_PATTERNS = [
    "*.json",
    "vocab.txt",
    "*.safetensors",
    "1_Pooling/*.json",
    "2_Dense/*.json",
    "2_Dense/*.safetensors",
    "openvino/*.xml",
    "openvino/*.bin",
    "baseline/*",
]


def model_directory(
    named: str | Path,
    *,
    revision: str | None = None,
    token: str | None = None,
    encoders: bool = False,
) -> Path:
    """The directory of a model that its user names: a path, or a repository on the hub.

    Only ``"owner/name"`` can be a repository, and only where there is no such path and no
    directory ``owner``. What the hub gave before is not downloaded again.

    Args:
        named: path or repository.
        revision: branch, tag or commit of a repository; its main branch unless given.
        token: of the hub; the one of ``hf auth login`` or ``$HF_TOKEN`` unless given.
        encoders: whether a repository may hold a model of other programs instead.

    Raises:
        ModelError: if it could be a repository and the hub does not give it, or if a revision
            of a directory is asked for.
    """
    path = Path(named)
    if not is_repository(named):
        if revision is not None:
            raise ModelError(
                f"revision={revision!r} is of a repository on the hub, such as 'me/complaints', "
                f"but {named} is a path. Leave it out."
            )
        return path
    try:
        patterns = [*_PATTERNS, *ENCODER_FILES] if encoders else _PATTERNS
        return download(str(named), patterns=patterns, revision=revision, token=token)
    except HubError as error:
        raise ModelError(
            f"There is no model at {named}: there is no such directory, and {error}. Check the "
            "name."
        ) from error


def is_repository(named: str | Path) -> bool:
    """Whether this is a repository on the hub, and no path."""
    text = str(named)
    path = Path(named)
    return (
        text.count("/") == 1
        and is_hub_name(text)
        and not path.exists()
        and not (path.parent.is_dir())
    )
