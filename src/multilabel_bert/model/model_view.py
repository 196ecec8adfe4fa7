"""A trained model as a notebook shows it: what it is, its thresholds, how good it was."""

from __future__ import annotations

from multilabel_bert.decision.evaluation import Evaluation
from multilabel_bert.decision.evaluation_view import figures, labels
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.notebook import folded, heading, note, table, view


def shown(model: ClassifierModel, dev: Evaluation | None) -> str:
    """A piece of HTML.

    Args:
        model: that was trained.
        dev: how good it was where thresholds were chosen; None where that is not known, as of a
            model that was loaded: then the figures that are stored with it are shown.
    """
    parts = [heading("Trained model"), table(("", ""), _facts(model))]
    metrics = model.metrics if dev is None else dev.metrics
    if "macro_f1" in metrics:
        parts += [note("On the texts on which thresholds were chosen:"), figures(metrics)]
    if dev is None:
        thresholds = model.rule.thresholds.tolist()
        pairs = list(zip(model.label_names, thresholds, strict=True))
        names = table(("label", "threshold"), pairs, rest="labels are in .label_names_")
    else:
        names = labels(dev.per_label)
    return view(*parts, folded(f"{model.num_labels:,} labels", names))


def _facts(model: ClassifierModel) -> list[tuple[str, str]]:
    used, provenance = model.settings.get("used", {}), model.provenance
    facts = {
        "Encoder": provenance.get("encoder"),
        "Trained layers": used.get("train_layers"),
        "Representation": model.pooling,
        "Tokens of a text": model.max_seq_length,
        "Labels": f"{model.num_labels:,}",
        "Thresholds": model.rule.strategy,
        "Tuned for": model.rule.tuned_for,
        "Seconds": provenance.get("seconds"),
    }
    return [(name, str(value)) for name, value in facts.items() if value is not None]
