"""What is done with texts longer than a sequence: which part is kept, or windows over all of it."""

# N = texts, W = windows of all texts, X = labels

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from multilabel_bert.errors import SettingsError, did_you_mean

TRUNCATIONS = ("head", "tail", "head+tail")
WINDOW_POOLINGS = ("mean", "max")
# Sun et al. 2019, section 5.3.1, table 2: the first 128 and the last 382 of 510 tokens.
HEAD_SHARE = 128 / 510


@dataclass(frozen=True)
class LongTexts:
    """What is done with a text of more tokens than ``max_seq_length``.

    It is cut to one sequence, or, with `windows`, read in several: each window is a sequence of its
    own, ``[CLS] … [SEP]``, and gives logits of its own, of which those of the text are the mean or,
    label by label, the maximum. With a linear head the mean is the head on the mean of the
    windows' representations.

    Attributes:
        truncation: what is kept of a text that is cut: its ``"head"``, its ``"tail"``, or
            ``"head+tail"``, a quarter from its start and the rest from its end.
        windows: ``"mean"`` or ``"max"``, how the logits of the windows become one; None: no
            windows.
        stride: tokens that a window shares with the one before it, as Hugging Face's tokenizers
            count it.
        max_windows: of a text; a longer one is cut to that by `truncation`. None: no limit.

    Source: Sun et al. 2019, "How to fine-tune BERT for text classification?", arXiv:1905.05583,
    section 5.3.1, for what is kept; windows as `return_overflowing_tokens` in transformers.
    """

    truncation: str = "head"
    windows: str | None = None
    stride: int = 0
    max_windows: int | None = 16

    def check(self, max_seq_length: int) -> None:
        """Refuse what cannot be done with sequences of that length.

        Raises:
            SettingsError: for the first value that cannot be used.
        """
        for name, value, known in (
            ("truncation", self.truncation, TRUNCATIONS),
            ("windows", self.windows, (*WINDOW_POOLINGS, None)),
        ):
            if value not in known:
                names = [name for name in known if name is not None]
                raise SettingsError(
                    f"{name}={value!r} is unknown.{did_you_mean(str(value), names)} Use one of "
                    f"{', '.join(names)}."
                )
        _check_whole("stride", self.stride, 0)
        if self.max_windows is not None:
            _check_whole("max_windows", self.max_windows, 1)
        if self.windows is None:
            for name in ("stride", "max_windows"):
                if getattr(self, name) != _DEFAULTS[name]:
                    raise SettingsError(
                        f"{name}={getattr(self, name)} needs windows, but there are none. Set "
                        "windows='mean' or windows='max'."
                    )
        elif self.overlap(max_seq_length - 2) < self.stride:
            raise SettingsError(
                f"stride={self.stride} is more than half of what a window of "
                f"max_seq_length={max_seq_length} holds: every token would be read several times. "
                f"Use at most {max(0, max_seq_length - 2) // 2}."
            )

    @property
    def is_plain(self) -> bool:
        """Whether texts are cut at their end, as BERT's code does it."""
        return self.windows is None and self.truncation == "head"

    def keep(self, ids: list[int], room: int) -> list[int]:
        """What is kept of a text that must fit `room` tokens.

        >>> LongTexts("head+tail").keep(list(range(100)), 8)
        [0, 1, 94, 95, 96, 97, 98, 99]
        """
        if len(ids) <= room:
            return ids
        head = {"head": room, "tail": 0}.get(self.truncation, round(room * HEAD_SHARE))
        return ids[:head] + ids[len(ids) - (room - head) :]

    def overlap(self, room: int) -> int:
        """Tokens that windows of `room` tokens share: less where a second text leaves little."""
        return min(self.stride, room // 2)

    def split(self, ids: list[int], room: int) -> list[list[int]]:
        """The windows of a text, each of at most `room` tokens; an empty text has one.

        >>> LongTexts(windows="mean", stride=1).split([1, 2, 3, 4, 5, 6], 3)
        [[1, 2, 3], [3, 4, 5], [5, 6]]
        """
        step = room - self.overlap(room)
        if self.max_windows is not None:
            ids = self.keep(ids, room + (self.max_windows - 1) * step)
        count = 1 + max(0, -(-(len(ids) - room) // step))
        return [ids[start * step : start * step + room] for start in range(count)]

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LongTexts:
        """What `to_dict` gave.

        Raises:
            SettingsError: for a name that is none.
        """
        for name in values:
            if name not in _DEFAULTS:
                raise SettingsError(f"long_texts has {name!r}.{did_you_mean(name, _DEFAULTS)}")
        return cls(**values)


_DEFAULTS = {field.name: field.default for field in fields(LongTexts)}


# As BERT's code does it.
CUT = LongTexts()


def pool_windows(values: np.ndarray, offsets: np.ndarray | None, how: str | None) -> np.ndarray:
    """One row a text from one row a window.

    Args:
        values: float32 [W, X], logits or representations.
        offsets: int64 [N + 1], where the windows of each text start, at least one each; None where
            each row is a text.
        how: ``"mean"`` or ``"max"``.

    Returns:
        float32 [N, X].
    """
    if offsets is None or len(offsets) == len(values) + 1:
        return values
    if how == "max":
        return np.asarray(np.maximum.reduceat(values, offsets[:-1], axis=0))
    counts = np.diff(offsets)[:, None].astype(np.float32)
    return np.asarray(np.add.reduceat(values, offsets[:-1], axis=0) / counts, np.float32)


def _check_whole(name: str, value: Any, minimum: int) -> None:
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < minimum:
        raise SettingsError(f"{name}={value!r} must be a whole number of at least {minimum}.")
