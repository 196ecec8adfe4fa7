"""What notebooks show of classifiers, evaluations and comparisons: right, and never run."""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import sklearn

from multilabel_bert import MultiLabelClassifier, evaluate
from multilabel_bert.notebook import MOST_ROWS, table, view

ATTACK = "</table></style><script>document.title='ran'</script><img src=x onerror=alert(1)>"
NAMES = [ATTACK, "\u202egnp.tpircs \x1b[31m", "praise"]


class Cells(HTMLParser):
    """The rows of all tables, and every tag with its attributes."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.tags, self.attributes, self._in_cell = [], [], [], False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attributes]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data):
        if self._in_cell:
            self.rows[-1][-1] += data


def own_part(html):
    """Without what scikit-learn makes, which has scripts of its own."""
    return html[html.index("<style>\n.mlb-view") :]


@pytest.fixture(scope="module")
def evaluation():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (30, 3))
    truth[:, 1] = 0
    return evaluate(truth, rng.random((30, 3)), label_names=NAMES, thresholds=[0.5, 0.25, 0.75])


@pytest.fixture(scope="module")
def classifier(tiny_encoder, labelled_texts):
    return MultiLabelClassifier(
        str(tiny_encoder), num_train_epochs=2, max_seq_length=16, baseline=True, verbose=False
    ).fit(*labelled_texts, label_names=NAMES)


def test_an_evaluation_shows_its_figures(evaluation):
    rows = Cells(evaluation._repr_html_()).rows
    by_name = {row[0]: row[1:] for row in rows}
    assert by_name["macro_f1"][0] == f"{evaluation.metrics['macro_f1']:.3f}"
    praise = evaluation.per_label[2]
    assert by_name["praise"] == [
        str(praise.support),
        str(praise.predicted_positives),
        *(f"{v:.3f}" for v in (praise.precision, praise.recall, praise.f1)),
        f"{praise.average_precision:.3f}",
        "0.750",
    ]
    # Without a positive there is no average precision.
    without = [row for row in rows if row[0].startswith("\ufffdgnp.tpircs")]
    assert without[0][6:] == ["–", "0.250"]


def test_a_trained_classifier_shows_parameters_figures_and_thresholds(classifier):
    html = classifier._repr_html_()
    assert "max_seq_length" in html
    rows = {row[0]: row[1:] for row in Cells(own_part(html)).rows}
    assert rows["Representation"] == ["pooled"]
    assert rows["macro_f1"][0] == f"{classifier.dev_evaluation_.metrics['macro_f1']:.3f}"
    assert rows["praise"][-1] == f"{classifier.model_.rule.thresholds[2]:.3f}"
    bundle = classifier._repr_mimebundle_()
    assert own_part(bundle["text/html"]) == own_part(html)
    assert bundle["text/plain"] == repr(classifier)


def test_a_loaded_classifier_shows_what_is_stored(classifier, tmp_path):
    classifier.save(tmp_path / "model")
    loaded = MultiLabelClassifier.load(tmp_path / "model")
    rows = {row[0]: row[1:] for row in Cells(own_part(loaded._repr_html_())).rows}
    assert rows["macro_f1"][0] == f"{classifier.dev_evaluation_.metrics['macro_f1']:.3f}"
    assert rows["praise"] == [f"{classifier.model_.rule.thresholds[2]:.3f}"]


def test_an_untrained_classifier_is_shown_as_scikit_learn_does():
    html = MultiLabelClassifier("<script>", train_layers=1)._repr_html_()
    assert "Not fitted" in html
    assert "mlb-view" not in html
    assert "&lt;script&gt;" in html


def test_scikit_learns_setting_is_heeded(classifier):
    with sklearn.config_context(display="text"):
        assert not hasattr(classifier, "_repr_html_")
        assert "text/html" not in classifier._repr_mimebundle_()


def test_a_comparison_shows_both(classifier, labelled_texts):
    comparison = classifier.compare(*labelled_texts)
    row = next(r for r in Cells(comparison._repr_html_()).rows if r[0] == "macro_f1")
    first = comparison.differences[0]
    assert row[1:4] == [f"{first.first:.3f}", f"{first.second:.3f}", f"{first.value:.3f}"]
    assert row[4] == f"{first.low:+.3f} to {first.high:+.3f}"


def test_nothing_of_the_data_is_markup(classifier, evaluation):
    explanation = classifier.explain(f"late {ATTACK}")
    for html in (
        own_part(classifier._repr_html_()),
        evaluation._repr_html_(),
        explanation._repr_html_(),
    ):
        found = Cells(html)
        assert not {"script", "img", "link", "iframe"} & set(found.tags)
        assert not [name for name in found.attributes if name.startswith("on")]
        assert found.tags.count("style") == html.count("</style>") == 1
        assert "http" not in html
        assert "\x1b" not in html
        html.encode()  # no half of a surrogate pair
    assert ATTACK in [row[0] for row in Cells(evaluation._repr_html_()).rows]


def test_many_rows_are_cut_and_said():
    html = table(("label", "threshold"), [(str(i), i / 2000) for i in range(1000)])
    assert len(Cells(html).rows) == MOST_ROWS + 1
    assert "950 more are not shown." in html


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
@pytest.mark.parametrize("dark", [False, True])
def test_a_browser_shows_the_views(browser, classifier, evaluation, tmp_path, dark):
    text = f"my late parcel {ATTACK}"
    views = [
        classifier._repr_html_(),
        evaluation._repr_html_(),
        classifier.explain(text)._repr_html_(),
        classifier.compare(["late", "thanks"], [[1, 0, 0], [0, 0, 1]])._repr_html_(),
    ]
    body = "\n<hr>\n".join(views).replace("<details>", "<details open>")
    page = tmp_path / "views.html"
    page.write_text(
        "<!DOCTYPE html><meta charset=utf-8><title>views</title>"
        f"<style>:root{{color-scheme:light dark}}</style><body>{body}</body>",
        encoding="utf-8",
    )
    assert browser.open(page, width=800, dark=dark) == []
    assert browser.run("return document.title") == "views"
    assert browser.shoot(tmp_path / "views.png").stat().st_size > 20_000
    # Text and ground differ: nothing is written black on black.
    colour = browser.run(
        "return getComputedStyle(document.querySelector('.mlb-view td')).color.match(/\\d+/g)"
    )
    assert (sum(map(int, colour)) > 382) == dark


def test_evaluating_imports_no_more_for_it():
    code = (
        "import sys, json; from multilabel_bert import evaluate;"
        "evaluate([[1, 0], [1, 1]], [[0.9, 0.6], [0.8, 0.1]])._repr_html_();"
        "heavy = {'tensorflow', 'keras', 'jinja2', 'rich'};"
        "print(json.dumps(sorted(heavy & set(sys.modules))))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(result.stdout) == []


def test_a_view_is_one_element():
    html = view(table(("a",), [("b",)]))
    assert re.fullmatch(r"<style>.*?</style>\s*<div class=\"mlb-view\">.*</div>", html, re.DOTALL)
