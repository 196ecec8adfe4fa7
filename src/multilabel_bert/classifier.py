"""MultiLabelClassifier: the scikit-learn style front."""

# N = texts, X = labels

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.baseline.background import BaselineRun
from multilabel_bert.classifier_baseline import finished_baseline
from multilabel_bert.classifier_inputs import as_dataset, check_positives, hard_labels
from multilabel_bert.classifier_start import (
    ContinuedLabels,
    continued_dataset,
    continued_rule,
    continued_settings,
    continued_validation,
    keep_unjudged_thresholds,
    say_what_goes_on,
    widened,
)
from multilabel_bert.classifier_training import train_model
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.data.splitting import split_dataset
from multilabel_bert.decision.rule import DecisionRule
from multilabel_bert.errors import DataError, SettingsError
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.model.outcome import outcome_of
from multilabel_bert.progress import Progress
from multilabel_bert.trained_classifier import TrainedClassifier


class MultiLabelClassifier(TrainedClassifier):
    """BERT with a sigmoid output for each of X yes/no labels; a scikit-learn estimator.

    By default only the new output layer is trained, on features of the frozen encoder, which
    runs once over each text. Texts are strings, or 2-tuples of strings for pairs.

    Args:
        encoder: the pre-trained BERT: a directory or .zip as Google Research publishes it, a
            Hugging Face directory or hub name, or an installed package that holds a model.
        train_layers: 0 for the new head alone, k for the top k transformer layers, the pooler
            and the head, ``"all"`` for everything.
        pooling: what represents a text: ``"pooled"``, ``"cls"``, ``"mean"``, ``"max"``,
            ``"cls+mean"``, ``"max+mean"``, ``"cls+max+mean"``, ``"cls_last4"``, ``"mean_last4"``,
            or ``"auto"`` for the best of pooled, cls, mean, cls+mean and mean_last4 on the
            development split (with ``train_layers=0``).
        compare_poolings: whether a run with ``train_layers=0`` says what other representations
            would score.
        few_examples: whether the head is fitted as for few examples: a logistic regression whose
            penalty cross-validation chooses, on all texts, with thresholds from the same folds.
            None: with up to 2,000 texts, where thresholds are chosen and no setting of a training
            by epochs is given.
        search: settings of the head to try before the training, which takes the best of them:
            True, a number of configurations, a dictionary from setting to values, or a `Search`.
        max_seq_length: tokens of a text; of longer texts a part is kept, or they are read in
            windows.
        truncation: which part: ``"head"``, ``"tail"`` or ``"head+tail"``.
        windows: ``"mean"`` or ``"max"`` of the logits of windows over all of a long text; None:
            no windows, it is cut.
        stride: tokens that a window shares with the one before it.
        max_windows: of a text; longer ones are cut to that; None for no limit.
        num_train_epochs: 30 for a head alone, else 3, unless given.
        train_batch_size: texts of a batch; see `TrainingSettings`.
        max_batch_tokens: token slots of a batch where `train_batch_size` is not given.
        gradient_accumulation_steps: batches whose gradients make one update together.
        learning_rate: the peak rate; see `TrainingSettings`.
        head_learning_rate: the peak rate of the head when layers are trained too.
        warmup_proportion: share of the updates in which the rate rises from 0.
        schedule: ``"linear"``, ``"cosine"`` or ``"constant"``.
        layer_decay: each trained layer learns this much slower than the one above it.
        gradual_unfreezing: share of the updates in which layers are added to what is trained,
            from the head down. 0: all at once.
        ema_decay: of the average of the weights over the updates that is kept in place of the
            last weights; None: no average.
        optimizer: ``"adamw"``, or ``"google"`` for the original AdamWeightDecayOptimizer.
        weight_decay: of all weights but biases and LayerNorm.
        dropout: on the representation, before the head.
        loss: ``"sigmoid_cross_entropy"``, ``"focal"``, ``"asymmetric"``,
            ``"distribution_balanced"`` or ``"zlpr"``.
        focal_gamma: of the focal loss; see `TrainingSettings`.
        asl_gamma_neg: of the asymmetric loss, as `asl_gamma_pos` and `asl_margin`; see there.
        asl_gamma_pos: see `asl_gamma_neg`.
        asl_margin: see `asl_gamma_neg`.
        db_alpha: of the distribution-balanced loss, as `db_beta`, `db_mu`, `db_lambda` and
            `db_kappa`; see there.
        db_beta: see `db_alpha`.
        db_mu: see `db_alpha`.
        db_lambda: see `db_alpha`.
        db_kappa: see `db_alpha`.
        label_smoothing: s: a target y counts as y (1 - s) + s / 2.
        class_weight: weight of the positives: None, ``"balanced"``, X numbers, or a dictionary
            from label name to number.
        max_class_weight: the highest weight that ``"balanced"`` gives; its inverse is the lowest.
        standardize: whether the features of a head alone are standardised.
        prior_bias: whether the bias starts at the log-odds of each label.
        early_stopping: metric of the development split by which the best epoch is kept.
        early_stopping_patience: epochs without a better value before training stops.
        threshold_strategy: ``"fixed"`` (0.5), ``"global"``, ``"per_label"`` or
            ``"per_label_shrunk"``; chosen on the development split.
        threshold_metric: for which the thresholds are chosen: a metric such as ``"macro_f1"``,
            ``"micro_f1"`` or ``"macro_f0.5"``; ``"precision_at_recall:0.9"`` or
            ``"recall_at_precision:0.9"``, of each label; or ``"cost"``, see `costs`.
        empty_prediction: what to do when no label reaches its threshold: ``"allow"`` or
            ``"top1"``.
        max_labels: most labels a text may get, or None.
        costs: with ``threshold_metric="cost"``, what a false positive and a false negative cost:
            one pair, a pair a label, or a dictionary from label name to pair.
        calibration: from logits to probabilities: ``"none"`` (the sigmoid), ``"temperature"``,
            ``"platt"`` or ``"isotonic"``, fitted where the thresholds are chosen, before them.
        exclusive_groups: groups of labels of which a text has exactly one, the most probable:
            lists of label names, or ``"columns"`` for one group a categorical column.
        dev_fraction: share of the texts that is held out to choose thresholds where no
            validation data are given; 0 for none (thresholds are then 0.5).
        baseline: whether TF-IDF with logistic regression is fitted on the same texts too, beside
            the training, to compare with; it is saved with the model, words of the texts in it.
        threshold_cv: K of 2 or more: nothing is held out. Thresholds and calibration are fitted
            on what K heads, each trained on the cached features of K - 1 parts of the texts, say
            of the part left out; the final head is trained on all texts. Needs
            ``train_layers=0``. 0: `dev_fraction` is held out.
        do_lower_case: only where the encoder does not say itself.
        bert_config_file: with `init_checkpoint` and `vocab_file` in place of `encoder`, the
            three files of ``run_classifier.py``.
        init_checkpoint: see `bert_config_file`.
        vocab_file: see `bert_config_file`.
        preset: ``"google"`` for the original to the letter: its optimizer, batch size, rate,
            epochs, no standardising, a bias of 0, thresholds of 0.5, float32. What differs from
            a default of this class counts more.
        precision: ``"auto"``, ``"float32"`` or ``"bfloat16"``.
        lazy_embeddings: whether rows of the word embeddings wait for their updates until a batch
            needs them; see `TrainingSettings`.
        warm_start: whether `fit` on a trained classifier goes on from its encoder, head and
            labels; False begins anew on `encoder`. Copies by scikit-learn's `clone`, and so
            cross-validation and grid search, are never trained yet: they begin anew.
        callbacks: Keras callbacks.
        log_dir: directory for a log of the training: ``training.csv``, a row an epoch, and event
            files for TensorBoard. One that holds another training's log is refused.
        cache: where the values of the frozen layers are kept, so that a second run on the same
            texts does not compute them again: ``"auto"`` for the user's cache directory (or
            ``$MULTILABEL_CACHE``), a directory, or None for nowhere.
        cache_limit: most bytes of the cache, or None for what the disk has; where there is no
            room, values are kept in memory, and that is said.
        seed: of the split, batches, dropout and new weights.
        verbose: whether progress is shown on a terminal.

    Attributes:
        label_names_: X names, in the order of the columns.
        classes_: int [X, 2], the classes 0 and 1 of each label: scikit-learn's tools then see X
            outputs of two classes for any X, also 1 and 2.
        model_: the trained model as plain data.
        history_: what happened in training.
        dev_evaluation_: metrics on the development split, or None.
        baseline_: with ``baseline=True``, what the model is to be compared with; see `compare`.
        baseline_dev_evaluation_: its metrics on the development split, or None.
        search_: what a search has tried and found, a `SearchResult`; None without one.
        representation_scores_: with ``pooling="auto"``, the development score of each.

    Example:
        >>> model = MultiLabelClassifier("uncased_L-12_H-768_A-12")  # doctest: +SKIP
        >>> model.fit(texts, labels).predict_proba(texts)  # doctest: +SKIP
    """

    # How the command line imports Keras; see `train_model`.
    _import_keras: Callable[[], None] | None = None

    def __init__(
        self,
        encoder: str | Path | None = None,
        *,
        train_layers: int | str = 0,
        pooling: str = "pooled",
        compare_poolings: bool = True,
        few_examples: bool | None = None,
        search: Any = None,
        max_seq_length: int = 128,
        truncation: str = "head",
        windows: str | None = None,
        stride: int = 0,
        max_windows: int | None = 16,
        num_train_epochs: int | None = None,
        train_batch_size: int | None = None,
        max_batch_tokens: int = 1024,
        gradient_accumulation_steps: int = 1,
        learning_rate: float | None = None,
        head_learning_rate: float | None = None,
        warmup_proportion: float = 0.1,
        schedule: str = "linear",
        layer_decay: float = 1.0,
        gradual_unfreezing: float = 0.0,
        ema_decay: float | None = None,
        optimizer: str = "adamw",
        weight_decay: float = 0.01,
        dropout: float = 0.1,
        loss: str = "sigmoid_cross_entropy",
        focal_gamma: float = 2.0,
        asl_gamma_neg: float = 2.0,
        asl_gamma_pos: float = 0.0,
        asl_margin: float = 0.05,
        db_alpha: float = 0.1,
        db_beta: float = 10.0,
        db_mu: float = 0.2,
        db_lambda: float = 2.0,
        db_kappa: float = 0.05,
        label_smoothing: float = 0.0,
        class_weight: Any = None,
        max_class_weight: float = 100.0,
        standardize: bool | None = None,
        prior_bias: bool = True,
        early_stopping: str | None = None,
        early_stopping_patience: int = 3,
        threshold_strategy: str = "per_label_shrunk",
        threshold_metric: str = "macro_f1",
        empty_prediction: str = "allow",
        max_labels: int | None = None,
        exclusive_groups: Any = None,
        costs: Any = None,
        calibration: str = "none",
        dev_fraction: float = 0.1,
        threshold_cv: int = 0,
        baseline: bool = False,
        do_lower_case: bool | None = None,
        bert_config_file: str | Path | None = None,
        init_checkpoint: str | Path | None = None,
        vocab_file: str | Path | None = None,
        preset: str | None = None,
        precision: str = "auto",
        lazy_embeddings: bool = True,
        warm_start: bool = True,
        callbacks: Sequence[Any] | None = None,
        log_dir: str | Path | None = None,
        cache: str | Path | None = "auto",
        cache_limit: int | None = None,
        seed: int = 42,
        verbose: bool = True,
    ) -> None:
        self.encoder = encoder
        self.train_layers = train_layers
        self.pooling = pooling
        self.compare_poolings = compare_poolings
        self.few_examples = few_examples
        self.search = search
        self.max_seq_length = max_seq_length
        self.truncation = truncation
        self.windows = windows
        self.stride = stride
        self.max_windows = max_windows
        self.num_train_epochs = num_train_epochs
        self.train_batch_size = train_batch_size
        self.max_batch_tokens = max_batch_tokens
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.learning_rate = learning_rate
        self.head_learning_rate = head_learning_rate
        self.warmup_proportion = warmup_proportion
        self.schedule = schedule
        self.layer_decay = layer_decay
        self.gradual_unfreezing = gradual_unfreezing
        self.ema_decay = ema_decay
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.loss = loss
        self.focal_gamma = focal_gamma
        self.asl_gamma_neg = asl_gamma_neg
        self.asl_gamma_pos = asl_gamma_pos
        self.asl_margin = asl_margin
        self.db_alpha = db_alpha
        self.db_beta = db_beta
        self.db_mu = db_mu
        self.db_lambda = db_lambda
        self.db_kappa = db_kappa
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.max_class_weight = max_class_weight
        self.standardize = standardize
        self.prior_bias = prior_bias
        self.early_stopping = early_stopping
        self.early_stopping_patience = early_stopping_patience
        self.threshold_strategy = threshold_strategy
        self.threshold_metric = threshold_metric
        self.empty_prediction = empty_prediction
        self.max_labels = max_labels
        self.exclusive_groups = exclusive_groups
        self.costs = costs
        self.calibration = calibration
        self.dev_fraction = dev_fraction
        self.threshold_cv = threshold_cv
        self.baseline = baseline
        self.do_lower_case = do_lower_case
        self.bert_config_file = bert_config_file
        self.init_checkpoint = init_checkpoint
        self.vocab_file = vocab_file
        self.preset = preset
        self.precision = precision
        self.lazy_embeddings = lazy_embeddings
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.log_dir = log_dir
        self.cache = cache
        self.cache_limit = cache_limit
        self.seed = seed
        self.verbose = verbose

    def fit(
        self,
        texts: Any,
        labels: Any = None,
        *,
        label_names: Sequence[str] | None = None,
        validation_data: Any = None,
        sample_weight: Any = None,
        soft_labels: Any = None,
        progress: Progress | None = None,
        state_directory: str | Path | None = None,
    ) -> MultiLabelClassifier:
        """Train; a classifier that is trained already goes on, unless `warm_start` is False.

        Then the encoder and the head are where they were, also after `load` and
        `from_pretrained`. `train_layers`, loss, rates and texts may be others. Labels are matched
        by name: those that the texts do not have are kept and count as unknown, new ones are
        added. Thresholds are tuned anew where there is a development split, else kept.

        Args:
            texts: N strings, or N 2-tuples of strings; or a `Dataset`, without `labels`.
            labels: [N, X] of 0 and 1 (NaN or -1: unknown), or N lists of label names.
            label_names: X names; needed to fix their order with lists of names.
            validation_data: ``(texts, labels)`` or a `Dataset`: chooses thresholds, is followed
                during training. Without it `dev_fraction` of the texts is held out.
            sample_weight: N numbers of 0 or more, how much each text counts in the loss: 2 is as
                much as two texts. Only their ratios matter.
            soft_labels: [N, X] from 0 to 1 (NaN or -1: unknown), such as the share of annotators
                or another model's probabilities, to be learned in place of `labels`. Those still
                serve the split, thresholds and metrics; without them it is whether a soft label
                is at least 0.5.
            progress: where progress is shown, in place of `verbose`.
            state_directory: where the state of the training is kept after each epoch, while
                layers are trained. If the same training was stopped before, it goes on from
                there, to the same result. `save` removes it.

        Raises:
            SettingsError: if a parameter has a value that cannot be used.
            DataError: if texts or labels cannot be used.
            CheckpointError: if the encoder is missing, damaged, or does not fit.
        """
        started = time.monotonic()
        progress = progress or Progress("terminal" if self.verbose else "silent")
        settings = self._settings()
        self._check_decision()
        state = None if state_directory is None else Path(state_directory)
        start = self._start(state)
        self._check_folds(settings, validation_data, start)
        search, settings = self._search(settings, start)
        if labels is None and soft_labels is not None and not isinstance(texts, Dataset):
            labels = hard_labels(soft_labels)
        if start is None:
            train = as_dataset(texts, labels, label_names)
            names = ContinuedLabels(train.label_names, train.label_names)
        else:
            settings = continued_settings(settings, start)
            train, names = continued_dataset(texts, labels, label_names, start.label_names)
            say_what_goes_on(start, names, progress)
        train = train.with_weights(sample_weight, soft_labels)
        if not len(train):
            raise DataError("There are no texts to train on.")
        check_positives(train, progress)
        settings = self._few_or_many(
            settings, len(train), start, search, progress, validated=validation_data is not None
        )
        dev = None
        if validation_data is not None:
            dev = continued_validation(validation_data, names)
        elif self.dev_fraction > 0 and not settings.few_examples and not self.threshold_cv:
            progress.say(f"Development texts: {self.dev_fraction:.0%} of the texts, held out")
            train, dev = split_dataset(train, self.dev_fraction, seed=self.seed)
            dev = widened(dev, names)
        train = widened(train, names)
        # A mistake in them should show before the training, not after it.
        rule = self._rule_before(train, start)
        if state is not None:
            self._prepare_state(state)
        log = self._log(state)
        checkpoint = self._load_checkpoint() if start is None else start.as_checkpoint()
        if checkpoint.head is not None:
            progress.say(
                f"{checkpoint.origin} has a trained head, which a new one replaces. To go on from "
                "it, open it with MultiLabelClassifier.load or from_pretrained (--from)."
            )
        baseline = BaselineRun(train, dev, seed=self.seed) if self.baseline else None
        trained = train_model(
            checkpoint,
            train,
            settings,
            dev=dev,
            do_lower_case=self.do_lower_case,
            rule=rule,
            start=start,
            callbacks=self.callbacks or (),
            log=log,
            progress=progress,
            cache=self._feature_cache(),
            state_directory=state,
            search=search,
            folds=self.threshold_cv,
            import_keras=self._import_keras,
        )
        self._adopt(trained.model)
        self.history_ = trained.history
        self.representation_scores_ = trained.representation_scores
        self.search_ = trained.search
        self.dev_evaluation_ = None
        try:
            if dev is None and trained.out_of_fold_logits is not None:
                self._decide_on(train, trained.out_of_fold_logits, start, progress)
            else:
                self._decide_on(dev, trained.dev_logits, start, progress)
        except KeyboardInterrupt:
            self.history_.interrupted = True
            progress.say(
                "Interrupted: the weights are kept, the thresholds are not tuned. They can be "
                "tuned later."
            )
        self._take_baseline(baseline, dev, progress)
        self.model_.provenance["seconds"] = round(time.monotonic() - started, 1)
        # After Ctrl-C there is more to train.
        if self.history_.interrupted and state is not None:
            self._interrupted = (state, start)
        else:
            self._finished_state = state
        return self

    def _take_baseline(
        self, run: BaselineRun | None, dev: Dataset | None, progress: Progress
    ) -> None:
        self.baseline_dev_evaluation_ = None
        if run is None:
            return
        if self.history_.interrupted:
            run.cancel()
            return
        found = finished_baseline(run, dev, self._tuned_rule, progress=progress)
        if found is not None:
            baseline, self.baseline_dev_evaluation_ = found
            self.model_ = replace(self.model_, baseline=baseline)

    def _start(self, state: Path | None) -> ClassifierModel | None:
        """The model that a training goes on from; None for the pre-trained encoder."""
        if not self.warm_start or not hasattr(self, "model_"):
            return None
        if state is not None and self._interrupted is not None and self._interrupted[0] == state:
            # That training goes on, so from where it began.
            return self._interrupted[1]
        for name, value in self._encoder_given().items():
            if value != self._trained_on[name]:
                raise SettingsError(
                    f"{name}={value!r}, but this classifier was trained on "
                    f"{name}={self._trained_on[name]!r}, and training goes on from that. Set "
                    "warm_start=False for a new head on another encoder."
                )
        return self.model_

    def _prepare_state(self, state: Path) -> None:
        from multilabel_bert.training.saved_state import check_state_directory, remove_state

        check_state_directory(state)
        if self._finished_state is not None and self._finished_state == state and self.warm_start:
            # Of a training that is over, on whose result this one goes on.
            remove_state(state)

    def _decide_on(
        self,
        dev: Dataset | None,
        logits: np.ndarray | None,
        start: ClassifierModel | None,
        progress: Progress,
    ) -> None:
        if dev is not None:
            if logits is None:
                logits = self.predictor.predict_logits(dev.texts, dev.text_pairs, progress=progress)
            before = self.model_.rule
            self._tune_on(dev, logits)
            if start is not None:
                known = np.isin(self.model_.label_names, start.label_names)
                kept = keep_unjudged_thresholds(self.model_.rule, before, dev, known)
                self._set_rule(kept)
            rule, names = self.model_.rule, self.model_.label_names
            evaluation = outcome_of(rule, names, dev.require_labels(), logits).evaluation
            self.dev_evaluation_ = evaluation
            metrics = evaluation.to_dict()
            metrics.pop("per_label")
            self.model_.metrics.update(metrics)

    def _rule_before(self, train: Dataset, start: ClassifierModel | None) -> DecisionRule:
        """The rule before thresholds are tuned."""
        options = self._rule_options(train)
        if start is None:
            return DecisionRule.fixed(len(train.label_names), **options)
        return continued_rule(start, train.label_names, **options)
