"""The noise of a scorer is that of the row and the seed, in any company."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from denoisers import Identity, noisy_rows
from kinds import INJECTORS
from skdae import (
    GaussianNoise,
    make_denoising_scorer,
)

ROWWISE = {name: noise for name, noise in INJECTORS.items() if not noise._mixes_rows}
MIXING = {name: noise for name, noise in INJECTORS.items() if noise._mixes_rows}


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
