"""The OpenVINO graph: golden values of the originals, and what must not change the result."""

import dataclasses

import numpy as np
import pytest
from tiny_checkpoints import CONFIG, random_tensors

from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.encoder.config import ACTIVATIONS
from multilabel_bert.encoder.openvino_engine import OpenVINOEngine
from multilabel_bert.encoder.openvino_graph import GraphHead, build_graph
from multilabel_bert.errors import SettingsError

ALL = ("sequence_output", "pooled", "cls", "mean", "cls+mean")
RNG = np.random.default_rng(3)


@pytest.fixture(params=[True, False], ids=["packed", "padded"], scope="module")
def packed(request):
    return request.param


@pytest.fixture(scope="module")
def compute(packed):
    def run(config, tensors, batch, **options):
        graph = build_graph(config, tensors, packed=packed, **options)
        return OpenVINOEngine(graph, precision="float32").infer(batch)

    return run


def google_batch(golden):
    return {
        "input_ids": golden["input_ids"],
        "attention_mask": golden["input_mask"],
        "token_type_ids": golden["segment_ids"],
    }


def hugging_face_batch(golden):
    return {name: golden[name] for name in ("input_ids", "attention_mask", "token_type_ids")}


def assert_close(actual, expected, tolerance, mask=None):
    assert actual.dtype == np.float32
    if mask is not None:  # nothing reads what is at the padding
        actual, expected = actual[mask == 1], expected[mask == 1]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance)


@pytest.fixture(scope="module")
def tiny(shared_fixtures):
    folder = shared_fixtures / "google_bert" / "tiny"
    return load_checkpoint(folder), np.load(folder / "golden.npz")


class TestGoogleGolden:
    def test_embeddings_and_every_layer(self, tiny, compute):
        checkpoint, golden = tiny
        expected = [golden["embedding_output"], *golden["layers"]]
        for last_layer, states in enumerate(expected):
            outputs = compute(
                checkpoint.config, checkpoint.tensors, google_batch(golden), last_layer=last_layer
            )
            assert_close(outputs["sequence_output"], states, 1e-5, golden["input_mask"])

    def test_every_output_and_the_logits(self, tiny, compute):
        checkpoint, golden = tiny
        head = GraphHead(golden["output_weights"].T, golden["output_bias"])
        outputs = compute(
            checkpoint.config,
            checkpoint.tensors,
            google_batch(golden),
            outputs=(*ALL, "logits"),
            head=head,
        )
        assert tuple(outputs) == (*ALL, "logits")
        sequence, mask = golden["sequence_output"], golden["input_mask"][..., None]
        mean = (sequence * mask).sum(1) / mask.sum(1)
        assert_close(outputs["sequence_output"], sequence, 1e-5, golden["input_mask"])
        assert_close(outputs["pooled"], golden["pooled_output"], 1e-5)
        assert_close(outputs["logits"], golden["logits"], 1e-5)
        assert_close(outputs["cls"], sequence[:, 0], 1e-5)
        assert_close(outputs["mean"], mean, 1e-5)
        assert_close(outputs["cls+mean"], np.concatenate([sequence[:, 0], mean], 1), 1e-5)

    def test_the_top_layers_on_the_hidden_states_that_enter_them(self, tiny, compute):
        checkpoint, golden = tiny
        for first_layer in (1, 2, 3):
            batch = {
                "hidden_states": golden["layers"][first_layer - 1],
                "attention_mask": golden["input_mask"],
            }
            outputs = compute(
                checkpoint.config,
                checkpoint.tensors,
                batch,
                first_layer=first_layer,
                outputs=("pooled",),
            )
            assert_close(outputs["pooled"], golden["pooled_output"], 1e-5)

    def test_the_fine_tuned_checkpoint_gives_the_logits_it_was_left_with(
        self, shared_fixtures, tiny, compute
    ):
        checkpoint = load_checkpoint(shared_fixtures / "google_bert" / "tiny" / "finetuned")
        golden = tiny[1]
        head = GraphHead(checkpoint.head.kernel, checkpoint.head.bias)
        batch = google_batch(golden)
        outputs = compute(
            checkpoint.config, checkpoint.tensors, batch, outputs=("logits",), head=head
        )
        assert_close(outputs["logits"], golden["train_full_final_logits"], 1e-5)

    def test_real_weights_in_googles_code(self, shared_fixtures, minilm, compute):
        golden = np.load(shared_fixtures / "google_bert" / "minilm" / "golden.npz")
        checkpoint = load_checkpoint(minilm)
        config = dataclasses.replace(checkpoint.config, hidden_act="gelu_new")
        head = GraphHead(golden["output_weights"].T, golden["output_bias"])
        batch = google_batch(golden)
        outputs = compute(
            config,
            checkpoint.tensors,
            batch,
            outputs=("sequence_output", "pooled", "logits"),
            head=head,
        )
        mask = golden["input_mask"]
        assert_close(outputs["sequence_output"], golden["sequence_output"], 1e-4, mask)
        assert_close(outputs["pooled"], golden["pooled_output"], 1e-4)
        assert_close(outputs["logits"], golden["logits"], 1e-4)
        first = compute(config, checkpoint.tensors, batch, last_layer=1)["sequence_output"]
        assert_close(first, golden["layers"][0], 1e-4, mask)


