"""All settings of a training run, with their units, defaults and limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from multilabel_bert.encoder.cpu_features import PRECISIONS
from multilabel_bert.encoder.pooling import POOLINGS
from multilabel_bert.errors import SettingsError, did_you_mean
from multilabel_bert.text.long_texts import LongTexts

OPTIMIZERS = ("adamw", "google")
SCHEDULES = ("linear", "cosine", "constant")
LOSSES = ("sigmoid_cross_entropy", "focal", "asymmetric", "distribution_balanced", "zlpr")
# Of which losses a label's positives can have a weight of their own.
_WEIGHTED_LOSSES = ("sigmoid_cross_entropy", "focal", "asymmetric")
# Which settings one loss alone has.
LOSS_PARAMETERS = {
    "focal_gamma": "focal",
    "asl_gamma_neg": "asymmetric",
    "asl_gamma_pos": "asymmetric",
    "asl_margin": "asymmetric",
    "db_alpha": "distribution_balanced",
    "db_beta": "distribution_balanced",
    "db_mu": "distribution_balanced",
    "db_lambda": "distribution_balanced",
    "db_kappa": "distribution_balanced",
}
# Up to so many texts a head is fitted as for few examples; see docs/training.md.
FEW_EXAMPLES = 2000
# Settings that a head for few examples can have.
_OF_FEW_EXAMPLES = frozenset(
    {
        "pooling",
        "compare_poolings",
        "few_examples",
        "max_seq_length",
        "truncation",
        "windows",
        "stride",
        "max_windows",
        "max_batch_tokens",
        "class_weight",
        "max_class_weight",
        "standardize",
        "prior_bias",
        "seed",
        "precision",
        "lazy_embeddings",
    }
)
_LARGEST_SEED = 2**32 - 1  # of NumPy's RandomState, which iterative stratification uses


@dataclass(frozen=True)
class TrainingSettings:
    """What a training run is told.

    None means that the best value depends on other settings; `resolved` fills it in.

    Attributes:
        train_layers: 0 for the new head alone, k for the top k layers, the pooler and the head,
            ``"all"`` for everything.
        pooling: what represents a text: ``"pooled"`` (BERT's pooled output), ``"cls"``,
            ``"mean"`` or ``"max"`` of the last layer, several joined (``"cls+mean"``,
            ``"max+mean"``, ``"cls+max+mean"``), or the last four layers side by side
            (``"cls_last4"``, ``"mean_last4"``); ``"auto"`` takes the best on the development
            split of pooled, cls, mean, cls+mean and mean_last4 (with ``train_layers=0``).
        compare_poolings: whether a run with ``train_layers=0`` and a development split says what
            other representations would score, by a quick head.
        few_examples: whether a head alone is a logistic regression, fitted to convergence on all
            texts, whose penalty (and, with ``pooling="auto"``, representation) cross-validation
            chooses. None: as `is_few_examples` says.
        max_seq_length: tokens of a text, special tokens included; of longer texts, the part that
            `truncation` says is kept, or they are read in `windows` of that length.
        truncation: ``"head"``, ``"tail"`` or ``"head+tail"``; see `text.long_texts.LongTexts`.
        windows: None, or ``"mean"`` or ``"max"`` of the logits of a text's windows; see there.
        stride: tokens that a window shares with the one before it.
        max_windows: of a text; None for no limit.
        num_train_epochs: passes over the training texts; 30 for a head alone, else 3.
        train_batch_size: texts of a batch. None: for a head alone a 32nd of the texts, 16 to
            256; else as many texts as fit `max_batch_tokens`.
        max_batch_tokens: token slots of a batch where `train_batch_size` is not given.
        gradient_accumulation_steps: batches whose gradients make one update together.
        learning_rate: the peak rate of the trained layers, or of a head alone.
        head_learning_rate: the peak rate of the head when layers are trained too; five times
            `learning_rate`, or the same with Google's optimizer.
        warmup_proportion: share of the updates in which the rate rises from 0.
        schedule: how the rate falls after that: ``"linear"``, ``"cosine"`` or ``"constant"``.
        layer_decay: each trained layer learns this much slower than the one above it, the
            embeddings slower still; 1: all at the same rate.
        gradual_unfreezing: share of the updates until everything is trained that is to be: at
            first the head and the pooler alone, then layer by layer from the top. 0: at once.
        ema_decay: the weights that are judged on the development split and kept are averages
            over the updates, in which each earlier one counts this much less; None: they are
            those of the last update.
        optimizer: ``"adamw"``, or ``"google"`` for the original AdamWeightDecayOptimizer.
        weight_decay: of all weights but biases and LayerNorm.
        dropout: on the representation, before the head.
        loss: what is made small: ``"sigmoid_cross_entropy"``, ``"focal"``, ``"asymmetric"``,
            ``"distribution_balanced"`` or ``"zlpr"``; formulas and sources are in
            `training.losses`.
        focal_gamma: of the focal loss: how much less count cells that are right already.
        asl_gamma_neg: of the asymmetric loss: the same for cells whose label does not apply.
        asl_gamma_pos: of the asymmetric loss: the same for cells whose label applies.
        asl_margin: of the asymmetric loss: the probability below which a cell whose label does
            not apply costs nothing.
        db_alpha: of the distribution-balanced loss: the least weight of a cell.
        db_beta: of the same: how steeply the weight rises with how rare the label is among the
            labels of its text.
        db_mu: of the same: where it rises.
        db_lambda: of the same: how much sooner a negative is good enough.
        db_kappa: of the same: how far the logits of rare labels may stay up.
        label_smoothing: s: a target y counts as y (1 - s) + s / 2.
        class_weight: weight of the positives of each label: None, ``"balanced"``
            (negatives / positives), a list, or a dictionary from label name to weight.
        max_class_weight: the highest weight that ``"balanced"`` gives; its inverse is the lowest.
        standardize: whether the features of a head alone are standardised; mean and deviation
            are folded into the saved weights. None: with ``train_layers=0``.
        prior_bias: whether the bias starts at the log-odds of each label.
        early_stopping: name of a metric of the development split, such as ``"macro_f1"`` or
            ``"loss"``; the epoch that is best by it is kept. None: the last epoch is kept.
        early_stopping_patience: epochs without a better value before training stops.
        seed: of batches, dropout and the new weights.
        precision: ``"float32"``, ``"bfloat16"``, or ``"auto"`` for bfloat16 only where the CPU
            has instructions for it. Weights and their updates are float32 always.
        lazy_embeddings: when all is trained, whether rows of the word embeddings wait for their
            updates until a batch needs them; see `training.lazy_embeddings` for how little
            that changes. False: all of them are updated in every step.
    """

    train_layers: int | str = 0
    pooling: str = "pooled"
    compare_poolings: bool = True
    few_examples: bool | None = None
    max_seq_length: int = 128
    truncation: str = LongTexts.truncation
    windows: str | None = LongTexts.windows
    stride: int = LongTexts.stride
    max_windows: int | None = LongTexts.max_windows
    num_train_epochs: int | None = None
    train_batch_size: int | None = None
    max_batch_tokens: int = 1024
    gradient_accumulation_steps: int = 1
    learning_rate: float | None = None
    head_learning_rate: float | None = None
    warmup_proportion: float = 0.1
    schedule: str = "linear"
    layer_decay: float = 1.0
    gradual_unfreezing: float = 0.0
    ema_decay: float | None = None
    optimizer: str = "adamw"
    weight_decay: float = 0.01
    dropout: float = 0.1
    loss: str = "sigmoid_cross_entropy"
    focal_gamma: float = 2.0
    asl_gamma_neg: float = 2.0
    asl_gamma_pos: float = 0.0
    asl_margin: float = 0.05
    db_alpha: float = 0.1
    db_beta: float = 10.0
    db_mu: float = 0.2
    db_lambda: float = 2.0
    db_kappa: float = 0.05
    label_smoothing: float = 0.0
    class_weight: Any = None
    max_class_weight: float = 100.0
    standardize: bool | None = None
    prior_bias: bool = True
    early_stopping: str | None = None
    early_stopping_patience: int = 3
    seed: int = 42
    precision: str = "auto"
    lazy_embeddings: bool = True

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            SettingsError: for the first that cannot be used.
        """
        _one_of("pooling", self.pooling, (*POOLINGS, "auto"))
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("loss", self.loss, LOSSES)
        for name in (
            "max_seq_length",
            "max_batch_tokens",
            "gradient_accumulation_steps",
            "early_stopping_patience",
        ):
            _whole(name, getattr(self, name), minimum=1)
        for name in ("num_train_epochs", "train_batch_size"):
            if getattr(self, name) is not None:
                _whole(name, getattr(self, name), minimum=1)
        for name in ("compare_poolings", "standardize", "prior_bias", "lazy_embeddings"):
            if not isinstance(getattr(self, name), bool | None):
                raise SettingsError(f"{name}={getattr(self, name)!r} must be True or False.")
        self.long_texts.check(self.max_seq_length)
        _whole("seed", self.seed, minimum=0, maximum=_LARGEST_SEED)
        for name in ("learning_rate", "head_learning_rate"):
            if getattr(self, name) is not None:
                _between(name, getattr(self, name), 0.0, 10.0, low_open=True)
        _between("warmup_proportion", self.warmup_proportion, 0.0, 1.0)
        _between("weight_decay", self.weight_decay, 0.0, 10.0)
        _between("dropout", self.dropout, 0.0, 0.99)
        self._check_few_examples()
        self._check_layers()
        self._check_loss()
        self._unwrap_numpy()
        if self.pooling == "auto" and self.train_layers != 0:
            raise SettingsError(
                f"pooling='auto' needs train_layers=0, but train_layers={self.train_layers!r}: "
                "only frozen layers give every representation at once. Name one of "
                f"{', '.join(POOLINGS)}."
            )
        if self.standardize and self.train_layers != 0:
            raise SettingsError(
                f"standardize=True needs train_layers=0, but train_layers={self.train_layers!r}: "
                "the features change while layers are trained."
            )
        from multilabel_bert.decision.metrics import check_metric

        if self.early_stopping is not None:
            check_metric(self.early_stopping, option="early_stopping")

    def _check_few_examples(self) -> None:
        if not isinstance(self.few_examples, bool | None):
            raise SettingsError(f"few_examples={self.few_examples!r} must be True, False or None.")
        if self.few_examples and self.windows == "max":
            raise SettingsError(
                "few_examples=True fits one vector a text, but windows='max' takes the maximum of "
                "the logits of several. Use windows='mean', or few_examples=False."
            )
        others = self._of_the_usual_training()
        if self.few_examples and others:
            raise SettingsError(
                f"few_examples=True fits a head alone to convergence, and {others[0]}="
                f"{getattr(self, others[0])!r} has no meaning there. Leave one of them out."
            )

    def _of_the_usual_training(self) -> list[str]:
        """Settings with a value of their own that a head for few examples has no use for."""
        return [
            field.name
            for field in fields(self)
            if field.name not in _OF_FEW_EXAMPLES and getattr(self, field.name) != field.default
        ]

    def is_few_examples(self, texts: int) -> bool:
        """Whether the head is fitted as for few examples.

        Where `few_examples` does not say: with up to `FEW_EXAMPLES` texts, for a head alone for
        which no setting of another training was given.
        """
        if self.few_examples is not None:
            return self.few_examples
        one_vector = self.windows != "max"
        return texts <= FEW_EXAMPLES and one_vector and not self._of_the_usual_training()

    def _check_layers(self) -> None:
        _between("layer_decay", self.layer_decay, 0.0, 1.0, low_open=True)
        _between("gradual_unfreezing", self.gradual_unfreezing, 0.0, 1.0)
        if self.ema_decay is not None:
            _between("ema_decay", self.ema_decay, 0.0, 0.999999, low_open=True)
        for name, neutral in (("layer_decay", 1.0), ("gradual_unfreezing", 0.0)):
            value = getattr(self, name)
            if self.train_layers == 0 and value != neutral:
                raise SettingsError(
                    f"{name}={value!r} is about layers, but train_layers=0 trains the head alone. "
                    "Leave it out, or train layers too."
                )

    def _check_loss(self) -> None:
        for name in ("focal_gamma", "asl_gamma_neg", "asl_gamma_pos"):
            _between(name, getattr(self, name), 0.0, 100.0)
        for name in ("db_alpha", "db_beta", "db_mu", "db_kappa"):
            _between(name, getattr(self, name), 0.0, 100.0)
        _between("db_lambda", self.db_lambda, 0.0, 100.0, low_open=True)
        _between("asl_margin", self.asl_margin, 0.0, 0.99)
        _between("label_smoothing", self.label_smoothing, 0.0, 0.99)
        _between("max_class_weight", self.max_class_weight, 1.0, 1e6)
        for field in fields(self):
            loss = LOSS_PARAMETERS.get(field.name, self.loss)
            value = getattr(self, field.name)
            if loss != self.loss and value != field.default:
                raise SettingsError(
                    f"{field.name}={value!r} belongs to loss={loss!r}, but the loss is "
                    f"{self.loss!r}. Set loss={loss!r}, or leave {field.name} out."
                )
        if self.class_weight is not None and self.loss not in _WEIGHTED_LOSSES:
            raise SettingsError(
                f"class_weight cannot be used with loss={self.loss!r}, which weighs labels in "
                f"its own way. Leave it out, or use one of the losses "
                f"{', '.join(_WEIGHTED_LOSSES)}."
            )

    @property
    def long_texts(self) -> LongTexts:
        """What is done with texts longer than `max_seq_length`."""
        return LongTexts(self.truncation, self.windows, self.stride, self.max_windows)

    def _unwrap_numpy(self) -> None:
        # Grid searches give NumPy's numbers, which neither Keras' seeds nor JSON take.
        for field in fields(self):
            value = getattr(self, field.name)
            if hasattr(value, "tolist"):
                object.__setattr__(self, field.name, value.tolist())
        object.__setattr__(self, "class_weight", _plain_weights(self.class_weight))

    def resolved(self, hidden_size: int, texts: int) -> TrainingSettings:
        """Fill in what depends on the encoder and the data.

        Args:
            hidden_size: H of the encoder.
            texts: number of training texts.
        """
        head_only = self.train_layers == 0
        if self.few_examples:
            return replace(self, standardize=self.standardize is not False)
        epochs = self.num_train_epochs or (30 if head_only else 3)
        batch_size = self.train_batch_size
        if batch_size is None and head_only:
            batch_size = min(256, max(16, texts // 32))
        rate = self.learning_rate or default_learning_rate(self.train_layers, hidden_size)
        head_rate = self.head_learning_rate
        if head_rate is None:
            head_rate = rate if head_only or self.optimizer == "google" else 5 * rate
        return replace(
            self,
            num_train_epochs=epochs,
            train_batch_size=batch_size,
            learning_rate=rate,
            head_learning_rate=head_rate,
            standardize=head_only if self.standardize is None else self.standardize,
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainingSettings:
        """The settings that `to_dict` gave.

        Raises:
            SettingsError: for a name that is no setting.
        """
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise SettingsError(f"Unknown setting {name!r}.{did_you_mean(name, known)}")
        return cls(**values)


def default_learning_rate(train_layers: int | str, hidden_size: int) -> float:
    """The peak learning rate that is used where none is given.

    5e-3 for a head on frozen layers. For layers, wider encoders want smaller steps: 2e-4 at
    H = 384 for the top layers and half of that for all, which gives 5e-5 for all of BERT-base.
    """
    if train_layers == 0:
        return 5e-3
    return 2e-4 * 384 / hidden_size * (0.5 if train_layers == "all" else 1.0)


# The original to the letter: run_classifier.py's flags and create_model.
GOOGLE_PRESET: dict[str, Any] = {
    "optimizer": "google",
    "standardize": False,
    "prior_bias": False,
    "train_batch_size": 32,
    "learning_rate": 5e-5,
    "num_train_epochs": 3,
    "weight_decay": 0.01,
    "warmup_proportion": 0.1,
    "schedule": "linear",
    "dropout": 0.1,
    "precision": "float32",
    "lazy_embeddings": False,
}


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        hint = did_you_mean(str(value), known)
        raise SettingsError(f"{name}={value!r} is unknown.{hint} Use one of {', '.join(known)}.")


def _whole(name: str, value: Any, minimum: int, maximum: int | None = None) -> None:
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < minimum:
        raise SettingsError(f"{name}={value!r} must be a whole number of at least {minimum}.")
    if maximum is not None and value > maximum:
        raise SettingsError(f"{name}={value!r} must be a whole number of at most {maximum}.")


def _plain_weights(class_weight: Any) -> Any:
    """`class_weight` of plain numbers, where they are of NumPy or in another library's array."""

    def number(value: Any) -> Any:
        return value.item() if hasattr(value, "item") else value

    if class_weight is None or isinstance(class_weight, str):
        return class_weight
    if isinstance(class_weight, Mapping):
        return {name: number(value) for name, value in class_weight.items()}
    if isinstance(class_weight, Iterable):
        return [number(value) for value in class_weight]
    return class_weight


def _between(name: str, value: Any, low: float, high: float, *, low_open: bool = False) -> None:
    try:
        fits = low <= value <= high and not (low_open and value == low)
    except TypeError:
        fits = False
    if not fits:
        edge = "above" if low_open else "at least"
        raise SettingsError(f"{name}={value!r} must be {edge} {low:g} and at most {high:g}.")
