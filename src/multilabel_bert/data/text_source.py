"""A file, a pipe or a stream, as lines of text in bounded memory."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from multilabel_bert.data.file_bytes import (
    GZIP_MAGIC,
    check_not_archive,
    damaged_gzip,
    encoding_of,
    open_unpacked,
    wrong_encoding,
)

_CHUNK_BYTES = 1 << 20


class TextSource:
    """Where texts come from: a path, or an open stream such as ``sys.stdin``.

    Attributes:
        name: for messages.
        path: the file; None for a stream.
        start: the first bytes, unpacked.
    """

    def __init__(self, source: str | Path | IO[Any], encoding: str | None) -> None:
        self.path = Path(source) if isinstance(source, (str, Path)) else None
        self.start = b""
        self._encoding = encoding
        self._text: IO[str] | None = None
        if isinstance(source, (str, Path)):
            self.name = str(source)
            stream: Any = open_unpacked(Path(source))
        else:
            self.name = _stream_name(source)
            # sys.stdin has decoded its bytes by the locale; the bytes below are as they came.
            stream = getattr(source, "buffer", source)
            if isinstance(stream, io.TextIOBase):
                self._text = source
                return
        try:
            self.start = stream.read(4)
            self._bytes: Any = _Pushed(self.start, stream)
            if self.path is None and self.start.startswith(GZIP_MAGIC):
                packed: Any = self._bytes
                unpacked = gzip.GzipFile(fileobj=packed)
                self.start = unpacked.read(4)
                self._bytes = _Pushed(self.start, unpacked)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise damaged_gzip(self.name, error) from None
        check_not_archive(self.start, self.name)

    def read_all(self) -> bytes:
        """Return the rest as bytes (UTF-8 if the stream gave text)."""
        if self._text is not None:
            return self._text.read().encode("utf-8")
        try:
            return bytes(self._bytes.read())
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise damaged_gzip(self.name, error) from None

    def lines(self) -> Iterator[str]:
        """Yield the rest line by line, with line ends, without a byte order mark.

        Raises:
            DataError: at the first byte that is not of the encoding, with its place.
        """
        if self._text is not None:
            yield from self._text
            return
        codec = encoding_of(self.start, self._encoding)
        decoder = codecs.getincrementaldecoder(codec)()
        bytes_before = lines_before = 0
        rest = ""
        while True:
            try:
                chunk = self._bytes.read(_CHUNK_BYTES)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise damaged_gzip(self.name, error) from None
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                # The decoder may have kept some bytes of the chunk before.
                before = bytes_before - (len(error.object) - len(chunk))
                raise wrong_encoding(
                    self.name, codec, error.object, error.start, before, lines_before
                ) from None
            bytes_before += len(chunk)
            lines_before += text.count("\n")
            *whole, rest = (rest + text).split("\n")
            for line in whole:
                yield line + "\n"
            if not chunk:
                break
        if rest:
            yield rest

    def close(self) -> None:
        """Close the file; a stream that was given stays open."""
        if self.path is not None:
            self._bytes.stream.close()


def _stream_name(stream: IO[Any]) -> str:
    name = getattr(stream, "name", None)
    if name in ("<stdin>", 0):
        return "standard input"
    return name if isinstance(name, str) else "the stream"


class _Pushed:
    """A stream of bytes with some that were read already put back in front."""

    def __init__(self, start: bytes, stream: Any) -> None:
        self.stream = stream
        self._start = start

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, fewer where a pipe has no more yet; b"" at the end."""
        if self._start:
            if size < 0:
                start, self._start = self._start, b""
                return start + bytes(self.stream.read())
            start, self._start = self._start[:size], self._start[size:]
            return start
        if size >= 0 and hasattr(self.stream, "read1"):
            return bytes(self.stream.read1(size))
        return bytes(self.stream.read(size))
