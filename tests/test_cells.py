"""The core of tables: module, loss, hidden cells and the estimator that ties them."""

import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.base import clone

from skdae import SwapNoise
from skdae._random import make_generator
from skdae.estimators._cells import CellsDAE
from skdae.nn import NumberBins, TableAutoencoder
from skdae.tasks import Cells, HiddenCells
from skdae.training import CellLoss, cell_losses

# A number, a category of three levels, a number, one of a single level, one of two.
LEVELS = (0, 3, 0, 1, 2)
WIDTHS = (1, 3, 1, 1, 2)
N_VALUES = sum(WIDTHS)


def encoded(n, *, unknown=0.3, seed=0):
    """Return encoded rows with NaN in unknown cells, and which cells are known."""
    rng = np.random.default_rng(seed)
    parts = [
        rng.normal(size=(n, 1))
        if not n_levels
        else np.eye(n_levels)[rng.integers(n_levels, size=n)]
        for n_levels in LEVELS
    ]
    known = rng.random((n, len(LEVELS))) >= unknown
    rows = np.concatenate(parts, axis=1).astype(np.float32)
    rows[~np.repeat(known, WIDTHS, axis=1)] = np.nan
    return rows, known


def test_the_encoder_sees_zeros_and_flags():
    module = TableAutoencoder((N_VALUES,), levels=LEVELS)
    rows, known = encoded(50)
    inputs = module._with_flags(torch.from_numpy(rows)).numpy()
    assert np.array_equal(inputs[:, :N_VALUES], np.nan_to_num(rows))
    assert np.array_equal(inputs[:, N_VALUES:], known)


@pytest.mark.parametrize("linear_path", [False, True])
def test_a_known_zero_is_not_an_unknown_value(linear_path):
    module = TableAutoencoder((2,), levels=(0, 0), linear_path=linear_path)
    outputs = module(torch.tensor([[0.0, 1.0], [torch.nan, 1.0]]))
    assert outputs.isfinite().all()
    assert not torch.equal(outputs[0], outputs[1])


def test_a_new_linear_path_adds_nothing():
    module = TableAutoencoder((N_VALUES,), levels=LEVELS, linear_path=True)
    x = torch.from_numpy(encoded(20)[0])
    assert torch.equal(module(x), module.decode(module.encode(x)))


def test_stand_ins_are_the_conditional_means_of_a_normal_distribution():
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(N_VALUES, N_VALUES))
    mean, covariance = rng.normal(size=N_VALUES), factors @ factors.T + np.eye(N_VALUES)
    moments = mean, covariance
    module = TableAutoencoder((N_VALUES,), levels=LEVELS, moments=moments)
    rows = encoded(30)[0]
    rows[0] = np.nan
    expected = rows.astype(np.float64)
    for row in expected:
        u, k = np.isnan(row), ~np.isnan(row)
        weights = np.linalg.solve(covariance[np.ix_(k, k)], row[k] - mean[k])
        row[u] = mean[u] + covariance[np.ix_(u, k)] @ weights
    found = module._with_flags(torch.from_numpy(rows)).numpy()[:, :N_VALUES]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    # A new module returns these for numbers; for levels, it takes them for probabilities.
    numbers = [0, 4]
    output = module(torch.from_numpy(rows)).detach().numpy()
    np.testing.assert_array_equal(output[:, numbers], found[:, numbers])
    logits = np.log(np.maximum(np.delete(expected, numbers, axis=1), 0.01))
    np.testing.assert_allclose(np.delete(output, numbers, axis=1), logits, atol=0.02)


def test_the_rows_of_a_module_have_the_values_of_its_columns():
    with pytest.raises(ValueError, match=r"takes rows of 8 values. Got sample_shape=\(5,\)"):
        TableAutoencoder((5,), levels=LEVELS)


def test_losses_are_those_of_torch():
    rows, known = encoded(200)
    generator = torch.Generator().manual_seed(0)
    output = 20 * torch.randn(rows.shape, generator=generator)
    losses, is_known = cell_losses(output, torch.from_numpy(rows), LEVELS)
    assert np.array_equal(is_known.numpy(), known)
    start = 0
    for index, (n_levels, width) in enumerate(zip(LEVELS, WIDTHS, strict=True)):
        part, here = slice(start, start + width), known[:, index]
        truth = torch.from_numpy(rows[here, part])
        of_torch = F.mse_loss if not n_levels else F.cross_entropy
        expected = of_torch(output[here, part], truth, reduction="none").flatten()
        torch.testing.assert_close(losses[here, index], expected)
        assert (losses[~here, index] == 0).all()
        start += width
    total = CellLoss(LEVELS)(output, torch.from_numpy(rows))
    torch.testing.assert_close(total, losses.sum() / known.sum())


