"""Reader of TensorFlow's checkpoint format, V2: an ``.index`` table and ``.data`` shards."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import ml_dtypes
import numpy as np

from multilabel_bert.encoder.leveldb_table import (
    FOOTER_SIZE,
    TableError,
    is_table,
    read_table,
    read_varint,
)
from multilabel_bert.encoder.release_folder import ReleaseFolder
from multilabel_bert.errors import CheckpointError

# tensorflow/core/framework/types.proto
_DTYPES: dict[int, np.dtype] = {
    1: np.dtype("<f4"),
    2: np.dtype("<f8"),
    3: np.dtype("<i4"),
    9: np.dtype("<i8"),
    10: np.dtype("bool"),
    14: np.dtype(ml_dtypes.bfloat16),
    19: np.dtype("<f2"),
}
_OBJECT_GRAPH = b"_CHECKPOINTABLE_OBJECT_GRAPH"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class BundleEntry:
    """Where one tensor is (tensorflow/core/protobuf/tensor_bundle.proto, BundleEntryProto)."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    partitioned: bool


class TensorBundle:
    """The tensors of one checkpoint; only those that are asked for are read.

    Args:
        folder: where the files are.
        prefix: their common name, such as ``bert_model.ckpt``.

    Raises:
        CheckpointError: if the index is missing, damaged, or of another format.
    """

    def __init__(self, folder: ReleaseFolder, prefix: str) -> None:
        self.folder, self.prefix = folder, prefix
        self.label = folder.label(f"{prefix}.index")
        self.shards, self.entries = self._read_index()
        self._data: dict[int, np.ndarray] = {}

    def _read_index(self) -> tuple[int, dict[str, BundleEntry]]:
        names = self.folder.names()
        if f"{self.prefix}.index" not in names:
            self._explain_missing_index(names)
        try:
            table = read_table(self.folder.read_bytes(f"{self.prefix}.index"))
            header = dict(_fields(table.pop(b"", b"")))
            if _OBJECT_GRAPH in table:
                raise CheckpointError(self._object_based())
            # Keys that begin with a zero byte describe slices of partitioned variables.
            entries = {
                key.decode("utf-8"): _entry(value)
                for key, value in table.items()
                if not key.startswith(b"\0")
            }
        except TableError as error:
            raise CheckpointError(f"{self.label} cannot be used: {error}.") from None
        except (IndexError, ValueError, TypeError) as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(
                f"{self.label} cannot be used: an entry cannot be decoded. It is damaged: "
                "download it again."
            ) from None
        if header.get(2, 0) != 0:
            raise CheckpointError(
                f"{self.label} says that its numbers are big endian; only little endian is "
                "supported. Load and save the checkpoint on a little endian machine."
            )
        return _number(header.get(1, 0)), entries

    def _explain_missing_index(self, names: list[str]) -> None:
        if self.prefix in names and is_table(
            self.folder.map_bytes(self.prefix)[-FOOTER_SIZE:].tobytes()
        ):
            raise CheckpointError(
                f"{self.folder.label(self.prefix)} is a checkpoint of TensorFlow's old format "
                "V1, a single file; expected format V2 (.index and .data files). Load it in "
                "TensorFlow and save it with tf.compat.v1.train.Saver."
            )
        raise CheckpointError(
            f"{self.label} does not exist. A TensorFlow checkpoint needs its .index file beside "
            "the .data files."
        )

    def _object_based(self) -> str:
        return (
            f"{self.label} is a TensorFlow 2 object-based checkpoint, whose names depend on the "
            "program that wrote it; expected the variables of Google's original BERT code "
            "(bert/embeddings/word_embeddings ...). Take the TensorFlow 1 release of the same "
            "model, or convert it with transformers and save_pretrained(), and name that directory."
        )

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        return self.entries[name].shape

    def read(self, name: str) -> np.ndarray:
        """Read one tensor; 16-bit floats become float32, other types stay.

        Raises:
            CheckpointError: if a shard is missing or cut off, or the tensor is in a form that
                is not supported; the message names file and tensor.
        """
        entry = self.entries[name]
        if entry.partitioned:
            raise CheckpointError(
                f"{self.label}: {name} is a partitioned variable, stored in slices, which is not "
                "supported. Load and save the checkpoint without a partitioner."
            )
        if entry.dtype not in _DTYPES:
            raise CheckpointError(
                f"{self.label}: {name} has TensorFlow's data type number {entry.dtype}; expected "
                "float32, float16, bfloat16, float64 or integers."
            )
        dtype = _DTYPES[entry.dtype]
        expected = math.prod(entry.shape) * dtype.itemsize
        if entry.size != expected:
            raise CheckpointError(
                f"{self.label}: {name} with shape {list(entry.shape)} needs {expected} bytes, but "
                f"the index says {entry.size}. The file is damaged: download it again."
            )
        data = self._shard(entry.shard, name)
        end = entry.offset + entry.size
        if end > len(data):
            raise CheckpointError(
                f"{self._shard_label(entry.shard)} is cut off: {name} ends at byte {end}, but the "
                f"file has {len(data)}. Download or copy it again."
            )
        # A copy, because in the file a tensor need not begin at a multiple of its item size, and
        # because the file may change under a map.
        array = np.array(data[entry.offset : end]).view(dtype).reshape(entry.shape)
        return array.astype(np.float32) if dtype.itemsize == 2 else array

    def _shard(self, index: int, name: str) -> np.ndarray:
        if index not in self._data:
            file = self._shard_file(index)
            if file not in self.folder.names():
                raise CheckpointError(
                    f"{self._shard_label(index)} does not exist, but {name} is in it. Copy all "
                    f"{self.shards} .data file(s) of the checkpoint beside {self.label}."
                )
            self._data[index] = self.folder.map_bytes(file)
        return self._data[index]

    def _shard_file(self, index: int) -> str:
        return f"{self.prefix}.data-{index:05d}-of-{self.shards:05d}"

    def _shard_label(self, index: int) -> str:
        return self.folder.label(self._shard_file(index))


def _entry(value: bytes) -> BundleEntry:
    fields: dict[int, int | bytes] = {}
    partitioned = False
    for number, content in _fields(value):
        partitioned |= number == 7
        fields[number] = content
    return BundleEntry(
        dtype=_number(fields.get(1, 0)),
        shape=tuple(_shape(fields.get(2, b""))),
        shard=_number(fields.get(3, 0)),
        offset=_number(fields.get(4, 0)),
        size=_number(fields.get(5, 0)),
        partitioned=partitioned,
    )


def _shape(value: int | bytes) -> Iterator[int]:
    if not isinstance(value, bytes):
        raise TypeError("a shape is a message")
    for number, dimension in _fields(value):
        if number == 2 and isinstance(dimension, bytes):
            yield _number(dict(_fields(dimension)).get(1, 0))


def _number(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise TypeError("expected a number")
    return value


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    # The wire format of protocol buffers: https://protobuf.dev/programming-guides/encoding/
    position = 0
    while position < len(message):
        key, position = read_varint(message, position)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, position = read_varint(message, position)
            yield number, value
            continue
        if kind == _BYTES:
            size, position = read_varint(message, position)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        content = message[position : position + size]
        if len(content) != size:
            raise ValueError("cut off")
        position += size
        yield number, content if kind == _BYTES else int.from_bytes(content, "little")
