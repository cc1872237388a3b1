"""Learning from noisy samples alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skdae import (
    ConvDAE,
    DenoisingAutoencoder,
    DenseDAE,
    GaussianNoise,
    PoissonNoise,
    SpeckleNoise,
    UNetDAE,
)
from skdae.nn import DenseAutoencoder

RNG = np.random.default_rng(0)
SHORT = {"max_epochs": 1, "random_state": 0}


class ReadoutNoise(PoissonNoise):
    """Counts that are read with an error: another law than that of its base."""

    def _corrupt(self, x, level, generator):
        counts = super()._corrupt(x, level, generator)
        return counts + torch.randn(x.shape, generator=generator)


def smooth_images(n: int, side: int) -> np.ndarray:
    """Make images of low frequencies, which neighbours tell."""
    y, x = np.mgrid[:side, :side] / side
    waves = RNG.normal(size=(n, 3, 1, 1))
    return (0.5 + 0.2 * np.sin(6 * x * waves[:, :1] + 6 * y * waves[:, 1:2] + waves[:, 2:]))[
        :, 0
    ].astype(np.float32)


# -------------------------------------------------------------------------- blind spots
def test_it_denoises_without_a_clean_value():
    clean = smooth_images(200, 32)
    noise = GaussianNoise(0.2)
    noisy = noise.corrupt(clean, random_state=0)
    dae = UNetDAE(self_supervised="blind_spot", max_epochs=8, random_state=0).fit(noisy[:150])
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
    dae = UNetDAE(self_supervised="blind_spot", patch_size=32, max_epochs=40, random_state=0).fit(
        [noisy]
    )
    assert np.square(dae.predict(noisy) - clean).mean() < 0.3 * 0.2**2
    assert np.square(dae.predict(noisy, j_invariant=True) - clean).mean() < 0.3 * 0.2**2


@pytest.mark.parametrize("kind", [ConvDAE, UNetDAE])
@pytest.mark.parametrize("shape", [(8, 16, 16), (8, 16, 16, 3), (8, 64, 2), (2, 3, 3)])
def test_all_kinds_of_samples(kind, shape):
    X = RNG.random(shape)
    before = X.copy()
    dae = kind(self_supervised="blind_spot", **SHORT).fit(X)
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
    dae = UNetDAE(self_supervised="blind_spot", **SHORT, **settings)
    with pytest.raises(ValueError, match=rf"noisy samples alone: fit\(X_noisy\). Got {given}"):
        dae.fit(X, y)


def test_a_noise_step_before_it_is_explained():
    X = GaussianNoise(0.1).fit_transform(RNG.random((8, 16, 16)))
    with pytest.raises(ValueError, match="whose clean values are known"):
        UNetDAE(self_supervised="blind_spot", **SHORT).fit(X)


def test_labels_and_the_samples_themselves_are_no_targets():
    X = RNG.random((8, 16, 16))
    a = UNetDAE(self_supervised="blind_spot", **SHORT).fit(X)
    b = UNetDAE(self_supervised="blind_spot", **SHORT).fit(X, np.arange(8))
    c = UNetDAE(self_supervised="blind_spot", **SHORT).fit(X, X)
    assert a.loss_curve_ == b.loss_curve_ == c.loss_curve_


def test_it_is_silent_and_repeats(recwarn):
    X = RNG.random((8, 16, 16))
    a, b = (UNetDAE(self_supervised="blind_spot", **SHORT).fit(X) for _ in range(2))
    assert not recwarn.list
    np.testing.assert_array_equal(a.predict(X), b.predict(X))


@pytest.mark.parametrize("shape", [(4, 2, 9), (4, 9, 2, 1), (4, 1, 1)])
def test_too_small_to_have_neighbours(shape):
    with pytest.raises(ValueError, match="needs 3 or more values a side"):
        UNetDAE(self_supervised="blind_spot", **SHORT).fit(RNG.random(shape))


# -------------------------------------------------------------------------- split noise
@pytest.mark.parametrize("noise", [GaussianNoise(0.2), PoissonNoise(12)])
def test_known_noise_is_split(noise):
    """With one law of the noise it comes close to training on clean samples."""
    clean = smooth_images(200, 32)
    noisy = noise.corrupt(clean, random_state=0)
    variance = np.square(noisy - clean).mean()

    def error_of(X, **settings):
        dae = UNetDAE(noise=noise, max_epochs=8, random_state=0, **settings).fit(X[:150])
        return np.square(dae.predict(noisy[150:]) - clean[150:]).mean()

    from_noisy, from_clean = error_of(noisy, self_supervised="split_noise"), error_of(clean)
    assert from_clean < from_noisy < 0.1 * variance
    # Taken for clean, the noisy samples teach to keep their noise.
    assert error_of(noisy) > 3 * from_noisy


def test_a_linear_net_learns_the_wiener_filter_of_the_split():
    """The best linear guess of x from x + noise of variance v is C (C + v)^-1."""
    rng = np.random.default_rng(0)
    scales = np.array([2.0, 1.0, 0.5, 0.25])
    clean = rng.normal(size=(20_000, 4)) * scales
    noise = GaussianNoise(0.5)
    dae = DenseDAE(
        latent_dim=4,
        activation="identity",
        noise=noise,
        self_supervised="split_noise",
        max_epochs=20,
        random_state=0,
    ).fit(noise.corrupt(clean, random_state=1))
    response = dae.predict(np.eye(4)) - dae.predict(np.zeros((1, 4)))
    expected = np.diag(scales**2 / (scales**2 + 0.5**2 / 0.8))
    np.testing.assert_allclose(response, expected, atol=0.03)


@pytest.mark.parametrize("kind", [ConvDAE, UNetDAE, DenseDAE])
def test_all_estimators_split(kind, recwarn):
    X = RNG.random((8, 16, 16))
    before = X.copy()
    settings = {"noise": "gaussian", "self_supervised": "split_noise", **SHORT}
    a, b = kind(**settings).fit(X), kind(**settings).fit(X, np.arange(8))
    assert a.noise_.sigma == 0.1
    assert a.predict(X).shape == X.shape
    np.testing.assert_array_equal(a.predict(X), b.predict(X))
    np.testing.assert_array_equal(X, before)
    assert not recwarn.list


def test_a_module_of_the_user_splits():
    X = RNG.random((8, 64))
    noise = PoissonNoise(100)
    dae = DenoisingAutoencoder(
        DenseAutoencoder, noise=noise, self_supervised="split_noise", **SHORT
    ).fit(X)
    assert dae.predict(X).shape == X.shape


def test_lists_of_integers_split_without_a_cut_at_black_and_white():
    """A cut would move the mean of what is black."""
    black = [np.zeros((70, 80), dtype=np.uint8), np.zeros((66, 90), dtype=np.uint8)]
    noise = GaussianNoise(0.2)
    dae = UNetDAE(
        noise=noise, self_supervised="split_noise", patch_size=32, max_epochs=40, random_state=0
    )
    denoised = dae.fit(black).predict([np.zeros((70, 80), dtype=np.float32) + 1e-6])
    assert abs(denoised[0].mean()) < 0.02


def test_the_validation_loss_tells_when_to_stop():
    noisy = GaussianNoise(0.2).corrupt(smooth_images(60, 32), random_state=0)
    settings = {"early_stopping": True, "max_epochs": 8, "random_state": 0}
    dae = UNetDAE(noise=GaussianNoise(0.2), self_supervised="split_noise", **settings).fit(noisy)
    # What is to be guessed is noisy too: no net comes below its variance.
    floor = 0.2**2 / (1 - 0.8)
    assert 0.9 * floor < min(dae.validation_loss_curve_) < 1.2 * floor


@pytest.mark.parametrize(
    ("settings", "floor"),
    [
        ({"noise": GaussianNoise(0.3), "self_supervised": "split_noise"}, 0.3**2 / (1 - 0.8)),
        ({"self_supervised": "blind_spot"}, 0.3**2),
    ],
)
def test_no_mirror_shows_what_is_to_be_guessed(settings, floor):
    """A larger image among small ones, whose patches would be made of mirror images."""
    noisy = [np.full((8, 8), 0.5)] * 200 + [np.full((16, 16), 0.5)]
    noisy = GaussianNoise(0.3).corrupt(noisy, random_state=0)
    dae = UNetDAE(patch_size=16, max_epochs=12, random_state=0, **settings).fit(noisy)
    assert dae.loss_curve_[-1] > 0.95 * floor


def test_a_split_goes_on():
    noisy = GaussianNoise(0.2).corrupt(smooth_images(60, 16), random_state=0)
    settings = {"noise": GaussianNoise(0.2), "self_supervised": "split_noise", "random_state": 0}
    at_once = UNetDAE(max_epochs=4, lr_schedule="constant", **settings).fit(noisy)
    in_parts = UNetDAE(max_epochs=2, lr_schedule="constant", warm_start=True, **settings)
    in_parts.fit(noisy).fit(noisy).partial_fit(noisy)
    assert in_parts.n_iter_ == 5
    assert in_parts.loss_curve_[0] == at_once.loss_curve_[0]
    assert min(in_parts.loss_curve_) > 0.9 * 0.2**2 / (1 - 0.8)


@pytest.mark.parametrize(
    ("settings", "y", "message"),
    [
        ({"noise": "auto"}, None, "needs the noise that X carries.*Got noise='auto'"),
        ({"noise": None}, None, "needs the noise that X carries.*Got noise=None"),
        ({"noise": ReadoutNoise(100)}, None, "needs the noise that X carries.*Got noise=Readout"),
        ({"noise": SpeckleNoise()}, None, "needs the noise that X carries.*Got noise=Speckle"),
        ({"noise": GaussianNoise((0, 0.2))}, None, r"one number > 0. Got sigma=\(0, 0.2\)"),
        ({"noise": GaussianNoise(clip=(0, 1))}, None, r"clip=None. Got clip=\(0, 1\)"),
        ({"noise": GaussianNoise(0)}, None, "one number > 0. Got sigma=0"),
        ({"loss": "bce"}, None, "learns the mean of noisy targets.*Got loss='bce'"),
        ({"loss": "l1"}, None, "learns the mean of noisy targets.*Got loss='l1'"),
        ({}, "clean", r"noisy samples alone: fit\(X_noisy\). Got targets y"),
    ],
)
def test_wrong_splits_are_explained(settings, y, message):
    X = RNG.random((8, 16, 16))
    y = X + 1 if y else None
    settings = {"noise": GaussianNoise(0.1), **settings}
    with pytest.raises(ValueError, match=message):
        UNetDAE(self_supervised="split_noise", **SHORT, **settings).fit(X, y)


@pytest.mark.parametrize(
    ("X", "peak", "got"),
    [
        (RNG.normal(size=(8, 16, 16)), 10, "Got X from -"),
        (RNG.poisson(9, size=(8, 16, 16)).astype(np.uint16), 1, "X · peak up to 0.000"),
        ([RNG.poisson(9, size=(20, 30)) / 1000, np.zeros((9, 9))], 10, r"X · peak up to 0\.[12]"),
    ],
)
def test_what_cannot_be_counts_is_explained(X, peak, got):
    dae = UNetDAE(noise=PoissonNoise(peak), self_supervised="split_noise", **SHORT)
    with pytest.raises(ValueError, match=f"as counts of PoissonNoise.*{got}.*peak={peak}"):
        dae.fit(X)


def test_raw_counts_and_empty_images_split():
    dae = UNetDAE(noise=PoissonNoise(1), self_supervised="split_noise", **SHORT)
    for X in (RNG.poisson(9, size=(8, 16, 16)), np.zeros((8, 16, 16))):
        assert np.isfinite(dae.fit(X).predict(X)).all()


def test_a_noise_step_before_a_split_is_explained():
    X = GaussianNoise(0.1).fit_transform(RNG.random((8, 16, 16)))
    with pytest.raises(ValueError, match="whose clean values are known"):
        UNetDAE(noise=GaussianNoise(0.1), self_supervised="split_noise", **SHORT).fit(X)
