"""PSNR and SSIM against scikit-image and by hand; a scorer whose noise is the same everywhere."""

from __future__ import annotations

import copy
import pickle
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from joblib import parallel_config
from scipy import stats
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from kinds import INJECTORS
from skdae import (
    DenseDAE,
    GaussianNoise,
    MaskingNoise,
    SwapNoise,
    UniformNoise,
    make_denoising_scorer,
    psnr,
    ssim,
)
from skdae.datasets import load_digits

DTYPES = {"float32": 1.0, "float64": 1.0, "uint8": 255, "uint16": 65535}
ROWWISE = {name: noise for name, noise in INJECTORS.items() if not noise._mixes_rows}
MIXING = {name: noise for name, noise in INJECTORS.items() if noise._mixes_rows}


class Identity(BaseEstimator):
    """Gives back what it gets: its denoised samples are the noisy ones."""

    def fit(self, X, y=None):
        self.is_fitted_ = True
        return self

    def predict(self, X):
        return X


class Wiener(BaseEstimator):
    """The best linear denoiser of noise of one standard deviation, in closed form."""

    def __init__(self, sigma=0.1):
        self.sigma = sigma

    def fit(self, X, y=None):
        rows = np.reshape(X, (len(X), -1)).astype(float)
        self.mean_ = rows.mean(axis=0)
        covariance = np.cov(rows.T)
        noisy = covariance + self.sigma**2 * np.eye(len(covariance))
        self.gain_ = np.linalg.solve(noisy, covariance)
        return self

    def predict(self, X):
        rows = np.reshape(X, (len(X), -1)) - self.mean_
        return (rows @ self.gain_ + self.mean_).reshape(np.shape(X))


class Keep:
    """A metric that keeps what it was asked to compare."""

    def __call__(self, clean, denoised):
        self.clean, self.denoised = clean, denoised
        return 0.0


def images_of(dtype, shape, seed=0):
    """Make an array of random values over the whole range of a dtype, and a noisy one."""
    rng = np.random.default_rng(seed)
    full = DTYPES[dtype]
    clean = rng.uniform(0, full, shape)
    noisy = np.clip(clean + rng.normal(0, 0.1 * full, shape), 0, full)
    if full > 1:
        clean, noisy = clean.round(), noisy.round()
    return clean.astype(dtype), noisy.astype(dtype)


def noisy_rows(noise, X, random_state=0):
    """Return what a scorer shows to the estimator."""
    keep = Keep()
    make_denoising_scorer(noise, keep, random_state=random_state)(Identity(), X)
    return keep.denoised


@pytest.fixture(scope="module")
def digits():
    return load_digits()[0]


@pytest.fixture(scope="module")
def rows(digits):
    return digits.reshape(len(digits), -1)


# ---------------------------------------------------------------------------- psnr
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 30), (5, 6, 7), (5, 6, 7, 3)])
def test_psnr_agrees_with_scikit_image(dtype, shape):
    clean, noisy = images_of(dtype, shape)
    full = DTYPES[dtype]
    expected = peak_signal_noise_ratio(clean, noisy, data_range=full)
    assert psnr(clean, noisy) == pytest.approx(expected, abs=1e-5)
    per_sample = [
        peak_signal_noise_ratio(a, b, data_range=full) for a, b in zip(clean, noisy, strict=True)
    ]
    np.testing.assert_allclose(psnr(clean, noisy, per_sample=True), per_sample, atol=1e-5)


def test_psnr_by_hand():
    clean = np.zeros((2, 4))
    assert psnr(clean, clean + 0.1) == pytest.approx(20)
    assert psnr(clean, clean + 0.01) == pytest.approx(40)
    assert psnr(clean, clean + 0.1, data_range=10) == pytest.approx(40)


def test_psnr_of_uint8_does_not_wrap_around():
    black, white = np.zeros((2, 4), np.uint8), np.full((2, 4), 255, np.uint8)
    assert psnr(black, white) == psnr(white, black) == 0


def test_psnr_of_float16_does_not_overflow():
    clean = np.zeros((2, 4), np.float16)
    assert psnr(clean, clean + np.float16(1000), data_range=1000) == pytest.approx(0)


def test_psnr_takes_the_range_of_the_dtype():
    clean, noisy = images_of("uint8", (3, 20))
    assert psnr(clean, noisy) == pytest.approx(psnr(clean / 1.0, noisy / 1.0, data_range=255))


