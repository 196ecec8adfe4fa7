"""This project's network in Keras on JAX: training steps and encoding of one fixed batch."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "jax"
# Half of the memory taken at once would hide what is used, and leave less to others.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import time
from typing import Any

import jax
import keras
import numpy as np
from answering import answer

from multilabel_bert.encoder.config import BertConfig
from multilabel_bert.training.network import ClassifierNetwork

LABELS = 28
_state: dict[str, Any] = {}


def load(sizes: dict[str, int], texts: int, tokens: int) -> dict[str, Any]:
    """Build and compile for one shape of batch; bfloat16 compute, float32 weights."""
    config = BertConfig(**sizes)
    network = ClassifierNetwork(
        config,
        first_layer=None,
        pooling="pooled",
        labels=LABELS,
        dropout=0.1,
        dtype="mixed_bfloat16",
    )
    optimizer = keras.optimizers.AdamW(1e-5, weight_decay=0.01)
    optimizer.build(network.trainable_variables)
    rng = np.random.default_rng(0)
    batch = {
        "input_ids": rng.integers(0, config.vocab_size, (texts, tokens)).astype(np.int32),
        "attention_mask": np.ones((texts, tokens), np.int32),
        "token_type_ids": np.zeros((texts, tokens), np.int32),
    }
    targets = (rng.random((texts, LABELS)) < 0.1).astype(np.float32)
    _state["batch"], _state["targets"] = jax.device_put((batch, targets))

    def loss_of(trainable: Any, rest: Any, batch: Any, targets: Any) -> Any:
        logits, rest = network.stateless_call(trainable, rest, batch, training=True)
        losses = keras.ops.binary_crossentropy(targets, logits, from_logits=True)
        return keras.ops.mean(losses), rest

    def step(state: Any, batch: Any, targets: Any) -> Any:
        trainable, rest, optimizer_state = state
        gradient_of = jax.value_and_grad(loss_of, has_aux=True)
        (loss, rest), gradients = gradient_of(trainable, rest, batch, targets)
        trainable, optimizer_state = optimizer.stateless_apply(
            optimizer_state, gradients, trainable
        )
        return loss, (trainable, rest, optimizer_state)

    def encode(trainable: Any, rest: Any, batch: Any) -> Any:
        return network.stateless_call(trainable, rest, batch, training=False)[0]

    # Copies: the step gives its state's memory to the next, and Keras holds the first.
    _state["training"] = jax.tree.map(
        jax.numpy.copy,
        (
            [variable.value for variable in network.trainable_variables],
            [variable.value for variable in network.non_trainable_variables],
            [variable.value for variable in optimizer.variables],
        ),
    )
    _state["step"] = jax.jit(step, donate_argnums=0)
    _state["encode"] = jax.jit(encode)
    losses = [train(1)["loss"], train(1)["loss"]]
    encode_texts(1)
    device = jax.devices()[0]
    return {"device": device.device_kind, "jax": jax.__version__, "first_losses": losses}


def train(steps: int) -> dict[str, float]:
    """Seconds of so many training steps, and the last loss."""
    started = time.perf_counter()
    for _ in range(steps):
        loss, _state["training"] = _state["step"](
            _state["training"], _state["batch"], _state["targets"]
        )
    loss.block_until_ready()
    return {"seconds": time.perf_counter() - started, "loss": float(loss)}


def encode_texts(steps: int) -> dict[str, float]:
    """Seconds of so many forward passes."""
    trainable, rest, _ = _state["training"]
    started = time.perf_counter()
    for _ in range(steps):
        logits = _state["encode"](trainable, rest, _state["batch"])
    logits.block_until_ready()
    return {"seconds": time.perf_counter() - started}


if __name__ == "__main__":
    answer({"load": load, "train": train, "encode": encode_texts})
