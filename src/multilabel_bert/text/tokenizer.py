"""BERT's tokenizer: text, or a pair of texts, to token ids, exactly as Google's FullTokenizer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from multilabel_bert.errors import CheckpointError, DataError, SettingsError
from multilabel_bert.text.casing import decide_lower_case
from multilabel_bert.text.long_texts import CUT, LongTexts
from multilabel_bert.text.tokenized_texts import TokenizedTexts, pair_lengths
from multilabel_bert.text.tokenizer_files import TokenizerFiles

SPECIAL_TOKENS = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}

# google-research/bert, tokenization.py: WordpieceTokenizer(max_input_chars_per_word=200).
_MAX_INPUT_CHARS_PER_WORD = 200

# Encodings are Python objects some kB each; this many at a time keeps a million texts small.
_CHUNK = 8192


class BertTokenizer:
    """WordPiece tokenizer of one BERT checkpoint.

    A literal "[SEP]" inside a user's text is plain text, as in Google's code; Hugging Face's
    tokenizers make it a special token.

    Args:
        vocabulary: the word pieces; the index of a piece is its id.
        do_lower_case: whether text is lower-cased before it is split.
        strip_accents: whether accents are removed; None: as `do_lower_case`.
        tokenize_chinese_chars: whether every CJK character is a word of its own.
        case_source: what decided `do_lower_case`, in words.
        origin: where the vocabulary came from, for messages.

    Raises:
        CheckpointError: if the vocabulary lacks ``[CLS]``, ``[SEP]`` or ``[UNK]``.

    Source: google-research/bert, tokenization.py.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        *,
        do_lower_case: bool,
        strip_accents: bool | None = None,
        tokenize_chinese_chars: bool = True,
        case_source: str = "the option do_lower_case",
        origin: str = "the vocabulary",
    ) -> None:
        self.vocabulary = tuple(vocabulary)
        self.do_lower_case = do_lower_case
        self.strip_accents = strip_accents
        self.tokenize_chinese_chars = tokenize_chinese_chars
        self.case_source = case_source
        ids = {piece: index for index, piece in enumerate(self.vocabulary)}
        missing = [token for token in ("[CLS]", "[SEP]", "[UNK]") if token not in ids]
        if missing:
            raise CheckpointError(
                f"{origin}: the vocabulary has {len(self.vocabulary)} pieces, but not "
                f"{' '.join(missing)}. It is not a BERT vocabulary: give the vocab.txt that came "
                "with the encoder."
            )
        self.cls_token_id, self.sep_token_id = ids["[CLS]"], ids["[SEP]"]
        self.unk_token_id, self.pad_token_id = ids["[UNK]"], ids.get("[PAD]", 0)
        # Some vocabularies have no [MASK]; to BERT that is nearest to a word it does not know.
        self.mask_token_id = ids.get("[MASK]", self.unk_token_id)
        self._ids = ids
        self._rust = self._build()

    def _build(self) -> Tokenizer:
        model = models.WordPiece(
            self._ids, unk_token="[UNK]", max_input_chars_per_word=_MAX_INPUT_CHARS_PER_WORD
        )
        tokenizer = Tokenizer(model)
        tokenizer.normalizer = normalizers.BertNormalizer(
            clean_text=True,
            handle_chinese_chars=self.tokenize_chinese_chars,
            strip_accents=self.strip_accents,
            lowercase=self.do_lower_case,
        )
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        return tokenizer

    @classmethod
    def from_files(
        cls, files: TokenizerFiles, *, do_lower_case: bool | None = None
    ) -> BertTokenizer:
        """Build the tokenizer that a checkpoint describes.

        ``vocab.txt`` is read as Google reads it, so each line is a piece, blank ones too; only
        where it is missing the vocabulary is taken from ``tokenizer.json``.

        Raises:
            CheckpointError: if there is no WordPiece vocabulary.
            SettingsError: if `do_lower_case` contradicts the checkpoint.
        """
        rules = _json_rules(files)
        if files.vocabulary is not None:
            # Not splitlines(): the vocabulary itself holds characters such as U+2028.
            lines = files.vocabulary.split("\n")
            vocabulary = [line.strip() for line in (lines[:-1] if lines[-1] == "" else lines)]
        elif rules is not None:
            vocabulary = _ordered_vocabulary(rules["model"]["vocab"], files.origin)
        else:
            raise CheckpointError(
                f"{files.origin}: there is neither vocab.txt nor tokenizer.json. Copy the "
                "vocabulary that came with the encoder beside it, or name it with vocab_file."
            )
        normalizer = _bert_normalizer(rules)
        config = files.tokenizer_config
        configured = config.get("do_lower_case", normalizer.get("lowercase"))
        lower, source = decide_lower_case(do_lower_case, configured, files.origin, vocabulary)
        return cls(
            vocabulary,
            do_lower_case=lower,
            strip_accents=config.get("strip_accents", normalizer.get("strip_accents")),
            tokenize_chinese_chars=config.get(
                "tokenize_chinese_chars", normalizer.get("handle_chinese_chars", True)
            ),
            case_source=source,
            origin=files.origin,
        )

    @property
    def vocab_size(self) -> int:
        """Number of word pieces."""
        return len(self.vocabulary)

    def tokenize(self, text: str) -> list[str]:
        """Split one text into word pieces, without special tokens."""
        return list(self._rust.encode(text, add_special_tokens=False).tokens)

    def encode(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        max_seq_length: int = 128,
        long_texts: LongTexts = CUT,
    ) -> TokenizedTexts:
        """Turn texts into ``[CLS] text [SEP]``, or pairs into ``[CLS] a [SEP] b [SEP]``.

        Args:
            texts: N texts; an empty one gives ``[CLS] [SEP]``.
            pairs: N second texts, or None.
            max_seq_length: longest sequence kept, special tokens included.
            long_texts: what is done with longer ones; a single text is cut at its end, a pair
                longest first, unless given. With windows, each window of a pair has the whole
                second text, or of a long one as much as half of the window.

        Raises:
            SettingsError: if `max_seq_length` leaves no room for a token.
            DataError: if a text is not a string, or `pairs` has another length than `texts`.
        """
        self._check_room(max_seq_length, long_texts, pair=pairs is not None)
        if isinstance(texts, str) or isinstance(pairs, str):
            raise DataError("Expected a list of strings, got one string. Put it into a list.")
        if pairs is not None and len(pairs) != len(texts):
            raise DataError(
                f"{len(texts)} texts, but {len(pairs)} second texts. Give one second text a text."
            )
        return self._joined(
            (
                (
                    self._encode_chunk(texts[start : start + _CHUNK]),
                    None if pairs is None else self._encode_chunk(pairs[start : start + _CHUNK]),
                )
                for start in range(0, len(texts), _CHUNK)
            ),
            len(texts),
            max_seq_length,
            long_texts,
        )

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """One text's ids, and the characters of it that each was made of.

        Returns:
            The ids, without special tokens and uncut, and for each the start and the end of its
            characters in `text`. Accents that were removed belong to no token.
        """
        # As in `encode`, halves of surrogate pairs are left out; the others keep their places.
        places = [place for place, char in enumerate(text) if not "\ud800" <= char <= "\udfff"]
        kept = text if len(places) == len(text) else "".join(text[place] for place in places)
        encoding = self._rust.encode(kept, add_special_tokens=False)
        offsets = [(places[start], places[stop - 1] + 1) for start, stop in encoding.offsets]
        return list(encoding.ids), offsets

    def join(
        self,
        first: Sequence[list[int]],
        second: Sequence[list[int]] | None = None,
        *,
        max_seq_length: int = 128,
        long_texts: LongTexts = CUT,
    ) -> TokenizedTexts:
        """What `encode` makes of texts whose ids are known already.

        Args:
            first: ids of N texts, without special tokens and uncut.
            second: ids of N second texts, or None.
            max_seq_length: as in `encode`.
            long_texts: as in `encode`.

        Raises:
            SettingsError: if `max_seq_length` leaves no room for a token.
        """
        self._check_room(max_seq_length, long_texts, pair=second is not None)
        return self._joined([(first, second)], len(first), max_seq_length, long_texts)

    def _check_room(self, max_seq_length: int, long_texts: LongTexts, *, pair: bool) -> None:
        long_texts.check(max_seq_length)
        specials = 3 if pair else 2
        if max_seq_length <= specials:
            raise SettingsError(
                f"max_seq_length={max_seq_length} leaves no room for text: {specials} of the "
                f"tokens are special. Use at least {specials + 1}."
            )

    def _joined(
        self,
        parts: Iterable[tuple[Sequence[list[int]], Sequence[list[int]] | None]],
        count: int,
        max_seq_length: int,
        long_texts: LongTexts,
    ) -> TokenizedTexts:
        chunks: list[np.ndarray] = []
        facts: list[np.ndarray] = []  # [4, rows] of each chunk
        windows: list[int] = []
        for first_ids, second_ids in parts:
            rows: list[list[int]] = []
            of_rows: list[tuple[int, int, int, int]] = []
            for i, a in enumerate(first_ids):
                b = (None if second_ids is None else second_ids[i]) or None
                made = self._rows(a, b, max_seq_length, long_texts)
                for row, first, full in made:
                    rows.append(row)
                    of_rows.append((len(row), first, full, row.count(self.unk_token_id)))
                windows.append(len(made))
            table = np.array(of_rows, np.int64).reshape(-1, 4).T
            chunks.append(np.fromiter(chain.from_iterable(rows), np.int32, int(table[0].sum())))
            facts.append(table)
        assert len(windows) == count
        lengths, first_lengths, full_lengths, unknown = np.concatenate(
            [np.empty((4, 0), np.int64), *facts], axis=1
        )
        return TokenizedTexts(
            ids=np.concatenate(chunks) if chunks else np.empty(0, np.int32),
            offsets=_offsets(lengths),
            first_lengths=first_lengths.astype(np.int32),
            full_lengths=full_lengths.astype(np.int32),
            unknown_counts=unknown.astype(np.int32),
            pad_token_id=self.pad_token_id,
            window_offsets=None if long_texts.windows is None else _offsets(np.array(windows)),
        )

    def __call__(
        self,
        texts: str | Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        max_seq_length: int = 128,
    ) -> dict[str, np.ndarray]:
        """Tokenize and pad: the dictionary that `BertEncoder` takes.

        Returns:
            ``input_ids``, ``attention_mask`` and ``token_type_ids``, each int32 [B, T].
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        tokenized = self.encode(texts, pairs, max_seq_length=max_seq_length)
        return tokenized.pad(np.arange(len(tokenized)))

    def _encode_chunk(self, texts: Sequence[str]) -> list[list[int]]:
        texts = list(texts)
        for text in texts:
            # A pair would be taken too, and its texts run into one.
            if not isinstance(text, str):
                raise DataError(
                    f"Expected strings, got {type(text).__name__} {text!r}. Give second texts "
                    "apart, and '' for a missing text."
                )
        try:
            encodings = self._rust.encode_batch_fast(texts, add_special_tokens=False)
        except TypeError:
            # Half of a surrogate pair is no character, and Rust's strings cannot hold it.
            texts = [text.encode("utf-8", "ignore").decode("utf-8") for text in texts]
            encodings = self._rust.encode_batch_fast(texts, add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def _rows(
        self, a: list[int], b: list[int] | None, max_seq_length: int, long_texts: LongTexts
    ) -> list[tuple[list[int], int, int]]:
        """The sequences of a text: each, its tokens of segment 0, and its tokens before cutting."""
        # As in Google's code, an empty second text makes no second segment.
        specials = 3 if b else 2
        room = max_seq_length - specials
        full = len(a) + len(b or ()) + specials
        if long_texts.windows is None:
            kept_a, kept_b = pair_lengths(len(a), len(b), room) if b else (min(len(a), room), 0)
            return [self._row(long_texts.keep(a, kept_a), b and long_texts.keep(b, kept_b), full)]
        kept = long_texts.keep(b, room // 2) if b else None
        room -= len(kept or ())
        windows = long_texts.split(a, room)
        rows = [self._row(ids, kept, 0) for ids in windows]
        # What a window has is all it could have; what the text lost is counted with its last one.
        lost = full - specials - len(kept or ()) - sum(map(len, windows))
        lost += long_texts.overlap(room) * (len(windows) - 1)
        uncut = [len(row) for row, _, _ in rows]
        uncut[-1] += lost
        return [(row, first, n) for (row, first, _), n in zip(rows, uncut, strict=True)]

    def _row(self, a: list[int], b: list[int] | None, full: int) -> tuple[list[int], int, int]:
        head = [self.cls_token_id, *a, self.sep_token_id]
        return ([*head, *b, self.sep_token_id] if b else head), len(head), full

    def to_files(self, max_seq_length: int, long_texts: LongTexts = CUT) -> dict[str, str]:
        """The tokenizer as the files of a Hugging Face model directory.

        Of what is done with long texts, they can say that the tail is kept, and nothing else.

        ``tokenizer_class`` is PreTrainedTokenizerFast: transformers 5 rebuilds a
        ``BertTokenizer`` from the vocabulary, with its own limit on the length of words.

        Returns:
            File name to text.
        """
        config: dict[str, Any] = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": max_seq_length,
            **({"truncation_side": "left"} if long_texts.truncation == "tail" else {}),
            # transformers 5 leaves token types out unless told, and then misreads pairs.
            "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
            "do_lower_case": self.do_lower_case,
            "strip_accents": self.strip_accents,
            "tokenize_chinese_chars": self.tokenize_chinese_chars,
            **SPECIAL_TOKENS,
        }
        return {
            "vocab.txt": "".join(f"{piece}\n" for piece in self.vocabulary),
            "tokenizer.json": self._with_special_tokens().to_str(pretty=False),
            "tokenizer_config.json": json.dumps(config, indent=2) + "\n",
        }

    def _with_special_tokens(self) -> Tokenizer:
        from tokenizers import AddedToken, processors

        tokenizer = self._build()
        known = [token for token in SPECIAL_TOKENS.values() if token in self._ids]
        tokenizer.add_special_tokens([AddedToken(token, special=True) for token in known])
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS]:0 $A:0 [SEP]:0",
            pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
            special_tokens=[("[CLS]", self.cls_token_id), ("[SEP]", self.sep_token_id)],
        )
        return tokenizer


def _offsets(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def _json_rules(files: TokenizerFiles) -> dict[str, Any] | None:
    if files.tokenizer_json is None:
        return None
    try:
        rules = json.loads(files.tokenizer_json)
    except json.JSONDecodeError as error:
        raise CheckpointError(
            f"{files.origin}/tokenizer.json is not valid JSON ({error}). Download it again."
        ) from None
    if not isinstance(rules, dict):
        raise CheckpointError(
            f"{files.origin}/tokenizer.json: expected a JSON object, got {type(rules).__name__}. "
            "Download it again."
        )
    kind = (rules.get("model") or {}).get("type")
    # Files written before tokenizers 0.8 do not name their model's type.
    if kind not in ("WordPiece", None) or "vocab" not in (rules.get("model") or {}):
        raise CheckpointError(
            f"{files.origin}/tokenizer.json holds a {kind} tokenizer; BERT's is WordPiece. "
            "Choose an encoder of the BERT family."
        )
    return dict(rules)


def _bert_normalizer(rules: dict[str, Any] | None) -> dict[str, Any]:
    normalizer = (rules or {}).get("normalizer") or {}
    steps = normalizer.get("normalizers", [normalizer])
    return next((step for step in steps if step.get("type") == "BertNormalizer"), {})


def _ordered_vocabulary(vocab: dict[str, int], origin: str) -> list[str]:
    pieces = sorted(vocab, key=vocab.__getitem__)
    if [vocab[piece] for piece in pieces] != list(range(len(pieces))):
        raise CheckpointError(
            f"{origin}/tokenizer.json: the ids of its vocabulary are not 0 to {len(pieces) - 1}. "
            "Use the vocab.txt that came with the encoder."
        )
    return pieces
