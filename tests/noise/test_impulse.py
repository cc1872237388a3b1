"""Impulse noise: how many values are replaced, by what, and which."""

import numpy as np
import pytest
import torch
from scipy import stats

from laws import N_SE, P_MIN, assert_independent, assert_law, assert_rate, clean
from skdae import ImpulseNoise

far_from_the_data = pytest.mark.filterwarnings("ignore:low=.* of ImpulseNoise:UserWarning")


@far_from_the_data
@pytest.mark.parametrize("amount", [0.02, 0.3, 0.9])
@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.5, -1), (2, 0.5)])
def test_its_share_of_the_values_becomes_uniform(amount, low, high):
    X = clean(low=7, high=8)
    X_noisy = ImpulseNoise(amount, low=low, high=high).corrupt(X, random_state=0)
    replaced = X_noisy != X
    assert_rate(replaced, amount)
    lower, upper = sorted((low, high))
    assert_law(X_noisy[replaced], stats.uniform(lower, upper - lower))
    assert X_noisy[replaced].min() >= lower
    assert X_noisy[replaced].max() <= upper


def test_which_values_and_by_what_depends_on_nothing():
    X = clean()
    X_noisy = ImpulseNoise(0.5).corrupt(X, random_state=0)
    replaced = X_noisy != X
    old, new = X[replaced], X_noisy[replaced]
    assert abs(np.corrcoef(replaced.ravel(), X.ravel())[0, 1]) < N_SE / np.sqrt(X.size)
    assert abs(np.corrcoef(old, new)[0, 1]) < N_SE / np.sqrt(old.size)


def test_channels_are_replaced_independently():
    shape = (40, 50, 50, 3)
    X_noisy = ImpulseNoise(0.3).corrupt(np.full(shape, 2.0), random_state=0)
    assert_independent(X_noisy != 2)
    assert_independent(X_noisy)


@far_from_the_data
def test_amount_one_leaves_nothing_of_the_data():
    one, other = (ImpulseNoise(1).corrupt(X, random_state=0) for X in (clean(), clean() + 5))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("level", [0, 0.0, (0, 0)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_level_zero_is_the_identity(level, dtype):
    X = (200 * clean((50, 40))).astype(dtype)
    np.testing.assert_array_equal(ImpulseNoise(level).corrupt(X, random_state=0), X)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integer_images_take_fractions_of_their_full_range(dtype):
    full = np.iinfo(dtype).max
    X = np.zeros((1000, 400), dtype=dtype)
    values = ImpulseNoise(1, low=0.2, high=0.6).corrupt(X, random_state=0)
    assert abs(values.min() - 0.2 * full) <= 0.01 * full
    assert abs(values.max() - 0.6 * full) <= 0.01 * full
    # rounding moves a value by half a step at most: add it back at random
    spread = values + np.random.default_rng(0).uniform(-0.5, 0.5, X.shape)
    inner = spread[(spread > 0.21 * full) & (spread < 0.59 * full)]
    law = stats.uniform(0.21 * full, 0.38 * full)
    assert stats.kstest(inner, law.cdf).pvalue > P_MIN


def test_another_scale_than_that_of_the_data_is_a_warning():
    with pytest.warns(UserWarning, match="low=0 and high=1 of ImpulseNoise are not the extremes"):
        ImpulseNoise().fit(255 * clean((40, 40)))
    ImpulseNoise(high=255).fit(255 * clean((40, 40)))
    ImpulseNoise(0).fit(255 * clean((40, 40)))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_draws_the_same_distribution():
    x = torch.full((1000, 400), 7.0, device="cuda")
    values = ImpulseNoise(1).corrupt(x, random_state=0).double().cpu().numpy()
    assert_law(values, stats.uniform(0, 1))
