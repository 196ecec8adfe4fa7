"""`multilabel describe`: what is in a table, before anything is trained on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multilabel_bert.cli import options
from multilabel_bert.cli.output_place import check_page, check_place
from multilabel_bert.cli.suspect_table import show_suspects, suspects_by_head, write_suspects
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress

if TYPE_CHECKING:
    from multilabel_bert.data.summary import DatasetSummary, SplitSummary
    from multilabel_bert.reports.dataset_facts import DatasetFacts
    from multilabel_bert.text.tokenizer import BertTokenizer

_BAR_WIDTH = 20
_NAMES_SHOWN = 10
_TEXTS_THAT_TAKE_TIME = 20_000


def describe(
    data: Annotated[
        Path,
        typer.Argument(metavar="F", help="Table, or directory with train, dev and test files."),
    ],
    *,
    table: options.NewTable,
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Also count tokens, with this encoder's tokenizer.",
            show_default="characters only",
        ),
    ] = None,
    max_seq_length: Annotated[
        int,
        typer.Option(metavar="N", help="With --encoder: count the texts with more tokens."),
    ] = 128,
    suspects: Annotated[
        bool,
        typer.Option(
            "--suspects",
            metavar="",
            help="Also list labels that are likely wrong, by models of --encoder that did not see "
            "the text; of a directory, those of its training table.",
        ),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Also write a page with charts and example texts.",
            show_default="no page",
        ),
    ] = None,
    overwrite: options.OverwritePage = False,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="With --suspects: write all of them there.",
            show_default="none",
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show rows, labels, co-occurrence, lengths, duplicates, and leakage between splits.

    [bold]multilabel describe messages.csv --html messages.html[/]

    [bold]multilabel describe data/ --encoder uncased_L-12_H-768_A-12[/]

    [bold]multilabel describe messages.csv --encoder DIR --suspects --output wrong.csv[/]
    """
    from multilabel_bert.data.reading import read_dataset
    from multilabel_bert.data.splits import read_splits
    from multilabel_bert.reports.dataset_facts import dataset_facts

    if max_seq_length < 1:
        raise SettingsError(f"--max-seq-length {max_seq_length}: expected 1 or more.")
    if suspects and encoder is None:
        raise SettingsError(
            "--suspects needs an encoder, on which models are trained that judge the labels. Add "
            "--encoder."
        )
    if output is not None and not suspects:
        raise SettingsError(f"--output {output} is for --suspects. Add that, or leave it out.")
    check_place(output, "--output")
    check_page(html, overwrite=overwrite)
    if html is not None:
        from multilabel_bert.reports.charts import check_charts

        check_charts()
    # Rows without a text are counted, not refused.
    arguments = {"empty_text": "keep"} | table.arguments()
    splits = (
        read_splits(data, require_labels=False, **arguments)
        if data.is_dir()
        else {"table": read_dataset(data, require_labels=False, **arguments)}
    )
    texts = sum(map(len, splits.values()))
    facts = dataset_facts(
        splits,
        tokenizer=None if encoder is None else _tokenizer(encoder),
        max_seq_length=max_seq_length,
        # Of some seconds there is nothing to tell.
        progress=Progress("silent" if quiet or texts < _TEXTS_THAT_TAKE_TIME else "auto"),
    )
    found = None
    if suspects and encoder is not None:
        part = splits.get("train", next(iter(splits.values())))
        progress = Progress("silent" if quiet else "auto")
        found = suspects_by_head(part, encoder, max_seq_length, progress)
        if output is not None:
            write_suspects(found, output)
    if html is not None:
        from multilabel_bert.reports.dataset_report import dataset_page

        page = dataset_page(facts)
        page.save(html, overwrite=overwrite)
    if as_json:
        more = {} if found is None else {"suspects": [one.to_dict() for one in found]}
        print(json.dumps(facts.to_dict() | more, indent=2, ensure_ascii=False))
        return
    _show(facts, max_seq_length)
    if html is not None:
        print(f"\nThe page: {html} ({len(page.html.encode('utf-8')) / 1e6:.1f} MB)")
    if found is not None:
        positive, negative, _ = part.label_counts()
        show_suspects(found, int(positive.sum() + negative.sum()))


def _tokenizer(encoder: str) -> BertTokenizer:
    from multilabel_bert.encoder.checkpoint import load_checkpoint
    from multilabel_bert.text.tokenizer import BertTokenizer

    return BertTokenizer.from_files(load_checkpoint(encoder).tokenizer_files)


def _show(facts: DatasetFacts, max_seq_length: int) -> None:
    from rich.text import Text

    from multilabel_bert.cli import dataset_tables
    from multilabel_bert.cli.tables import console

    summary = facts.summary
    out = console()
    out.print(Text("Layout", style="bold"))
    for line in summary.layout:
        out.print(Text(line))
    _show_texts(summary, max_seq_length)
    dataset_tables.show_lengths(facts)
    dataset_tables.show_characters(facts)
    if any(split.labelled for split in summary.splits.values()):
        _show_labels(summary)
        _show_pairs(summary)
        dataset_tables.show_implications(facts)
    else:
        out.print("\nNo labels were found. If there are some, name their columns with")
        out.print("--label-columns, and how they are written with --label-format.")
    dataset_tables.show_near_duplicates(facts)
    _show_warnings(summary)


