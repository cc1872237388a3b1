"""One level for each column: of Gaussian, masking and swap noise, alone and in mixtures."""

import re
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy import stats
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from laws import N_SE, assert_law, assert_rate, clean
from skdae import (
    ChainNoise,
    ConvDAE,
    DenseDAE,
    GaussianNoise,
    MaskingNoise,
    OneOfNoise,
    SaltAndPepperNoise,
    SwapNoise,
)

KINDS = [GaussianNoise, MaskingNoise, SwapNoise]
SHARES = [0.0, 0.05, 0.3, 0.7, 1.0]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@pytest.mark.parametrize("as_container", [list, np.asarray])
def test_gaussian_takes_one_sigma_for_each_column(as_container):
    sigmas = [0.0, 0.1, 2.0, 30.0]
    X = clean((50_000, 4))
    noise = GaussianNoise(as_container(sigmas)).corrupt(X, random_state=0) - X
    assert_array_equal(noise[:, 0], 0)
    for column, sigma in enumerate(sigmas[1:], start=1):
        assert_law(noise[:, column], stats.norm(scale=sigma))
    assert abs(np.corrcoef(noise[:, 1], noise[:, 2])[0, 1]) < N_SE / np.sqrt(len(X))


@pytest.mark.parametrize("as_container", [list, np.asarray])
def test_masking_takes_one_amount_for_each_column(as_container):
    X = clean((100_000, 5))
    masked = MaskingNoise(as_container(SHARES)).corrupt(X, random_state=0) == 0
    for column, amount in enumerate(SHARES):
        assert_rate(masked[:, column], amount)
    assert abs(np.corrcoef(masked[:, 2], masked[:, 3])[0, 1]) < N_SE / np.sqrt(len(X))


@each_kind
def test_values_of_an_image_are_columns_in_their_order(kind):
    """The seed draws the same for rows and for images."""
    X, levels = clean((500, 12)), np.linspace(0, 1, 12)
    for shape in ((500, 3, 4), (500, 2, 3, 2)):
        images = kind(levels).corrupt(X.reshape(shape), random_state=0)
        assert_array_equal(images.reshape(500, 12), kind(levels).corrupt(X, random_state=0))
    samples = kind(levels).corrupt(torch.from_numpy(X).view(500, 2, 3, 2), random_state=0)
    assert_array_equal(samples.flatten(1), kind(levels).corrupt(X, random_state=0))


@each_kind
def test_equal_levels_are_one_level(kind):
    X = clean((200, 5))
    one = kind(0.3).corrupt(X, random_state=0)
    assert_array_equal(kind([0.3] * 5).corrupt(X, random_state=0), one)


@each_kind
@pytest.mark.parametrize("composed", [OneOfNoise, ChainNoise])
def test_levels_of_columns_in_mixtures(kind, composed):
    X = clean((2000, 3))
    noisy = composed([("part", kind([0, 0.5, 1]))]).corrupt(X, random_state=0)
    changed = (noisy != X).mean(axis=0)
    assert changed[0] == 0
    assert (changed[1:] > 0.4).all()


@each_kind
@pytest.mark.parametrize(
    "levels",
    [
        *([0.1, 0.2], [0.1], [], [0.1] * 4, [[0.1, 0.2, 0.3]], [0.1, [0.2], 0.3]),
        *([0.1, 0.2, -0.3], [0.1, 0.2, np.nan], [0.1, 0.2, np.inf], [0.1, 0.2, None]),
        *(["0.1", "0.2", "0.3"], [0.1, 0.2, 10**400], [0.1, (0.2, 0.3), 0.1]),
        *(np.array(0.1), np.array([0.1, 0.2]), np.array([[0.1, 0.2, 0.3]])),
        *(np.array([0.1, 0.2, 0.3j]), np.array([0.1, 0.2, None])),
    ],
    ids=repr,
)
def test_what_is_not_one_level_for_each_column_is_named(kind, levels):
    parameter, rule = kind._level, "number >= 0" if kind is GaussianNoise else "number between 0 "
    match = rf"'{parameter}' parameter of {kind.__name__} must be one {rule}.* of the 3 columns, "
    for X in (np.ones((4, 3)), torch.ones(4, 3)):
        with pytest.raises(ValueError, match=match + f".*Got {re.escape(repr(levels))} instead"):
            kind(levels).corrupt(X)


