"""A classifier that goes on learning: from its own weights, with other layers and labels."""

import numpy as np
import pytest
from sklearn.base import clone

keras = pytest.importorskip("keras")

from multilabel_bert import Dataset, MultiLabelClassifier  # noqa: E402
from multilabel_bert.encoder.pooling import POOLINGS, lowest_layer  # noqa: E402
from multilabel_bert.errors import LabelError, SettingsError  # noqa: E402
from multilabel_bert.progress import Progress  # noqa: E402

QUICK = {
    "num_train_epochs": 2,
    "max_seq_length": 16,
    "precision": "float32",
    "cache": None,
    "verbose": False,
}
NAMES = ["delay", "refund", "praise"]
# Nothing moves, and everything else is as in a training.
STILL = {"learning_rate": 1e-30, "head_learning_rate": 1e-30}
SMALL_ENOUGH = [name for name in POOLINGS if lowest_layer([name]) < 2]


@pytest.fixture(scope="module")
def make(tiny_encoder):
    return lambda **more: MultiLabelClassifier(str(tiny_encoder), **QUICK | more)


@pytest.fixture(scope="module")
def saved(make, labelled_texts, tmp_path_factory):
    """A trained model on disk, from which each test opens its own copy."""
    path = tmp_path_factory.mktemp("continue") / "model"
    texts, labels = labelled_texts
    make(num_train_epochs=10).fit(texts, labels, label_names=NAMES).save(path)
    return path


@pytest.fixture
def trained(saved):
    return MultiLabelClassifier.load(saved).set_params(verbose=False, cache=None)


