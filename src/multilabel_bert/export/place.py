"""Where an export goes: a directory, or one file with its companions; whole or not at all."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from multilabel_bert.errors import WriteError
from multilabel_bert.export.labels_file import LABELS_FILE, MARK
from multilabel_bert.files import atomic_directory, explain_os_errors

_MEND = "overwrite=True in Python, --overwrite on the command line"


def is_file_name(output: Path, main_file: str | None) -> bool:
    """Whether an output is the model's file itself: its name ends as that of `main_file`."""
    return main_file is not None and output.suffix == Path(main_file).suffix != ""


def check_place(output: Path, main_file: str | None, *, overwrite: bool = False) -> None:
    """Refuse a place before the work is done, not after.

    Args:
        output: a directory, or a file named as the format names it.
        main_file: the file that holds the model, where a format has one.
        overwrite: whether an older export may be replaced; nothing else ever is.

    Raises:
        WriteError: if something is there that may not be replaced.
    """
    with explain_os_errors(output):
        if not output.exists() or (output.is_dir() and not any(output.iterdir())):
            return
        is_file = is_file_name(output, main_file)
        if is_file != output.is_file():
            found = "a file" if output.is_file() else "a directory"
            raise WriteError(f"{output} is {found} already. Choose another output.")
        if not is_export(output):
            raise WriteError(
                f"{output} exists and is no export of this program, so it is never overwritten. "
                "Choose another output."
            )
    if not overwrite:
        raise WriteError(
            f"{output} holds an export already. Choose another output, or allow it to be "
            f"replaced: {_MEND}."
        )


def is_export(path: Path) -> bool:
    """Whether a directory, or a file by what lies beside it, was written by an export."""
    file = path / LABELS_FILE if path.is_dir() else labels_beside(path)
    try:
        return MARK in json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def labels_beside(file: Path) -> Path:
    """The labels of an export that is one file.

    >>> labels_beside(Path("a/topics.onnx")).name
    'topics.labels.json'
    """
    return file.with_name(f"{file.stem}.{LABELS_FILE}")


@contextlib.contextmanager
def written_place(output: Path, main_file: str | None, *, overwrite: bool) -> Iterator[Path]:
    """Yield a temporary directory whose content becomes the output when the block succeeds.

    Where the output is one file, only what is called as it, its suffix aside, is kept, and the
    labels; the tokenizer is not.

    Raises:
        WriteError: as `check_place`, or if the file system refuses.
    """
    check_place(output, main_file, overwrite=overwrite)
    if main_file is None or not is_file_name(output, main_file):
        with atomic_directory(output, overwrite=True) as directory:
            yield directory
        return
    with explain_os_errors(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{output.name}.", suffix=".part", dir=output.parent
        ) as name:
            directory = Path(name)
            yield directory
            (directory / LABELS_FILE).rename(directory / labels_beside(output).name)
            # The main file comes last: where it is, all of the export is.
            for path in sorted(directory.iterdir(), key=lambda path: path.name == output.name):
                if path.name.startswith(f"{output.stem}."):
                    path.replace(output.with_name(path.name))