def test_psnr_of_a_perfect_result_is_infinite():
    clean = np.ones((3, 4))
    assert psnr(clean, clean) == np.inf
    half_perfect = clean.copy()
    half_perfect[0] -= 0.1
    np.testing.assert_allclose(psnr(clean, half_perfect, per_sample=True), [20, np.inf, np.inf])


def test_psnr_is_pooled_over_values_not_over_samples():
    clean = np.zeros((2, 4))
    denoised = np.stack([np.full(4, 0.1), np.full(4, 0.3)])
    assert psnr(clean, denoised) == pytest.approx(10 * np.log10(1 / 0.05))
    assert psnr(clean, denoised) < psnr(clean, denoised, per_sample=True).mean()


def test_psnr_of_more_samples_than_it_reads_at_once():
    clean, noisy = images_of("float32", (2500, 3))
    expected = -10 * np.log10(np.mean((clean.astype(float) - noisy) ** 2))
    assert psnr(clean, noisy) == pytest.approx(expected)
    assert psnr(clean, noisy, per_sample=True).shape == (2500,)


@pytest.mark.parametrize("convert", [np.ndarray.tolist, torch.from_numpy, pd.DataFrame])
def test_psnr_reads_array_likes(convert):
    clean, noisy = images_of("float64", (5, 6))
    assert psnr(convert(clean), convert(noisy)) == pytest.approx(psnr(clean, noisy))


def test_psnr_returns_a_float_or_an_array():
    clean, noisy = images_of("float32", (5, 6))
    assert type(psnr(clean, noisy)) is float
    assert psnr(clean, noisy, per_sample=True).dtype == np.float64


def test_psnr_leaves_its_input_alone():
    clean, noisy = images_of("float64", (5, 6))
    before = clean.copy(), noisy.copy()
    psnr(clean, noisy)
    np.testing.assert_array_equal(clean, before[0])
    np.testing.assert_array_equal(noisy, before[1])


def test_psnr_of_other_integers_needs_a_range():
    clean = np.arange(12).reshape(3, 4)
    with pytest.raises(ValueError, match="'data_range' parameter of psnr is needed .* int64"):
        psnr(clean, clean + 1)
    assert psnr(clean, clean + 1, data_range=10) == pytest.approx(20)


def test_psnr_of_booleans():
    clean = np.array([[True, False], [True, True]])
    assert psnr(clean, ~clean) == 0


@pytest.mark.parametrize("measure", [psnr, ssim])
@pytest.mark.parametrize("data_range", [0, -1, np.nan, np.inf, "1"])
def test_a_wrong_data_range_is_an_error(measure, data_range):
    clean = np.zeros((2, 9))
    message = f"'data_range' parameter of {measure.__name__} must be .* Got {data_range!r} instead"
    with pytest.raises(ValueError, match=message):
        measure(clean, clean, data_range=data_range)


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_other_shapes_are_an_error_that_names_both(measure):
    message = rf"{measure.__name__} compares arrays of one shape.* \(3, 16\) and .* \(3, 4, 4\)"
    with pytest.raises(ValueError, match=message):
        measure(np.zeros((3, 16)), np.zeros((3, 4, 4)))


@pytest.mark.parametrize("measure", [psnr, ssim])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("which", ["clean", "denoised"])
def test_values_that_are_not_finite_are_an_error(measure, bad, which):
    pair = {"clean": np.zeros((3, 16)), "denoised": np.zeros((3, 16))}
    pair[which][1, 2] = bad
    with pytest.raises(ValueError, match=f"Input {which} contains"):
        measure(**pair)


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_no_samples_are_an_error(measure):
    with pytest.raises(ValueError, match="0 sample"):
        measure(np.zeros((0, 16)), np.zeros((0, 16)))


# ---------------------------------------------------------------------------- ssim
@pytest.mark.parametrize("dtype", DTYPES)
def test_ssim_of_gray_images_agrees_with_scikit_image(dtype):
    clean, noisy = images_of(dtype, (3, 12, 17))
    expected = [
        structural_similarity(a.astype(float), b.astype(float), data_range=DTYPES[dtype])
        for a, b in zip(clean, noisy, strict=True)
    ]
    np.testing.assert_allclose(ssim(clean, noisy, per_sample=True), expected)
    assert ssim(clean, noisy) == pytest.approx(np.mean(expected))
    assert type(ssim(clean, noisy)) is float