class TestTheStart:
    @pytest.mark.parametrize("pooling", SMALL_ENOUGH)
    @pytest.mark.parametrize(("before", "after"), [(True, True), (False, True), (True, False)])
    def test_logits_stay_while_nothing_moves(self, make, labelled_texts, pooling, before, after):
        texts, labels = labelled_texts
        model = make(pooling=pooling, standardize=before, learning_rate=0.02, dev_fraction=0)
        logits = model.fit(texts, labels).decision_function(texts)
        model.set_params(standardize=after, **STILL).fit(texts[:70], labels[:70])
        np.testing.assert_allclose(model.decision_function(texts), logits, atol=1e-5)

    @pytest.mark.parametrize("train_layers", [0, 1, "all"])
    def test_more_layers_start_where_the_head_left_off(self, trained, labelled_texts, train_layers):
        texts, labels = labelled_texts
        logits = trained.decision_function(texts)
        trained.set_params(train_layers=train_layers, dev_fraction=0, num_train_epochs=1, **STILL)
        trained.fit(texts, labels)
        np.testing.assert_allclose(trained.decision_function(texts), logits, atol=1e-5)

    def test_fewer_layers_keep_what_more_of_them_learned(self, make, labelled_texts):
        texts, labels = labelled_texts
        model = make(train_layers=1, dev_fraction=0, learning_rate=1e-3).fit(texts, labels)
        tensors = dict(model.model_.tensors)
        model.set_params(train_layers=0, learning_rate=None).fit(texts, labels)
        for name, tensor in tensors.items():
            np.testing.assert_array_equal(model.model_.tensors[name], tensor, err_msg=name)

    def test_two_fits_learn_more_than_one(self, make, labelled_texts):
        texts, labels = labelled_texts
        model = make(dev_fraction=0, learning_rate=0.01).fit(texts, labels)
        first = [epoch["loss"] for epoch in model.history_.epochs]
        model.fit(texts, labels)
        assert model.history_.epochs[0]["loss"] < first[-1]

    def test_without_warm_start_it_begins_anew(self, make, labelled_texts):
        model = make(warm_start=False).fit(*labelled_texts)
        first = model.model_.kernel
        np.testing.assert_array_equal(model.fit(*labelled_texts).model_.kernel, first)

    def test_a_clone_begins_anew(self, make, labelled_texts):
        model = make().fit(*labelled_texts)
        first = model.model_.kernel
        model.fit(*labelled_texts)
        np.testing.assert_array_equal(clone(model).fit(*labelled_texts).model_.kernel, first)

    def test_it_is_said(self, trained, labelled_texts, capsys):
        trained.fit(*labelled_texts, progress=Progress("auto"))
        assert "Going on from the trained model" in capsys.readouterr().err

    def test_a_loaded_model_goes_on(self, trained, labelled_texts):
        texts, labels = labelled_texts
        logits = trained.decision_function(texts)
        trained.set_params(dev_fraction=0, **STILL).fit(texts, labels)
        np.testing.assert_allclose(trained.decision_function(texts), logits, atol=1e-5)

    def test_a_fine_tuned_checkpoint_of_others_goes_on(self, saved, labelled_texts):
        texts, labels = labelled_texts
        model = MultiLabelClassifier.from_pretrained(saved, label_names=NAMES, **QUICK)
        logits = model.decision_function(texts)
        model.set_params(dev_fraction=0, train_layers=1, **STILL).fit(texts, labels)
        assert model.label_names_.tolist() == NAMES
        np.testing.assert_allclose(model.decision_function(texts), logits, atol=1e-5)

    def test_googles_fine_tuned_checkpoint_goes_on(self, shared_fixtures):
        folder = shared_fixtures / "google_bert"
        model = MultiLabelClassifier.from_pretrained(
            bert_config_file=folder / "tiny" / "bert_config.json",
            init_checkpoint=folder / "tiny" / "finetuned" / "model.ckpt-12",
            vocab_file=folder / "vocab.txt",
            label_names=list("abcde"),
            **QUICK | {"dev_fraction": 0, "train_layers": 1},
        )
        texts = ["Hello world, this is BERT.", "hello", "this is", "the world"]
        logits = model.decision_function(texts)
        model.set_params(**STILL).fit(texts, [["a"], ["b"], ["c", "d"], ["e"]])
        np.testing.assert_allclose(model.decision_function(texts), logits, atol=1e-5)
        model.set_params(learning_rate=0.01, head_learning_rate=None)
        model.fit(texts, [["a"], ["b"], ["c", "d"], ["e"]])
        assert np.abs(model.decision_function(texts) - logits).max() > 1e-3

    def test_auto_pooling_stays_with_what_was_chosen(self, make, labelled_texts):
        model = make(pooling="auto").fit(*labelled_texts)
        chosen = model.model_.pooling
        assert model.fit(*labelled_texts).model_.pooling == chosen

    def test_another_representation_is_refused(self, trained, labelled_texts):
        with pytest.raises(SettingsError, match="pooling='mean', but the head .* on 'pooled'"):
            trained.set_params(pooling="mean").fit(*labelled_texts)

    def test_another_encoder_is_refused(self, trained, labelled_texts, tiny_encoder):
        with pytest.raises(SettingsError, match="warm_start=False for a new head on another"):
            trained.set_params(encoder=str(tiny_encoder)).fit(*labelled_texts)
        trained.set_params(warm_start=False).fit(*labelled_texts)

    def test_the_model_says_what_it_was_continued_from(self, trained, labelled_texts):
        before = trained.model_
        provenance = trained.fit(*labelled_texts).model_.provenance
        assert provenance["continued_from"]["sha256"] == before.digest()
        assert provenance["continued_from"]["provenance"] == before.provenance
        assert provenance["encoder"] == before.provenance["encoder"]
        assert trained.model_.digest() != before.digest()


