"""Each representation in training: trained layers, the cache, and what a quick head says of it."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from sklearn.linear_model import Ridge  # noqa: E402
from sklearn.metrics import average_precision_score  # noqa: E402

from multilabel_bert import MultiLabelClassifier  # noqa: E402
from multilabel_bert.encoder.checkpoint import load_checkpoint  # noqa: E402
from multilabel_bert.encoder.pooling import (  # noqa: E402
    AUTO_POOLINGS,
    BASE_PARTS,
    LOWER_CLS_PARTS,
    LOWER_MEAN_PARTS,
    PARTS,
    combine,
)
from multilabel_bert.progress import Progress  # noqa: E402
from multilabel_bert.text.tokenizer import BertTokenizer  # noqa: E402
from multilabel_bert.training.feature_cache import FeatureCache  # noqa: E402
from multilabel_bert.training.frozen_layers import FrozenLayers  # noqa: E402
from multilabel_bert.training.head_start import Standardizer  # noqa: E402
from multilabel_bert.training.quick_head import quick_scores  # noqa: E402
from multilabel_bert.training.targets import Targets  # noqa: E402


@pytest.fixture(scope="module")
def checkpoint(deep_encoder):
    return load_checkpoint(deep_encoder)


@pytest.mark.parametrize(
    ("train_layers", "pooling"),
    [(1, "mean_last4"), (4, "cls_last4"), ("all", "mean_last4"), (1, "max+mean")],
)
def test_trained_layers_predict_what_was_trained(
    deep_encoder, checkpoint, labelled_texts, train_layers, pooling
):
    texts, labels = labelled_texts
    model = MultiLabelClassifier(
        deep_encoder,
        train_layers=train_layers,
        pooling=pooling,
        num_train_epochs=2,
        max_seq_length=12,
        dropout=0.0,
        precision="float32",
        cache=None,
        verbose=False,
    ).fit(texts, labels, validation_data=(texts, labels))
    # The trainer's loss is of its own network, the other of the OpenVINO graph.
    assert model.dev_evaluation_.metrics["loss"] == pytest.approx(
        model.history_.epochs[-1]["val_loss"], rel=1e-4
    )
    lowest = 0 if train_layers == "all" else 5 - train_layers
    for index in range(5):
        name = f"encoder/layer_{index}/output/dense/kernel"
        same = np.array_equal(model.model_.tensors[name], checkpoint.tensors[name])
        assert same == (index < lowest), index


class TestCache:
    @pytest.fixture
    def texts(self, checkpoint, labelled_texts):
        tokenizer = BertTokenizer.from_files(checkpoint.tokenizer_files)
        return tokenizer.encode(labelled_texts[0], max_seq_length=12)

    def layers(self, checkpoint, outputs, directory, monkeypatch):
        """Frozen layers that note what they compute."""
        cache = None if directory is None else FeatureCache(directory)
        frozen = FrozenLayers(checkpoint, outputs, cache=cache, progress=Progress("silent"))
        computed = []
        compiled = frozen._compiled

        def noted(names):
            computed.append(names)
            return compiled(names)

        monkeypatch.setattr(frozen, "_compiled", noted)
        return frozen, computed

    def test_only_the_parts_that_are_not_there_are_computed(
        self, checkpoint, texts, tmp_path, monkeypatch
    ):
        plain, _ = self.layers(checkpoint, PARTS, None, monkeypatch)
        expected = plain.representations(texts, "")
        half = texts.subset(np.arange(60))
        for outputs, some, wanted in (
            (BASE_PARTS, half, [BASE_PARTS]),
            ((*BASE_PARTS, "max"), half, [("max",)]),
            (PARTS, texts, [PARTS, (*LOWER_CLS_PARTS, *LOWER_MEAN_PARTS)]),
            (PARTS, texts, []),
            (BASE_PARTS, texts, []),
        ):
            frozen, computed = self.layers(checkpoint, outputs, tmp_path, monkeypatch)
            found = frozen.representations(some, "")
            assert sorted(computed, key=len, reverse=True) == wanted
            for name in outputs:
                np.testing.assert_allclose(
                    found[name], expected[name][: len(some)], rtol=1e-2, atol=1e-2
                )

    def test_what_is_kept_is_in_half_precision(self, checkpoint, texts, tmp_path, monkeypatch):
        frozen, _ = self.layers(checkpoint, PARTS, tmp_path, monkeypatch)
        frozen.representations(texts, "")
        types = {np.load(file).dtype for file in tmp_path.rglob("values.npy")}
        assert types == {np.dtype(np.float16)}
        assert len(frozen.cache.list_stores()) == 4


class TestQuickHead:
    def test_it_is_ridge_regression(self):
        rng = np.random.default_rng(0)
        truth = rng.random((400, 4)) < 0.3
        signal = truth @ rng.normal(size=(4, 6)).astype(np.float32)
        parts = {"cls": signal + rng.normal(0, 2, signal.shape), "mean": 3 * signal + 1}
        parts["mean"] += rng.normal(0, 6, signal.shape)
        parts = {name: value.astype(np.float32) for name, value in parts.items()}
        cells = truth.astype(np.int8)
        train = {name: value[:300] for name, value in parts.items()}
        dev = {name: value[300:] for name, value in parts.items()}
        poolings = ["cls", "mean", "cls+mean"]
        scores = quick_scores(train, Targets(cells[:300]), dev, Targets(cells[300:]), poolings)
        for pooling in poolings:
            features = combine(train, pooling)
            scaler = Standardizer.of(features)
            ridge = Ridge(alpha=0.1 * 300).fit(scaler.apply(features), cells[:300])
            decisions = ridge.predict(scaler.apply(combine(dev, pooling)))
            expected = average_precision_score(cells[300:], decisions, average="macro")
            assert scores[pooling] == pytest.approx(expected, abs=2e-3)
        assert scores["cls+mean"] > max(scores["cls"], scores["mean"])

    def test_unknown_cells_have_no_weight(self):
        rng = np.random.default_rng(1)
        cells = (rng.random((300, 2)) < 0.5).astype(np.int8)
        features = {"cls": (cells + rng.normal(0, 1, cells.shape)).astype(np.float32)}
        unknown = cells.copy()
        unknown[:250, 0] = -1
        known, some = (
            quick_scores(features, Targets(c), features, Targets(cells), ["cls"])["cls"]
            for c in (cells, unknown)
        )
        assert some == pytest.approx(known, abs=0.05)

    @pytest.mark.parametrize("pooling", ["pooled", "max"])
    def test_a_run_says_what_other_representations_score(
        self, deep_encoder, labelled_texts, capsys, pooling
    ):
        model = MultiLabelClassifier(
            deep_encoder, pooling=pooling, num_train_epochs=1, max_seq_length=12, verbose=False
        )
        model.fit(*labelled_texts, progress=Progress("auto"))
        (line,) = [x for x in capsys.readouterr().err.splitlines() if "quick head" in x]
        assert line.startswith(
            f"Representations by a quick head (development macro average precision): {pooling} 0."
        )
        assert all(f" {name} 0." in line for name in AUTO_POOLINGS)
        model.set_params(compare_poolings=False).fit(*labelled_texts, progress=Progress("auto"))
        assert "quick head" not in capsys.readouterr().err
