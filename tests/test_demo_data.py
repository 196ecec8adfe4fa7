"""The bundled demo data: complete, clean, and written by hand rather than from templates."""

import csv
import re
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import pytest

DEMO_DATA = Path(__file__).resolve().parent.parent / "src" / "multilabel_bert" / "demo_data"
SPLITS = ("train", "dev", "test")
LABEL_NAMES = (
    "refund",
    "delivery",
    "faulty",
    "billing",
    "account_access",
    "cancellation",
    "praise",
    "urgent",
)
MAX_SHARED = 0.6  # of the 3-grams of the message that has fewer of them

Row = tuple[str, dict[str, int]]


@pytest.fixture(scope="module")
def splits() -> dict[str, list[Row]]:
    """Each split's messages, with the labels as whole numbers."""
    loaded = {}
    for split in SPLITS:
        with (DEMO_DATA / f"{split}.csv").open(encoding="utf-8", newline="") as file:
            records = list(csv.DictReader(file, strict=True))
        for record in records:
            values = {record[name] for name in LABEL_NAMES}
            assert values <= {"0", "1"}, f"{split}.csv: {record}"
        loaded[split] = [
            (record["text"], {name: int(record[name]) for name in LABEL_NAMES})
            for record in records
        ]
    return loaded


@pytest.fixture(scope="module")
def rows(splits: dict[str, list[Row]]) -> list[Row]:
    """All messages."""
    return [row for split in SPLITS for row in splits[split]]


def words(text: str) -> list[str]:
    """The words of a text, lower-cased.

    >>> words("It's 5 o'clock!")
    ["it's", '5', "o'clock"]
    """
    return re.findall(r"[\w']+", text.lower())


def trigrams(text: str) -> set[tuple[str, ...]]:
    """The word 3-grams of a text; a text of fewer words counts as one gram, its own words."""
    tokens = tuple(words(text))
    if len(tokens) < 3:
        return {tokens}
    return {tokens[start : start + 3] for start in range(len(tokens) - 2)}


def most_alike(texts: list[str]) -> tuple[float, str, str]:
    """The largest share of 3-grams two texts have in common, and these two texts.

    Only pairs that meet in an inverted index are looked at, so it stays fast.
    """
    grams = [trigrams(text) for text in texts]
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, own in enumerate(grams):
        for gram in own:
            holders[gram].append(index)
    shared = Counter(pair for indices in holders.values() for pair in combinations(indices, 2))
    if not shared:
        return 0.0, "", ""
    share, first, second = max(
        (count / min(len(grams[first]), len(grams[second])), first, second)
        for (first, second), count in shared.items()
    )
    return share, texts[first], texts[second]


@pytest.mark.parametrize("split", SPLITS)
def test_files_are_plain_csv(split: str) -> None:
    content = (DEMO_DATA / f"{split}.csv").read_bytes()
    assert content.startswith(",".join(("text", *LABEL_NAMES)).encode() + b"\n")
    assert content.endswith(b"\n")
    assert b"\r" not in content
    content.decode("utf-8")


@pytest.mark.parametrize("split", SPLITS)
def test_every_record_has_every_column(split: str) -> None:
    with (DEMO_DATA / f"{split}.csv").open(encoding="utf-8", newline="") as file:
        assert {len(record) for record in csv.reader(file, strict=True)} == {1 + len(LABEL_NAMES)}


def test_there_are_enough_messages(rows: list[Row]) -> None:
    assert len(rows) >= 600


@pytest.mark.parametrize(("split", "share"), [("train", 0.70), ("dev", 0.15), ("test", 0.15)])
def test_splits_have_their_size(
    splits: dict[str, list[Row]], rows: list[Row], split: str, share: float
) -> None:
    assert len(splits[split]) / len(rows) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("label", LABEL_NAMES)
def test_every_label_has_enough_positives(splits: dict[str, list[Row]], label: str) -> None:
    positives = {split: sum(row[1][label] for row in splits[split]) for split in SPLITS}
    assert sum(positives.values()) >= 40
    assert positives["dev"] >= 4
    assert positives["test"] >= 4


@pytest.mark.parametrize("split", SPLITS)
def test_messages_have_none_one_and_several_labels(
    splits: dict[str, list[Row]], split: str
) -> None:
    counts = Counter(sum(labels.values()) for _, labels in splits[split])
    assert counts[0] > 0
    assert counts[1] > 0
    assert counts[2] > 0
    assert counts[3] > 0
    assert max(counts) <= 4


def test_texts_are_single_trimmed_lines(rows: list[Row]) -> None:
    for text, _ in rows:
        assert words(text), repr(text)
        assert text == text.strip()
        assert text.isprintable(), repr(text)


def test_no_message_appears_twice(rows: list[Row]) -> None:
    times = Counter(" ".join(words(text)) for text, _ in rows)
    assert [text for text, count in times.items() if count > 1] == []


def test_no_two_messages_share_a_template(rows: list[Row]) -> None:
    share, first, second = most_alike([text for text, _ in rows])
    assert share <= MAX_SHARED, f"{share:.0%} of the 3-grams shared: {first!r} and {second!r}"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["where is my parcel", "Where is my refund?"], 0.5),
        (["a b c d e", "x b c d y z"], 1 / 3),
        (["too short", "Too short!"], 1.0),
        (["hi there", "well, hi there"], 0.0),
        (["one two three", "four five six"], 0.0),
    ],
)
def test_the_measure_of_likeness_is_right(texts: list[str], expected: float) -> None:
    assert most_alike(texts)[0] == pytest.approx(expected)


def test_readme_states_the_counts(splits: dict[str, list[Row]], rows: list[Row]) -> None:
    readme = (DEMO_DATA / "README.md").read_text(encoding="utf-8")
    assert "Apache License 2.0" in readme
    assert readme.count(f"{len(rows)} short English messages") == 1
    for label in LABEL_NAMES:
        counts = [sum(row[1][label] for row in splits[split]) for split in SPLITS]
        cells = " | ".join(str(count) for count in (*counts, sum(counts)))
        assert re.search(rf"^\| `{label}` \| .+ \| {re.escape(cells)} \|$", readme, re.MULTILINE)