class TestLabels:
    def test_names_are_matched_in_any_order(self, trained, labelled_texts):
        texts, labels = labelled_texts
        logits = trained.decision_function(texts)
        order = [2, 0, 1]
        trained.set_params(dev_fraction=0, **STILL)
        trained.fit(texts, labels[:, order], label_names=[NAMES[x] for x in order])
        assert trained.label_names_.tolist() == ["praise", "delay", "refund"]
        np.testing.assert_allclose(trained.decision_function(texts), logits[:, order], atol=1e-5)

    def test_new_labels_are_added_and_absent_ones_kept(self, trained, labelled_texts):
        texts, labels = labelled_texts
        trained.set_thresholds([0.2, 0.3, 0.4])
        logits = trained.decision_function(texts)
        words = ["slow" in text.split() for text in texts]
        given = np.column_stack([words, labels[:, 1]])
        trained.set_params(dev_fraction=0, **STILL).fit(
            texts, given, label_names=["slow", "refund"]
        )
        assert trained.label_names_.tolist() == ["slow", "refund", "delay", "praise"]
        after = trained.decision_function(texts)
        np.testing.assert_allclose(after[:, 1:], logits[:, [1, 0, 2]], atol=1e-5)
        # The new one starts at its share of the texts.
        share = trained.predict_proba(texts)[:, 0].mean()
        assert abs(share - np.mean(words)) < 0.05
        thresholds = trained.model_.rule.thresholds
        np.testing.assert_allclose(thresholds, [0.5, 0.3, 0.2, 0.4], atol=1e-6)

    def test_lists_of_names_add_labels_after_the_old_ones(self, trained, labelled_texts):
        texts, labels = labelled_texts
        lists = [[NAMES[x] for x in np.flatnonzero(row[:2])] for row in labels]
        lists[0] = [*lists[0], "angry"]
        dev = (texts[:30], [*lists[:29], ["praise"]])
        trained.fit(texts[30:], [["angry"], *lists[31:]], validation_data=dev)
        assert trained.label_names_.tolist() == [*NAMES, "angry"]

    def test_a_new_label_is_learned(self, trained, labelled_texts):
        texts, labels = labelled_texts
        slow = np.array(["slow" in text.split() for text in texts])
        trained.set_params(num_train_epochs=60, learning_rate=0.02, dev_fraction=0)
        trained.fit(texts, np.column_stack([labels, slow]), label_names=[*NAMES, "slow"])
        scores = trained.predict_proba(texts)[:, 3]
        assert scores[slow].mean() > scores[~slow].mean() + 0.1

    def test_another_number_of_columns_needs_names(self, trained, labelled_texts):
        texts, labels = labelled_texts
        with pytest.raises(LabelError, match=r"has the labels 'delay', .*Name\s+the columns"):
            trained.fit(texts, np.column_stack([labels, labels]))

    def test_a_dataset_for_validation_may_lack_kept_labels(self, trained, labelled_texts):
        texts, labels = labelled_texts
        trained.set_thresholds([0.2, 0.3, 0.4])
        data = Dataset.from_arrays(texts, labels[:, :2], label_names=NAMES[:2])
        trained.fit(data[30:], validation_data=data[:30])
        assert trained.label_names_.tolist() == NAMES
        assert trained.model_.rule.thresholds[2] == np.float32(0.4)

    def test_labels_are_added_without_training(self, trained, labelled_texts):
        texts, _ = labelled_texts
        before = trained.decision_function(texts)
        trained.add_labels(["spam", "angry"], probability={"spam": 0.2, "angry": 0.01})
        np.testing.assert_array_equal(trained.decision_function(texts)[:, :3], before)
        probabilities = trained.predict_proba(texts)
        np.testing.assert_allclose(probabilities[:, 3:], [[0.2, 0.01]] * len(texts), rtol=1e-6)
        assert not trained.predict(texts)[:, 3:].any()
        assert trained.label_names_.tolist() == [*NAMES, "spam", "angry"]

    def test_labels_are_removed_without_training(self, trained, labelled_texts, tmp_path):
        texts, labels = labelled_texts
        trained.set_thresholds([0.2, 0.3, 0.4])
        before = trained.decision_function(texts)
        trained.remove_labels(["refund"])
        np.testing.assert_array_equal(trained.decision_function(texts), before[:, [0, 2]])
        trained.save(tmp_path / "fewer")
        again = MultiLabelClassifier.load(tmp_path / "fewer")
        assert again.label_names_.tolist() == ["delay", "praise"]
        np.testing.assert_allclose(again.model_.rule.thresholds, [0.2, 0.4])
        np.testing.assert_allclose(again.decision_function(texts), before[:, [0, 2]], atol=1e-4)
        again.set_params(verbose=False, cache=None).fit(texts, labels[:, [0, 2]])

    def test_groups_lose_removed_labels(self, make, labelled_texts):
        texts, labels = labelled_texts
        model = make(exclusive_groups=[NAMES], class_weight={"delay": 2.0})
        model.fit(texts, labels, label_names=NAMES).remove_labels(["delay"])
        assert model.model_.rule.exclusive_groups == ((0, 1),)
        assert model.exclusive_groups == [["refund", "praise"]]
        assert model.class_weight is None
        model.remove_labels(["praise"])
        assert model.model_.rule.exclusive_groups == ()
        assert model.exclusive_groups is None

    def test_a_label_that_was_added_starts_at_its_share_when_it_is_trained(
        self, trained, labelled_texts
    ):
        texts, labels = labelled_texts
        slow = np.array(["slow" in text.split() for text in texts])
        trained.add_labels(["slow"]).set_params(dev_fraction=0, **STILL)
        trained.fit(texts, np.column_stack([labels, slow]))
        assert abs(trained.predict_proba(texts)[:, 3].mean() - slow.mean()) < 0.05

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda m: m.add_labels(["delay"]), "has the label 'delay' already"),
            (lambda m: m.add_labels(["new"], probability=1.0), "between 0 and 1, got 1.0"),
            (lambda m: m.add_labels(["new"], probability={"nwe": 0.2}), "names 'nwe', which"),
            (lambda m: m.add_labels("new"), "expected a list of label names"),
            (lambda m: m.remove_labels(["refnd"]), "no label 'refnd'. Did you mean 'refund'"),
            (lambda m: m.remove_labels(NAMES), "names all 3 labels"),
        ],
    )
    def test_mistakes_are_said(self, trained, call, message):
        with pytest.raises((LabelError, SettingsError), match=message):
            call(trained)


