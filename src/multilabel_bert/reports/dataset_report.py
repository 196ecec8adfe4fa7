"""`describe`: a dataset as a page to look at before anything is trained on it."""

# N = texts, X = labels

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.progress import Progress
from multilabel_bert.reports.charts import (
    Chart,
    Line,
    bar_chart,
    check_charts,
    column_chart,
    heat_map,
    line_chart,
)
from multilabel_bert.reports.dataset_facts import DatasetFacts, dataset_facts
from multilabel_bert.reports.page import Page, render
from multilabel_bert.text.length_survey import MAX_LENGTHS
from multilabel_bert.text.tokenizer import BertTokenizer

_MOST_BARS = 40
_MOST_LABELS_WITH_EXAMPLES = 200
_EXAMPLES = 3
_MOST_PER_TEXT = 12


def describe(
    data: Dataset | Mapping[str, Dataset],
    *,
    tokenizer: BertTokenizer | None = None,
    max_seq_length: int | None = None,
    progress: Progress | None = None,
) -> Page:
    """Make a page about data: labels, lengths, characters, duplicates, leakage, examples.

    Args:
        data: a dataset, or several by name, such as train, dev and test.
        tokenizer: of the encoder that is to be used, as `load_tokenizer` gives it; None: lengths
            in characters only.
        max_seq_length: texts over it are counted.
        progress: where progress is shown.

    Raises:
        MissingExtraError: if the packages of the extra ``report`` are not installed.

    Example:
        >>> describe(read_dataset("messages.csv")).save("messages.html")  # doctest: +SKIP
    """
    check_charts()
    splits = {"table": data} if isinstance(data, Dataset) else dict(data)
    facts = dataset_facts(
        splits, tokenizer=tokenizer, max_seq_length=max_seq_length, progress=progress
    )
    return dataset_page(facts)


def dataset_page(facts: DatasetFacts) -> Page:
    """The page of facts that are known.

    Raises:
        MissingExtraError: if the packages of the extra ``report`` are not installed.
    """
    check_charts()
    first = next(iter(facts.splits.values()))
    content = {
        "facts": facts,
        "summary": facts.summary,
        "rows": _split_rows(facts),
        "labels": _label_rows(facts),
        "charts": _charts(facts),
        "max_lengths": MAX_LENGTHS,
        "examples": _examples(first),
        "more_examples": max(0, len(first.label_names) - _MOST_LABELS_WITH_EXAMPLES),
        "contradictions": _contradictions(facts),
        "leaks": [leak for leak in facts.summary.leaks if leak.rows],
    }
    title = _title([part.source for part in facts.splits.values()])
    return Page(
        render("dataset.html", title, content, scripts=["sorting.js"]), figures=facts.to_dict()
    )


def _title(sources: list[str]) -> str:
    if len(sources) == 1:
        return sources[0]
    parents = {str(Path(source).parent) for source in sources}
    if len(parents) == 1 and parents != {"."}:
        return f"{parents.pop()}, {len(sources)} splits"
    return ", ".join(dict.fromkeys(sources))


def _split_rows(facts: DatasetFacts) -> list[tuple[str, list[str]]]:
    """A line a fact, a cell a split; facts that are nowhere are left out."""
    lines: dict[str, list[str]] = {}

    def add(title: str, value: Any, digits: int | None = None) -> None:
        shown = "" if value is None else f"{value:,}" if digits is None else f"{value:,.{digits}f}"
        lines.setdefault(title, []).append(shown or "–")

    for name, split in facts.summary.splits.items():
        content = facts.content[name]
        add("texts", split.rows)
        add("empty texts", split.empty_texts)
        add("labels a text, mean", split.mean_labels_per_text if split.labelled else None, 2)
        add("texts without a label", split.texts_without_label if split.labelled else None)
        add("unknown labels (cells)", split.unknown_cells)
        add("repeats of another row’s text", split.duplicates.repeated_rows)
        add("texts repeated with other labels", split.duplicates.contradictory_texts)
        add("characters, mean", split.characters.mean, 0)
        add("characters, longest", split.characters.longest)
        if split.tokens is not None:
            add("tokens, mean", split.tokens.mean, 1)
            add("tokens, 95% have at most", split.tokens.p95)
            add("tokens, longest", split.tokens.longest)
        if facts.surveys is not None:
            add("[UNK], % of the tokens", 100 * facts.surveys[name].unknown_share, 2)
        add("texts with HTML", content.html_texts)
        add("texts with control characters", content.control_texts)
        add("texts with � (wrong encoding)", content.broken_texts)
    return [(title, cells) for title, cells in lines.items() if set(cells) - {"0", "–"}]