@each_kind
def test_the_rule_of_other_values_names_levels_of_columns_too(kind):
    with pytest.raises(ValueError, match=r"or a list of them, one for each column. Got -1 instead"):
        kind(-1).fit([[1.0]])


def test_levels_above_1_are_no_shares_and_no_fractions():
    with pytest.raises(ValueError, match=r"between 0 and 1 for each of the 2 columns"):
        MaskingNoise([0.1, 1.2]).fit(np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"'sigma' .* fraction of the full range"):
        GaussianNoise([0.1, 1.2]).fit(np.ones((4, 2), dtype=np.uint8))


def test_other_kinds_have_one_level_for_all_columns():
    with pytest.raises(ValueError, match=r"'amount' parameter of SaltAndPepperNoise must be a num"):
        SaltAndPepperNoise([0.1, 0.2]).fit(np.ones((4, 2)))


def test_levels_of_columns_on_different_scales_raise_no_warning():
    X = clean((1000, 3)) * [1e-3, 1, 1e6]
    with warnings.catch_warnings(action="error"):
        GaussianNoise([1e-4, 0.1, 1e5]).corrupt(X, random_state=0)
        MaskingNoise([0.1, 0.0, 0.3], value=0).corrupt(X, random_state=0)


@pytest.mark.parametrize(
    "noise",
    [GaussianNoise([0, 0, 2, 2]), MaskingNoise([0, 0, 0.7, 0.7]), SwapNoise([0, 0, 0.7, 0.7])],
    ids=str,
)
def test_training_draws_the_levels_of_the_columns(noise):
    """Columns with a clean copy are repaired from it; with noise in all, half of it stays."""
    factors = np.random.default_rng(0).normal(size=(1000, 2))
    X = np.hstack([factors, factors])
    settings = {"max_epochs": 60, "activation": "identity", "lr": 0.02, "random_state": 0}
    alone = DenseDAE((), latent_dim=4, noise=noise, **settings).fit(X)
    pipe = make_pipeline(noise, DenseDAE((), latent_dim=4, **settings)).fit(X)
    X_noisy = noise.corrupt(X, random_state=0)
    assert np.square(X_noisy - X)[:, 2:].mean() > 0.6
    assert np.square(alone.predict(X_noisy) - X).mean() < 0.1
    assert_array_equal(alone.predict(X_noisy), pipe.predict(X_noisy))


@each_kind
def test_training_with_equal_levels_is_training_with_one(kind):
    X = clean((200, 5))
    one, columns = (
        DenseDAE((8,), noise=kind(level), max_epochs=2, random_state=0).fit(X).predict(X)
        for level in (0.3, [0.3] * 5)
    )
    assert_array_equal(one, columns)


def test_levels_of_whole_samples_do_not_go_with_patches():
    X = clean((4, 16, 16))
    noise = GaussianNoise(np.full(256, 0.1))
    ConvDAE((2,), noise=noise, max_epochs=1, random_state=0).fit(X)
    for data in (X, list(X)):
        for dae in (ConvDAE((2,), noise=noise, patch_size=8), ConvDAE((2,), patch_size=8)):
            given = data if dae.noise is noise else clone(noise).fit_transform(data)
            with pytest.raises(ValueError, match="'sigma' parameter .* each of the 64 columns"):
                dae.fit(given)


def test_a_search_takes_lists_of_levels():
    noise = clone(GaussianNoise()).set_params(sigma=[0.1, 0.2])
    assert clone(noise).get_params()["sigma"] == [0.1, 0.2]
