"""DAEClassifier and DAERegressor: what -1 and NaN mean, and what rows without labels are for."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs, make_moons, make_regression
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdae import (
    ConvDAE,
    DAEClassifier,
    DAERegressor,
    DenoisingAutoencoder,
    DenseDAE,
    GaussianNoise,
    trusted_types,
)
from skdae.nn import DenseAutoencoder
from skdae.training import weighted_cross_entropy, weighted_squares

SMALL = DenseDAE((32,), latent_dim=16, max_epochs=5)
QUICK = {"max_epochs": 20, "random_state": 0}
UNEQUAL = "removed rows change the order and the noise of all batches, as in MLPClassifier"
EXPECTED_FAILURES = {
    DAEClassifier: {
        "check_sample_weight_equivalence_on_dense_data": UNEQUAL,
        "check_classifiers_classes": "its second problem has the classes -1 and 1, and -1 marks "
        "rows without a label; scikit-learn knows its own such classifiers by name",
    },
    DAERegressor: {"check_sample_weight_equivalence_on_dense_data": UNEQUAL},
}


def expected_failures(estimator):
    return EXPECTED_FAILURES[type(estimator)]


@parametrize_with_checks(
    [DAEClassifier(SMALL, max_epochs=100), DAERegressor(SMALL, max_epochs=100)],
    expected_failed_checks=expected_failures,
    xfail_strict=True,
)
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [DAEClassifier(), DAERegressor()],
    expected_failed_checks=expected_failures,
    xfail_strict=True,
)
def test_scikit_learn_with_the_defaults(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def moons():
    """Return two moons, and their classes with 5 known labels each."""
    X, y = make_moons(600, noise=0.08, random_state=0)
    few = np.full(len(y), -1)
    for label in (0, 1):
        few[np.flatnonzero(y == label)[:5]] = label
    return X, y, few


# ---------------------------------------------------------------------- what the net learns
def test_cross_entropy_is_that_of_torch():
    output, y = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 3
    target = torch.nn.functional.one_hot(y, 3).float()
    weights = torch.tensor([1.0, 0, 2, 1, 1, 3])
    each = torch.nn.functional.cross_entropy(output, y, reduction="none")
    found = weighted_cross_entropy(output, target * weights[:, None])
    torch.testing.assert_close(found, (weights * each).mean())


def test_squares_leave_out_what_is_not_known():
    output, value = torch.tensor([[1.0, 5.0], [3.0, 9.0]]), torch.tensor([[0.0, 5.0], [1.0, 0.0]])
    weight = torch.tensor([[1.0, 1.0], [0.5, 0.0]])
    found = weighted_squares(output, torch.cat([value, weight], dim=1))
    assert found.item() == pytest.approx((1 * 1 + 0.5 * 4) / 2)


def test_a_linear_regressor_finds_the_ridge_solution():
    X, y = make_regression(300, 4, noise=1.0, random_state=0)
    known = y.copy()
    known[100:] = np.nan
    linear = DenseDAE((), latent_dim=8, activation="identity", noise=None, max_epochs=5)
    found = DAERegressor(linear, random_state=0).fit(X, known).predict(X)
    expected = Ridge(alpha=1e-3).fit(X[:100], y[:100]).predict(X)
    assert np.abs(found - expected).max() < 0.05 * y.std()


def test_rows_without_labels_help(moons):
    X, y, few = moons
    guesses, alone = (
        DAEClassifier(noisy(0.1), threshold=threshold, max_epochs=50, random_state=0)
        .fit(X, few)
        .score(X, y)
        for threshold in (0.9, None)
    )
    assert guesses > alone + 0.02


def noisy(sigma):
    return DenseDAE((64,), latent_dim=64, noise=GaussianNoise(sigma), max_epochs=10)


def test_without_threshold_only_rows_with_labels_are_learned(moons):
    X, _, few = moons
    frozen = FrozenEstimator(noisy(0.1).set_params(random_state=0).fit(X))
    model = DAEClassifier(frozen, threshold=None, **QUICK)
    alone = clone(model).fit(X[few != -1], few[few != -1])
    np.testing.assert_array_equal(model.fit(X, few).predict_proba(X), alone.predict_proba(X))


def test_a_row_of_weight_0_has_no_label(moons):
    X, y, few = moons
    model = DAEClassifier(SMALL, threshold=None, **QUICK)
    weights = (few != -1).astype(float)
    weighted = clone(model).fit(X, y, sample_weight=weights).predict_proba(X)
    np.testing.assert_array_equal(weighted, model.fit(X, few).predict_proba(X))


def test_weights_move_the_boundary():
    X = np.random.default_rng(0).normal(size=(400, 2))
    y = (np.random.default_rng(1).random(400) < 0.5).astype(int)
    model = DAEClassifier(SMALL, **QUICK)
    shares = [
        model.fit(X, y, sample_weight=np.where(y == 1, weight, 1)).predict_proba(X)[:, 1].mean()
        for weight in (1, 4)
    ]
    # With labels that X does not tell, the probability is the part of the weight.
    np.testing.assert_allclose(shares, [0.5, 0.8], atol=0.08)


def test_probabilities_are_those_of_the_data():
    rng = np.random.default_rng(0)
    X = rng.integers(2, size=(2000, 1)).astype(float)
    y = (rng.random(2000) < np.where(X[:, 0], 0.9, 0.3)).astype(int)
    model = DAEClassifier(DenseDAE((8,), noise=None, max_epochs=2), max_epochs=20, random_state=0)
    found = model.fit(X, y).predict_proba(np.array([[0.0], [1.0]]))[:, 1]
    expected = [y[X[:, 0] == value].mean() for value in (0, 1)]
    np.testing.assert_allclose(found, expected, atol=0.04)


# ---------------------------------------------------------------------- y
def test_words_are_classes(moons):
    X, y, few = moons
    names = np.array(["crater", "rim"])
    words = np.where(few == -1, -1, names[few].astype(object))
    model = DAEClassifier(SMALL, **QUICK).fit(X, words)
    assert model.classes_.tolist() == ["crater", "rim"]
    numbers = clone(model).fit(X, few)
    np.testing.assert_array_equal(model.predict(X), names[numbers.predict(X)])
    all_known = clone(model).fit(X, names[y])
    assert set(all_known.predict(X)) <= set(names)


def test_minus_one_in_words_is_refused(moons):
    X, _, few = moons
    with pytest.raises(ValueError, match="dtype object with the int -1"):
        DAEClassifier(SMALL).fit(X, few.astype(str))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full(600, -1), "All of y is -1"),
        (np.repeat([-1, 1], 300), "Got one class.*give it another number"),
        (np.r_[np.nan, np.zeros(599)], "Input y contains NaN"),
        (np.zeros(599), "inconsistent numbers of samples"),
        (None, "requires y to be passed"),
    ],
    ids=["none", "one class", "NaN", "length", "no y"],
)
def test_labels_that_cannot_be(moons, y, message):
    with pytest.raises(ValueError, match=message):
        DAEClassifier(SMALL).fit(moons[0], y)


def test_labels_without_weight_are_refused(moons):
    X, _, few = moons
    with pytest.raises(ValueError, match="weights are above 0"):
        DAEClassifier(SMALL).fit(X, few, sample_weight=few == -1)


def test_an_output_without_targets_is_refused(moons):
    X, y, _ = moons
    with pytest.raises(ValueError, match=r"All of y\[:, 1\] is NaN"):
        DAERegressor(SMALL).fit(X, np.c_[y, np.full(len(y), np.nan)])


def test_scores_count_rows_with_labels_alone(moons):
    X, y, few = moons
    model = DAEClassifier(SMALL, **QUICK).fit(X, y)
    known = few != -1
    assert model.score(X, few) == model.score(X[known], few[known])
    weights = np.arange(len(y))
    weighted = model.score(X, few, sample_weight=weights)
    right = model.predict(X[known]) == few[known]
    assert weighted == pytest.approx(np.average(right, weights=weights[known]))
    with pytest.raises(ValueError, match="All of y is -1"):
        model.score(X, np.full(len(y), -1))


def test_a_search_splits_rows_with_and_without_labels(moons):
    X, _, few = moons
    search = GridSearchCV(DAEClassifier(SMALL, **QUICK), {"estimator__latent_dim": [1, 8]}, cv=2)
    assert search.fit(X, few).best_score_ > 0.5


def test_some_targets_of_a_row_are_enough():
    X, Y = make_regression(400, 5, n_targets=2, random_state=0)
    known = Y * [1, 1000] + [0, 5000]
    known[:200, 0] = known[200:, 1] = np.nan
    model = DAERegressor(noisy(0.05), max_epochs=60, random_state=0).fit(X, known)
    predicted = model.predict(X)
    assert predicted.shape == Y.shape
    for column in (0, 1):
        assert np.corrcoef(predicted[:, column], Y[:, column])[0, 1] > 0.97
    assert model.score(X, Y * [1, 1000] + [0, 5000]) > 0.9
    with pytest.raises(ValueError, match="All rows of y have NaN"):
        model.score(X, known)


def test_units_of_targets_do_not_matter():
    X, y = make_regression(200, 5, random_state=0)
    model = DAERegressor(SMALL, **QUICK)
    one = clone(model).fit(X, y).predict(X)
    np.testing.assert_allclose(model.fit(X, 1e6 * y + 1e8).predict(X), 1e6 * one + 1e8, rtol=1e-4)


def test_constant_targets_are_predicted():
    X, _ = make_regression(100, 5, random_state=0)
    model = DAERegressor(SMALL, **QUICK).fit(X, np.full(100, 0.1))
    np.testing.assert_allclose(model.predict(X), 0.1, rtol=1e-6)


# ---------------------------------------------------------------------- the autoencoder inside
@pytest.fixture(scope="module")
def digits():
    """Return 500 images of digits, uint8, and their labels of which 60 are known."""
    X, y = load_digits(return_X_y=True)
    few = y[:500].copy()
    few[60:] = -1
    return (X[:500].reshape(-1, 8, 8) * 15).astype(np.uint8), y[:500], few


def test_images(digits):
    X, y, few = digits
    model = DAEClassifier(ConvDAE((8, 16), max_epochs=10), max_epochs=20, random_state=0)
    assert model.fit(X, few).score(X, y) > 0.7
    flat = model.predict_proba(X.reshape(len(X), -1))
    np.testing.assert_array_equal(flat, model.predict_proba(X))
    assert model.estimator_.predict(X[:3]).shape == (3, 8, 8)


def test_a_frozen_autoencoder_keeps_its_weights(digits):
    X, y, few = digits
    dae = ConvDAE((8,), noise=GaussianNoise(0.2), max_epochs=5, random_state=0).fit(X)
    before = dae.predict(X)
    model = DAEClassifier(FrozenEstimator(dae), **QUICK).fit(X[:200], few[:200])
    np.testing.assert_array_equal(model.estimator_.predict(X), before)
    np.testing.assert_array_equal(dae.predict(X), before)
    assert model.estimator_ is not dae
    start = dae.net_.module_.state_dict()
    tuned = model.net_.module_.autoencoder.state_dict()
    assert not torch.equal(start["encoder.0.weight"], tuned["encoder.0.weight"])
    assert model.score(X, y) > 0.3


def test_what_is_frozen_must_be_a_fitted_autoencoder(digits):
    X, _, few = digits
    with pytest.raises(TypeError, match="must be a denoising autoencoder.*frozen Ridge"):
        DAEClassifier(FrozenEstimator(Ridge())).fit(X, few)
    with pytest.raises(ValueError, match="not fitted yet"):
        DAEClassifier(FrozenEstimator(DenseDAE())).fit(X, few)
    with pytest.raises(ValueError, match="'estimator' parameter of DAEClassifier"):
        DAEClassifier(Ridge()).fit(X, few)
    patches = ConvDAE((4,), noise=None, max_epochs=1).fit(list(X))
    with pytest.raises(ValueError, match="fitted on an array"):
        DAEClassifier(FrozenEstimator(patches)).fit(X, few)


def test_a_noise_step_gives_its_noise(moons):
    X, _, few = moons
    step = make_pipeline(GaussianNoise(0.3), DAEClassifier(SMALL, **QUICK)).fit(X, few)
    assert step[-1].estimator_.noise_.sigma == 0.3
    inside = clone(SMALL).set_params(noise=GaussianNoise(0.3))
    named = DAEClassifier(inside, **QUICK).fit(X, few)
    np.testing.assert_array_equal(step.predict_proba(X), named.predict_proba(X))
    frozen = FrozenEstimator(inside.fit(X))
    with pytest.raises(ValueError, match="remove that step"):
        make_pipeline(GaussianNoise(0.3), DAEClassifier(frozen)).fit(X, few)


def test_without_a_noise_it_gets_one_in_units_of_the_data(moons):
    X, _, few = moons
    model = DAEClassifier(SMALL, **QUICK).fit(10 * X, few)
    assert model.estimator_.noise_.sigma == pytest.approx(10 * (X - X.mean()).std(), rel=0.01)
    assert SMALL.noise == "auto"


def test_what_transform_gives_does_not_matter(moons):
    """The head is on the code, also where ``transform`` gives all hidden layers."""
    X, _, few = moons
    code, layers = (
        DAEClassifier(clone(SMALL).set_params(features=features), **QUICK).fit(X, few)
        for features in ("code", "all_layers")
    )
    np.testing.assert_array_equal(layers.predict_proba(X), code.predict_proba(X))


def test_a_module_of_the_user(moons):
    X, _, few = moons
    dae = DenoisingAutoencoder(DenseAutoencoder, loss="mse", max_epochs=2)
    assert DAEClassifier(dae, **QUICK).fit(X, few).predict(X).shape == few.shape


@pytest.mark.parametrize("integer", [int, np.int64])
def test_integers_of_numpy_are_integers(moons, integer):
    X, _, few = moons
    classifier = DAEClassifier(clone(SMALL), random_state=0, threshold=None)
    classifier.set_params(batch_size=integer(2), max_epochs=integer(3)).fit(X, few)
    assert (classifier.n_iter_, classifier.net_.history[-1]["train_batch_count"]) == (3, 5)


# ---------------------------------------------------------------------- the fitted state
@pytest.mark.parametrize("kind", [DAEClassifier, DAERegressor])
def test_one_seed_gives_one_model_and_no_global_state_moves(moons, kind):
    X, y, _ = moons
    numpy_before, torch_before = np.random.get_state()[1].copy(), torch.get_rng_state()
    first, second = (kind(SMALL, **QUICK).fit(X, y)._outputs(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other = kind(SMALL, max_epochs=20, random_state=1).fit(X, y)._outputs(X)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)
    assert torch.equal(torch.get_rng_state(), torch_before)


@pytest.mark.parametrize("kind", [DAEClassifier, DAERegressor])
def test_pickle_and_skops(moons, kind):
    skops_io = pytest.importorskip("skops.io")
    X, y, _ = moons
    model = kind(SMALL, **QUICK).fit(X, y)
    data = pickle.dumps(model)
    assert b"torch" not in data.replace(b"skdae.nn", b"")
    np.testing.assert_array_equal(pickle.loads(data).predict(X), model.predict(X))
    file = skops_io.dumps(model)
    assert set(skops_io.get_untrusted_types(data=file)) <= set(trusted_types())
    loaded = skops_io.loads(file, trusted=trusted_types())
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_a_fit_that_fails_changes_nothing(moons):
    X, y, _ = moons
    model = DAEClassifier(SMALL, **QUICK).fit(X, y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="diverged"):
        model.set_params(lr=1e30).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_predictions_do_not_depend_on_the_rows_around(digits):
    X, _, few = digits
    model = DAEClassifier(SMALL, **QUICK).fit(X, few)
    together = model.predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(X[7:8]), together[7:8])
    assert np.abs(together.sum(axis=1) - 1).max() < 1e-12
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), together, rtol=1e-9)


def test_many_classes_are_learned_when_all_rows_have_labels():
    X, y = make_blobs(400, 4, centers=6, random_state=0)
    model = DAEClassifier(SMALL, max_epochs=60, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.95
    assert len(model.loss_curve_) == model.n_iter_ == 60


def test_names_of_columns_are_kept_and_checked(moons):
    pandas = pytest.importorskip("pandas")
    X, _, few = moons
    frame = pandas.DataFrame(X, columns=["east", "north"])
    model = DAEClassifier(SMALL, **QUICK).fit(frame, pandas.Series(few))
    assert model.feature_names_in_.tolist() == ["east", "north"]
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[["north", "east"]])
