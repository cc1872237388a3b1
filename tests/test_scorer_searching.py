"""A scorer in searches, cross-validation and pipelines."""

from __future__ import annotations

import numpy as np
import pytest
from joblib import parallel_config
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline

from denoisers import Identity, Wiener, noisy_rows
from skdae import (
    DenseDAE,
    GaussianNoise,
    make_denoising_scorer,
    psnr,
)


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
