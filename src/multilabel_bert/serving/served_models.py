"""The models of one server, by name, and the lanes in which their texts are encoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from multilabel_bert.errors import ModelError, did_you_mean
from multilabel_bert.model.named_paths import named_paths
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.model.shared_predictor import SharedPredictor
from multilabel_bert.serving.jobs import Lane
from multilabel_bert.serving.lanes import ModelLane
from multilabel_bert.serving.problems import unknown_model


@dataclass(frozen=True)
class ServedModel:
    """One model of the server.

    Attributes:
        name: by which requests ask for it.
        predictor: turns texts into labels.
        lane: in which its texts are encoded.
    """

    name: str
    predictor: Predictor
    lane: Lane


class ServedModels:
    """All models of a server; the first one answers where no name is given.

    Args:
        shared: the models; those that share an encoder are encoded together.
    """

    def __init__(self, shared: SharedPredictor) -> None:
        self.names = shared.names
        lane_of = {
            name: lane
            for group in shared.groups
            for lane in [ModelLane(group)]
            for name in group.names
        }
        self._models = {
            name: ServedModel(name, shared.predictors[name], lane_of[name]) for name in self.names
        }

    def __iter__(self) -> Iterator[ServedModel]:
        return iter(self._models.values())

    @property
    def default(self) -> ServedModel:
        """The first one."""
        return self._models[self.names[0]]

    @property
    def workers(self) -> int:
        """Batches that are computed at the same time, of all models together."""
        return max(model.lane.engine.jobs for model in self)

    def by_lane(self, models: Sequence[ServedModel]) -> list[tuple[Lane, list[str]]]:
        """The lanes of some models, and the names of those in each."""
        lanes: dict[int, tuple[Lane, list[str]]] = {}
        for model in models:
            lanes.setdefault(id(model.lane), (model.lane, []))[1].append(model.name)
        return list(lanes.values())

    def get(self, name: object) -> ServedModel:
        """The model of that name, or for None the first one.

        Raises:
            Problem: 404 if there is none.
        """
        if name is None:
            return self.default
        if not isinstance(name, str) or name not in self._models:
            names = ", ".join(self.names)
            hint = did_you_mean(name, self.names) if isinstance(name, str) else ""
            raise unknown_model(name, f"{hint} The models are: {names}.")
        return self._models[name]


def load_models(given: Sequence[str], *, precision: str | None = None) -> ServedModels:
    """Open model directories, each ``DIR`` or ``NAME=DIR``.

    Raises:
        ModelError: if one is none, or is damaged.
        SettingsError: if two have the same name.
    """
    paths = named_paths(given)
    if not paths:
        raise ModelError("There is no model to serve. Name at least one directory.")
    return ServedModels(SharedPredictor.load(paths, precision=precision))
