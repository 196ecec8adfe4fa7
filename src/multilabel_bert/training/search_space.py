"""What a search tries: settings and their values, checked, and which combinations of them."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from multilabel_bert.decision.metrics import check_metric
from multilabel_bert.decision.thresholds import (
    DEFAULT_METRIC,
    DEFAULT_STRATEGY,
    check_strategy,
)
from multilabel_bert.encoder.pooling import AUTO_POOLINGS, possible_poolings
from multilabel_bert.errors import SettingsError, did_you_mean
from multilabel_bert.training.settings import (
    LOSS_PARAMETERS,
    TrainingSettings,
    default_learning_rate,
)

DEFAULT_SPACE: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "pooling": AUTO_POOLINGS,
        "loss": ("sigmoid_cross_entropy", "focal", "asymmetric"),
        "class_weight": (None, "balanced"),
        "weight_decay": (0.01, 0.1, 1.0),
        "dropout": (0.1, 0.3),
        "learning_rate": (2e-3, 5e-3, 1e-2),
    }
)
"""What is tried where nothing is named: setting to its values."""

# A head on other settings needs other features (max_seq_length, precision), is no head alone
# (train_layers), or does not differ by them.
NOT_SEARCHED = frozenset(
    {
        "train_layers",
        "compare_poolings",
        "max_seq_length",
        "max_batch_tokens",
        "max_windows",
        "stride",
        "windows",
        "truncation",
        "ema_decay",
        "gradual_unfreezing",
        "layer_decay",
        "head_learning_rate",
        "early_stopping",
        "early_stopping_patience",
        "few_examples",
        "seed",
        "precision",
        "lazy_embeddings",
    }
)
# What is as good for layers as for a head.
_OF_ANY_TRAINING = frozenset(
    {
        "pooling",
        "loss",
        "class_weight",
        "max_class_weight",
        "label_smoothing",
        "prior_bias",
        *LOSS_PARAMETERS,
    }
)
# A product of more combinations than this is not written down to be drawn from.
_MOST_COMBINATIONS = 100_000


@dataclass(frozen=True)
class Search:
    """How settings of the head are searched.

    Attributes:
        space: setting to the values that are tried; names of `TrainingSettings`, as the
            parameters of `MultiLabelClassifier`. What is not named stays as the run has it.
            None: `DEFAULT_SPACE`, without the settings that the run was given.
        configurations: how many combinations are tried: drawn by the seed of the run where there
            are more, all where there are fewer. The run's own settings are always among them.
        folds: of the cross-validation by which each is judged.
        reduction: of so many combinations one goes on to the next round, which has so many times
            the texts.
        min_texts: texts of the first round, at least; with fewer there is one round.
        metric: by which they are judged, of the texts left out; None: what thresholds are
            chosen for.
        threshold_strategy: of the thresholds, where the metric needs some; None: the run's.
    """

    space: Mapping[str, Sequence[Any]] | None = None
    configurations: int = 100
    folds: int = 3
    reduction: int = 4
    min_texts: int = 2000
    metric: str | None = None
    threshold_strategy: str | None = None

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            SettingsError: for the first that cannot be used.
        """
        least = {"configurations": 1, "folds": 2, "reduction": 2, "min_texts": 1}
        for name, minimum in least.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not hasattr(value, "__index__") or value < minimum:
                raise SettingsError(
                    f"Search({name}={value!r}): expected a whole number of at least {minimum}."
                )
        if self.metric is not None:
            check_metric(self.metric, option="Search: metric")
        if self.threshold_strategy is not None:
            check_strategy(self.threshold_strategy)
        if self.space is not None:
            check_space(self.space)


def as_search(
    given: Any, metric: str = DEFAULT_METRIC, threshold_strategy: str = DEFAULT_STRATEGY
) -> Search | None:
    """What `search=` of `MultiLabelClassifier` means.

    Args:
        given: None or False for no search; True for the default one; a number of configurations;
            a space; or a `Search`.
        metric: where a `Search` names none.
        threshold_strategy: likewise.

    Raises:
        SettingsError: if it is something else.

    >>> as_search(20).configurations, as_search({"dropout": [0.1, 0.5]}).space
    (20, {'dropout': [0.1, 0.5]})
    """
    if given is None or given is False:
        return None
    search = None
    if given is True:
        search = Search()
    elif isinstance(given, Search):
        search = given
    elif isinstance(given, Mapping):
        search = Search(space=given)
    elif hasattr(given, "__index__"):
        search = Search(configurations=int(given))
    if search is not None:
        return replace(
            search,
            metric=search.metric or metric,
            threshold_strategy=search.threshold_strategy or threshold_strategy,
        )
    raise SettingsError(
        f"search={given!r}: expected True, a number of configurations, a dictionary from setting "
        "to values such as {'dropout': [0.1, 0.5]}, or a Search."
    )


