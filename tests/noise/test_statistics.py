"""Each noise against the distribution it claims, by the tests of ``laws``."""

import itertools
import re

import numpy as np
import pytest
from scipy import stats

from kinds import INJECTORS
from laws import (
    N_SE,
    P_MIN,
    assert_counts,
    assert_independent,
    assert_law,
    assert_mean,
    assert_moments,
    assert_rate,
    assert_variance,
    clean,
)
from skdae.noise import (
    NOISES,
    CameraNoise,
    GaussianNoise,
    MaskingNoise,
    OneOfNoise,
    PoissonNoise,
    SaltAndPepperNoise,
    SpeckleNoise,
    SwapNoise,
    UniformNoise,
)


# ---------------------------------------------------------------------------- one level
@pytest.mark.parametrize("sigma", [0.1, 0.4, 3.0])
def test_gaussian_adds_a_normal_of_standard_deviation_sigma(sigma):
    X = clean()
    noise = GaussianNoise(sigma).corrupt(X, random_state=0) - X
    assert_law(noise, stats.norm(0, sigma))
    assert abs(np.corrcoef(noise.ravel(), X.ravel())[0, 1]) < N_SE / np.sqrt(X.size)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_gaussian_keeps_its_law_in_short_floats(dtype):
    X = np.zeros((1000, 400), dtype=dtype)  # sums with 0 are rounded once, relative to the noise
    noise = GaussianNoise(0.4).corrupt(X, random_state=1).astype(np.float64)
    assert_moments(noise, stats.norm(0, 0.4))
    if dtype is np.float32:  # the steps of float16 are wider than what KS sees
        assert stats.kstest(noise.ravel(), stats.norm(0, 0.4).cdf).pvalue > P_MIN


@pytest.mark.parametrize("value", [-2.0, 0.05, 1.0, 7.0])
def test_speckle_is_normal_with_variance_in_proportion_to_the_square(value):
    X = np.full((1000, 300), value)
    noise = SpeckleNoise(0.3).corrupt(X, random_state=0) - X
    assert_law(noise, stats.norm(0, 0.3 * abs(value)))


def test_speckle_leaves_zeros_alone():
    X = clean()
    X[:, ::2] = 0
    X_noisy = SpeckleNoise(0.5).corrupt(X, random_state=0)
    assert (X_noisy[:, ::2] == 0).all()
    assert (X_noisy[:, 1::2] != X[:, 1::2]).all()


@pytest.mark.parametrize("amplitude", [0.1, 2.0])
def test_uniform_adds_a_uniform_within_its_bounds(amplitude):
    X = np.zeros((1000, 400))
    noise = UniformNoise(amplitude).corrupt(X, random_state=0)
    assert_law(noise, stats.uniform(-amplitude, 2 * amplitude))
    # n uniforms come within 20 / n of both bounds, except with probability 2e-9 each
    gap = 2 * amplitude * 20 / X.size
    assert amplitude - gap < noise.max() <= amplitude
    assert -amplitude <= noise.min() < -amplitude + gap


@pytest.mark.parametrize("peak", [0.5, 30, 4000])
@pytest.mark.parametrize("value", [0.02, 0.25, 1.0, 3.0])
def test_poisson_counts_photons(value, peak):
    X_noisy = PoissonNoise(peak).corrupt(np.full((1000, 250), value), random_state=0)
    counts = np.rint(X_noisy * peak)
    np.testing.assert_allclose(X_noisy * peak, counts, rtol=1e-12)
    assert_counts(counts, stats.poisson(value * peak))
    # in the units of the data: mean x, variance x / peak
    assert_mean(X_noisy, value, value / peak)
    assert_variance(X_noisy, value, value / peak, kurtosis=3 + 1 / (value * peak))


@pytest.mark.filterwarnings("ignore:PoissonNoise makes counts:UserWarning")
def test_poisson_has_no_counts_for_negative_values():
    X = clean(low=-1, high=1)
    X_noisy = PoissonNoise(50).corrupt(X, random_state=0)
    assert (X_noisy[X <= 0] == 0).all()
    assert (X_noisy >= 0).all()
    bright = X > 0
    z = (X_noisy[bright] - X[bright]) / np.sqrt(X[bright] / 50)
    assert_mean(z, 0, 1)


