"""A head for few examples: what is chosen, on what, and when."""

import numpy as np
import pytest

from multilabel_bert.errors import SettingsError
from multilabel_bert.training.few_examples import STRENGTHS, train_few_examples_head
from multilabel_bert.training.frozen_texts import FrozenTexts
from multilabel_bert.training.settings import FEW_EXAMPLES, TrainingSettings
from multilabel_bert.training.targets import Targets


def texts(count=60, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=(count, 10)).astype(np.float32)
    targets = (mean[:, :2] + noise * rng.normal(size=(count, 2)) > 0.4).astype(np.int8)
    parts = {"mean": 3 * mean + 1, "cls": rng.normal(size=(count, 10)).astype(np.float32)}
    return FrozenTexts(parts, Targets(targets), np.arange(count))


def test_the_representation_that_says_something_is_chosen():
    head = train_few_examples_head(texts(), ["cls", "mean", "cls+mean"])
    assert head.pooling == "mean"
    assert head.kernel.shape == (10, 2)
    scores = head.scores()
    assert max(scores, key=scores.get) == "mean"
    assert len(head.loss) == 3 * len(STRENGTHS)


def test_noise_gets_a_stronger_penalty():
    clear = train_few_examples_head(texts(noise=0.0), ["mean"])
    noise = train_few_examples_head(texts(noise=20.0), ["mean"])
    assert noise.l2 > clear.l2


def test_out_of_fold_logits_are_of_heads_that_have_not_seen_the_text():
    data = texts(noise=20.0)
    head = train_few_examples_head(data, ["mean"])
    truth = data.targets.dense()

    def loss(logits):
        return np.mean(np.logaddexp(0, logits) - truth * logits)

    fitted = data.parts["mean"] @ head.kernel + head.bias
    assert loss(head.out_of_fold_logits) > loss(fitted)
    assert loss(fitted) == pytest.approx(head.training_loss, rel=1e-5)
    assert loss(head.out_of_fold_logits) == pytest.approx(min(head.loss.values()), rel=1e-5)


def test_identical_texts_are_left_out_together():
    data = texts(20)
    twice = FrozenTexts(
        {name: np.repeat(values, 2, axis=0) for name, values in data.parts.items()},
        Targets(np.repeat(data.targets.dense(), 2, axis=0)),
        np.repeat(np.arange(20), 2),
    )
    logits = train_few_examples_head(twice, ["mean"]).out_of_fold_logits
    np.testing.assert_allclose(logits[::2], logits[1::2], atol=1e-5)


def test_a_single_text_has_no_folds():
    head = train_few_examples_head(texts(60).subset(np.arange(1)), ["mean"])
    assert head.out_of_fold_logits is None
    assert "too few for cross-validation" in head.summary(1)


def test_few_is_up_to_a_number_unless_a_training_by_epochs_is_asked_for():
    assert TrainingSettings().is_few_examples(FEW_EXAMPLES)
    assert not TrainingSettings().is_few_examples(FEW_EXAMPLES + 1)
    for given in ({"num_train_epochs": 5}, {"train_layers": 2}, {"dropout": 0.3}):
        assert not TrainingSettings(**given).is_few_examples(10)
    assert TrainingSettings(few_examples=True).is_few_examples(10**6)
    assert not TrainingSettings(few_examples=False).is_few_examples(10)


@pytest.mark.parametrize("given", [{"train_layers": 1}, {"learning_rate": 0.1}, {"loss": "focal"}])
def test_what_has_no_meaning_there_is_told(given):
    name = next(iter(given))
    with pytest.raises(SettingsError, match=f"and {name}=.* has no meaning there"):
        TrainingSettings(few_examples=True, **given)