class TestHuggingFaceGolden:
    def test_a_classifier(self, shared_fixtures, compute):
        folder = shared_fixtures / "hf" / "bert-tiny-multilabel"
        golden = np.load(folder / "golden.npz")
        checkpoint = load_checkpoint(folder)
        head = GraphHead(checkpoint.head.kernel, checkpoint.head.bias)
        batch = hugging_face_batch(golden)
        for layer, states in enumerate(golden["hidden_states"]):
            outputs = compute(checkpoint.config, checkpoint.tensors, batch, last_layer=layer)
            assert_close(outputs["sequence_output"], states, 1e-4, golden["attention_mask"])
        outputs = compute(
            checkpoint.config, checkpoint.tensors, batch, outputs=("logits",), head=head
        )
        assert_close(outputs["logits"], golden["logits"], 1e-4)

    def test_the_real_small_encoder(self, shared_fixtures, minilm, compute):
        golden = np.load(shared_fixtures / "hf" / "minilm" / "golden.npz")
        checkpoint = load_checkpoint(minilm)
        batch = hugging_face_batch(golden)
        outputs = compute(checkpoint.config, checkpoint.tensors, batch, outputs=ALL)
        mask = golden["attention_mask"]
        assert_close(outputs["sequence_output"], golden["last_hidden_state"], 1e-4, mask)
        assert_close(outputs["pooled"], golden["pooled_output"], 1e-4)
        assert_close(outputs["mean"], golden["mean_pooled"], 1e-4)


TENSORS = random_tensors()


def random_batch(texts=5, tokens=9):
    rng = np.random.default_rng(texts)
    mask = (np.arange(tokens) < rng.integers(2, tokens + 1, texts)[:, None]).astype(np.int32)
    mask[0] = 1
    return {
        "input_ids": rng.integers(1, CONFIG.vocab_size, (texts, tokens)).astype(np.int32) * mask,
        "attention_mask": mask,
        "token_type_ids": rng.integers(0, 2, (texts, tokens)).astype(np.int32) * mask,
    }


@pytest.fixture(scope="module")
def engine(packed):
    head = GraphHead(RNG.normal(size=(16, 3)).astype("f4"), np.ones(3, "f4"), "cls+mean")
    graph = build_graph(CONFIG, TENSORS, outputs=(*ALL, "logits"), head=head, packed=packed)
    return OpenVINOEngine(graph, precision="float32")