@pytest.mark.parametrize("amount", [0.02, 0.25, 0.9])
def test_masking_replaces_its_share_and_does_not_rescale_the_rest(amount):
    X = clean(low=0.5, high=1.5)
    X_noisy = MaskingNoise(amount).corrupt(X, random_state=0)
    masked = X_noisy == 0
    assert_rate(masked, amount)
    np.testing.assert_array_equal(X_noisy[~masked], X[~masked])  # dropout would divide by 1 - p
    assert abs(np.corrcoef(masked.ravel(), X.ravel())[0, 1]) < N_SE / np.sqrt(X.size)


def test_masking_replaces_by_its_value():
    X = clean()
    X_noisy = MaskingNoise(0.3, value=-7.1).corrupt(X, random_state=0)
    assert_rate(X_noisy == -7.1, 0.3)
    assert np.array_equal(X_noisy[X_noisy != -7.1], X[X_noisy != -7.1])


@pytest.mark.parametrize("amount", [0.05, 0.6])
@pytest.mark.parametrize("salt_vs_pepper", [0.0, 0.2, 0.5, 1.0])
def test_salt_and_pepper_shares(amount, salt_vs_pepper):
    X = clean(low=0.2, high=0.8)
    noise = SaltAndPepperNoise(amount, salt_vs_pepper=salt_vs_pepper, low=0.1, high=0.9)
    X_noisy = noise.corrupt(X, random_state=0)
    # 0.1 and 0.9 are no float32: exactly they, even in float64
    salt, pepper = X_noisy == 0.9, X_noisy == 0.1
    replaced = salt | pepper
    assert_rate(replaced, amount)
    assert_rate(salt[replaced], salt_vs_pepper)
    assert np.array_equal(X_noisy[~replaced], X[~replaced])
    # which of the two does not depend on how the cell came to be replaced
    assert_rate(salt, amount * salt_vs_pepper)


# Of one law for all samples: a range of levels, or another kind for each, ties the values of one.
# A camera ties neighbours and colours.
STEADY = {
    name: noise for name, noise in INJECTORS.items() if not re.search("range|one_of|camera", name)
}
STEADY["one_of"] = OneOfNoise([("one", GaussianNoise(0.2)), ("same", GaussianNoise(0.2))])


@pytest.mark.parametrize("noise", STEADY.values(), ids=STEADY.keys())
def test_samples_pixels_and_channels_are_independent(noise):
    shape = (40, 50, 50, 3)
    if noise._mixes_rows:  # swapping equal values would change nothing
        X = clean(shape)
        assert_independent(noise.corrupt(X, random_state=0) != X)
    else:
        assert_independent(noise.corrupt(np.full(shape, 0.5), random_state=0) - 0.5)


def test_draws_of_two_seeds_are_independent():
    X = np.zeros((500, 400))
    one, other = (GaussianNoise(1).corrupt(X, random_state=seed).ravel() for seed in (0, 1))
    assert abs(np.corrcoef(one, other)[0, 1]) < N_SE / np.sqrt(X.size)


