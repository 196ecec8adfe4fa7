"""Hugging Face's checkpoints: from the tensors of safetensors files to canonical ones."""

# H = hidden size, X = labels

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from multilabel_bert.encoder.classifier_head import ClassifierHead, head_shapes
from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.release_folder import DirectoryFolder, read_json
from multilabel_bert.encoder.tensor_check import FoundTensor, check_tensors
from multilabel_bert.encoder.tensors import POOLER_BIAS, POOLER_KERNEL, expected_tensors
from multilabel_bert.errors import CheckpointError

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"

_PREFIX = "bert."
_HEAD_KERNEL, _HEAD_BIAS = "classifier.weight", "classifier.bias"
# Heads of the pre-training and of question answering; buffers that older versions saved.
_IGNORED = re.compile(r"^(cls|qa_outputs)\.|^embeddings\.(position_ids|token_type_ids)$")
_FLOATS = ("F32", "F16", "BF16", "F64")


def load_hugging_face_tensors(
    directory: Path, config: BertConfig, raw_config: Mapping[str, Any], config_label: str
) -> tuple[dict[str, np.ndarray], ClassifierHead | None]:
    """Read the encoder, and the classifier of a ``BertForSequenceClassification``.

    Args:
        directory: with ``model.safetensors``, or the index of a sharded one.
        config: of the encoder.
        raw_config: the content of ``config.json``, for the names of the labels.
        config_label: how messages name ``config.json``.

    Returns:
        Canonical name to float32 array, kernels [in, out]; and the head or None.

    Raises:
        CheckpointError: if files are missing or damaged, or tensors do not fit `config`.
    """
    spelled = _found_tensors(directory)
    prefix = _PREFIX if any(name.startswith(_PREFIX) for name in spelled) else ""
    has_head = _is_sequence_classifier(raw_config)
    found = {}
    for name, tensor in spelled.items():
        short = _modern_name(name.removeprefix(prefix))
        of_head = short in (_HEAD_KERNEL, _HEAD_BIAS)
        if not _IGNORED.search(short) and (has_head or not of_head):
            found[short] = tensor
    pooler = any(hugging_face_name(name) in found for name in (POOLER_KERNEL, POOLER_BIAS))
    canonical = expected_tensors(config, pooler=pooler)
    expected = {
        # torch.nn.Linear keeps [out, in].
        hugging_face_name(name): shape[::-1] if name.endswith("/kernel") else shape
        for name, shape in canonical.items()
    }
    head = head_shapes(_HEAD_KERNEL, _HEAD_BIAS, found, config.hidden_size)
    check_tensors(
        {**expected, **head},
        found,
        checkpoint=str(directory),
        config=config_label,
        spell=lambda name: name if name in head else prefix + name,
    )
    arrays = _read({**expected, **head}, found)
    tensors = {
        name: _transposed(arrays[hugging_face_name(name)])
        if name.endswith("/kernel")
        else arrays[hugging_face_name(name)]
        for name in canonical
    }
    if not head:
        return tensors, None
    kernel, bias = _transposed(arrays[_HEAD_KERNEL]), arrays[_HEAD_BIAS]
    names = _label_names(raw_config, len(bias), config_label)
    return tensors, ClassifierHead(kernel, bias, names, raw_config.get("problem_type"))


def hugging_face_name(canonical: str) -> str:
    """Spell a canonical name as transformers does, without ``bert.``.

    >>> hugging_face_name("encoder/layer_0/attention/self/query/kernel")
    'encoder.layer.0.attention.self.query.weight'
    """
    name = re.sub(r"layer_(\d+)", r"layer.\1", canonical).replace("/", ".")
    name = re.sub(r"\.(kernel|gamma)$", ".weight", name)
    name = re.sub(r"\.beta$", ".bias", name)
    return f"{name}.weight" if name.endswith("_embeddings") else name


def _modern_name(name: str) -> str:
    # Conversions of 2018 and 2019 kept TensorFlow's names of LayerNorm's parameters.
    name = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", name)
    return re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", name)


