"""MultiLabelClassifier: what it trains, and that scikit-learn's tools work with it."""

import inspect

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

keras = pytest.importorskip("keras")

from multilabel_bert import Dataset, MultiLabelClassifier, cross_validate  # noqa: E402
from multilabel_bert.encoder.checkpoint import load_checkpoint  # noqa: E402
from multilabel_bert.errors import (  # noqa: E402
    CheckpointError,
    DataError,
    LabelError,
    SettingsError,
)

QUICK = {"num_train_epochs": 4, "max_seq_length": 16, "precision": "float32", "verbose": False}
NAMES = ["delay", "refund", "praise"]


@pytest.fixture(scope="module")
def make(tiny_encoder):
    return lambda **more: MultiLabelClassifier(str(tiny_encoder), **QUICK | more)


@pytest.fixture(scope="module")
def fitted(make, labelled_texts):
    texts, labels = labelled_texts
    return make(num_train_epochs=30, pooling="cls+mean").fit(texts, labels, label_names=NAMES)


class TestLearning:
    @pytest.mark.parametrize("train_layers", [0, 1, 2, "all"])
    def test_it_learns_and_trains_only_what_it_should(
        self, make, labelled_texts, tiny_encoder, train_layers
    ):
        texts, labels = labelled_texts
        model = make(
            train_layers=train_layers,
            num_train_epochs=10,
            train_batch_size=8,
            learning_rate=0.02 if train_layers == 0 else 0.003,
        ).fit(texts, labels)
        before, after = load_checkpoint(tiny_encoder).tensors, model.model_.tensors
        changed = {name for name in before if (before[name] != after[name]).any()}
        trained = {"all": 2}.get(train_layers, train_layers)
        layers = {int(n.split("_")[1].split("/")[0]) for n in changed if n.startswith("encoder/")}
        assert layers == set(range(2 - trained, 2))
        assert ("pooler/dense/kernel" in changed) == (train_layers != 0)
        assert ("embeddings/word_embeddings" in changed) == (train_layers == "all")
        losses = [epoch["loss"] for epoch in model.history_.epochs]
        assert losses[-1] < losses[0] - 0.02

    def test_frozen_layers_run_once_a_text(self, make, labelled_texts, monkeypatch):
        from multilabel_bert.encoder.openvino_engine import OpenVINOEngine

        texts, labels = labelled_texts
        run, seen = OpenVINOEngine.run, []

        def counting(self, batches):
            batches = list(batches)
            seen.append(sum(len(batch["input_ids"]) for batch in batches))
            return run(self, batches)

        monkeypatch.setattr(OpenVINOEngine, "run", counting)
        make(num_train_epochs=5, dev_fraction=0, cache=None).fit(texts, labels)
        assert seen == [120]

    def test_a_seed_repeats_to_the_last_bit(self, make, labelled_texts):
        texts, labels = labelled_texts
        first, again, other = (
            make(train_layers=1, seed=seed).fit(texts, labels).decision_function(texts[:9])
            for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, again)
        assert np.abs(first - other).max() > 1e-4

    def test_the_callers_random_state_is_untouched(self, make, labelled_texts):
        np.random.seed(5)
        expected = np.random.random()
        np.random.seed(5)
        make().fit(*labelled_texts)
        assert np.random.random() == expected

    def test_standardised_features_are_folded_into_the_dense_layer(self, make, labelled_texts):
        texts, labels = labelled_texts
        model = make(dev_fraction=0).fit(texts, labels)
        features = model.predictor._engine.run(
            [model.model_.tokenizer(texts[:5], max_seq_length=16)]
        )
        pooled = next(iter(features))["pooled"]
        np.testing.assert_allclose(
            pooled @ model.model_.kernel + model.model_.bias,
            model.decision_function(texts[:5]),
            atol=1e-5,
        )

    def test_the_bias_starts_at_the_prior(self, make, labelled_texts):
        texts, labels = labelled_texts
        model = make(num_train_epochs=1, learning_rate=1e-9, dev_fraction=0, dropout=0.0)
        rates = model.fit(texts, labels).predict_proba(texts).mean(axis=0)
        np.testing.assert_allclose(rates, labels.mean(axis=0), atol=0.02)

    def test_unknown_cells_neither_teach_nor_count(self, make, labelled_texts):
        texts, labels = labelled_texts
        unknown = labels.astype(float)
        unknown[::2, 1] = np.nan
        minus = np.where(np.isnan(unknown), -1, unknown)
        guess = np.where(np.isnan(unknown), 1, unknown)
        masked, by_minus, wrong = (
            make(dev_fraction=0).fit(texts, y).decision_function(texts[:5])
            for y in (unknown, minus, guess)
        )
        np.testing.assert_array_equal(masked, by_minus)
        assert np.abs(masked[:, 1] - wrong[:, 1]).max() > 1e-3

    def test_class_weights_raise_the_recall(self, make, labelled_texts):
        texts, labels = labelled_texts
        plain, by_name, balanced = (
            make(class_weight=w, dev_fraction=0, num_train_epochs=20)
            .fit(texts, labels, label_names=NAMES)
            .predict_proba(texts)
            .mean(axis=0)
            for w in (None, {"refund": 20.0}, "balanced")
        )
        assert by_name[1] > plain[1] + 0.05
        assert abs(by_name[0] - plain[0]) < 0.05
        assert (balanced > plain).all()

    def test_early_stopping_keeps_the_best_epoch(self, make, labelled_texts):
        texts, labels = labelled_texts
        model = make(
            num_train_epochs=40,
            early_stopping="loss",
            early_stopping_patience=2,
            learning_rate=1.0,
            threshold_strategy="fixed",
        ).fit(texts, labels)
        history = model.history_
        assert history.stopped_early
        losses = [epoch["val_loss"] for epoch in history.epochs]
        assert history.best_epoch == int(np.argmin(losses)) + 1
        assert model.dev_evaluation_.metrics["loss"] == pytest.approx(min(losses), abs=1e-4)

    def test_keras_callbacks_are_called_and_can_stop(self, make, labelled_texts):
        class Stop(keras.callbacks.Callback):
            logs = None

            def on_epoch_end(self, epoch, logs=None):
                self.logs = logs
                self.model.stop_training = epoch == 1

        stop = Stop()
        model = make(callbacks=[stop]).fit(*labelled_texts)
        assert len(model.history_.epochs) == 2
        assert {"loss", "val_loss", "val_macro_f1", "val_macro_average_precision"} <= set(stop.logs)

    def test_keras_callbacks_can_write_the_network_and_be_cloned(
        self, make, labelled_texts, tmp_path
    ):
        texts, labels = labelled_texts
        model = make(
            train_layers=1,
            callbacks=[
                keras.callbacks.ModelCheckpoint(tmp_path / "network.keras"),
                keras.callbacks.CSVLogger(tmp_path / "log.csv"),
            ],
        ).fit(texts, labels)
        kernel = keras.models.load_model(tmp_path / "network.keras").head.kernel
        np.testing.assert_array_equal(np.asarray(kernel.value), model.model_.kernel)
        assert "val_macro_f1" in (tmp_path / "log.csv").read_text()

    def test_callbacks_that_were_used_can_be_cloned(self, make, labelled_texts):
        model = make(callbacks=[keras.callbacks.EarlyStopping()]).fit(*labelled_texts)
        assert clone(model).fit(*labelled_texts).history_.epochs

    @pytest.mark.parametrize("train_layers", [0, 1, "all"])
    def test_a_global_dtype_policy_changes_nothing(self, make, labelled_texts, train_layers):
        def logits():
            model = make(train_layers=train_layers, num_train_epochs=1).fit(*labelled_texts)
            return model.decision_function(labelled_texts[0])

        expected = logits()
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            np.testing.assert_array_equal(logits(), expected)
        finally:
            keras.config.set_dtype_policy("float32")

    def test_the_keras_engine_gives_the_same_whatever_the_policy(self, fitted, labelled_texts):
        from multilabel_bert import Predictor

        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            predictor = Predictor(fitted.model_, engine="keras")
        finally:
            keras.config.set_dtype_policy("float32")
        texts = labelled_texts[0][:20]
        np.testing.assert_allclose(
            predictor.predict_logits(texts), fitted.decision_function(texts), atol=1e-4
        )

    def test_ctrl_c_keeps_the_best_epoch_so_far(self, make, labelled_texts, capsys):
        class Interrupt(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                if self.params and len(model.history) == 2:
                    raise KeyboardInterrupt

            def on_epoch_end(self, epoch, logs=None):
                model.history.append(logs)

        class model:  # noqa: N801 - a bag for what the callback saw
            history: list = []  # noqa: RUF012

        from multilabel_bert.progress import Progress

        fitted = make(num_train_epochs=9, callbacks=[Interrupt()]).fit(
            *labelled_texts, progress=Progress("auto")
        )
        assert fitted.history_.interrupted
        assert fitted.history_.best_epoch in (1, 2)
        assert "Interrupted: keeping epoch" in capsys.readouterr().err
        assert fitted.predict(labelled_texts[0]).shape == (120, 3)

    def test_auto_pooling_takes_the_best_on_the_development_split(self, make, labelled_texts):
        model = make(pooling="auto", num_train_epochs=10).fit(*labelled_texts)
        scores = model.representation_scores_
        assert set(scores) == {"pooled", "cls", "mean", "cls+mean"}
        assert model.model_.pooling == max(scores, key=scores.get)

    def test_pairs(self, make, labelled_texts):
        texts, labels = labelled_texts
        pairs = list(zip(texts, texts[::-1], strict=True))
        model = make(num_train_epochs=1).fit(pairs, labels)
        assert model.predict_proba(pairs[:3]).shape == (3, 3)
        swapped = [(b, a) for a, b in pairs[:3]]
        assert np.abs(model.predict_proba(pairs[:3]) - model.predict_proba(swapped)).max() > 0

    def test_label_names_lists(self, make, labelled_texts):
        texts, labels = labelled_texts
        lists = [[NAMES[i] for i in np.flatnonzero(row)] for row in labels]
        model = make(num_train_epochs=20, pooling="cls+mean").fit(texts, lists, label_names=NAMES)
        assert list(model.label_names_) == NAMES
        found = model.predict_labels(["late refund", "price"])
        assert all(set(names) <= set(NAMES) for names in found)

    def test_the_google_preset_is_the_original(self, make):
        settings = make(preset="google", num_train_epochs=None)._settings()
        assert settings.optimizer == "google"
        assert settings.train_batch_size == 32
        assert (settings.standardize, settings.prior_bias) == (False, False)
        assert (settings.learning_rate, settings.num_train_epochs) == (5e-5, 3)

    def test_exclusive_groups_give_exactly_one(self, make, labelled_texts):
        model = make(exclusive_groups=[["delay", "refund"]]).fit(*labelled_texts, label_names=NAMES)
        assert (model.predict(labelled_texts[0])[:, :2].sum(axis=1) == 1).all()


class TestSavingAndLoading:
    def test_loading_gives_identical_probabilities_and_labels(
        self, fitted, labelled_texts, tmp_path
    ):
        fitted.save(tmp_path / "model")
        again = MultiLabelClassifier.load(tmp_path / "model")
        texts = labelled_texts[0]
        np.testing.assert_array_equal(again.predict_proba(texts), fitted.predict_proba(texts))
        np.testing.assert_array_equal(again.predict(texts), fitted.predict(texts))
        assert again.train_layers == 0
        assert again.pooling == "cls+mean"

    def test_settings_of_a_grid_search_can_be_saved(self, make, labelled_texts, tmp_path):
        texts, labels = labelled_texts
        model = make(
            seed=np.int64(3), dropout=np.float64(0.2), class_weight=np.array([1.0, 2.0, 3.0])
        )
        model.fit(texts, labels).save(tmp_path / "model")
        again = MultiLabelClassifier.load(tmp_path / "model")
        assert again.class_weight == [1.0, 2.0, 3.0]
        assert again.precision == "float32"

    @pytest.mark.parametrize(
        "weights",
        [
            list(np.array([1, 2, 3], np.float32)),
            {"label_0": np.float32(2)},
            pl.Series([1.0, 2.0, 3.0]),
        ],
    )
    def test_weights_of_any_numbers_can_be_saved(self, make, labelled_texts, tmp_path, weights):
        make(class_weight=weights, max_labels=np.int64(2)).fit(*labelled_texts).save(tmp_path / "m")
        again = MultiLabelClassifier.load(tmp_path / "m")
        assert again.class_weight in ([1.0, 2.0, 3.0], {"label_0": 2.0})
        assert again.max_labels == 2

    def test_loading_keeps_how_thresholds_are_tuned(self, make, labelled_texts, tmp_path):
        model = make(threshold_strategy="global", threshold_metric="micro_f1")
        model.fit(*labelled_texts).save(tmp_path / "model")
        again = MultiLabelClassifier.load(tmp_path / "model").tune(*labelled_texts)
        assert (again.model_.rule.strategy, again.model_.rule.tuned_for) == ("global", "micro_f1")

    def test_what_transformers_cannot_express_is_said(self, fitted, tmp_path, capsys):
        from multilabel_bert.progress import Progress

        fitted.save(tmp_path / "model", progress=Progress("auto"))
        assert "`cls+mean`, which transformers' classification class" in capsys.readouterr().err

    def test_a_loaded_head_can_be_followed_by_training_layers(self, make, labelled_texts, tmp_path):
        make().fit(*labelled_texts).save(tmp_path / "model")
        again = MultiLabelClassifier.load(tmp_path / "model").set_params(train_layers=1)
        again.set_params(verbose=False, num_train_epochs=1).fit(*labelled_texts)
        assert again._settings().learning_rate is None

    def test_thresholds_can_be_set(self, fitted, labelled_texts, tmp_path):
        fitted.save(tmp_path / "model")
        model = MultiLabelClassifier.load(tmp_path / "model")
        model.set_thresholds({"refund": 0.0})
        assert model.predict(labelled_texts[0])[:, 1].all()
        with pytest.raises(SettingsError, match="names 'refnd', .* Did you mean 'refund'"):
            model.set_thresholds({"refnd": 0.5})
        with pytest.raises(SettingsError, match="has shape .2,., but there are 3 labels"):
            model.set_thresholds([0.5, 0.5])

    def test_a_fine_tuned_google_checkpoint_opens(self, shared_fixtures):
        folder = shared_fixtures / "google_bert"
        model = MultiLabelClassifier.from_pretrained(
            bert_config_file=folder / "tiny" / "bert_config.json",
            init_checkpoint=folder / "tiny" / "finetuned" / "model.ckpt-12",
            vocab_file=folder / "vocab.txt",
            label_names=list("abcde"),
            max_seq_length=48,
        )
        assert model.predict_proba(["Hello world, this is BERT."]).shape == (1, 5)
        assert list(model.label_names_) == list("abcde")


class TestScikitLearn:
    def test_parameters_are_as_they_were_given(self, tiny_encoder):
        names = set(inspect.signature(MultiLabelClassifier).parameters)
        model = MultiLabelClassifier(str(tiny_encoder), train_layers="nonsense", dropout=7)
        assert set(model.get_params()) == names
        assert clone(model).get_params() == model.get_params()
        assert model.set_params(dropout=0.2).dropout == 0.2

    @pytest.mark.parametrize("labels", [1, 2, 5])
    def test_tools_work_on_a_real_fit(self, make, labelled_texts, labels):
        texts = np.array(labelled_texts[0], dtype=object)[:60]
        y = np.random.default_rng(0).integers(0, 2, (60, labels)).astype(np.int8)
        model = make(num_train_epochs=1, dev_fraction=0)
        for method in ("predict_proba", "decision_function", "predict"):
            out = cross_val_predict(model, texts, y, cv=2, method=method)
            assert out.shape == (60, labels)
        for scoring in ("roc_auc", "average_precision", "f1_macro", None):
            scores = cross_val_score(model, texts, y, cv=2, scoring=scoring, error_score="raise")
            assert np.isfinite(scores).all()

    @pytest.mark.parametrize("labels", [1, 2, 5])
    def test_scores_are_those_of_the_right_columns(self, fitted, labelled_texts, labels):
        from sklearn.metrics import average_precision_score, get_scorer, roc_auc_score

        texts, y = labelled_texts
        columns = [0, 1, 2, 0, 1][:labels]

        class Columns(MultiLabelClassifier):
            def decision_function(self, texts):
                return fitted.decision_function(texts)[:, columns]

        model = Columns()
        model.model_ = fitted.model_
        model.classes_ = np.tile(np.arange(2), (labels, 1))
        expected = fitted.decision_function(texts)[:, columns]
        y = y[:, columns]
        for name, function in (
            ("roc_auc", roc_auc_score),
            ("average_precision", average_precision_score),
        ):
            assert get_scorer(name)(model, texts, y) == pytest.approx(function(y, expected))

    @pytest.mark.parametrize("labels", [1, 2, 5])
    def test_grid_search_with_several_scorers(self, make, labelled_texts, labels):
        texts = np.array(labelled_texts[0], dtype=object)[:60]
        y = np.random.default_rng(0).integers(0, 2, (60, labels)).astype(np.int8)
        search = GridSearchCV(
            make(num_train_epochs=1, dev_fraction=0),
            {"dropout": [0.0, 0.3]},
            cv=2,
            scoring=["roc_auc", "average_precision", "f1_macro"],
            refit="roc_auc",
            error_score="raise",
        ).fit(texts, y)
        assert search.predict_proba(texts[:4]).shape == (4, labels)
        assert np.isfinite(search.cv_results_["mean_test_average_precision"]).all()

    def test_grid_search_in_a_pipeline(self, make, labelled_texts):
        texts, y = np.array(labelled_texts[0], dtype=object), labelled_texts[1]
        pipeline = Pipeline(
            [
                ("strip", FunctionTransformer(lambda t: [str(x).strip() for x in t])),
                ("bert", make(num_train_epochs=2, dev_fraction=0)),
            ]
        )
        search = GridSearchCV(
            pipeline,
            {"bert__pooling": ["pooled", "mean"]},
            cv=2,
            scoring="average_precision",
            error_score="raise",
        )
        search.fit(texts, y)
        assert set(search.best_params_) == {"bert__pooling"}
        assert search.predict(texts[:4]).shape == (4, 3)

    def test_score_is_macro_f1(self, fitted, labelled_texts):
        from sklearn.metrics import f1_score

        texts, y = labelled_texts
        expected = f1_score(y, fitted.predict(texts), average="macro", zero_division=0)
        assert fitted.score(texts, y) == pytest.approx(expected)

    def test_unfitted(self, make):
        from sklearn.exceptions import NotFittedError

        with pytest.raises(NotFittedError):
            make().predict(["x"])


class TestCrossValidation:
    def test_every_text_is_predicted_by_a_model_that_has_not_seen_it(self, make, labelled_texts):
        texts, labels = labelled_texts
        unknown = labels.astype(float)
        unknown[3:20, 2] = np.nan
        result = cross_validate(
            make(num_train_epochs=20, pooling="cls+mean"), texts, unknown, folds=3
        )
        assert result.probabilities.shape == (120, 3)
        assert sorted(set(result.folds)) == [0, 1, 2]
        assert len(result.evaluations) == 3
        mean, deviation = result.mean("macro_f1")
        assert 0 <= mean <= 1
        assert deviation >= 0
        for text in set(texts):
            rows = [i for i, t in enumerate(texts) if t == text]
            assert len({int(result.folds[i]) for i in rows}) == 1


class Unreachable(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        raise AssertionError("the training began")


class Poison(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        self.model.head.bias.assign(np.full(3, np.nan, np.float32))


class TestErrors:
    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"train_layers": 3}, "train_layers=3, but this encoder has 2 layers"),
            ({"pooling": "polled"}, "pooling='polled' is unknown. Did you mean 'pooled'?"),
            ({"max_seq_length": 64}, "max_seq_length=64, but .* position embeddings for 32"),
            ({"learning_rate": -1}, "learning_rate=-1 must be above 0"),
            ({"num_train_epochs": 0}, "num_train_epochs=0 must be a whole number of at least 1"),
            ({"dropout": 1.0}, "dropout=1.0 must be at least 0 and at most 0.99"),
            ({"optimizer": "adam"}, "optimizer='adam' is unknown. Did you mean 'adamw'?"),
            ({"early_stopping": "makro_f1"}, "early_stopping='makro_f1' is no metric"),
            ({"early_stopping": "loss", "dev_fraction": 0}, "needs a development split"),
            ({"pooling": "auto", "train_layers": 1}, "pooling='auto' needs train_layers=0"),
            ({"standardize": True, "train_layers": 1}, "standardize=True needs train_layers=0"),
            ({"class_weight": "heavy"}, "class_weight='heavy' is unknown"),
            ({"class_weight": {"refnd": 2}}, "class_weight names 'refnd', which is no label"),
            ({"class_weight": [1, 2]}, "class_weight must be 3 positive numbers"),
            ({"threshold_strategy": "best"}, "strategy='best' is unknown"),
            ({"threshold_metric": "f1"}, "'f1'"),
            ({"dev_fraction": 1.0}, "dev_fraction=1.0 must be at least 0 and below 1"),
            ({"empty_prediction": "top"}, "empty_prediction='top' is unknown"),
            ({"preset": "googel"}, "preset='googel' is unknown"),
            ({"precision": "float16"}, "precision='float16' is unknown"),
            ({"exclusive_groups": "columns"}, "needs data with categorical label columns"),
            ({"exclusive_groups": [["delay", "x"]]}, "exclusive_groups names 'x'"),
            ({"exclusive_groups": 5}, "exclusive_groups=5 cannot be used. Expected lists"),
            ({"exclusive_groups": ["delay", "refund"]}, "exclusive_groups holds 'delay'"),
            ({"class_weight": {"delay": "x"}}, "class_weight must be 3 positive numbers"),
            ({"dev_fraction": "0.1"}, "dev_fraction='0.1' must be at least 0"),
            ({"dev_fraction": None}, "dev_fraction=None must be at least 0"),
            ({"seed": 2**33}, "seed=8589934592 must be a whole number of at most 4294967295"),
            ({"early_stopping": ["loss"]}, r"early_stopping=\['loss'\] is no metric"),
            ({"callbacks": keras.callbacks.TerminateOnNaN()}, "expected a list of Keras callback"),
            ({"callbacks": [keras.callbacks.TerminateOnNaN]}, "expected a list of Keras callback"),
            ({"callbacks": [print]}, "expected a list of Keras callbacks, got <built-in"),
            ({"callbacks": [keras.callbacks.ReduceLROnPlateau()]}, "cannot change the learning"),
        ],
    )
    def test_settings(self, make, labelled_texts, parameters, message):
        with pytest.raises(SettingsError, match=message):
            make(**parameters).fit(*labelled_texts, label_names=NAMES)

    def test_contradicting_groups_are_told_before_the_training(self, make, labelled_texts):
        groups = [["delay", "refund"], ["refund", "praise"]]
        with pytest.raises(SettingsError, match="names the column 1 twice"):
            make(exclusive_groups=groups, callbacks=[Unreachable()]).fit(
                *labelled_texts, label_names=NAMES
            )

    def test_a_label_name_that_no_file_can_hold_is_told_before_the_training(
        self, make, labelled_texts
    ):
        with pytest.raises(LabelError, match=r"'\\ud83d' holds half of a surrogate pair"):
            make(callbacks=[Unreachable()]).fit(
                *labelled_texts, label_names=["delay", "\ud83d", "praise"]
            )

    @pytest.mark.parametrize("thresholds", ["high", {"refund": "high"}])
    def test_thresholds_that_are_no_numbers(self, fitted, thresholds):
        with pytest.raises(SettingsError, match="expected numbers from 0 to 1, got 'high'"):
            fitted.set_thresholds(thresholds)

    @pytest.mark.parametrize("encoder", [5, keras.callbacks.Callback()])
    def test_an_encoder_that_is_no_path(self, encoder):
        with pytest.raises(CheckpointError, match="must be a path or a name, got "):
            MultiLabelClassifier(encoder, verbose=False).fit(list("abc"), [[1], [0], [1]])

    def test_labels_that_are_neither_0_nor_1(self, make, labelled_texts):
        texts, labels = labelled_texts
        with pytest.raises(LabelError, match="2"):
            make().fit(texts, labels * 2)

    def test_no_positive_at_all(self, make, labelled_texts):
        texts, labels = labelled_texts
        with pytest.raises(LabelError, match="no text has any of the 3 labels"):
            make().fit(texts, labels * 0)

    def test_divergence_is_said(self, make, labelled_texts):
        with pytest.raises(SettingsError, match="the training diverged. Use a learning_rate below"):
            make(callbacks=[Poison()]).fit(*labelled_texts)

    def test_texts_that_are_no_texts(self, make):
        with pytest.raises(DataError, match="got one str. Put it into a list"):
            make().fit("one text", [[1]])
        with pytest.raises(DataError, match="not a string|None"):
            make().fit(["a", None], [[1], [0]])
        with pytest.raises(DataError, match="no labels"):
            make().fit(["a"])
        with pytest.raises(DataError, match="no texts"):
            make().fit(Dataset.from_arrays([], np.zeros((0, 2))))

    def test_another_number_of_labels(self, make, labelled_texts):
        texts, labels = labelled_texts
        with pytest.raises(DataError, match="119"):
            make().fit(texts, labels[:-1])

    def test_an_encoder_that_is_not_there(self):
        with pytest.raises(CheckpointError, match="nowhere-at-all"):
            MultiLabelClassifier("./nowhere-at-all", verbose=False).fit(
                list("abc"), [[1], [0], [1]]
            )
