"""Models whose labels are decided by one word each, made without training."""

from dataclasses import replace

import numpy as np

from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.text.tokenizer import BertTokenizer

PLANTED = {"delay": "late", "refund": "refund", "praise": "thanks"}
WORDS = ["late", "parcel", "refund", "thanks", "broken", "login", "slow", "kind", "price"]


def planted_predictor(
    encoder, *, pooling="mean", max_seq_length=32, scale_of_layers=0.3
) -> Predictor:
    """A head by least squares on the features of an encoder that is never trained.

    With random layers at their full strength a word tells little more than its neighbours: no
    head could find it.
    """
    checkpoint = load_checkpoint(encoder)
    tensors = {
        name: tensor * (scale_of_layers if name.endswith("kernel") else 1)
        for name, tensor in checkpoint.tensors.items()
    }
    size = checkpoint.config.hidden_size * len(pooling.split("+"))
    features = ClassifierModel(
        config=checkpoint.config,
        tensors=tensors,
        # The logits of this model are the features.
        kernel=np.eye(size, dtype=np.float32),
        bias=np.zeros(size, np.float32),
        pooling=pooling,
        label_names=tuple(f"feature {index}" for index in range(size)),
        tokenizer=BertTokenizer.from_files(checkpoint.tokenizer_files),
        max_seq_length=max_seq_length,
        rule=DecisionRule.fixed(size),
        precision="float32",
    )
    predictor = Predictor(features)
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, size=rng.integers(3, 9))) for _ in range(600)]
    targets = np.array([[word in text.split() for word in PLANTED.values()] for text in texts])
    inputs = np.column_stack([predictor.predict_logits(texts), np.ones(len(texts))])
    weights, *_ = np.linalg.lstsq(inputs, np.where(targets, 4.0, -4.0), rcond=1e-3)
    model = replace(
        features,
        kernel=weights[:-1].astype(np.float32),
        bias=weights[-1].astype(np.float32),
        label_names=tuple(PLANTED),
        rule=DecisionRule.fixed(len(PLANTED)),
    )
    return predictor.with_model(model)