# --------------------------------------------------------------------- images of integers
@pytest.mark.parametrize(("dtype", "full"), [(np.uint8, 255), (np.uint16, 65535)])
def test_levels_of_integer_images_are_fractions_of_the_full_range(dtype, full):
    X = np.full((1000, 400), full // 2, dtype=dtype)
    difference = GaussianNoise(0.05).corrupt(X, random_state=0).astype(float) - full // 2
    assert_mean(difference, 0, (0.05 * full) ** 2)
    # rounding adds the variance of a uniform of width 1
    assert_variance(difference, 0, (0.05 * full) ** 2 + 1 / 12, kurtosis=3)


def test_peak_is_the_count_at_white_for_uint8():
    X = np.full((1000, 400), 51, dtype=np.uint8)  # a fifth of white
    X_noisy = PoissonNoise(100).corrupt(X, random_state=0) / 255
    assert_mean(X_noisy, 0.2, 0.2 / 100)
    rounding = 1 / 12 / 255**2  # bounds its effect on the variance
    se = N_SE * 0.002 * np.sqrt((2 + 1 / 20) / X.size)
    assert abs(X_noisy.var() - 0.002) < se + rounding


# ------------------------------------------------------------------ a level for each sample
def levels_of_gaussian(X_noisy, X):
    return (X_noisy - X).std(axis=1)


def levels_of_speckle(X_noisy, X):
    return (X_noisy / X - 1).std(axis=1)


def levels_of_uniform(X_noisy, X):
    return abs(X_noisy - X).max(axis=1)


def levels_of_poisson(X_noisy, X):
    return 1 / np.where(X_noisy > 0, X_noisy, np.inf).min(axis=1)  # one photon is 1 / peak


def levels_of_camera(X_noisy, X):
    # The default read noise is 1.5 electrons, and the inverse sRGB curve gives brightness.
    light, noisy = (((v.astype(float) + 0.055) / 1.055) ** 2.4 for v in (X, X_noisy))
    variance, light = noisy.var(axis=1), light.mean(axis=1)
    return (np.sqrt(light**2 + 4 * 1.5**2 * variance) - light) / (2 * 1.5**2)


def levels_of_replacements(X_noisy, X):
    return (X_noisy != X).mean(axis=1)


LEVELS_OF = {
    GaussianNoise: levels_of_gaussian,
    SpeckleNoise: levels_of_speckle,
    UniformNoise: levels_of_uniform,
    PoissonNoise: levels_of_poisson,
    CameraNoise: levels_of_camera,
}
RANGES = {PoissonNoise: (10.0, 90.0), CameraNoise: (0.0005, 0.002)}


@pytest.mark.parametrize("kind", [kind for kind in NOISES.values() if not kind._mixes_rows])
def test_a_range_gives_each_sample_its_own_level(kind):
    low, high = RANGES.get(kind, (0.1, 0.9))
    X = np.full((1000, 2000), 0.05 if kind is PoissonNoise else 0.5, dtype=np.float32)
    levels_of = LEVELS_OF.get(kind, levels_of_replacements)
    levels = levels_of(kind((low, high)).corrupt(X, random_state=0), X)
    assert stats.kstest(levels, stats.uniform(low, high - low).cdf).pvalue > P_MIN
    assert_independent(levels)


def test_swap_range_gives_each_row_its_own_level():
    X = clean((1000, 1000))
    levels = levels_of_replacements(SwapNoise((0.1, 0.9)).corrupt(X, random_state=0), X)
    assert stats.kstest(levels, stats.uniform(0.1, 0.8).cdf).pvalue > P_MIN
    assert_independent(levels)


def test_all_values_of_a_sample_share_its_level():
    X = np.zeros((200, 40, 40, 3))
    noise = GaussianNoise((0.1, 0.9)).corrupt(X, random_state=0)
    level = noise.std(axis=(1, 2, 3), keepdims=True)
    assert_mean(noise / level, 0, 1)
    # divided by its level, noise is normal: levels per value or per channel have fat tails
    assert stats.kstest((noise / level).ravel(), "norm").pvalue > P_MIN
    per_channel = noise.std(axis=(1, 2)) / level.reshape(-1, 1)
    assert abs(per_channel - 1).max() < N_SE / np.sqrt(2 * 40 * 40)


# ------------------------------------------------------------------------------------ swap
def row_numbers(n_rows, n_columns):
    """With amount=1, the noisy array then holds the donor of each cell."""
    return np.repeat(np.arange(n_rows, dtype=float)[:, None], n_columns, axis=1)


def test_swap_keeps_the_distribution_of_each_column():
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [
            rng.normal(5, 2, 40_000),
            rng.exponential(1e-3, 40_000),
            rng.choice([0.0, 1.0, 7.0], 40_000, p=[0.7, 0.2, 0.1]),
            np.full(40_000, 3.0),
        ]
    )
    X_noisy = SwapNoise(1).corrupt(X, random_state=0)
    for column in (0, 1):
        assert np.isin(X_noisy[:, column], X[:, column]).all()
        # given X, the swapped column is a sample from its empirical distribution
        ecdf = stats.ecdf(X[:, column]).cdf.evaluate
        assert stats.kstest(X_noisy[:, column], ecdf).pvalue > P_MIN
    values, expected = np.unique(X[:, 2], return_counts=True)
    observed = [(X_noisy[:, 2] == value).sum() for value in values]
    assert stats.chisquare(observed, expected).pvalue > P_MIN
    assert (X_noisy[:, 3] == 3).all()


