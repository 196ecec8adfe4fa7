"""BERT in Keras: golden values of the original code, and its use as a layer."""

import json

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from multilabel_bert.encoder.config import BertConfig  # noqa: E402
from multilabel_bert.encoder.keras_encoder import BertEncoder, read_tensors  # noqa: E402
from multilabel_bert.errors import CheckpointError, SettingsError  # noqa: E402

CONFIG = BertConfig(
    vocab_size=40,
    hidden_size=16,
    num_hidden_layers=3,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=12,
    hidden_dropout_prob=0.1,
    attention_probs_dropout_prob=0.1,
)


def random_batch(texts=4, tokens=7, seed=0):
    rng = np.random.default_rng(seed)
    mask = (np.arange(tokens) < rng.integers(2, tokens + 1, texts)[:, None]).astype(np.int32)
    return {
        "input_ids": rng.integers(1, CONFIG.vocab_size, (texts, tokens)).astype(np.int32) * mask,
        "attention_mask": mask,
        "token_type_ids": rng.integers(0, 2, (texts, tokens)).astype(np.int32) * mask,
    }


@pytest.fixture(scope="module")
def encoder():
    keras.utils.set_random_seed(0)
    return BertEncoder(CONFIG)


def numpy(x):
    return np.asarray(keras.ops.convert_to_numpy(x))


class TestGolden:
    @pytest.fixture(params=["tiny", "minilm"])
    def google(self, request, shared_fixtures):
        folder = shared_fixtures / "google_bert" / request.param
        golden = np.load(folder / "golden.npz")
        if request.param == "tiny":
            encoder = BertEncoder.from_pretrained(
                bert_config_file=folder / "bert_config.json",
                init_checkpoint=folder / "bert_model.ckpt",
                vocab_file=folder.parent / "vocab.txt",
                output_hidden_states=True,
            )
            return encoder, golden, 1e-5
        # Real weights in Google's code, which has the tanh form of GELU.
        minilm = request.getfixturevalue("minilm")
        theirs = BertEncoder.from_pretrained(minilm)
        config = json.loads((folder / "bert_config.json").read_text())
        encoder = BertEncoder(
            BertConfig.from_google(config, "bert_config.json"), output_hidden_states=True
        )
        encoder.set_tensors(read_tensors(theirs.tensor_variables()))
        return encoder, golden, 1e-4

    def test_every_value_equals_the_original(self, google):
        encoder, golden, tolerance = google
        outputs = encoder(
            {
                "input_ids": golden["input_ids"],
                "attention_mask": golden["input_mask"],
                "token_type_ids": golden["segment_ids"],
            }
        )
        states = [numpy(state) for state in outputs["hidden_states"]]
        real = golden["input_mask"].astype(bool)
        if "embedding_output" in golden:
            np.testing.assert_allclose(states[0], golden["embedding_output"], atol=tolerance)
            expected_states = zip(states[1:], golden["layers"], strict=True)
        else:
            expected_states = zip((states[1], states[-1]), golden["layers"], strict=True)
        for state, expected in expected_states:
            np.testing.assert_allclose(state[real], expected[real], atol=tolerance)
        np.testing.assert_allclose(
            numpy(outputs["sequence_output"])[real],
            golden["sequence_output"][real],
            atol=tolerance,
        )
        pooled = numpy(outputs["pooled_output"])
        np.testing.assert_allclose(pooled, golden["pooled_output"], atol=tolerance)
        logits = pooled @ golden["output_weights"].T + golden["output_bias"]
        np.testing.assert_allclose(logits, golden["logits"], atol=tolerance)

    def test_a_hugging_face_classifier_equals_transformers(self, shared_fixtures):
        from multilabel_bert.encoder.checkpoint import load_checkpoint

        folder = shared_fixtures / "hf" / "bert-tiny-multilabel"
        golden = np.load(folder / "golden.npz")
        checkpoint = load_checkpoint(folder)
        encoder = BertEncoder.from_checkpoint(checkpoint, output="pooled_output")
        names = ("input_ids", "attention_mask", "token_type_ids")
        pooled = numpy(encoder({name: golden[name].astype(np.int32) for name in names}))
        logits = pooled @ checkpoint.head.kernel + checkpoint.head.bias
        np.testing.assert_allclose(logits, golden["logits"], atol=1e-4)

    def test_minilm_equals_transformers(self, shared_fixtures, minilm):
        golden = np.load(shared_fixtures / "hf" / "minilm" / "golden.npz")
        names = ("input_ids", "attention_mask", "token_type_ids")
        outputs = BertEncoder.from_pretrained(minilm)(
            {name: golden[name].astype(np.int32) for name in names}
        )
        real = golden["attention_mask"].astype(bool)
        np.testing.assert_allclose(
            numpy(outputs["sequence_output"])[real], golden["last_hidden_state"][real], atol=1e-4
        )
        np.testing.assert_allclose(
            numpy(outputs["pooled_output"]), golden["pooled_output"], atol=1e-4
        )

    def test_bfloat16_logits_are_near(self, shared_fixtures):
        folder = shared_fixtures / "google_bert" / "tiny"
        golden = np.load(folder / "golden.npz")
        encoder = BertEncoder.from_pretrained(
            bert_config_file=folder / "bert_config.json",
            init_checkpoint=folder / "bert_model.ckpt",
            vocab_file=folder.parent / "vocab.txt",
            output="pooled_output",
            dtype="mixed_bfloat16",
        )
        pooled = numpy(
            keras.ops.cast(
                encoder(
                    {
                        "input_ids": golden["input_ids"],
                        "attention_mask": golden["input_mask"],
                        "token_type_ids": golden["segment_ids"],
                    }
                ),
                "float32",
            )
        )
        logits = pooled @ golden["output_weights"].T + golden["output_bias"]
        assert np.mean(np.abs(logits - golden["logits"]) <= 0.05) >= 0.99


