"""The model card: the README.md of a model directory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from multilabel_bert.model.card_metadata import card_metadata, shown_source
from multilabel_bert.model.card_usage import usage
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.evaluation_record import MOST_LABELS, evaluation_of

_DIRECTORY = "this-directory"
# Below this many texts that have a label, its figures say little.
_FEW_TEXTS = 20
_DEV_METRICS = ("micro_f1", "macro_f1", "macro_average_precision", "subset_accuracy")


def model_card(
    model: ClassifierModel, name: str | None = None, metadata: Mapping[str, Any] | None = None
) -> str:
    """Write the card: labels with thresholds, figures, data, use and limits.

    The figures are those of the evaluation that was recorded last, as by `multilabel evaluate
    --card`; without one those on the development split.

    Args:
        model: what it is about.
        name: its repository on the hub, such as ``"me/complaints"``; None for a directory.
        metadata: what its owner adds for the hub; see `card_metadata`.
    """
    title = "Multi-label text classifier" if name is None else name.rpartition("/")[2]
    record = evaluation_of(model)
    parts = [
        card_metadata(model, title, metadata),
        f"# {title}",
        f"It gives a probability to each of {model.num_labels} labels of a text, any number of "
        f"which may be true: also none. {_making(model)}",
        _labels(model, record),
        *(_dev_metrics(model) if record is None else _metrics(record)),
        *_data(model),
        usage(model, name or _DIRECTORY),
        _limits(model, record),
    ]
    return "\n\n".join(parts) + "\n"


def _making(model: ClassifierModel) -> str:
    encoder = model.provenance.get("encoder")
    what = "" if encoder is None else f", on the encoder {_code(shown_encoder(encoder))}"
    used = model.settings.get("used", model.settings)
    layers = used.get("train_layers") if isinstance(used, Mapping) else None
    trained = {
        None: "",
        0: " Only the output layer was trained; the encoder is as it was published.",
        "all": " All layers were trained.",
    }.get(layers, f" The top {layers} layers and the output layer were trained.")
    return (
        f"Made with multilabel-bert{what}; a text is represented by `{model.pooling}`, of at most "
        f"{model.max_seq_length} tokens.{trained}"
    )


def shown_encoder(encoder: Any) -> str:
    """The encoder for others to read: a name as it is, of a path the last part."""
    text = str(encoder)
    is_path = text.startswith(("/", ".", "~")) or "\\" in text or text.count("/") > 1
    return shown_source(text) if is_path else text


def _labels(model: ClassifierModel, record: Mapping[str, Any] | None) -> str:
    found = {} if record is None else {row["label"]: row for row in record["labels"]}
    columns = ["label", "threshold"]
    if found:
        columns += ["texts", "precision", "recall", "F1"]
    rows = []
    thresholds = model.rule.thresholds[:MOST_LABELS]
    for name, threshold in zip(model.label_names[:MOST_LABELS], thresholds, strict=True):
        cells = [_cell(name), f"{threshold:.3f}"]
        if found:
            row = found.get(name, {})
            cells.append(str(row.get("support", "")))
            cells += [_figure(row.get(key), 3) for key in ("precision", "recall", "f1")]
        rows.append(cells)
    more = model.num_labels - MOST_LABELS
    rest = f"\n\n… and {more} more, in multilabel.json." if more > 0 else ""
    note = "A label is given where its probability reaches its threshold."
    if model.rule.tuned_for is not None:
        note += f" The thresholds were chosen for {model.rule.tuned_for}."
    return f"## Labels\n\n{note}\n\n{_table(columns, rows)}{rest}"


def _metrics(record: Mapping[str, Any]) -> list[str]:
    data, baseline = record["data"], record["baseline"]
    columns = ["metric", "value", "95% interval", *(["baseline"] if baseline else [])]
    rows = []
    for name, found in record["metrics"].items():
        if found["value"] is None:
            continue
        low, high = found.get("low"), found.get("high")
        interval = "" if low is None else f"{_figure(low)} to {_figure(high)}"
        cells = [name, _figure(found["value"]), interval]
        rows.append([*cells, _figure(found.get("baseline"))] if baseline else cells)
    where = f"On {_code(shown_source(data['source']))}: {data['texts']:,} texts."
    if "seen" in data:
        made = "was trained on" if data["seen"] == "train" else "had its thresholds chosen on"
        where += f" **The model {made} these very texts, so all figures are too good.**"
    parts = ["## Evaluation", where, _table(columns, rows)]
    parts.append(
        "The interval says how far a figure of this very model depends on which texts it was "
        "tested on (bootstrap of the texts, 1,000 draws)."
    )
    if baseline:
        parts.append(f"Baseline: {baseline}.{_differences(record)}")
    return parts


def _differences(record: Mapping[str, Any]) -> str:
    said = []
    for found in record["differences"]:
        name = next(key for key in found if key.endswith("_over_baseline"))
        ends = found[f"{name}_low"], found[f"{name}_high"]
        if None not in (found[name], *ends):
            shown = f"{found[name]:+.4f} ({ends[0]:+.4f} to {ends[1]:+.4f})"
            said.append(f"{name.removesuffix('_over_baseline')} {shown}")
    return f" The model over it, on the same draws: {', '.join(said)}." if said else ""


def _dev_metrics(model: ClassifierModel) -> list[str]:
    shown = {name: value for name in _DEV_METRICS if (value := model.metrics.get(name)) is not None}
    if not shown:
        return []
    note = "On the development split, on which the thresholds were chosen: a little too good."
    table = _table(["metric", "value"], [[name, _figure(value)] for name, value in shown.items()])
    return ["## Evaluation", note, table]


def _data(model: ClassifierModel) -> list[str]:
    rows = []
    record = evaluation_of(model)
    sources = {
        "training": model.provenance.get("train"),
        "development": model.provenance.get("dev"),
        "evaluation": None if record is None else record["data"],
    }
    for use, data in sources.items():
        if isinstance(data, Mapping):
            texts = data.get("texts")
            cells = [_cell(shown_source(data.get("source", ""))), f"{texts:,}" if texts else ""]
            rows.append([use, *cells, f"`{data.get('sha256', '')}`"])
    if not rows:
        return []
    columns = ["used for", "data", "texts", "SHA-256 of texts and labels"]
    return ["## Data", _table(columns, rows)]


def _limits(model: ClassifierModel, record: Mapping[str, Any] | None) -> str:
    train = model.provenance.get("train")
    source = train.get("source") if isinstance(train, Mapping) else None
    like = (
        "those it was trained on" if source is None else f"those of {_code(shown_source(source))}"
    )
    lines = [
        f"Meant for texts like {like}: same kind, language and time. On others its figures, "
        "thresholds and probabilities may be far off: measure it on some hundred of them first.",
        "Labels are those of whoever labelled the training texts, errors and leanings included; "
        "what the encoder took from the texts it was pre-trained on comes on top.",
        "It is no ground for a decision about a person without somebody who looks at it.",
    ]
    if model.long_texts.windows is None:
        kept = {"tail": "the end", "head+tail": "start and end"}
        part = kept.get(model.long_texts.truncation, "the start")
        lines.append(f"Of a text of more than {model.max_seq_length} tokens only {part} is read.")
    if record is None:
        lines.append("How sure its figures are was not measured on texts of their own.")
    else:
        few = [row["label"] for row in record["labels"] if row["support"] < _FEW_TEXTS]
        if few:
            named = ", ".join(_cell(label) for label in few[:10]) + (" …" if len(few) > 10 else "")
            lines.append(
                f"Fewer than {_FEW_TEXTS} of the evaluated texts have these labels, so their "
                f"figures say little: {named}."
            )
    return "## Intended use and limits\n\n" + "\n".join(f"- {line}" for line in lines)


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _figure(value: float | None, digits: int = 4) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _cell(text: str) -> str:
    """A text of others in a table: on one line, without Markdown, HTML or the end of the cell."""
    line = " ".join(str(text).split())
    return re.sub(r"([\\|`*\[\]])", r"\\\1", line).replace("<", "&lt;").replace(">", "&gt;")


def _code(text: str) -> str:
    return f"`{' '.join(text.replace('`', chr(39)).split())}`"