def test_ssim_of_uint8_is_what_scikit_image_says_of_it():
    clean, noisy = images_of("uint8", (1, 12, 17))
    assert ssim(clean, noisy) == pytest.approx(structural_similarity(clean[0], noisy[0]))


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_ssim_of_colour_images_agrees_with_scikit_image(channels):
    clean, noisy = images_of("uint8", (2, 12, 9, channels))
    expected = [
        structural_similarity(a, b, channel_axis=-1) for a, b in zip(clean, noisy, strict=True)
    ]
    np.testing.assert_allclose(ssim(clean, noisy, per_sample=True), expected)


@pytest.mark.parametrize(("side", "window"), [(3, 3), (4, 3), (5, 5), (6, 5), (7, 7), (20, 7)])
def test_ssim_takes_the_largest_window_that_fits(side, window):
    clean, noisy = images_of("float64", (1, 21, side))
    expected = structural_similarity(clean[0], noisy[0], data_range=1, win_size=window)
    assert ssim(clean, noisy, sample_shape=(21, side, 1)) == pytest.approx(expected)


def test_ssim_reads_flat_rows():
    clean, noisy = images_of("float64", (3, 8, 8))
    flat = clean.reshape(3, -1), noisy.reshape(3, -1)
    assert ssim(*flat) == ssim(clean, noisy)
    wide = clean.reshape(3, 4, 16), noisy.reshape(3, 4, 16)
    assert ssim(*flat, sample_shape=(4, 16)) == ssim(*wide) != ssim(*flat)


def test_ssim_reads_other_rows_as_signals():
    clean, noisy = images_of("float64", (3, 50))
    expected = [
        structural_similarity(a, b, data_range=1, win_size=7)
        for a, b in zip(clean, noisy, strict=True)
    ]
    np.testing.assert_allclose(ssim(clean, noisy, per_sample=True), expected)
    channels = [
        structural_similarity(
            a.reshape(25, 2), b.reshape(25, 2), data_range=1, win_size=7, channel_axis=-1
        )
        for a, b in zip(clean, noisy, strict=True)
    ]
    two = ssim(clean, noisy, per_sample=True, sample_shape=(25, 2))
    np.testing.assert_allclose(two, channels)


def test_ssim_of_a_perfect_result_is_one(digits):
    assert ssim(digits[:20], digits[:20]) == 1


@pytest.mark.parametrize("shape", [(2, 2, 9), (2, 9, 2, 3), (2, 2), (2, 1, 2)])
def test_ssim_of_too_small_samples_names_the_rule(shape):
    with pytest.raises(ValueError, match="at least 3 values a side"):
        ssim(np.zeros(shape), np.zeros(shape))


def test_ssim_with_a_wrong_sample_shape():
    with pytest.raises(ValueError, match="'sample_shape' parameter of ssim must describe"):
        ssim(np.zeros((2, 16)), np.zeros((2, 16)), sample_shape=(4, 5))


