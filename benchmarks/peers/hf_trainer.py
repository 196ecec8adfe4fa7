"""Hugging Face Trainer on GoEmotions, from texts to a tuned, saved model; JSON on stdout.

With ``--probe`` it only times some steps with each precision and batch size, for the choice of
the best.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from goemotions_task import LABELS, read_split, test_scores, tune_thresholds
from hf_training import (
    PRECISIONS,
    arguments,
    examples,
    load_model,
    make_trainer,
    probabilities,
)
from transformers import AutoTokenizer, TrainerCallback


def main() -> None:
    """Train and print the figures."""
    given = _options()
    # JSON alone goes to stdout.
    out, sys.stdout = sys.stdout, sys.stderr
    result = probe(given) if given.probe else train(given)
    print(json.dumps(result), file=out)


def train(given: argparse.Namespace) -> dict[str, Any]:
    """The whole run. ``seconds`` counts from `given.started`; the test split comes after it."""
    tokenizer = AutoTokenizer.from_pretrained(given.encoder)
    train_data = examples(tokenizer, *read_split(given.data, "train", given.limit))
    dev_texts, dev_targets = read_split(given.data, "dev", given.limit)
    model = load_model(given.encoder, LABELS, frozen=given.frozen, precision=given.precision)
    settings = arguments(
        given.output,
        precision=given.precision,
        batch_size=given.batch_size,
        num_train_epochs=given.epochs,
        learning_rate=given.learning_rate,
    )
    trainer = make_trainer(model, tokenizer, train_data, settings)
    trainer.train()
    dev = probabilities(trainer, examples(tokenizer, dev_texts, dev_targets))
    thresholds = tune_thresholds(dev, dev_targets)
    trainer.save_model(given.output)
    tokenizer.save_pretrained(given.output)
    (Path(given.output) / "thresholds.json").write_text(json.dumps(thresholds.tolist()))
    seconds = time.time() - given.started
    texts, targets = read_split(given.data, "test", given.limit)
    test = probabilities(trainer, examples(tokenizer, texts, targets))
    return {"seconds": seconds, **test_scores(test, targets, thresholds)}


class _Clock(TrainerCallback):
    def __init__(self, warm_steps: int) -> None:
        self.warm_steps, self.start, self.end = warm_steps, 0.0, 0.0

    def on_step_end(self, _args: Any, state: Any, _control: Any, **_more: Any) -> None:
        self.end = time.perf_counter()
        if state.global_step == self.warm_steps:
            self.start = self.end


def probe(given: argparse.Namespace) -> dict[str, Any]:
    """Texts a second with each precision and batch size, over some 1,500 texts each."""
    tokenizer = AutoTokenizer.from_pretrained(given.encoder)
    data = examples(tokenizer, *read_split(given.data, "train", 6000))
    speeds = {}
    precisions = PRECISIONS if given.frozen else PRECISIONS[:2]
    for precision in precisions if given.bf16 else PRECISIONS[:1]:
        for batch_size in (32, 64, 128) if given.frozen else (32,):
            steps = max(6, 1500 // batch_size)
            settings = arguments(
                given.output,
                precision=precision,
                batch_size=batch_size,
                max_steps=steps + 4,
                learning_rate=1e-5,
            )
            model = load_model(given.encoder, LABELS, frozen=given.frozen, precision=precision)
            clock = _Clock(4)
            trainer = make_trainer(model, tokenizer, data, settings, callbacks=[clock])
            try:
                trainer.train()
            except Exception as error:
                print(f"{precision}, {batch_size}: {error}", file=sys.stderr)
                continue
            speed = steps * batch_size / (clock.end - clock.start)
            speeds[f"{precision} | {batch_size}"] = round(speed, 1)
    best = max(speeds, key=lambda name: speeds[name])
    precision, batch_size = best.split(" | ")
    return {"precision": precision, "batch_size": int(batch_size), "texts_per_second": speeds}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder of GoEmotions")
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--started", type=float, default=time.time(), help="seconds, of the epoch")
    parser.add_argument("--frozen", action="store_true")
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--limit", type=int, help="texts of each split")
    parser.add_argument("--probe", action="store_true")
    parser.add_argument("--bf16", action="store_true", help="the CPU has bfloat16: probe it too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
