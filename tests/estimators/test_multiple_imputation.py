"""DAEImputer.sample: the spread of draws, and regressions pooled by Rubin's rules."""

import numpy as np
import pytest
from scipy.stats import t

from skdae import DAEImputer
from skdae.estimators._cells import CellsDAE
from skdae.estimators._spread import _log_variances

COEFFICIENTS = np.array([1, 2, -1])


def normal_table(n, seed):
    """Return an outcome and two correlated causes, whose coefficients are known."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    z = 0.5 * x + np.sqrt(0.75) * rng.normal(size=n)
    return np.column_stack([1 + 2 * x - z + rng.normal(size=n), x, z]), rng


def test_variances_given_the_known_values():
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(5, 5))
    covariance = factor @ factor.T
    # A number, a category of two levels, two numbers: of a category, the first level counts.
    net = CellsDAE((0, 2, 0, 0), moments=(np.zeros(5), covariance))
    starts = [0, 1, 3, 4]
    rows = rng.normal(size=(40, 5)).astype(np.float32)
    rows[np.repeat(rng.random((40, 4)) < 0.5, [1, 2, 1, 1], axis=1)] = np.nan
    found = _log_variances(net, rows, starts)
    for row, logs in zip(rows, found, strict=True):
        known, unknown = np.flatnonzero(~np.isnan(row)), np.flatnonzero(np.isnan(row))
        inner = np.linalg.inv(covariance[np.ix_(known, known)])
        crossed = covariance[np.ix_(unknown, known)]
        given = covariance[np.ix_(unknown, unknown)] - crossed @ inner @ crossed.T
        expected = dict(zip(unknown.tolist(), np.log(np.diag(given)), strict=True))
        assert logs == pytest.approx([expected.get(start, 0) for start in starts], abs=1e-6)
    net = CellsDAE((0, 2, 0, 0))
    assert not _log_variances(net, rows, starts).any()


def test_draws_vary_as_much_as_the_known_cells_leave_open():
    X, rng = normal_table(1000, seed=0)
    holes = np.where(rng.random(X.shape) < 0.3, np.nan, X)
    imputer = DAEImputer(n_estimators=2, max_epochs=10, random_state=0).fit(holes)
    new, _ = normal_table(2000, seed=1)
    # Given the others, x has the precision 4 of the regression plus 1 / 0.75 of its own, and the
    # outcome the variance of its noise. Given the outcome alone, which has a variance of 4 and a
    # covariance with x of 3/2, x keeps 1 - (3/2)² / 4.
    for unknown, variance in (
        ([1], 1 / (4 + 4 / 3)),
        ([0], 1.0),
        ([1, 2], 1 - 1.5**2 / 4),
    ):
        rows = new.copy()
        rows[:, unknown] = np.nan
        draws = np.array(imputer.sample(rows, 20, random_state=0))
        errors = draws[:, :, unknown[0]] - draws[:, :, unknown[0]].mean(axis=0)
        found = np.square(errors).sum(axis=0).mean() / 19
        assert 0.8 < found / variance < 1.3


def least_squares(table):
    """Return coefficients of column 0 on the others, and their variances."""
    A = np.column_stack([np.ones(len(table)), table[:, 1:]])
    inverse = np.linalg.inv(A.T @ A)
    coefficients = inverse @ A.T @ table[:, 0]
    errors = table[:, 0] - A @ coefficients
    return coefficients, np.diag(inverse) * (errors @ errors) / (len(A) - A.shape[1])


def covers(tables):
    """Return which pooled 95 % intervals hold the true coefficients."""
    m = len(tables)
    coefficients, variances = np.swapaxes([least_squares(table) for table in tables], 0, 1)
    within, between = variances.mean(axis=0), coefficients.var(axis=0, ddof=1)
    total = within + (1 + 1 / m) * between
    freedom = (m - 1) * (total / (total - within)) ** 2
    half = t.ppf(0.975, freedom) * np.sqrt(total)
    return np.abs(coefficients.mean(axis=0) - COEFFICIENTS) < half


@pytest.mark.slow
def test_pooled_intervals_cover_where_filled_tables_do_not():
    n_tables, pooled, filled = 40, [], []
    for seed in range(n_tables):
        X, rng = normal_table(300, seed)
        holes = np.where(rng.random(X.shape) < 0.2, np.nan, X)
        imputer = DAEImputer(n_estimators=2, random_state=seed).fit(holes)
        pooled.append(covers(imputer.sample(holes, 10, random_state=seed)))
        coefficients, variances = least_squares(imputer.transform(holes))
        filled.append(np.abs(coefficients - COEFFICIENTS) < 1.96 * np.sqrt(variances))
    # 95 % of 40, less three standard errors, are 34.
    assert np.sum(pooled, axis=0).min() >= 34
    assert np.sum(filled, axis=0).max() < 34
