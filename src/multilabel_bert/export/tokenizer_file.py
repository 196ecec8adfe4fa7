"""The tokenizer beside a graph that takes token ids: it cuts and pads by itself."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from multilabel_bert.model.classifier_model import ClassifierModel

TOKENIZER_FILE = "tokenizer.json"


def write_tokenizer(model: ClassifierModel, directory: Path) -> None:
    """Write ``tokenizer.json`` for the package tokenizers, and ``vocab.txt``.

    Its ``encode_batch`` gives the inputs of the graph: special tokens, cut to
    ``max_seq_length`` from the end that the model cuts, padded to the longest. Windows and
    ``head+tail`` are not in it; see `long_texts_note`.
    """
    tokenizer = model.tokenizer
    files = tokenizer.to_files(model.max_seq_length)
    rust = Tokenizer.from_str(files[TOKENIZER_FILE])
    side = "left" if model.long_texts.truncation == "tail" else "right"
    rust.enable_truncation(model.max_seq_length, strategy="longest_first", direction=side)
    rust.enable_padding(
        pad_id=tokenizer.pad_token_id, pad_token=tokenizer.vocabulary[tokenizer.pad_token_id]
    )
    (directory / TOKENIZER_FILE).write_text(rust.to_str(pretty=False), encoding="utf-8")
    (directory / "vocab.txt").write_text(files["vocab.txt"], encoding="utf-8", newline="\n")