def test_without_scikit_image_the_way_to_install_it_is_shown(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    with pytest.raises(ImportError, match=r"ssim requires scikit-image.*skdae\[images\]"):
        ssim(np.zeros((2, 16)), np.zeros((2, 16)))
    with pytest.raises(ImportError, match="make_denoising_scorer.*skdae\\[images\\]"):
        make_denoising_scorer(metric="ssim")
    make_denoising_scorer(metric="psnr")


# ---------------------------------------------------------------------------- what it measures
def test_metrics_by_name(digits):
    noise = GaussianNoise(0.2)
    noisy = noisy_rows(noise, digits)
    error = np.mean((noisy - digits.astype(float)) ** 2)
    expected = {
        "psnr": -10 * np.log10(error),
        "ssim": ssim(digits, noisy),
        "neg_mse": -error,
        "r2": r2_score(digits.ravel(), noisy.ravel()),
    }
    for metric, value in expected.items():
        score = make_denoising_scorer(noise, metric)(Identity(), digits)
        assert type(score) is float
        assert score == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(("dtype", "full"), [("uint8", 255), ("uint16", 65535)])
def test_neg_mse_of_image_dtypes_is_one_of_fractions(digits, dtype, full):
    images = (digits * full).round().astype(dtype)
    keep = Keep()
    make_denoising_scorer(UniformNoise(0.1), keep)(Identity(), images)
    assert keep.denoised.dtype == keep.clean.dtype == dtype
    fractions = keep.clean / full, keep.denoised / full
    score = make_denoising_scorer(UniformNoise(0.1), "neg_mse")(Identity(), images)
    assert score == pytest.approx(-np.mean(np.subtract(*fractions) ** 2))


def test_a_callable_metric_takes_clean_and_denoised():
    X = np.ones((4, 3))
    scorer = make_denoising_scorer(MaskingNoise(1.0), lambda clean, denoised: (clean - denoised)[0])
    with pytest.raises(TypeError):
        scorer(Identity(), X)
    scorer = make_denoising_scorer(
        MaskingNoise(1.0), lambda clean, denoised: (clean - denoised).max()
    )
    assert scorer(Identity(), X) == 1


def test_ssim_is_told_the_sample_shape(rows):
    scores = {
        shape: make_denoising_scorer(GaussianNoise(0.3), "ssim", sample_shape=shape)(
            Identity(), rows[:50]
        )
        for shape in (None, (8, 8), (64,))
    }
    assert scores[None] == scores[8, 8] != scores[64,]


# ---------------------------------------------------------------------------- input and target
def test_without_y_the_target_is_X(rows):
    keep = Keep()
    make_denoising_scorer(GaussianNoise(0.4), keep)(Identity(), rows)
    assert keep.clean is rows or np.shares_memory(keep.clean, rows)
    assert np.std(keep.denoised - rows) == pytest.approx(0.4, rel=0.02)


@pytest.mark.parametrize("y", [np.arange(1797), np.zeros((1797, 2)), ["a"] * 1797])
def test_labels_are_ignored(rows, y):
    scorer = make_denoising_scorer(GaussianNoise(0.4))
    assert scorer(Identity(), rows, y) == scorer(Identity(), rows)


def test_y_of_the_shape_of_X_is_the_target(rows):
    keep = Keep()
    make_denoising_scorer(GaussianNoise(0.4), keep)(Identity(), rows, rows + 1)
    np.testing.assert_array_equal(keep.clean, rows + 1)
    np.testing.assert_array_equal(keep.denoised, noisy_rows(GaussianNoise(0.4), rows))


def test_pairs_are_scored_as_they_are(rows):
    X_noisy = GaussianNoise(0.1).corrupt(rows, random_state=0)
    keep = Keep()
    make_denoising_scorer(metric=keep)(Identity(), X_noisy, rows)
    np.testing.assert_array_equal(keep.denoised, X_noisy)
    np.testing.assert_array_equal(keep.clean, rows)
    assert make_denoising_scorer()(Identity(), X_noisy, rows) == psnr(rows, X_noisy)


@pytest.mark.parametrize(("y", "got"), [(None, "no y"), (np.arange(5), r"y of shape \(5,\)")])
def test_without_noise_pairs_are_needed(y, got):
    with pytest.raises(ValueError, match=f"without noise needs pairs.*Got {got}.*noise=Gauss"):
        make_denoising_scorer()(Identity(), np.zeros((5, 4)), y)


def test_a_classifier_cannot_be_scored(digits, rows):
    labels = load_digits()[1]
    classifier = LogisticRegression().fit(rows[:100] > 0.5, labels[:100])
    with pytest.raises(ValueError, match=r"\(9, 64\) came back from LogisticRegression .* \(9,\)"):
        make_denoising_scorer(GaussianNoise(0.4))(classifier, rows[:9])


@pytest.mark.parametrize("shape", [(9, 64), (9, 8, 8), (9, 8, 8, 1), (9, 4, 4, 4)])
@pytest.mark.parametrize("metric", ["psnr", "ssim", "neg_mse", "r2"])
def test_two_to_four_axes(rows, shape, metric):
    X = rows[:9].reshape(shape)
    scorer = make_denoising_scorer(GaussianNoise(0.2), metric)
    score = scorer(Wiener(0.2).fit(rows), X)
    assert score > scorer(Identity(), X)
    if metric != "ssim":
        assert score == pytest.approx(scorer(Wiener(0.2).fit(rows), rows[:9]))


def test_values_that_are_not_finite_are_the_error_of_the_noise():
    with pytest.raises(ValueError, match="Input X contains NaN"):
        make_denoising_scorer(GaussianNoise(0.1))(Identity(), np.full((3, 4), np.nan))


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_data_frames_stay_data_frames(frame):
    names = ["a", "b", "c"]
    values = np.random.default_rng(0).normal(size=(20, 3))
    X = frame(dict(zip(names, values.T, strict=True)))
    keep = Keep()

    class SeesNames(Identity):
        def predict(self, X):
            assert isinstance(X, frame)
            assert list(X.columns) == names
            return np.asarray(X)

    make_denoising_scorer(GaussianNoise(0.3), keep)(SeesNames(), X)
    np.testing.assert_array_equal(keep.denoised, noisy_rows(GaussianNoise(0.3), values))
    np.testing.assert_array_equal(keep.clean, values)


def test_a_pandas_index_is_kept():
    X = pd.DataFrame({"a": [0.0, 1, 2], "b": [2.0, 1, 0]}, index=[7, 3, 5])

    class SeesIndex(Identity):
        def predict(self, X):
            assert list(X.index) == [7, 3, 5]
            return X

    make_denoising_scorer(GaussianNoise(0.3))(SeesIndex(), X)


# ---------------------------------------------------------------------------- the same noise
@pytest.mark.parametrize("noise", ROWWISE.values(), ids=ROWWISE.keys())
def test_a_row_gets_the_same_noise_in_any_company(rows, noise):
    everywhere = noisy_rows(noise, rows)
    order = np.random.default_rng(0).permutation(len(rows))[:200]
    np.testing.assert_array_equal(noisy_rows(noise, rows[order]), everywhere[order])
    np.testing.assert_array_equal(noisy_rows(noise, rows[3:4]), everywhere[3:4])


def test_the_layout_of_a_row_does_not_matter(digits, rows):
    flat = noisy_rows(GaussianNoise(0.4), rows)
    np.testing.assert_array_equal(noisy_rows(GaussianNoise(0.4), digits), flat.reshape(-1, 8, 8))


@pytest.mark.parametrize("noise", MIXING.values(), ids=MIXING.keys())
def test_noise_that_mixes_rows_is_drawn_once_for_the_array(rows, noise):
    drawn = noisy_rows(noise, rows, random_state=3)
    np.testing.assert_array_equal(drawn, noise.corrupt(rows, random_state=3))
    np.testing.assert_array_equal(drawn, noisy_rows(noise, rows, random_state=3))


@pytest.mark.parametrize("noise", INJECTORS.values(), ids=INJECTORS.keys())
def test_the_seed_changes_the_noise_of_most_rows(rows, noise):
    one, other = (noisy_rows(noise, rows[:200], random_state=seed) for seed in (0, 1))
    assert (one != other).any(axis=1).mean() > 0.9


def test_the_seed_is_that_of_the_scorer(rows):
    seeded, unseeded = GaussianNoise(0.4, random_state=5), GaussianNoise(0.4)
    np.testing.assert_array_equal(noisy_rows(seeded, rows[:9]), noisy_rows(unseeded, rows[:9]))


def test_equal_rows_get_equal_noise(rows):
    twice = np.concatenate([rows[:5], rows[:5]])
    noisy = noisy_rows(GaussianNoise(0.4), twice)
    np.testing.assert_array_equal(noisy[:5], noisy[5:])


def test_noise_seeded_by_rows_is_still_noise(rows):
    distinct = np.unique(rows, axis=0)
    assert len(distinct) == len(rows)
    noise = (noisy_rows(GaussianNoise(0.4), distinct.astype(float)) - distinct) / 0.4
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-3
    # Neither neighbours in the array nor the pixels of a row share their noise.
    correlations = np.corrcoef(noise)[np.triu_indices(len(noise), 1)]
    assert np.mean(correlations**2) == pytest.approx(1 / 64, rel=0.05)
    across = np.corrcoef(noise.T)[np.triu_indices(64, 1)]
    assert np.abs(across).max() < 5 / np.sqrt(len(noise))


def test_rows_that_hardly_differ_get_their_own_noise():
    X = np.zeros((50, 64))
    X[:, 0] = np.arange(50) * 1e-9
    noise = noisy_rows(GaussianNoise(1.0), X) - X
    correlations = np.corrcoef(noise)[np.triu_indices(50, 1)]
    assert np.abs(correlations).max() < 0.6


def test_levels_are_drawn_per_row(rows):
    spread = (noisy_rows(GaussianNoise((0.1, 0.6)), rows) - rows).std(axis=1)
    assert stats.kstest(spread, stats.uniform(0.1, 0.5).cdf).statistic < 0.08


def test_image_dtypes_and_clip_follow_the_rules_of_corrupt(digits):
    images = (digits * 255).astype(np.uint8)
    noisy = noisy_rows(GaussianNoise(0.4), images)
    assert noisy.dtype == np.uint8
    clipped = noisy_rows(GaussianNoise(0.4, clip=(0, 1)), (images / np.float32(255)))
    np.testing.assert_array_equal(noisy, (clipped * 255).round())
    assert noisy_rows(GaussianNoise(0.4), digits.astype(np.float16)).dtype == np.float16
    assert noisy_rows(GaussianNoise(0.4), (digits * 16).astype(int)).dtype == np.float32


def test_the_global_generators_are_neither_read_nor_changed(rows):
    np.random.seed(0)
    torch.manual_seed(0)
    before = noisy_rows(GaussianNoise(0.4), rows[:9])
    states = np.random.get_state()[1].copy(), torch.get_rng_state()
    np.random.seed(1)
    torch.manual_seed(1)
    np.testing.assert_array_equal(noisy_rows(GaussianNoise(0.4), rows[:9]), before)
    np.random.seed(0)
    torch.manual_seed(0)
    noisy_rows(GaussianNoise(0.4), rows[:9])
    np.testing.assert_array_equal(np.random.get_state()[1], states[0])
    assert torch.equal(torch.get_rng_state(), states[1])


def test_X_is_left_alone(rows):
    X = rows[:50].copy()
    X.flags.writeable = False
    noisy_rows(GaussianNoise(0.4), X)
    np.testing.assert_array_equal(X, rows[:50])


def test_the_noise_is_that_of_the_call_to_make_denoising_scorer(rows):
    noise = GaussianNoise(0.4)
    scorer = make_denoising_scorer(noise)
    before = scorer(Identity(), rows[:9])
    noise.set_params(sigma=0.01)
    assert scorer(Identity(), rows[:9]) == before


# ---------------------------------------------------------------------------- searching
def test_folds_do_not_change_the_noise(rows):
    scorer = make_denoising_scorer(GaussianNoise(0.4), "neg_mse")
    expected = scorer(Identity(), rows[:600])
    for folds in (KFold(2), KFold(5), KFold(5, shuffle=True, random_state=0)):
        scores = cross_val_score(Identity(), rows[:600], cv=folds, scoring=scorer)
        assert scores.mean() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_n_jobs_do_not_change_the_scores(rows, backend):
    scorer = make_denoising_scorer(GaussianNoise(0.4))
    expected = cross_val_score(Wiener(0.4), rows[:300], cv=3, scoring=scorer)
    with parallel_config(backend, n_jobs=2):
        scores = cross_val_score(Wiener(0.4), rows[:300], cv=3, scoring=scorer)
    np.testing.assert_array_equal(scores, expected)


@pytest.mark.parametrize("metric", ["psnr", "ssim", "neg_mse", "r2"])
def test_a_search_finds_the_level_of_the_noise(digits, metric):
    search = GridSearchCV(
        Wiener(),
        {"sigma": [0.05, 0.4, 3.0]},
        scoring=make_denoising_scorer(GaussianNoise(0.4), metric),
        cv=3,
        error_score="raise",
    )
    assert search.fit(digits[:900]).best_params_ == {"sigma": 0.4}


def test_the_search_of_a_plain_reconstruction_finds_the_least_noise(digits):
    def reconstruction(estimator, X, y=None):
        return psnr(X, estimator.predict(X))

    search = GridSearchCV(Wiener(), {"sigma": [0.05, 0.4, 3.0]}, scoring=reconstruction, cv=3)
    assert search.fit(digits[:900]).best_params_ == {"sigma": 0.05}


def test_pairs_can_be_searched(rows):
    X_noisy = GaussianNoise(0.4).corrupt(rows, random_state=0)

    class OfPairs(Wiener):
        def fit(self, X, y):
            return super().fit(y)

    search = GridSearchCV(OfPairs(), {"sigma": [0.05, 0.4]}, scoring=make_denoising_scorer(), cv=3)
    assert search.fit(X_noisy, rows).best_params_ == {"sigma": 0.4}


def test_several_metrics_at_once(rows):
    scoring = {m: make_denoising_scorer(GaussianNoise(0.4), m) for m in ("psnr", "neg_mse")}
    results = cross_validate(Wiener(0.4), rows[:300], scoring=scoring, cv=3)
    for score, error in zip(results["test_psnr"], results["test_neg_mse"], strict=True):
        assert score == pytest.approx(-10 * np.log10(-error))


def test_metadata_routing_may_be_on(rows):
    scorer = make_denoising_scorer(GaussianNoise(0.4))
    expected = cross_val_score(Wiener(0.4), rows[:300], scoring=scorer, cv=3)
    with config_context(enable_metadata_routing=True):
        scores = cross_val_score(Wiener(0.4), rows[:300], scoring=scorer, cv=3)
    np.testing.assert_array_equal(scores, expected)


def test_a_pipeline_with_a_noise_step_is_scored_on_the_noise_of_the_scorer(rows):
    scorer = make_denoising_scorer(GaussianNoise(0.4))
    pipe = Pipeline([("noise", GaussianNoise(2.0, random_state=0)), ("last", Identity())])
    assert scorer(pipe.fit(rows), rows) == scorer(Identity(), rows)


def test_autoencoders_are_scored(rows):
    pipe = Pipeline([("noise", GaussianNoise(0.4)), ("dae", DenseDAE(max_epochs=2))])
    scorer = make_denoising_scorer(GaussianNoise(0.4))
    for estimator in (pipe, DenseDAE(noise=GaussianNoise(0.4), max_epochs=2)):
        fitted = clone(estimator).fit(rows[:300])
        expected = psnr(
            rows[300:400], fitted.predict(noisy_rows(GaussianNoise(0.4), rows[300:400]))
        )
        assert scorer(fitted, rows[300:400]) == expected


# ---------------------------------------------------------------------------- the object
@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda scorer: pickle.loads(pickle.dumps(scorer))]
)
def test_a_copy_scores_the_same(rows, duplicate):
    scorer = make_denoising_scorer(INJECTORS["chain"], "r2", random_state=3, sample_shape=(8, 8))
    again = duplicate(scorer)
    assert again(Identity(), rows[:50]) == scorer(Identity(), rows[:50])
    assert repr(again) == repr(scorer)


