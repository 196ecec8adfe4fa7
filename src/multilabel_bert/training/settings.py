"""All settings of a training run, with their units, defaults and limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from multilabel_bert.encoder.cpu_features import PRECISIONS
from multilabel_bert.encoder.pooling import POOLINGS
from multilabel_bert.errors import SettingsError, did_you_mean

OPTIMIZERS = ("adamw", "google")
SCHEDULES = ("linear", "cosine", "constant")
LOSSES = ("sigmoid_cross_entropy", "focal", "asymmetric")
# Of which losses a label's positives can have a weight of their own.
_WEIGHTED_LOSSES = ("sigmoid_cross_entropy", "focal", "asymmetric")
# Which settings one loss alone has.
_LOSS_PARAMETERS = {
    "focal_gamma": "focal",
    "asl_gamma_neg": "asymmetric",
    "asl_gamma_pos": "asymmetric",
    "asl_margin": "asymmetric",
}
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
            split of pooled, cls, mean and cls+mean (with ``train_layers=0``).
        compare_poolings: whether a run with ``train_layers=0`` and a development split says what
            other representations would score, by a quick head.
        max_seq_length: tokens of a text, special tokens included; longer texts are cut.
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
        optimizer: ``"adamw"``, or ``"google"`` for the original AdamWeightDecayOptimizer.
        weight_decay: of all weights but biases and LayerNorm.
        dropout: on the representation, before the head.
        class_weight: weight of the positives of each label: None, ``"balanced"``
            (negatives / positives), a list, or a dictionary from label name to weight.
        standardize: whether the features of a head alone are standardised; mean and deviation
            are folded into the saved weights. None: with ``train_layers=0``.
        loss: what is made small: ``"sigmoid_cross_entropy"``, ``"focal"`` or ``"asymmetric"``;
            formulas and sources are in `training.losses`.
        focal_gamma: of the focal loss: how much less count cells that are right already.
        asl_gamma_neg: of the asymmetric loss: the same for cells whose label does not apply.
        asl_gamma_pos: of the asymmetric loss: the same for cells whose label applies.
        asl_margin: of the asymmetric loss: the probability below which a cell whose label does
            not apply costs nothing.
        label_smoothing: s: a target y counts as y (1 - s) + s / 2.
        prior_bias: whether the bias starts at the log-odds of each label.
        early_stopping: name of a metric of the development split, such as ``"macro_f1"`` or
        max_class_weight: the highest weight that ``"balanced"`` gives; its inverse is the lowest.
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
    max_seq_length: int = 128
    num_train_epochs: int | None = None
    train_batch_size: int | None = None
    max_batch_tokens: int = 1024
    gradient_accumulation_steps: int = 1
    learning_rate: float | None = None
    head_learning_rate: float | None = None
    warmup_proportion: float = 0.1
    schedule: str = "linear"
    optimizer: str = "adamw"
    weight_decay: float = 0.01
    dropout: float = 0.1
    class_weight: Any = None
    standardize: bool | None = None
    prior_bias: bool = True
    early_stopping: str | None = None
    early_stopping_patience: int = 3
    loss: str = "sigmoid_cross_entropy"
    focal_gamma: float = 2.0
    compare_poolings: bool = True
    asl_gamma_neg: float = 2.0
    asl_gamma_pos: float = 0.0
    asl_margin: float = 0.05
    label_smoothing: float = 0.0
    seed: int = 42
    max_class_weight: float = 100.0
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
        for name in (
            "max_seq_length",
            "max_batch_tokens",
            "gradient_accumulation_steps",
            "early_stopping_patience",
        _one_of("loss", self.loss, LOSSES)
        ):
            _whole(name, getattr(self, name), minimum=1)
        for name in ("num_train_epochs", "train_batch_size"):
            if getattr(self, name) is not None:
                _whole(name, getattr(self, name), minimum=1)
        for name in ("compare_poolings", "standardize", "prior_bias", "lazy_embeddings"):
            if not isinstance(getattr(self, name), bool | None):
                raise SettingsError(f"{name}={getattr(self, name)!r} must be True or False.")
        _whole("seed", self.seed, minimum=0, maximum=_LARGEST_SEED)
        for name in ("learning_rate", "head_learning_rate"):
            if getattr(self, name) is not None:
                _between(name, getattr(self, name), 0.0, 10.0, low_open=True)
        _between("warmup_proportion", self.warmup_proportion, 0.0, 1.0)
        _between("weight_decay", self.weight_decay, 0.0, 10.0)
        _between("dropout", self.dropout, 0.0, 0.99)
        self._unwrap_numpy()
        if self.pooling == "auto" and self.train_layers != 0:
            raise SettingsError(
                f"pooling='auto' needs train_layers=0, but train_layers={self.train_layers!r}: "
                "only frozen layers give every representation at once. Name one of "
        self._check_loss()
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

    def _unwrap_numpy(self) -> None:
        # Grid searches give NumPy's numbers, which neither Keras' seeds nor JSON take.
        for field in fields(self):
            value = getattr(self, field.name)
            if hasattr(value, "tolist"):
    def _check_loss(self) -> None:
        for name in ("focal_gamma", "asl_gamma_neg", "asl_gamma_pos"):
            _between(name, getattr(self, name), 0.0, 100.0)
        _between("asl_margin", self.asl_margin, 0.0, 0.99)
        _between("label_smoothing", self.label_smoothing, 0.0, 0.99)
        _between("max_class_weight", self.max_class_weight, 1.0, 1e6)
        for field in fields(self):
            loss = _LOSS_PARAMETERS.get(field.name, self.loss)
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

                object.__setattr__(self, field.name, value.tolist())
        object.__setattr__(self, "class_weight", _plain_weights(self.class_weight))

    def resolved(self, hidden_size: int, texts: int) -> TrainingSettings:
        """Fill in what depends on the encoder and the data.

        Args:
            hidden_size: H of the encoder.
            texts: number of training texts.
        """
        head_only = self.train_layers == 0
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
