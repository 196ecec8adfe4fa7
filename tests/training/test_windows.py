"""Windows of long texts: trained as they are predicted, stored, and streamed."""

import json

import numpy as np
import pytest

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from multilabel_bert import MultiLabelClassifier, Predictor  # noqa: E402
from multilabel_bert.encoder.checkpoint import load_checkpoint  # noqa: E402
from multilabel_bert.errors import ModelError  # noqa: E402
from multilabel_bert.model import logits_stream  # noqa: E402
from multilabel_bert.model import predictor as predictor_module  # noqa: E402
from multilabel_bert.text.long_texts import LongTexts  # noqa: E402
from multilabel_bert.text.tokenizer import BertTokenizer  # noqa: E402
from multilabel_bert.training.batches import TokenInputs, WindowedInputs  # noqa: E402
from multilabel_bert.training.losses import SigmoidCrossEntropy  # noqa: E402
from multilabel_bert.training.network import ClassifierNetwork  # noqa: E402
from multilabel_bert.training.trainer import predict_logits  # noqa: E402

WORDS = ["late", "parcel", "refund", "thanks", "broken", "login", "slow", "kind", "price"]


@pytest.fixture(scope="module")
def long_texts():
    """Texts of 0 to 40 words whose labels are words in them."""
    rng = np.random.default_rng(5)
    texts = [rng.choice(WORDS, size=rng.integers(0, 40)) for _ in range(60)]
    labels = [["late" in text[-5:], "refund" in text, "kind" in text[:3]] for text in texts]
    return [" ".join(text) for text in texts], np.array(labels, np.int8)


def make(encoder, **more):
    given = {
        "max_seq_length": 10,
        "stride": 2,
        "num_train_epochs": 2,
        "precision": "float32",
        "cache": None,
        "verbose": False,
    }
    return MultiLabelClassifier(encoder, **given | more)


@pytest.mark.parametrize("how", ["mean", "max"])
def test_logits_of_a_text_are_pooled_from_those_of_its_windows(tiny_encoder, long_texts, how):
    texts, labels = long_texts
    model = make(tiny_encoder, windows=how).fit(texts, labels)
    tokenizer = model.model_.tokenizer
    found = model.decision_function(texts)
    for text, logits in zip(texts[:12], found[:12], strict=True):
        words = text.split()
        starts = range(0, max(1, len(words) - 2), 6)
        windows = [" ".join(words[start : start + 8]) for start in starts]
        assert tokenizer.encode(windows).lengths.max() <= 10
        single = Predictor(model.model_).predict_logits(windows)
        by_hand = single.mean(axis=0) if how == "mean" else single.max(axis=0)
        np.testing.assert_allclose(logits, by_hand, atol=1e-5)


@pytest.mark.parametrize("train_layers", [0, 1, "all"])
@pytest.mark.parametrize("how", ["mean", "max"])
def test_what_is_trained_is_what_is_predicted(tiny_encoder, long_texts, train_layers, how):
    texts, labels = long_texts
    model = make(tiny_encoder, windows=how, train_layers=train_layers, dropout=0.0)
    model.fit(texts, labels, validation_data=(texts, labels))
    loss = model.history_.epochs[-1]["val_loss"]
    assert model.evaluate(texts, labels).metrics["loss"] == pytest.approx(loss, rel=1e-4)


def test_a_head_on_the_mean_of_windows_is_trained_on_averaged_features(tiny_encoder, long_texts):
    texts, labels = long_texts
    model = make(tiny_encoder, windows="mean", dev_fraction=0.0, pooling="mean", dropout=0.0)
    head = model.fit(texts, labels).model_
    network = ClassifierNetwork(
        head.config, first_layer=None, pooling="mean", labels=3, dropout=0.0, windows="mean"
    )
    network.set_body_tensors(head.tensors)
    network.set_head(head.kernel, head.bias)
    inputs = windowed(head.tokenizer, texts)
    np.testing.assert_allclose(
        predict_logits(network, inputs), model.decision_function(texts), atol=1e-4
    )


def windowed(tokenizer, texts):
    tokenized = tokenizer.encode(
        texts, max_seq_length=10, long_texts=LongTexts(windows="mean", stride=2)
    )
    return WindowedInputs(TokenInputs(tokenized), tokenized.window_offsets)


@pytest.fixture(scope="module")
def inputs(tiny_encoder, long_texts):
    tokenizer = BertTokenizer.from_files(load_checkpoint(tiny_encoder).tokenizer_files)
    return windowed(tokenizer, long_texts[0])


