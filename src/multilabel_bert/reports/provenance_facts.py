"""Where a model and its data came from, as lines of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from multilabel_bert.data.dataset import Dataset
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.training.provenance import dataset_digest

_NO_LINES = (
    "history",
    "search",
    "continued_from",
    "label_changes",
    "train",
    "dev",
    "versions",
    "evaluation",
)


def provenance_facts(model: ClassifierModel) -> list[tuple[str, str]]:
    """What is stored about the making of a model."""
    made = model.provenance
    facts = [("weights", f"sha256 {model.digest()}")]
    for split in ("train", "dev"):
        if isinstance(data := made.get(split), Mapping):
            facts.append((f"{split} data", _data(data)))
    facts += [
        (name, _shown(value)) for name, value in made.items() if name not in _NO_LINES and value
    ]
    if isinstance(versions := made.get("versions"), Mapping):
        facts.append(("versions", ", ".join(f"{name} {found}" for name, found in versions.items())))
    facts.append(("decision rule", _shown(model.rule.to_dict() | {"thresholds": "see the table"})))
    facts.append(("text", f"at most {model.max_seq_length} tokens, {model.pooling}"))
    return facts


def setting_facts(model: ClassifierModel) -> list[tuple[str, str]]:
    """The settings of its training."""
    return list(_settings(model.settings))


def data_facts(dataset: Dataset) -> list[tuple[str, str]]:
    """What the report was made on."""
    facts = [
        ("data", dataset.source),
        ("texts", f"{len(dataset):,}"),
        ("sha256 of texts and labels", dataset_digest(dataset)),
    ]
    if dataset.layout is not None:
        facts.append(("layout", "\n".join(dataset.layout.describe())))
    if dataset.report is not None and dataset.report.lines():
        facts.append(("reading", "\n".join(dataset.report.lines())))
    return facts


def _data(data: Mapping[str, Any]) -> str:
    parts = [str(data.get("source", ""))]
    if "texts" in data:
        parts.append(f"{data['texts']:,} texts")
    if "sha256" in data:
        parts.append(f"sha256 {data['sha256']}")
    return ", ".join(parts)


def _settings(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    # Older models have them without saying which were given.
    used = settings.get("used", settings)
    for name, value in used.items():
        if value is not None:
            yield name, _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_shown(one)}" for name, one in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_shown, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
