"""The precision of the engines: OpenVINO against Keras in float32, bfloat16 against float32."""

import numpy as np
import pytest

from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.encoder.cpu_features import has_bfloat16
from multilabel_bert.encoder.encoding import encode_parts
from multilabel_bert.encoder.engines import make_engine
from multilabel_bert.encoder.pooling import BASE_PARTS
from multilabel_bert.text.tokenizer import BertTokenizer

TEXTS = [
    "My parcel never came, and nobody answers the phone.",
    "Thank you!",
    "The card was charged twice for one order; " * 6,
    "ok",
    "I asked for a refund in March. It is May now, and I am still waiting for the money.",
]


@pytest.fixture(scope="module")
def checkpoint(minilm):
    return load_checkpoint(minilm)


@pytest.fixture(scope="module")
def texts(checkpoint):
    tokenizer = BertTokenizer.from_files(checkpoint.tokenizer_files)
    return tokenizer.encode(TEXTS, None, max_seq_length=128)


def features(checkpoint, texts, **options):
    engine = make_engine(checkpoint.config, checkpoint.tensors, BASE_PARTS, **options)
    return encode_parts(engine, texts)


@pytest.fixture(scope="module")
def in_float32(checkpoint, texts):
    return features(checkpoint, texts, precision="float32", engine="openvino")


def test_openvino_in_float32_gives_what_keras_gives(checkpoint, texts, in_float32):
    expected = features(checkpoint, texts, precision="float32", engine="keras")
    for part in BASE_PARTS:
        np.testing.assert_allclose(in_float32[part], expected[part], rtol=0, atol=1e-4)


@pytest.mark.skipif(not has_bfloat16(), reason="this CPU has no instructions for bfloat16")
def test_features_in_bfloat16_are_within_a_twentieth_of_float32(checkpoint, texts, in_float32):
    rounded = features(checkpoint, texts, precision="bfloat16", engine="openvino")
    for part in BASE_PARTS:
        difference = np.abs(rounded[part] - in_float32[part]).max()
        # Not 0 either, or it was not computed in bfloat16.
        assert 0 < difference < 0.05, part
