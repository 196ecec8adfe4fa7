"""The parameters of MultiLabelClassifier: what they mean together, checked before the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator

from multilabel_bert.classifier_inputs import exclusive_groups
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.decision.objectives import objective_for
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.decision.thresholds import check_strategy
from multilabel_bert.encoder.checkpoint import Checkpoint, load_checkpoint
from multilabel_bert.errors import SettingsError
from multilabel_bert.training.settings import GOOGLE_PRESET, TrainingSettings

if TYPE_CHECKING:
    from multilabel_bert.training.feature_cache import FeatureCache

SETTING_NAMES = tuple(field.name for field in fields(TrainingSettings))
_DEFAULTS = {field.name: field.default for field in fields(TrainingSettings)}


class ClassifierParameters(BaseEstimator):
    """The parameters, as `MultiLabelClassifier` documents them, beside those of the training."""

    encoder: str | Path | None
    threshold_strategy: str
    threshold_metric: str
    empty_prediction: str
    max_labels: int | None
    exclusive_groups: Any
    dev_fraction: float
    do_lower_case: bool | None
    bert_config_file: str | Path | None
    init_checkpoint: str | Path | None
    vocab_file: str | Path | None
    preset: str | None
    precision: str
    class_weight: Any
    warm_start: bool
    callbacks: Sequence[Any] | None
    cache: str | Path | None
    cache_limit: int | None
    seed: int
    verbose: bool

    def _load_checkpoint(self) -> Checkpoint:
        return load_checkpoint(
            self.encoder,
            bert_config_file=self.bert_config_file,
            init_checkpoint=self.init_checkpoint,
            vocab_file=self.vocab_file,
        )

    def _encoder_given(self) -> dict[str, Any]:
        names = ("encoder", "bert_config_file", "init_checkpoint", "vocab_file", "do_lower_case")
        return {name: getattr(self, name) for name in names}

    def _settings(self) -> TrainingSettings:
        values = {name: getattr(self, name) for name in SETTING_NAMES}
        for name, preset in self._preset().items():
            if values[name] == _DEFAULTS[name]:
                values[name] = preset
        return TrainingSettings(**values)

    def _feature_cache(self) -> FeatureCache | None:
        from multilabel_bert.training.feature_cache import FeatureCache

        if self.cache is None:
            return None
        directory = None if self.cache == "auto" else self.cache
        return FeatureCache(directory, limit_bytes=self.cache_limit)

    def _preset(self) -> dict[str, Any]:
        if self.preset not in (None, "google"):
            raise SettingsError(f"preset={self.preset!r} is unknown. Use 'google', or None.")
        return GOOGLE_PRESET if self.preset == "google" else {}

    def _rule_options(self, train: Dataset) -> dict[str, Any]:
        groups = exclusive_groups(self.exclusive_groups, train)
        return {
            "empty_prediction": self.empty_prediction,
            "max_labels": self.max_labels,
            "exclusive_groups": groups,
        }

    def _check_decision(self) -> None:
        # Before the long work, not after it.
        check_strategy(self.threshold_strategy)
        objective_for(self.threshold_metric, 1.0)
        DecisionRule.fixed(1, empty_prediction=self.empty_prediction, max_labels=self.max_labels)
        if self.cache_limit is not None and not self.cache_limit >= 0:
            raise SettingsError(f"cache_limit={self.cache_limit!r} must be a number of bytes.")
        if not isinstance(self.dev_fraction, Real) or not 0 <= self.dev_fraction < 1:
            raise SettingsError(
                f"dev_fraction={self.dev_fraction!r} must be at least 0 and below 1."
            )

    def _strategy(self) -> str:
        default = self.threshold_strategy == "per_label_shrunk"
        return "fixed" if self.preset == "google" and default else self.threshold_strategy
