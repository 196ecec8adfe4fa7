"""The page about a model: what it holds, that texts never run, and that it opens in a browser."""

import html as html_text
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from reports_model import ATTACK, HOSTILE_NAMES, dataset_of, make_model

from multilabel_bert import Predictor, report
from multilabel_bert.cli.label_values import read_thresholds
from multilabel_bert.decision.threshold_counts import counts_at
from multilabel_bert.errors import DataError, SettingsError, WriteError
from multilabel_bert.model.directory import save_model

NAMES = ("delay", "refund", "praise")


@pytest.fixture(scope="module")
def data(labelled_texts):
    return dataset_of(*labelled_texts, NAMES)


@pytest.fixture(scope="module")
def model_directory(tmp_path_factory, tiny_encoder, data):
    directory = tmp_path_factory.mktemp("report") / "it's a model"
    save_model(make_model(tiny_encoder, data, baseline=True), directory)
    return directory


@pytest.fixture(scope="module")
def page(model_directory, tiny_encoder, data):
    other = Predictor(make_model(tiny_encoder, data, seed=1))
    country = ["de" if i % 3 else None for i in range(len(data))]
    return report(model_directory, data, other, slices={"country": country})


def plain(page) -> str:
    """What a reader sees of a page, more or less."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page.html, flags=re.S)
    return " ".join(html_text.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_the_page_has_every_part(page):
    text = plain(page)
    for words in (
        "Compared with model 2",
        "95% interval",
        "TF-IDF and logistic regression",
        "Said instead",
        "Hardest texts",
        "Labels that are likely wrong",
        "Length in tokens",
        "Column country",
        "(empty)",
        "2 epochs in 2 s; the weights are those of epoch 2; stopped early.",
        "sha256 of texts and labels",
    ):
        assert words in text


def test_figures_are_those_of_the_evaluation(page, model_directory, data):
    predictor = Predictor.load(model_directory)
    expected = predictor.decide(predictor.predict_logits(data.texts))[1]
    truth = data.dense_labels()
    f1 = 2 * (truth * expected).sum() / (truth.sum() + expected.sum())
    figures = page.figures["models"][str(model_directory)]
    assert figures["micro_f1"] == pytest.approx(f1)
    low, high = page.figures["intervals"]["micro_f1"]
    assert low < f1 < high
    assert set(page.figures["differences"]) == {"model 2", "baseline"}
    json.dumps(page.figures, allow_nan=False)


def test_sliders_count_what_thresholds_would_decide(page, model_directory, data):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.html)
    labels = json.loads(found[1])["labels"]
    assert [label["name"] for label in labels] != sorted(NAMES)  # by their number of texts
    probabilities = Predictor.load(model_directory).predict_proba(data.texts)
    for label in labels:
        column = NAMES.index(label["name"])
        truth = data.dense_labels()[:, column] == 1
        expected = counts_at(truth, None, probabilities[:, column], label["cut_offs"])
        assert label["right"] == expected.true_positives.tolist()
        assert label["given"] == expected.predicted.tolist()
        assert label["cut_offs"][label["stored"]] == 0.5
        assert label["cut_offs"] == sorted(label["cut_offs"])


def test_the_command_can_be_pasted_into_a_shell(page, model_directory):
    quoted = str(model_directory).replace("'", "'\"'\"'")
    assert f"multilabel tune '{quoted}' --thresholds thresholds.json" in plain(page)


def test_columns_of_another_model_are_put_into_order(tiny_encoder, data):
    model = make_model(tiny_encoder, data)
    turned = data.with_label_names(NAMES[::-1])
    other = make_model(tiny_encoder, turned)
    found = report(Predictor(model), data, Predictor(other)).figures["models"]
    rows = found["model 2"]["per_label"]
    assert [row["label"] for row in rows] == list(NAMES)
    predictor = Predictor(other)
    column = predictor.predict(data.texts)[:, NAMES[::-1].index("delay")]
    assert rows[0]["predicted_positives"] == int(column.sum())


def test_unknown_labels_and_labels_without_a_text_are_no_hindrance(tiny_encoder, labelled_texts):
    texts, labels = labelled_texts
    labels = labels[:40].astype(float)
    labels[:, 1] = 0
    labels[:, 2] = np.nan
    labels[0] = np.nan
    data = dataset_of(texts[:40], labels, NAMES)
    page = report(Predictor(make_model(tiny_encoder, data)), data)
    json.dumps(page.figures, allow_nan=False)
    assert "praise" in plain(page)


def test_saving_never_replaces_silently(page, tmp_path):
    path = tmp_path / "r.html"
    page.save(path)
    assert path.read_text(encoding="utf-8") == page.html
    with pytest.raises(WriteError, match="exists already"):
        page.save(path)
    page.save(path, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]


def test_a_notebook_gets_a_frame_of_its_own(page):
    shown = page._repr_html_()
    assert shown.startswith("<iframe")
    assert "sandbox" in shown
    assert "<script" not in shown


def test_errors_name_what_is_wrong(tiny_encoder, data):
    model = Predictor(make_model(tiny_encoder, data))
    other = dataset_of(["a", "b"], [[1], [0]], ["else"])
    with pytest.raises(SettingsError, match="not the same labels: only one of them has delay"):
        report(model, data, Predictor(make_model(tiny_encoder, other)))
    with pytest.raises(SettingsError, match="A report is about a trained model, got int"):
        report(3, data)
    with pytest.raises(DataError, match="slices by 'x' have 1 values, but there are 120 texts"):
        report(model, data, slices={"x": [1]})


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch, data):
    monkeypatch.delitem(sys.modules, "matplotlib", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'multilabel-bert\[report\]'"):
        report("nowhere", data)


def test_a_report_imports_nothing_that_trains(model_directory, tmp_path):
    script = (
        "import sys; from multilabel_bert import report, Dataset\n"
        "data = Dataset.from_arrays(['late', 'thanks'], [[1,0,0],[0,0,1]],"
        f" label_names={NAMES!r})\n"
        f"report({str(model_directory)!r}, data)\nprint(*sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert not set(result.stdout.split()) & {"tensorflow", "keras", "torch"}


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory, tiny_encoder, labelled_texts):
    texts, labels = labelled_texts
    texts = [ATTACK, "late \ud800 \u202e txt \x1b[31m \x00", *texts[:60]]
    labels = [[1, 1, 0], [0, 1, 1], *labels[:60].tolist()]
    data = dataset_of(texts, labels, HOSTILE_NAMES)
    page = report(
        Predictor(make_model(tiny_encoder, data)), data, slices={ATTACK: [ATTACK] * len(texts)}
    )
    path = tmp_path_factory.mktemp("hostile") / "page.html"
    page.save(path)
    return path


def test_texts_and_names_are_escaped_everywhere(hostile_page):
    page = hostile_page.read_text(encoding="utf-8")
    assert "<img" not in page
    # The data of the sliders and two scripts; each of these is opened and closed once.
    assert page.count("<script") == page.count("</script>") == 3
    assert not set(page) & {"\x1b", "\u202e", "\x00"}


@pytest.mark.parametrize("width", [400, 1200])
def test_hostile_texts_do_not_run(browser, hostile_page, width):
    assert browser.open(hostile_page, width=width) == []
    assert browser.run("return document.title") != "ran"
    assert browser.run("return document.images.length") == 0


def test_names_that_no_text_can_hold_survive_into_the_file(browser, hostile_page):
    browser.open(hostile_page)
    browser.run(
        "for (const input of document.querySelectorAll('details.label input')) {"
        " input.value = 3; input.dispatchEvent(new Event('input')); }"
    )
    written = json.loads(browser.run("return document.getElementById('file').value"))
    assert set(written) == set(HOSTILE_NAMES)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_the_page_opens_without_a_word_on_the_console(browser, page, tmp_path, width, dark):
    page.save(tmp_path / "r.html")
    assert browser.open(tmp_path / "r.html", width=width, dark=dark) == []
    # Wide tables scroll by themselves; the page does not.
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run("return document.querySelectorAll('svg.chart').length") >= 13
    assert browser.shoot(tmp_path / f"report_{width}.png").stat().st_size > 20_000


def test_a_slider_and_a_click_move_a_threshold_and_write_the_file(browser, page, tmp_path):
    page.save(tmp_path / "r.html")
    browser.open(tmp_path / "r.html")
    script = """
        const item = document.querySelector('details.label');
        item.open = true;
        const input = item.querySelector('input');
        input.value = 5;
        input.dispatchEvent(new Event('input'));
        const data = JSON.parse(document.getElementById('data').textContent).labels[0];
        return [document.getElementById('file').value, data.name, data.cut_offs[5],
                item.querySelector('.given').textContent, data.given[5]];
    """
    written, name, cut_off, shown, given = browser.run(script)
    (tmp_path / "thresholds.json").write_text(written, encoding="utf-8")
    # By what `multilabel tune --thresholds` reads.
    assert read_thresholds(tmp_path / "thresholds.json") == {name: cut_off}
    assert shown.startswith(str(given))
    clicked = """
        const curve = document.querySelector('details.label .pick');
        const edges = curve.querySelector('svg').getBoundingClientRect();
        const [left, right] = curve.dataset.box.split(' ').map(Number);
        const x = edges.left + (left + 0.5 * (right - left)) * edges.width
            / curve.querySelector('svg').viewBox.baseVal.width;
        curve.dispatchEvent(new MouseEvent('click', {clientX: x, clientY: edges.top + 20}));
        return [document.getElementById('changes').textContent,
                document.getElementById('file').value];
    """
    words, written = browser.run(clicked)
    assert words.startswith("Nothing changed yet.")  # the stored threshold is 0.5
    assert written == ""
    assert browser.console() == []


def test_a_click_on_the_head_of_a_column_sorts(browser, page, tmp_path):
    page.save(tmp_path / "r.html")
    browser.open(tmp_path / "r.html")
    script = """
        const table = document.querySelector('#labels ~ .scroll table');
        const rows = () => [...table.tBodies[0].rows];
        const column = () => rows().map(row => Number(row.cells[1].dataset.value));
        table.tHead.rows[0].cells[1].querySelector('button').click();
        const down = column();
        table.tHead.rows[0].cells[1].querySelector('button').click();
        return [down, column()];
    """
    down, up = browser.run(script)
    assert down == sorted(down, reverse=True)
    assert up == sorted(up)


def test_on_paper_nothing_is_dark_or_cut_off(browser, page, tmp_path):
    page.save(tmp_path / "r.html", overwrite=True)
    browser.open(tmp_path / "r.html", width=700, dark=True)
    browser.as_printed()
    white = "rgb(255, 255, 255)"
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == white
    assert browser.run("return document.documentElement.scrollWidth") <= 700
    # With a button in it Chromium does not repeat the head of a table on the next page.
    head = "getComputedStyle(document.querySelector('.sortable thead th button')).display"
    assert browser.run(f"return {head}") == "contents"
    narrow = (
        "[...document.querySelectorAll('.card span')].every(s => s.scrollWidth <= s.clientWidth)"
    )
    assert browser.run(f"return {narrow}")
    for tag in ("textarea", "input[type=range]", "nav"):
        assert not browser.run(f"return document.querySelector('{tag}').checkVisibility()")