def test_a_search_with_the_scorer_can_be_cloned():
    search = GridSearchCV(Wiener(), {"sigma": [1]}, scoring=make_denoising_scorer(GaussianNoise()))
    assert repr(clone(search).scoring) == repr(search.scoring)


def test_repr_is_the_call():
    assert repr(make_denoising_scorer()) == (
        "make_denoising_scorer(None, metric='psnr', random_state=0)"
    )
    assert repr(make_denoising_scorer(GaussianNoise(0.4), psnr, random_state=1)) == (
        "make_denoising_scorer(GaussianNoise(sigma=0.4), metric=psnr, random_state=1)"
    )
    assert repr(make_denoising_scorer(metric="ssim", sample_shape=[8, 8])).endswith(
        "sample_shape=(8, 8))"
    )
    assert "Keep object" in repr(make_denoising_scorer(metric=Keep()))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("noise", "gaussian"),
        ("noise", GaussianNoise),
        ("noise", 0.4),
        ("metric", "mse"),
        ("metric", None),
        ("random_state", None),
        ("random_state", -1),
        ("random_state", 2**32),
        ("random_state", 0.5),
        ("random_state", np.random.RandomState(0)),
        ("sample_shape", (8, -8)),
        ("sample_shape", "image"),
    ],
)
def test_wrong_parameters_are_errors_at_once(name, value):
    message = f"The '{name}' parameter of make_denoising_scorer must be"
    with pytest.raises(ValueError, match=message):
        make_denoising_scorer(**{name: value})


