"""What users hand to a classifier and its predictor: texts, labels and datasets of many kinds."""

import copy
import pickle

import numpy as np
import polars as pl
import pytest
from sklearn.model_selection import cross_val_predict, cross_validate

pytest.importorskip("keras")

from multilabel_bert import Dataset, MultiLabelClassifier
from multilabel_bert.errors import DataError, LabelError

NAMES = ["delay", "refund", "praise"]
TURNED = [2, 0, 1]


@pytest.fixture(scope="module")
def make(tiny_encoder):
    quick = {"num_train_epochs": 2, "max_seq_length": 16, "precision": "float32", "verbose": False}
    return lambda **more: MultiLabelClassifier(str(tiny_encoder), **quick | more)


@pytest.fixture(scope="module")
def fitted(make, labelled_texts):
    return make().fit(*labelled_texts, label_names=NAMES)


@pytest.fixture
def turned(labelled_texts):
    """The same texts, their label columns in another order."""
    texts, labels = labelled_texts
    return Dataset.from_arrays(
        texts, labels[:, TURNED], label_names=[NAMES[column] for column in TURNED]
    )


class TestDatasets:
    def test_columns_in_another_order_are_matched_by_name(
        self, make, fitted, turned, labelled_texts
    ):
        expected = fitted.evaluate(*labelled_texts).metrics["macro_f1"]
        assert fitted.evaluate(turned).metrics["macro_f1"] == expected
        assert fitted.outcome(turned).evaluation.metrics["macro_f1"] == expected
        by_dataset, by_arrays = (
            make().fit(*labelled_texts, label_names=NAMES, validation_data=dev).dev_evaluation_
            for dev in (turned, labelled_texts)
        )
        assert by_dataset.metrics["macro_f1"] == by_arrays.metrics["macro_f1"]

    def test_other_labels_are_refused(self, fitted, labelled_texts):
        texts, labels = labelled_texts
        other = Dataset.from_arrays(texts, labels, label_names=["delay", "refund", "thanks"])
        with pytest.raises(LabelError, match="has the labels .*'thanks'; expected .*'praise'"):
            fitted.evaluate(other)
        with pytest.raises(LabelError, match="has the labels 'delay', 'refund'; expected"):
            fitted.evaluate(Dataset.from_arrays(texts, labels[:, :2], label_names=NAMES[:2]))

    def test_they_are_predicted_as_their_texts(self, fitted, turned, labelled_texts):
        np.testing.assert_array_equal(
            fitted.predict_proba(turned), fitted.predict_proba(labelled_texts[0])
        )

    @pytest.mark.parametrize("given", ["dev.csv", ("a",), (1, 2, 3), 5])
    def test_validation_data_of_another_kind(self, make, labelled_texts, given):
        with pytest.raises(DataError, match=r"validation_data: expected \(texts, labels\)"):
            make().fit(*labelled_texts, validation_data=given)

    def test_validation_data_without_texts(self, make, labelled_texts):
        with pytest.raises(DataError, match="validation_data holds no texts"):
            make().fit(*labelled_texts, validation_data=([], np.zeros((0, 3))))


class TestTexts:
    def test_every_sequence_of_strings_gives_the_same(self, fitted, labelled_texts):
        texts = labelled_texts[0][:5]
        expected = fitted.predict_proba(texts)
        for run in (fitted.predict_proba, fitted.predictor.predict_proba):
            for given in (
                tuple(texts),
                np.array(texts),
                np.array(texts, object),
                pl.Series(texts),
                (text for text in texts),
            ):
                np.testing.assert_array_equal(run(given), expected)

    def test_the_predictor_takes_pairs_in_both_ways(self, fitted):
        predict = fitted.predictor.predict_proba
        np.testing.assert_array_equal(predict([("late", "refund")]), predict(["late"], ["refund"]))
        with pytest.raises(DataError, match="1 texts, but 2 second texts"):
            predict(["late"], ["refund", "kind"])
        with pytest.raises(DataError, match="texts are pairs already"):
            predict([("late", "refund")], ["refund"])

    @pytest.mark.parametrize(
        ("texts", "message"),
        [
            ("late parcel", "got one str. Put it into a list"),
            ({"late": 1}, "expected a list of strings, .* got dict"),
            (5, "got int"),
            (None, "got NoneType"),
            (["late", None], "text 1 .* is NoneType None"),
            (["late", float("nan")], "text 1 .* is float nan"),
            (pl.DataFrame({"message": ["late"]}), r"got a table. .* such as table\['message'\]"),
        ],
    )
    def test_what_is_no_list_of_texts(self, fitted, texts, message):
        for run in (fitted.predict, fitted.predictor.predict):
            with pytest.raises(DataError, match=message):
                run(texts)

    def test_the_tokenizer_takes_strings_alone(self, fitted):
        tokenizer = fitted.model_.tokenizer
        with pytest.raises(DataError, match="got one string"):
            tokenizer.encode("late")
        with pytest.raises(DataError, match="got tuple"):
            tokenizer.encode([("late", "refund")])

    def test_half_a_surrogate_pair_is_passed_over(self, fitted):
        np.testing.assert_array_equal(
            fitted.predict_proba(["late \ud83d refund"]), fitted.predict_proba(["late  refund"])
        )

    def test_long_and_strange_texts(self, fitted):
        texts = ["", " ", "\x00", "😀" * 50, "late " * 30_000, "x" * 100_000]
        assert np.isfinite(fitted.predict_proba(texts)).all()


class TestLabels:
    def test_a_single_value(self, make, labelled_texts):
        with pytest.raises(LabelError, match="labels: expected .* got int"):
            make().fit(labelled_texts[0], 5)

    def test_unknown_cells_that_scikit_learn_recoded_name_our_cross_validation(
        self, make, labelled_texts
    ):
        texts, labels = labelled_texts
        unknown = labels.copy()
        unknown[3:9, 1] = -1
        with pytest.raises(LabelError, match="use multilabel_bert.cross_validate"):
            cross_val_predict(make(dev_fraction=0), texts, unknown, cv=2, method="predict_proba")


class TestCopies:
    def test_a_fitted_classifier_can_be_pickled_and_copied(self, fitted, labelled_texts):
        texts = labelled_texts[0]
        expected = fitted.predict_proba(texts)
        for other in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
            np.testing.assert_array_equal(other.predict_proba(texts), expected)

    def test_worker_processes_give_their_estimators_back(self, make, labelled_texts):
        texts, labels = labelled_texts
        scores = cross_validate(
            make(dev_fraction=0), texts, labels, cv=2, n_jobs=2, return_estimator=True,
            error_score="raise",
        )  # fmt: skip
        assert scores["estimator"][1].predict(texts[:2]).shape == (2, 3)

    def test_tuning_compiles_nothing_anew(self, fitted, labelled_texts):
        other = copy.copy(fitted)
        engine = other.predictor._engine
        assert other.tune(*labelled_texts).predictor._engine is engine
