"""A few examples a label: ours, TF-IDF with logistic regression, SetFit.

MiniLM, frozen but in SetFit; 8, 16 and 64 examples of each label, and all. Means over seeds, of
which each draws its own examples; scores on the test split. No development split: whoever chooses
thresholds does it by cross-validation on the same few texts. SetFit runs once, at 8 and 16, and
for 15 minutes at most.

Run: make peers && .venv/bin/python benchmarks/few_examples.py [--only TEXT] [--small]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from cells import DATA, options, run_cells, table
from goemotions import ENCODER
from programs import BENCHMARKS, environment, peer_python
from quality_data import Splits, goemotions, semeval

from multilabel_bert import MultiLabelClassifier, tune_thresholds
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.few_examples import draw_examples
from multilabel_bert.data.splitting import fold_indices
from multilabel_bert.decision.metrics import score
from multilabel_bert.encoder.source import find_source

DATA_SETS = {"GoEmotions": goemotions, "SemEval": semeval}
COUNTS = (8, 16, 64)
SEEDS = (0, 1, 2)
SETFIT_SECONDS = 15 * 60
# What ours is called, and its parameters.
OURS: dict[str, dict[str, Any]] = {
    "ours, representation chosen": {"pooling": "auto", "few_examples": True},
    "ours, mean": {"pooling": "mean", "few_examples": True},
    "ours, mean, by epochs": {"pooling": "mean", "few_examples": False},
    "ours, pooled output": {"pooling": "pooled", "few_examples": True},
    "ours, pooled output, by epochs": {"pooling": "pooled", "few_examples": False},
}
ALL = {"ours, representation chosen": {"pooling": "auto"}}
TFIDF = "TF-IDF and logistic regression"
SETFIT = "SetFit"
Scores = dict[str, float]


def scores(
    test: Dataset, probabilities: np.ndarray, thresholds: np.ndarray | float, seconds: float
) -> Scores:
    """Figures on the test split."""
    truth = test.require_labels()
    return {
        "macro_f1": score("macro_f1", truth, probabilities, thresholds=thresholds),
        "micro_f1": score("micro_f1", truth, probabilities, thresholds=thresholds),
        "macro_f1_at_0.5": score("macro_f1", truth, probabilities),
        "macro_average_precision": score("macro_average_precision", truth, probabilities),
        "seconds": seconds,
    }


def mean_of(runs: list[tuple[int, Scores]]) -> dict[str, Any]:
    """Means over the seeds, and how far macro-F1 spreads."""
    figures = {name: float(np.mean([s[name] for _, s in runs])) for name in runs[0][1]}
    spread = float(np.std([s["macro_f1"] for _, s in runs]))
    texts = float(np.mean([texts for texts, _ in runs]))
    return {"texts": round(texts), **figures, "macro_f1_deviation": spread, "n": len(runs)}


def ours(train: Dataset, splits: Splits, parameters: dict[str, Any], seed: int) -> Scores:
    """The classifier as it comes, without a development split of few texts; of all, with it."""
    started = time.perf_counter()
    model = MultiLabelClassifier(
        ENCODER, seed=seed, verbose=False, compare_poolings=False, baseline=False, **parameters
    )
    whole = len(train) == len(splits.train)
    model.fit(train, validation_data=splits.dev if whole else None)
    seconds = time.perf_counter() - started
    probabilities = model.predict_proba(splits.test)
    return scores(splits.test, probabilities, model.model_.rule.thresholds, seconds)


def tfidf(train: Dataset, splits: Splits, seed: int) -> Scores:
    """Words and pairs of words, a regression a label, its strength by cross-validation."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    started = time.perf_counter()
    targets = train.require_labels().toarray()
    folds = list(fold_indices(train, 5, seed=seed))
    best: tuple[float, float, np.ndarray] | None = None
    for strength in (1.0, 10.0, 100.0):
        left_out = np.zeros(targets.shape, np.float32)
        for inside, outside in folds:
            fitted = _tfidf_model(
                TfidfVectorizer, OneVsRestClassifier, LogisticRegression, strength
            )
            fitted.fit([train.texts[row] for row in inside], targets[inside])
            left_out[outside] = fitted.predict_proba([train.texts[row] for row in outside])
        value = score("macro_average_precision", targets, left_out)
        if best is None or value > best[0]:
            best = value, strength, left_out
    assert best is not None
    fitted = _tfidf_model(TfidfVectorizer, OneVsRestClassifier, LogisticRegression, best[1])
    fitted.fit(train.texts, targets)
    thresholds = tune_thresholds(targets, best[2])
    seconds = time.perf_counter() - started
    probabilities = fitted.predict_proba(splits.test.texts).astype(np.float32)
    return scores(splits.test, probabilities, thresholds, seconds)