def numpy_bert(config, tensors, batch):
    """BERT written down once more, in float64, by the paper alone."""

    def dense(prefix, x):
        return x @ tensors[f"{prefix}/kernel"].astype(float) + tensors[f"{prefix}/bias"]

    def norm(prefix, x):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x**2).mean(-1, keepdims=True) + config.layer_norm_eps)
        return x * tensors[f"{prefix}/gamma"] + tensors[f"{prefix}/beta"]

    def activation(x):
        from scipy.special import erf

        tanh = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
        swish = x / (1 + np.exp(-x))
        return {
            "gelu": 0.5 * x * (1 + erf(x / np.sqrt(2))),
            "gelu_new": tanh,
            "gelu_pytorch_tanh": tanh,
            "relu": np.maximum(x, 0),
            "silu": swish,
            "swish": swish,
            "tanh": np.tanh(x),
        }[config.hidden_act]

    length = batch["input_ids"].shape[1]
    hidden = norm(
        "embeddings/LayerNorm",
        tensors["embeddings/word_embeddings"].astype(float)[batch["input_ids"]]
        + tensors["embeddings/token_type_embeddings"][batch["token_type_ids"]]
        + tensors["embeddings/position_embeddings"][:length],
    )
    heads, size = config.num_attention_heads, config.hidden_size // config.num_attention_heads
    hide = np.where(batch["attention_mask"] == 1, 0, -np.inf)[:, None, None, :]
    for index in range(config.num_hidden_layers):
        prefix = f"encoder/layer_{index}"
        query, key, value = (
            dense(f"{prefix}/attention/self/{name}", hidden)
            .reshape(*hidden.shape[:2], heads, size)
            .transpose(0, 2, 1, 3)
            for name in ("query", "key", "value")
        )
        scores = np.exp(query @ key.transpose(0, 1, 3, 2) / np.sqrt(size) + hide)
        context = (scores / scores.sum(-1, keepdims=True)) @ value
        context = context.transpose(0, 2, 1, 3).reshape(hidden.shape)
        attended = dense(f"{prefix}/attention/output/dense", context)
        hidden = norm(f"{prefix}/attention/output/LayerNorm", attended + hidden)
        wide = activation(dense(f"{prefix}/intermediate/dense", hidden))
        hidden = norm(f"{prefix}/output/LayerNorm", dense(f"{prefix}/output/dense", wide) + hidden)
    return hidden, np.tanh(dense("pooler/dense", hidden[:, 0]))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_equals_its_definition(activation, compute):
    config = dataclasses.replace(CONFIG, hidden_act=activation, layer_norm_eps=1e-3)
    batch = random_batch()
    outputs = compute(config, TENSORS, batch, outputs=("sequence_output", "pooled"))
    sequence, pooled = numpy_bert(config, TENSORS, batch)
    assert_close(outputs["sequence_output"], sequence, 2e-5, batch["attention_mask"])
    assert_close(outputs["pooled"], pooled, 2e-5)


def test_padding_does_not_change_the_result(engine):
    batch = random_batch()
    padded = {name: np.pad(array, ((0, 0), (0, 6))) for name, array in batch.items()}
    padded["input_ids"][:, 9:] = 7  # whatever stands there
    short, long = engine.infer(batch), engine.infer(padded)
    mask = batch["attention_mask"]
    assert_close(long["sequence_output"][:, :9], short["sequence_output"], 1e-5, mask)
    for name in ("pooled", "cls", "mean", "cls+mean", "logits"):
        assert_close(long[name], short[name], 1e-5)


def test_a_text_gives_the_same_alone_and_in_a_batch(engine):
    batch = random_batch()
    together = engine.infer(batch)
    for row in range(5):
        alone = engine.infer({name: array[row : row + 1] for name, array in batch.items()})
        for name in together:
            mask = batch["attention_mask"][row : row + 1] if name == "sequence_output" else None
            assert_close(alone[name], together[name][row : row + 1], 1e-5, mask)


def test_the_order_of_the_texts_is_the_order_of_the_results(engine):
    batch = random_batch()
    order = np.array([3, 1, 4, 0, 2])
    mixed = engine.infer({name: array[order] for name, array in batch.items()})
    assert_close(mixed["logits"], engine.infer(batch)["logits"][order], 1e-5)


def test_trunk_and_top_together_are_the_whole(compute):
    batch = random_batch()
    whole = compute(CONFIG, TENSORS, batch, outputs=("sequence_output", "pooled"))
    for boundary in (1, 2):
        states = compute(CONFIG, TENSORS, batch, last_layer=boundary)["sequence_output"]
        top = compute(
            CONFIG,
            TENSORS,
            {"hidden_states": states, "attention_mask": batch["attention_mask"]},
            first_layer=boundary,
            outputs=("sequence_output", "pooled"),
        )
        assert_close(top["pooled"], whole["pooled"], 1e-6)
        mask = batch["attention_mask"]
        assert_close(top["sequence_output"], whole["sequence_output"], 1e-6, mask)


@pytest.mark.parametrize("texts", [1, 2, 7, 40])
def test_any_number_of_real_tokens(engine, texts):
    """Packed rows are rounded up; a batch may have more or fewer than that."""
    batch = random_batch(texts, tokens=min(texts + 1, 16))
    sequence, pooled = numpy_bert(CONFIG, TENSORS, batch)
    outputs = engine.infer(batch)
    assert_close(outputs["sequence_output"], sequence, 2e-5, batch["attention_mask"])
    assert_close(outputs["pooled"], pooled, 2e-5)