@pytest.mark.parametrize("amount", [0.15, 1.0])
def test_swap_changes_its_share_less_the_ties(amount):
    rng = np.random.default_rng(0)
    X = rng.choice([0.0, 1.0, 7.0], (3000, 100), p=[0.7, 0.2, 0.1])
    ties = np.mean([(X == value).mean(axis=0) ** 2 for value in (0, 1, 7)], axis=1).sum()
    changed = SwapNoise(amount).corrupt(X, random_state=0) != X
    assert_rate(changed, amount * (1 - ties))


def test_swap_without_ties_replaces_its_share():
    X = clean((2000, 200))  # a row is its own donor once in 2000
    changed = SwapNoise(0.3).corrupt(X, random_state=0) != X
    assert_rate(changed, 0.3 * (1 - 1 / 2000))


def test_swap_amount_1_draws_donors_uniformly_over_the_rows():
    donors = SwapNoise(1).corrupt(row_numbers(20, 20_000), random_state=0).astype(int)
    pairs = np.array([np.bincount(row, minlength=20) for row in donors])  # receiver, donor
    assert stats.chisquare(pairs.ravel()).pvalue > P_MIN


def test_swap_donors_are_drawn_with_replacement():
    donors = SwapNoise(1).corrupt(row_numbers(50, 5000), random_state=0)
    unused = np.array([50 - len(np.unique(column)) for column in donors.T])
    # one permutation per batch would leave none; the drawn number of unused rows has this mean
    assert abs(unused.mean() - 50 * (1 - 1 / 50) ** 50) < N_SE * unused.std() / np.sqrt(5000)


def test_swap_draws_a_donor_for_each_cell_of_a_row():
    donors = SwapNoise(1).corrupt(row_numbers(40, 10_000), random_state=0).astype(int)
    left, right = donors[:, 0::2].ravel(), donors[:, 1::2].ravel()
    assert_rate(left == right, 1 / 40)  # a whole row from one donor would make all equal
    table, _, _ = np.histogram2d(left, right, bins=(40, 40))
    assert stats.chisquare(table.ravel()).pvalue > P_MIN
    above, below = donors[0::2].ravel(), donors[1::2].ravel()
    assert_rate(above == below, 1 / 40)


GROUPS = [slice(1, 4), [6, 4]]  # column 0 and 5 are cells of their own


def test_swap_draws_one_donor_for_all_columns_of_a_group():
    donors = SwapNoise(1, groups=GROUPS).corrupt(row_numbers(5000, 7), random_state=0)
    for group in GROUPS:
        assert (np.ptp(donors[:, group], axis=1) == 0).all()
    one_of_each = donors[:, [0, 1, 4, 5]].astype(int)
    assert stats.chisquare(np.bincount(one_of_each.ravel(), minlength=5000)).pvalue > P_MIN
    for a, b in itertools.combinations(one_of_each.T, 2):
        assert_rate(a == b, 1 / 5000)  # cells of a row have donors of their own


