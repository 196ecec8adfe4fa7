"""The data sets of the quality benchmark, each as train, development and test split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from cells import DATA

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.reading import read_dataset
from multilabel_bert.data.splits import read_splits
from multilabel_bert.data.splitting import split_dataset

# Of splits that the authors did not publish; the same for every run, whatever its own seed.
SPLIT_SEED = 0


@dataclass(frozen=True)
class Splits:
    """A data set.

    Attributes:
        train: to learn from.
        dev: for thresholds, and for whatever is chosen.
        test: for the scores alone.
    """

    train: Dataset
    dev: Dataset
    test: Dataset

    def first(self, texts: int) -> Splits:
        """The first texts of each split."""
        parts = {
            name: getattr(self, name).subset(np.arange(min(texts, len(getattr(self, name)))))
            for name in ("train", "dev", "test")
        }
        return replace(self, **parts)


def goemotions(folder: Path) -> Splits:
    """28 emotions of Reddit comments, the published splits."""
    return Splits(**read_splits(folder / "goemotions"))


def semeval(folder: Path) -> Splits:
    """11 emotions of tweets; the published dev is the test, as the published test has no labels."""
    here = folder / "semeval2018-E-c"
    whole = read_dataset(here / "2018-E-c-En-train.txt")
    train, dev = split_dataset(whole, 0.1, seed=SPLIT_SEED)
    return Splits(train, dev, read_dataset(here / "2018-E-c-En-dev.txt", layout=whole.layout))


def complaints(folder: Path) -> Splits:
    """Product and issue of complaints, the rows that have a narrative."""
    return _three_parts(
        read_dataset(
            folder / "consumer-complaints" / "complaints_sample.csv",
            text_column="Consumer complaint narrative",
            label_columns=["Product", "Issue"],
            empty_text="drop",
        )
    )


def jigsaw(folder: Path) -> Splits:
    """6 kinds of toxic comments; the published sample for validation is the test."""
    here = folder / "jigsaw-sample"
    whole = read_dataset(here / "train_sample.csv")
    train, dev = split_dataset(whole, 0.2, seed=SPLIT_SEED)
    return Splits(train, dev, read_dataset(here / "val_sample.csv", layout=whole.layout))


def tmdb(folder: Path) -> Splits:
    """19 genres of films by their overviews."""
    return _three_parts(
        read_dataset(
            folder / "tmdb5000" / "tmdb_5000_movies.csv",
            text_column="overview",
            label_columns=["genres"],
            empty_text="drop",
        )
    )


def _three_parts(whole: Dataset) -> Splits:
    rest, test = split_dataset(whole, 0.2, seed=SPLIT_SEED)
    train, dev = split_dataset(rest, 0.125, seed=SPLIT_SEED)
    return Splits(train, dev, test)


DATA_SETS: dict[str, Callable[[Path], Splits]] = {
    "goemotions": goemotions,
    "semeval": semeval,
    "complaints": complaints,
    "jigsaw": jigsaw,
    "tmdb": tmdb,
}


def load(name: str, *, small: bool = False) -> Splits:
    """A data set by its name; with `small` 300 texts of each split."""
    splits = DATA_SETS[name](DATA)
    return splits.first(300) if small else splits
