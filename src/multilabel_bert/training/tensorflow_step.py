"""One update of the weights on TensorFlow: gradients, clipping, optimizer, in one graph."""

# B = texts of a batch, T = tokens, H = hidden size, U = different words of a batch, X = labels

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from multilabel_bert.training.lazy_embeddings import LazyTable
from multilabel_bert.training.network import ClassifierNetwork
from multilabel_bert.training.optimizers import densify
from multilabel_bert.training.steps import Batch, named_variables


class TensorFlowStep:
    """Makes updates; see `steps.Step`.

    Args:
        network: compiled with an optimizer `AdamWeightDecay` and a `MultiLabelLoss`.
        updates: how many will be made.
        lazy_embeddings: whether rows of the word embeddings wait until they are used; for
            networks that train them.
    """

    def __init__(
        self,
        network: ClassifierNetwork,
        updates: int,
        lazy_embeddings: bool = False,
    ) -> None:
        self.network = network
        optimizer = network.optimizer
        # Clipped here, because the words' gradient is part of the norm.
        self.clip_norm, optimizer.global_clipnorm = optimizer.global_clipnorm, None
        lazy = lazy_embeddings and network.first_layer is None
        if lazy:
            # The optimizer's own update would touch every row.
            network.body.embeddings.word_embeddings.trainable = False
        # The optimizer keeps the variables in this order.
        self.variables = list(network.trainable_variables)
        optimizer.build(self.variables)
        self.lazy: LazyTable | None = None
        self.words_start = 0
        if lazy:
            factor, self.words_start = optimizer.embeddings_group()
            self.lazy = LazyTable(
                network.body.embeddings.word_embeddings.value,
                optimizer,
                optimizer.rates(updates),
                factor=factor,
                start=self.words_start,
            )
        self._features: tuple[np.ndarray, tf.Tensor] | None = None
        self._graphs: dict[int, _Graphs] = {}

    def __call__(self, batches: Sequence[Batch]) -> float:
        """See `steps.Step`."""
        graphs = self._graphs_of_now()
        whole = [(inputs, targets, _weights(more)) for inputs, targets, *more in batches]
        if len(batches) == 1:
            inputs, targets, weights = whole[0]
            return float(graphs.update(*graphs.located(inputs), targets, weights))
        # Every term of the loss counts the same, in whichever batch it is.
        terms = np.array([self.network.loss.terms(targets) for _, targets, _ in whole], np.float32)
        loss, total, rows = 0.0, None, []
        for (inputs, targets, weights), share in zip(
            whole, terms / max(terms.sum(), 1.0), strict=True
        ):
            placed, words = graphs.located(inputs)
            part, gradients, word_gradient = graphs.gradients(
                placed, words, targets, weights, share
            )
            loss += float(part)
            total = _sum(total, gradients)
            rows.append((words["rows"], word_gradient))
        graphs.apply(total, *_summed_rows(rows, graphs.lazy is not None))
        return loss

    def many(
        self,
        features: np.ndarray,
        rows: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray | None = None,
    ) -> np.ndarray:
        """See `steps.SteppingInOneCall`."""
        if self._features is None or self._features[0] is not features:
            self._features = features, tf.constant(features)  # copied once, not in every epoch
        graphs = self._graphs_of_now()
        losses = graphs.updates(self._features[1], rows.astype(np.int32), targets, weights)
        return np.asarray(losses)

    def finish(self) -> None:
        """See `steps.Step`."""
        if self.lazy is not None:
            self.lazy.finish(self.network.optimizer.iterations.value)

    def state(self) -> dict[str, Any]:
        """See `steps.Step`."""
        if self.lazy is None:
            return named_variables(self.network)
        parts = ("momentum", "velocity", "updates")
        rows = {f"words/{part}": getattr(self.lazy, part) for part in parts}
        return named_variables(self.network) | rows

    def _graphs_of_now(self) -> _Graphs:
        """The graphs for what the coming update trains: what is frozen has no gradient made."""
        optimizer, variables, lazy = self.network.optimizer, self.variables, self.lazy
        if optimizer.unfreezing_updates:
            made = int(optimizer.iterations)
            variables = optimizer.trained_at(made, variables)
            lazy = self.lazy if made >= self.words_start else None
        if len(variables) not in self._graphs:
            self._graphs[len(variables)] = _Graphs(self.network, variables, lazy, self.clip_norm)
        return self._graphs[len(variables)]