def test_a_wrong_parameter_of_the_noise_is_an_error_at_once():
    with pytest.raises(ValueError, match="'sigma' parameter of GaussianNoise"):
        make_denoising_scorer(GaussianNoise(-1))


@pytest.mark.parametrize("random_state", [0, np.int64(7), 2**32 - 1])
def test_any_seed_of_scikit_learn_is_taken(random_state):
    scorer = make_denoising_scorer(GaussianNoise(0.1), random_state=random_state)
    assert np.isfinite(scorer(Identity(), np.zeros((3, 4))))


# ---------------------------------------------------------------------- two kinds of values
@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("metric", ["psnr", "ssim", "neg_mse", "r2"])
def test_integers_are_compared_with_fractions_as_fractions(metric, as_list):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (4, 9, 9), dtype=np.uint8)
    y = X / 255
    dae = DenseDAE(noise="gaussian", max_epochs=1, random_state=0).fit(X)
    if as_list:
        X, y = list(X), list(y)
    scorer = make_denoising_scorer(metric=metric)
    # One step of 255 at most lies between the fractions and the rounded predictions.
    assert scorer(dae, X, y) == pytest.approx(scorer(dae, X, X), rel=0.02, abs=1e-4)


def test_psnr_of_integers_and_fractions():
    X = np.random.default_rng(0).integers(0, 256, (4, 9, 9), dtype=np.uint8)
    assert psnr(X, X / 255) > 300
    assert psnr(X, X / 255 + 0.1) == pytest.approx(20)
    with pytest.raises(ValueError, match="divide denoised by 255"):
        psnr(X, X.astype(float))
    # With a range, values are what they are.
    assert psnr(X, X.astype(float), data_range=255) == np.inf


