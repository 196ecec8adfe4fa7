"""What a trained classifier does: open, predict, evaluate, change its decisions, be saved."""

# N = texts, X = labels

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn import get_config
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from multilabel_bert.baseline.tfidf_baseline import TfidfBaseline
from multilabel_bert.classifier_inputs import as_dataset, threshold_numbers
from multilabel_bert.classifier_parameters import SETTING_NAMES, ClassifierParameters
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.decision.evaluation import Evaluation
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.errors import SettingsError, did_you_mean
from multilabel_bert.explanations.explanation import Explanation
from multilabel_bert.model.classifier_model import ClassifierModel, model_from_checkpoint
from multilabel_bert.model.comparison import Comparison, compare_with_baseline
from multilabel_bert.model.directory import MANIFEST, load_baseline, load_model, save_model
from multilabel_bert.model.folded_calibration import calibration_note, with_folded_calibration
from multilabel_bert.model.hub_models import model_directory
from multilabel_bert.model.hugging_face_files import interchange_note, long_texts_note
from multilabel_bert.model.label_changes import with_labels_added, with_labels_removed
from multilabel_bert.model.outcome import Outcome, outcome_of
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.progress import Progress


class TrainedClassifier(ClassifierMixin, ClassifierParameters):
    """All of `MultiLabelClassifier` that needs a trained model, and nothing that trains one."""

    model_: ClassifierModel
    label_names_: np.ndarray
    classes_: np.ndarray
    dev_evaluation_: Evaluation | None
    baseline_dev_evaluation_: Evaluation | None
    representation_scores_: dict[str, float]
    _predictor: Predictor | None = None
    _finished_state: Path | None = None
    # Where the state of a training is that Ctrl-C ended, and the model that it went on from.
    _interrupted: tuple[Path, ClassifierModel | None] | None = None
    # The parameters that name the encoder, when the model was made.
    _trained_on: dict[str, Any]

    def _html_repr(self) -> str:
        """What a notebook shows: scikit-learn's view, and of what is trained its own."""
        from sklearn.utils import estimator_html_repr

        parameters = str(estimator_html_repr(self))
        if not hasattr(self, "model_"):
            return parameters
        from multilabel_bert.model.model_view import shown

        return f"{parameters}\n{shown(self.model_, getattr(self, 'dev_evaluation_', None))}"

    # Older versions of scikit-learn ask for these, and know no _html_repr.
    def _repr_html_inner(self) -> str:
        return self._html_repr()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        bundle = {"text/plain": repr(self)}
        if get_config()["display"] == "diagram":
            bundle["text/html"] = self._html_repr()
        return bundle

    def decision_function(self, texts: Any) -> np.ndarray:
        """Logits as the head gives them, float32 [N, X], of texts or a `Dataset`."""
        check_is_fitted(self, "model_")
        if isinstance(texts, Dataset):
            return self.predictor.predict_logits(texts.texts, texts.text_pairs)
        return self.predictor.predict_logits(texts)

    def predict_proba(self, texts: Any) -> np.ndarray:
        """Probabilities, float32 [N, X]: the sigmoid of the logits, calibrated if the model is."""
        logits = self.decision_function(texts)
        return self.model_.rule.probabilities(logits)

    def predict(self, texts: Any) -> np.ndarray:
        """Labels by the decision rule, int8 [N, X], each 0 or 1."""
        probabilities = self.predict_proba(texts)
        return self.model_.rule.predict(probabilities)

    def predict_labels(self, texts: Any) -> list[list[str]]:
        """Names of the labels of each text, by the decision rule."""
        names = self.label_names_
        return [[str(name) for name in names[row == 1]] for row in self.predict(texts)]

    def explain(
        self,
        text: str | tuple[str, str],
        pair: str | None = None,
        *,
        labels: str | Sequence[str] | None = None,
        method: str = "occlusion",
        unit: str = "auto",
    ) -> Explanation:
        """Which words moved the labels of one text; see `Predictor.explain`."""
        return self.predictor.explain(text, pair, labels=labels, method=method, unit=unit)

    def score(self, texts: Any, labels: Any, sample_weight: Any = None) -> float:
        """Macro-F1 of `predict`; subset accuracy, scikit-learn's default, hides rare labels.

        Raises:
            SettingsError: if weights are given.
        """
        if sample_weight is not None:
            raise SettingsError("score takes no sample_weight. Leave it out.")
        return float(self.evaluate(texts, labels).metrics["macro_f1"])

    def evaluate(self, texts: Any, labels: Any = None) -> Evaluation:
        """All metrics on texts whose labels are known.

        Args:
            texts: N texts, or a `Dataset`.
            labels: as in `fit`.
        """
        dataset = as_dataset(texts, labels, self.predictor.label_names)
        return self.outcome(dataset).evaluation

    def outcome(self, dataset: Dataset) -> Outcome:
        """Probabilities, decisions and metrics on a dataset with labels."""
        dataset = dataset.with_label_names(self.predictor.label_names)
        logits = self.predictor.predict_logits(dataset.texts, dataset.text_pairs)
        rule, names = self.model_.rule, self.model_.label_names
        return outcome_of(rule, names, dataset.require_labels(), logits)

    def tune(self, texts: Any, labels: Any = None, *, progress: Progress | None = None) -> Self:
        """Choose the thresholds anew, on texts that were not trained on; of the baseline too.

        Args:
            texts: N texts, or a `Dataset`.
            labels: as in `fit`.
            progress: where progress is shown.
        """
        check_is_fitted(self, "model_")
        self._check_decision()
        dataset = as_dataset(texts, labels, self.model_.label_names)
        self._tune_on(
            dataset,
            self.predictor.predict_logits(dataset.texts, dataset.text_pairs, progress=progress),
        )
        if (baseline := self.model_.baseline) is not None:
            logits = baseline.predict_logits(dataset.texts, dataset.text_pairs)
            baseline = baseline.with_rule(self._tuned_rule(dataset, logits))
            self.model_ = replace(self.model_, baseline=baseline)
        return self

    def set_thresholds(self, thresholds: Any) -> Self:
        """Set the thresholds: one number, X numbers, or a dictionary from name to number.

        Raises:
            SettingsError: for an unknown label, another number of thresholds, or one that is
                not in [0, 1].
        """
        check_is_fitted(self, "model_")
        names = self.model_.label_names
        new = np.array(self.model_.rule.thresholds)
        if isinstance(thresholds, dict):
            column_of = {name: column for column, name in enumerate(names)}
            for name, value in thresholds.items():
                if name not in column_of:
                    raise SettingsError(
                        f"thresholds names {name!r}, which is no label."
                        f"{did_you_mean(str(name), names)}"
                    )
                new[column_of[name]] = threshold_numbers(value)
        else:
            values = threshold_numbers(thresholds)
            if values.shape not in ((), (len(names),)):
                raise SettingsError(
                    f"thresholds has shape {values.shape}, but there are {len(names)} labels. "
                    "Give one number, or one a label."
                )
            new[:] = values
        self._set_rule(replace(self.model_.rule, thresholds=new, strategy="fixed", tuned_for=None))
        return self

    def fold_calibration(self) -> Self:
        """Put a calibration by temperature or Platt into the weights of the head.

        Then transformers, sentence-transformers and every other program that reads the saved
        model give the calibrated probabilities too; `decision_function` gives their logits.

        Raises:
            SettingsError: if a label has an isotonic curve, which no weights can express.
        """
        check_is_fitted(self, "model_")
        model = with_folded_calibration(self.model_)
        predictor = None if self._predictor is None else self._predictor.with_model(model)
        self._set_model(model, predictor)
        self.calibration = "none"
        return self

    def add_labels(
        self, names: Sequence[str], *, probability: float | Mapping[str, float] = 0.1
    ) -> Self:
        """Add labels that are not trained: each has the same probability for every text.

        The other labels answer as before. `fit` on texts that have the new labels trains them,
        from the share of the texts that has each.

        Args:
            names: of the new labels.
            probability: of each, one number or a dictionary from name to number. They are decided
                at 0.5, so that by default no text gets them.

        Raises:
            SettingsError: if the model has a label of that name already.

        Example:
            >>> classifier.add_labels(["refund"]).label_names_  # doctest: +SKIP
            array(['delay', 'praise', 'refund'], dtype=object)
        """
        check_is_fitted(self, "model_")
        self._change_labels(with_labels_added(self.model_, names, probability))
        return self

    def remove_labels(self, names: Sequence[str]) -> Self:
        """Remove labels; the others answer as before, with their thresholds.

        A group of labels that exclude each other loses them too, and is none any more when fewer
        than two are left. So do `exclusive_groups` and `class_weight` of this classifier.

        Args:
            names: of labels of the model.

        Raises:
            SettingsError: if the model has no such label, or no other.
        """
        check_is_fitted(self, "model_")
        self._change_labels(with_labels_removed(self.model_, names))
        gone = set(names)
        if isinstance(self.exclusive_groups, (list, tuple)):
            groups = [
                [name for name in group if name not in gone] for group in self.exclusive_groups
            ]
            self.exclusive_groups = [group for group in groups if len(group) > 1] or None
        if isinstance(self.class_weight, Mapping):
            weights = {name: w for name, w in self.class_weight.items() if name not in gone}
            self.class_weight = weights or None
        return self

    def _change_labels(self, model: ClassifierModel) -> None:
        predictor = None if self._predictor is None else self._predictor.with_model(model)
        self._set_model(model, predictor)
        self.dev_evaluation_ = None

    @property
    def baseline_(self) -> TfidfBaseline | None:
        """TF-IDF and logistic regression, fitted on the same texts; None without ``baseline``."""
        check_is_fitted(self, "model_")
        return self.model_.baseline

    def compare(self, texts: Any, labels: Any = None) -> Comparison:
        """What the baseline scores on texts whose labels are known, and how much better this is.

        Args:
            texts: N texts, or a `Dataset`.
            labels: as in `fit`.

        Raises:
            SettingsError: if the model was trained without a baseline.
        """
        if self.baseline_ is None:
            raise SettingsError(
                "This model has no baseline to compare it with. Train it with baseline=True."
            )
        dataset = as_dataset(texts, labels, self.model_.label_names)
        names = self.model_.label_names
        return compare_with_baseline(self.baseline_, names, dataset, self.outcome(dataset))

    @property
    def predictor(self) -> Predictor:
        """Runs the trained model; compiled when first asked for."""
        check_is_fitted(self, "model_")
        if self._predictor is None:
            self._predictor = Predictor(self.model_)
        return self._predictor

    def save(
        self, path: str | Path, *, overwrite: bool = False, progress: Progress | None = None
    ) -> None:
        """Write the model directory; see `model.directory.save_model`.

        What transformers' classification class cannot express is said.

        Args:
            path: a new or empty directory, or with `overwrite` one of an older model.
            overwrite: whether an older model may be replaced.
            progress: where that is said, in place of `verbose`.

        Raises:
            ModelError: if `path` holds something already.
            WriteError: if the file system refuses.
        """
        check_is_fitted(self, "model_")
        save_model(self.model_, path, overwrite=overwrite)
        if self._finished_state is not None:
            from multilabel_bert.training.saved_state import remove_state

            remove_state(self._finished_state)
        progress = progress or Progress("terminal" if self.verbose else "silent")
        for note in (
            interchange_note(self.model_.pooling),
            long_texts_note(self.model_),
            calibration_note(self.model_),
        ):
            if note is not None:
                progress.say(f"{note}.")

    def record_evaluation(self, texts: Any, labels: Any = None) -> Evaluation:
        """Evaluate, and keep figures, intervals and baseline with the model, for its card.

        Args:
            texts: N texts that were not trained on, or a `Dataset`, whose `source` names them.
            labels: as in `fit`.
        """
        from multilabel_bert.training.evaluated_data import with_recorded_evaluation

        dataset = as_dataset(texts, labels, self.predictor.label_names)
        dataset = dataset.with_label_names(self.predictor.label_names)
        outcome = self.outcome(dataset)
        comparison = None if self.baseline_ is None else self.compare(dataset)
        self.model_ = with_recorded_evaluation(self.model_, dataset, outcome, comparison)
        return outcome.evaluation

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | None = None,
        commit_message: str | None = None,
        revision: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> str:
        """Publish the model on the Hugging Face hub; see `model.publishing.push_model`.

        Its card has the figures of `record_evaluation`.
        """
        from multilabel_bert.model.publishing import push_model

        check_is_fitted(self, "model_")
        return push_model(
            self.model_,
            repo_id,
            private=private,
            token=token,
            commit_message=commit_message,
            revision=revision,
            metadata=metadata,
        )

    @classmethod
    def load(cls, path: str | Path, *, precision: str | None = None) -> Self:
        """Open a saved model: it predicts, evaluates and tunes as the one that was saved.

        Args:
            path: a directory, or a repository on the Hugging Face hub.
            precision: what the encoder computes in; that of the model unless given.

        Raises:
            ModelError: if `path` is not a model, or is damaged.
        """
        model = replace(load_model(path), baseline=load_baseline(path))
        known = {k: v for k, v in model.settings.get("given", {}).items() if k in SETTING_NAMES}
        classifier = cls(str(path), **known)
        classifier.empty_prediction = model.rule.empty_prediction
        classifier.max_labels = model.rule.max_labels
        classifier.exclusive_groups = [
            [model.label_names[column] for column in group] for group in model.rule.exclusive_groups
        ] or None
        if model.rule.tuned_for is not None:
            classifier.threshold_strategy = model.rule.strategy
            classifier.threshold_metric = model.rule.tuned_for
        classifier.costs = model.rule.costs
        if model.rule.calibration is not None:
            classifier.calibration = model.rule.calibration.method
        return classifier._open(model, precision)

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path | None = None,
        *,
        label_names: Sequence[str] | None = None,
        revision: str | None = None,
        token: str | None = None,
        **parameters: Any,
    ) -> Self:
        """Open a classifier that was published, or fine-tuned elsewhere.

        What `save` or `push_to_hub` wrote is opened as by `load`. Google's fine-tuned checkpoints
        (with ``output_weights`` and ``output_bias``) and Hugging Face's
        BertForSequenceClassification are finished classifiers too: nothing is trained.

        Args:
            source: as `encoder`; or a model directory, or a repository that holds one.
            label_names: X names; those of the checkpoint unless given.
            revision: branch, tag or commit of a repository on the Hugging Face hub.
            token: of the hub; the one that is stored on this machine unless given.
            **parameters: of the class: `max_seq_length`, `do_lower_case`, `precision`,
                `bert_config_file`, `init_checkpoint`, `vocab_file` ...

        Raises:
            ModelError: if it has no classification head, or one trained with softmax.
        """
        if source is not None:
            directory = model_directory(source, revision=revision, token=token, encoders=True)
            if label_names is None and (directory / MANIFEST).is_file():
                return cls._of_saved(directory, parameters)
            # Without a revision the name is enough: what it stands for is in the cache now.
            source = source if revision is None else directory
        classifier = cls(source, **parameters)
        checkpoint = classifier._load_checkpoint()
        model = model_from_checkpoint(
            checkpoint,
            label_names=label_names,
            max_seq_length=parameters.get("max_seq_length"),
            do_lower_case=classifier.do_lower_case,
        )
        return classifier._open(model, classifier.precision)

    @classmethod
    def _of_saved(cls, directory: Path, parameters: dict[str, Any]) -> Self:
        own = (
            "max_seq_length",
            "do_lower_case",
            "bert_config_file",
            "init_checkpoint",
            "vocab_file",
        )
        for name in own:
            if parameters.get(name) is not None:
                raise SettingsError(
                    f"{name}={parameters[name]!r}, but {directory} is a saved model, which has its "
                    "own. Leave it out."
                )
        classifier = cls.load(directory, precision=parameters.get("precision"))
        return classifier.set_params(**parameters)

    def _open(self, model: ClassifierModel, precision: str | None) -> Self:
        self._adopt(model, Predictor(model, precision=precision))
        self.dev_evaluation_ = None
        self.baseline_dev_evaluation_ = None
        self.representation_scores_ = {}
        return self

    def _adopt(self, model: ClassifierModel, predictor: Predictor | None = None) -> None:
        """Become the classifier of a model that was trained or opened."""
        self._set_model(model, predictor)
        self._finished_state = None
        self._interrupted = None
        self._trained_on = self._encoder_given()

    def _set_model(self, model: ClassifierModel, predictor: Predictor | None) -> None:
        self.model_ = model
        self.label_names_ = np.array(model.label_names, dtype=object)
        self.classes_ = np.tile(np.arange(2), (model.num_labels, 1))
        self._predictor = predictor

    def _tune_on(self, dataset: Dataset, logits: np.ndarray) -> None:
        self._set_rule(self._tuned_rule(dataset, logits))

    def _tuned_rule(self, dataset: Dataset, logits: np.ndarray) -> DecisionRule:
        rule = self.model_.rule
        return DecisionRule.fitted(
            dataset.require_labels(),
            logits,
            calibration=self.calibration,
            strategy=self._strategy(),
            metric=self.threshold_metric,
            costs=self.costs,
            label_names=self.model_.label_names,
            empty_prediction=rule.empty_prediction,
            max_labels=rule.max_labels,
            exclusive_groups=rule.exclusive_groups,
        )

    def _set_rule(self, rule: DecisionRule) -> None:
        self.model_ = replace(self.model_, rule=rule)
        if self._predictor is not None:
            self._predictor = self._predictor.with_model(self.model_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        tags.target_tags.required = True
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags
