"""Two samples out of a noisy one: the laws that the split promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skdae import GaussianNoise, PoissonNoise
from skdae._random import make_generator
from skdae.noise._split import SHARE

N = 200_000


def split(noise, values, seed=0):
    clean = torch.full((N, 1), values, dtype=torch.float64)
    noisy = noise.corrupt(clean, random_state=seed)
    before = noisy.clone()
    first, second = noise._split_batch(noisy, make_generator(seed + 1))
    assert torch.equal(noisy, before)
    return noisy, first, second


@pytest.mark.parametrize(
    ("noise", "value", "variance"),
    [
        (GaussianNoise(0.3), 0.5, 0.09),
        (GaussianNoise(2), -7.0, 4.0),
        (PoissonNoise(10), 0.7, 0.07),
        (PoissonNoise(300), 0.1, 0.1 / 300),
    ],
)
def test_the_two_have_the_mean_and_noise_of_their_own(noise, value, variance):
    noisy, first, second = split(noise, value)
    torch.testing.assert_close(SHARE * first + (1 - SHARE) * second, noisy)
    for part, expected in ((first, variance / SHARE), (second, variance / (1 - SHARE))):
        error = 4 * np.sqrt(expected / N)
        assert part.mean().item() == pytest.approx(value, abs=error)
        # The variance of a variance: kurtosis is at most a few per cent above the normal one.
        assert part.var().item() == pytest.approx(expected, rel=4 * np.sqrt(2.5 / N))
    correlation = np.corrcoef(first.numpy()[:, 0], second.numpy()[:, 0])[0, 1]
    assert abs(correlation) < 4 / np.sqrt(N)


def test_counts_are_shared_out():
    noise = PoissonNoise(20)
    noisy, first, second = split(noise, 0.4)
    ones, others = 20 * SHARE * first, 20 * (1 - SHARE) * second
    for counts in (ones, others):
        torch.testing.assert_close(counts, counts.round(), atol=1e-6, rtol=0)
        assert counts.min() >= -1e-6
    torch.testing.assert_close(ones + others, 20 * noisy)


@pytest.mark.parametrize("noise", [GaussianNoise(0), PoissonNoise(1e9)])
def test_no_noise_no_difference(noise):
    x = torch.linspace(0, 1, 50).view(5, 10).double()
    first, second = noise._split_batch(x, make_generator(0))
    torch.testing.assert_close(first, x, atol=1e-3, rtol=0)
    torch.testing.assert_close(second, x, atol=1e-3, rtol=0)


def test_what_is_below_zero_has_no_counts_and_is_not_lost():
    x = torch.full((2, 3), -0.2)
    first, second = PoissonNoise(10)._split_batch(x, make_generator(0))
    assert torch.equal(first, torch.zeros(2, 3))
    torch.testing.assert_close((1 - SHARE) * second, x)


@pytest.mark.gpu
@pytest.mark.parametrize("noise", [GaussianNoise(0.1), PoissonNoise(50)])
def test_it_splits_on_a_gpu(noise):
    x = torch.rand((64, 100), device="cuda")
    first, second = noise._split_batch(x, make_generator(0, "cuda"))
    assert first.is_cuda
    torch.testing.assert_close(SHARE * first + (1 - SHARE) * second, x)
