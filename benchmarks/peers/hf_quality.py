"""Hugging Face Trainer on any data set, for its quality: probabilities of the other splits.

Reads the texts and labels from a JSON file that the benchmark wrote, so that both learn from the
same; the benchmark scores both the same way.
"""

# N = texts, X = labels

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from hf_training import PRECISIONS, arguments, examples, load_model, make_trainer, probabilities
from transformers import AutoTokenizer


def main() -> None:
    """Train, write the probabilities [N, X] of dev and test, print the seconds as JSON."""
    given = _options()
    # JSON alone goes to stdout.
    out, sys.stdout = sys.stdout, sys.stderr
    task = json.loads(Path(given.task).read_text(encoding="utf-8"))
    tokenizer = AutoTokenizer.from_pretrained(given.encoder)
    splits = {}
    for name, split in task["splits"].items():
        targets = np.zeros((len(split["texts"]), task["labels"]), np.float32)
        for row, labels in zip(targets, split["labels"], strict=True):
            row[labels] = 1
        splits[name] = examples(tokenizer, split["texts"], targets)
    model = load_model(given.encoder, task["labels"], frozen=False, precision=given.precision)
    settings = arguments(
        given.output,
        precision=given.precision,
        batch_size=given.batch_size,
        num_train_epochs=given.epochs,
        learning_rate=given.learning_rate,
    )
    trainer = make_trainer(model, tokenizer, splits["train"], settings)
    started = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - started
    for name in ("dev", "test"):
        np.save(Path(given.output) / f"{name}.npy", probabilities(trainer, splits[name]))
    print(json.dumps({"seconds": seconds, "loss": trainer.state.log_history[-1]}), file=out)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True, help="JSON: labels, and splits by name")
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--output", required=True, help="folder for the probabilities")
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--learning-rate", type=float, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