class TestBatches:
    def test_a_text_counts_all_its_slots_and_its_windows_stay_together(self, inputs):
        counts = np.diff(inputs.offsets)
        assert counts.max() > 3
        several = counts > 1
        assert (inputs.lengths[several] == 10 * counts[several]).all()
        texts = np.array([5, 0, 7])
        batch = inputs.batch(texts)
        assert len(batch["input_ids"]) == counts[texts].sum()
        for text, windows in zip(texts, batch["windows"], strict=True):
            rows = windows[windows >= 0]
            assert len(rows) == counts[text]
            for row, window in zip(rows, range(*inputs.offsets[text : text + 2]), strict=True):
                ids = inputs.rows.texts.text_ids(window)
                assert batch["input_ids"][row][: len(ids)].tolist() == ids.tolist()

    @pytest.mark.parametrize("how", ["mean", "max"])
    def test_gradients_are_those_of_the_pooled_loss(self, tiny_encoder, inputs, how):
        checkpoint = load_checkpoint(tiny_encoder)
        network = ClassifierNetwork(
            checkpoint.config, first_layer=None, pooling="cls", labels=3, dropout=0.0, windows=how
        )
        network.set_body_tensors(checkpoint.tensors)
        texts = np.argsort(-inputs.lengths)[:4]
        batch = inputs.batch(texts)
        targets = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 0]], np.float32)
        weights = network.trainable_variables
        loss_of = SigmoidCrossEntropy()
        with tf.GradientTape() as tape:
            loss = loss_of(targets, network(batch, training=False))
        together = tape.gradient(loss, [weight.value for weight in weights])
        # Each window through the network by itself, pooled by TensorFlow's own segments.
        alone = {name: value for name, value in batch.items() if name != "windows"}
        segments = np.repeat(np.arange(4), (batch["windows"] >= 0).sum(axis=1))
        pool = tf.math.segment_mean if how == "mean" else tf.math.segment_max
        with tf.GradientTape() as tape:
            loss = loss_of(targets, pool(network(alone, training=False), segments))
        apart = tape.gradient(loss, [weight.value for weight in weights])
        for a, b in zip(together, apart, strict=True):
            np.testing.assert_allclose(
                tf.convert_to_tensor(a), tf.convert_to_tensor(b), atol=1e-5, rtol=1e-4
            )


@pytest.fixture(scope="module")
def model(tiny_encoder, long_texts):
    return make(tiny_encoder, windows="max", max_windows=3, truncation="tail").fit(*long_texts)


class TestSaved:
    def test_it_is_stored_used_and_said(self, model, long_texts, tmp_path):
        model.save(tmp_path / "model")
        manifest = json.loads((tmp_path / "model" / "multilabel.json").read_text())
        assert manifest["long_texts"] == {
            "truncation": "tail", "windows": "max", "stride": 2, "max_windows": 3
        }  # fmt: skip
        # A program that knows no windows must not take it for a model that cuts.
        assert manifest["format_version"] == 2
        again = Predictor.load(tmp_path / "model")
        np.testing.assert_array_equal(
            again.predict_logits(long_texts[0]), model.predictor.predict_logits(long_texts[0])
        )
        card = (tmp_path / "model" / "README.md").read_text()
        assert "read in windows of 10 that share 2 tokens, at most 3" in card
        loaded = MultiLabelClassifier.load(tmp_path / "model")
        assert (loaded.windows, loaded.stride, loaded.max_windows) == ("max", 2, 3)
        manifest["long_texts"]["stride"] = 9
        (tmp_path / "model" / "multilabel.json").write_text(json.dumps(manifest))
        with pytest.raises(ModelError, match="stride=9 is more than half"):
            Predictor.load(tmp_path / "model")

    def test_a_model_that_cuts_is_written_as_before(self, tiny_encoder, long_texts, tmp_path):
        make(tiny_encoder, stride=0).fit(*long_texts).save(tmp_path / "model")
        manifest = json.loads((tmp_path / "model" / "multilabel.json").read_text())
        assert manifest["format_version"] == 1
        assert "long_texts" not in manifest

    def test_a_stream_keeps_order_and_chunks_and_holds_few_windows(
        self, model, long_texts, monkeypatch
    ):
        texts = long_texts[0]
        expected = model.predictor.predict_logits(texts)
        for module in (predictor_module, logits_stream):
            monkeypatch.setattr(module, "CHUNK_TEXTS", 7)
        chunks = [texts[:25], texts[25:26], texts[26:]]
        streamed = list(model.predictor.stream_logits((chunk, None) for chunk in chunks))
        assert [len(part) for part in streamed] == [25, 1, 34]
        np.testing.assert_allclose(np.concatenate(streamed), expected, atol=1e-5)
        np.testing.assert_allclose(model.predictor.predict_logits(texts), expected, atol=1e-5)

    def test_pairs_have_the_second_text_in_each_window(self, tiny_encoder, long_texts):
        texts, labels = long_texts
        pairs = list(zip(texts, ["thanks"] * len(texts), strict=True))
        model = make(tiny_encoder, windows="mean", stride=0).fit(pairs, labels)
        words = next(text.split() for text in texts if 6 < len(text.split()) <= 12)
        parts = [" ".join(words[:6]), " ".join(words[6:])]
        by_hand = model.predictor.predict_logits(parts, ["thanks"] * 2).mean(axis=0)
        found = model.predictor.predict_logits([" ".join(words)], ["thanks"])[0]
        np.testing.assert_allclose(found, by_hand, atol=1e-5)


def test_a_head_for_few_examples_is_not_fitted_on_another_pooling(tiny_encoder, long_texts):
    from multilabel_bert.errors import SettingsError

    model = make(tiny_encoder, windows="max", few_examples=True, num_train_epochs=None)
    with pytest.raises(SettingsError, match="windows='max' takes the maximum of the logits"):
        model.fit(*long_texts)


def test_windows_are_kept_in_the_cache_like_texts(tiny_encoder, long_texts, tmp_path, capsys):
    from multilabel_bert.progress import Progress

    model = make(tiny_encoder, windows="mean", cache=tmp_path)
    model.fit(*long_texts, progress=Progress("auto"))
    windows = model.predictor.tokenize(long_texts[0])
    capsys.readouterr()
    model.set_params(windows="max").fit(*long_texts, progress=Progress("auto"))
    said = [line for line in capsys.readouterr().err.splitlines() if "In the cache" in line]
    counts = [line.split(": ")[1].split(" windows")[0].split(" of ") for line in said]
    assert all(found == wanted for found, wanted in counts)
    assert sum(int(wanted) for _, wanted in counts) == len(windows)
