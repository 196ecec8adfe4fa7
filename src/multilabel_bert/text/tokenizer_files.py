"""The files that say how a checkpoint's texts are tokenized."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TokenizerFiles:
    """What a checkpoint says about its tokenizer.

    Attributes:
        origin: the directory, file or hub name it came from; for messages, and because the
            names of Google's releases say whether they are cased.
        vocabulary: the text of ``vocab.txt``, or None.
        tokenizer_json: the text of ``tokenizer.json``, or None.
        tokenizer_config: the content of ``tokenizer_config.json``, or empty.
    """

    origin: str
    vocabulary: str | None = None
    tokenizer_json: str | None = None
    tokenizer_config: dict[str, Any] = field(default_factory=dict)
