"""One of several noises, or one after another."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid
from sklearn.utils import estimator_html_repr

from skdae.noise import (
    ChainNoise,
    GaussianNoise,
    MaskingNoise,
    OneOfNoise,
    PoissonNoise,
    SaltAndPepperNoise,
    SwapNoise,
    UniformNoise,
)

N_SE = 5


def assert_rate(hits, probability):
    se = np.sqrt(probability * (1 - probability) / hits.size)
    assert abs(hits.mean() - probability) <= N_SE * se


def constants(*values):
    """Noises that mark the samples they get: each replaces all by its own value."""
    return [(f"to_{value}", MaskingNoise(1, value=value)) for value in values]


# ---------------------------------------------------------------------------------- one of
@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        (None, (1 / 3, 1 / 3, 1 / 3)),
        ([1, 1, 2], (0.25, 0.25, 0.5)),
        ((0.1, 0.3, 0.6), (0.1, 0.3, 0.6)),
        (np.array([500, 0, 1500]), (0.25, 0, 0.75)),
        ([0, 1, 0], (0, 1, 0)),
    ],
)
def test_one_of_gives_each_sample_one_kind_by_its_weight(weights, shares):
    X = np.zeros((200_000, 3))
    X_noisy = OneOfNoise(constants(1, 2, 3), weights=weights).corrupt(X, random_state=0)
    kinds = X_noisy[:, 0]
    assert (X_noisy == kinds[:, None]).all()
    assert np.isin(kinds, [1, 2, 3]).all()
    for value, share in zip((1, 2, 3), shares, strict=True):
        assert_rate(kinds == value, share)


def test_one_of_draws_the_kinds_of_samples_independently():
    X = np.zeros((200_000, 1))
    kinds = OneOfNoise(constants(0, 1)).corrupt(X, random_state=0).ravel()
    assert_rate(kinds[1:] == kinds[:-1], 0.5)
    other = OneOfNoise(constants(0, 1)).corrupt(X, random_state=1).ravel()
    assert_rate(kinds == other, 0.5)


def test_one_of_keeps_the_law_of_each_kind():
    noise = OneOfNoise([("gauss", GaussianNoise(0.4)), ("uniform", UniformNoise(0.4))])
    residual = noise.corrupt(np.zeros((2000, 500)), random_state=0)
    bounded = abs(residual).max(axis=1) <= 0.4  # 500 normals are, once in 1e83 samples
    assert_rate(bounded, 0.5)
    for values, law in (
        (residual[bounded], stats.uniform(-0.4, 0.8)),
        (residual[~bounded], stats.norm(0, 0.4)),
    ):
        assert stats.kstest(values.ravel(), law.cdf).pvalue > 1e-4


def test_one_of_ranges_are_drawn_for_the_samples_of_their_kind():
    noises = [("gauss", GaussianNoise((0.2, 0.8))), ("clean", GaussianNoise(0))]
    residual = OneOfNoise(noises).corrupt(np.zeros((2000, 1000)), random_state=0)
    levels = residual.std(axis=1)
    assert_rate(levels == 0, 0.5)
    assert stats.kstest(levels[levels > 0], stats.uniform(0.2, 0.6).cdf).pvalue > 1e-4


def test_one_of_swaps_with_donors_from_the_whole_batch():
    # rows that got another noise are donors too: else small batches would hardly swap
    rows = np.repeat(np.arange(20.0)[:, None], 20_000, axis=1)
    noises = [("swap", SwapNoise(1)), ("none", GaussianNoise(0))]
    donors = OneOfNoise(noises).corrupt(rows, random_state=0).astype(int)
    swapped = (donors != rows).any(axis=1)
    assert 0 < swapped.sum() < 20
    counts = np.bincount(donors[swapped].ravel(), minlength=20)
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("n_samples", [1, 2, 3])
def test_one_of_copes_with_kinds_that_nobody_got(n_samples):
    X = np.zeros((n_samples, 2))
    noises = [(f"n{i}", GaussianNoise(0.1)) for i in range(10)]
    assert (OneOfNoise(noises).corrupt(X, random_state=0) != 0).all()


# ----------------------------------------------------------------------------------- chain
def test_chain_adds_variances():
    chain = ChainNoise([("photons", PoissonNoise(50)), ("readout", GaussianNoise(0.1))])
    residual = chain.corrupt(np.full((1000, 400), 0.5), random_state=0) - 0.5
    variance = 0.5 / 50 + 0.1**2
    assert abs(residual.mean()) < N_SE * np.sqrt(variance / residual.size)
    # the kurtosis is below 3.02, that of the photons alone
    assert abs(residual.var() / variance - 1) < N_SE * np.sqrt(2.02 / residual.size)


def test_chain_keeps_its_order():
    X = np.ones((500, 400))
    gauss, mask = ("gauss", GaussianNoise(0.5)), ("mask", MaskingNoise(0.3))
    mask_last = ChainNoise([gauss, mask]).corrupt(X, random_state=0)
    assert_rate(mask_last == 0, 0.3)
    mask_first = ChainNoise([mask, gauss]).corrupt(X, random_state=0)
    assert (mask_first != 0).all()
    assert_rate(abs(mask_first) < 0.5, 0.3 * 0.6827 + 0.7 * 0.1573)  # within 1 and 1 to 3 sigma


def test_chain_stages_are_independent():
    X = np.zeros((1000, 400))
    gauss = [("one", GaussianNoise(1)), ("other", GaussianNoise(1))]
    residual = ChainNoise(gauss).corrupt(X, random_state=0)
    # one noise added twice would have the variance 4, and its opposite 0
    assert abs(residual.var() / 2 - 1) < N_SE * np.sqrt(2 / residual.size)


def test_chain_of_one_is_that_one(X):
    for inner in (GaussianNoise(0.3), PoissonNoise((10, 20)), SwapNoise(0.5)):
        np.testing.assert_array_equal(
            ChainNoise([("only", inner)]).corrupt(X, random_state=0),
            inner.corrupt(X, random_state=0),
        )


# ------------------------------------------------------------------------------- of the two
@pytest.mark.parametrize("composed", [OneOfNoise, ChainNoise])
def test_the_clips_of_the_parts_and_of_the_whole_apply(composed):
    X = np.full((1000, 10), 0.5)
    part = composed([("gauss", GaussianNoise(3, clip=(0.2, 0.8)))])
    X_noisy = part.corrupt(X, random_state=0)
    assert (X_noisy.min(), X_noisy.max()) == (0.2, 0.8)
    whole = clone(part).set_params(clip=(0.4, 2)).corrupt(X, random_state=0)
    assert (whole.min(), whole.max()) == (0.4, 0.8)


def test_the_clip_of_a_stage_comes_before_the_next_stage():
    X = np.full((1000, 10), 0.5)
    stages = [("gauss", GaussianNoise(3, clip=(0, 1))), ("shift", UniformNoise(0.1))]
    X_noisy = ChainNoise(stages).corrupt(X, random_state=0)
    assert -0.1 <= X_noisy.min() < 0
    assert 1 < X_noisy.max() <= 1.1


@pytest.mark.parametrize("composed", [OneOfNoise, ChainNoise])
def test_seeds_and_moments_of_the_parts_are_not_used(composed, X):
    plain = composed([("gauss", GaussianNoise(0.1))], random_state=0)
    seeded = composed([("gauss", GaussianNoise(0.1, random_state=9, when="always"))])
    seeded.set_params(random_state=0)
    np.testing.assert_array_equal(plain.corrupt(X), seeded.corrupt(X))
    np.testing.assert_array_equal(seeded.fit(X).transform(X), X)
    seeded.set_params(random_state=None)
    assert (seeded.corrupt(X) != seeded.corrupt(X)).any()


@pytest.mark.parametrize("composed", [OneOfNoise, ChainNoise])
def test_parts_may_have_been_fitted_on_other_data(composed, X):
    part = GaussianNoise(0.1).fit(X[:, :3])
    injector = composed([("gauss", part)])
    assert injector.fit_transform(X).shape == X.shape
    assert part.n_features_in_ == 3
    assert not hasattr(composed([("new", GaussianNoise())]).fit(X).noises[0][1], "n_features_in_")


@pytest.mark.parametrize("composed", [OneOfNoise, ChainNoise])
def test_compositions_nest(composed, X):
    inner = ChainNoise([("gauss", GaussianNoise(0.1)), ("mask", MaskingNoise(0.2))])
    outer = composed([("inner", inner), ("impulses", SaltAndPepperNoise(0.1))])
    assert (outer.corrupt(X, random_state=0) != X).any()
    outer.set_params(inner__gauss__sigma=0, inner__mask__amount=0, impulses__amount=0)
    np.testing.assert_array_equal(outer.corrupt(X, random_state=0), X)


@pytest.mark.parametrize("composed", [OneOfNoise, ChainNoise])
def test_amounts_per_column_reach_the_swap_inside(composed):
    X = np.random.default_rng(0).normal(size=(500, 3))
    injector = composed([("swap", SwapNoise([0, 0.5, 1]))])
    for data in (X, torch.from_numpy(X)):
        changed = np.asarray(injector.corrupt(data, random_state=0)) != X
        np.testing.assert_allclose(changed.mean(axis=0), [0, 0.5, 1], atol=0.12)


def test_a_composition_mixes_rows_if_a_part_does():
    swap, gauss = ("swap", SwapNoise()), ("gauss", GaussianNoise())
    for composed in (OneOfNoise, ChainNoise):
        assert composed([gauss, swap])._mixes_rows
        assert not composed([gauss])._mixes_rows
        assert composed([("inner", composed([swap]))])._mixes_rows


# ------------------------------------------------------------------------------ parameters
@pytest.mark.parametrize("composed", [OneOfNoise, ChainNoise])
def test_parameters_are_reached_by_name(composed):
    injector = composed([("gauss", GaussianNoise(0.1)), ("mask", MaskingNoise(0.2))])
    parameters = injector.get_params()
    assert parameters["gauss__sigma"] == 0.1
    assert parameters["mask__amount"] == 0.2
    assert isinstance(parameters["gauss"], GaussianNoise)
    assert "gauss__sigma" not in injector.get_params(deep=False)

    injector.set_params(gauss__sigma=0.7, mask=UniformNoise(0.3))
    assert injector.noises[0][1].sigma == 0.7
    assert isinstance(injector.noises[1][1], UniformNoise)
    injector.set_params(noises=[("new", MaskingNoise())], new__amount=0.9)
    assert [name for name, _ in injector.noises] == ["new"]
    assert injector.noises[0][1].amount == 0.9


@pytest.mark.parametrize("composed", [OneOfNoise, ChainNoise])
@pytest.mark.parametrize("parameter", ["nobody__sigma", "gauss__amount", "sigma"])
def test_unknown_parameters_are_errors(composed, parameter):
    injector = composed([("gauss", GaussianNoise(0.1))])
    with pytest.raises(ValueError, match="Invalid parameter"):
        injector.set_params(**{parameter: 0.5})


@pytest.mark.parametrize("composed", [OneOfNoise, ChainNoise])
def test_clones_share_nothing(composed):
    injector = composed([("gauss", GaussianNoise(0.1)), ("mask", MaskingNoise(0.2))])
    copied = clone(injector)
    assert repr(copied) == repr(injector)
    for (name, part), (copied_name, copied_part) in zip(
        injector.noises, copied.noises, strict=True
    ):
        assert name == copied_name
        assert part is not copied_part
    copied.set_params(gauss__sigma=0.9)
    assert injector.noises[0][1].sigma == 0.1


@pytest.mark.parametrize("composed", [OneOfNoise, ChainNoise])
def test_a_grid_over_named_levels(composed):
    injector = composed([("gauss", GaussianNoise(0.1)), ("mask", MaskingNoise(0.2))])
    grid = ParameterGrid({"gauss__sigma": [0, 0.5], "mask__amount": [0, 1]})
    levels = []
    for parameters in grid:
        candidate = clone(injector).set_params(**parameters)
        levels.append((candidate.noises[0][1].sigma, candidate.noises[1][1].amount))
    assert sorted(levels) == [(0, 0), (0, 1), (0.5, 0), (0.5, 1)]


def test_repr_shows_the_parts():
    injector = OneOfNoise([("gauss", GaussianNoise(0.3)), ("mask", MaskingNoise())], weights=[1, 2])
    assert repr(injector) == (
        "OneOfNoise(noises=[('gauss', GaussianNoise(sigma=0.3)),\n"
        "                   ('mask', MaskingNoise())],\n"
        "           weights=[1, 2])"
    )


def test_html_shows_the_parts(noise):
    assert type(noise).__name__ in estimator_html_repr(noise)
    with config_context(display="diagram"):
        assert "sk-" in noise._repr_html_()


# ------------------------------------------------------------- fitted to data that are checked
def test_a_chain_is_fitted_to_checked_rows_as_to_data():
    chain = ChainNoise([("photons", PoissonNoise(100)), ("readout", GaussianNoise(0.05))])
    X = np.random.default_rng(0).random((40, 12), dtype=np.float32)
    chain._fit_checked(X, warns=True)
    assert chain.n_features_in_ == clone(chain).fit(X).n_features_in_ == 12


def test_checked_rows_are_compared_with_the_level_of_each_part():
    X = np.zeros((4, 3), dtype=np.uint8)
    chain = ChainNoise([("photons", PoissonNoise(100)), ("readout", GaussianNoise(25))])
    with pytest.raises(ValueError, match="'sigma' parameter of GaussianNoise is a fraction"):
        chain._fit_checked(X, warns=False)
    swap = OneOfNoise([("swap", SwapNoise([0.1, 0.2]))])
    with pytest.raises(ValueError, match="for each of the 3 columns"):
        swap._fit_checked(X, warns=False)


def test_checked_samples_of_different_sizes_are_not_swapped():
    samples = [np.zeros((4, 5, 1), dtype=np.float32), np.zeros((6, 5, 1), dtype=np.float32)]
    OneOfNoise(constants(0, 1))._fit_checked(samples, warns=False)
    with pytest.raises(ValueError, match="OneOfNoise takes values from other samples"):
        OneOfNoise([("swap", SwapNoise())])._fit_checked(samples, warns=False)


def test_values_of_checked_rows_are_looked_at_if_told_to():
    chain = ChainNoise([("photons", PoissonNoise()), ("readout", GaussianNoise(0.05))])
    X = np.random.default_rng(0).normal(size=(100, 12))
    with pytest.warns(UserWarning, match="PoissonNoise makes counts"):
        chain._fit_checked(X, warns=True)
    chain._fit_checked(X, warns=False)