def _show_texts(summary: DatasetSummary, max_seq_length: int) -> None:
    from multilabel_bert.cli.tables import console, table

    shown = table("Texts", "", *summary.splits)
    for title, value in _FACTS.items():
        cells = [value(split) for split in summary.splits.values()]
        if any(cell is not None for cell in cells):
            name = title.format(max_seq_length=max_seq_length)
            shown.add_row(name, *("–" if cell is None else cell for cell in cells))
    out = console()
    out.print()
    out.print(shown)


def _show_labels(summary: DatasetSummary) -> None:
    from rich.text import Text

    from multilabel_bert.cli.tables import MOST_LABELS, bar, console, say_more_labels, table

    labelled = {name: split for name, split in summary.splits.items() if split.labelled}
    shown = table("Texts of each label", "", *labelled, "share")
    shown.add_column("")
    first = next(iter(labelled.values()))
    order = sorted(range(len(summary.label_names)), key=lambda i: -first.label_counts[i].positive)
    rates = [count.rate or 0.0 for count in first.label_counts]
    highest = max(rates, default=0.0) or 1.0
    for index in order[:MOST_LABELS]:
        shown.add_row(
            Text(first.label_counts[index].name),
            *(f"{split.label_counts[index].positive:,}" for split in labelled.values()),
            f"{rates[index]:.1%}",
            bar(rates[index] / highest, _BAR_WIDTH),
        )
    out = console()
    out.print()
    out.print(shown)
    say_more_labels(len(order) - MOST_LABELS)


def _show_pairs(summary: DatasetSummary) -> None:
    from rich.text import Text

    from multilabel_bert.cli.tables import console, table

    if not summary.top_pairs:
        return
    shown = table("Labels that occur together", "", "texts", "of the rarer one")
    for pair in summary.top_pairs:
        shown.add_row(
            Text(f"{pair.first} + {pair.second}"), f"{pair.together:,}", f"{pair.share:.0%}"
        )
    out = console()
    out.print()
    out.print(shown)


def _show_warnings(summary: DatasetSummary) -> None:
    lines = [f"{name}: {note}" for name, split in summary.splits.items() for note in split.notes]
    lines += [
        f"{leak.rows:,} texts of {leak.of} are in {leak.in_split} too: scores on them are too good."
        for leak in summary.leaks
        if leak.rows
    ]
    without = summary.labels_without_example
    if without:
        names = ", ".join(without[:_NAMES_SHOWN])
        more = f" and {len(without) - _NAMES_SHOWN:,} more" if len(without) > _NAMES_SHOWN else ""
        lines.append(f"No text of {next(iter(summary.splits))} has the label {names}{more}.")
    if not lines:
        return
    from rich.text import Text

    from multilabel_bert.cli.tables import console

    out = console()
    out.print(Text("\nTo know", style="bold"))
    for line in lines:
        out.print(Text(line))


def _over_limit(split: SplitSummary) -> str | None:
    tokens = split.tokens
    if tokens is None or tokens.over_limit is None:
        return None
    share = tokens.over_limit / split.rows if split.rows else 0.0
    return f"{tokens.over_limit:,} ({share:.1%})"


def _number_if_any(value: int) -> str | None:
    return f"{value:,}" if value else None


_FACTS: dict[str, Callable[[SplitSummary], str | None]] = {
    "rows": lambda split: f"{split.rows:,}",
    "empty texts": lambda split: _number_if_any(split.empty_texts),
    "repeats of another row's text": lambda split: f"{split.duplicates.repeated_rows:,}",
    "texts repeated with other labels": lambda split: (
        _number_if_any(split.duplicates.contradictory_texts) if split.labelled else None
    ),
    "labels a text, mean": lambda split: (
        f"{split.mean_labels_per_text:.2f}" if split.labelled else "unlabelled"
    ),
    "texts without a label": lambda split: (
        f"{split.texts_without_label:,}" if split.labelled else None
    ),
    "unknown labels (cells)": lambda split: _number_if_any(split.unknown_cells),
    "characters, mean": lambda split: f"{split.characters.mean:.0f}",
    "characters, longest": lambda split: f"{split.characters.longest:,}",
    "tokens, mean": lambda split: f"{split.tokens.mean:.0f}" if split.tokens else None,
    "tokens, 95% have at most": lambda split: f"{split.tokens.p95:,}" if split.tokens else None,
    "tokens, longest": lambda split: f"{split.tokens.longest:,}" if split.tokens else None,
    "over {max_seq_length} tokens": _over_limit,
}