def _label_rows(facts: DatasetFacts) -> list[dict[str, Any]]:
    rows = []
    labelled = {name: part for name, part in facts.summary.splits.items() if part.labelled}
    for index, label in enumerate(facts.summary.label_names if labelled else ()):
        counts = {name: part.label_counts[index] for name, part in labelled.items()}
        first = next(iter(counts.values()))
        rows.append(
            {
                "name": label,
                "counts": [count.positive for count in counts.values()],
                "rate": first.rate,
                # Negatives for each positive: what "imbalance" means for one label.
                "imbalance": first.negative / first.positive if first.positive else None,
            }
        )
    return rows


def _charts(facts: DatasetFacts) -> dict[str, Chart | None]:
    summary = facts.summary
    charts: dict[str, Chart | None] = dict.fromkeys(
        ("labels", "per_text", "together", "lengths", "cut")
    )
    labelled = [part for part in summary.splits.values() if part.labelled]
    if labelled:
        counts = sorted(labelled[0].label_counts, key=lambda count: -count.positive)[:_MOST_BARS]
        charts["labels"] = bar_chart(
            "Texts of each label",
            [count.name for count in counts],
            [count.positive for count in counts],
            x="texts",
        )
        numbers = list(labelled[0].labels_per_text)
        if len(numbers) > _MOST_PER_TEXT:
            numbers = [*numbers[:_MOST_PER_TEXT], sum(numbers[_MOST_PER_TEXT:])]
        names = [str(n) for n in range(len(numbers))]
        if len(labelled[0].labels_per_text) > _MOST_PER_TEXT:
            names[-1] += "+"
        charts["per_text"] = column_chart(
            "Labels a text", names, numbers, x="labels a text", y="texts"
        )
    together = facts.together
    if together is not None and not np.all(np.isnan(together.shares)):
        charts["together"] = heat_map(
            "Labels that occur together",
            together.names,
            together.names,
            together.shares,
            y="of the texts with this label …",
            x="… those that also have this one",
        )
    if facts.surveys is not None:
        charts |= _length_charts(facts)
    return charts


def _length_charts(facts: DatasetFacts) -> dict[str, Chart]:
    assert facts.surveys is not None
    lines, cut = [], []
    # A few endless texts would press all others against the axis.
    everything = np.concatenate([found.lengths for found in facts.surveys.values()])
    shown = int(np.quantile(everything, 0.995)) if len(everything) else 1
    edges = np.unique(np.linspace(0, max(shown, 2), 41).astype(int))
    limits = np.arange(4, max(min(int(1.25 * shown), 512), 8) + 1)
    for place, (name, found) in enumerate(facts.surveys.items()):
        if not len(found.lengths):
            continue
        counts, _ = np.histogram(found.lengths, edges)
        share = counts / len(found.lengths) / np.diff(edges)
        lines.append(Line(name, (edges[:-1] + edges[1:]) / 2, 100 * share, place, place > 0))
        over = 1 - np.searchsorted(np.sort(found.lengths), limits, side="right") / len(
            found.lengths
        )
        cut.append(Line(name, limits, 100 * over, place, place > 0))
    return {
        "lengths": line_chart("Lengths in tokens", lines, x="tokens", y="% of the texts, a token"),
        "cut": line_chart(
            "Texts that are cut at a maximum length",
            cut,
            x="max_seq_length",
            y="% of the texts that are cut",
            y_range=(0, 100),
        ),
    }


def _examples(dataset: Dataset) -> list[tuple[str, int, list[str]]]:
    """Label, number of texts and some texts, of middle length where there are many."""
    if dataset.labels is None:
        return []
    positive = dataset.labels == 1
    columns = positive.tocsc()
    found = []
    for index, name in enumerate(dataset.label_names[:_MOST_LABELS_WITH_EXAMPLES]):
        rows = columns.indices[columns.indptr[index] : columns.indptr[index + 1]]
        # Spread over the table, so that they are not three of one day.
        chosen = rows
        if len(rows):
            chosen = rows[np.unique(np.linspace(0, len(rows) - 1, _EXAMPLES).astype(int))]
        found.append((name, len(rows), [dataset.texts[row] for row in np.sort(chosen).tolist()]))
    return found


def _contradictions(facts: DatasetFacts) -> list[tuple[str, int, int, str]]:
    """Split, two rows and the text of some texts that are repeated with other labels."""
    found = []
    for name, split in facts.summary.splits.items():
        part = facts.splits[name]
        for first, second in split.duplicates.examples:
            place = int(np.searchsorted(part.rows, first))
            found.append((name, first, second, part.texts[place]))
    return found