class Interrupts(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


class TestStates:
    def test_after_ctrl_c_the_same_training_goes_on(self, make, labelled_texts, tmp_path):
        settings = {"train_layers": 1, "num_train_epochs": 4, "learning_rate": 1e-3}
        whole = make(**settings).fit(*labelled_texts).fit(*labelled_texts)
        model = make(**settings).fit(*labelled_texts)
        state = tmp_path / "state"
        model.set_params(callbacks=[Interrupts()]).fit(*labelled_texts, state_directory=state)
        assert model.history_.interrupted
        model.set_params(callbacks=None).fit(*labelled_texts, state_directory=state)
        np.testing.assert_array_equal(model.model_.kernel, whole.model_.kernel)
        assert len(model.history_.epochs) == 4

    def test_a_state_is_of_one_starting_head(self, make, labelled_texts, tmp_path):
        state = tmp_path / "state"
        settings = {"train_layers": 1, "learning_rate": 1e-3}
        make(**settings).fit(*labelled_texts, state_directory=state)
        other = make(**settings | {"train_layers": 0}).fit(*labelled_texts).set_params(**settings)
        with pytest.raises(SettingsError, match="had starting head=None"):
            other.fit(*labelled_texts, state_directory=state)

    def test_a_finished_state_gives_way_to_the_next_training(self, make, labelled_texts, tmp_path):
        state = tmp_path / "state"
        model = make(train_layers=1, learning_rate=1e-3)
        model.fit(*labelled_texts, state_directory=state)
        first = model.model_.kernel
        model.fit(*labelled_texts, state_directory=state)
        assert (model.model_.kernel != first).any()
        model.save(tmp_path / "model")
        assert not state.exists()
