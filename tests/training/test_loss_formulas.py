"""Each loss against its paper's formula, written anew in NumPy, and its gradient numerically."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from multilabel_bert.errors import SettingsError  # noqa: E402
from multilabel_bert.training.losses import (  # noqa: E402
    ZLPR,
    Asymmetric,
    DistributionBalanced,
    Focal,
    SigmoidCrossEntropy,
    make_loss,
)
from multilabel_bert.training.settings import LOSSES, TrainingSettings  # noqa: E402

LABELS = 5
POSITIVES, NEGATIVES = np.array([40, 3, 1, 90, 12]), np.array([60, 97, 99, 10, 88])
WEIGHTS = np.array([1.0, 2.0, 0.5, 7.0, 3.0])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def mean_of_known(cells, y):
    return cells[y >= 0].sum() / max((y >= 0).sum(), 1)


def cross_entropy(y, z, w=1.0):
    p = sigmoid(z)
    return mean_of_known(-w * y * np.log(p) - (1 - y) * np.log(1 - p), y)


def focal(y, z, gamma=2.0, w=1.0):
    # Lin et al., equation 4, with p_t of the label that is true.
    p = sigmoid(z)
    cells = w * y * -((1 - p) ** gamma) * np.log(p) + (1 - y) * -(p**gamma) * np.log(1 - p)
    return mean_of_known(cells, y)


def asymmetric(y, z, gamma_neg=2.0, gamma_pos=0.0, margin=0.05, w=1.0):
    # Ridnik et al., equations 4 to 7.
    p = sigmoid(z)
    shifted = np.maximum(p - margin, 0)
    positive = (1 - p) ** gamma_pos * np.log(p)
    negative = shifted**gamma_neg * np.log(1 - shifted)
    return mean_of_known(-w * y * positive - (1 - y) * negative, y)


def distribution_balanced(y, z, alpha=0.1, beta=10.0, mu=0.2, lam=2.0, kappa=0.05):
    # Wu et al., one cell at a time.
    shift = kappa * np.log((POSITIVES + NEGATIVES) / POSITIVES - 1)
    total, known = 0.0, 0
    for row in range(len(y)):
        image = sum(y[row, j] / POSITIVES[j] for j in range(LABELS) if y[row, j] > 0)
        for i in range(LABELS):
            if not y[row, i] >= 0:
                continue
            ratio = 1 / POSITIVES[i] / image if image > 0 else np.inf
            weight = alpha + 1 / (1 + np.exp(-beta * (ratio - mu))) if ratio < np.inf else alpha + 1
            value = z[row, i] - shift[i]
            cost = y[row, i] * np.log1p(np.exp(-value))
            cost += (1 - y[row, i]) / lam * np.log1p(np.exp(lam * value))
            total, known = total + weight * cost, known + 1
    return total / max(known, 1)


def zlpr(y, z):
    # Su et al., with the soft version's weights, which are 0 or 1 for hard labels.
    losses = []
    for target, logit in zip(y, z, strict=True):
        t, s = target[target >= 0], logit[target >= 0]
        if len(t):
            losses.append(
                np.log(1 + (t * np.exp(-s)).sum()) + np.log(1 + ((1 - t) * np.exp(s)).sum())
            )
    return np.mean(losses) if losses else 0.0


CASES = {
    "sigmoid": (SigmoidCrossEntropy(), cross_entropy),
    "weighted": (SigmoidCrossEntropy(WEIGHTS), lambda y, z: cross_entropy(y, z, WEIGHTS)),
    "focal": (Focal(), focal),
    "focal, weighted": (Focal(0.7, WEIGHTS), lambda y, z: focal(y, z, 0.7, WEIGHTS)),
    "asymmetric": (Asymmetric(), asymmetric),
    "asymmetric, paper": (
        Asymmetric(4.0, 1.0, 0.05, WEIGHTS),
        lambda y, z: asymmetric(y, z, 4.0, 1.0, 0.05, WEIGHTS),
    ),
    "asymmetric, no margin": (Asymmetric(0.5, 1.5, 0), lambda y, z: asymmetric(y, z, 0.5, 1.5, 0)),
    "asymmetric, wide": (Asymmetric(1.5, 0, 0.6), lambda y, z: asymmetric(y, z, 1.5, 0, 0.6)),
    "distribution balanced": (DistributionBalanced(POSITIVES, NEGATIVES), distribution_balanced),
    "distribution balanced, others": (
        DistributionBalanced(POSITIVES, NEGATIVES, 0.3, 5.0, 0.7, 5.0, 0.1),
        lambda y, z: distribution_balanced(y, z, 0.3, 5.0, 0.7, 5.0, 0.1),
    ),
    "zlpr": (ZLPR(), zlpr),
}


def cells(kind, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 3, (7, LABELS)).astype(np.float32)
    y = rng.integers(0, 2, z.shape).astype(np.float32)
    y[5] = 0  # a text without a label
    if kind == "soft":
        y = rng.random(z.shape).astype(np.float32)
    if kind == "unknown":
        y[rng.random(y.shape) < 0.3] = -1
        y[2, 1] = np.nan
        y[0] = -1
    return y, z


def gradient(loss, y, z):
    variable = tf.Variable(z)
    with tf.GradientTape() as tape:
        value = loss(y, variable)
    return tape.gradient(value, variable).numpy()


@pytest.mark.parametrize("kind", ["hard", "soft", "unknown"])
@pytest.mark.parametrize("case", CASES)
def test_value_and_gradient_are_those_of_the_formula(case, kind):
    loss, formula = CASES[case]
    y, z = cells(kind)
    exact_y, exact_z = y.astype(np.float64), z.astype(np.float64)
    expected = formula(exact_y, exact_z)
    assert float(loss(y, z)) == pytest.approx(expected, rel=2e-6)
    numeric, step = np.zeros_like(exact_z), 1e-5
    for place in np.ndindex(z.shape):
        moved = [exact_z.copy(), exact_z.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        numeric[place] = (formula(exact_y, moved[0]) - formula(exact_y, moved[1])) / (2 * step)
    np.testing.assert_allclose(gradient(loss, y, z), numeric, atol=2e-6)


@pytest.mark.parametrize("kind", ["hard", "unknown"])
@pytest.mark.parametrize(
    "neutral",
    [
        Focal(0.0),
        Asymmetric(0.0, 0.0, 0.0),
        DistributionBalanced(POSITIVES, NEGATIVES, 0.5, 0.0, 0.0, 1.0, 0.0),
    ],
    ids=lambda loss: loss.name,
)
def test_neutral_parameters_give_the_cross_entropy(neutral, kind):
    y, z = cells(kind)
    plain = SigmoidCrossEntropy()
    assert float(neutral(y, z)) == pytest.approx(float(plain(y, z)), rel=1e-6)
    np.testing.assert_allclose(gradient(neutral, y, z), gradient(plain, y, z), atol=1e-7)


@pytest.mark.parametrize("kind", ["hard", "unknown"])
def test_zlpr_of_one_label_is_the_cross_entropy(kind):
    y, z = (part[:, 1:2] for part in cells(kind))
    assert float(ZLPR()(y, z)) == pytest.approx(float(SigmoidCrossEntropy()(y, z)), rel=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_extreme_logits_have_finite_values_and_gradients(case):
    loss, _ = CASES[case]
    for size in (1e4, 90.0, 0.0):
        z = np.array([[size, -size, size, -size, size], [-size] * 5], np.float32)
        for y in (np.ones_like(z), np.zeros_like(z), np.full_like(z, 0.3), (z > 0).astype("f4")):
            assert np.isfinite(float(loss(y, z)))
            assert np.isfinite(gradient(loss, y, z)).all()


@pytest.mark.parametrize("case", CASES)
def test_bfloat16_logits_are_computed_in_float32(case):
    loss, _ = CASES[case]
    y, z = cells("hard")
    rounded = tf.cast(z, tf.bfloat16)
    assert float(loss(y, rounded)) == float(loss(y, tf.cast(rounded, tf.float32)))


@pytest.mark.parametrize("case", CASES)
def test_nothing_known_costs_nothing_and_unknown_logits_do_not_matter(case):
    loss, _ = CASES[case]
    y, z = cells("unknown")
    assert float(loss(np.full_like(y, -1), z)) == 0.0
    other = np.where(y >= 0, z, 1e4).astype(np.float32)
    assert float(loss(y, other)) == pytest.approx(float(loss(y, z)), rel=1e-6)
    assert not gradient(loss, y, other)[~(y >= 0)].any()


@pytest.mark.parametrize("case", CASES)
def test_a_text_of_weight_two_counts_as_two_texts(case):
    loss, _ = CASES[case]
    y, z = cells("hard")
    twice = np.concatenate([np.arange(len(y)), [3]])
    weights = np.ones(len(y), np.float32)
    weights[3] = 2
    # The weights that training gives have a mean of 1.
    weighted = float(loss(y, z, sample_weight=weights / weights.mean()))
    assert weighted == pytest.approx(float(loss(y[twice], z[twice])), rel=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_the_loss_is_the_mean_of_its_terms(case):
    loss, _ = CASES[case]
    y, z = cells("unknown")
    parts = [slice(0, 3), slice(3, 7)]
    terms = np.array([loss.terms(y[part]) for part in parts])
    values = np.array([float(loss(y[part], z[part])) for part in parts])
    assert loss.terms(y) == terms.sum()
    assert float(loss(y, z)) == pytest.approx((terms * values).sum() / terms.sum(), rel=1e-6)


def test_the_gradient_at_zero_is_half():
    y, z = np.array([[1.0, 0.0]], np.float32), np.zeros((1, 2), np.float32)
    np.testing.assert_allclose(gradient(SigmoidCrossEntropy(), y, z), [[-0.25, 0.25]])


def test_label_smoothing_is_that_of_keras():
    y, z = cells("hard")
    theirs = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.2)
    ours = SigmoidCrossEntropy(label_smoothing=0.2)
    assert float(ours(y, z)) == pytest.approx(float(theirs(y, z)), rel=1e-6)


def test_focal_is_that_of_keras():
    y, z = cells("hard")
    theirs = keras.losses.BinaryFocalCrossentropy(from_logits=True, gamma=1.5)
    assert float(Focal(1.5)(y, z)) == pytest.approx(float(theirs(y, z)), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_settings_choose_the_loss_and_it_is_saved_with_a_model(name):
    settings = TrainingSettings(loss=name, label_smoothing=0.1)
    loss = make_loss(settings, counts=(POSITIVES, NEGATIVES))
    assert loss.name == name
    again = type(loss).from_config(loss.get_config())
    y, z = cells("hard")
    assert float(again(y, z)) == float(loss(y, z))


def test_settings_of_a_loss_reach_it():
    counts = POSITIVES, NEGATIVES
    asl = make_loss(
        TrainingSettings(loss="asymmetric", asl_gamma_neg=4, asl_gamma_pos=1, asl_margin=0.2),
        counts=counts,
        positive_weights=WEIGHTS,
    )
    assert (asl.gamma_neg, asl.gamma_pos, asl.margin) == (4, 1, 0.2)
    assert asl.positive_weights.tolist() == WEIGHTS.tolist()
    db = make_loss(
        TrainingSettings(
            loss="distribution_balanced", db_alpha=1, db_beta=2, db_mu=3, db_lambda=4, db_kappa=5
        ),
        counts=counts,
    )
    assert (db.alpha, db.beta, db.mu, db.negative_scale, db.bias_scale) == (1, 2, 3, 4, 5)
    assert make_loss(TrainingSettings(loss="focal", focal_gamma=3), counts=counts).gamma == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"loss": "fokal"}, "loss='fokal' is unknown. Did you mean 'focal'?"),
        ({"focal_gamma": 1.0}, "focal_gamma=1.0 belongs to loss='focal', but the loss is"),
        ({"loss": "focal", "asl_margin": 0.1}, "Set loss='asymmetric', or leave asl_margin out."),
        ({"loss": "asymmetric", "asl_margin": 1.0}, "asl_margin=1.0 must be at least 0"),
        ({"loss": "distribution_balanced", "db_lambda": 0}, "db_lambda=0 must be above 0"),
        ({"label_smoothing": 1}, "label_smoothing=1 must be at least 0 and at most 0.99"),
        ({"max_class_weight": 0.5}, "max_class_weight=0.5 must be at least 1"),
        ({"loss": "zlpr", "class_weight": "balanced"}, "class_weight cannot be used with loss="),
        (
            {"loss": "distribution_balanced", "class_weight": {"a": 2}},
            "or use one of the losses sigmoid_cross_entropy, focal, asymmetric.",
        ),
    ],
)
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises(SettingsError) as error:
        TrainingSettings(**given)
    assert message in str(error.value)
