"""Units and zero of the data do not matter: what is a X + b comes back as a times the same, plus b.

Float32 rounds differently in other units, and training carries such differences on: errors agree
within a few per cent, and predictions of one model to rounding.
"""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from torch import nn

from skdae import (
    ConvDAE,
    DenoisingAutoencoder,
    DenseDAE,
    GaussianNoise,
    PoissonNoise,
    UNetDAE,
    make_denoising_scorer,
    recipes,
)
from skdae.data import Samples
from skdae.nn import ConvAutoencoder, DenseAutoencoder
from skdae.training._standardization import Standardization

SIGMA = 0.4
UNITS = [(1e-6, 0.0), (1e-3, 0.3), (1.0, 300.0), (1e4, -1e6)]
SHORT = {"max_epochs": 30, "random_state": 0}


def waves(shape, n=40, channels=1):
    """Return smooth samples of standard deviation about 1, with their channels last."""
    rng = np.random.default_rng(0)
    axes = np.meshgrid(*(np.linspace(0, 6, side) for side in shape), indexing="ij")
    phases = rng.uniform(0, 6, (n, channels, len(shape)))
    samples = [
        np.stack([sum(np.sin(x + p) for x, p in zip(axes, c, strict=True)) for c in sample], -1)
        for sample in phases
    ]
    return np.array(samples)


IMAGES, SIGNALS, COLOURS = waves((12, 12)), waves((64,)), waves((12, 12), channels=3)
ROWS = IMAGES.reshape(len(IMAGES), -1)
SMALL = {
    "dense": DenseDAE((32,), **SHORT),
    "conv": ConvDAE((8, 8), **SHORT),
    "unet": UNetDAE((8, 8), n_blocks=1, **SHORT),
}
PAIRS = [
    *(("dense", ROWS), ("dense", IMAGES), ("conv", IMAGES), ("conv", SIGNALS)),
    *(("unet", IMAGES), ("unet", SIGNALS), ("unet", COLOURS), ("unet", list(IMAGES))),
]
NAMES = ["dense-rows", "dense", "conv", "conv-signals", "unet", "unet-signals", "unet-colours"]
each = pytest.mark.parametrize(("kind", "clean"), PAIRS, ids=[*NAMES, "unet-list"])


def scaled(X, a, b):
    return [a * x + b for x in X] if isinstance(X, list) else a * X + b


def noisy_of(X, seed):
    rng = np.random.default_rng(seed)
    noisy = [x + SIGMA * rng.standard_normal(x.shape) for x in X]
    return noisy if isinstance(X, list) else np.array(noisy)


def fit_in_units(kind, clean, mode, a, b):
    """Fit in units of a, with a zero at -b / a, and return the error in units of 1."""
    dae, noise = clone(SMALL[kind]), GaussianNoise(SIGMA * a)
    noisy = noisy_of(clean, 1)
    if mode == "noise":
        dae.set_params(noise=noise).fit(scaled(clean, a, b))
    elif mode == "pipeline":
        dae = make_pipeline(noise, dae).fit(scaled(clean, a, b))
    elif mode == "pairs":
        dae.fit(scaled(noisy, a, b), scaled(clean, a, b))
    elif mode == "split":
        dae.set_params(noise=noise, self_supervised="split_noise").fit(scaled(noisy, a, b))
    else:
        dae.set_params(self_supervised="blind_spot").fit(scaled(noisy, a, b))
    denoised = dae.predict(scaled(noisy_of(clean, 2), a, b))
    errors = [(d - b) / a - x for d, x in zip(denoised, clean, strict=True)]
    return np.sqrt(np.mean(np.square(errors)))


@each
@pytest.mark.parametrize("mode", ["noise", "pipeline", "pairs", "split", "blind"])
def test_units_do_not_matter(kind, clean, mode):
    if mode == "blind" and kind == "dense":
        pytest.skip("blind spots need neighbours")
    error = fit_in_units(kind, clean, mode, 1.0, 0.0)
    assert error < 0.8 * np.std(np.array(clean))
    for a, b in UNITS:
        assert fit_in_units(kind, clean, mode, a, b) == pytest.approx(error, rel=0.05), (a, b)


@pytest.mark.parametrize("loss", ["l1", "huber"])
@pytest.mark.parametrize("optimizer", ["adam", "muon", "sgd"])
def test_units_do_not_matter_to_losses_and_optimizers(loss, optimizer):
    errors, losses = [], []
    for a in (1e-5, 1.0, 1e5):
        dae = clone(SMALL["dense"]).set_params(noise=GaussianNoise(SIGMA * a), loss=loss)
        dae.set_params(optimizer=optimizer).fit(ROWS * a)
        errors.append((np.square(dae.predict(ROWS * a) / a - ROWS)).mean())
        losses.append(dae.loss_curve_[-1] / a ** (1 if loss == "l1" else 2))
    np.testing.assert_allclose(errors, errors[1], rtol=0.05)
    np.testing.assert_allclose(losses, losses[1], rtol=0.05)


