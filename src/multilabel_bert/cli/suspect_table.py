"""Likely label errors on the terminal and as a table for a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from multilabel_bert.files import atomic_file

if TYPE_CHECKING:
    from multilabel_bert.data.dataset import Dataset
    from multilabel_bert.progress import Progress
    from multilabel_bert.suspects import Suspect

_MOST_SHOWN = 25
_TEXT_WIDTH = 44


def suspects_by_head(
    dataset: Dataset, encoder: str, max_seq_length: int, progress: Progress
) -> list[Suspect]:
    """The suspects of a dataset, by heads alone on a frozen encoder, each trained on four fifths.

    Raises:
        MultilabelError: if the dataset has no labels, or the encoder cannot be used.
    """
    dataset.require_labels()
    from multilabel_bert.cli.quiet_tensorflow import import_keras_quietly

    import_keras_quietly()
    from multilabel_bert.classifier import MultiLabelClassifier
    from multilabel_bert.suspects import find_suspects

    # The best representation of a frozen encoder; no thresholds are asked for, so nothing is
    # held out for them.
    classifier = MultiLabelClassifier(
        encoder,
        pooling="cls+mean",
        max_seq_length=max_seq_length,
        dev_fraction=0.0,
        verbose=False,
    )
    return find_suspects(classifier, dataset, progress=progress)


def show_suspects(suspects: Sequence[Suspect], cells: int) -> None:
    """Print the most suspicious ones.

    Args:
        suspects: the most suspicious first.
        cells: labels of all texts that are known.
    """
    from rich.text import Text

    from multilabel_bert.cli.tables import console, shortened, table

    out = console()
    share = len(suspects) / cells if cells else 0.0
    out.print(Text(f"\nLikely label errors: {len(suspects):,} of {cells:,} ({share:.1%})", "bold"))
    if not suspects:
        return
    shown = table("", "id" if suspects[0].id is not None else "row", "given", "probability")
    shown.add_column("label", overflow="fold")
    shown.add_column("text", no_wrap=True, overflow="ellipsis")
    for one in suspects[:_MOST_SHOWN]:
        shown.add_row(
            Text(one.id if one.id is not None else str(one.row)),
            str(one.given),
            f"{one.probability:.3f}",
            Text(one.label),
            Text(shortened(one.text, _TEXT_WIDTH)),
        )
    out.print(shown)
    if len(suspects) > _MOST_SHOWN:
        print(f"… and {len(suspects) - _MOST_SHOWN:,} more; --output FILE.csv has all.")


def write_suspects(suspects: Sequence[Suspect], path: Path) -> None:
    """Write a CSV file, one line a suspect, the most suspicious first.

    Raises:
        WriteError: if the file system refuses.
    """
    from multilabel_bert.suspects import Suspect

    with (
        atomic_file(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, [field.name for field in fields(Suspect)])
        writer.writeheader()
        writer.writerows(suspect.to_dict() for suspect in suspects)
