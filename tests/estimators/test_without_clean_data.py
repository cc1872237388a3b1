"""Learning from noisy samples alone."""

from __future__ import annotations

import numpy as np
import pytest

from skdae import ConvDAE, GaussianNoise, UNetDAE

RNG = np.random.default_rng(0)
SHORT = {"max_epochs": 1, "random_state": 0}


def smooth_images(n: int, side: int) -> np.ndarray:
    """Make images of low frequencies, which neighbours tell."""
    y, x = np.mgrid[:side, :side] / side
    waves = RNG.normal(size=(n, 3, 1, 1))
    return (0.5 + 0.2 * np.sin(6 * x * waves[:, :1] + 6 * y * waves[:, 1:2] + waves[:, 2:]))[
        :, 0
    ].astype(np.float32)


def test_it_denoises_without_a_clean_value():
    clean = smooth_images(200, 32)
    noise = GaussianNoise(0.2)
    noisy = noise.corrupt(clean, random_state=0)
    dae = UNetDAE(blind_spot=True, max_epochs=8, random_state=0).fit(noisy[:150])
    assert dae.noise_ is None
    error = np.square(dae.predict(noisy[150:]) - clean[150:]).mean()
    assert error < 0.15 * 0.2**2
    # The same training without blind spots learns to copy.
    copying = UNetDAE(noise=None, max_epochs=8, random_state=0).fit(noisy[:150])
    assert np.square(copying.predict(noisy[150:]) - clean[150:]).mean() > 3 * error


def test_a_second_noisy_copy_does_for_the_clean_one():
    """Noise2Noise: the mean of the targets is what the squared error learns."""
    clean = smooth_images(200, 32)
    noise = GaussianNoise(0.2)
    first, second = (noise.corrupt(clean, random_state=seed) for seed in (0, 1))

    def error_of(target):
        dae = UNetDAE(max_epochs=8, random_state=0).fit(first[:150], target[:150])
        return np.square(dae.predict(first[150:]) - clean[150:]).mean()

    from_noisy, from_clean = error_of(second), error_of(clean)
    assert from_clean < from_noisy < 0.15 * 0.2**2


def test_one_noisy_image_is_enough():
    (clean,) = smooth_images(1, 128)
    noisy = GaussianNoise(0.2).corrupt([clean], random_state=0)[0]
    dae = UNetDAE(blind_spot=True, patch_size=32, max_epochs=40, random_state=0).fit([noisy])
    assert np.square(dae.predict(noisy) - clean).mean() < 0.3 * 0.2**2
    assert np.square(dae.predict(noisy, j_invariant=True) - clean).mean() < 0.3 * 0.2**2


@pytest.mark.parametrize("kind", [ConvDAE, UNetDAE])
@pytest.mark.parametrize("shape", [(8, 16, 16), (8, 16, 16, 3), (8, 64, 2), (2, 3, 3)])
def test_all_kinds_of_samples(kind, shape):
    X = RNG.random(shape)
    before = X.copy()
    dae = kind(blind_spot=True, **SHORT).fit(X)
    assert dae.predict(X).shape == X.shape
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    ("settings", "y", "given"),
    [
        ({"noise": GaussianNoise(0.1)}, None, "noise=GaussianNoise"),
        ({"noise": "gaussian"}, None, "noise='gaussian'"),
        ({}, "clean", "targets y"),
        ({"early_stopping": True}, None, "early_stopping=True"),
    ],
)
def test_wrong_combinations_are_explained(settings, y, given):
    X = RNG.random((8, 16, 16))
    y = X + 1 if y else None
    dae = UNetDAE(blind_spot=True, **SHORT, **settings)
    with pytest.raises(ValueError, match=rf"noisy samples alone: fit\(X_noisy\). Got {given}"):
        dae.fit(X, y)


def test_a_noise_step_before_it_is_explained():
    X = GaussianNoise(0.1).fit_transform(RNG.random((8, 16, 16)))
    with pytest.raises(ValueError, match="whose clean values are known"):
        UNetDAE(blind_spot=True, **SHORT).fit(X)


def test_labels_and_the_samples_themselves_are_no_targets():
    X = RNG.random((8, 16, 16))
    a = UNetDAE(blind_spot=True, **SHORT).fit(X)
    b = UNetDAE(blind_spot=True, **SHORT).fit(X, np.arange(8))
    c = UNetDAE(blind_spot=True, **SHORT).fit(X, X)
    assert a.loss_curve_ == b.loss_curve_ == c.loss_curve_


def test_it_is_silent_and_repeats(recwarn):
    X = RNG.random((8, 16, 16))
    a, b = (UNetDAE(blind_spot=True, **SHORT).fit(X) for _ in range(2))
    assert not recwarn.list
    np.testing.assert_array_equal(a.predict(X), b.predict(X))


@pytest.mark.parametrize("shape", [(4, 2, 9), (4, 9, 2, 1), (4, 1, 1)])
def test_too_small_to_have_neighbours(shape):
    with pytest.raises(ValueError, match="needs 3 or more values a side"):
        UNetDAE(blind_spot=True, **SHORT).fit(RNG.random(shape))