# ---------------------------------------------------------------- behind other steps
def scaled(rows):
    return rows[:300] * np.linspace(1, 100, rows.shape[1]) + 5


@pytest.mark.parametrize("noise_step", [True, False])
@pytest.mark.parametrize("frames", [True, False])
def test_a_scaler_before_the_autoencoder(rows, noise_step, frames):
    X = scaled(rows)
    X = pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])]) if frames else X
    quick = {"max_epochs": 20, "random_state": 0}
    if noise_step:
        pipe = make_pipeline(StandardScaler(), SwapNoise(), DenseDAE(**quick))
    else:
        pipe = make_pipeline(StandardScaler(), DenseDAE(noise="swap", **quick))
    search = GridSearchCV(pipe, {"densedae__latent_dim": [16]}, cv=2).fit(X)
    pipe = search.best_estimator_
    scorer = make_denoising_scorer(SwapNoise(), "r2")
    X_scaled = StandardScaler().fit_transform(np.asarray(X))
    expected = scorer(pipe[-1], X_scaled)
    assert expected > 0.5
    assert scorer(pipe, X) == pytest.approx(expected, abs=1e-6)
    assert scorer(search, X) == pytest.approx(expected, abs=1e-6)
    noisy = SwapNoise().corrupt(X_scaled, random_state=0)
    pairs = make_denoising_scorer(metric="r2")
    X_noisy = pipe[0].inverse_transform(noisy)
    X_noisy = type(X)(X_noisy, columns=X.columns) if frames else X_noisy
    expected = pairs(pipe[-1], noisy, X_scaled)
    assert pairs(pipe, X_noisy, X) == pytest.approx(expected, abs=1e-5)
    assert pairs(pipe, X_noisy, np.asarray(X)) == pytest.approx(expected, abs=1e-5)


