"""The parameters of MultiLabelClassifier: what they mean together, checked before the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator

from multilabel_bert.classifier_inputs import exclusive_groups
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.decision.calibration import check_calibration
from multilabel_bert.decision.costs import check_costs
from multilabel_bert.decision.metrics import is_metric
from multilabel_bert.decision.objectives import COST, objective_for
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.decision.thresholds import DEFAULT_METRIC, check_strategy
from multilabel_bert.encoder.checkpoint import Checkpoint, load_checkpoint
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress
from multilabel_bert.training.search_space import Search, as_search, settings_found
from multilabel_bert.training.settings import GOOGLE_PRESET, TrainingSettings

if TYPE_CHECKING:
    from multilabel_bert.model.classifier_model import ClassifierModel
    from multilabel_bert.training.feature_cache import FeatureCache
    from multilabel_bert.training.run_log import RunLog

# What names the encoder, and how its texts are tokenized.
ENCODER_PARAMETERS = (
    "encoder",
    "bert_config_file",
    "init_checkpoint",
    "vocab_file",
    "do_lower_case",
)
SETTING_NAMES = tuple(field.name for field in fields(TrainingSettings))
_DEFAULTS = {field.name: field.default for field in fields(TrainingSettings)}


class ClassifierParameters(BaseEstimator):
    """The parameters, as `MultiLabelClassifier` documents them, beside those of the training."""

    encoder: str | Path | None
    threshold_strategy: str
    threshold_metric: str
    empty_prediction: str
    max_labels: int | None
    costs: Any
    calibration: str
    threshold_cv: int
    exclusive_groups: Any
    dev_fraction: float
    do_lower_case: bool | None
    bert_config_file: str | Path | None
    init_checkpoint: str | Path | None
    vocab_file: str | Path | None
    preset: str | None
    precision: str
    class_weight: Any
    search: Any
    warm_start: bool
    callbacks: Sequence[Any] | None
    log_dir: str | Path | None
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
        return {name: getattr(self, name) for name in ENCODER_PARAMETERS}

    def _settings(self) -> TrainingSettings:
        values = {name: getattr(self, name) for name in SETTING_NAMES}
        for name, preset in self._preset().items():
            if values[name] == _DEFAULTS[name]:
                values[name] = preset
        return TrainingSettings(**values)

    def _search(
        self, settings: TrainingSettings, start: ClassifierModel | None
    ) -> tuple[Search | None, TrainingSettings]:
        """What is to be searched, and the settings; those that were found once are kept."""
        # A condition or costs are of decisions; settings are compared by a metric.
        named = self.threshold_metric if is_metric(self.threshold_metric) else DEFAULT_METRIC
        search = as_search(self.search, named, self._strategy())
        if search is None or start is None:
            return search, settings
        if (found := start.provenance.get("search")) is None:
            raise SettingsError(
                "search starts with new heads, but this classifier is trained already. Leave "
                "search out to go on from it, or set warm_start=False."
            )
        return None, settings_found(settings, found["tried"][0]["settings"])

    def _few_or_many(
        self,
        settings: TrainingSettings,
        texts: int,
        start: ClassifierModel | None,
        search: Search | None,
        progress: Progress,
        *,
        validated: bool,
    ) -> TrainingSettings:
        """The settings with `few_examples` decided."""
        for name, other in (
            ("search", search),
            ("callbacks", self.callbacks or None),
            ("a classifier that is trained already", start),
        ):
            if other is None:
                continue
            if settings.few_examples:
                raise SettingsError(
                    f"few_examples=True fits a new head by itself, without epochs, which does not "
                    f"go with {name}. Leave one of them out."
                )
            return replace(settings, few_examples=False)
        # At 0.5 a strong penalty would find next to nothing: it is chosen where thresholds are.
        tuned = self._strategy() != "fixed" and (validated or self.dev_fraction > 0)
        if settings.few_examples is None and (not tuned or self.threshold_cv):
            return replace(settings, few_examples=False)
        few = settings.is_few_examples(texts)
        if few:
            progress.say(
                f"Few examples ({texts:,} texts): the output layer is fitted to convergence, with "
                "a penalty chosen by cross-validation (few_examples=False: by epochs instead)"
            )
        return replace(settings, few_examples=few)

    def _feature_cache(self) -> FeatureCache | None:
        from multilabel_bert.training.feature_cache import FeatureCache

        if self.cache is None:
            return None
        directory = None if self.cache == "auto" else self.cache
        return FeatureCache(directory, limit_bytes=self.cache_limit)

    def _log(self, state: Path | None) -> RunLog | None:
        """Where the training is logged; the log of another one is left alone."""
        if self.log_dir is None:
            return None
        from multilabel_bert.training.run_log import prepare_log
        from multilabel_bert.training.saved_state import has_state

        return prepare_log(self.log_dir, going_on=state is not None and has_state(state))

    def _preset(self) -> dict[str, Any]:
        if self.preset not in (None, "google"):
            raise SettingsError(f"preset={self.preset!r} is unknown. Use 'google', or None.")
        return GOOGLE_PRESET if self.preset == "google" else {}

    def _rule_options(self, train: Dataset) -> dict[str, Any]:
        groups = exclusive_groups(self.exclusive_groups, train)
        # Only whether they fit the labels, before the long work.
        check_costs(self.costs, len(train.label_names), train.label_names)
        return {
            "empty_prediction": self.empty_prediction,
            "max_labels": self.max_labels,
            "exclusive_groups": groups,
        }

    def _check_decision(self) -> None:
        # Before the long work, not after it.
        check_strategy(self.threshold_strategy)
        objective_for(self.threshold_metric, 1.0)
        check_calibration(self.calibration)
        if self.costs is not None and self.threshold_metric != COST:
            raise SettingsError(
                f"costs have no meaning for threshold_metric={self.threshold_metric!r}. Set "
                "threshold_metric='cost', or leave the costs out."
            )
        DecisionRule.fixed(1, empty_prediction=self.empty_prediction, max_labels=self.max_labels)
        if self.cache_limit is not None and not self.cache_limit >= 0:
            raise SettingsError(f"cache_limit={self.cache_limit!r} must be a number of bytes.")
        if not isinstance(self.dev_fraction, Real) or not 0 <= self.dev_fraction < 1:
            raise SettingsError(
                f"dev_fraction={self.dev_fraction!r} must be at least 0 and below 1."
            )

    def _check_folds(
        self, settings: TrainingSettings, validation_data: Any, start: ClassifierModel | None
    ) -> None:
        """Refuse a `threshold_cv` that cannot be, or that something else stands against."""
        folds = self.threshold_cv
        if isinstance(folds, bool) or not hasattr(folds, "__index__") or folds < 0 or folds == 1:
            raise SettingsError(
                f"threshold_cv={folds!r} must be a whole number of at least 2, or 0 to hold texts "
                "out instead."
            )
        if not folds:
            return
        if settings.train_layers != 0:
            raise SettingsError(
                f"threshold_cv={folds} needs train_layers=0, but train_layers="
                f"{settings.train_layers!r}: heads on cached features take seconds, but this "
                f"would be {folds} more trainings of layers. Hold texts out with dev_fraction."
            )
        if validation_data is not None:
            raise SettingsError(
                f"threshold_cv={folds} is for training without a development split, but one is "
                "given. Leave one of them out."
            )
        if start is not None:
            raise SettingsError(
                f"threshold_cv={folds} needs heads that have not seen the texts, but this "
                "classifier is trained already. Hold texts out with dev_fraction, or set "
                "warm_start=False."
            )

    def _strategy(self) -> str:
        default = self.threshold_strategy == "per_label_shrunk"
        return "fixed" if self.preset == "google" and default else self.threshold_strategy
