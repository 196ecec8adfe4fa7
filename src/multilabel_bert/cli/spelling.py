"""How options are spelled: those of run_classifier.py on the way in, Python's on the way out."""

from __future__ import annotations

import re
from collections.abc import Iterable

from multilabel_bert.errors import SettingsError

_YES, _NO = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")

# Names in the messages of the library that the command line calls otherwise.
_OTHER_NAMES = {
    "metric": "threshold_metric",
    "strategy": "threshold_strategy",
    "labels_file": "labels",
}

_OWN_COMMANDS = "train, evaluate and predict are commands of their own"
_ONE_DEVICE = "the machine's processors are used as they are"
# Flags of Google's run_classifier.py that have no counterpart, and what stands in their place.
GOOGLE_FLAGS = {
    "--do-train": _OWN_COMMANDS,
    "--do-eval": _OWN_COMMANDS,
    "--do-predict": _OWN_COMMANDS,
    "--task-name": "columns and labels are found in the table, or named with --label-columns",
    "--eval-batch-size": "texts are batched by their tokens",
    "--predict-batch-size": "texts are batched by their tokens",
    "--save-checkpoints-steps": "the state is kept after each epoch, for --resume",
    "--iterations-per-loop": "the model is saved once, at the end or at Ctrl-C",
    "--use-tpu": _ONE_DEVICE,
    "--tpu-name": _ONE_DEVICE,
    "--tpu-zone": _ONE_DEVICE,
    "--gcp-project": _ONE_DEVICE,
    "--master": _ONE_DEVICE,
    "--num-tpu-cores": _ONE_DEVICE,
}


def dashed(name: str) -> str:
    """The name of an option with dashes.

    >>> dashed("max_seq_length")
    'max-seq-length'
    """
    return name.replace("_", "-")


def with_bare_flags(arguments: Iterable[str]) -> list[str]:
    """Spell ``--do_lower_case=False``, as absl's flags allow it, as a flag without a value.

    Raises:
        SettingsError: if the value is neither true nor false.

    >>> with_bare_flags(["--do_lower_case=False", "--do-lower-case=1", "a.csv"])
    ['--no-do-lower-case', '--do-lower-case', 'a.csv']
    """
    return [_bare_flag(argument) for argument in arguments]


def _bare_flag(argument: str) -> str:
    match = re.fullmatch(r"--do[-_]lower[-_]case=(.*)", argument, re.DOTALL)
    if match is None:
        return argument
    if match[1].lower() in _YES:
        return "--do-lower-case"
    if match[1].lower() in _NO:
        return "--no-do-lower-case"
    raise SettingsError(f"--do-lower-case: expected True or False, got {match[1]!r}.")


def as_typed(message: str, names: Iterable[str]) -> str:
    """Spell the parameters in a message of the library as the command line does.

    Args:
        message: of an error.
        names: of the command's parameters, with underscores.

    >>> as_typed("dropout=2.0 must be at most 0.99; warmup_proportion=1 is fine.",
    ...          ["dropout", "warmup_proportion"])
    '--dropout 2.0 must be at most 0.99; --warmup-proportion 1 is fine.'
    >>> as_typed("say --empty-text drop (in Python empty_text='drop').", ["empty_text"])
    'say --empty-text drop.'
    >>> as_typed("data/max_seq_length.csv lacks 'text_column'", ["max_seq_length", "text_column"])
    "data/max_seq_length.csv lacks 'text_column'"
    """
    message = re.sub(r" \(in Python [^()]*\)", "", message)
    message = re.sub(r"\S+ in Python, (--[\w-]+) on the command line", r"\1", message)
    names = set(names)
    names |= {other for other, name in _OTHER_NAMES.items() if name in names}
    if not names:
        return message
    # Not inside a path or quotes; without a value only names that are no plain English words.
    edge = r"(?<![\w/\\.'\"-])"
    one_of = "|".join(sorted(names, key=len, reverse=True))
    message = re.sub(
        rf"{edge}({one_of})=('[^']*'|[^\s,;:)]+?)(?=[\s,;:)]|\.?\s|\.?$)", _typed, message
    )
    several = "|".join(sorted((n for n in names if "_" in n), key=len, reverse=True))
    if not several:
        return message
    return re.sub(
        rf"{edge}({several})(?=[\s,;:)]|\.\s|\.$|$)", lambda match: _option(match[1]), message
    )


def _typed(match: re.Match[str]) -> str:
    name, value = match[1], match[2]
    if value == "True":
        return _option(name)
    if value == "False":
        return _option(f"no_{name}")
    bare = value[1:-1] if value.startswith("'") and value[1:-1].strip() else value
    return f"{_option(name)} {bare}"


def _option(name: str) -> str:
    return f"--{dashed(_OTHER_NAMES.get(name, name))}"
