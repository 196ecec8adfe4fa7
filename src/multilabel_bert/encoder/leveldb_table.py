"""Reader of LevelDB's sorted tables, the format of a TensorFlow checkpoint's ``.index`` file."""

from __future__ import annotations

from collections.abc import Iterator

# Source: https://github.com/google/leveldb/blob/main/doc/table_format.md; TensorFlow's copy is
# tensorflow/core/lib/io/table*.cc.
_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
FOOTER_SIZE = 48  # two block handles, padded to 40 bytes, then the magic
_BLOCK_TRAILER_SIZE = 5  # compression type, masked CRC of data and type
_CRC_MASK_DELTA = 0xA282EAD8
_CASTAGNOLI = 0x82F63B78


class TableError(Exception):
    """The bytes are not a sound table; the message says why, without the name of the file."""


def is_table(data: bytes) -> bool:
    """Whether `data` ends as a table does."""
    return len(data) >= FOOTER_SIZE and data[-8:] == _MAGIC


def read_table(data: bytes) -> dict[bytes, bytes]:
    """Read every key and value.

    Args:
        data: the whole file; it is small, some 20 kB for BERT.

    Returns:
        Keys and values in the order of the file.

    Raises:
        TableError: if it is cut off, damaged, or compressed.
    """
    if not is_table(data):
        raise TableError(
            f"its {len(data)} bytes do not end with the mark of a TensorFlow index: it is cut "
            "off, or another kind of file"
        )
    try:
        footer = data[-FOOTER_SIZE:]
        _, position = _handle(footer, 0)  # the meta index, which TensorFlow leaves empty
        index, _ = _handle(footer, position)
        entries: dict[bytes, bytes] = {}
        for _, handle in _block_entries(_block(data, *index)):
            entries.update(_block_entries(_block(data, *_handle(handle, 0)[0])))
    except IndexError:
        raise TableError("a number in it points outside the file: it is damaged") from None
    return entries


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Read a base-128 number; return it and the position behind it.

    >>> read_varint(bytes([0xAC, 0x02]), 0)
    (300, 2)
    """
    result = shift = 0
    while True:
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
        shift += 7


def crc32c(data: bytes) -> int:
    """Cyclic redundancy check with the Castagnoli polynomial.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def masked_crc32c(data: bytes) -> int:
    """LevelDB's stored form of `crc32c`: rotated and shifted, so that it is no CRC of itself."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + _CRC_MASK_DELTA) & 0xFFFFFFFF


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_CASTAGNOLI if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_CRC_TABLE = _crc_table()


def _handle(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    offset, position = read_varint(data, position)
    size, position = read_varint(data, position)
    return (offset, size), position


def _block(data: bytes, offset: int, size: int) -> bytes:
    end = offset + size
    if end + _BLOCK_TRAILER_SIZE > len(data):
        raise TableError("a block reaches beyond its end: it is cut off")
    stored = int.from_bytes(data[end + 1 : end + _BLOCK_TRAILER_SIZE], "little")
    if masked_crc32c(data[offset : end + 1]) != stored:
        raise TableError("a checksum does not match: it is damaged")
    if data[end] != 0:
        raise TableError(
            "its blocks are compressed, as TensorFlow 1.1 and older wrote them, which is not "
            "supported. Load and save the checkpoint once with a newer TensorFlow"
        )
    return data[offset:end]


def _block_entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    # Each entry: length shared with the key before, length of the rest, length of the value.
    # The block ends with the positions of keys written in full, and their count.
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    position, key = 0, b""
    while position < end:
        shared, position = read_varint(block, position)
        rest, position = read_varint(block, position)
        size, position = read_varint(block, position)
        key = key[:shared] + block[position : position + rest]
        position += rest
        yield key, block[position : position + size]
        position += size
