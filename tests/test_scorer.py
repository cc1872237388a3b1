"""What a scorer measures, on which input and target."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from denoisers import Identity, Keep, Wiener, noisy_rows
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