class _Graphs:
    """The graphs of an update that trains some of a network's variables.

    Args:
        network: compiled.
        variables: that are trained.
        lazy: the word embeddings, if they are trained and wait until they are used.
        clip_norm: to which gradients are clipped, or None.
    """

    def __init__(
        self,
        network: ClassifierNetwork,
        variables: list[Any],
        lazy: LazyTable | None,
        clip_norm: float | None,
    ) -> None:
        self.network = network
        self.variables = variables
        self.lazy = lazy
        self.clip_norm = clip_norm
        self.update = _graph_of(self._update_from_one)
        self.gradients = _graph_of(self._shared_gradients)
        self.apply = _graph_of(self._apply_gradients)
        self.updates = _graph_of(self._update_from_each)

    def located(self, inputs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """A batch, and which rows of the word embeddings it needs."""
        if self.lazy is None:
            return dict(inputs), {"rows": np.zeros(0, np.int32), "places": np.zeros(0, np.int32)}
        ids = inputs["input_ids"]
        rows, places = np.unique(ids, return_inverse=True)
        return dict(inputs), {
            "rows": rows.astype(np.int32),
            "places": places.reshape(ids.shape).astype(np.int32),
        }

    def _loss_and_gradients(
        self, inputs: Any, words: Any, targets: Any, weights: Any
    ) -> tuple[Any, Any, Any]:
        table = None
        if self.lazy is not None:
            made = tf.cast(self.network.optimizer.iterations.value, tf.int32)
            table = self.lazy.catch_up(words["rows"], made)  # [U, H]
        with tf.GradientTape() as tape:
            if table is not None:
                tape.watch(table)
                inputs = {**inputs, "inputs_embeds": tf.gather(table, words["places"])}
            loss = self.network.loss(targets, self.network(inputs, training=True), weights)
        sources = [variable.value for variable in self.variables]
        gradients = tape.gradient(loss, sources if table is None else [*sources, table])
        dense = [densify(gradient) for gradient in gradients]
        if table is None:
            return loss, dense, tf.zeros((0, 0))
        return loss, dense[:-1], dense[-1]

    def _shared_gradients(
        self, inputs: Any, words: Any, targets: Any, weights: Any, share: Any
    ) -> Any:
        loss, gradients, word_gradient = self._loss_and_gradients(inputs, words, targets, weights)
        return loss * share, [g * share for g in gradients], word_gradient * share

    def _apply_gradients(self, gradients: Any, rows: Any, word_gradient: Any) -> None:
        optimizer = self.network.optimizer
        scale = tf.ones(())
        if self.clip_norm is not None:
            norm = tf.linalg.global_norm([*gradients, word_gradient])
            scale = tf.minimum(1.0, self.clip_norm / tf.maximum(norm, 1e-30))
        if self.lazy is not None:
            made = tf.cast(optimizer.iterations.value, tf.int32)
            self.lazy.apply(rows, word_gradient * scale, made, optimizer.learning_rate)
        optimizer.apply([gradient * scale for gradient in gradients], self.variables)

    def _update_from_one(self, inputs: Any, words: Any, targets: Any, weights: Any) -> Any:
        loss, gradients, word_gradient = self._loss_and_gradients(inputs, words, targets, weights)
        self._apply_gradients(gradients, words["rows"], word_gradient)
        return loss

    def _update_from_each(self, features: Any, rows: Any, targets: Any, weights: Any) -> Any:
        words = {"rows": tf.zeros(0, tf.int32), "places": tf.zeros(0, tf.int32)}

        def update(batch: Any) -> Any:
            inputs = {"features": tf.gather(features, batch[0])}
            return self._update_from_one(inputs, words, batch[1], *batch[2:] or (None,))

        batches = (rows, targets) if weights is None else (rows, targets, weights)
        # One after the other, each with the weights that the one before has left.
        return tf.map_fn(update, batches, fn_output_signature=tf.float32, parallel_iterations=1)


def _graph_of(function: Any) -> Any:
    # Without AutoGraph: there is no control flow to rewrite, and the rewriting of all that is
    # called takes a second.
    return tf.function(function, autograph=False, reduce_retracing=True)


def _weights(more: Sequence[np.ndarray | None]) -> np.ndarray | None:
    return more[0] if more else None


def _sum(total: list[Any] | None, gradients: list[Any]) -> list[Any]:
    if total is None:
        return gradients
    return [a + b for a, b in zip(total, gradients, strict=True)]


def _summed_rows(parts: list[tuple[np.ndarray, Any]], lazy: bool) -> tuple[Any, Any]:
    """The gradients of the same word in several batches, added."""
    if not lazy:
        return parts[0]
    joined = np.concatenate([rows for rows, _ in parts])
    rows, places = np.unique(joined, return_inverse=True)
    gradients = tf.concat([gradient for _, gradient in parts], axis=0)
    return rows, tf.math.unsorted_segment_sum(gradients, places, len(rows))