def _tfidf_model(vectorizer: Any, each: Any, regression: Any, strength: float) -> Any:
    import warnings

    from sklearn.pipeline import make_pipeline

    warnings.filterwarnings("ignore", message="Label not .* is present in all training")
    head = each(regression(C=strength, max_iter=1000))
    return make_pipeline(vectorizer(ngram_range=(1, 2), sublinear_tf=True), head)


def setfit(train: Dataset, splits: Splits, given: Namespace) -> dict[str, Any]:
    """SetFit's own defaults; a cell that says so where it takes too long."""
    with tempfile.TemporaryDirectory() as folder:
        task, output = Path(folder) / "task.json", Path(folder) / "probabilities.npz"
        targets = train.require_labels().toarray()
        task.write_text(
            json.dumps(
                {
                    "texts": train.texts,
                    "labels": targets.tolist(),
                    "test_texts": splits.test.texts,
                }
            )
        )
        command = [str(peer_python("setfit")), str(BENCHMARKS / "peers" / "setfit_task.py")]
        command += ["--data", str(task), "--output", str(output)]
        command += ["--encoder", str(find_source(ENCODER).directory)]
        command += ["--max-steps", "5"] * given.small
        try:
            result = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                env=environment(),
                timeout=SETFIT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return {"texts": len(train), "n": 0, "note": "not done after 15 minutes"}
        if result.returncode:
            raise RuntimeError(" | ".join(result.stderr.strip().splitlines()[-3:]))
        seconds = json.loads(result.stdout.strip().splitlines()[-1])["seconds"]
        found = np.load(output)
        thresholds = tune_thresholds(targets, found["left_out"].clip(0, 1).astype(np.float32))
        probabilities = found["test"].clip(0, 1).astype(np.float32)
        return mean_of([(len(train), scores(splits.test, probabilities, thresholds, seconds))])


def all_cells(given: Namespace) -> dict[str, Callable[[], dict[str, Any]]]:
    """Every cell by its name."""

    @cache
    def splits(name: str) -> Splits:
        whole = DATA_SETS[name](DATA)
        return whole.first(400) if given.small else whole

    def over_seeds(
        name: str, count: int | None, run: Callable[[Dataset, Splits, int], Scores]
    ) -> dict[str, Any]:
        parts = splits(name)
        seeds = SEEDS[:1] if given.small or count is None else SEEDS
        runs = []
        for seed in seeds:
            train = parts.train if count is None else draw_examples(parts.train, count, seed)
            runs.append((len(train), run(train, parts, seed)))
        return mean_of(runs)

    cells: dict[str, Callable[[], dict[str, Any]]] = {}
    for name in DATA_SETS:
        for count in (*COUNTS, None):
            title = f"{name}, {'all' if count is None else count}"
            for who, parameters in (ALL if count is None else OURS).items():
                cells[f"{title}, {who}"] = lambda n=name, c=count, p=parameters: over_seeds(
                    n, c, lambda train, parts, seed: ours(train, parts, p, seed)
                )
            cells[f"{title}, {TFIDF}"] = lambda n=name, c=count: over_seeds(n, c, tfidf)
        for count in COUNTS[:2]:
            cells[f"{name}, {count}, {SETFIT}"] = lambda n=name, c=count: setfit(
                draw_examples(splits(n).train, c, SEEDS[0]), splits(n), given
            )
    return cells


def main() -> None:
    """Run and print the table."""
    given = options(__doc__)
    if not DATA.is_dir():
        sys.exit("few_examples: ../shared/data is not on this machine: there is nothing to run")
    rows = run_cells(
        "few_examples", all_cells(given), only=given.only, folder=given.folder, timed=False
    )
    print("\nExamples a label; scores on the test split, means over seeds.\n")
    columns = ["cell", "texts", "macro_f1", "macro_f1_deviation", "micro_f1", "macro_f1_at_0.5"]
    print(table(rows, [*columns, "macro_average_precision", "seconds", "n", "note"]))


if __name__ == "__main__":
    main()
