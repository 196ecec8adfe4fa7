"""How tokens lie in an OpenVINO graph: a rectangle with padding, or the real ones only."""

# B = texts, T = tokens of the longest, P = real tokens of all texts, rounded up
# H = hidden size, N = attention heads, D = H / N

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.encoder.openvino_nodes import Nodes

# P is rounded up to it: matrix multiplies of few different sizes are compiled, and none has a
# remainder of a few rows.
_ROUND_TOKENS = 8


class TokenLayout(Protocol):
    """How hidden states lie between the layers; attention sees [B, N, T, D] in any.

    Attributes:
        mask: float32 [B, T], 1 for real tokens.
        bias: what is added to the scores of attention, [B, 1, 1, T].
    """

    mask: Any
    bias: Any

    def rows(self, x: Any, *sizes: int) -> Any:
        """[B, T, sizes] as it lies in this layout."""

    def columns(self, table: Any) -> Any:
        """Rows of a table [any, H] by the place that a token has in its text."""

    def rectangle(self, rows: Any) -> Any:
        """Hidden states [B, T, H]; at padding there may be anything."""

    def first(self, rows: Any) -> Any:
        """Hidden states of the first token of each text, [B, H]."""

    def split_heads(self, rows: Any) -> Any:
        """[B, N, T, D] for attention."""

    def join_heads(self, context: Any) -> Any:
        """Back from there."""


class _Layout(Nodes):
    def __init__(self, mask: Any, config: BertConfig) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.size = config.hidden_size // self.heads
        self.shape = self.op.shape_of(mask, "i64")  # B, T
        self.mask = self.op.convert(mask, "f32")
        # Google's constant: 0 for a real token, -10000 for padding, whose exp() is 0 in float32.
        masked = self.op.multiply(
            self.op.subtract(self.constant(1.0), self.mask), self.constant(-10000.0)
        )
        self.bias = self.op.unsqueeze(masked, self.axes(1, 2))

    def first_rows(self, table: Any) -> Any:
        """T rows of a table."""
        length = self.take(self.shape, self.axes(1))
        return self.op.slice(table, self.axes(0), length, self.axes(1), self.axes(0))


class PaddedTokens(_Layout):
    """[B, T, H], as everyone does: padding costs as much as text. Any device can run it.

    Args:
        mask: int [B, T], 1 for real tokens.
        config: of the encoder.
    """

    def rows(self, x: Any, *sizes: int) -> Any:
        """It is so already."""
        del sizes
        return x

    def columns(self, table: Any) -> Any:
        """[T, H], the same for every text."""
        return self.first_rows(table)

    def rectangle(self, rows: Any) -> Any:
        """It is so already."""
        return rows

    def first(self, rows: Any) -> Any:
        """[B, H]."""
        return self.take(rows, self.constant(0, np.int64), axis=1)

    def split_heads(self, rows: Any) -> Any:
        """[B, T, H] to [B, N, T, D]."""
        split = self.op.reshape(rows, self.axes(0, 0, self.heads, self.size), True)
        return self.op.transpose(split, self.axes(0, 2, 1, 3))

    def join_heads(self, context: Any) -> Any:
        """[B, N, T, D] to [B, T, H]."""
        turned = self.op.transpose(context, self.axes(0, 2, 1, 3))
        return self.op.reshape(turned, self.axes(0, 0, self.heads * self.size), True)


class PackedTokens(_Layout):
    """[P, H]: the real tokens of all texts, one after the other.

    All matrix multiplies but those of attention are of single tokens, so padding costs them
    nothing. Attention gets its rectangle by the gather that puts the heads in front anyway, so
    that texts of one length are no slower than in `PaddedTokens`. For CPUs.

    Args:
        mask: int [B, T], 1 for real tokens, of which the first place of a text is one.
        config: of the encoder.
    """

    def __init__(self, mask: Any, config: BertConfig) -> None:
        super().__init__(mask, config)
        op = self.op
        found = op.non_zero(mask, "i32")  # [2, real tokens]: the text, and the place in it
        count = self.take(op.shape_of(found, "i32"), self._int([1]))
        # Texts without a token need a row to gather from; without texts nothing is computed.
        texts = op.convert(self.take(self.shape, self.axes(0)), "i32")
        some = op.maximum(count, op.minimum(texts, self._int([1])))
        missing = op.floor_mod(op.subtract(self._int([0]), some), self._int([_ROUND_TOKENS]))
        missing = op.add(missing, op.subtract(some, count))
        # What fills up are copies of the first token, which nothing reads.
        filled = op.pad(
            found,
            self._int([0, 0]),
            op.concat([self._int([0]), missing], 0),
            "constant",
            self._int(0),
        )
        text = self.take(filled, self._int(0))  # [P]
        self._column = self.take(filled, self._int(1))  # [P]
        length = op.convert(self.take(self.shape, self.axes(1)), "i32")  # [1]
        self._place = op.add(op.multiply(text, length), self._column)  # [P], in the rectangle
        # The row of each token; at padding that of the token before it.
        flat = op.reshape(op.convert(mask, "i32"), self.axes(-1), False)
        places = op.subtract(op.cumsum(flat, self._int(0)), self._int(1))
        self._row = op.reshape(op.maximum(places, self._int(0)), self.shape, False)  # [B, T]
        # What every layer asks for, here once. Where a head of a token is among rows of [P, N], and
        # in the rectangle with the heads in front.
        heads = self._int(np.arange(self.heads))
        row = op.multiply(op.unsqueeze(self._row, self.axes(1)), self._int(self.heads))
        self._split = op.add(row, op.unsqueeze(heads, self.axes(1)))  # [B, N, T]
        head = op.add(op.unsqueeze(op.multiply(text, self._int(self.heads)), self.axes(1)), heads)
        column = op.unsqueeze(self._column, self.axes(1))
        self._joined = op.add(op.multiply(head, length), column)  # [P, N]

    def _int(self, value: Any) -> Any:
        return self.constant(value, np.int32)

    def rows(self, x: Any, *sizes: int) -> Any:
        """[B, T, sizes] to [P, sizes]."""
        return self.take(self.op.reshape(x, self.axes(-1, *sizes), False), self._place)

    def columns(self, table: Any) -> Any:
        """[P, H]."""
        op = self.op
        length = self.take(self.shape, self.axes(1))
        # A gather takes what is beyond a table for zeros; this fails, as it does with padding.
        zeros = op.broadcast(self.constant(0.0), op.concat([length, self.axes(1)], 0))
        return self.take(op.add(self.first_rows(table), zeros), self._column)

    def rectangle(self, rows: Any) -> Any:
        """[P, H] to [B, T, H]."""
        return self.take(rows, self._row)

    def first(self, rows: Any) -> Any:
        """[B, H]."""
        return self.take(rows, self.take(self._row, self._int(0), axis=1))

    def split_heads(self, rows: Any) -> Any:
        """[P, H] to [B, N, T, D]."""
        return self.take(self.op.reshape(rows, self.axes(-1, self.size), False), self._split)

    def join_heads(self, context: Any) -> Any:
        """[B, N, T, D] to [P, H]."""
        heads = self.op.reshape(context, self.axes(-1, self.size), False)
        taken = self.take(heads, self._joined)
        return self.op.reshape(taken, self.axes(-1, self.heads * self.size), False)
