"""The parts of a report by themselves: slices, hardest texts, cut-offs, provenance, charts."""

import re

import numpy as np
import pytest
from reports_model import dataset_of, make_model

from multilabel_bert.decision.judgement import judge
from multilabel_bert.reports.charts import Line, bar_chart, line_chart, shortened
from multilabel_bert.reports.hardest import hardest_texts
from multilabel_bert.reports.label_details import _cut_offs, label_details
from multilabel_bert.reports.learning_curves import learning_curves
from multilabel_bert.reports.page import render
from multilabel_bert.reports.provenance_facts import provenance_facts
from multilabel_bert.reports.slices import slicings
from multilabel_bert.training.provenance import dataset_digest, seen_in_training


@pytest.fixture
def judgement():
    rng = np.random.default_rng(0)
    truth = rng.random((300, 2)) < 0.4
    return judge(truth, np.clip(truth * 0.4 + rng.random((300, 2)) * 0.6, 0, 1))


def test_slices_are_parts_of_the_texts_with_their_own_scores(judgement):
    lengths = np.arange(300) % 40 + 1
    found = {
        slicing.title: slicing.slices
        for slicing in slicings(judgement, lengths, {"c": ["a", None] * 150})
    }
    assert [s.name for s in found["Length in tokens"]] == [
        "1 to 8",
        "9 to 16",
        "17 to 32",
        "33 to 64",
    ]
    for slices in found.values():
        assert sum(one.texts for one in slices) == 300
        assert all(one.low <= one.micro_f1 <= one.high for one in slices)
    first, second = found["Column c"]
    assert (first.name, second.name) == ("a", "(empty)")
    rows = np.arange(0, 300, 2)
    counts = judgement.rows(rows).label_counts.total()
    expected = 2 * counts.true_positives / (counts.predicted + counts.support)
    assert first.micro_f1 == pytest.approx(float(expected))


def test_numbers_are_ranges_and_many_values_are_cut_off(judgement):
    lengths = np.ones(300, np.int32)
    columns = {
        "year": [*range(1900, 2199), ""],
        "stars": [str(i % 5) for i in range(300)],
        "user": [f"u{i % 100}" for i in range(300)],
    }
    *_, year, stars, user = slicings(judgement, lengths, columns)
    assert len(year.slices) == 6
    assert year.slices[0].name == "up to 1959"
    assert [one.texts for one in year.slices[:5]] == [60, 60, 60, 60, 59]
    assert [one.name for one in stars.slices] == ["0", "1", "2", "3", "4"]
    assert len(user.slices) == 21
    assert user.slices[-1].name == "(other values)"


def test_hardest_texts_are_wrong_and_sorted_by_loss():
    data = dataset_of(["a", "b", "c"], [[1, 0], [1, 0], [0, 1]], ["x", "y"])
    judgement = judge(data.dense_labels(), [[0.1, 0.9], [0.9, 0.1], [0.6, 0.9]])
    first, second = hardest_texts(judgement, data, 9)
    assert (first.text, second.text) == ("a", "c")
    assert first.loss == pytest.approx(-np.log(0.1) * 2)
    assert [one.name for one in first.missed] == ["x"]
    assert [one.name for one in second.wrong] == ["x"]
    assert [one.name for one in second.right] == ["y"]


@pytest.mark.parametrize("stored", [0.5, 0.0, 1.0, 0.00123, 0.123456])
def test_cut_offs_hold_the_stored_threshold_as_it_is(stored):
    positives = np.random.default_rng(0).random(50) ** 4
    found = _cut_offs(positives, stored)
    assert (found == stored).sum() == 1
    assert np.all(np.diff(found) > 0)
    assert len(found) < 220


def test_labels_without_a_slider_count_in_the_figures_of_all(monkeypatch, judgement):
    from multilabel_bert.reports import label_details as module

    monkeypatch.setattr(module, "MOST_SLIDERS", 1)
    monkeypatch.setattr(module, "MOST_CHARTS", 0)
    details, data = label_details(judgement, ("x", "y"), np.array([0.5, 0.5], np.float32))
    assert len(details) == len(data["labels"]) == data["rest"]["labels"] == 1
    assert details[0].trade is None
    assert data["rest"]["support"] + data["labels"][0]["support"] == judgement.targets.truth.sum()


def test_texts_of_the_training_are_recognised(tiny_encoder, labelled_texts):
    data = dataset_of(*labelled_texts, ["delay", "refund", "praise"])
    model = make_model(tiny_encoder, data)
    assert seen_in_training(model, data) is None
    model.provenance["dev"] = {"source": "x", "texts": 120, "sha256": dataset_digest(data)}
    assert seen_in_training(model, data) == "dev"
    assert seen_in_training(model, data[:50]) is None
    facts = dict(provenance_facts(model))
    assert facts["dev data"].startswith("x, 120 texts, sha256 ")
    assert facts["weights"] == f"sha256 {model.digest()}"


def test_learning_curves_of_models_with_and_without_history():
    assert learning_curves(None) is None
    assert learning_curves({"epochs": []}) is None
    one = learning_curves({"epochs": [{"loss": 0.25, "seconds": 2.0}], "best_epoch": 1})
    assert one.charts == ()
    assert "1 epoch in 2 s" in one.note
    assert "0.2500" in one.note


def test_charts_hold_hostile_names_as_text_and_follow_the_colours_of_the_page():
    name = "<b>$x</b>\ud800\ufffe\x00\u202e" + "long " * 20
    chart = line_chart(name, [Line(name, [0, 1], [0, 1]), Line("b", [0, 1], [1, 0])], x="x", y="y")
    assert "&lt;b&gt;$x&lt;/b&gt;" in chart.svg
    assert "<b>" not in chart.svg
    assert not set(chart.svg) & {"\ud800", "\ufffe", "\x00", "\u202e"}
    assert not re.search(r"#[0-9a-f]{6}", chart.svg)
    assert "var(--c1)" in chart.svg
    left, right, bottom, top = chart.box
    assert 0 < left < right <= 400
    assert 0 <= top < bottom < 260
    assert len(shortened(name)) == 26


def test_ids_of_charts_on_one_page_differ():
    both = "".join(bar_chart("t", ["a"], [1.0], x="x").svg for _ in range(2))
    found = re.findall(r'\bid="([^"]+)"', both)
    assert found
    assert len(found) == len(set(found))


def test_the_policy_names_each_script_by_its_hash():
    from multilabel_bert.reports.page import _asset, _sha256

    page = render("frame.html", "t", {}, scripts=["sorting.js"], data={"a": "</script>"})
    assert f"&#39;sha256-{_sha256(_asset('sorting.js'))}&#39;" in page
    assert "default-src &#39;none&#39;" in page
    assert "unsafe-inline&#39;; img-src data:; script-src &#39;sha256-" in page
    assert page.count("</script>") == 2
