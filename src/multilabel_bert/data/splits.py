"""A directory with train, dev and test files to datasets, as `run_classifier.py` has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.layout import DataLayout
from multilabel_bert.data.option_hints import listed
from multilabel_bert.data.read_table import FORMATS, extension_of
from multilabel_bert.data.reading import read_dataset
from multilabel_bert.errors import DataError

SPLITS = ("train", "dev", "test")
_WORDS = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "dev": "dev",
    "development": "dev",
    "devel": "dev",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "eval": "dev",
    "test": "test",
    "testing": "test",
    "tst": "test",
}


def find_split_files(directory: str | Path) -> dict[str, Path]:
    """Return the data files of a directory by what they are: train, dev or test.

    The name of a file says it: ``train.tsv``, ``valid.csv.gz``, ``2018-E-c-En-dev.txt``,
    ``val_sample.csv``, ``test-00000-of-00001.parquet``. Of several files for one split, that with
    the plain name counts.

    Raises:
        DataError: if the directory is missing, has no file for any split, or several for one.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise DataError(f"{directory}: no such directory. Name one with train, dev and test files.")
    candidates: dict[str, list[Path]] = {}
    names = []
    for path in sorted(directory.iterdir()):
        if not path.is_file() or path.name.startswith(".") or extension_of(path) not in FORMATS:
            continue
        names.append(path.name)
        words = set(re.split(r"[^a-z]+", _stem(path).lower()))
        splits = {_WORDS[word] for word in words if word in _WORDS}
        if len(splits) == 1:
            candidates.setdefault(splits.pop(), []).append(path)
    found = {}
    for split in SPLITS:
        paths = candidates.get(split, [])
        plain = [path for path in paths if _stem(path).lower() in _WORDS]
        paths = plain if len(plain) == 1 else paths
        if len(paths) > 1:
            raise DataError(
                f"{directory} has several files for {split}: {listed(p.name for p in paths)}. "
                f"Keep one, or name the file itself with --{split}."
            )
        if paths:
            found[split] = paths[0]
    if not found:
        raise DataError(
            f"{directory} has no file whose name says train, dev (val, valid, validation) or "
            f"test. Its data files: {listed(names) or 'none'}. Name the files with --train and "
            "--dev."
        )
    return found


def _stem(path: Path) -> str:
    return path.name[: -len(path.suffix)] if path.suffix != ".gz" else Path(path.stem).stem


def read_splits(
    path: str | Path,
    *,
    dev: str | Path | None = None,
    test: str | Path | None = None,
    require_labels: bool = True,
    layout: DataLayout | None = None,
    **options: Any,
) -> dict[str, Dataset]:
    """Read train, dev and test data, all in the layout of the first of them.

    The label names are those of the first split too, so that the columns of all label matrices
    are the same; a label that only dev or test has is an error, or ignored, as `unknown_labels`
    says. A test file may be unlabelled.

    Args:
        path: a directory with files named after their splits, or the training file.
        dev: file of the development split, instead of the directory's.
        test: file of the test split, instead of the directory's.
        require_labels: whether train and dev must have labels.
        layout: of earlier data, to read all in.
        **options: as for `read_dataset`; `label_names` and `labels_file` give the names.

    Returns:
        Datasets by "train", "dev" and "test", in this order, those that there are.

    Raises:
        DataError, LabelError, SettingsError: as `find_split_files` and `read_dataset`.
    """
    path = Path(path)
    files: dict[str, Path] = find_split_files(path) if path.is_dir() else {"train": path}
    if dev is not None:
        files["dev"] = Path(dev)
    if test is not None:
        files["test"] = Path(test)
    if require_labels and "train" not in files:
        raise DataError(
            f"{path} has files for {listed(files)} but none for train. Name it with --train."
        )
    return _read_in_order(files, require_labels, layout, options)


def _read_in_order(
    files: Mapping[str, Path],
    require_labels: bool,
    layout: DataLayout | None,
    options: dict[str, Any],
) -> dict[str, Dataset]:
    datasets: dict[str, Dataset] = {}
    later = dict(options)
    for split in SPLITS:
        if split not in files:
            continue
        needed = require_labels and split != "test"
        dataset = read_dataset(
            files[split], layout=layout, require_labels=needed, **(later if datasets else options)
        )
        if not datasets:
            layout = dataset.layout
            if dataset.label_names:
                # Names are settled now, also for a labels.txt that was found beside the data.
                later.pop("labels_file", None)
                later["label_names"] = dataset.label_names
            # It says how much the training texts count, and need not be in other tables.
            later.pop("weight_column", None)
        datasets[split] = dataset
    return datasets
