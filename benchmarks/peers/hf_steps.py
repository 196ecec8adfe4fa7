"""Full fine-tuning by Hugging Face Trainer that stops between its steps, to be timed in turn.

Requests: ``start`` (until the warm-up is over), then ``steps``, as often as wanted.
"""

from __future__ import annotations

import tempfile
import time
from typing import Any

import numpy as np
from answering import Requests
from goemotions_task import LABELS, read_split
from hf_training import arguments, examples, load_model, make_trainer
from transformers import AutoTokenizer, TrainerCallback


class Pauses(TrainerCallback):
    """Answers and waits after the warm-up and after each round of steps."""

    def __init__(self, requests: Requests, warm_steps: int) -> None:
        self.requests = requests
        self.left, self.steps = warm_steps, warm_steps
        self.started = time.perf_counter()
        self.tokens_before = 0
        self.collator: Any = None

    def on_step_end(self, _args: Any, state: Any, _control: Any, **_more: Any) -> None:
        """Count a step."""
        self.left -= 1
        if self.left:
            return
        seconds = time.perf_counter() - self.started
        tokens = self.collator.tokens - self.tokens_before
        losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
        self.requests.reply(
            {
                "milliseconds_a_step": 1000 * seconds / self.steps,
                "tokens_per_second": tokens / seconds,
                "loss": float(losses[-1]) if losses else None,
            }
        )
        self.left = self.steps = int(self.requests.wait()["steps"])
        self.tokens_before = self.collator.tokens
        self.started = time.perf_counter()


def main() -> None:
    """Train until there are no more requests."""
    requests = Requests()
    given = requests.wait()
    try:
        tokenizer = AutoTokenizer.from_pretrained(given["encoder"])
        if given["shape"] == "minilm":
            data = examples(tokenizer, *read_split(given["data"], "train"))
            model = load_model(given["encoder"], LABELS, frozen=False, precision=given["precision"])
        else:
            data = random_examples(given["texts"], given["tokens"])
            model = load_model("bert-base", LABELS, frozen=False, precision=given["precision"])
        pauses = Pauses(requests, given["warm_steps"])
        settings = arguments(
            tempfile.mkdtemp(),
            precision=given["precision"],
            batch_size=given["batch_size"],
            num_train_epochs=given["epochs"],
            learning_rate=1e-4,
        )
        trainer = make_trainer(model, tokenizer, data, settings, callbacks=[pauses])
        pauses.collator = trainer.data_collator
        trainer.train()
    except Exception as error:
        requests.reply_error(error)


def random_examples(count: int, tokens: int) -> list[dict[str, Any]]:
    """Texts of random word pieces with random labels."""
    rng = np.random.default_rng(1)
    ids = rng.integers(1000, 30000, (count, tokens)).tolist()
    labels = (rng.random((count, LABELS)) < 0.1).astype(float).tolist()
    ones, zeros = [1] * tokens, [0] * tokens
    return [
        {"input_ids": row, "attention_mask": ones, "token_type_ids": zeros, "labels": target}
        for row, target in zip(ids, labels, strict=True)
    ]


if __name__ == "__main__":
    main()
