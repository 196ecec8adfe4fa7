"""Writes a model to predict with: an encoder's shape and a random head on the pooled output."""

from __future__ import annotations

import sys

import numpy as np
from shapes import load_shape

from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.directory import save_model
from multilabel_bert.text.tokenizer import BertTokenizer

LABELS = 28


def main() -> None:
    """Arguments: shape, maximum length in tokens, directory."""
    shape, length, directory = sys.argv[1:]
    checkpoint = load_shape(shape)
    hidden = checkpoint.config.hidden_size
    rng = np.random.default_rng(3)
    save_model(
        ClassifierModel(
            config=checkpoint.config,
            tensors=checkpoint.tensors,
            kernel=rng.normal(0, hidden**-0.5, (hidden, LABELS)).astype(np.float32),
            bias=np.zeros(LABELS, np.float32),
            pooling="pooled",
            label_names=tuple(f"label_{index}" for index in range(LABELS)),
            tokenizer=BertTokenizer.from_files(checkpoint.tokenizer_files),
            max_seq_length=int(length),
            rule=DecisionRule.fixed(LABELS),
        ),
        directory,
    )


if __name__ == "__main__":
    main()
