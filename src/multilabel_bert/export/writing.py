"""What every export has in common: the model it is given, its notes, its place, what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multilabel_bert.errors import SettingsError
from multilabel_bert.export.labels_file import (
    LABELS_FILE,
    decision_note,
    labels_content,
    write_labels,
)
from multilabel_bert.export.place import (
    check_place,
    is_file_name,
    labels_beside,
    written_place,
)
from multilabel_bert.export.snippets import snippet
from multilabel_bert.export.tokenizer_file import TOKENIZER_FILE
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.folded_calibration import with_folded_calibration
from multilabel_bert.model.hugging_face_files import long_texts_note

if TYPE_CHECKING:
    from multilabel_bert.export.int8 import Int8Cost

# What takes a calibration with isotonic curves, and any representation.
GRAPH_FORMATS = ("onnx", "openvino", "tensorflow", "keras")


@dataclass(frozen=True)
class Target:
    """What an export writes.

    Attributes:
        name: of the format, as `labels.json` and the snippets have it.
        main_file: the file that holds the model, if one does; an output may be named as it is.
        in_weights: whether a calibration goes into the weights of the head, because the target
            has nothing but these.
    """

    name: str
    main_file: str | None = None
    in_weights: bool = False


@dataclass(frozen=True)
class Export:
    """A written export.

    Attributes:
        path: of the directory or file.
        format: its name.
        megabytes: size of all its files.
        notes: what its users must know, without full stops.
        snippet: Python that runs it.
        cost: what int8 costs, or None.
    """

    path: Path
    format: str
    megabytes: float
    notes: tuple[str, ...]
    snippet: str
    cost: Int8Cost | None = None


def as_model(model: Any) -> ClassifierModel:
    """The classifier of a `Predictor`, a trained `MultiLabelClassifier`, or a model directory.

    Raises:
        ModelError: if a directory is no model, or damaged.
        SettingsError: if it is none of these, or not trained.
    """
    if isinstance(model, str | Path):
        from multilabel_bert.model.directory import load_model

        return load_model(model)
    for found in (model, getattr(model, "model", None), getattr(model, "model_", None)):
        if isinstance(found, ClassifierModel):
            return found
    raise SettingsError(
        f"model={model!r:.80} cannot be exported. Give a model directory, a Predictor, or a "
        "trained MultiLabelClassifier."
    )


def write_export(
    model: Any,
    output: str | Path,
    target: Target,
    write: Callable[[ClassifierModel, Path], Int8Cost | None],
    *,
    overwrite: bool = False,
    quantize: str | None = None,
    notes: tuple[str, ...] = (),
    **values: object,
) -> Export:
    """Write an export whole or not at all, with ``labels.json``.

    Args:
        model: as for `as_model`.
        output: a new directory; or a file, where the target has one.
        target: what is written.
        write: writes the main file it is given, or into the directory where the target has none,
            and says what int8 cost, if that was asked for.
        overwrite: whether an older export may be replaced.
        quantize: what `labels.json` says of it.
        notes: what the users of this export must know.
        **values: for the snippet.

    Raises:
        WriteError: if something is there, or the file system refuses.
        ModelError: as `as_model`.
        SettingsError: as `as_model`, or if the target cannot express the calibration.
    """
    output = Path(output)
    check_place(output, target.main_file, overwrite=overwrite)
    classifier = as_model(model)
    calibration = "none"
    if classifier.rule.calibration is not None:
        calibration = "in the weights of the head" if target.in_weights else "in the probabilities"
    if target.in_weights:
        classifier = _with_weights_alone(classifier, target.name)
    with written_place(output, target.main_file, overwrite=overwrite) as directory:
        name = output.name if is_file_name(output, target.main_file) else target.main_file
        cost = write(classifier, directory if name is None else directory / name)
        content = labels_content(
            classifier, target.name, calibration=calibration, quantize=quantize
        )
        write_labels(directory, content)
        size = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    found = (long_texts_note(classifier), decision_note(classifier), *notes)
    return Export(
        path=output,
        format=target.name,
        megabytes=size / 1e6,
        notes=tuple(note for note in found if note is not None),
        snippet=_snippet(output, target, **values),
        cost=cost,
    )


def _with_weights_alone(model: ClassifierModel, format_name: str) -> ClassifierModel:
    calibration = model.rule.calibration
    if calibration is not None and calibration.curves:
        raise SettingsError(
            f"{format_name}: {len(calibration.curves)} labels are calibrated by isotonic curves, "
            f"which it cannot express. Export to {', '.join(GRAPH_FORMATS)}, or calibrate by "
            "'platt' or 'temperature' (multilabel tune)."
        )
    return with_folded_calibration(model)


def _snippet(output: Path, target: Target, **values: object) -> str:
    if is_file_name(output, target.main_file):
        # The tokenizer is not beside it, but is in the model too.
        main, labels = output, labels_beside(output)
        tokenizer = output.with_name(TOKENIZER_FILE)
    else:
        main = output / (target.main_file or "")
        labels, tokenizer = output / LABELS_FILE, output / TOKENIZER_FILE
    return snippet(target.name, output, main, labels, tokenizer, **values)
