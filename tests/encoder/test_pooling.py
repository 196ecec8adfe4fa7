"""Representations: the same from OpenVINO, Keras and by hand; refused where they cannot be."""

import numpy as np
import pytest

from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.encoder.engines import make_engine
from multilabel_bert.encoder.openvino_graph import build_graph
from multilabel_bert.encoder.pooling import (
    PARTS,
    POOLINGS,
    check_pooling,
    combine,
    pooling_parts,
    representation_size,
)
from multilabel_bert.errors import SettingsError


@pytest.fixture(scope="module")
def checkpoint(deep_encoder):
    return load_checkpoint(deep_encoder)


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    mask = np.arange(9) < np.array([9, 4, 6])[:, None]
    return {
        "input_ids": np.where(mask, rng.integers(1, 15, mask.shape), 0).astype(np.int32),
        "attention_mask": mask.astype(np.int32),
        "token_type_ids": np.zeros(mask.shape, np.int32),
    }


def by_hand(checkpoint, batch, pooling):
    """From the output of each layer, padding left out."""
    rows = []
    for part in pooling_parts(pooling):
        how, _, below = part.partition("-")
        end = checkpoint.config.num_hidden_layers - int(below or 0)
        engine = make_engine(
            checkpoint.config,
            checkpoint.tensors,
            ("sequence_output",),
            precision="float32",
            last_layer=end,
        )
        (states,) = (out["sequence_output"] for out in engine.run([batch]))
        real = [
            row[: mask.sum()] for row, mask in zip(states, batch["attention_mask"], strict=True)
        ]
        kernel, bias = (checkpoint.tensors[f"pooler/dense/{name}"] for name in ("kernel", "bias"))
        functions = {
            "cls": lambda tokens: tokens[0],
            "mean": lambda tokens: tokens.mean(axis=0),
            "max": lambda tokens: tokens.max(axis=0),
            "pooled": lambda tokens, k=kernel, b=bias: np.tanh(tokens[0] @ k + b),
        }
        rows.append(np.stack([functions[how](tokens) for tokens in real]))
    return np.concatenate(rows, axis=1)


@pytest.mark.parametrize("engine", ["openvino", "keras"])
def test_parts_are_those_of_the_layers_without_padding(checkpoint, batch, engine):
    if engine == "keras":
        pytest.importorskip("keras")
    made = make_engine(
        checkpoint.config, checkpoint.tensors, PARTS, engine=engine, precision="float32"
    )
    (parts,) = made.run([batch])
    for pooling in POOLINGS:
        found = combine(parts, pooling)
        assert found.shape == (3, representation_size(pooling, 16))
        np.testing.assert_allclose(found, by_hand(checkpoint, batch, pooling), atol=1e-5)


def test_last4_is_four_layers_the_last_first():
    assert pooling_parts("cls_last4") == ("cls", "cls-1", "cls-2", "cls-3")
    assert representation_size("mean_last4", 8) == 32


@pytest.mark.parametrize(
    ("pooling", "layers", "pooler", "message"),
    [
        (
            "pooled",
            12,
            False,
            "pooling='pooled' needs a pooler, but bert has none. Use pooling='cl",
        ),
        (
            "mean_last4",
            3,
            True,
            "'mean_last4' needs 4 layers, but bert has 3. Use pooling='pooled'",
        ),
        ("mean+max", 12, True, "pooling='mean.max' is unknown. Use one of 'pooled', 'cls', 'mean'"),
    ],
)
def test_what_an_encoder_cannot_give_is_refused(pooling, layers, pooler, message):
    with pytest.raises(SettingsError, match=message):
        check_pooling(pooling, layers, pooler=pooler, origin="bert")
    for name in POOLINGS:
        check_pooling(name, 4)


def test_a_graph_without_the_layers_is_refused(checkpoint):
    with pytest.raises(SettingsError, match="'mean_last4' is made of 4 layers, but of the 5"):
        build_graph(checkpoint.config, checkpoint.tensors, outputs=("mean_last4",), first_layer=3)
    build_graph(checkpoint.config, checkpoint.tensors, outputs=("mean_last4",), first_layer=2)
