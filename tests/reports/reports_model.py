"""A model of random weights, and texts for it: what a report needs, made in a moment."""

from pathlib import Path

import numpy as np

from multilabel_bert.baseline.fitting import fit_baseline
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.text.tokenizer import BertTokenizer

ATTACK = (
    "</script><img src=x onerror=\"document.title='ran'\"><script>document.title='ran'</script>"
)
HOSTILE_NAMES = (
    ATTACK,
    "\u202egnp.tpircs\u202c \ud800 \x1b[31m $x_1$",
    "';document.title='ran';'",
)
HISTORY = {
    "epochs": [
        {"loss": 0.7, "seconds": 1.0, "val_loss": 0.8, "val_macro_f1": 0.1},
        {"loss": 0.5, "seconds": 1.0, "val_loss": None, "val_macro_f1": 0.3},
    ],
    "best_epoch": 2,
    "interrupted": False,
    "stopped_early": True,
}


def dataset_of(texts, labels, names) -> Dataset:
    return Dataset.from_arrays(texts, labels, label_names=names, source="messages.csv")


def make_model(encoder: Path, data: Dataset, *, seed: int = 0, baseline: bool = False):
    checkpoint = load_checkpoint(encoder)
    rng = np.random.default_rng(seed)
    labels = len(data.label_names)
    return ClassifierModel(
        config=checkpoint.config,
        tensors=checkpoint.tensors,
        kernel=rng.normal(0, 2, (16, labels)).astype(np.float32),
        bias=np.zeros(labels, np.float32),
        pooling="mean",
        label_names=data.label_names,
        tokenizer=BertTokenizer.from_files(checkpoint.tokenizer_files),
        max_seq_length=16,
        rule=DecisionRule.fixed(labels),
        provenance={"encoder": "tiny-bert", "history": HISTORY, "versions": {"keras": "3"}},
        baseline=fit_baseline(data.texts, data.require_labels())[0] if baseline else None,
    )
