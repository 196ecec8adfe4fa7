"""SetFit on a few examples: a JSON file with texts and labels in, figures on stdout.

Its default settings: contrastive pairs of the texts, one epoch over them, then scikit-learn's
logistic regression a label ("one-vs-rest"). Thresholds beside 0.5: by cross-validation of that
head on the tuned embeddings.
"""

# N = texts, X = labels

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.multiclass import OneVsRestClassifier


def main() -> None:
    """Train and print the probabilities' file and the seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="JSON: texts, labels, test_texts")
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--output", required=True, help=".npz for the probabilities")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--max-steps", type=int, default=-1, help="to try the script")
    given = parser.parse_args()
    out, sys.stdout = sys.stdout, sys.stderr
    task = json.loads(Path(given.data).read_text())
    targets = np.array(task["labels"])
    started = time.time()
    model = SetFitModel.from_pretrained(
        given.encoder, multi_target_strategy="one-vs-rest", device="cpu"
    )
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=f"{given.output}.training",
            max_steps=given.max_steps,
            save_strategy="no",
            report_to="none",
            seed=given.seed,
        ),
        train_dataset=Dataset.from_dict({"text": task["texts"], "label": targets.tolist()}),
    )
    trainer.train()
    embeddings = model.encode(task["texts"], show_progress_bar=False)
    head = OneVsRestClassifier(LogisticRegression(max_iter=1000))
    left_out = cross_val_predict(
        head, np.asarray(embeddings), targets, cv=5, method="predict_proba"
    )
    seconds = time.time() - started
    probabilities = np.asarray(model.predict_proba(task["test_texts"]))
    if probabilities.ndim == 3:  # [X, N, 2] of scikit-learn's multi-output
        probabilities = probabilities[:, :, 1].T
    np.savez(given.output, test=probabilities, left_out=left_out)
    print(json.dumps({"seconds": seconds}), file=out)


if __name__ == "__main__":
    main()
