"""A pre-trained BERT in memory: configuration, tensors, tokenizer files, head."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from multilabel_bert.encoder.classifier_head import ClassifierHead
from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.google_checkpoint import load_google_tensors
from multilabel_bert.encoder.hugging_face_checkpoint import load_hugging_face_tensors
from multilabel_bert.encoder.release_folder import (
    DirectoryFolder,
    ReleaseFolder,
    read_json,
    read_text,
)
from multilabel_bert.encoder.source import (
    ACCEPTED_FORMS,
    GoogleSource,
    HuggingFaceSource,
    find_source,
)
from multilabel_bert.encoder.tensors import POOLER_KERNEL
from multilabel_bert.errors import CheckpointError
from multilabel_bert.text.tokenizer import BertTokenizer
from multilabel_bert.text.tokenizer_files import TokenizerFiles

_GOOGLE_CONFIG = "bert_config.json"
_CONFIG = "config.json"
_VOCABULARY = "vocab.txt"

# Some tables on the hub have rows without a word piece, up to a multiple of 8 or 64, because
# matrix units like round numbers. Google's have not.
_LARGEST_PADDING = 63


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A pre-trained BERT.

    Attributes:
        config: sizes and rules of the encoder.
        tensors: canonical name to float32 array; see `expected_tensors`.
        head: the classifier of a fine-tuned checkpoint, or None.
        tokenizer_files: what it says about its tokenizer.
        origin: what the user named.
        format: who published it, ``"google"`` or ``"hugging_face"``.
    """

    config: BertConfig
    tensors: dict[str, np.ndarray]
    head: ClassifierHead | None
    tokenizer_files: TokenizerFiles
    origin: str
    format: Literal["google", "hugging_face"]

    @property
    def has_pooler(self) -> bool:
        """Whether there is a pooler, the layer that makes ``pooled_output``."""
        return POOLER_KERNEL in self.tensors


def load_tokenizer(
    source: str | Path | None = None,
    *,
    bert_config_file: str | Path | None = None,
    init_checkpoint: str | Path | None = None,
    vocab_file: str | Path | None = None,
    do_lower_case: bool | None = None,
) -> BertTokenizer:
    """Load the tokenizer of a pre-trained BERT, to feed `BertEncoder` with.

    Args:
        source: as for `load_checkpoint`.
        bert_config_file: as for `load_checkpoint`.
        init_checkpoint: as for `load_checkpoint`.
        vocab_file: as for `load_checkpoint`.
        do_lower_case: only where the checkpoint does not say.

    Raises:
        CheckpointError: as `load_checkpoint`.
        SettingsError: if `do_lower_case` contradicts the checkpoint.

    Example:
        >>> tokenizer = load_tokenizer("uncased_L-12_H-768_A-12")  # doctest: +SKIP
        >>> encoder(tokenizer(["a text", "another"]))  # doctest: +SKIP
    """
    checkpoint = load_checkpoint(
        source,
        bert_config_file=bert_config_file,
        init_checkpoint=init_checkpoint,
        vocab_file=vocab_file,
    )
    return BertTokenizer.from_files(checkpoint.tokenizer_files, do_lower_case=do_lower_case)


@dataclass(frozen=True)
class _NamedFile:
    folder: ReleaseFolder
    name: str

    @property
    def label(self) -> str:
        return self.folder.label(self.name)


def load_checkpoint(
    source: str | Path | None = None,
    *,
    bert_config_file: str | Path | None = None,
    init_checkpoint: str | Path | None = None,
    vocab_file: str | Path | None = None,
) -> Checkpoint:
    """Load a pre-trained BERT as Google or Hugging Face publish it.

    Every tensor is accounted for: what is missing, unexpected or of another shape is reported
    together. Heads of the pre-training and the state of optimizers are known and left out.

    Args:
        source: a directory or .zip of Google's, a checkpoint's prefix (``DIR/bert_model.ckpt``),
            a Hugging Face directory, a hub name, or an installed package that holds a model.
        bert_config_file: Google's configuration, where it is not beside the checkpoint or in the
            directory above it.
        init_checkpoint: instead of `source`, as ``run_classifier.py`` has it.
        vocab_file: the vocabulary, where it is elsewhere.

    Raises:
        CheckpointError: if anything is missing, damaged, or does not fit together.
    """
    if source is not None and init_checkpoint is not None:
        raise CheckpointError(
            f"Two encoders are named, {str(source)!r} and "
            f"init_checkpoint={str(init_checkpoint)!r}. Leave one out."
        )
    named = source if source is not None else init_checkpoint
    if named is None:
        given = "bert_config_file alone has no weights: " if bert_config_file else ""
        raise CheckpointError(
            f"No encoder is named; {given}name one, or give init_checkpoint. {ACCEPTED_FORMS}"
        )
    vocabulary = _user_file(vocab_file, "vocab_file")
    found = find_source(named)
    if isinstance(found, GoogleSource):
        config_file = _user_file(bert_config_file, "bert_config_file")
        return _load_google(found, str(named), config_file, vocabulary)
    if bert_config_file is not None:
        raise CheckpointError(
            f"bert_config_file={str(bert_config_file)!r} goes with a checkpoint of Google's, but "
            f"{str(named)!r} is Hugging Face's and has its own {_CONFIG}. Leave the option out."
        )
    return _load_hugging_face(found, str(named), vocabulary)


