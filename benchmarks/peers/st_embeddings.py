"""The recipe made by hand: sentence-transformers embeddings, scikit-learn's logistic regression.

GoEmotions from texts to a tuned, saved model; JSON on stdout.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

import joblib
import torch
from goemotions_task import read_split, test_scores, tune_thresholds
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier


def main() -> None:
    """Train and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder of GoEmotions")
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--started", type=float, required=True, help="seconds, of the epoch")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--limit", type=int, help="texts of each split")
    given = parser.parse_args()
    # JSON alone goes to stdout.
    out, sys.stdout = sys.stdout, sys.stderr
    # Rare labels may have no text in a small part.
    warnings.filterwarnings("ignore", message="Label not .* is present in all training")
    dtype = torch.bfloat16 if given.bf16 else torch.float32
    encoder = SentenceTransformer(given.encoder, device="cpu", model_kwargs={"dtype": dtype})
    texts, targets = read_split(given.data, "train", given.limit)
    dev_texts, dev_targets = read_split(given.data, "dev", given.limit)
    features = encoder.encode(texts)
    dev_features = encoder.encode(dev_texts)
    encoded = time.time() - given.started
    model = OneVsRestClassifier(LogisticRegression(), n_jobs=2).fit(features, targets)
    thresholds = tune_thresholds(model.predict_proba(dev_features), dev_targets)
    output = Path(given.output)
    output.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, output / "head.joblib")
    encoder.save_pretrained(str(output / "encoder"))
    (output / "thresholds.json").write_text(json.dumps(thresholds.tolist()))
    seconds = time.time() - given.started
    texts, targets = read_split(given.data, "test", given.limit)
    probabilities = model.predict_proba(encoder.encode(texts))
    scores = test_scores(probabilities, targets, thresholds)
    print(json.dumps({"seconds": seconds, "encoding_seconds": encoded, **scores}), file=out)


if __name__ == "__main__":
    main()
