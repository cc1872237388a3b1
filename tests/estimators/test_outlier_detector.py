"""The outlier detector: what it finds, and that no row is judged by a net that has seen it."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
from scipy.stats import binom
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdae import (
    ConvDAE,
    DAEOutlierDetector,
    DenseDAE,
    GaussianNoise,
    MaskingNoise,
    SwapNoise,
    trusted_types,
)

SMALL = DenseDAE((8,), latent_dim=3, max_epochs=2)


def quick(**params) -> DAEOutlierDetector:
    """Return a detector whose nets hardly learn, for what does not depend on that."""
    return DAEOutlierDetector(clone(SMALL), **{"n_folds": 2, "random_state": 0, **params})


@parametrize_with_checks([quick(), quick(novelty=True)])
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([DAEOutlierDetector(), DAEOutlierDetector(novelty=True)])
def test_scikit_learn_with_defaults(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def table():
    """Return rows near a plane in six columns of different units, and odd rows off it."""
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((1200, 2))
    X = factors @ rng.standard_normal((2, 6)) + 0.1 * rng.standard_normal((1200, 6))
    odd = rng.permuted(X[:100], axis=0)  # each column as before, but not together
    return X * [1, 10, 1e-3, 1, 500, 1] + [0, 5, 0, -100, 0, 1], odd * [
        *[1, 10, 1e-3, 1, 500, 1],
    ] + [0, 5, 0, -100, 0, 1]


@pytest.fixture(scope="module")
def fitted(table):
    """Return a detector of novelties that was fitted on the first 600 rows."""
    return DAEOutlierDetector(novelty=True, contamination=0.05, random_state=0).fit(table[0][:600])


# ---------------------------------------------------------------------- what it finds
def test_it_finds_rows_whose_columns_do_not_go_together(table, fitted):
    X, odd = table
    scores = fitted.score_samples(np.concatenate([X[600:], odd]))
    assert roc_auc_score(np.arange(700) < 600, scores) > 0.95


def test_it_finds_outliers_among_the_rows_of_the_fit(table):
    X, odd = table
    mixed, is_odd = np.concatenate([X[600:], odd]), np.arange(700) >= 600
    detector = DAEOutlierDetector(contamination=1 / 7, random_state=0)
    found = detector.fit_predict(mixed) == -1
    assert found.sum() == 100
    assert found[is_odd].mean() > 0.8
    assert roc_auc_score(~is_odd, detector.score_samples(mixed)) > 0.95


@pytest.mark.parametrize("spread", [0.3, 1])
def test_many_outliers_in_one_place_are_not_learned(spread):
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (400, 5)), rng.normal(5, spread, (80, 5))])
    scores = DAEOutlierDetector(random_state=0).fit(X).score_samples(X)
    assert roc_auc_score(np.arange(480) < 400, scores) > 0.95


def test_the_rate_of_false_alarms_holds_for_new_rows(table, fitted):
    alarms = (fitted.predict(table[0][600:]) == -1).sum()
    # The limit is a quantile of 600 rows itself, which doubles the variance.
    low, high = binom(600, 0.05).interval(0.9999)
    middle = 600 * 0.05
    assert middle - np.sqrt(2) * (middle - low) <= alarms <= middle + np.sqrt(2) * (high - middle)


def test_usual_rows_have_scores_near_minus_one(table, fitted):
    assert -1.3 < fitted.score_samples(table[0][600:]).mean() < -0.7


def test_feature_errors_name_the_odd_cell(table, fitted):
    rows = table[0][600:700].copy()
    cells = np.arange(100) % 6
    spread = table[0].std(axis=0)
    rows[np.arange(100), cells] += 3 * spread[cells]
    errors = fitted.feature_errors(rows)
    assert errors.shape == rows.shape
    assert (errors.argmax(axis=1) == cells).mean() > 0.7


def test_feature_errors_of_usual_rows_are_usual(table, fitted):
    errors = fitted.feature_errors(table[0][600:])
    np.testing.assert_allclose(np.square(errors).mean(axis=0), 1, atol=0.35)


def test_other_noise_than_the_default(table):
    X, odd = table
    for noise in (MaskingNoise(0.3), SwapNoise(0.3)):
        detector = DAEOutlierDetector(
            DenseDAE((64,), noise=noise), novelty=True, random_state=0
        ).fit(X[:600])
        assert detector.estimators_[0].noise_.get_params() == noise.get_params()
        scores = detector.score_samples(np.concatenate([X[600:], odd]))
        assert roc_auc_score(np.arange(700) < 600, scores) > 0.9


# ---------------------------------------------------------------------- who judges whom
def test_a_row_of_the_fit_is_judged_by_the_net_that_has_not_seen_it(table):
    X = table[0][:50]
    detector = quick(novelty=True).fit(X)
    scaled = (X - detector._scale[0]) / detector._scale[1]
    errors = np.stack([net.predict(scaled.astype(np.float32)) for net in detector.estimators_])
    errors -= scaled
    shares = detector._folds[1]
    assert sorted(shares[:, 0].tolist()) == [0.0] * 25 + [1.0] * 25
    scores = -detector.score_samples(X)
    new = -detector.score_samples(X + 1e-4 * X.std(axis=0))
    by_net = np.stack(
        [spread_size(e, spread) for e, spread in zip(errors, detector._spreads, strict=True)]
    )
    np.testing.assert_allclose(new, by_net.mean(axis=0), rtol=0.05)
    nearest = np.abs(by_net - scores).min(axis=0)
    np.testing.assert_allclose(nearest / scores, 0, atol=1e-4)


def spread_size(errors, spread):
    """Return the squared Mahalanobis distance over the number of columns, by its definition."""
    directions, variances, _, _ = spread
    inverse = np.linalg.inv(directions * variances @ directions.T)
    return np.einsum("ij,jk,ik->i", errors, inverse, errors) / errors.shape[1]


def test_copies_of_a_row_have_one_score(table):
    X = np.repeat(table[0][:20], 3, axis=0)
    scores = quick().fit(X).score_samples(X)
    np.testing.assert_array_equal(scores.reshape(20, 3), np.repeat(scores[::3, None], 3, axis=1))


def test_a_row_that_is_common_is_not_odd():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.standard_normal((300, 4)), np.full((60, 4), 2.5)])
    detector = DAEOutlierDetector(novelty=True, contamination=0.1, random_state=0).fit(X)
    assert detector.predict(X[-1:]) == 1


def test_minus_zero_is_zero(table):
    X = table[0][:40].copy()
    X[:, 0] = 0
    detector = quick(novelty=True).fit(X)
    other = X.copy()
    other[:, 0] = -0.0
    np.testing.assert_array_equal(detector.score_samples(other), detector.score_samples(X))


def test_a_score_does_not_depend_on_the_other_rows(table, fitted):
    X = table[0][590:650]
    whole = fitted.score_samples(X)
    np.testing.assert_array_equal(np.concatenate([fitted.score_samples([x]) for x in X]), whole)


def test_rows_beyond_max_samples_are_judged_by_all_nets(table):
    X = table[0][:200]
    detector = quick(max_samples=50).fit(X)
    assert len(detector._folds[0]) == 50
    assert detector.score_samples(X).shape == (200,)
    assert (detector.fit_predict(X) == detector.predict(X)).all()


# ---------------------------------------------------------------------- units, limits, columns
def test_units_do_not_matter(table):
    X = table[0][:100].astype(np.float32).astype(float)
    a, b = np.array([2.0, 0.25, 8, 1, 0.5, 4]), 0.0
    first, second = quick().fit(X), quick().fit(X * a + b)
    np.testing.assert_allclose(first.score_samples(X), second.score_samples(X * a + b), rtol=1e-3)


@pytest.mark.parametrize("contamination", [0.02, 0.25, 0.5])
def test_the_part_of_outliers_is_what_was_asked_for(table, contamination):
    X = table[0][:200]
    labels = quick(contamination=contamination).fit_predict(X)
    assert (labels == -1).sum() == 200 * contamination


def test_auto_is_the_whisker_of_a_box_plot(table):
    X = table[0][:200]
    detector = quick().fit(X)
    sizes = np.sqrt(-detector.score_samples(X))
    low, high = np.percentile(sizes, [25, 75])
    assert detector.offset_ == pytest.approx(-((high + 1.5 * (high - low)) ** 2))


def test_another_value_in_a_constant_column_is_odd(table):
    X = table[0][:200].copy()
    X[:, 2] = 7
    detector = DAEOutlierDetector(novelty=True, random_state=0).fit(X)
    row = X[:1].copy()
    row[0, 2] = 7.01
    assert detector.predict(row) == -1
    assert detector.feature_errors(row)[0].argmax() == 2


def test_gross_outliers_do_not_blur_a_column():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1000, 3))
    X[:5, 1] = 1e9
    detector = quick(novelty=True).fit(X)
    # Five values at 10 units s of a thousand: s² = 1 + 0.005 (10 s)².
    np.testing.assert_allclose(detector._scale[1], [1, np.sqrt(2), 1], rtol=0.1)


def test_frames_keep_their_names(table):
    X = pd.DataFrame(table[0][:60], columns=list("abcdef"))
    detector = quick().fit(X)
    assert list(detector.feature_names_in_) == list("abcdef")
    by_polars = quick().fit(pl.from_pandas(X))
    np.testing.assert_array_equal(
        by_polars.score_samples(pl.from_pandas(X)), detector.score_samples(X)
    )
    with pytest.raises(ValueError, match="feature names"):
        detector.predict(X[list("bacdef")])


# ---------------------------------------------------------------------- images and signals
def test_images(images):
    odd = images[100:120].copy()
    odd[:, 2:6, 2:6] = 1 - odd[:, 2:6, 2:6]
    dae = ConvDAE((8,), latent_dim=16, max_epochs=150)
    detector = DAEOutlierDetector(dae, novelty=True, n_folds=2, random_state=0).fit(images[:100])
    assert detector.sample_shape_ == (8, 8, 1)
    assert detector._scale is None
    both = np.concatenate([images[100:], odd])
    assert roc_auc_score(np.arange(120) < 100, detector.score_samples(both)) > 0.9
    errors = detector.feature_errors(odd)
    assert errors.shape == odd.shape
    inside = np.zeros((8, 8), bool)
    inside[2:6, 2:6] = True
    assert errors[:, inside].mean() > 1.5 * errors[:, ~inside].mean()
    np.testing.assert_array_equal(
        detector.score_samples(odd.reshape(20, 64)), detector.score_samples(odd)
    )


def test_images_of_integers_are_judged_as_fractions(images):
    pixels = np.round(images * 255).astype(np.uint8)
    dae = DenseDAE((16,), max_epochs=3)
    by_int = DAEOutlierDetector(dae, n_folds=2, random_state=0).fit(pixels)
    by_float = DAEOutlierDetector(dae, n_folds=2, random_state=0).fit(pixels / np.float32(255))
    # Noise is cut off at black and white for integers alone.
    correlation = np.corrcoef(
        by_int.score_samples(pixels), by_float.score_samples(pixels / np.float32(255))
    )[0, 1]
    assert correlation > 0.9


def test_signals():
    rng = np.random.default_rng(0)
    t = np.arange(64)
    X = np.sin(t / 5 + rng.uniform(0, 6, (120, 1))).astype(np.float32)
    odd = X[:20].copy()
    odd[:, 30:36] += 1
    dae = DenseDAE((32,), sample_shape=(64, 1), max_epochs=40)
    detector = DAEOutlierDetector(dae, novelty=True, random_state=0).fit(X[20:])
    assert detector.sample_shape_ == (64, 1)
    assert roc_auc_score(np.arange(40) < 20, detector.score_samples(np.r_[X[:20], odd])) > 0.9


# ---------------------------------------------------------------------- scikit-learn's citizen
def test_pickle_and_skops_are_bit_equal(table):
    X = table[0][:60]
    detector = quick().fit(X)
    scores = detector.score_samples(table[0][:100])
    for copy in (
        pickle.loads(pickle.dumps(detector)),
        skops.io.loads(skops.io.dumps(detector), trusted=trusted_types()),
    ):
        np.testing.assert_array_equal(copy.score_samples(table[0][:100]), scores)
        np.testing.assert_array_equal(copy.predict(X), detector.predict(X))


def test_the_pickle_holds_no_torch(table):
    names = set()

    class Reader(pickle.Unpickler):
        def find_class(self, module, name):
            names.add(module.partition(".")[0])
            return super().find_class(module, name)

    Reader(io.BytesIO(pickle.dumps(quick().fit(table[0][:60])))).load()
    assert "torch" not in names


def test_a_seed_gives_one_detector(table):
    X = table[0][:60]
    first, second = quick(random_state=3).fit(X), quick(random_state=3).fit(X)
    np.testing.assert_array_equal(first.score_samples(X), second.score_samples(X))
    assert (quick(random_state=4).fit(X).score_samples(X) != first.score_samples(X)).any()


def test_a_search_over_parameters_of_the_autoencoder(table):
    X, odd = table
    order = np.random.default_rng(0).permutation(120)
    data = np.concatenate([X[:100], odd[:20]])[order]
    labels = np.r_[np.ones(100, int), -np.ones(20, int)][order]
    detector = DAEOutlierDetector(
        DenseDAE((16,), noise=GaussianNoise(0.5), max_epochs=5), n_folds=2, random_state=0
    )
    search = GridSearchCV(
        detector, {"estimator__noise__sigma": [0.1, 5.0]}, scoring="roc_auc", cv=2
    ).fit(data, labels)
    assert search.best_params_["estimator__noise__sigma"] == 0.1
    assert detector.estimator.noise.sigma == 0.5


# ---------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"contamination": 0}, "'contamination' parameter of DAEOutlierDetector"),
        ({"contamination": 0.6}, "'contamination' parameter of DAEOutlierDetector"),
        ({"n_folds": 1}, "'n_folds' parameter of DAEOutlierDetector"),
        ({"max_samples": 1}, "'max_samples' parameter of DAEOutlierDetector"),
    ],
)
def test_bad_parameters(table, params, message):
    with pytest.raises(ValueError, match=message):
        quick(**params).fit(table[0][:60])


def test_something_else_than_an_autoencoder(table):
    with pytest.raises(ValueError, match="'estimator' parameter of DAEOutlierDetector"):
        DAEOutlierDetector("dense").fit(table[0][:60])


def test_bad_data(table):
    X = table[0][:60].copy()
    with pytest.raises(ValueError, match="at least 2 samples.*n_samples = 1"):
        quick().fit(X[:1])
    with pytest.raises(ValueError, match="'sample_shape' parameter of DAEOutlierDetector"):
        DAEOutlierDetector(DenseDAE(sample_shape=(5, 5))).fit(X)
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        quick().fit(X)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        quick().fit(table[0][:60]).predict(X)


def test_equal_rows():
    X = np.ones((20, 3))
    detector = quick(novelty=True).fit(X)
    assert (detector.predict(X) == 1).all()
    assert detector.predict([[1, 1, 2]]) == -1
