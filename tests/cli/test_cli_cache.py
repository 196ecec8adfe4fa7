"""`multilabel cache`, and the cache options of train."""

import json

import pytest

from multilabel_bert.cli.app import run


def command(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        run([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return ended.value.code, out, err


@pytest.fixture
def train(tiny_encoder, labelled_texts, tmp_path, capsys):
    texts, labels = labelled_texts
    table = tmp_path / "train.csv"
    rows = [f"{text},{','.join(map(str, row))}" for text, row in zip(texts, labels, strict=True)]
    table.write_text("\n".join(["text,delay,refund,praise", *rows]) + "\n")

    def run_train(*more):
        return command(
            capsys,
            *("train", "--encoder", tiny_encoder, "--train", table, "--overwrite"),
            *("--output", tmp_path / "model", "--max-seq-length", 16, "--num-train-epochs", 1),
            *more,
        )

    return run_train


def test_a_second_training_finds_its_texts(train, tmp_path, capsys):
    kept = tmp_path / "kept"
    code, _, err = train("--cache", kept)
    assert code == 0
    assert "In the cache" not in err
    code, _, err = train("--cache", kept, "--seed", 3)
    assert code == 0
    assert "In the cache: " in err
    code, out, _ = command(capsys, "cache", "list", "--cache", kept, "--json")
    (store,) = json.loads(out)
    assert store["content"] == "representations"
    assert store["texts"] > 50
    code, out, _ = command(capsys, "cache", "list", "--cache", kept)
    assert "representations" in out
    code, out, _ = command(capsys, "cache", "clear", store["name"][:6], "--cache", kept)
    assert code == 0
    assert out.startswith("Freed 0.0")
    assert "Nothing is kept" in command(capsys, "cache", "list", "--cache", kept)[1]


def test_no_cache_and_no_room(train, tmp_path):
    kept = tmp_path / "kept"
    assert train("--cache", "none")[0] == 0
    code, _, err = train("--cache", kept, "--cache-limit", "1kB")
    assert code == 0
    assert "Not cached: " in err
    assert not list(kept.glob("*/segment-*"))


def test_path(capsys, tmp_path):
    assert command(capsys, "cache", "path", "--cache", tmp_path)[1].strip() == str(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cache", "empty"], "'empty' is unknown. Use one of list, clear, path."),
        (["cache", "path", "x"], "cache path takes no names"),
        (["cache", "clear", "nothing"], "There is no store 'nothing'"),
    ],
)
def test_mistakes(capsys, arguments, message):
    code, _, err = command(capsys, *arguments)
    assert code == 2
    assert message in err


def test_a_limit_that_is_no_size(train):
    code, _, err = train("--cache-limit", "lots")
    assert code == 2
    assert "--cache-limit lots: expected a size, such as 500MB or 20GB." in err
