"""Downloads from the Hugging Face hub: a model's name to a directory in the user's cache."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

# Weights as safetensors alone: pickled ones can run code, and every other form is dead weight.
ENCODER_FILES = [
    "config.json",
    "vocab.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "modules.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "0_Transformer/*.json",
    "0_Transformer/vocab.txt",
    "0_Transformer/model*.safetensors",
]


class HubError(Exception):
    """The hub did not give the model; the message is a reason that fits into a sentence."""


def is_hub_name(text: str) -> bool:
    """Whether `text` can be a name on the hub.

    >>> is_hub_name("bert-base-uncased"), is_hub_name("google/bert"), is_hub_name("../bert")
    (True, True, False)
    """
    # Google's release names are directories that are not there; the hub has none of them.
    if re.match(r"(\w+_)?(un)?cased_L-\d|(chinese|multilingual)_L-\d", text):
        return False
    part = r"[A-Za-z0-9_](?:[\w.-]*[\w-])?"
    return re.fullmatch(rf"{part}(?:/{part})?", text, re.ASCII) is not None


def download(
    name: str,
    *,
    patterns: Sequence[str] = ENCODER_FILES,
    revision: str | None = None,
    token: str | None = None,
) -> Path:
    """Download a model's configuration, tokenizer and safetensors, or find them in the cache.

    Args:
        name: of the repository.
        patterns: names of the files that are taken, with ``*``.
        revision: branch, tag or commit; the main branch unless given.
        token: of the hub; the one that is stored on this machine unless given.

    Raises:
        HubError: if there is no such model, it is not open, or the hub cannot be reached and the
            cache does not have it.
    """
    from huggingface_hub import errors, snapshot_download

    try:
        return Path(
            snapshot_download(name, allow_patterns=list(patterns), revision=revision, token=token)
        )
    except errors.GatedRepoError as error:
        raise HubError(
            "it is gated on the Hugging Face hub: accept its terms there, and log in with "
            "`hf auth login`"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise HubError(
            "the Hugging Face hub has no such model, or it is private (then log in with "
            "`hf auth login`)"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise HubError(f"the Hugging Face hub has it, but no revision {revision!r}") from error
    except errors.LocalEntryNotFoundError as error:
        status = getattr(getattr(error.__cause__, "response", None), "status_code", None)
        trouble = f"answered with status {status}" if status else "cannot be reached"
        raise HubError(f"the Hugging Face hub {trouble}, and the cache does not hold it") from error
    # The library's HTTP client has errors of its own, other ones in each major version.
    except Exception as error:
        reason = str(error).strip().split("\n")[0] or "no reason given"
        raise HubError(
            f"the Hugging Face hub did not give it ({type(error).__name__}: {reason})"
        ) from error
