"""The encoding alone: files to representations, as `multilabel train` makes them; nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

from shapes import MINILM

from multilabel_bert.data import read_splits
from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.encoder.encoding import encode_parts
from multilabel_bert.encoder.engines import make_engine
from multilabel_bert.encoder.pooling import BASE_PARTS
from multilabel_bert.text.tokenizer import BertTokenizer


def main() -> None:
    """Encode the training and development texts of a folder."""
    splits = read_splits(Path(sys.argv[1]))
    checkpoint = load_checkpoint(MINILM)
    tokenizer = BertTokenizer.from_files(checkpoint.tokenizer_files)
    engine = make_engine(checkpoint.config, checkpoint.tensors, BASE_PARTS)
    for split in ("train", "dev"):
        texts = tokenizer.encode(splits[split].texts, None, max_seq_length=128)
        print(len(encode_parts(engine, texts)["mean"]))


if __name__ == "__main__":
    main()