def check_space(space: Any) -> None:
    """Refuse a space whose names or values cannot be used.

    Raises:
        SettingsError: for the first such.
    """
    if not isinstance(space, Mapping) or not space:
        raise SettingsError(
            f"The search space must be a dictionary from setting to values, such as "
            f"{{'dropout': [0.1, 0.5]}}, got {space!r}."
        )
    known = searchable()
    for name, values in space.items():
        if name in NOT_SEARCHED:
            raise SettingsError(
                f"The search space names {name!r}, which cannot be searched: all configurations "
                f"share the features of one encoding. What can be: {', '.join(known)}."
            )
        if name not in known:
            raise SettingsError(
                f"The search space names {name!r}, which is no setting."
                f"{did_you_mean(str(name), known)} What can be searched: {', '.join(known)}."
            )
        if (
            isinstance(values, (str, Mapping))
            or not isinstance(values, Iterable)
            or not len(list(values))
        ):
            raise SettingsError(
                f"The search space has {name}={values!r}: expected a list of values, such as "
                f"{{{name!r}: [{getattr(TrainingSettings, name)!r}]}}."
            )
        for value in values:
            _check_value(name, value)


def _check_value(name: str, value: Any) -> None:
    if name == "pooling" and value == "auto":
        raise SettingsError(
            f"The search space has pooling='auto'. Name the representations to try, such as "
            f"{', '.join(AUTO_POOLINGS)}."
        )
    try:
        TrainingSettings(**{name: value})
    except SettingsError as error:
        # What belongs to another loss than the default is right in some combinations.
        if "belongs to" not in str(error):
            raise SettingsError(
                f"The search space has a value that cannot be used: {error}"
            ) from None


def searchable() -> list[str]:
    """Names of the settings that a space may have."""
    return [field.name for field in fields(TrainingSettings) if field.name not in NOT_SEARCHED]


def combinations(
    search: Search, settings: TrainingSettings, *, layers: int, pooler: bool
) -> list[dict[str, Any]]:
    """The configurations that are tried: values of the searched settings, no two alike.

    Args:
        search: what is searched.
        settings: of the run, as given; the first configuration has its values.
        layers: of the encoder.
        pooler: whether the encoder has a pooler.

    Returns:
        At most ``search.configurations``, the same for the same seed.

    Raises:
        SettingsError: if no combination can be used.
    """
    space = _space_of(search, settings, layers, pooler)
    names = list(space)
    own = {name: getattr(settings, name) for name in names}
    unusable = settings.pooling == "auto" or (settings.pooling == "pooled" and not pooler)
    if "pooling" in own and unusable:
        own["pooling"] = space["pooling"][0]
    if "learning_rate" in own and own["learning_rate"] is None:
        own["learning_rate"] = default_learning_rate(0, 0)
    head = replace(settings, train_layers=0, layer_decay=1.0, gradual_unfreezing=0.0)
    found = [own] if _fits(head, own) else []
    seen = {_key(values) for values in found}
    for values in _drawn(space, settings.seed):
        if len(found) >= search.configurations:
            break
        key = _key(values)
        if key not in seen and _fits(head, values):
            seen.add(key)
            found.append(values)
    if not found:
        raise SettingsError(
            "No combination of the search space can be used: its values exclude each other. Take "
            "values out, such as losses that do not go with class_weight."
        )
    return found


def _space_of(
    search: Search, settings: TrainingSettings, layers: int, pooler: bool
) -> dict[str, tuple[Any, ...]]:
    if search.space is not None:
        space = {name: tuple(values) for name, values in search.space.items()}
    else:
        space = dict(DEFAULT_SPACE)
        for name in given_settings(settings):
            space.pop(name, None)
    if settings.pooling == "auto" and "pooling" not in space:
        space["pooling"] = AUTO_POOLINGS
    if "pooling" in space and search.space is None:
        space["pooling"] = tuple(possible_poolings(space["pooling"], layers, pooler=pooler))
    return space


def given_settings(settings: TrainingSettings) -> list[str]:
    """The searched settings whose value the user has chosen: the default space leaves them."""
    return [
        name
        for name in DEFAULT_SPACE
        if getattr(settings, name) != getattr(TrainingSettings, name)
        and not (name == "pooling" and settings.pooling == "auto")
    ]


def settings_found(given: TrainingSettings, found: Mapping[str, Any]) -> TrainingSettings:
    """The settings of a run with what a search has found for the head.

    Where layers are trained, too, what the head learned best with (rate, decay, dropout, epochs)
    says nothing about them: representation, loss and weights of the labels are taken.
    """
    if given.train_layers != 0:
        found = {name: value for name, value in found.items() if name in _OF_ANY_TRAINING}
    return replace(given, **found)


def _fits(settings: TrainingSettings, values: Mapping[str, Any]) -> bool:
    try:
        replace(settings, **values)
    except SettingsError:
        return False
    return True


def _drawn(space: Mapping[str, Sequence[Any]], seed: int) -> Iterator[dict[str, Any]]:
    """The combinations in random order."""
    rng = np.random.default_rng(seed)
    sizes = [len(values) for values in space.values()]
    count = math.prod(sizes)
    if not sizes:
        return
    if count <= _MOST_COMBINATIONS:
        places: Iterable[tuple[int, ...]] = (
            tuple(map(int, np.unravel_index(number, sizes))) for number in rng.permutation(count)
        )
    else:
        # Two alike are rare; who asks for nearly all of so many will not see the end anyway.
        places = (
            tuple(int(rng.integers(size)) for size in sizes)
            for _ in itertools.repeat(None, _MOST_COMBINATIONS)
        )
    for place in places:
        yield {name: space[name][at] for name, at in zip(space, place, strict=True)}


def _key(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, default=str)
