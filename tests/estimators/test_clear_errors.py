"""Errors that name the parameter, where torch's or Python's own came through."""

import copy
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from skdae import (
    BaseDenoisingAutoencoder,
    ConvDAE,
    DenseDAE,
    GaussianNoise,
    MaskingNoise,
    OneOfNoise,
    PoissonNoise,
    SaltAndPepperNoise,
    SpeckleNoise,
    SwapNoise,
    UNetDAE,
    UniformNoise,
)
from skdae.nn import ConvAutoencoder, DenseAutoencoder
from skdae.training._optimizers import OPTIMIZERS

SETTINGS = {"noise": "gaussian", "random_state": 0, "max_epochs": 1}


# ---------------------------------------------------------------- numbers without a largest one
HUGE = 10**400
pair = [("a", GaussianNoise()), ("b", GaussianNoise())]


@pytest.mark.parametrize("huge", [HUGE, Fraction(HUGE)], ids=["int", "fraction"])
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("sigma", lambda huge: GaussianNoise(huge)),
        ("sigma", lambda huge: GaussianNoise((0, huge))),
        ("sigma", lambda huge: SpeckleNoise(huge)),
        ("amplitude", lambda huge: UniformNoise(huge)),
        ("peak", lambda huge: PoissonNoise(huge)),
        ("amount", lambda huge: SwapNoise([huge] * 64)),
        ("high", lambda huge: SaltAndPepperNoise(high=huge)),
        ("value", lambda huge: MaskingNoise(value=-huge)),
        ("clip", lambda huge: GaussianNoise(clip=(0, huge))),
        ("weights", lambda huge: OneOfNoise(pair, weights=[1, huge])),
    ],
)
def test_noises_take_what_a_float_can_hold(name, make, huge, rows):
    with pytest.raises(ValueError, match=f"'{name}' parameter of"):
        make(huge).corrupt(rows)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((DenseDAE, name) for name in ("lr", "max_epochs", "batch_size", "n_iter_no_change")),
        *((DenseDAE, name) for name in ("latent_dim", "hidden_layer_sizes", "sample_shape")),
        *((ConvDAE, name) for name in ("channels", "kernel_size", "patch_size", "latent_dim")),
        *((UNetDAE, name) for name in ("channels", "n_blocks", "unshuffle")),
    ],
)
def test_estimators_take_what_torch_can_hold(kind, name, images):
    value = (HUGE,) if name in ("channels", "hidden_layer_sizes", "sample_shape") else HUGE
    with pytest.raises(ValueError, match=f"'{name}' parameter of {kind.__name__}"):
        kind(**{**SETTINGS, name: value}).fit(images)


# ---------------------------------------------------------------- callables of the user
def nothing(params, lr):
    return None


@pytest.mark.parametrize("optimizer", [nothing, torch.optim.LBFGS, lambda params, lr: list(params)])
def test_optimizers_that_are_none(optimizer, rows):
    with pytest.raises(TypeError, match="'optimizer' parameter of DenseDAE must .* Got .*return"):
        DenseDAE(optimizer=optimizer, **SETTINGS).fit(rows)


@pytest.mark.parametrize(
    ("loss", "got"),
    [
        (lambda output, target: 3.0, "a float"),
        (lambda output, target: None, "a NoneType"),
        (lambda output, target: (output - target) ** 2, r"a tensor of shape \(32, 64\)"),
        (lambda output, target: (output - target).mean()[None], r"a tensor of shape \(1,\)"),
        (lambda output, target: torch.tensor(1.0), r"a tensor of shape \(\) that does not"),
        (nn.L1Loss(reduction="none"), r"a tensor of shape \(32, 64\)"),
    ],
)
def test_losses_that_are_no_number(loss, got, rows):
    dae = DenseDAE(loss=loss, batch_size=32, **SETTINGS)
    with pytest.raises(TypeError, match=f"'loss' parameter of DenseDAE must be .*returns {got}"):
        dae.fit(rows)


