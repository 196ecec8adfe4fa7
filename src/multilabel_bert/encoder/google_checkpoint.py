"""Google's checkpoints: from the variables of google-research/bert to canonical tensors."""

# H = hidden size, X = labels

from __future__ import annotations

import re

import numpy as np

from multilabel_bert.encoder.classifier_head import ClassifierHead, head_shapes
from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.release_folder import ReleaseFolder
from multilabel_bert.encoder.tensor_bundle import TensorBundle
from multilabel_bert.encoder.tensor_check import FoundTensor, check_tensors
from multilabel_bert.encoder.tensors import POOLER_BIAS, POOLER_KERNEL, expected_tensors
from multilabel_bert.errors import CheckpointError

_PREFIX = "bert/"
_HEAD_KERNEL, _HEAD_BIAS = "output_weights", "output_bias"

# What training leaves beside the model: heads of the pre-training and of SQuAD (cls/), counters,
# loss scaling, and the optimizers' slots, which are named after the variable they belong to.
_IGNORED = re.compile(
    r"^cls/"
    r"|^(global_step|beta[12]_power|loss_scale|current_loss_scale|good_steps)$"
    r"|/(adam_m|adam_v|Adam|Adam_1|lamb_m|lamb_v|LAMB|LAMB_1|Momentum|ExponentialMovingAverage)$"
)


def load_google_tensors(
    folder: ReleaseFolder, prefix: str, config: BertConfig, config_label: str
) -> tuple[dict[str, np.ndarray], ClassifierHead | None]:
    """Read the encoder, and the classifier if it was fine-tuned.

    Args:
        folder: where the checkpoint is.
        prefix: its name without ``.index``.
        config: of the encoder.
        config_label: how messages name the configuration.

    Returns:
        Canonical name to float32 array, and the head with ``output_weights`` transposed to
        [H, X], or None.

    Raises:
        CheckpointError: if files are missing or damaged, or tensors do not fit `config`.
    """
    bundle = TensorBundle(folder, prefix)
    found = {
        name.removeprefix(_PREFIX): FoundTensor(name, bundle.shape(name), bundle.label)
        for name in bundle.entries
        if not _IGNORED.search(name)
    }
    pooler = POOLER_KERNEL in found or POOLER_BIAS in found
    expected = expected_tensors(config, pooler=pooler)
    head = head_shapes(_HEAD_KERNEL, _HEAD_BIAS, found, config.hidden_size)
    check_tensors(
        {**expected, **head},
        found,
        checkpoint=folder.label(prefix),
        config=config_label,
        spell=lambda name: name if name in head else _PREFIX + name,
    )
    tensors = {name: _read(bundle, found[name].name) for name in expected}
    if not head:
        return tensors, None
    kernel = np.ascontiguousarray(_read(bundle, _HEAD_KERNEL).T)  # [X, H] -> [H, X]
    return tensors, ClassifierHead(kernel, _read(bundle, _HEAD_BIAS))


def _read(bundle: TensorBundle, name: str) -> np.ndarray:
    array = bundle.read(name)
    if not np.issubdtype(array.dtype, np.floating):
        raise CheckpointError(
            f"{bundle.label}: {name} holds {array.dtype} numbers; expected float32, float16 or "
            "bfloat16. It is no BERT, or quantised: take the original release."
        )
    return array.astype(np.float32, copy=False)
