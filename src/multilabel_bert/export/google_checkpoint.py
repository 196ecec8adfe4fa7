"""Export as Google's code writes it: a TensorFlow 1 checkpoint, bert_config.json, vocab.txt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.tensors import POOLER_KERNEL, expected_tensors
from multilabel_bert.errors import SettingsError
from multilabel_bert.export.writing import GRAPH_FORMATS, Export, Target, as_model, write_export
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.optional import import_optional

CHECKPOINT = "bert_model.ckpt"
# Google's modeling.py: its "gelu" is the tanh approximation, and its epsilon is a constant.
_ACTIVATIONS = {
    "gelu_new": "gelu",
    "gelu_pytorch_tanh": "gelu",
    "gelu": "gelu",
    "relu": "relu",
    "tanh": "tanh",
}
_LAYER_NORM_EPS = 1e-12
_KEYS = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "max_position_embeddings",
    "type_vocab_size",
    "initializer_range",
)


def to_google(
    model: Any, output: str | Path, *, overwrite: bool = False, approximate: bool = False
) -> Export:
    """Write ``bert_model.ckpt.*`` with ``output_weights``, ``bert_config.json``, ``vocab.txt``.

    The reverse of loading one: variables are called as google-research/bert calls them, and
    ``run_classifier.py``'s model takes them by ``--init_checkpoint``. A calibration goes into the
    weights of the head.

    Args:
        model: a model directory, a `Predictor`, or a trained `MultiLabelClassifier`; with
            ``pooling="pooled"``.
        output: a new directory.
        overwrite: whether an older export may be replaced.
        approximate: whether an encoder is written too that Google's code computes a little
            otherwise: with the exact GELU (its own is the tanh approximation), or another
            epsilon in LayerNorm than 1e-12.

    Raises:
        MissingExtraError: if TensorFlow is not installed.
        SettingsError: if Google's code cannot compute the model.
        WriteError: if something is at `output`.

    Source: google-research/bert, modeling.py and run_classifier.py.
    """
    classifier = as_model(model)
    note = _difference(classifier, approximate)
    tensorflow: Any = import_optional(
        "tensorflow", extra="train", purpose="an export to Google's checkpoint format"
    )

    def write(folded: ClassifierModel, directory: Path) -> None:
        tokenizer = folded.tokenizer
        config = _google_config(folded.config, tokenizer.vocab_size)
        text = json.dumps(config, indent=2, sort_keys=True)
        (directory / "bert_config.json").write_text(text + "\n", encoding="utf-8")
        (directory / "vocab.txt").write_text(
            tokenizer.to_files(folded.max_seq_length)["vocab.txt"], encoding="utf-8", newline="\n"
        )
        variables = _variables(folded)
        tensorflow.raw_ops.SaveV2(
            prefix=str(directory / CHECKPOINT),
            tensor_names=list(variables),
            shape_and_slices=[""] * len(variables),
            tensors=[tensorflow.constant(value) for value in variables.values()],
        )
        # By this file tf.train.latest_checkpoint finds it.
        state = f'model_checkpoint_path: "{CHECKPOINT}"\n'
        (directory / "checkpoint").write_text(state, encoding="utf-8")

    lower = classifier.tokenizer.do_lower_case
    notes = (f"--do_lower_case={lower}: no file of this format says it",)
    return write_export(
        classifier,
        output,
        Target("google", in_weights=True),
        write,
        overwrite=overwrite,
        notes=notes if note is None else (*notes, note),
        lower=lower,
        length=classifier.max_seq_length,
    )


def _difference(model: ClassifierModel, approximate: bool) -> str | None:
    """What Google's code computes otherwise, without a full stop; None if nothing."""
    if model.pooling != "pooled":
        raise SettingsError(
            f"google: the representation is {model.pooling!r}, but run_classifier.py's head is on "
            f"the pooled output. Export to {', '.join(GRAPH_FORMATS)}."
        )
    config = model.config
    if config.hidden_act not in _ACTIVATIONS:
        raise SettingsError(
            f"google: the encoder's hidden_act is {config.hidden_act!r}, which Google's code does "
            f"not have. Export to {', '.join(GRAPH_FORMATS)} or huggingface."
        )
    found = [
        text
        for text, there in (
            ('the exact GELU, but Google\'s "gelu" is the tanh form', config.hidden_act == "gelu"),
            (
                f"layer_norm_eps={config.layer_norm_eps:g}, but Google's is the constant 1e-12",
                config.layer_norm_eps != _LAYER_NORM_EPS,
            ),
        )
        if there
    ]
    if not found:
        return None
    what = f"the encoder has {' and '.join(found)}: probabilities differ a little"
    if not approximate:
        raise SettingsError(
            f"google: {what}. Write it all the same with approximate=True in Python, --force on "
            f"the command line; or export to {', '.join(GRAPH_FORMATS)} or huggingface."
        )
    return what[0].upper() + what[1:]


def _google_config(config: BertConfig, vocab_size: int) -> dict[str, Any]:
    values = config.to_dict()
    return {
        **{key: values[key] for key in _KEYS},
        "vocab_size": vocab_size,
        "hidden_act": _ACTIVATIONS[config.hidden_act],
    }


def _variables(model: ClassifierModel) -> dict[str, np.ndarray]:
    """Google's names to arrays, sorted by name as the format wants them."""
    # Rows beyond the vocabulary, which some tables on the hub are padded with, are never read.
    words, pieces = "embeddings/word_embeddings", model.tokenizer.vocab_size
    variables = {
        f"bert/{name}": model.tensors[name][:pieces] if name == words else model.tensors[name]
        for name in expected_tensors(model.config, pooler=POOLER_KERNEL in model.tensors)
    }
    variables["output_weights"] = np.ascontiguousarray(model.kernel.T)  # [X, H]
    variables["output_bias"] = model.bias
    return dict(sorted(variables.items()))
