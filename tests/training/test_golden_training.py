"""The original training, step for step: three runs of Google's code are reproduced."""

import numpy as np
import pytest

pytest.importorskip("keras")

from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.encoder.encoding import encode_hidden, encode_parts
from multilabel_bert.encoder.engines import make_engine
from multilabel_bert.text.tokenized_texts import TokenizedTexts
from multilabel_bert.training.batches import (
    FeatureInputs,
    HiddenInputs,
    TokenInputs,
)
from multilabel_bert.training.network import ClassifierNetwork
from multilabel_bert.training.settings import GOOGLE_PRESET, TrainingSettings
from multilabel_bert.training.targets import Targets
from multilabel_bert.training.trainer import (
    LabelledInputs,
    predict_logits,
    train_network,
)

STEPS = 12


def tokenized(golden):
    mask = golden["input_mask"].astype(bool)
    lengths = mask.sum(1)
    return TokenizedTexts(
        ids=golden["input_ids"][mask],
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        first_lengths=(mask & (golden["segment_ids"] == 0)).sum(1).astype(np.int32),
        full_lengths=lengths.astype(np.int32),
        unknown_counts=np.zeros(len(lengths), np.int32),
    )


def frozen_inputs(checkpoint, texts, engine, first_layer):
    config, tensors = checkpoint.config, checkpoint.tensors
    if first_layer is None:
        return TokenInputs(texts)
    if first_layer == config.num_hidden_layers:
        trunk = make_engine(config, tensors, ("pooled",), precision="float32", engine=engine)
        return FeatureInputs(encode_parts(trunk, texts)["pooled"])
    trunk = make_engine(
        config,
        tensors,
        ("sequence_output",),
        precision="float32",
        engine=engine,
        last_layer=first_layer,
    )
    hidden = encode_hidden(trunk, texts, config.hidden_size, np.float32)
    return HiddenInputs(hidden, texts.offsets)


@pytest.mark.parametrize("engine", ["openvino", "keras"])
@pytest.mark.parametrize(
    ("name", "first_layer", "logits_tolerance"),
    [("head", 3, 1e-5), ("top1", 2, 1e-5), ("full", None, 5e-4)],
)
def test_losses_and_final_logits_equal_the_original(
    shared_fixtures, engine, name, first_layer, logits_tolerance
):
    folder = shared_fixtures / "google_bert" / "tiny"
    golden = np.load(folder / "golden.npz")
    checkpoint = load_checkpoint(folder, vocab_file=folder.parent / "vocab.txt")
    inputs = frozen_inputs(checkpoint, tokenized(golden), engine, first_layer)
    network = ClassifierNetwork(
        checkpoint.config, first_layer=first_layer, pooling="pooled", labels=5, dropout=0.0
    )
    network.set_body_tensors(checkpoint.tensors)
    network.set_head(golden["output_weights"].T, golden["output_bias"])
    settings = TrainingSettings(
        **GOOGLE_PRESET
        | {
            "train_batch_size": len(golden["labels"]),
            "num_train_epochs": STEPS,
            "learning_rate": 1e-3,
            "warmup_proportion": 3 / STEPS,
            "dropout": 0.0,
        }
    ).resolved(checkpoint.config.hidden_size, len(golden["labels"]))
    train = LabelledInputs(inputs, Targets(golden["labels"]))
    history = train_network(network, train, settings)

    losses = [epoch["loss"] for epoch in history.epochs]
    np.testing.assert_allclose(losses, golden[f"train_{name}_losses"][:STEPS], atol=1e-5)
    logits = predict_logits(network, inputs)
    np.testing.assert_allclose(logits, golden[f"train_{name}_final_logits"], atol=logits_tolerance)
    kernel, bias = network.head_tensors()
    np.testing.assert_allclose(kernel.T, golden[f"train_{name}_final_output_weights"], atol=1e-5)
    np.testing.assert_allclose(bias, golden[f"train_{name}_final_output_bias"], atol=1e-5)


def test_logits_probabilities_and_loss_equal_the_original(shared_fixtures):
    from multilabel_bert.decision.logistic import sigmoid
    from multilabel_bert.training.losses import SigmoidCrossEntropy

    golden = np.load(shared_fixtures / "google_bert" / "tiny" / "golden.npz")
    np.testing.assert_allclose(sigmoid(golden["logits"]), golden["probabilities"], atol=1e-6)
    loss = float(SigmoidCrossEntropy()(golden["labels"], golden["logits"]))
    np.testing.assert_allclose(loss, golden["loss"], atol=1e-6)
    np.testing.assert_allclose(golden["per_example_loss"].mean(), loss, atol=1e-6)
