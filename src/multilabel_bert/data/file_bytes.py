"""The bytes of a data file: found, unpacked, and turned into UTF-8."""

from __future__ import annotations

import codecs
import gzip
import zlib
from pathlib import Path
from typing import BinaryIO

from multilabel_bert.data.option_hints import listed, option
from multilabel_bert.errors import DataError, SettingsError, did_you_mean

GZIP_MAGIC = b"\x1f\x8b"
PARQUET_MAGIC = b"PAR1"
_ZIP_MAGIC = b"PK\x03\x04"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its first two bytes are the same
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Decoded at once: one emoji makes a text four times as large in memory as its file.
_PIECE = 16 * 2**20
_SUGGESTED_ENCODINGS = ["cp1252", "latin-1", "utf-16", "gb18030", "shift_jis", "cp1251"]


def check_file(path: Path) -> None:
    """Check that `path` is a file that can be read.

    Raises:
        DataError: if it is missing (with near matches), or a directory, or not permitted.
    """
    if path.is_file():
        return
    if path.is_dir():
        names = sorted(entry.name for entry in path.iterdir() if entry.is_file())
        raise DataError(
            f"{path} is a directory, where one file is expected. "
            f"Its files: {listed(names) or 'none'}. Name one of them."
        )
    if not path.parent.is_dir():
        raise DataError(f"{path}: no such file; the directory {path.parent} does not exist either.")
    names = sorted(
        entry.name
        for entry in path.parent.iterdir()
        if entry.is_file() and not entry.name.startswith(".")
    )
    hint = (
        did_you_mean(path.name, names)
        or f" The files of {path.parent.resolve()} are {listed(names) or 'none'}."
    )
    raise DataError(f"{path}: no such file.{hint}")


def open_unpacked(path: Path) -> BinaryIO:
    """Open a file for reading, through gzip where its first bytes say so.

    Raises:
        DataError: if it is missing, a directory, not readable, or an archive of another kind.
    """
    check_file(path)
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
        if magic.startswith(GZIP_MAGIC):
            return gzip.open(path, "rb")  # type: ignore[return-value]
        check_not_archive(magic, str(path))
        return path.open("rb")
    except PermissionError:
        raise DataError(f"{path}: permission denied. Choose a file you may read.") from None


def check_not_archive(start: bytes, source: str) -> None:
    """Refuse Excel workbooks and zip archives, with the way out.

    Raises:
        DataError: if the first bytes are those of a zip archive.
    """
    if start.startswith(_ZIP_MAGIC):
        what = "an Excel workbook" if source.lower().endswith((".xlsx", ".xlsm")) else "a zip file"
        raise DataError(
            f"{source} is {what}, not a table in text or Parquet. Expected CSV, TSV, JSONL or "
            "Parquet, also with .gz: "
            + ("save it as 'CSV UTF-8'." if "Excel" in what else "unpack it first.")
        )


def read_unpacked(path: Path) -> bytes:
    """Return all bytes of a file, unpacked.

    Raises:
        DataError: as `open_unpacked`; if it is empty; if a gzip file is damaged.
    """
    with open_unpacked(path) as stream:
        try:
            data = stream.read()
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise damaged_gzip(str(path), error) from None
    if not data:
        raise empty_file(str(path))
    return data


def damaged_gzip(source: str, error: Exception) -> DataError:
    """Return the error for a gzip file that ends early or has wrong sums."""
    return DataError(f"{source}: the gzip file is damaged ({error}). Fetch or write it again.")


def empty_file(source: str) -> DataError:
    """Return the error for a file without any row."""
    return DataError(f"{source} is empty. Expected a table with a column of texts, one row a text.")


def encoding_of(start: bytes, encoding: str | None) -> str:
    """Return the codec for a file that starts with `start`: what the user or its BOM says.

    Raises:
        SettingsError: if `encoding` is not one that Python knows.
    """
    if encoding is not None:
        try:
            name = codecs.lookup(encoding).name
        except LookupError:
            known = [*_SUGGESTED_ENCODINGS, "utf-8"]
            raise SettingsError(
                f"Unknown encoding {encoding!r}.{did_you_mean(encoding, known)} "
                f"Examples: {', '.join(known)}."
            ) from None
        return "utf-8-sig" if name == "utf-8" else name
    return next((name for bom, name in _BOMS if start.startswith(bom)), "utf-8-sig")


def to_utf8(data: bytes, source: str, encoding: str | None) -> bytes:
    """Return the text of a file as UTF-8 without BOM, line ends untouched.

    Raises:
        DataError: at the first byte that is not of the encoding, with its place.
    """
    codec = encoding_of(data[:4], encoding)
    is_utf8 = codec == "utf-8-sig"
    try:
        text = _checked_utf8(data) if is_utf8 else data.decode(codec)
    except UnicodeDecodeError as error:
        raise wrong_encoding(source, codec, data, error.start, 0, 0) from None
    if "\0" in text[:4096]:
        raise DataError(
            f"{source} holds NUL bytes, so it is not a text file in {_plain(codec)}. If it is "
            f"UTF-16, say {option('encoding', 'utf-16-le')}."
        )
    return data.removeprefix(codecs.BOM_UTF8) if is_utf8 else text.encode("utf-8")


def _checked_utf8(data: bytes) -> str:
    """The start of the text; all of it is decoded, but never held at once.

    Raises:
        UnicodeDecodeError: at the first byte that is not UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    start = decoder.decode(data[:_PIECE], final=len(data) <= _PIECE)
    try:
        for place in range(_PIECE, len(data), _PIECE):
            decoder.decode(data[place : place + _PIECE], final=place + _PIECE >= len(data))
    except UnicodeDecodeError:
        data.decode("utf-8")  # tells the place in all of it
        raise
    return start


def wrong_encoding(
    source: str, codec: str, data: bytes, position: int, bytes_before: int, lines_before: int
) -> DataError:
    """Return the error for a byte that is not of the encoding.

    Args:
        source: the file, as the user named it.
        codec: the encoding it was read with.
        data: a piece of the file.
        position: of the wrong byte in `data`.
        bytes_before: bytes of the file before `data`.
        lines_before: line ends of the file before `data`.
    """
    line = lines_before + data.count(b"\n", 0, position) + 1
    around = data[max(0, position - 20) : position + 20]
    shown = around.decode("cp1252", errors="replace")
    return DataError(
        f"{source} line {line}: byte 0x{data[position]:02x} at position "
        f"{bytes_before + position} is not {_plain(codec)}. In cp1252 (Windows, Western "
        f"Europe) the place reads {shown!r}; if that is right, say "
        f"{option('encoding', 'cp1252')}. Others: {', '.join(_SUGGESTED_ENCODINGS[1:])}."
    )


def _plain(codec: str) -> str:
    return "UTF-8" if codec == "utf-8-sig" else codec