class TestLaws:
    def test_padding_does_not_change_the_output(self, encoder):
        batch = random_batch()
        wider = {name: np.pad(values, ((0, 0), (0, 4))) for name, values in batch.items()}
        real = batch["attention_mask"].astype(bool)
        narrow, wide = encoder(batch), encoder(wider)
        np.testing.assert_allclose(
            numpy(narrow["pooled_output"]), numpy(wide["pooled_output"]), atol=1e-6
        )
        np.testing.assert_allclose(
            numpy(narrow["sequence_output"])[real],
            numpy(wide["sequence_output"])[:, :7][real],
            atol=1e-6,
        )

    def test_texts_of_a_batch_do_not_touch_each_other(self, encoder):
        batch = random_batch()
        alone = encoder({name: values[2:3] for name, values in batch.items()})
        together = encoder(batch)
        np.testing.assert_allclose(
            numpy(alone["pooled_output"])[0], numpy(together["pooled_output"])[2], atol=1e-6
        )

    def test_ids_alone_mean_padding_by_id_and_one_segment(self, encoder):
        batch = random_batch() | {"token_type_ids": np.zeros((4, 7), np.int32)}
        np.testing.assert_array_equal(
            numpy(encoder(batch["input_ids"])["pooled_output"]),
            numpy(encoder(batch)["pooled_output"]),
        )

    def test_dropout_only_in_training_and_never_in_frozen_layers(self, encoder):
        batch = random_batch()
        still = numpy(encoder(batch)["sequence_output"])
        moving = numpy(encoder(batch, training=True)["sequence_output"])
        assert np.abs(still - moving).max() > 1e-3
        frozen = BertEncoder(CONFIG)
        frozen.set_tensors(read_tensors(encoder.tensor_variables()))
        frozen.set_train_layers(0)
        np.testing.assert_array_equal(numpy(frozen(batch, training=True)["sequence_output"]), still)

    def test_a_text_longer_than_the_positions_is_refused(self, encoder):
        with pytest.raises(ValueError, match="13 tokens a text, but this BERT has .* for 12"):
            encoder(np.ones((1, 13), np.int32))


