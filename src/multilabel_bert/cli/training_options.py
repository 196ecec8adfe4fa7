"""Options of `multilabel train`: the parameters of MultiLabelClassifier, with its defaults."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Annotated, Any

from multilabel_bert.cli.label_values import parse_costs
from multilabel_bert.cli.options import option, whole_number
from multilabel_bert.errors import SettingsError, did_you_mean
from multilabel_bert.training.search_space import Search
from multilabel_bert.training.settings import TrainingSettings

_ENCODER, _TRAINING, _DECISIONS = "Encoder", "Training", "Decisions"
_LONG_TEXTS = "Long texts"
_OUTPUT_LAYER, _CACHE, _LOSS = "Output layer", "Cache", "Loss"
_SEARCH = "Search"


@dataclasses.dataclass(frozen=True)
class EncoderOptions:
    """What is trained on top of."""

    encoder: Annotated[
        str | None,
        option(
            "Pre-trained BERT: directory or .zip of Google's, Hugging Face directory or hub name, "
            "or an installed package.",
            "DIR",
            panel=_ENCODER,
        ),
    ] = None
    bert_config_file: Annotated[
        Path | None, option("bert_config.json, instead of --encoder.", "FILE", panel=_ENCODER)
    ] = None
    init_checkpoint: Annotated[
        Path | None, option("bert_model.ckpt, instead of --encoder.", "FILE", panel=_ENCODER)
    ] = None
    vocab_file: Annotated[
        Path | None, option("vocab.txt, where the encoder has none.", "FILE", panel=_ENCODER)
    ] = None
    do_lower_case: Annotated[
        bool | None,
        option(
            "Whether texts are lower-cased; only where the encoder does not say it itself.",
            "",
            panel=_ENCODER,
            default="as the encoder says",
        ),
    ] = None
    precision: Annotated[
        str,
        option(
            "What is computed in: float32, bfloat16, or auto: bfloat16 only where the CPU has "
            "instructions for it. Weights are float32 always.",
            "P",
            panel=_ENCODER,
        ),
    ] = TrainingSettings.precision


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """What is trained, and how."""

    train_layers: Annotated[
        str,
        option(
            "0: the new output layer alone. k: the top k layers and the pooler too. all: "
            "everything.",
            "0|k|all",
            panel=_TRAINING,
        ),
    ] = str(TrainingSettings.train_layers)
    pooling: Annotated[
        str,
        option(
            "What represents a text: pooled, cls, mean, max, cls+mean, max+mean, cls+max+mean; "
            "cls_last4, mean_last4: four layers side by side; auto: the best of pooled, cls, "
            "mean, cls+mean and mean_last4 (with --train-layers 0).",
            "HOW",
            panel=_OUTPUT_LAYER,
        ),
    ] = TrainingSettings.pooling
    compare_poolings: Annotated[
        bool,
        option(
            "Whether it is said what other representations would score (with --train-layers 0).",
            "",
            panel=_OUTPUT_LAYER,
        ),
    ] = TrainingSettings.compare_poolings
    few_examples: Annotated[
        bool | None,
        option(
            "Whether the output layer is a logistic regression whose penalty cross-validation "
            "chooses, on all texts.",
            "",
            panel=_OUTPUT_LAYER,
            default="with up to 2,000 texts and --train-layers 0",
        ),
    ] = TrainingSettings.few_examples
    max_seq_length: Annotated[
        int,
        option(
            "Tokens of a text, special ones counted; of longer texts, see --truncation and "
            "--windows.",
            "N",
            panel=_LONG_TEXTS,
        ),
    ] = TrainingSettings.max_seq_length
    truncation: Annotated[
        str,
        option(
            "What is kept of a longer text: head, tail, or head+tail: a quarter from its start, "
            "the rest from its end.",
            "PART",
            panel=_LONG_TEXTS,
        ),
    ] = TrainingSettings.truncation
    windows: Annotated[
        str | None,
        option(
            "Read a longer text in windows of --max-seq-length; its logits are the mean or the "
            "max of theirs.",
            "HOW",
            panel=_LONG_TEXTS,
            default="no windows, it is cut",
        ),
    ] = TrainingSettings.windows
    stride: Annotated[
        int,
        option("Tokens that a window shares with the one before it.", "N", panel=_LONG_TEXTS),
    ] = TrainingSettings.stride
    max_windows: Annotated[
        int | None,
        option(
            "Most windows of a text; a longer one is cut to that by --truncation.",
            "N",
            panel=_LONG_TEXTS,
        ),
    ] = TrainingSettings.max_windows
    num_train_epochs: Annotated[
        int | None,
        option(
            "Passes over the training texts.",
            "N",
            panel=_TRAINING,
            default="30 with --train-layers 0, else 3",
        ),
    ] = TrainingSettings.num_train_epochs
    learning_rate: Annotated[
        float | None,
        option(
            "The highest rate of what is trained.",
            "R",
            panel=_TRAINING,
            default="5e-3 with --train-layers 0, else by the width of the encoder",
        ),
    ] = TrainingSettings.learning_rate
    head_learning_rate: Annotated[
        float | None,
        option(
            "The highest rate of the output layer, when layers are trained too.",
            "R",
            panel=_OUTPUT_LAYER,
            default="5 times --learning-rate",
        ),
    ] = TrainingSettings.head_learning_rate
    train_batch_size: Annotated[
        int | None,
        option(
            "Texts of a batch.",
            "N",
            panel=_TRAINING,
            default="16 to 256 with --train-layers 0, else by --max-batch-tokens",
        ),
    ] = TrainingSettings.train_batch_size
    max_batch_tokens: Annotated[
        int, option("Tokens of a batch, without --train-batch-size.", "N", panel=_TRAINING)
    ] = TrainingSettings.max_batch_tokens
    gradient_accumulation_steps: Annotated[
        int, option("Batches that make one update together.", "N", panel=_TRAINING)
    ] = TrainingSettings.gradient_accumulation_steps
    lazy_embeddings: Annotated[
        bool,
        option(
            "Whether rows of the word embeddings wait for their updates until a batch needs them, "
            "with --train-layers all.",
            "",
            panel=_ENCODER,
        ),
    ] = TrainingSettings.lazy_embeddings
    warmup_proportion: Annotated[
        float,
        option(
            "Share of the training in which the rate rises from 0, 0 to 1.", "P", panel=_TRAINING
        ),
    ] = TrainingSettings.warmup_proportion
    schedule: Annotated[
        str, option("How the rate falls: linear, cosine or constant.", "HOW", panel=_TRAINING)
    ] = TrainingSettings.schedule
    layer_decay: Annotated[
        float,
        option(
            "Each layer's rate is this times that of the layer above it, such as 0.9; 1: the same "
            "for all.",
            "D",
            panel=_TRAINING,
        ),
    ] = TrainingSettings.layer_decay
    gradual_unfreezing: Annotated[
        float,
        option(
            "Share of the training in which layers join the output layer, from the top down, 0 to "
            "1; 0: all are trained at once.",
            "P",
            panel=_TRAINING,
        ),
    ] = TrainingSettings.gradual_unfreezing
    ema_decay: Annotated[
        float | None,
        option(
            "Keep the average of the weights over the updates, in which each earlier one counts "
            "this much less, such as 0.999.",
            "D",
            panel=_TRAINING,
            default="no average",
        ),
    ] = TrainingSettings.ema_decay
    optimizer: Annotated[
        str, option("adamw, or google for the original's.", "NAME", panel=_TRAINING)
    ] = TrainingSettings.optimizer
    weight_decay: Annotated[
        float, option("Of all weights but biases and LayerNorm.", "R", panel=_TRAINING)
    ] = TrainingSettings.weight_decay
    dropout: Annotated[
        float,
        option(
            "Share of the representation that is dropped in training, 0 to 0.99.",
            "P",
            panel=_OUTPUT_LAYER,
        ),
    ] = TrainingSettings.dropout
    loss: Annotated[
        str,
        option(
            "What is made small: sigmoid_cross_entropy, focal, asymmetric, "
            "distribution_balanced or zlpr.",
            "NAME",
            panel=_LOSS,
        ),
    ] = TrainingSettings.loss
    focal_gamma: Annotated[
        float,
        option("focal: how much less count answers that are right already.", "R", panel=_LOSS),
    ] = TrainingSettings.focal_gamma
    asl_gamma_neg: Annotated[
        float,
        option("asymmetric: the same for labels that do not apply.", "R", panel=_LOSS),
    ] = TrainingSettings.asl_gamma_neg
    asl_gamma_pos: Annotated[
        float, option("asymmetric: the same for labels that apply.", "R", panel=_LOSS)
    ] = TrainingSettings.asl_gamma_pos
    asl_margin: Annotated[
        float,
        option(
            "asymmetric: labels that do not apply cost nothing below this probability.",
            "P",
            panel=_LOSS,
        ),
    ] = TrainingSettings.asl_margin
    db_alpha: Annotated[
        float, option("distribution_balanced: the least weight.", "R", panel=_LOSS)
    ] = TrainingSettings.db_alpha
    db_beta: Annotated[
        float,
        option(
            "distribution_balanced: how steeply the weight rises for the rarer labels of a text.",
            "R",
            panel=_LOSS,
        ),
    ] = TrainingSettings.db_beta
    db_mu: Annotated[
        float, option("distribution_balanced: where the weight rises.", "R", panel=_LOSS)
    ] = TrainingSettings.db_mu
    db_lambda: Annotated[
        float,
        option(
            "distribution_balanced: how much sooner a label that does not apply is right enough.",
            "R",
            panel=_LOSS,
        ),
    ] = TrainingSettings.db_lambda
    db_kappa: Annotated[
        float,
        option(
            "distribution_balanced: how far up the logits of rare labels stay.", "R", panel=_LOSS
        ),
    ] = TrainingSettings.db_kappa
    label_smoothing: Annotated[
        float,
        option("How far the targets 0 and 1 are drawn to 0.5, 0 to 0.99.", "P", panel=_LOSS),
    ] = TrainingSettings.label_smoothing
    class_weight: Annotated[
        str | None,
        option(
            "Weight of the positives in the loss: balanced, or label=2.5,other=4.",
            "W",
            panel=_LOSS,
            default="1 for all",
        ),
    ] = TrainingSettings.class_weight
    max_class_weight: Annotated[
        float,
        option("The highest weight that --class-weight balanced gives.", "R", panel=_LOSS),
    ] = TrainingSettings.max_class_weight
    standardize: Annotated[
        bool | None,
        option(
            "Whether the features are standardised; the saved layer has it folded in.",
            "",
            panel=_OUTPUT_LAYER,
            default="with --train-layers 0",
        ),
    ] = TrainingSettings.standardize
    prior_bias: Annotated[
        bool,
        option(
            "Whether the bias starts at the log-odds of each label, or at 0.",
            "",
            panel=_OUTPUT_LAYER,
        ),
    ] = TrainingSettings.prior_bias
    early_stopping: Annotated[
        str | None,
        option(
            "Keep the epoch that is best by it on the development texts, such as macro_f1.",
            "METRIC",
            panel=_TRAINING,
            default="keep the last epoch",
        ),
    ] = TrainingSettings.early_stopping
    early_stopping_patience: Annotated[
        int, option("Epochs without a better value before it stops.", "N", panel=_TRAINING)
    ] = TrainingSettings.early_stopping_patience
    baseline: Annotated[
        bool,
        option(
            "Whether TF-IDF with logistic regression is fitted beside the training, for evaluate "
            "to compare with.",
            "",
            panel=_OUTPUT_LAYER,
        ),
    ] = True
    preset: Annotated[
        str | None,
        option(
            "google: optimizer, batches, rate, epochs, bias and thresholds of the original.",
            "NAME",
            panel=_TRAINING,
            default="none",
        ),
    ] = None
    log_dir: Annotated[
        Path | None,
        option(
            "Log of the training: training.csv with a row an epoch, and event files for "
            "TensorBoard.",
            "DIR",
            panel=_TRAINING,
            default="none",
        ),
    ] = None
    seed: Annotated[int, option("The same seed gives the same result.", "N", panel=_TRAINING)] = (
        TrainingSettings.seed
    )


@dataclasses.dataclass(frozen=True)
class SearchOptions:
    """What is tried before the training."""

    search: Annotated[
        bool,
        option(
            "Try many settings of the output layer first, by cross-validation on features that "
            "are computed once, and train with the best.",
            "",
            "--search",
            panel=_SEARCH,
        ),
    ] = False
    search_configurations: Annotated[
        int, option("How many combinations are tried.", "N", panel=_SEARCH)
    ] = Search.configurations
    search_space: Annotated[
        Path | None,
        option(
            "JSON file with what is tried: setting to values.",
            "FILE",
            panel=_SEARCH,
            default="poolings, losses, class weights, decays, dropouts, rates",
        ),
    ] = None
    search_metric: Annotated[
        str | None,
        option("By which they are judged.", "METRIC", panel=_SEARCH, default="--threshold-metric"),
    ] = None

    def parameters(self) -> dict[str, Any]:
        """The keyword argument of `MultiLabelClassifier`.

        Raises:
            SettingsError: if one is given without --search, or cannot be used.
        """
        if not self.search:
            for field in dataclasses.fields(self):
                if getattr(self, field.name) != field.default:
                    name = field.name.replace("_", "-")
                    raise SettingsError(f"--{name} needs --search. Add it, or leave --{name} out.")
            return {"search": None}
        space = None if self.search_space is None else read_space(self.search_space)
        return {
            "search": Search(
                space=space, configurations=self.search_configurations, metric=self.search_metric
            )
        }


@dataclasses.dataclass(frozen=True)
class CacheOptions:
    """Where the values of the frozen layers are kept."""

    cache: Annotated[
        str,
        option(
            "Where the values of the frozen layers are kept, so that a second run on the same "
            "texts is quick: a directory; auto: the user's cache directory, or $MULTILABEL_CACHE; "
            "none: nowhere.",
            "DIR|auto|none",
            panel=_CACHE,
        ),
    ] = "auto"
    cache_limit: Annotated[
        str | None,
        option(
            "Most bytes of the cache, such as 20GB.", "SIZE", panel=_CACHE, default="the disk's"
        ),
    ] = None

    def parameters(self) -> dict[str, Any]:
        """The keyword arguments of `MultiLabelClassifier`.

        Raises:
            SettingsError: if the limit is no size.
        """
        return {
            "cache": None if self.cache == "none" else self.cache,
            "cache_limit": None if self.cache_limit is None else parse_size(self.cache_limit),
        }


@dataclasses.dataclass(frozen=True)
class DecisionOptions:
    """From probabilities to labels."""

    dev_fraction: Annotated[
        float,
        option(
            "Share of the training texts held out to choose thresholds on, where there is no "
            "development table; 0: none, and thresholds of 0.5.",
            "P",
            panel=_DECISIONS,
        ),
    ] = 0.1
    threshold_cv: Annotated[
        int,
        option(
            "Hold nothing out, but choose thresholds by K-fold cross-validation on the cached "
            "features, with --train-layers 0.",
            "K",
            panel=_DECISIONS,
            default="off",
        ),
    ] = 0
    threshold_strategy: Annotated[
        str,
        option("fixed (0.5), global, per_label or per_label_shrunk.", "HOW", panel=_DECISIONS),
    ] = "per_label_shrunk"
    threshold_metric: Annotated[
        str,
        option(
            "What thresholds are chosen for, such as macro_f1, micro_f0.5, "
            "precision_at_recall:0.9, recall_at_precision:0.9 or cost.",
            "METRIC",
            panel=_DECISIONS,
        ),
    ] = "macro_f1"
    costs: Annotated[
        str | None,
        option(
            "With --threshold-metric cost: of a false positive and a false negative, such as 1,5; "
            "or a file with label,false_positive,false_negative.",
            "FP,FN|FILE",
            panel=_DECISIONS,
            default="1,1",
        ),
    ] = None
    calibration: Annotated[
        str,
        option(
            "From logits to probabilities: none, temperature, platt or isotonic, fitted where "
            "thresholds are chosen.",
            "HOW",
            panel=_DECISIONS,
        ),
    ] = "none"
    empty_prediction: Annotated[
        str,
        option(
            "Where no label passes: allow (no label), or top1 (the most probable).",
            "A",
            panel=_DECISIONS,
        ),
    ] = "allow"
    max_labels: Annotated[
        int | None, option("Most labels of a text.", "N", panel=_DECISIONS, default="no limit")
    ] = None
    exclusive_groups: Annotated[
        str | None,
        option(
            "Groups of labels of which a text has exactly one, such as 'low|mid|high;new|old'; or "
            "columns: each categorical column is a group.",
            "G",
            panel=_DECISIONS,
            default="none",
        ),
    ] = None


def classifier_parameters(
    encoder: EncoderOptions, training: TrainingOptions, decisions: DecisionOptions
) -> dict[str, Any]:
    """The keyword arguments of `MultiLabelClassifier`.

    Raises:
        SettingsError: if an option cannot be understood, or has a value that cannot be used.
    """
    parameters = {
        field.name: getattr(group, field.name)
        for group in (encoder, training, decisions)
        for field in dataclasses.fields(group)
    }
    # The same checks in Python speak of None, which is nothing to type.
    if training.preset not in (None, "google"):
        raise SettingsError(f"--preset {training.preset} is unknown. Use google, or leave it out.")
    if decisions.max_labels is not None and decisions.max_labels < 1:
        raise SettingsError(
            f"--max-labels {decisions.max_labels}: expected 1 or more. Leave it out for no limit."
        )
    parameters["train_layers"] = parse_train_layers(training.train_layers)
    parameters["class_weight"] = parse_class_weight(training.class_weight)
    parameters["exclusive_groups"] = parse_exclusive_groups(decisions.exclusive_groups)
    parameters["costs"] = parse_costs(decisions.costs)
    names = [field.name for field in dataclasses.fields(TrainingSettings)]
    # Its checks come here, before the data are read; the classifier makes them again.
    TrainingSettings(**{name: parameters[name] for name in names if name in parameters})
    return parameters


def read_space(path: Path) -> dict[str, Any]:
    """The value of --search-space.

    Raises:
        SettingsError: if there is no such file, or it is no JSON object.
    """
    try:
        space = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"--search-space {path}: {getattr(error, 'strerror', None) or error}. Expected a file "
            'with a JSON object from setting to values, such as {"dropout": [0.1, 0.5]}.'
        ) from None
    if not isinstance(space, dict):
        raise SettingsError(
            f"--search-space {path}: expected a JSON object from setting to values, such as "
            f'{{"dropout": [0.1, 0.5]}}, got {type(space).__name__}.'
        )
    return space


def parse_size(text: str) -> int:
    """The value of --cache-limit, in bytes.

    Raises:
        SettingsError: if it is no size.

    >>> parse_size("20GB"), parse_size("1.5 MiB"), parse_size("0")
    (20000000000, 1572864, 0)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b)?\s*", text, re.IGNORECASE)
    if match is None:
        raise SettingsError(f"--cache-limit {text}: expected a size, such as 500MB or 20GB.")
    power = " kmgt".index((match[2] or " ").lower())
    return int(float(match[1]) * (1024 if match[3] else 1000) ** power)


