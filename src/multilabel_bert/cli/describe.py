"""`multilabel describe`: what is in a table, before anything is trained on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multilabel_bert.cli import options

if TYPE_CHECKING:
    from rich.table import Table

    from multilabel_bert.data.summary import DatasetSummary, SplitSummary


def describe(
    data: Annotated[
        Path,
        typer.Argument(metavar="F", help="Table, or directory with train, dev and test files."),
    ],
    encoder: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Also count tokens, with this encoder's tokenizer."),
    ] = None,
    max_seq_length: Annotated[
        int, typer.Option(metavar="N", help="Count the texts that are longer, with --encoder.")
    ] = 128,
    text_column: options.TextColumn = None,
    pair_column: options.PairColumn = None,
    label_columns: options.LabelColumns = None,
    labels: options.Labels = None,
    label_format: options.LabelFormat = None,
    label_separator: options.LabelSeparator = None,
    id_column: options.IdColumn = None,
    encoding: options.Encoding = None,
    empty_text: options.EmptyText = "keep",
    clean_html: options.CleanHtml = False,
    as_json: options.Json = False,
) -> None:
    """Show rows, labels, co-occurrence, lengths, duplicates, and leakage between splits.

    [bold]multilabel describe data/ --encoder uncased_L-12_H-768_A-12[/]
    """
    from multilabel_bert.data.reading import read_dataset
    from multilabel_bert.data.splits import read_splits
    from multilabel_bert.data.summary import summarise

    arguments = options.data_arguments(
        text_column=text_column,
        pair_column=pair_column,
        label_columns=label_columns,
        labels=labels,
        label_format=label_format,
        label_separator=label_separator,
        id_column=id_column,
        encoding=encoding,
        empty_text=empty_text,
        clean_html=clean_html,
    )
    splits = (
        read_splits(data, require_labels=False, **arguments)
        if data.is_dir()
        else {"data": read_dataset(data, require_labels=False, **arguments)}
    )
    lengths = None
    if encoder is not None:
        from multilabel_bert.encoder.checkpoint import load_checkpoint
        from multilabel_bert.text.tokenizer import BertTokenizer

        tokenizer = BertTokenizer.from_files(load_checkpoint(encoder).tokenizer_files)
        lengths = {
            name: tokenizer.encode(part.texts, part.text_pairs, max_seq_length=4).full_lengths
            for name, part in splits.items()
        }
    summary = summarise(splits, token_lengths=lengths, max_seq_length=max_seq_length)
    if as_json:
        print(json.dumps(summary.to_dict(), indent=2, ensure_ascii=False))
        return
    _show(summary)


def _show(summary: DatasetSummary) -> None:
    from rich.table import Table
    from rich.text import Text

    from multilabel_bert.cli.tables import console

    out = console()
    for line in summary.layout:
        out.print(Text(line))
    rows = Table(box=None, title="Texts", title_justify="left")
    for name in ("", *summary.splits):
        rows.add_column(name, justify="left" if not name else "right")
    for title, value in _FACTS.items():
        cells = [value(split) for split in summary.splits.values()]
        if any(cell is not None for cell in cells):
            rows.add_row(title, *("–" if cell is None else cell for cell in cells))
    out.print(rows)
    for name, split in summary.splits.items():
        for note in split.notes:
            out.print(Text(f"{name}: {note}."))
    _show_labels(summary)
    if summary.top_pairs:
        out.print(_pairs(summary))
    for leak in summary.leaks:
        if leak.rows:
            out.print(
                f"{leak.rows:,} texts of {leak.of} are in {leak.in_split} too: scores on them are "
                "too good."
            )
    if summary.labels_without_example:
        shown = ", ".join(summary.labels_without_example[:10])
        out.print(Text(f"Labels without an example in the first split: {shown}"))


def _show_labels(summary: DatasetSummary) -> None:
    from rich.table import Table
    from rich.text import Text

    from multilabel_bert.cli.tables import console

    labelled = {name: split for name, split in summary.splits.items() if split.labelled}
    if not labelled:
        return
    table = Table(box=None, title="Labels (texts that have them)", title_justify="left")
    table.add_column("")
    for name in labelled:
        table.add_column(name, justify="right")
    table.add_column("share", justify="right")
    table.add_column("")
    first = next(iter(labelled.values()))
    order = sorted(range(len(summary.label_names)), key=lambda i: -first.label_counts[i].positive)
    for index in order[:_LABELS_SHOWN]:
        count = first.label_counts[index]
        rate = count.rate or 0.0
        table.add_row(
            Text(count.name),
            *(f"{split.label_counts[index].positive:,}" for split in labelled.values()),
            f"{rate:.1%}",
            "█" * round(rate * 30) or "▏",
        )
    out = console()
    out.print(table)
    if len(order) > _LABELS_SHOWN:
        out.print(f"… and {len(order) - _LABELS_SHOWN:,} more labels; --json shows all.")


def _pairs(summary: DatasetSummary) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, title="Labels that occur together", title_justify="left")
    for title in ("", "", "texts", "of the rarer one"):
        table.add_column(title, justify="right" if title else "left")
    for pair in summary.top_pairs:
        table.add_row(
            Text(pair.first), Text(pair.second), f"{pair.together:,}", f"{pair.share:.0%}"
        )
    return table


def _over_limit(split: SplitSummary) -> str | None:
    tokens = split.tokens
    if tokens is None or tokens.over_limit is None:
        return None
    share = tokens.over_limit / split.rows if split.rows else 0.0
    return f"{tokens.over_limit:,} ({share:.1%})"


_LABELS_SHOWN = 40
_FACTS: dict[str, Callable[[SplitSummary], str | None]] = {
    "texts": lambda split: f"{split.rows:,}",
    "labels a text, mean": lambda split: (
        f"{split.mean_labels_per_text:.2f}" if split.labelled else "unlabelled"
    ),
    "texts without a label": lambda split: (
        f"{split.texts_without_label:,}" if split.labelled else None
    ),
    "unknown cells": lambda split: f"{split.unknown_cells:,}" if split.unknown_cells else None,
    "empty texts": lambda split: f"{split.empty_texts:,}",
    "repeated texts": lambda split: f"{split.duplicates.repeated_rows:,}",
    "of them with other labels": lambda split: (
        f"{split.duplicates.contradictory_texts:,}" if split.labelled else None
    ),
    "characters, mean / longest": lambda split: (
        f"{split.characters.mean:.0f} / {split.characters.longest:,}"
    ),
    "tokens, mean / 95% / longest": lambda split: (
        f"{split.tokens.mean:.0f} / {split.tokens.p95} / {split.tokens.longest:,}"
        if split.tokens
        else None
    ),
    "longer than --max-seq-length": _over_limit,
}
