"""What a search tries: checked values, no two configurations alike, the same for a seed."""

import pytest

from multilabel_bert.errors import SettingsError
from multilabel_bert.training.search_space import (
    DEFAULT_SPACE,
    Search,
    as_search,
    combinations,
    settings_found,
)
from multilabel_bert.training.settings import TrainingSettings


def tried(search, settings=None, **more):
    return combinations(
        search, settings or TrainingSettings(), **({"layers": 12, "pooler": True} | more)
    )


def test_a_hundred_configurations_begin_with_the_settings_of_the_run():
    found = tried(Search())
    assert len(found) == 100
    assert len({str(values) for values in found}) == 100
    own = {name: getattr(TrainingSettings, name) for name in DEFAULT_SPACE}
    assert found[0] == own | {"learning_rate": 5e-3}
    assert found == tried(Search())
    assert found != tried(Search(), TrainingSettings(seed=1))


def test_few_combinations_are_all_tried_and_those_that_exclude_each_other_are_not():
    space = {"loss": ["sigmoid_cross_entropy", "zlpr"], "class_weight": [None, "balanced"]}
    found = tried(Search(space))
    assert len(found) == 3
    assert {"loss": "zlpr", "class_weight": None} in found
    assert {"loss": "zlpr", "class_weight": "balanced"} not in found


def test_what_the_user_has_given_is_not_searched_by_default():
    given = TrainingSettings(pooling="mean", dropout=0.4)
    assert not {"pooling", "dropout"} & set(tried(Search(), given)[0])
    assert "pooling" in tried(Search(), TrainingSettings(pooling="auto"))[0]


def test_an_encoder_without_a_pooler_has_no_pooled_output():
    assert all(values["pooling"] != "pooled" for values in tried(Search(), pooler=False))


def test_trained_layers_take_what_is_not_of_the_head_alone():
    found = {"pooling": "mean", "loss": "focal", "learning_rate": 0.01, "dropout": 0.3}
    layers = settings_found(TrainingSettings(train_layers=2), found)
    assert (layers.pooling, layers.loss, layers.learning_rate) == ("mean", "focal", None)
    assert settings_found(TrainingSettings(), found).learning_rate == 0.01


def test_search_is_written_in_several_ways():
    assert as_search(None) is as_search(False) is None
    assert as_search(True).metric == "macro_f1"
    assert as_search(7, "micro_f1").configurations == 7
    assert as_search(7, "micro_f1").metric == "micro_f1"
    assert as_search(Search(metric="samples_f1"), "micro_f1").metric == "samples_f1"


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: as_search("yes"), "search='yes': expected True, a number"),
        (lambda: as_search({"dropuot": [0.1]}), "'dropuot', which is no setting. Did you mean"),
        (lambda: as_search({"max_seq_length": [32]}), "'max_seq_length', which cannot be searched"),
        (lambda: as_search({"dropout": 0.1}), "dropout=0.1: expected a list of values"),
        (lambda: as_search({"dropout": []}), "dropout=[]: expected a list of values"),
        (lambda: as_search({"dropout": [0.1, 2]}), "cannot be used: dropout=2 must be at least 0"),
        (lambda: as_search({"pooling": ["auto"]}), "Name the representations to try"),
        (lambda: as_search({}), "must be a dictionary from setting to values"),
        (lambda: as_search(0), "configurations=0): expected a whole number of at least 1"),
        (lambda: Search(folds=1), "folds=1): expected a whole number of at least 2"),
        (lambda: Search(metric="f2"), "'f2' is no metric"),
    ],
)
def test_what_cannot_be_searched_is_told(make, told):
    with pytest.raises(SettingsError) as caught:
        make()
    assert told in str(caught.value)
