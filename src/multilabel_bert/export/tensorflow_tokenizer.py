"""BERT's tokenizer as TensorFlow operations, so that a served model takes strings."""

# B = texts, T = tokens

from __future__ import annotations

from typing import Any

from multilabel_bert.errors import SettingsError
from multilabel_bert.export.character_classes import character_classes
from multilabel_bert.model.classifier_model import ClassifierModel
from multilabel_bert.optional import import_optional
from multilabel_bert.text.long_texts import HEAD_SHARE

# As text.tokenizer has it: 200 characters of at most 4 bytes.
_MAX_WORD_CHARACTERS = 200
_MAX_WORD_BYTES = 4 * _MAX_WORD_CHARACTERS


def check_strings(model: ClassifierModel) -> None:
    """Refuse a model whose texts the graph cannot prepare.

    Raises:
        SettingsError: if long texts are read in windows.
    """
    if model.long_texts.windows is not None:
        raise SettingsError(
            "tensorflow with strings: the model reads long texts in windows "
            f"(windows={model.long_texts.windows!r}), and the graph takes one sequence a text. "
            "Export without strings and give it the token ids of each window."
        )


class GraphTokenizer:
    """Texts to the inputs of the encoder, by operations of TensorFlow and TensorFlow Text.

    Args:
        model: of which tokenizer, length and truncation are taken.

    Raises:
        MissingExtraError: if TensorFlow Text is not installed.
        SettingsError: as `check_strings`.
    """

    def __init__(self, model: ClassifierModel) -> None:
        check_strings(model)
        self.tf: Any = import_optional(
            "tensorflow", extra="train", purpose="an export to TensorFlow"
        )
        self.tf_text: Any = import_optional(
            "tensorflow_text", extra="tensorflow-text", purpose="a TensorFlow model of strings"
        )
        self.tokenizer, self.max_seq_length = model.tokenizer, model.max_seq_length
        self.truncation = model.long_texts.truncation
        self.classes = character_classes(
            tokenize_chinese_chars=model.tokenizer.tokenize_chinese_chars
        )
        # A later line of a vocabulary wins where two are alike, as in the tokenizer.
        ids = {piece: index for index, piece in enumerate(self.tokenizer.vocabulary)}
        tf = self.tf
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(list(ids)), tf.constant(list(ids.values()), tf.int64)
            ),
            default_value=self.tokenizer.unk_token_id,
        )
        self.word_pieces = self.tf_text.WordpieceTokenizer(
            self.table,
            max_bytes_per_word=_MAX_WORD_BYTES,
            unknown_token="[UNK]",
            token_out_type=tf.int64,
        )

    def encode(self, texts: Any, pairs: Any = None) -> dict[str, Any]:
        """Strings [B], and second ones or None, to the encoder's inputs, each int32 [B, T]."""
        tf = self.tf
        first = self._ids(texts)
        none = tf.zeros_like(first.row_lengths())
        second = None if pairs is None else self._ids(pairs)
        first_full = first.row_lengths()
        second_full = none if second is None else second.row_lengths()
        kept_first, kept_second = self._lengths(first_full, second_full)
        has_second = tf.cast(kept_second > 0, tf.int64)
        segments = [
            self._repeated(self.tokenizer.cls_token_id, none + 1),
            self._cut(first, kept_first),
            self._repeated(self.tokenizer.sep_token_id, none + 1),
        ]
        if second is not None:
            segments += [
                self._cut(second, kept_second),
                self._repeated(self.tokenizer.sep_token_id, has_second),
            ]
        rows = tf.concat(segments, axis=1)
        lengths = rows.row_lengths()
        input_ids = rows.to_tensor(self.tokenizer.pad_token_id)
        positions = tf.range(tf.shape(input_ids, tf.int64)[1])[None, :]
        mask = positions < lengths[:, None]
        of_second = mask & (positions >= (kept_first + 2)[:, None])
        return {
            "input_ids": tf.cast(input_ids, tf.int32),
            "attention_mask": tf.cast(mask, tf.int32),
            "token_type_ids": tf.cast(of_second, tf.int32),
        }

    def _ids(self, texts: Any) -> Any:
        """Strings [B] to ragged ids [B, (T)], uncut and without special tokens."""
        tf = self.tf
        words = tf.strings.split(self._normal(texts))
        long = tf.strings.length(words.flat_values, unit="UTF8_CHAR") > _MAX_WORD_CHARACTERS
        words = words.with_flat_values(tf.where(long, "[UNK]", words.flat_values))
        return self.word_pieces.tokenize(words).merge_dims(1, 2)

    def _normal(self, texts: Any) -> Any:
        """The steps of Google's BasicTokenizer, up to words between spaces."""
        tf, classes, tokenizer = self.tf, self.classes, self.tokenizer
        replace = tf.strings.regex_replace
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="ignore")
        texts = replace(replace(texts, classes.removed, ""), classes.space, " ")
        if classes.apart is not None:
            texts = replace(texts, classes.apart, r" \0 ")
        lower, strip = tokenizer.do_lower_case, tokenizer.strip_accents
        if lower if strip is None else strip:
            texts = replace(self.tf_text.normalize_utf8(texts, "NFD"), classes.marks, "")
        if lower:
            # At the end of a word the capital sigma becomes another letter only here.
            texts = tf.strings.lower(replace(texts, "Σ", "σ"), encoding="utf-8")
        return replace(texts, classes.punctuation, r" \0 ")

    def _lengths(self, first: Any, second: Any) -> tuple[Any, Any]:
        """Tokens that are kept of both texts, int64 [B]; see `pair_lengths`."""
        tf = self.tf
        budget = self.max_seq_length - tf.where(second > 0, tf.constant(3, tf.int64), 2)
        excess = tf.maximum(first + second - budget, 0)
        longer_is_first = first > second
        from_longer = tf.maximum(first, second) - excess >= tf.minimum(first, second)
        one_first = tf.where(longer_is_first, first - excess, first)
        one_second = tf.where(longer_is_first, second, second - excess)
        both = (excess > 0) & ~from_longer
        return (
            tf.where(both, (budget + 1) // 2, one_first),
            tf.where(both, budget // 2, one_second),
        )

    def _cut(self, ids: Any, kept: Any) -> Any:
        """Ragged ids [B, (T)] to `kept` [B] of each, from where the model keeps them."""
        tf = self.tf
        lengths = ids.row_lengths()
        if self.truncation == "head":
            head = kept
        elif self.truncation == "tail":
            head = tf.zeros_like(kept)
        else:
            head = tf.cast(tf.round(tf.cast(kept, tf.float64) * HEAD_SHARE), tf.int64)
        positions = tf.ragged.range(lengths)
        tail_from = lengths - (kept - head)
        flat = positions.flat_values
        rows = ids.value_rowids()
        keep = (flat < tf.gather(head, rows)) | (flat >= tf.gather(tail_from, rows))
        return tf.ragged.boolean_mask(ids, ids.with_flat_values(keep))

    def _repeated(self, value: int, counts: Any) -> Any:
        """Ragged [B, (counts)] of one value."""
        tf = self.tf
        values = tf.fill([tf.reduce_sum(counts)], tf.constant(value, tf.int64))
        return tf.RaggedTensor.from_row_lengths(values, counts)
