"""``pretrained.adapt``: what it gains, when it leaves the weights alone, and its errors."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from skimage import data
from sklearn.exceptions import NotFittedError

from skdae import (
    CameraNoise,
    GaussianNoise,
    MaskingNoise,
    PoissonNoise,
    SpeckleNoise,
    UNetDAE,
    UniformNoise,
    pretrained,
    psnr,
)
from skdae.noise._split import SHARE
from skdae.pretrained._adapt import _enough_steps
from skdae.pretrained._chosen_photos import random_crops
from skdae.pretrained._found_noise import NoiseVariance, find_noise, unclipped, variances
from skdae.pretrained._unbiased_errors import unbiased_error

# Checks that no photograph has, and a photograph of which no model was trained.
CHECKS = 0.2 + 0.5 * np.kron(np.indices((24, 24)).sum(axis=0) % 2, np.ones((4, 4))).astype("f4")
PHOTO = data.camera()[::2, ::2][60:200, 100:240] / np.float32(255)
ROWS, COLUMNS = np.mgrid[:128, :128] / np.float32(128)
SMOOTH = 0.1 + 0.8 * ROWS * COLUMNS + 0.05 * np.sin(9 * ROWS)
COLOUR = data.chelsea()[::2, ::2][:, 40:200] / np.float32(255)


def noisy(photo, sigma=25):
    noise = np.random.default_rng(0).normal(0, sigma / 255, photo.shape)
    return (photo + noise).astype(np.float32)


@pytest.fixture(scope="module")
def dae():
    return pretrained.load("photos-gray", device="cpu")


def weights_of(dae):
    return [p.detach().numpy().copy() for p in dae.net_.module_.parameters()]


def same_weights(a, b):
    return all(np.array_equal(*pair) for pair in zip(weights_of(a), weights_of(b), strict=True))


@pytest.mark.parametrize("kind", ["alone", "list", "array", "uint8"])
def test_what_repeats_is_learned(kind, dae):
    photo = noisy(CHECKS)
    X = {
        "alone": photo,
        "list": [photo, photo[:70]],
        "array": np.stack([photo, photo[::-1]]),
        "uint8": np.round(255 * photo.clip(0, 1)).astype(np.uint8),
    }[kind]
    before = weights_of(dae)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        adapted = pretrained.adapt(dae, X, n_steps=20, random_state=0)
    gained = psnr(CHECKS, adapted.predict(photo)) - psnr(CHECKS, dae.predict(photo))
    assert gained > 2
    # The model that was given stays as it was.
    assert all(map(np.array_equal, before, weights_of(dae)))
    assert dae.self_supervised is None and adapted.self_supervised == "split_noise"
    denoised = adapted.predict(X)
    assert type(denoised) is type(X)
    if kind == "uint8":
        assert denoised.dtype == np.uint8


def test_it_repeats_and_goes_on(dae):
    photo = noisy(CHECKS)
    first, second = (pretrained.adapt(dae, photo, n_steps=5, random_state=3) for _ in range(2))
    assert same_weights(first, second)
    further = pretrained.adapt(first, photo, n_steps=5, random_state=3)
    assert not same_weights(first, further)


def test_colours_and_counts():
    dae = pretrained.load("photos-color", device="cpu")
    coloured = CHECKS[..., np.newaxis] * np.array([1, 0.8, 0.4], "f4")
    photo = noisy(coloured)
    adapted = pretrained.adapt(dae, photo, n_steps=20, random_state=0)
    assert psnr(coloured, adapted.predict(photo)) > psnr(coloured, dae.predict(photo)) + 1
    counts = PoissonNoise(30).corrupt([CHECKS], random_state=0)[0]
    gray = pretrained.load("photos-gray", device="cpu")
    adapted = pretrained.adapt(gray, counts, noise=PoissonNoise(30), n_steps=20, random_state=0)
    assert psnr(CHECKS, adapted.predict(counts)) > psnr(CHECKS, gray.predict(counts)) + 1


def found_noise(dae, photo):
    photo = photo[..., np.newaxis]
    return find_noise([photo], dae.predict([photo]))


@pytest.mark.parametrize("sigma", [15, 25, 50])
def test_the_level_is_estimated(sigma, dae):
    # The photograph has a little noise of its own.
    found = found_noise(dae, noisy(PHOTO, sigma))
    assert 255 * found.sigma == pytest.approx(sigma, rel=0.08)


@pytest.mark.parametrize(
    ("noise", "variance"),
    [
        (PoissonNoise(30), lambda x: x / 30),
        (PoissonNoise(200), lambda x: x / 200),
        (SpeckleNoise(0.2), lambda x: (0.2 * x) ** 2),
    ],
)
def test_how_the_level_depends_on_brightness_is_found(noise, variance, dae):
    found = found_noise(dae, noise.corrupt([SMOOTH], random_state=0)[0])
    x = np.array([0.3, 0.5, 0.7, 0.9])
    np.testing.assert_allclose(found.at(x), variance(x), rtol=0.2)


def test_what_is_not_normal_is_seen(dae):
    photo = UniformNoise(0.2).corrupt([PHOTO], random_state=0)[0]
    assert isinstance(found_noise(dae, photo), NoiseVariance)
    photo = PHOTO + np.random.default_rng(0).laplace(0, 0.1, PHOTO.shape).astype("f4")
    assert isinstance(found_noise(dae, photo), NoiseVariance)


@pytest.mark.parametrize("kind", ["split", "gaussian", "poisson"])
def test_errors_are_unbiased(kind, dae):
    # Between a net and a worse one, the estimates differ by what the errors do. The half that a
    # split net sees has more noise.
    clean = np.tile(PHOTO[:128, :128], (2, 2))[..., np.newaxis]
    worse = pretrained.load("photos-gray", device="cpu")
    with torch.no_grad():
        for parameter in worse.net_.module_.parameters():
            parameter *= 0.8
    sigma = 25 / 255
    photo = noisy(clean)
    judged = noisy(clean, 25 / SHARE**0.5) if kind == "split" else photo
    noise = {
        "split": GaussianNoise(sigma),
        "gaussian": NoiseVariance(sigma**2, 0, 0),
        "poisson": NoiseVariance(0, 1 / 50, 0),
    }[kind]
    if kind == "poisson":
        judged = photo = PoissonNoise(50).corrupt([clean], random_state=0)[0]
    true = [np.square(each.predict([judged])[0] - clean).mean() for each in (dae, worse)]
    assert true[1] > 1.2 * true[0]
    variance = variances(noise, dae.predict([photo]))
    guessed = [unbiased_error(each, [photo], noise, variance) for each in (dae, worse)]
    assert guessed[1] - guessed[0] == pytest.approx(true[1] - true[0], rel=0.12)


def test_noise_that_grows_with_brightness(dae):
    photo = SpeckleNoise(0.5).corrupt([SMOOTH], random_state=0)[0]
    adapted = pretrained.adapt(dae, photo, n_steps=100, random_state=0)
    assert adapted.self_supervised == "blind_spot"
    assert psnr(SMOOTH, adapted.predict(photo)) > psnr(SMOOTH, dae.predict(photo)) + 3


def test_blind_spots_that_lose_leave_the_weights(dae):
    photo = UniformNoise(0.2).corrupt([PHOTO], random_state=0)[0]
    adapted = pretrained.adapt(dae, photo, n_steps=30, random_state=0)
    assert same_weights(adapted, dae)


def test_large_photographs_are_judged_by_crops():
    photos = [np.arange(300_000).reshape(200, 1500, 1), -np.arange(990_000).reshape(1100, 900, 1)]
    crops = random_crops(photos)
    assert 2**20 <= sum(crop.size for crop in crops) < 2**20 + 256**2
    for crop in crops:
        photo = photos[0] if crop.max() > 0 else photos[1]
        y, x, _ = np.argwhere(photo == crop[0, 0])[0]
        np.testing.assert_array_equal(crop, photo[y : y + 256, x : x + 256])
    small = [np.zeros((64, 64, 3))] * 300
    assert len(random_crops(small)) == 256
    assert len(random_crops(small[:200])) == 200


def test_what_was_clipped_is_drawn_anew(dae):
    clean = np.kron(np.array([[0, 0.5], [0.5, 1]], "f4"), np.ones((60, 60), "f4"))[..., np.newaxis]
    noise = np.random.default_rng(0).normal(0, 0.1, clean.shape)
    clipped = np.round(255 * (clean + noise).clip(0, 1)) / np.float32(255)
    (restored,) = unclipped([clipped], dae.predict)
    # Around 0 the mean of what is left is 0.04, and its spread 0.06.
    dark = np.s_[5:55, 5:55]
    assert clipped[dark].mean() > 0.035 and restored[dark].mean() < 0.025
    assert clipped[dark].std() < 0.065 and restored[dark].std() > 0.08
    np.testing.assert_array_equal(restored[5:55, 65:], clipped[5:55, 65:])
    free = (clean + noise).astype(np.float32)
    assert unclipped([free], dae.predict)[0] is free


def test_steps(dae):
    photo = noisy(CHECKS)
    assert _enough_steps(512 * 512) == 1024
    assert _enough_steps(4000 * 3000) == 1200
    # A small photograph beside it does not make the patches of the large one small.
    for X in (photo, [photo, photo[:8, :8]]):
        adapted = pretrained.adapt(dae, X, n_steps=5, random_state=0)
        assert adapted.patch_size == 64 and adapted.max_epochs == 5
    # Two steps a pass.
    wide = np.concatenate([photo] * 5, axis=1)
    assert pretrained.adapt(dae, wide, n_steps=5, random_state=0).max_epochs == 2


def test_odd_photographs(dae):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        for shape in ((5, 7), (6, 90), (65, 33)):
            photo = noisy(np.full(shape, 0.5))
            assert pretrained.adapt(dae, photo, n_steps=1).predict(photo).shape == shape
        # One that is constant has no noise, and the other has.
        pretrained.adapt(dae, [noisy(CHECKS), np.full((80, 80), 0.5)], n_steps=2)
    with pytest.raises(ValueError, match=r"5 or more pixels a side. Got 3"):
        pretrained.adapt(dae, noisy(np.full((3, 9), 0.5)))
    signals = np.random.default_rng(0).random((9, 32, 1))
    of_signals = UNetDAE((4,), n_blocks=1, noise=None, max_epochs=1, device="cpu").fit(signals)
    with pytest.raises(ValueError, match="adapt is for images"):
        pretrained.adapt(of_signals, signals)


@pytest.mark.parametrize("kind", ["clean", "constant", "camera"])
def test_without_noise_to_learn_from_the_weights_stay(kind):
    camera = CameraNoise(0.004, smoothing=0.4, jpeg_quality=90)
    taken = camera.corrupt([COLOUR], random_state=0)[0].clip(0, 1)
    X = {"clean": COLOUR, "constant": np.full((30, 40, 3), 0.5), "camera": taken}[kind]
    dae = pretrained.load("photos-color", device="cpu")
    with pytest.warns(UserWarning, match="There is nothing to learn from"):
        adapted = pretrained.adapt(dae, X)
    assert same_weights(adapted, dae) and adapted is not dae


def test_a_smooth_photograph_is_not_spoilt(dae):
    # It has nothing to teach, and training would learn its noise by heart.
    rows, columns = np.mgrid[:100, :100] / 100
    smooth = (0.3 + 0.4 * rows * columns + 0.1 * np.sin(3 * rows)).astype(np.float32)
    photo = noisy(smooth)
    adapted = pretrained.adapt(dae, photo, random_state=0, n_steps=100)
    assert same_weights(adapted, dae) and adapted.self_supervised is None


def test_an_estimator_of_ones_own():
    tiles = np.round(255 * np.stack([PHOTO[:64, :64], PHOTO[-64:, -64:]])).astype(np.uint8)
    own = UNetDAE((8,), n_blocks=1, noise="gaussian", patch_size=32, max_epochs=20, random_state=0)
    own.set_params(device="cpu").fit(list(tiles))
    photo = np.round(255 * noisy(CHECKS).clip(0, 1)).astype(np.uint8)
    adapted = pretrained.adapt(own, [photo], n_steps=20, random_state=0)
    assert adapted.predict([photo])[0].dtype == np.uint8
    assert not same_weights(adapted, own)


def test_errors(dae):
    photo = noisy(PHOTO)
    with pytest.raises(TypeError, match=r"such as skdae.pretrained.load\('photos-gray'\)"):
        pretrained.adapt("photos-gray", photo)
    with pytest.raises(NotFittedError):
        pretrained.adapt(UNetDAE(), photo)
    with pytest.raises(ValueError, match="'noise' parameter of adapt .* Got MaskingNoise"):
        pretrained.adapt(dae, photo, noise=MaskingNoise())
    with pytest.raises(ValueError, match="one number > 0"):
        pretrained.adapt(dae, photo, noise=GaussianNoise((0, 0.1)), n_steps=1)
    for n_steps in (0, 1.5, None):
        with pytest.raises(
            ValueError, match="'n_steps' parameter of adapt must be an int > 0 or 'auto'"
        ):
            pretrained.adapt(dae, photo, n_steps=n_steps)
    with pytest.raises(ValueError, match="independent from pixel to pixel"):
        pretrained.adapt(pretrained.load("photos-camera", device="cpu"), COLOUR)
    with pytest.raises(ValueError, match=r"load\('photos-color'\)"):
        pretrained.adapt(dae, COLOUR)


def test_any_noise_may_go_with_loaded_weights():
    assert pretrained.load("photos-gray", noise=None).predict(PHOTO).shape == PHOTO.shape
    assert pretrained.load("photos-gray", noise="poisson").noise == "poisson"