def parse_train_layers(text: str) -> int | str:
    """The value of --train-layers: a number, or "all".

    Raises:
        SettingsError: if it is neither.
    """
    expected = "0 for the new output layer alone, the number of top layers to train, or all"
    layers = text if text == "all" else whole_number(text, "--train-layers", expected)
    if isinstance(layers, int) and layers < 0:
        raise SettingsError(f"--train-layers {text}: expected {expected}.")
    return layers


def parse_class_weight(text: str | None) -> str | dict[str, float] | None:
    """The value of --class-weight.

    Raises:
        SettingsError: if a weight is no number.

    >>> parse_class_weight("late=2.5,Product=Loan=4")
    {'late': 2.5, 'Product=Loan': 4.0}
    """
    if text is None or text == "balanced":
        return text
    weights = {}
    for part in text.split(","):
        # Labels of categorical columns have a = in their name: the last one counts.
        name, _, value = part.rpartition("=")
        try:
            weights[name.strip()] = float(value)
        except ValueError:
            raise SettingsError(
                f"--class-weight: {part!r} is not understood.{did_you_mean(part, ['balanced'])} "
                "Write label=2.5,other=4, or balanced."
            ) from None
    return weights


def parse_exclusive_groups(text: str | None) -> str | list[list[str]] | None:
    """The value of --exclusive-groups.

    Raises:
        SettingsError: if a group has fewer than two labels.

    >>> parse_exclusive_groups("low|mid|high;new|old")
    [['low', 'mid', 'high'], ['new', 'old']]
    """
    if text is None or text == "columns":
        return text
    groups = [[name.strip() for name in part.split("|")] for part in text.split(";")]
    for group in groups:
        if len(group) < 2 or not all(group):
            raise SettingsError(
                f"--exclusive-groups: {'|'.join(group)!r} is no group of labels. Write two labels "
                "or more with | between them, groups with ; between them, all in quotes: "
                "'low|mid|high;new|old'. Or columns, for each categorical column."
            )
    return groups