class TestAsALayer:
    def train_once(self, model, batch, targets):
        model.compile(optimizer=keras.optimizers.SGD(1.0), loss="binary_crossentropy")
        model.fit(batch, targets, epochs=1, batch_size=4, verbose=0)

    def functional(self, encoder):
        inputs = {
            name: keras.Input((None,), dtype="int32", name=name)
            for name in ("input_ids", "attention_mask", "token_type_ids")
        }
        outputs = keras.layers.Dense(3, activation="sigmoid")(encoder(inputs)["pooled_output"])
        return keras.Model(inputs, outputs)

    def sequential(self, _):
        encoder = BertEncoder(CONFIG, output="pooled_output")
        return keras.Sequential([encoder, keras.layers.Dense(3, activation="sigmoid")])

    @pytest.mark.parametrize("kind", ["functional", "sequential"])
    def test_trains_saves_and_loads(self, kind, encoder, tmp_path):
        model = getattr(self, kind)(BertEncoder(CONFIG))
        batch, targets = random_batch(), np.eye(4, 3, dtype=np.float32)
        self.train_once(model, batch, targets)
        model.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(
            model.predict(batch, verbose=0), again.predict(batch, verbose=0)
        )

    def test_in_a_subclass_model(self):
        class Mine(keras.Model):
            def __init__(self):
                super().__init__()
                self.encoder = BertEncoder(CONFIG)
                self.dense = keras.layers.Dense(3, activation="sigmoid")

            def call(self, inputs, training=False):
                return self.dense(self.encoder(inputs, training=training)["pooled_output"])

        model = Mine()
        before = model.encoder.get_weights()[0].copy()
        self.train_once(model, random_batch(), np.eye(4, 3, dtype=np.float32))
        assert np.abs(model.encoder.get_weights()[0] - before).max() > 0

    @pytest.mark.parametrize("train_layers", [0, 1, 2, 3, "all"])
    def test_only_what_is_trained_changes(self, train_layers):
        encoder = BertEncoder(CONFIG)
        encoder.set_train_layers(train_layers)
        model = self.functional(encoder)
        before = read_tensors(encoder.tensor_variables())
        self.train_once(model, random_batch(), np.eye(4, 3, dtype=np.float32))
        after = read_tensors(encoder.tensor_variables())
        changed = {name for name in before if (before[name] != after[name]).any()}
        trained = {"all": 3}.get(train_layers, train_layers)
        layers = {int(n.split("_")[1].split("/")[0]) for n in changed if n.startswith("encoder/")}
        assert layers == set(range(3 - trained, 3))
        assert ("pooler/dense/kernel" in changed) == (train_layers != 0)
        assert ("embeddings/word_embeddings" in changed) == (train_layers == "all")

    def test_one_layer_can_be_frozen_alone(self):
        encoder = BertEncoder(CONFIG)
        encoder.transformer_layers[1].trainable = False
        model = self.functional(encoder)
        before = read_tensors(encoder.tensor_variables())
        self.train_once(model, random_batch(), np.eye(4, 3, dtype=np.float32))
        after = read_tensors(encoder.tensor_variables())
        same = {name for name in before if (before[name] == after[name]).all()}
        assert {n for n in same if n.startswith("encoder/")} == {
            n for n in before if n.startswith("encoder/layer_1/")
        }

    @pytest.mark.parametrize("freeze", ["top", "all", "one"])
    def test_what_is_frozen_stays_frozen_when_loaded(self, tmp_path, freeze):
        encoder = BertEncoder(CONFIG)
        if freeze == "top":
            encoder.set_train_layers(1)
        elif freeze == "all":
            encoder.trainable = False
        else:
            encoder.transformer_layers[1].trainable = False
        model = self.functional(encoder)
        model.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras")
        names = [{v.path for v in m.trainable_variables} for m in (model, again)]
        assert len(names[0]) == len(names[1])
        again_encoder = next(x for x in again.layers if isinstance(x, BertEncoder))
        assert [p.trainable for p in again_encoder._parts()] == [
            p.trainable for p in encoder._parts()
        ]

    def test_the_pooler_can_be_left_out(self, tiny_encoder):
        encoder = BertEncoder.from_pretrained(tiny_encoder, pooler=False)
        assert set(encoder(np.array([[2, 5, 3]]))) == {"sequence_output"}

    def test_saves_on_its_own(self, encoder, tmp_path):
        encoder.save(tmp_path / "encoder.keras")
        again = keras.models.load_model(tmp_path / "encoder.keras")
        batch = random_batch()
        np.testing.assert_array_equal(
            numpy(encoder(batch)["pooled_output"]), numpy(again(batch)["pooled_output"])
        )


class TestErrors:
    def test_unknown_output(self):
        with pytest.raises(SettingsError, match="output='pooled' is unknown. Use one of all"):
            BertEncoder(CONFIG, output="pooled")

    def test_pooled_output_without_pooler(self):
        with pytest.raises(SettingsError, match="needs a pooler, but pooler=False"):
            BertEncoder(CONFIG, output="pooled_output", pooler=False)

    def test_hidden_states_of_one_tensor(self):
        with pytest.raises(SettingsError, match="output_hidden_states=True needs output='all'"):
            BertEncoder(CONFIG, output="pooled_output", output_hidden_states=True)

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (4, "train_layers=4, but this encoder has 3 layers. Use 0 to 3, or 'all'."),
            (-1, "train_layers=-1, but this encoder has 3 layers"),
            ("top", "train_layers='top' is not understood"),
            (True, "train_layers=True is not understood"),
        ],
    )
    def test_train_layers(self, encoder, value, message):
        with pytest.raises(SettingsError, match=message):
            encoder.set_train_layers(value)

    def test_tensors_that_do_not_fit_are_listed_together(self, encoder):
        tensors = read_tensors(encoder.tensor_variables())
        tensors["pooler/dense/bias"] = np.zeros(3, np.float32)
        del tensors["embeddings/LayerNorm/beta"]
        with pytest.raises(CheckpointError) as error:
            BertEncoder(CONFIG).set_tensors(tensors)
        assert "embeddings/LayerNorm/beta: missing, expected (16,)" in str(error.value)
        assert "pooler/dense/bias: has shape (3,), expected (16,)" in str(error.value)