@pytest.mark.parametrize("amount", [0.3, (0.1, 0.5), [0.9, 0.3, 0.3, 0.3, 0.1, 0.2, 0.1]])
def test_swap_replaces_groups_at_the_rate_of_their_columns(amount):
    X = row_numbers(20_000, 7)
    changed = SwapNoise(amount, groups=GROUPS).corrupt(X, random_state=0) != X
    rates = [0.9, 0.3, 0.3, 0.3, 0.1, 0.2, 0.1] if isinstance(amount, list) else [0.3] * 7
    for column, rate in zip(changed.T, rates, strict=True):
        assert_rate(column, rate * (1 - 1 / 20_000))


def test_swap_leaves_one_hot_codes_whole():
    X = np.eye(7)[np.random.default_rng(0).integers(7, size=2000)]
    X[:, 4:] = np.eye(3)[np.random.default_rng(1).integers(3, size=2000)]
    X[:, :4] = np.eye(4)[np.random.default_rng(2).integers(4, size=2000)]
    groups = [range(4), slice(4, 7)]
    swapped = SwapNoise(0.5, groups=groups).corrupt(X, random_state=0)
    for group in (slice(4), slice(4, 7)):
        assert set(np.unique(swapped[:, group])) == {0, 1}
        np.testing.assert_array_equal(swapped[:, group].sum(axis=1), 1)
    alone = SwapNoise(0.5).corrupt(X, random_state=0)
    assert (alone[:, 4:].sum(axis=1) != 1).mean() > 0.2


def test_groups_of_one_column_are_no_groups():
    X = clean((50, 6))
    alone = SwapNoise(0.4).corrupt(X, random_state=0)
    for groups in ([], [[2]], [[5], slice(0, 1)]):
        grouped = SwapNoise(0.4, groups=groups).corrupt(X, random_state=0)
        np.testing.assert_array_equal(grouped, alone)


@pytest.mark.parametrize(
    "groups",
    [
        [slice(0, 8)],
        [[0, 7]],
        [[-1, 0]],
        [[0, 1], [1, 2]],
        [[0, 0]],
        [[]],
        [slice(3, 3)],
        [slice(0, 2), slice(1, 3)],
        [0, 1],
        [[0.0, 1.0]],
        [[True, False]],
        [["a", "b"]],
        [slice("a", "b")],
    ],
    ids=str,
)
def test_what_is_no_group_of_columns_is_refused(groups):
    with pytest.raises(ValueError, match=r"'groups' parameter of SwapNoise must be a list of sl"):
        SwapNoise(groups=groups).corrupt(np.zeros((5, 7)))


def test_amounts_differ_between_groups_and_not_within():
    with pytest.raises(ValueError, match=r"'amount' .*the same for all columns of a group"):
        SwapNoise([0.1, 0.2], groups=[[0, 1]]).corrupt(np.zeros((5, 2)))


@pytest.mark.parametrize("as_container", [list, np.asarray])
def test_swap_takes_one_amount_per_column(as_container):
    amounts = [0.0, 0.05, 0.3, 0.7, 1.0]
    X = clean((100_000, 5))
    changed = SwapNoise(as_container(amounts)).corrupt(X, random_state=0) != X
    for column, amount in enumerate(amounts):
        assert_rate(changed[:, column], amount * (1 - 1 / len(X)))
    assert abs(np.corrcoef(changed[:, 2], changed[:, 3])[0, 1]) < N_SE / np.sqrt(len(X))


def test_swap_takes_one_amount_per_value_of_an_image():
    amounts = np.linspace(0, 1, 12)
    X = clean((20_000, 2, 3, 2))
    changed = (SwapNoise(amounts).corrupt(X, random_state=0) != X).reshape(len(X), -1)
    for column, amount in enumerate(amounts):
        assert_rate(changed[:, column], amount * (1 - 1 / len(X)))


def test_swap_keeps_positions_apart_in_images():
    X = np.broadcast_to(np.arange(24.0).reshape(1, 4, 3, 2), (50, 4, 3, 2))
    assert np.array_equal(SwapNoise(1).corrupt(X, random_state=0), X)


def test_swap_leaves_a_single_row_as_it_is():
    X = clean((1, 1000))
    assert np.array_equal(SwapNoise(1).corrupt(X, random_state=0), X)