def _user_file(path: str | Path | None, option: str) -> _NamedFile | None:
    if path is None:
        return None
    path = Path(path).expanduser()
    if not path.is_file():
        raise CheckpointError(f"{option}={str(path)!r} does not exist, or is not a file.")
    return _NamedFile(DirectoryFolder(path.parent), path.name)


def _load_google(
    source: GoogleSource,
    named: str,
    config_file: _NamedFile | None,
    vocabulary: _NamedFile | None,
) -> Checkpoint:
    folder = source.folder
    config_file = config_file or _beside_or_above(folder, _GOOGLE_CONFIG)
    if config_file is None:
        raise CheckpointError(
            f"{folder.label(_GOOGLE_CONFIG)} does not exist, nor is it in the directory above. A "
            "checkpoint of Google's needs the configuration it was published with: copy it there, "
            "or name it with bert_config_file."
        )
    values = read_json(config_file.folder, config_file.name)
    config = BertConfig.from_google(values, config_file.label)
    vocabulary = vocabulary or _beside_or_above(folder, _VOCABULARY)
    files = TokenizerFiles(
        origin=folder.origin,
        vocabulary=None if vocabulary is None else read_text(vocabulary.folder, vocabulary.name),
    )
    if vocabulary is not None:
        _check_vocabulary(files, vocabulary.label, config, config_file.label, padding=0)
    tensors, head = load_google_tensors(folder, source.prefix, config, config_file.label)
    return Checkpoint(config, tensors, head, files, named, "google")


def _beside_or_above(folder: ReleaseFolder, name: str) -> _NamedFile | None:
    # Above: a fine-tuning run often writes into a directory inside the release.
    for place in (folder, folder.parent()):
        if place is not None and name in place.names():
            return _NamedFile(place, name)
    return None


def load_description(directory: Path) -> tuple[BertConfig, TokenizerFiles]:
    """Read what a Hugging Face directory says about encoder and tokenizer, without weights.

    Raises:
        CheckpointError: if anything is missing, damaged, or does not fit together.
    """
    config, _, files = _described(DirectoryFolder(directory), str(directory), None)
    return config, files


def _load_hugging_face(
    source: HuggingFaceSource, named: str, vocabulary: _NamedFile | None
) -> Checkpoint:
    folder = DirectoryFolder(source.directory)
    config, values, files = _described(folder, source.name, vocabulary)
    tensors, head = load_hugging_face_tensors(
        source.directory, config, values, folder.label(_CONFIG)
    )
    return Checkpoint(config, tensors, head, files, named, "hugging_face")


def _described(
    folder: DirectoryFolder, name: str, vocabulary: _NamedFile | None
) -> tuple[BertConfig, Any, TokenizerFiles]:
    if _CONFIG not in folder.names():
        raise CheckpointError(
            f"{folder.label(_CONFIG)} does not exist. A Hugging Face checkpoint needs it: copy the "
            "file that was published with the weights."
        )
    values = read_json(folder, _CONFIG)
    config = BertConfig.from_hugging_face(values, folder.label(_CONFIG))
    files, label = _hugging_face_tokenizer(folder, name, vocabulary)
    padding = _LARGEST_PADDING if config.vocab_size % 8 == 0 else 0
    _check_vocabulary(files, label, config, folder.label(_CONFIG), padding=padding)
    return config, values, files


def _hugging_face_tokenizer(
    folder: DirectoryFolder, origin: str, vocabulary: _NamedFile | None
) -> tuple[TokenizerFiles, str]:
    names = folder.names()
    tokenizer_json = "tokenizer.json"
    rules: Any = {}
    if "tokenizer_config.json" in names:
        rules = read_json(folder, "tokenizer_config.json")
        if not isinstance(rules, Mapping):
            raise CheckpointError(
                f"{folder.label('tokenizer_config.json')}: expected a JSON object, got "
                f"{type(rules).__name__}. Download it again."
            )
    if vocabulary is None and _VOCABULARY in names:
        vocabulary = _NamedFile(folder, _VOCABULARY)
    files = TokenizerFiles(
        origin=origin,
        vocabulary=None if vocabulary is None else read_text(vocabulary.folder, vocabulary.name),
        tokenizer_json=read_text(folder, tokenizer_json) if tokenizer_json in names else None,
        tokenizer_config=dict(rules),
    )
    return files, folder.label(tokenizer_json) if vocabulary is None else vocabulary.label


def _check_vocabulary(
    files: TokenizerFiles, label: str, config: BertConfig, config_label: str, *, padding: int
) -> None:
    size = _vocabulary_size(files, label)
    if size is None or 0 <= config.vocab_size - size <= padding:
        return
    raise CheckpointError(
        f"{label} has {size} word pieces, but vocab_size in {config_label} is "
        f"{config.vocab_size}: the vocabulary belongs to another encoder, or is cut off. Use the "
        "vocabulary that was published with this one."
    )


def _vocabulary_size(files: TokenizerFiles, label: str) -> int | None:
    if files.vocabulary is not None:
        lines = files.vocabulary.split("\n")
        return len(lines) - (lines[-1] == "")
    if files.tokenizer_json is None:
        return None
    try:
        return len(json.loads(files.tokenizer_json)["model"]["vocab"])
    except json.JSONDecodeError as error:
        raise CheckpointError(
            f"{label} is not valid JSON (line {error.lineno}: {error.msg}). Download it again."
        ) from None
    except (KeyError, TypeError):
        return None  # what kind of tokenizer it is, the tokenizer says
