"""The recipes prepare what their commands read: each is run on a few rows in the raw format."""

import json
import re
import shlex
from pathlib import Path

import pytest

from multilabel_bert.data.reading import read_dataset

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOXIC = "toxic,severe_toxic,obscene,threat,insult,identity_hate"
EMOTIONS = "anger anticipation disgust fear joy love optimism pessimism sadness surprise trust"


def goemotions() -> None:
    Path("goemotions").mkdir()
    Path("goemotions/emotions.txt").write_text("joy\nanger\nneutral", encoding="utf-8")
    for split in ("train", "dev", "test"):
        rows = "thanks a lot\t0\tid1\nhow dare you\t1,2\tid2\n"
        Path(f"goemotions/{split}.tsv").write_text(rows, encoding="utf-8")


def semeval() -> None:
    names = EMOTIONS.split()
    for split in ("train", "dev", "test-gold"):
        lines = ["\t".join(["ID", "Tweet", *names])]
        lines += [f"2017-{n}\tlove &amp; hate {n}\t" + "\t".join("01" * 5 + "0") for n in range(3)]
        Path(f"2018-E-c-En-{split}.txt").write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")


def jigsaw() -> None:
    Path("train.csv").write_text(
        f'id,comment_text,{TOXIC}\n01,"so, stupid",1,0,0,0,1,0\n02,fine,0,0,0,0,0,0\n'
    )
    Path("test.csv").write_text('id,comment_text\n03,"you, idiot"\n04,never scored\n')
    Path("test_labels.csv").write_text(f"id,{TOXIC}\n03,1,0,0,0,1,0\n04,-1,-1,-1,-1,-1,-1\n")


def reuters() -> None:
    for name in ("training/1", "training/6", "test/14826"):
        path = Path("reuters", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"GRAIN SHIPS TO \xa3 FUTURES\n  prices fell")
    Path("reuters/cats.txt").write_text(
        "training/1 grain ship\ntraining/6 grain\ntest/14826 ship\n"
    )


def eurlex() -> None:
    for split, concepts in (("train", ["100", "2"]), ("dev", ["2"]), ("test", ["2", "77"])):
        law = {
            "title": "Regulation",
            "header": None,
            "recitals": "Whereas",
            "main_body": ["Article 1", "Article 2"],
            "concepts": concepts,
        }
        Path("dataset", split).mkdir(parents=True)
        Path("dataset", split, "3.json").write_text(json.dumps(law), encoding="utf-8")


def complaints() -> None:
    rows = (
        "Date received,Product,Issue,Consumer complaint narrative,State\n"
        '2020/3/18,"Credit reporting, repair",Wrong report,"XXXX, please",FL\n'
        "2020/3/19,Mortgage,Fees,,TX\n2020/3/20,Mortgage,Fees,too high,NY\n"
    )
    for name in ("complaints", "complaints-of-next-month"):
        Path(f"{name}.csv").write_text(rows, encoding="utf-8")


RAW = {
    "goemotions": (goemotions, 2, 3),
    "semeval2018-e-c": (semeval, 3, 11),
    "jigsaw-toxic": (jigsaw, 2, 6),
    "reuters-90": (reuters, 2, 2),
    "eurlex-57k": (eurlex, 1, 3),
    "consumer-complaints": (complaints, 2, 4),
}


def commands(page: str, verb: str) -> list[dict[str, str | None]]:
    """The options of each command of a recipe; of `evaluate` its file as ``"file"``."""
    found = []
    for language, code in BLOCK.findall(page):
        for line in code.splitlines() if language == "bash" else ():
            words = shlex.split(line)
            if words[:2] != ["multilabel", verb]:
                continue
            options: dict[str, str | None] = {}
            for word, following in zip(words[2:], [*words[3:], None], strict=True):
                if word.startswith("--"):
                    value = None if following is None or following.startswith("--") else following
                    options[word[2:].replace("-", "_")] = value
            if verb == "evaluate":
                options["file"] = words[3]
            found.append(options)
    return found


def test_every_recipe_is_tested_and_listed():
    pages = {path.stem for path in RECIPES.glob("*.md")} - {"README"}
    assert pages == set(RAW)
    index = (RECIPES / "README.md").read_text(encoding="utf-8")
    assert all(f"({name}.md)" in index for name in pages)


@pytest.mark.parametrize("name", RAW)
def test_the_files_that_a_recipe_prepares_are_read_by_its_commands(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_raw, texts, labels = RAW[name]
    write_raw()
    page = (RECIPES / f"{name}.md").read_text(encoding="utf-8")
    for language, code in BLOCK.findall(page):
        if language == "python":
            exec(compile(code, f"{name}.md", "exec"), {})
    trains = commands(page, "train")
    assert len(trains) == len(commands(page, "evaluate")) == 2
    for train in trains:
        table = Path(str(train["train"]))
        path = table / "train.tsv" if table.is_dir() else table
        dataset = read_dataset(
            path,
            text_column=train.get("text_column"),
            label_columns=train["label_columns"].split(",") if "label_columns" in train else None,
            labels_file=train.get("labels"),
            empty_text=train.get("empty_text"),
            clean_html="clean_html" in train,
        )
        assert (len(dataset), len(dataset.label_names)) == (texts, labels)
        for evaluation in commands(page, "evaluate"):
            test = read_dataset(evaluation["file"], layout=dataset.layout, empty_text="drop")
            assert len(test)
            assert set(test.label_names) <= set(dataset.label_names) | set(map(str, range(99)))


def test_jigsaw_keeps_the_scored_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    jigsaw()
    page = (RECIPES / "jigsaw-toxic.md").read_text(encoding="utf-8")
    exec(next(code for language, code in BLOCK.findall(page) if language == "python"), {})
    assert read_dataset("test_scored.csv").texts == ["you, idiot"]
