"""Full fine-tuning that stops between its steps, to be timed in turn with a peer.

Requests: ``start`` (until the warm-up is over), then ``steps``, as often as wanted.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from answering import Requests
from shapes import load_shape, random_texts

from multilabel_bert.data import read_splits
from multilabel_bert.text.batching import token_budget_batches
from multilabel_bert.text.tokenizer import BertTokenizer
from multilabel_bert.training.examples import Examples
from multilabel_bert.training.pipeline import train_classifier
from multilabel_bert.training.settings import TrainingSettings
from multilabel_bert.training.targets import Targets

LABELS = 28


class Pauses(keras.callbacks.Callback):
    """Answers and waits after the warm-up and after each round of steps."""

    def __init__(self, requests: Requests, tokens_a_step: float, warm_steps: int) -> None:
        super().__init__()
        self.requests, self.tokens_a_step = requests, tokens_a_step
        self.left, self.steps = warm_steps, warm_steps
        self.started = time.perf_counter()
        self.losses: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count a step."""
        del batch
        self.losses.append(float(logs["loss"]))
        self.left -= 1
        if self.left:
            return
        seconds = time.perf_counter() - self.started
        self.requests.reply(
            {
                "milliseconds_a_step": 1000 * seconds / self.steps,
                "tokens_per_second": self.tokens_a_step * self.steps / seconds,
                "loss": float(np.mean(self.losses)),
            }
        )
        self.left = self.steps = int(self.requests.wait()["steps"])
        self.losses.clear()
        self.started = time.perf_counter()


def main() -> None:
    """Train until there are no more requests."""
    requests = Requests()
    given = requests.wait()
    try:
        checkpoint = load_shape(given["shape"])
        if given["shape"] == "minilm":
            dataset = read_splits(Path(given["data"]))["train"]
            tokenizer = BertTokenizer.from_files(checkpoint.tokenizer_files)
            texts = tokenizer.encode(dataset.texts, None, max_seq_length=128)
            targets = Targets(dataset.require_labels())
        else:
            texts = random_texts(given["texts"], given["tokens"])
            rng = np.random.default_rng(2)
            targets = Targets((rng.random((len(texts), LABELS)) < 0.1).astype(np.int8))
        batches = len(texts) // given["batch_size"]
        budget = budget_for(texts.lengths, batches)
        # Not counted as batches are made, since they are made ahead of the steps. A budget of
        # tokens keeps them alike.
        tokens_a_step = texts.lengths.sum() / len(token_budget_batches(texts.lengths, budget))
        settings = TrainingSettings(
            train_layers="all",
            num_train_epochs=given["epochs"],
            max_batch_tokens=budget,
            precision=given["precision"],
            # Of the peer too; the time of a step does not depend on it.
            learning_rate=1e-4,
        )
        train_classifier(
            checkpoint,
            Examples(texts, targets),
            settings,
            callbacks=[Pauses(requests, float(tokens_a_step), given["warm_steps"])],
        )
    except Exception as error:
        requests.reply_error(error)


def budget_for(lengths: np.ndarray, batches: int) -> int:
    """The largest budget of tokens that makes at least so many batches of the texts.

    A batch then holds as many texts as the peer's, on average.
    """
    low, high = 1, int(lengths.max()) * len(lengths)
    while high - low > 1:
        middle = (low + high) // 2
        if len(token_budget_batches(lengths, middle)) >= batches:
            low = middle
        else:
            high = middle
    return low


if __name__ == "__main__":
    main()
