"""Tests of a noise against the distribution it claims, on samples that show a wrong formula.

Seeds are fixed: a test that passes once passes always. The bounds are those of a test
that a right formula fails about once in a million (5 standard errors) or ten thousand
(p = 1e-4) seeds.
"""

import numpy as np
from scipy import stats

N_SE = 5
P_MIN = 1e-4


def clean(shape=(1000, 400), low=0.0, high=1.0, seed=42):
    return np.random.default_rng(seed).uniform(low, high, size=shape)


def assert_mean(values, mean, variance):
    assert abs(values.mean() - mean) < N_SE * np.sqrt(variance / values.size)


def assert_variance(values, mean, variance, kurtosis):
    """The variance around a known mean; ``kurtosis`` (3 for Gaussians) sets its error."""
    se = variance * np.sqrt((kurtosis - 1) / values.size)
    assert abs(((values - mean) ** 2).mean() - variance) < N_SE * se


def assert_moments(values, law):
    mean, variance, excess = (float(m) for m in law.stats(moments="mvk"))
    assert_mean(values, mean, variance)
    assert_variance(values, mean, variance, excess + 3)


def assert_law(values, law):
    assert_moments(values, law)
    assert stats.kstest(values.ravel(), law.cdf).pvalue > P_MIN
    assert_rate(values < law.ppf(1e-3), 1e-3)  # the tails, to which KS is blind
    assert_rate(values > law.isf(1e-3), 1e-3)


def assert_counts(values, law):
    """Chi-squared against a discrete law, in about forty bins of equal probability."""
    assert_moments(values, law)
    edges = np.unique(law.ppf(np.linspace(0, 1, 41)[1:-1]))
    bins = np.searchsorted(edges, values.ravel())  # bin i is (edges[i - 1], edges[i]]
    observed = np.bincount(bins, minlength=len(edges) + 1)
    probability = np.diff(np.concatenate([[0], law.cdf(edges), [1]]))
    kept = probability > 0
    assert observed[~kept].sum() == 0
    assert stats.chisquare(observed[kept], values.size * probability[kept]).pvalue > P_MIN


def assert_rate(hits, probability):
    hits = np.asarray(hits)
    se = np.sqrt(probability * (1 - probability) / hits.size)
    assert abs(hits.mean() - probability) <= N_SE * se  # both are 0 for 0 and 1


def assert_independent(residual):
    """Neighbours along every axis are uncorrelated, and so are their squares."""
    for values in (residual, residual**2):
        z = (values - values.mean()) / values.std()
        for axis in range(z.ndim):
            if z.shape[axis] == 1:
                continue
            ahead = np.take(z, range(1, z.shape[axis]), axis=axis)
            behind = np.take(z, range(z.shape[axis] - 1), axis=axis)
            product = ahead * behind
            assert abs(product.mean()) < N_SE * product.std() / np.sqrt(product.size)