def test_a_pipeline_that_learned_pairs_gives_back_the_units_of_y(rows):
    clean = rows[:300] * 2 + 5
    noisy = GaussianNoise(0.8).corrupt(clean, random_state=0)
    pipe = make_pipeline(StandardScaler(), DenseDAE(max_epochs=30, random_state=0))
    pipe.fit(noisy, clean)
    scorer = make_denoising_scorer(metric="neg_mse")
    expected = -np.square(pipe.predict(noisy) - clean).mean()
    assert scorer(pipe, noisy, clean) == pytest.approx(expected)


def test_labels_stay_labels_behind_a_scaler(rows):
    pipe = make_pipeline(StandardScaler(), DenseDAE(noise="gaussian", max_epochs=1)).fit(rows)
    scorer = make_denoising_scorer(GaussianNoise(0.4), "neg_mse")
    assert scorer(pipe, rows, np.zeros(len(rows))) == scorer(pipe, rows)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_floats_beyond_a_range_of_one_need_their_range(rows, metric):
    images = rows[:4].reshape(-1, 8, 8) * 16
    with pytest.warns(UserWarning, match="clean data go from 0 to 16.*data_range=16"):
        metric(images, images + 1)
    metric(images, images + 1, data_range=16)
    metric(images / 8 - 1, images / 8 - 1.1)
