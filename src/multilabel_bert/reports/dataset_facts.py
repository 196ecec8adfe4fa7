"""What is known of a dataset before anything is trained: the facts that `describe` shows."""

# N = texts

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.label_implications import CoOccurrence, co_occurrence
from multilabel_bert.data.near_duplicates import MOST_ROWS, NearDuplicates, find_near_duplicates
from multilabel_bert.data.summary import DatasetSummary, summarise
from multilabel_bert.data.text_content import TextContent, text_content
from multilabel_bert.progress import Progress
from multilabel_bert.text.length_survey import (
    MAX_LENGTHS,
    LengthSurvey,
    advised_max_length,
    survey_lengths,
)
from multilabel_bert.text.tokenizer import BertTokenizer


@dataclasses.dataclass(frozen=True)
class DatasetFacts:
    """Everything that is shown of a dataset.

    Attributes:
        splits: by name.
        summary: rows, labels, lengths, identical texts.
        content: scripts, HTML and so on, by split.
        surveys: lengths in tokens, by split; None without an encoder.
        near: nearly identical texts; None where there are too many texts to look.
        together: labels that come together; None without labels.
    """

    splits: Mapping[str, Dataset]
    summary: DatasetSummary
    content: dict[str, TextContent]
    surveys: dict[str, LengthSurvey] | None
    near: NearDuplicates | None
    together: CoOccurrence | None

    @property
    def advised_max_length(self) -> int | None:
        """The least `max_seq_length` that cuts few texts; None without an encoder, or for none."""
        return None if self.surveys is None else advised_max_length([*self.surveys.values()])

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold; the examples of texts are left out."""
        plain = self.summary.to_dict()
        for name, content in self.content.items():
            plain["splits"][name]["content"] = {
                "scripts": dict(content.scripts),
                "html_texts": content.html_texts,
                "control_texts": content.control_texts,
                "broken_texts": content.broken_texts,
            }
        for name, survey in (self.surveys or {}).items():
            plain["splits"][name]["unknown_tokens"] = survey.unknown_share
            plain["splits"][name]["cut_at"] = {
                str(length): survey.cut_share(length) for length in MAX_LENGTHS
            }
        if self.surveys is not None:
            plain["advised_max_seq_length"] = self.advised_max_length
        plain["near_duplicates"] = None
        if self.near is not None:
            plain["near_duplicates"] = {
                "texts": self.near.texts,
                "contradictory": self.near.contradictory,
                "across_splits": self.near.across_splits,
                "pairs": [
                    {
                        name: value
                        for name, value in dataclasses.asdict(pair).items()
                        if name not in ("text", "of_text")
                    }
                    for pair in self.near.pairs
                ],
            }
        plain["implications"] = (
            []
            if self.together is None
            else [dataclasses.asdict(found) for found in self.together.implications]
        )
        return plain


def dataset_facts(
    splits: Mapping[str, Dataset],
    *,
    tokenizer: BertTokenizer | None = None,
    max_seq_length: int | None = None,
    progress: Progress | None = None,
) -> DatasetFacts:
    """Look at everything once, some thousand texts at a time.

    Args:
        splits: datasets by name, such as train, dev and test, with the same labels.
        tokenizer: of the encoder; None: lengths in characters only.
        max_seq_length: texts over it are counted.
        progress: where progress is shown.
    """
    progress = progress or Progress("silent")
    texts = sum(map(len, splits.values()))
    surveys: dict[str, LengthSurvey] | None = None
    if tokenizer is not None:
        with progress.task("Tokens", texts, "texts") as task:
            surveys = {
                name: survey_lengths(tokenizer, part.texts, part.text_pairs, task.advance)
                for name, part in splits.items()
            }
    with progress.task("Characters", texts, "texts") as task:
        content = {name: text_content(part.texts, task.advance) for name, part in splits.items()}
    near = None
    if texts <= MOST_ROWS:
        with progress.task("Near duplicates", texts, "texts") as task:
            near = find_near_duplicates(splits, advance=task.advance)
    lengths: dict[str, np.ndarray] | None = (
        None if surveys is None else {name: found.lengths for name, found in surveys.items()}
    )
    return DatasetFacts(
        splits=splits,
        summary=summarise(splits, token_lengths=lengths, max_seq_length=max_seq_length),
        content=content,
        surveys=surveys,
        near=near,
        together=co_occurrence(splits),
    )
