"""Several models on the same texts: what their encoders have in common is computed once."""

# N = texts, X = labels of a model, H = hidden size

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from multilabel_bert.data.text_pairs import first_and_second_texts
from multilabel_bert.encoder.encoding import Engine, encode_parts
from multilabel_bert.encoder.pooling import pooling_parts
from multilabel_bert.errors import SettingsError, did_you_mean
from multilabel_bert.model.logits_stream import CHUNK_TEXTS, Chunk, stream_chunks
from multilabel_bert.model.predictor import Predictor
from multilabel_bert.model.trunk_groups import Member, SharedEncoder, group_by_trunk
from multilabel_bert.progress import Progress
from multilabel_bert.text.tokenized_texts import TokenizedTexts
from multilabel_bert.text.tokenizer import BertTokenizer


class TrunkGroup:
    """Models whose encoders are computed together; they see the same tokens.

    Attributes:
        predictors: by name.
        encoder: of them all; None for one model with its own.
    """

    def __init__(self, predictors: Mapping[str, Predictor], encoder: SharedEncoder | None) -> None:
        self.predictors = dict(predictors)
        self.encoder = encoder
        self._first = next(iter(self.predictors.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the models."""
        return tuple(self.predictors)

    def engine(self, names: Iterable[str] | None = None) -> Engine:
        """Runs what some of the models need, all unless given; `logits` takes what it gives."""
        if self.encoder is None:
            return self._first.engine
        return self.encoder.view(self.names if names is None else names)

    def tokenize(self, first: Sequence[str], second: Sequence[str] | None) -> TokenizedTexts:
        """What the encoders see of N texts and their second texts, or None."""
        return self._first.tokenize(first, second)

    def logits(
        self, name: str, parts: Mapping[str, np.ndarray], texts: TokenizedTexts
    ) -> np.ndarray:
        """Logits, float32 [N, X], of one model.

        Args:
            name: of the model.
            parts: what `engine` gave for the texts, each [N, H].
            texts: what `tokenize` gave.
        """
        predictor = self.predictors[name]
        if self.encoder is not None:
            parts = self.encoder.parts_of(name, pooling_parts(predictor.model.pooling), parts)
        return predictor.logits_of_parts(dict(parts), texts)

    def predict_logits(
        self, first: Sequence[str], second: Sequence[str] | None, names: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """Logits, float32 [N, X], of some of the models, for a few texts."""
        texts = self.tokenize(first, second)
        parts = encode_parts(self.engine(names), texts)
        return {name: self.logits(name, parts, texts) for name in names}

    def stream_logits(
        self, chunks: Iterable[Chunk], names: Sequence[str], total: int | None, progress: Progress
    ) -> Generator[dict[str, np.ndarray], None, None]:
        """Logits of some of the models, chunk by chunk; see `Predictor.stream_logits`."""
        widths = [self.predictors[name].model.num_labels for name in names]
        ends = np.cumsum(widths)[:-1]

        def side_by_side(parts: dict[str, np.ndarray], texts: TokenizedTexts) -> np.ndarray:
            return np.concatenate([self.logits(name, parts, texts) for name in names], axis=1)

        stream = stream_chunks(
            self.engine(names),
            self.tokenize,
            side_by_side,
            chunks,
            windowed=self._first.model.long_texts.windows is not None,
            total=total,
            progress=progress,
        )
        with closing(stream):
            for logits in stream:
                yield dict(zip(names, np.split(logits, ends, axis=1), strict=True))


class SharedPredictor:
    """Runs several classifiers on the same texts.

    Models with the same encoder (``train_layers=0``) share all of it, and cost hardly more than
    one; models whose upper layers were trained share the layers below. They share where weights,
    tokenizer, maximum length and precision are the same; a model that shares nothing runs as it
    would alone. Logits are those of each model alone, up to rounding.

    Args:
        predictors: by name, at least one. Those that share are not run: what they have compiled
            is freed as soon as nobody else holds them. `load` compiles only what is run.

    Raises:
        SettingsError: if there is none.
        ModelError: if weights that must be compared are damaged.

    Example:
        >>> shared = SharedPredictor.load({"topic": "topic-model", "tone": "tone-model"})
        ... # doctest: +SKIP
        >>> shared.predict_proba(["my parcel never came"])["tone"].shape  # doctest: +SKIP
        (1, 3)
    """

    def __init__(self, predictors: Mapping[str, Predictor]) -> None:
        members = [
            Member(name, predictor.model, predictor.wanted)
            for name, predictor in predictors.items()
        ]
        self._share(members, predictors)

    @classmethod
    def load(
        cls, paths: Mapping[str, str | Path], *, precision: str | None = None
    ) -> SharedPredictor:
        """Open saved models, each as `Predictor.load` does.

        Raises:
            ModelError: if one is none, or is damaged.
            SettingsError: if there is none.
        """
        from multilabel_bert.model.directory import load_model

        shared = object.__new__(cls)
        models = {name: load_model(path) for name, path in paths.items()}
        shared._share(
            [
                Member(name, model, (precision or model.precision, "auto"))
                for name, model in models.items()
            ],
            {},
        )
        return shared

    def _share(self, members: Sequence[Member], compiled: Mapping[str, Predictor]) -> None:
        if not members:
            raise SettingsError("There is no model. Give at least one.")
        groups = []
        found: dict[str, Predictor] = {}
        for together, encoder in group_by_trunk(members):
            predictors = {
                m.name: compiled[m.name]
                if encoder is None and m.name in compiled
                # They are equal; one takes less memory.
                else _predictor(m, encoder, together[0].model.tokenizer)
                for m in together
            }
            groups.append(TrunkGroup(predictors, encoder))
            found |= predictors
        self.groups = tuple(groups)
        self.predictors = {member.name: found[member.name] for member in members}

    def __reduce__(self) -> tuple[Any, ...]:
        # What is compiled is of this process.
        return SharedPredictor, (self.predictors,)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the models, in the order given."""
        return tuple(self.predictors)

    def predict_logits(
        self,
        texts: Iterable[str] | Iterable[tuple[str, str]],
        names: Iterable[str] | None = None,
        *,
        pairs: Iterable[str] | None = None,
        progress: Progress | None = None,
    ) -> dict[str, np.ndarray]:
        """Logits of each model, float32 [N, X], in the order of the texts.

        Args:
            texts: N strings, or N 2-tuples of strings.
            names: of the models that are run; all unless given.
            pairs: N second texts, where `texts` are not pairs already.
            progress: where progress is shown.

        Raises:
            DataError: if a text is not a string.
            SettingsError: for the name of no model.
        """
        wanted = self._checked(names)
        first, second = first_and_second_texts(texts, pairs)
        if len(first) > CHUNK_TEXTS:
            chunks = _chunks(first, second)
            parts = list(self.stream_logits(chunks, wanted, total=len(first), progress=progress))
            return {name: np.concatenate([part[name] for part in parts]) for name in wanted}
        if not len(first):
            empty = {n: self.predictors[n].model.num_labels for n in wanted}
            return {name: np.empty((0, labels), np.float32) for name, labels in empty.items()}
        logits: dict[str, np.ndarray] = {}
        for group, asked in self._groups_of(wanted):
            logits |= group.predict_logits(first, second, asked)
        return {name: logits[name] for name in wanted}

    def stream_logits(
        self,
        chunks: Iterable[Chunk],
        names: Iterable[str] | None = None,
        *,
        total: int | None = None,
        progress: Progress | None = None,
    ) -> Generator[dict[str, np.ndarray], None, None]:
        """Logits of any number of texts in constant memory, chunk by chunk.

        Args:
            chunks: as for `Predictor.stream_logits`.
            names: of the models that are run; all unless given.
            total: how many texts there are in all, if it is known, for the progress.
            progress: where progress is shown.

        Yields:
            Logits of each model, float32 [n, X], of each chunk of n texts.

        Raises:
            DataError: if a text is not a string.
            SettingsError: for the name of no model.
        """
        wanted = self._checked(names)
        groups = self._groups_of(wanted)
        copies = _Copies(chunks, len(groups))
        with ExitStack() as stack:
            streams = [
                stack.enter_context(
                    closing(
                        group.stream_logits(
                            copies.of(number),
                            asked,
                            total,
                            # One bar for all: the groups go side by side.
                            (number == 0 and progress) or Progress("silent"),
                        )
                    )
                )
                for number, (group, asked) in enumerate(groups)
            ]
            for parts in zip(*streams, strict=True):
                logits = {name: values for part in parts for name, values in part.items()}
                yield {name: logits[name] for name in wanted}

    def predict_proba(
        self,
        texts: Iterable[str] | Iterable[tuple[str, str]],
        names: Iterable[str] | None = None,
        *,
        pairs: Iterable[str] | None = None,
        progress: Progress | None = None,
    ) -> dict[str, np.ndarray]:
        """Probabilities of each model, float32 [N, X]; arguments as for `predict_logits`."""
        logits = self.predict_logits(texts, names, pairs=pairs, progress=progress)
        return {name: self.decide(name, values)[0] for name, values in logits.items()}

    def predict(
        self,
        texts: Iterable[str] | Iterable[tuple[str, str]],
        names: Iterable[str] | None = None,
        *,
        pairs: Iterable[str] | None = None,
        progress: Progress | None = None,
    ) -> dict[str, np.ndarray]:
        """Labels of each model by its rule, int8 [N, X]; arguments as for `predict_logits`."""
        logits = self.predict_logits(texts, names, pairs=pairs, progress=progress)
        return {name: self.decide(name, values)[1] for name, values in logits.items()}

    def decide(self, name: str, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities, float32 [N, X], and decisions, int8 [N, X], of one model's logits."""
        return self.predictors[name].decide(logits)

    def _checked(self, names: Iterable[str] | None) -> tuple[str, ...]:
        if names is None:
            return self.names
        wanted = tuple(dict.fromkeys((names,) if isinstance(names, str) else names))
        for name in wanted:
            if name not in self.predictors:
                raise SettingsError(
                    f"There is no model {name!r}.{did_you_mean(str(name), self.names)} The models "
                    f"are {', '.join(self.names)}."
                )
        return wanted

    def _groups_of(self, names: Sequence[str]) -> list[tuple[TrunkGroup, list[str]]]:
        asked = [(group, [n for n in group.names if n in names]) for group in self.groups]
        return [(group, some) for group, some in asked if some]


def _predictor(
    member: Member, encoder: SharedEncoder | None, tokenizer: BertTokenizer
) -> Predictor:
    if encoder is None:
        precision, engine = member.wanted
        return Predictor(member.model, precision=precision, engine=engine)
    view = encoder.own_view(member.name, pooling_parts(member.model.pooling))
    return Predictor.on_engine(view, replace(member.model, tokenizer=tokenizer), member.wanted)


def _chunks(first: Sequence[str], second: Sequence[str] | None) -> Iterator[Chunk]:
    for start in range(0, len(first), CHUNK_TEXTS):
        rows = slice(start, start + CHUNK_TEXTS)
        yield first[rows], None if second is None else second[rows]


class _Copies:
    """An iterator for several threads, each of which gets every item."""

    def __init__(self, items: Iterable[Chunk], count: int) -> None:
        self._items = iter(items)
        self._waiting: list[list[Chunk]] = [[] for _ in range(count)]
        self._lock = Lock()

    def of(self, number: int) -> Iterator[Chunk]:
        """The items for one of them."""
        while True:
            with self._lock:
                if not self._waiting[number]:
                    try:
                        item = next(self._items)
                    except StopIteration:
                        return
                    for waiting in self._waiting:
                        waiting.append(item)
                item = self._waiting[number].pop(0)
            yield item
