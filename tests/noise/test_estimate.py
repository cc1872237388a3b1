"""The level of the noise, estimated from noisy data alone."""

import warnings

import numpy as np
import pytest

from skdae import GaussianNoise, UNetDAE, estimate_sigma
from skdae.datasets import load_sample_photos

pytest.importorskip("skimage")
pytest.importorskip("pywt")


def smooth(shape):
    """Return slow waves in [0, 1], of which no noise can come."""
    waves = np.ones(shape)
    for axis in np.ogrid[tuple(slice(0, side) for side in shape)]:
        waves = waves * np.sin(axis / 40)
    return 0.5 + 0.5 * waves


@pytest.mark.filterwarnings("ignore:sigma=.* is more noise than X:UserWarning")
@pytest.mark.parametrize("sigma", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("shape", [(3, 200, 160), (3, 128, 128, 3), (3, 30_000, 2)])
def test_finds_the_level(sigma, shape):
    X = np.stack([smooth(shape[1:])] * 3)
    found = estimate_sigma(GaussianNoise(sigma).corrupt(X, random_state=0))
    # The median of |n| normal coefficients has a relative error of about 1.17 / sqrt(n).
    n_coefficients = np.prod(shape[1:]) / 2 ** (len(shape) - 1 - (shape[-1] <= 3))
    np.testing.assert_allclose(found, sigma, rtol=5 * 1.17 / np.sqrt(n_coefficients))


def test_each_photograph_has_its_level():
    photos = [photo[:300, :400].mean(axis=2) / 255 for photo in load_sample_photos()]
    photos[1] = photos[1][:222, :333]
    noisy = [
        GaussianNoise(sigma).corrupt([photo], random_state=0)[0]
        for photo, sigma in zip(photos, (0.1, 0.2), strict=True)
    ]
    np.testing.assert_allclose(estimate_sigma(noisy), [0.1, 0.2], rtol=0.1)
    assert estimate_sigma(photos).max() < 0.03


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_are_fractions(dtype):
    X = np.full((1, 100, 100), np.iinfo(dtype).max // 2, dtype=dtype)
    noisy = GaussianNoise(0.1).corrupt(X, random_state=0)
    assert estimate_sigma(noisy) == pytest.approx(0.1, rel=0.05)


def test_flat_rows_with_their_shape():
    X = GaussianNoise(0.1).corrupt(np.zeros((2, 64, 48)), random_state=0)
    flat = estimate_sigma(X.reshape(2, -1), sample_shape=(64, 48))
    np.testing.assert_array_equal(flat, estimate_sigma(X))
    signals = estimate_sigma(X.reshape(2, -1), sample_shape=(64 * 48,))
    np.testing.assert_allclose(signals, 0.1, rtol=0.15)


@pytest.mark.parametrize(
    "image",
    [np.zeros((9, 9)), np.full((20, 30), 3.0), np.tile(np.arange(20.0), (30, 1))],
    ids=["zeros", "constant", "stripes"],
)
def test_no_noise_at_all(image):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert estimate_sigma([image]) == [0]


def test_narrow_images_do_not_warn():
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert estimate_sigma([rng.normal(size=(30, 5))]) == pytest.approx(1, rel=0.5)


def test_is_a_level_to_train_with():
    noisy = GaussianNoise(0.1).corrupt(np.stack([smooth((32, 32))] * 4), random_state=0)
    sigma = np.median(estimate_sigma(noisy))
    dae = UNetDAE((4, 8), noise=GaussianNoise(sigma), max_epochs=1, random_state=0)
    assert dae.fit(noisy).noise_.sigma == pytest.approx(0.1, rel=0.2)


@pytest.mark.parametrize(
    "X, message",
    [
        (np.zeros((10, 64)), r"what a row is: sample_shape=.*Got X of shape \(10, 64\)"),
        (np.zeros((3, 4, 100)), r"5 or more values a side. Got X\[0\] of shape \(4, 100, 1\)"),
        ([np.zeros((9, 9)), np.zeros((9, 2))], r"5 or more values a side. Got X\[1\]"),
        (np.full((2, 9, 9), np.nan), "contains NaN"),
        ([np.zeros((9, 9)), np.full((9, 9), np.inf)], r"X\[1\]"),
        (np.zeros((2, 3, 9, 9)), "looks channels-first"),
    ],
)
def test_bad_input(X, message):
    with pytest.raises(ValueError, match=message):
        estimate_sigma(X)


def test_recordings_alone_and_opaque_images():
    rng = np.random.default_rng(0)
    assert estimate_sigma([rng.normal(size=5000)]) == pytest.approx(1, rel=0.1)
    opaque = np.dstack([rng.normal(size=(64, 64, 3)), np.ones((64, 64))])
    assert estimate_sigma([opaque]) == estimate_sigma([opaque[..., :3]])
    leads = [rng.normal(size=(500, 40)), rng.normal(size=(400, 40))]
    assert estimate_sigma(leads, sample_shape=(1, 500, 40)) == pytest.approx(1, rel=0.1)
