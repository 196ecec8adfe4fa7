"""What the programs of Hugging Face's Trainer have in common: model, texts, arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)

MAX_LENGTH = 128
PRECISIONS = ("float32", "bf16", "bf16, frozen weights too")


def load_model(encoder: str, labels: int, *, frozen: bool, precision: str) -> Any:
    """A classifier on a pre-trained encoder, or of BERT-base's shape for ``"bert-base"``.

    With `frozen` the pooler is frozen too, as this project's ``train_layers=0`` has it. Its
    dropout stays on, as always in Trainer.
    """
    if encoder == "bert-base":
        torch.manual_seed(0)
        config = BertConfig(num_labels=labels, problem_type="multi_label_classification")
        model = BertForSequenceClassification(config)
    else:
        model = AutoModelForSequenceClassification.from_pretrained(
            encoder, num_labels=labels, problem_type="multi_label_classification"
        )
    if frozen:
        model.bert.requires_grad_(False)
        if precision == PRECISIONS[2]:
            # Saves the autocast of every weight in every step.
            model.bert.to(torch.bfloat16)
    return model


def examples(tokenizer: Any, texts: list[str], targets: np.ndarray) -> list[dict[str, Any]]:
    """Tokenized texts with their labels, without padding."""
    tokens = tokenizer(texts, truncation=True, max_length=MAX_LENGTH)
    return [
        {name: values[row] for name, values in tokens.items()} | {"labels": target}
        for row, target in enumerate(targets.tolist())
    ]


def arguments(output: str, *, precision: str, batch_size: int, **more: Any) -> TrainingArguments:
    """Trainer's arguments on a CPU: grouped by length, dynamic padding, nothing reported."""
    return TrainingArguments(
        output_dir=output,
        use_cpu=not torch.cuda.is_available(),
        bf16=precision != "float32",
        per_device_train_batch_size=batch_size,
        per_device_eval_batch_size=64,
        train_sampling_strategy="group_by_length",
        lr_scheduler_type="linear",
        warmup_steps=0.1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        logging_steps=100,
        seed=42,
        **more,
    )


class CountingCollator(DataCollatorWithPadding):
    """Pads, and counts the real tokens that it has seen."""

    tokens = 0

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        """A batch of the features."""
        batch = super().__call__(features)
        self.tokens += int(batch["attention_mask"].sum())
        return batch


def make_trainer(
    model: Any,
    tokenizer: Any,
    train: list[dict[str, Any]],
    settings: TrainingArguments,
    **more: Any,
) -> Trainer:
    """A Trainer with dynamic padding."""
    collator = CountingCollator(tokenizer)
    return Trainer(model=model, args=settings, train_dataset=train, data_collator=collator, **more)


def probabilities(trainer: Trainer, data: list[dict[str, Any]]) -> np.ndarray:
    """Sigmoids of the logits, float [N, X], in the order of the texts."""
    # Else Trainer groups by length here too, and gives the predictions in that order.
    trainer.args.train_sampling_strategy = "sequential"
    logits = torch.from_numpy(np.asarray(trainer.predict(data).predictions, np.float32))
    return torch.sigmoid(logits).numpy()