def _is_sequence_classifier(raw_config: Mapping[str, Any]) -> bool:
    # BertForTokenClassification and others have a "classifier" too, of another meaning.
    architectures = raw_config.get("architectures") or []
    return not architectures or any(
        str(name).endswith("ForSequenceClassification") for name in architectures
    )


def _found_tensors(directory: Path) -> dict[str, FoundTensor]:
    found: dict[str, FoundTensor] = {}
    for file in _weight_files(directory):
        with _open(file) as handle:
            for name in handle.keys():  # noqa: SIM118 - it is not a dictionary
                shape = tuple(handle.get_slice(name).get_shape())
                found[name] = FoundTensor(name, shape, str(file))
    return found


def _weight_files(directory: Path) -> list[Path]:
    if (directory / WEIGHTS).is_file():
        return [directory / WEIGHTS]
    label = directory / WEIGHTS_INDEX
    index = read_json(DirectoryFolder(directory), WEIGHTS_INDEX)
    weight_map = index.get("weight_map") if isinstance(index, Mapping) else None
    if not isinstance(weight_map, Mapping) or not weight_map:
        raise CheckpointError(
            f"{label} has no weight_map, which says the file of each tensor. It is damaged: "
            "download it again."
        )
    files: dict[Path, None] = {}
    for name, file in weight_map.items():
        # Only the file's own name: an index must not point outside its directory.
        path = directory / Path(str(file)).name
        if not path.is_file():
            raise CheckpointError(
                f"{path} does not exist, but by {label} the tensor {name} is in it. Download "
                "all files of the checkpoint."
            )
        files[path] = None
    return list(files)


def _open(file: Path) -> Any:
    try:
        return safe_open(file, framework="numpy")
    except SafetensorError as error:
        raise CheckpointError(
            f"{file} is cut off or damaged: {_first_lost_tensor(file) or error}. Download or copy "
            "it again."
        ) from None
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read: {error}.") from None


def _first_lost_tensor(file: Path) -> str | None:
    # The library does not say which tensor is lost. Format: the header's size as uint64, a JSON
    # header, and the data at offsets that count from the end of the header.
    with file.open("rb") as handle:
        size = int.from_bytes(handle.read(8), "little")
        total = file.stat().st_size
        if size > total - 8:
            return None
        try:
            header = json.loads(handle.read(size))
            ends = {
                name: 8 + size + entry["data_offsets"][1]
                for name, entry in header.items()
                if name != "__metadata__"
            }
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            return None
    lost = [name for name, end in ends.items() if end > total]
    if not lost:
        return None
    name = min(lost, key=ends.__getitem__)
    return f"the tensor {name} ends at byte {ends[name]}, but the file has {total}"


def _read(names: Mapping[str, Any], found: Mapping[str, FoundTensor]) -> dict[str, np.ndarray]:
    arrays = {}
    for file in dict.fromkeys(found[name].file for name in names):
        with _open(Path(file)) as handle:
            for name in names:
                tensor = found[name]
                if tensor.file != file:
                    continue
                kind = handle.get_slice(tensor.name).get_dtype()
                if kind not in _FLOATS:
                    raise CheckpointError(
                        f"{file}: {tensor.name} has the data type {kind}; expected one of "
                        f"{', '.join(_FLOATS)}. It is quantised: take the original release."
                    )
                arrays[name] = handle.get_tensor(tensor.name).astype(np.float32, copy=False)
    return arrays


def _transposed(kernel: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(kernel.T)  # [out, in] -> [in, out]


def _label_names(
    raw_config: Mapping[str, Any], labels: int, config_label: str
) -> tuple[str, ...] | None:
    names = raw_config.get("id2label")
    if names is None:
        return None
    if not isinstance(names, Mapping) or set(map(str, names)) != set(map(str, range(labels))):
        raise CheckpointError(
            f"{config_label}: id2label must name the labels 0 to {labels - 1}, because the "
            f"classifier has {labels} outputs; got {names!r:.200}."
        )
    by_index = {int(index): str(name) for index, name in names.items()}
    return tuple(by_index[index] for index in range(labels))
