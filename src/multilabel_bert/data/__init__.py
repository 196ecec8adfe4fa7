"""Tables of texts and labels: readers, label layouts, cleaning, splits.

The names are loaded when first used, so that importing this package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multilabel_bert.data.cleaning import remove_html as remove_html
    from multilabel_bert.data.dataset import Dataset as Dataset
    from multilabel_bert.data.dataset import Example as Example
    from multilabel_bert.data.dataset import ReadReport as ReadReport
    from multilabel_bert.data.duplicates import find_duplicates as find_duplicates
    from multilabel_bert.data.duplicates import find_leaks as find_leaks
    from multilabel_bert.data.label_arrays import label_matrix as label_matrix
    from multilabel_bert.data.label_names import read_label_names as read_label_names
    from multilabel_bert.data.layout import DataLayout as DataLayout
    from multilabel_bert.data.reading import read_dataset as read_dataset
    from multilabel_bert.data.splits import find_split_files as find_split_files
    from multilabel_bert.data.splits import read_splits as read_splits
    from multilabel_bert.data.splitting import fold_indices as fold_indices
    from multilabel_bert.data.splitting import split_dataset as split_dataset
    from multilabel_bert.data.splitting import split_indices as split_indices
    from multilabel_bert.data.splitting import stratified_folds as stratified_folds
    from multilabel_bert.data.summary import DatasetSummary as DatasetSummary
    from multilabel_bert.data.summary import summarise as summarise
    from multilabel_bert.data.text_pairs import split_pairs as split_pairs
    from multilabel_bert.data.text_stream import TextBatch as TextBatch
    from multilabel_bert.data.text_stream import iterate_texts as iterate_texts
    from multilabel_bert.data.text_stream import read_texts as read_texts

_WHERE = {
    "DataLayout": "layout",
    "Dataset": "dataset",
    "DatasetSummary": "summary",
    "Example": "dataset",
    "ReadReport": "dataset",
    "TextBatch": "text_stream",
    "find_duplicates": "duplicates",
    "find_leaks": "duplicates",
    "find_split_files": "splits",
    "fold_indices": "splitting",
    "iterate_texts": "text_stream",
    "label_matrix": "label_arrays",
    "read_dataset": "reading",
    "read_label_names": "label_names",
    "read_splits": "splits",
    "read_texts": "text_stream",
    "remove_html": "cleaning",
    "split_dataset": "splitting",
    "split_indices": "splitting",
    "split_pairs": "text_pairs",
    "stratified_folds": "splitting",
    "summarise": "summary",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"multilabel_bert.data.{_WHERE[name]}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return list(__all__)
