"""Tiny checkpoints in every published form, written without the libraries that usually do."""

import json
import struct
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.hugging_face_checkpoint import hugging_face_name
from multilabel_bert.encoder.leveldb_table import masked_crc32c
from multilabel_bert.encoder.tensors import expected_tensors

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmno"]
SIZES = {
    "vocab_size": len(PIECES),
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
}
CONFIG = BertConfig(**SIZES, hidden_act="gelu_new")
_DTYPE_NUMBERS = {"float32": 1, "int64": 9, "bfloat16": 14, "float16": 19}


def random_tensors(config=CONFIG, *, pooler=True, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(0, 0.5, shape).astype(np.float32)
        for name, shape in expected_tensors(config, pooler=pooler).items()
    }


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def _block(entries, restart_interval=3):
    out, restarts, before = b"", [], b""
    for index, (key, value) in enumerate(entries):
        shared = 0
        if index % restart_interval == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value))
        out += key[shared:] + value
        before = key
    restarts = restarts or [0]
    return out + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def table_bytes(items, *, entries_per_block=7, compression=0):
    """A LevelDB table with several data blocks."""
    items = sorted(items.items())
    out, index = b"", []

    def add(block):
        nonlocal out
        handle = varint(len(out)) + varint(len(block))
        trailed = block + bytes([compression])
        out += trailed + struct.pack("<I", masked_crc32c(trailed))
        return handle

    for start in range(0, len(items), entries_per_block):
        chunk = items[start : start + entries_per_block]
        index.append((chunk[-1][0], add(_block(chunk))))
    meta = add(_block([]))
    handles = meta + add(_block(index))
    return out + handles.ljust(40, b"\0") + (0xDB4775248B80FB57).to_bytes(8, "little")


def _field(number, value):
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


def entry_bytes(dtype, shape, shard, offset, size, *, slices=False):
    dimensions = b"".join(_field(2, _field(1, n)) for n in shape)
    out = _field(1, dtype) + _field(2, dimensions) + _field(3, shard) + _field(4, offset)
    out += _field(5, size) + varint(6 << 3 | 5) + b"\0\0\0\0"
    return out + (_field(7, b"") if slices else b"")


def write_bundle(prefix, tensors, *, shards=1, endianness=0, partitioned=(), more=None):
    """A TensorFlow checkpoint of format V2."""
    prefix = Path(prefix)
    prefix.parent.mkdir(parents=True, exist_ok=True)
    items = {b"": _field(1, shards) + (_field(2, endianness) if endianness else b"")}
    data = [b""] * shards
    for index, (name, array) in enumerate(sorted(tensors.items())):
        shard = index % shards
        items[name.encode()] = entry_bytes(
            _DTYPE_NUMBERS[array.dtype.name],
            array.shape,
            shard,
            len(data[shard]),
            array.nbytes,
            slices=name in partitioned,
        )
        data[shard] += array.tobytes()
    items |= more or {}
    prefix.with_name(f"{prefix.name}.index").write_bytes(table_bytes(items))
    for shard, content in enumerate(data):
        prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{shards:05d}").write_bytes(content)
    return prefix


def write_vocabulary(directory, pieces=PIECES):
    (directory / "vocab.txt").write_text("".join(f"{p}\n" for p in pieces), encoding="utf-8")


def write_google(directory, tensors=None, *, config=None, name="bert_model.ckpt", extra=None, **kw):
    """A release as Google publishes it; returns the canonical tensors."""
    directory.mkdir(parents=True, exist_ok=True)
    tensors = random_tensors() if tensors is None else tensors
    values = {**SIZES, "hidden_act": "gelu", "directionality": "bidi", **(config or {})}
    (directory / "bert_config.json").write_text(json.dumps(values), encoding="utf-8")
    write_vocabulary(directory)
    variables = {f"bert/{key}": array for key, array in tensors.items()} | (extra or {})
    write_bundle(directory / name, variables, **kw)
    return tensors


def hugging_face_tensors(tensors, prefix=""):
    """Canonical tensors as transformers names and turns them."""
    return {
        prefix + hugging_face_name(name): np.ascontiguousarray(
            array.T if name.endswith("/kernel") else array
        )
        for name, array in tensors.items()
    }


def write_hugging_face(
    directory, tensors=None, *, config=None, prefix="", extra=None, change=None, shards=1
):
    """A model repository as save_pretrained writes it; returns the canonical tensors."""
    directory.mkdir(parents=True, exist_ok=True)
    tensors = random_tensors() if tensors is None else tensors
    values = {**SIZES, "model_type": "bert", "transformers_version": "5", **(config or {})}
    (directory / "config.json").write_text(json.dumps(values), encoding="utf-8")
    write_vocabulary(directory)
    arrays = hugging_face_tensors(tensors, prefix) | (extra or {})
    if change is not None:
        arrays = change(arrays)
    if shards == 1:
        save_file(arrays, directory / "model.safetensors", metadata={"format": "pt"})
        return tensors
    weight_map = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = {name: arrays[name] for name in sorted(arrays)[shard::shards]}
        save_file(part, directory / file)
        weight_map |= dict.fromkeys(part, file)
    index = {"metadata": {}, "weight_map": weight_map}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return tensors


def assert_same_tensors(actual, expected):
    assert list(actual) == list(expected)
    for name, array in expected.items():
        assert actual[name].dtype == np.float32
        assert actual[name].flags.c_contiguous
        np.testing.assert_array_equal(actual[name], array, err_msg=name)
