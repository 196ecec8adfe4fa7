"""The models that `multilabel predict` runs: which they are, and one stream of their answers."""

# n = texts of a chunk, X = labels of all models

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress

if TYPE_CHECKING:
    from multilabel_bert.cli.prediction_rows import ModelLabels
    from multilabel_bert.data.layout import DataLayout
    from multilabel_bert.model.predictor import Predictor
    from multilabel_bert.model.shared_predictor import SharedPredictor

STANDARD_INPUT = Path("-")
# What of a layout decides how texts are read, and the option that settles it.
_READING = {
    "text_column": "--text-column",
    "pair_column": "--pair-column",
    "id_column": "--id-column",
    "header": "--header or --no-header",
    "delimiter": "--delimiter",
    "quoting": "--quoting or --no-quoting",
    "encoding": "--encoding",
    "clean_html": "--clean-html",
}
# One model without them does not contradict another with them.
_MAY_BE_MISSING = ("id_column", "header", "delimiter", "quoting", "encoding")


def models_and_table(
    arguments: Sequence[Path], *, has_texts: bool
) -> tuple[dict[str, Path], Path | None]:
    """Take the arguments apart: models first, then the table, unless the texts are on the line.

    Returns:
        The paths of the models by name, and that of the table, or None.

    Raises:
        SettingsError: if a model is there twice, or what is wanted cannot be told.
    """
    if not arguments:
        raise SettingsError("MODEL is missing. See: multilabel predict --help")
    *given, last = arguments
    if has_texts:
        if last == STANDARD_INPUT or last.is_file():
            raise SettingsError(
                f"What to predict: {last} or --text? Give a file, - for standard input, or --text; "
                "one of them."
            )
        return _named([*given, last]), None
    if not given and (last == STANDARD_INPUT or last.is_file()):
        raise SettingsError(f"No model is named. Give it first: multilabel predict MODEL {last}")
    if not given or _is_model(last):
        every = " " if not given else f" {', '.join(map(str, arguments))} are all models. "
        raise SettingsError(
            f"Nothing to predict.{every}Give a file, - for standard input, or --text; one of them."
        )
    for path in given:
        if path == STANDARD_INPUT or path.is_file():
            raise SettingsError(
                f"{path} is no model, and only the last argument, here {last}, can be the table. "
                "Give models first, then one table."
            )
    return _named(given), last


def _is_model(path: Path) -> bool:
    from multilabel_bert.model.directory import MANIFEST

    return (path / MANIFEST).is_file()


def _named(given: Sequence[Path]) -> dict[str, Path]:
    from multilabel_bert.model.named_paths import named_paths

    places: dict[Path, str] = {}
    for entry in given:
        # Before their names are compared: the same directory needs no second name.
        for path in named_paths([entry]).values():
            place = path.resolve()
            if place in places:
                raise SettingsError(f"The model {path} is named twice. Leave one out.")
            places[place] = str(path)
    return named_paths(given)


class PredictedModels:
    """One model, or several that are run together.

    Args:
        paths: of the models, by name.
        precision: of all; each model's own unless given.

    Raises:
        ModelError: if one is none, or is damaged.
    """

    def __init__(self, paths: Mapping[str, Path], precision: str | None) -> None:
        self.paths = dict(paths)
        self._shared: SharedPredictor | None = None
        if len(paths) == 1:
            from multilabel_bert.model.predictor import Predictor

            (name,) = paths
            self.predictors: dict[str, Predictor] = {
                name: Predictor.load(paths[name], precision=precision)
            }
        else:
            from multilabel_bert.model.shared_predictor import SharedPredictor

            self._shared = SharedPredictor.load(paths, precision=precision)
            self.predictors = self._shared.predictors

    @property
    def labels(self) -> list[ModelLabels]:
        """Of each model."""
        from multilabel_bert.cli.prediction_rows import ModelLabels

        alone = self._shared is None
        return [
            ModelLabels(predictor.label_names, None if alone else name)
            for name, predictor in self.predictors.items()
        ]

    def predict_proba(
        self, texts: Sequence[str], pairs: Sequence[str] | None
    ) -> dict[str, np.ndarray]:
        """Probabilities, float32 [N, X of the model], by the models' names."""
        if self._shared is not None:
            return self._shared.predict_proba(texts, pairs=pairs)
        ((name, predictor),) = self.predictors.items()
        return {name: predictor.predict_proba(texts, pairs)}

    def stream(
        self, chunks: Iterable[tuple[Sequence[str], Sequence[str] | None]], progress: Progress
    ) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
        """Probabilities, float32 [n, X], and decisions, int8 [n, X], of each chunk of n texts."""
        if self._shared is None:
            (predictor,) = self.predictors.values()
            with closing(predictor.stream_logits(chunks, progress=progress)) as alone:
                yield from map(predictor.decide, alone)
            return
        with closing(self._shared.stream_logits(chunks, progress=progress)) as stream:
            for logits in stream:
                decided = [self._shared.decide(name, values) for name, values in logits.items()]
                probabilities, decisions = zip(*decided, strict=True)
                yield np.concatenate(probabilities, axis=1), np.concatenate(decisions, axis=1)

    def identity(self) -> dict[str, Any]:
        """What of the models a result depends on, by its name in a message."""
        from multilabel_bert.cli.prediction_output import content_of
        from multilabel_bert.model.directory import MANIFEST
        from multilabel_bert.model.hub_models import model_directory

        contents = {
            name: content_of(model_directory(path) / MANIFEST) for name, path in self.paths.items()
        }
        precisions = {name: found.precision for name, found in self.predictors.items()}
        if self._shared is None:
            (content,), (precision,) = contents.values(), precisions.values()
            return {"the model": content, "the precision": precision}
        return {"the models": list(contents.items()), "the precision": precisions}

    def layout(self, given: Mapping[str, Any]) -> DataLayout | None:
        """How the table is read: as in the training of all models.

        Args:
            given: what the user says about it, by the names of the layout's fields.

        Raises:
            SettingsError: if two models were trained on tables that are read otherwise.
        """
        from multilabel_bert.data.layout import DataLayout

        layouts = {
            name: DataLayout.from_dict(predictor.model.layout)
            for name, predictor in self.predictors.items()
            if predictor.model.layout is not None
        }
        if not layouts:
            return None
        agreed = next(iter(layouts.values()))
        for field, option in _READING.items():
            values = {name: getattr(layout, field) for name, layout in layouts.items()}
            if field in _MAY_BE_MISSING:
                values = {name: value for name, value in values.items() if value is not None}
            if field in given or not values:
                continue
            first, value = next(iter(values.items()))
            for name, other in values.items():
                if other != value:
                    raise SettingsError(_contradiction(field, option, first, value, name, other))
            agreed = dataclasses.replace(agreed, **{field: value})
        return agreed


def _contradiction(
    field: str, option: str, first: str, value: object, second: str, other: object
) -> str:
    what = field.replace("_", " ")
    return (
        f"The models read a table differently: {what} is {value!r} for {first}, but {other!r} for "
        f"{second}. Say what this table has with {option}, or predict with each model by itself."
    )
