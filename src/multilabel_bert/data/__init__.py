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
    from multilabel_bert.data.label_matrix import label_matrix as label_matrix
    from multilabel_bert.data.layout import DataLayout as DataLayout
    from multilabel_bert.data.reading import read_dataset as read_dataset

_WHERE = {
    "DataLayout": "layout",
    "Dataset": "dataset",
    "Example": "dataset",
    "ReadReport": "dataset",
    "label_matrix": "label_matrix",
    "read_dataset": "reading",
    "remove_html": "cleaning",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"multilabel_bert.data.{_WHERE[name]}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return list(__all__)