def test_unknown_cells_have_no_gradient():
    rows, known = encoded(100)
    output = torch.zeros(rows.shape, requires_grad=True)
    CellLoss(LEVELS)(output, torch.from_numpy(rows)).backward()
    expected = np.repeat(known, WIDTHS, axis=1)
    expected[:, 5] = False  # the only level of a category is certain
    expected[:, [0, 4]] &= rows[:, [0, 4]] != 0
    assert np.array_equal(output.grad.numpy() != 0, expected)


def test_rows_without_known_cells_cost_nothing():
    output = torch.ones((3, N_VALUES), requires_grad=True)
    loss = CellLoss(LEVELS)(output, torch.full((3, N_VALUES), torch.nan))
    loss.backward()
    assert loss == 0
    assert (output.grad == 0).all()


EDGES = ((-0.5, 0.5), (), (0.0,), (), ())


def test_bins_follow_their_numbers():
    """One-hot where numbers are known, NaN where they are not; an edge is the bin above it."""
    bins = NumberBins(LEVELS, EDGES)
    rows, _ = encoded(200)
    rows[:3, 0] = -0.5, 0.5, np.nan
    found = bins(torch.from_numpy(rows)).numpy()
    assert bins.levels == (0, 3, 3, 0, 2, 1, 2)
    assert found.dtype == np.float32
    first, third = rows[:, 0], rows[:, 4]
    expected = np.column_stack(
        [
            *(first, first < -0.5, (first >= -0.5) & (first < 0.5), first >= 0.5),
            *(rows[:, 1:4], third, third < 0, third >= 0, rows[:, 5:]),
        ]
    )
    expected[np.isnan(first), 1:4] = np.nan
    expected[np.isnan(third), 8:10] = np.nan
    assert np.array_equal(found, expected.astype(np.float32), equal_nan=True)


def test_a_table_of_categories_has_no_bins():
    bins = NumberBins((3, 2), ((), ()))
    x = torch.from_numpy(encoded(9)[0])[:, 1:4].repeat(1, 2)[:, :5]
    assert bins.levels == (3, 2)
    assert torch.equal(bins(x).nan_to_num(9), x.nan_to_num(9))


def test_a_net_with_bins_is_one_of_rows_that_have_them():
    """The same seed makes the same net, be the bins its own or in the rows."""
    X = encoded(300)[0]
    bins = NumberBins(LEVELS, EDGES)
    wide = bins(torch.from_numpy(X)).numpy()
    settings = {"hidden_layer_sizes": (16,), "max_epochs": 3, "early_stopping": True}
    own = CellsDAE(LEVELS, edges=EDGES, random_state=0, **settings).fit(X)
    other = CellsDAE(bins.levels, random_state=0, **settings).fit(wide)
    assert own.loss_curve_ == other.loss_curve_
    assert own.validation_loss_curve_ == other.validation_loss_curve_
    assert np.array_equal(own.guess(X), other.guess(wide))
    assert np.array_equal(own.transform(X), other.transform(wide))
    truth, wide_truth = X[::-1].copy(), wide[::-1].copy()
    losses = own.cell_losses(X, truth), other.cell_losses(wide, wide_truth)
    assert np.array_equal(*losses, equal_nan=True)
    assert own.guess(X).shape == (300, 13)
    loaded = pickle.loads(pickle.dumps(own))
    assert np.array_equal(loaded.guess(X), own.guess(X))


def task(hidden, *, compares_all):
    return HiddenCells(None, None, None, Cells(WIDTHS, hidden, compares_all))


@pytest.mark.parametrize("compares_all", [False, True])
def test_hidden_cells_are_whole_and_as_many_as_was_asked(monkeypatch, compares_all):
    rows = torch.from_numpy(encoded(20_000, unknown=0)[0])
    monkeypatch.setattr(HiddenCells, "_corrupted", lambda self, rows, *others: rows.clone())
    made = task((0.2, 0.6), compares_all=compares_all)
    x, target = made.make_batch(rows, rows, (N_VALUES,), make_generator(0))
    hides = x.isnan().numpy()
    starts = np.cumsum([0, *WIDTHS[:-1]])
    of_cells = hides[:, starts]
    assert np.array_equal(hides, np.repeat(of_cells, WIDTHS, axis=1))
    assert torch.equal(x[~x.isnan()], rows[~x.isnan()])
    # Five cells of 20,000 rows, whose rates are uniform: mean .4, variance (.4² / 12).
    share = of_cells.mean(axis=1)
    error = np.sqrt(0.24 / 1e5 + 0.16 / 12 / 20_000)
    assert abs(share.mean() - 0.4) < 4 * error
    # Two cells of a row are hidden together more often than cells of different rows.
    together = (of_cells[:, 0] & of_cells[:, 1]).mean()
    assert abs(together - (0.16 + 0.16 / 12)) < 4 * np.sqrt(0.17 * 0.83 / 20_000)
    compared = ~target.isnan().numpy()
    assert np.array_equal(compared, np.ones_like(hides) if compares_all else hides)


def correlated(n, rho=0.8, seed=0):
    """Return two normal numbers with this correlation, and a category that is the first's sign."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    b = rho * a + np.sqrt(1 - rho**2) * rng.normal(size=n)
    return np.column_stack([a, b, np.eye(2)[(a > 0).astype(int)]]).astype(np.float32)


def small(**parameters):
    defaults = {"hidden_layer_sizes": (16,), "latent_dim": 8, "max_epochs": 3, "random_state": 0}
    return CellsDAE((0, 0, 2), **{**defaults, **parameters})


def test_guesses_are_the_conditional_mean():
    rho = 0.8
    X, X_new = correlated(4000, rho), correlated(4000, rho, seed=1)
    rng = np.random.default_rng(2)
    X[rng.random(4000) < 0.3, 0] = np.nan  # never known, and so never compared
    dae = small(hidden=(0.3, 0.6), compares_all=False, linear_path=True, max_epochs=30).fit(X)
    only_a = np.column_stack([X_new[:, 0], *np.full((3, 4000), np.nan)])
    guesses = dae.guess(only_a)
    best = rho * X_new[:, 0]
    assert np.sqrt(np.square(guesses[:, 1] - best).mean()) < 0.1
    np.testing.assert_allclose(guesses[:, 2:].sum(axis=1), 1, rtol=1e-5)
    assert (guesses[:, 3].round() == X_new[:, 3]).mean() > 0.95
    nothing = dae.guess(np.full((1, 4), np.nan))
    assert np.abs(nothing - [0, 0, 0.5, 0.5]).max() < 0.15


def test_scores_are_those_of_the_known_cells():
    X = correlated(300)
    dae = small(hidden=(0, 0.5)).fit(X)
    X[:100, 1] = np.nan
    X[0] = np.nan
    losses = dae.cell_losses(X)
    assert np.array_equal(np.isnan(losses), np.isnan(X[:, :3]))
    rows = dae.predict(X)
    np.testing.assert_allclose(losses[200:, 1], np.square(rows - X)[200:, 1], rtol=1e-5)
    scores = dae.score_samples(X)
    assert scores[0] == 0
    np.testing.assert_allclose(scores[1:], -np.nanmean(losses[1:].astype(float), axis=1))
    assert np.array_equal(dae.cell_losses(X, X), losses, equal_nan=True)


@pytest.mark.parametrize("noise", [None, SwapNoise(0.2)])
@pytest.mark.parametrize("moments", [None, (np.zeros(4), np.eye(4) + 0.1)])
def test_the_machinery_of_training_comes_along(noise, moments, tmp_path):
    X = correlated(300)
    X[::3, 0] = np.nan
    dae = small(hidden=(0.1, 0.5), noise=noise, moments=moments, checkpoint=tmp_path / "fit")
    dae.fit(X)
    again = clone(dae).fit(X)
    without = clone(dae).set_params(checkpoint=None).fit(X)
    loaded = pickle.loads(pickle.dumps(dae))
    for other in (again, without, loaded):
        assert np.array_equal(other.guess(X), dae.guess(X))
    assert b"torch" not in pickle.dumps(dae.__getstate__()["_saved_net"])
    stopped = clone(without).set_params(early_stopping=True, max_epochs=4).fit(X)
    assert np.isfinite(stopped.validation_loss_curve_).all()
    assert stopped.partial_fit(X).transform(X).shape == (300, 8)