def test_kelvin():
    """The signals of a thermometer: without a centre, worse than their noise."""
    t = np.arange(4000)
    kelvin = [(293 + np.sin(t / 80 + i)).astype(np.float32) for i in range(8)]
    noise = GaussianNoise(0.3)
    noisy = noise.corrupt(kelvin, random_state=1)
    for kind in (ConvDAE, UNetDAE):
        denoised = kind(noise=noise, max_epochs=100, random_state=0).fit(kelvin).predict(noisy)
        rms = np.sqrt(np.mean([(d - x) ** 2 for d, x in zip(denoised, kelvin, strict=True)]))
        assert rms < (0.05 if kind is UNetDAE else 0.15)


@pytest.mark.parametrize("highest", [1023, 4095])
def test_integers_that_use_a_part_of_their_range(highest):
    """10 and 12 bits in uint16 are images as much as those that use all 16."""
    fractions = (IMAGES - IMAGES.min()) / np.ptp(IMAGES)
    few = np.rint(fractions * highest).astype(np.uint16)
    all_bits = np.rint(fractions * 65535).astype(np.uint16)
    errors = []
    for X, white in ((few, highest), (all_bits, 65535)):
        noise = GaussianNoise(0.1 * white / 65535)
        dae = clone(SMALL["unet"]).set_params(noise=noise)
        denoised = dae.fit(X).predict(noise.corrupt(X, random_state=0))
        errors.append(np.sqrt(np.mean(np.square(denoised / white - fractions))))
    assert errors[0] == pytest.approx(errors[1], rel=0.1)
    assert errors[0] < 0.08


def test_targets_may_have_units_of_their_own():
    counts = 2000 + 50 * noisy_of(ROWS, 1)
    dae = clone(SMALL["dense"]).fit(counts, ROWS * 1e-3)
    assert dae.score(counts, ROWS * 1e-3) > 0.7


def test_counts_split_in_their_units():
    clean = np.random.default_rng(0).uniform(20, 400, (200, 1)) * np.ones((1, 30))
    counts = np.random.default_rng(1).poisson(clean).astype(float)
    dae = clone(SMALL["dense"]).set_params(
        noise=PoissonNoise(peak=1), self_supervised="split_noise"
    )
    error = np.square(dae.fit(counts).predict(counts) - clean).mean()
    assert error < 0.5 * np.square(counts - clean).mean()


# ---------------------------------------------------------------- what is measured
@pytest.mark.parametrize("as_list", [False, True])
def test_measured_units_are_mean_and_deviation_of_channels(as_list):
    X = np.random.default_rng(0).normal(size=(30, 7, 5, 2)) * [1, 2] + [10, -3]
    rows = list(X) if as_list else X.reshape(30, -1)
    (first, second), scale = Samples(rows, (), (7, 5, 2)).units
    values = X.reshape(-1, 2)
    np.testing.assert_allclose([first, second], values.mean(0))
    assert scale == pytest.approx(np.sqrt(values.var(0).mean()))


def test_measured_units_of_large_data_are_those_of_a_part():
    X = np.random.default_rng(0).normal(3, 2, size=(5000, 2000)).astype(np.float32)
    (centre,), scale = Samples(X, (), (2000,)).units
    assert centre == pytest.approx(3, abs=0.01)
    assert scale == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e-20, 3e7])
def test_constant_data_have_a_scale(value):
    (centre,), scale = Samples(np.full((10, 5), value, dtype=np.float32), (), (5,)).units
    assert centre == pytest.approx(value)
    assert scale == pytest.approx(abs(value) or 1.0)
    X = np.full((10, 5), value)
    denoised = clone(SMALL["dense"]).set_params(noise=None).fit(X).predict(X)
    np.testing.assert_allclose(denoised, X, atol=0.1 * scale)


def test_integers_are_measured_as_fractions():
    X = np.random.default_rng(0).integers(0, 256, (50, 8), dtype=np.uint8)
    (centre,), scale = Samples(X, (), (8,)).units
    assert centre == pytest.approx(X.mean() / 255)
    assert scale == pytest.approx(X.std() / 255)


@pytest.mark.parametrize("shape", [(4, 6), (4, 3, 6), (4, 3, 6, 5)])
def test_there_and_back(shape):
    n_channels = shape[1] if len(shape) > 2 else 1
    units = (tuple(10.0 * channel for channel in range(n_channels)), 3.0)
    x = torch.randn(shape)
    before = x.clone()
    standardization = Standardization(units, units, torch.device("cpu"))
    standardized = standardization.of_inputs(x)
    assert torch.equal(x, before)
    assert torch.equal(standardized, standardization.of_targets(x))
    torch.testing.assert_close(standardization.restored(standardized), x, atol=1e-5, rtol=0)
    centre = torch.tensor(units[0]).view(-1, *[1] * (len(shape) - 2))
    torch.testing.assert_close(standardized, (x - centre) / 3)