def test_what_is_masked_need_not_be_at_the_end(engine):
    batch = random_batch()
    batch["attention_mask"][:, 3] = 0
    sequence, pooled = numpy_bert(CONFIG, TENSORS, batch)
    outputs = engine.infer(batch)
    assert_close(outputs["sequence_output"], sequence, 2e-5, batch["attention_mask"])
    assert_close(outputs["pooled"], pooled, 2e-5)


def test_the_layouts_give_the_same():
    batch = random_batch()
    outputs = [
        OpenVINOEngine(
            build_graph(CONFIG, TENSORS, outputs=("sequence_output", "mean"), packed=packed),
            precision="float32",
        ).infer(batch)
        for packed in (True, False)
    ]
    mask = batch["attention_mask"]
    assert_close(outputs[0]["sequence_output"], outputs[1]["sequence_output"], 1e-6, mask)
    assert_close(outputs[0]["mean"], outputs[1]["mean"], 1e-6)


def test_more_tokens_than_positions_fail(engine):
    with pytest.raises(RuntimeError):
        engine.infer(random_batch(3, CONFIG.max_position_embeddings + 1))


def test_without_texts_there_is_nothing(engine):
    outputs = engine.infer({name: array[:0] for name, array in random_batch().items()})
    assert {len(values) for values in outputs.values()} == {0}


def test_a_text_without_tokens_leaves_the_others_alone(engine):
    batch = random_batch()
    expected = numpy_bert(CONFIG, TENSORS, batch)[1]
    for array in batch.values():
        array[2] = 0
    outputs = engine.infer(batch)
    others = [0, 1, 3, 4]
    assert_close(outputs["pooled"][others], expected[others], 2e-5)
    assert all(np.isfinite(values).all() for values in outputs.values())


@pytest.mark.parametrize("index_type", ["int32", "int64"])
@pytest.mark.parametrize("given", [np.int32, np.int64])
def test_ids_may_be_of_either_width(index_type, given, compute):
    batch = {name: array.astype(given) for name, array in random_batch().items()}
    outputs = compute(CONFIG, TENSORS, batch, outputs=("pooled",), index_type=index_type)
    assert_close(outputs["pooled"], numpy_bert(CONFIG, TENSORS, batch)[1], 2e-5)


def test_a_row_without_a_token_is_no_nan(engine):
    batch = {name: np.zeros_like(array) for name, array in random_batch().items()}
    assert all(np.isfinite(array).all() for array in engine.infer(batch).values())


def test_an_encoder_without_a_pooler_gives_all_but_the_pooled_output(compute):
    tensors = random_tensors(pooler=False)
    batch = random_batch()
    outputs = compute(CONFIG, tensors, batch, outputs=("cls", "mean"))
    assert_close(outputs["cls"], numpy_bert(CONFIG, random_tensors(), batch)[0][:, 0], 2e-5)
    with pytest.raises(SettingsError, match="'pooled' needs a pooler, and this encoder has none"):
        build_graph(CONFIG, tensors, outputs=("pooled",))


HEAD = GraphHead(np.zeros((8, 3), "f4"), np.zeros(3, "f4"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"outputs": ("poold",)}, r"outputs=\('poold',\): expected one or more of sequence_output"),
        ({"outputs": ()}, r"outputs=\(\): expected one or more"),
        ({"outputs": ("cls", "cls")}, "each once"),
        ({"first_layer": 2, "last_layer": 1}, "first_layer=2 and last_layer=1: expected 0 <= firs"),
        ({"last_layer": 3}, "last_layer <= 2, the number of layers"),
        ({"index_type": "int16"}, "index_type='int16': expected 'int32' or 'int64'"),
        ({"outputs": ("logits",)}, "outputs has 'logits', but no head is given"),
        (
            {"outputs": ("logits",), "head": dataclasses.replace(HEAD, representation="min")},
            "representation 'min' is unknown. Use one of pooled, cls, mean, max",
        ),
        (
            {"outputs": ("logits",), "head": dataclasses.replace(HEAD, representation="cls+mean")},
            r"has a kernel \[8, 3\] and a bias \[3\]; expected \[16, X\] and \[X\]",
        ),
    ],
)
def test_arguments_that_cannot_be_are_named(options, expected):
    with pytest.raises(SettingsError, match=expected):
        build_graph(CONFIG, TENSORS, **options)