def test_split_noise_takes_no_loss_of_the_user(rows):
    dae = DenseDAE(
        self_supervised="split_noise",
        loss=nn.MSELoss(),
        **{**SETTINGS, "noise": GaussianNoise(0.1)},
    )
    with pytest.raises(ValueError, match="take loss='mse'. Got loss=MSELoss"):
        dae.fit(rows)


@pytest.mark.parametrize("device", ["meta", "meta:0"])
def test_a_device_without_values(device, rows):
    with pytest.raises(ValueError, match="'device' parameter of DenseDAE .* shapes, but no values"):
        DenseDAE(device=device, **SETTINGS).fit(rows)


# ---------------------------------------------------------------- what is for images alone
class Mine(BaseDenoisingAutoencoder):
    def __init__(
        self, *, augment=False, self_supervised=None, noise=None, batch_size=64, max_epochs=1
    ):
        self.augment = augment
        self.self_supervised = self_supervised
        self.noise = noise
        self.batch_size = batch_size
        self.max_epochs = max_epochs

    def _build_module(self, sample_shape):
        if len(sample_shape) == 1:
            return DenseAutoencoder(sample_shape, latent_dim=4)
        return Remembering(sample_shape, channels=(4,))


class Remembering(ConvAutoencoder):
    seen: list = []

    def forward(self, x):
        self.seen.append(x.detach().clone())
        return super().forward(x)


@pytest.mark.parametrize("setting", [{"augment": True}, {"self_supervised": "blind_spot"}])
def test_tables_have_no_neighbours(setting, rows):
    with pytest.raises(ValueError, match="of Mine is for images"):
        Mine(**setting).fit(rows)


def test_signals_are_not_turned(rows):
    X = rows.reshape(len(rows), 32, 2)
    Mine(self_supervised="blind_spot").fit(X)
    with pytest.raises(ValueError, match="augment=True of Mine is for images. Got samples"):
        Mine(augment=True).fit(X)


def test_images_of_a_subclass_are_turned(images):
    Remembering.seen.clear()
    Mine(augment=True, batch_size=50).fit(np.tile(images[:1], (200, 1, 1)))
    trained = torch.cat([x for x in Remembering.seen if len(x) == 50])
    assert len(torch.unique(trained, dim=0)) == 8


# ---------------------------------------------------------------- lists
def test_samples_of_different_sizes_are_refused_before_training(images):
    dae = ConvDAE((4,), **{**SETTINGS, "max_epochs": 10**6})
    with pytest.raises(ValueError, match=r"encodes samples of one size.* of shape \(5, 8, 1\)"):
        dae.fit_transform([images[0], images[1][:5]])
    assert not hasattr(dae, "net_")


@pytest.mark.parametrize("channels", [1, 3])
def test_signals_with_an_axis_of_height(channels):
    X = [np.random.default_rng(i).random((1, 48, channels)) for i in range(5)]
    dae = ConvDAE((4,), **SETTINGS)
    codes = copy.deepcopy(dae).fit_transform(X)
    np.testing.assert_array_equal(dae.fit(X).transform(X), codes)
    np.testing.assert_array_equal(dae.transform([x[0] for x in X]), codes)
    assert [x.shape for x in dae.predict(X)] == [(1, 48, channels)] * 5


# ---------------------------------------------------------------- what is documented
@pytest.mark.parametrize(("name", "decay"), [("adamw", 1e-4), ("adam", 0), ("sgd", 0), ("muon", 0)])
def test_weights_decay_as_documented(name, decay):
    weight = nn.Parameter(torch.ones(3, 2))
    optimizer = OPTIMIZERS[name]([weight], lr=0.5)
    for _ in range(10):
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
    np.testing.assert_allclose(weight.detach(), (1 - 0.5 * decay) ** 10, rtol=1e-6)