# ---------------------------------------------------------------- who sees the data as they are
class Remember(nn.Module):
    """Notes the mean of what it sees."""

    seen: list[float] = []

    def __init__(self, sample_shape):
        super().__init__()
        self.layer = nn.Linear(*sample_shape, *sample_shape)

    def encode(self, x):
        self.seen.append(x.mean().item())
        return self.layer(x)

    def decode(self, code):
        return code

    def forward(self, x):
        return self.decode(self.encode(x))


@pytest.mark.filterwarnings("ignore:DenoisingAutoencoder shows its module X as it is:UserWarning")
@pytest.mark.parametrize(("standardize", "mean"), [(False, 50), (True, 0), ("auto", 0)])
def test_a_module_of_the_user_is_asked(standardize, mean):
    X = ROWS + 50
    Remember.seen.clear()
    dae = DenoisingAutoencoder(Remember, noise=None, standardize=standardize, max_epochs=2)
    dae.fit(X)
    assert np.median(Remember.seen) == pytest.approx(mean, abs=1)
    assert DenoisingAutoencoder(Remember).standardize is False


def test_cross_entropy_sees_the_data_as_they_are():
    X = (ROWS - ROWS.min()) / np.ptp(ROWS)
    for kind in ("dense", "conv", "unet"):
        dae = clone(SMALL[kind]).set_params(loss="bce", noise="gaussian", sample_shape=(12, 12))
        plain = clone(dae).set_params(standardize=False, max_epochs=2).fit(X).predict(X)
        np.testing.assert_array_equal(dae.set_params(max_epochs=2).fit(X).predict(X), plain)
        with pytest.raises(ValueError, match=r"standardize=True of \w+ cannot go with loss='bce'"):
            dae.set_params(standardize=True).fit(X)


def test_outputs_that_are_probabilities_are_not_scaled():
    def on_logits(sample_shape):
        return DenseAutoencoder(sample_shape, returns_logits=True)

    dae = DenoisingAutoencoder(on_logits, noise=None, standardize=True, max_epochs=1)
    with pytest.raises(ValueError, match="DenseAutoencoder, which sets returns_logits = True"):
        dae.fit(ROWS)


def test_recipes_see_the_data_as_they_are():
    assert {recipes.make(name).standardize for name in recipes.names()} == {False}


def test_a_loss_of_the_user_gets_the_units_of_the_data():
    seen = []

    def loss(output, target):
        seen.append((output.mean().item(), target.mean().item()))
        return (output - target).square().mean()

    DenseDAE(noise=None, loss=loss, max_epochs=2, random_state=0).fit(ROWS + 50)
    np.testing.assert_allclose(seen, 50, atol=3)


def test_the_loss_curve_is_in_the_units_of_the_data():
    X = 1000 + 30 * ROWS
    dae = clone(SMALL["dense"]).set_params(noise=None, max_epochs=100).fit(X)
    error = np.square(dae.predict(X) - X).mean()
    assert dae.loss_curve_[-1] == pytest.approx(error, rel=0.2)


# ---------------------------------------------------------------- state
@pytest.mark.parametrize("kind", ["dense", "unet"])
def test_units_are_part_of_the_state(kind, tmp_path):
    X = 293 + 5 * IMAGES
    dae = clone(SMALL[kind]).set_params(noise=GaussianNoise(1), max_epochs=2).fit(X)
    expected = dae.predict(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(dae)).predict(X), expected)
    dae.save_weights(tmp_path / "weights.safetensors")
    loaded = clone(SMALL[kind]).load_weights(tmp_path / "weights.safetensors")
    np.testing.assert_array_equal(loaded.predict(X), expected)
    with pytest.raises(ValueError, match="trained with standardize='auto'"):
        loaded.set_params(standardize=False).load_weights(tmp_path / "weights.safetensors")


def test_units_are_those_of_the_first_fit():
    dae = clone(SMALL["dense"]).set_params(noise=None, warm_start=True).fit(ROWS)
    units = dae._format.units
    dae.fit(ROWS * 3 + 1)
    dae.partial_fit(ROWS * 5)
    assert dae._format.units == units
    assert clone(dae).fit(ROWS * 3)._format.units != units
    with pytest.raises(ValueError, match="'standardize' parameter of DenseDAE cannot change"):
        dae.set_params(standardize=False).fit(ROWS)


def test_codes_decode_to_the_units_of_the_data():
    X = 1000 + 30 * ROWS
    dae = clone(SMALL["dense"]).set_params(noise=None, max_epochs=100).fit(X)
    decoded = dae.inverse_transform(dae.transform(X))
    np.testing.assert_allclose(decoded, dae.predict(X), rtol=1e-5)
    assert dae.score(X) > 0.8
    scorer = make_denoising_scorer(GaussianNoise(3), metric="r2")
    assert scorer(dae, X) > 0.8


def test_a_conv_module_of_ours_behind_a_user():
    dae = DenoisingAutoencoder(ConvAutoencoder, noise=None, standardize=True, max_epochs=1)
    assert dae.fit(IMAGES * 1e4).predict(IMAGES * 1e4).std() > 10
