"""Going on with a net: exactly, after any round trip, and only where it is the same net."""

import copy
from functools import partial

import numpy as np
import pytest
import skops.io
import torch
from sklearn.base import clone
from torch import nn

from round_trips import by_joblib, by_pickle
from skdae import ConvDAE, DenoisingAutoencoder, DenseDAE, UNetDAE

SETTINGS = {"noise": "gaussian", "random_state": 0, "max_epochs": 1}


class Own(nn.Module):
    """Weights of two and four axes, of a 1 x 1 kernel too, a learnt number, and buffers."""

    def __init__(self, sample_shape):
        super().__init__()
        channels = sample_shape[0]
        self.encode = nn.Sequential(
            nn.Conv2d(channels, 6, 3, padding=1), nn.BatchNorm2d(6), nn.Conv2d(6, 4, 1), nn.GELU()
        )
        self.decode = nn.Conv2d(4, channels, 3, padding=1)
        self.gain = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        return self.gain * self.decode(self.encode(x))


def adamax(params, lr):
    return torch.optim.Adamax(params, lr=lr)


NETS = {
    "dense": DenseDAE((16,), latent_dim=4, **SETTINGS),
    "conv": ConvDAE((6, 5), **SETTINGS),
    "bottleneck": ConvDAE((6,), latent_dim=3, downsample="stride", **SETTINGS),
    "unet": UNetDAE((4, 6), n_blocks=1, **SETTINGS),
    "own": DenoisingAutoencoder(Own, **SETTINGS),
}
OPTIMIZERS = {
    "adamw": "adamw",
    "adam": "adam",
    "muon": "muon",
    "sgd": "sgd",
    "callable": adamax,
    "partial": partial(torch.optim.SGD, momentum=0.8),
}


def by_skops(dae):
    data = skops.io.dumps(dae)
    return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))


def weights_of(dae):
    return {name: value.clone() for name, value in dae.net_.module_.state_dict().items()}


def assert_equal_weights(a, b):
    for name, value in weights_of(a).items():
        assert torch.equal(value, weights_of(b)[name]), name
    assert a.loss_curve_ == b.loss_curve_


# ---------------------------------------------------------------- exactly
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
def test_an_epoch_after_a_pickle_is_the_one_without(net, optimizer, images):
    dae = clone(net).set_params(optimizer=optimizer, lr=0.01)
    dae.partial_fit(images).partial_fit(images)
    loaded = by_pickle(dae)
    assert_equal_weights(loaded, dae)
    before = weights_of(dae)
    assert_equal_weights(loaded.partial_fit(images), dae.partial_fit(images))
    assert any(not torch.equal(value, before[name]) for name, value in weights_of(dae).items())


@pytest.mark.parametrize("round_trip", [by_joblib, by_skops, copy.deepcopy])
def test_so_it_is_after_other_round_trips(round_trip, images):
    dae = clone(NETS["conv"]).partial_fit(images).partial_fit(images)
    assert_equal_weights(round_trip(dae).partial_fit(images), dae.partial_fit(images))


@pytest.mark.parametrize("first", ["fit", "warm fit", "partial_fit"])
@pytest.mark.parametrize("then", ["warm fit", "partial_fit"])
def test_whatever_was_fitted_before_a_pickle_goes_on_the_same(first, then, images):
    def train(dae, how):
        dae.set_params(warm_start=how == "warm fit")
        return dae.partial_fit(images) if how == "partial_fit" else dae.fit(images)

    dae = train(clone(NETS["conv"]), first)
    loaded = by_pickle(dae)
    assert_equal_weights(train(loaded, then), train(dae, then))


def test_moments_lie_in_memory_as_their_weights_do(images):
    dae = clone(NETS["conv"]).set_params(optimizer="adamw").partial_fit(images)
    seen = 0
    for weight, kept in by_pickle(dae).net_.optimizer_.state.items():
        for name in ("exp_avg", "exp_avg_sq"):
            assert kept[name].stride() == weight.stride()
            seen += not weight.is_contiguous()
    assert seen > 2


def test_a_net_keeps_its_precision_wherever_it_is_loaded(images, monkeypatch):
    for units in (False, True):
        monkeypatch.setattr("skdae.training._device._has_bfloat16_units", lambda device, u=units: u)
        dae = clone(NETS["conv"]).fit(images)
        monkeypatch.setattr(
            "skdae.training._device._has_bfloat16_units", lambda device, u=units: not u
        )
        loaded = by_pickle(dae)
        assert loaded.net_.precision_ == ("bfloat16" if units else "float32")
        np.testing.assert_array_equal(loaded.predict(images), dae.predict(images))


# ---------------------------------------------------------------- only with the same net
def going_on(dae, **parameters):
    return dae.set_params(warm_start=True, **parameters)


@pytest.mark.parametrize("same", [[6, 5], (6, 5), np.array([6, 5]), (np.int64(6), 5)])
def test_sequences_are_the_same_if_their_values_are(same, images):
    dae = clone(NETS["conv"]).fit(images)
    assert going_on(dae, channels=same).fit(images).n_iter_ == 2


@pytest.mark.parametrize("other", [[6, 4], (6,), np.array([6, 5, 5]), [5, 6]])
def test_lists_and_arrays_are_compared(other, images):
    dae = clone(NETS["conv"]).set_params(channels=[6, 5]).fit(images)
    with pytest.raises(ValueError, match="'channels' parameter of ConvDAE cannot change from"):
        going_on(dae, channels=other).fit(images)
    with pytest.raises(ValueError, match="'channels' parameter of ConvDAE cannot change from"):
        dae.partial_fit(images)


def test_a_list_that_was_changed_in_place_is_noticed(images):
    channels = [6, 5]
    dae = ConvDAE(channels, **SETTINGS).partial_fit(images)
    channels[1] = 7
    with pytest.raises(ValueError, match=r"from \[6, 5\] to \[6, 7\]"):
        dae.partial_fit(images)


def l1(output, target):
    return (output - target).abs().mean()


@pytest.mark.parametrize(
    ("name", "first", "other"),
    [
        ("optimizer", adamax, torch.optim.Adamax),
        ("optimizer", partial(torch.optim.SGD, momentum=0.8), partial(torch.optim.SGD)),
        ("optimizer", adamax, "adam"),
        ("loss", l1, nn.functional.l1_loss),
        ("loss", nn.HuberLoss(), nn.HuberLoss(delta=0.5)),
        ("loss", nn.MSELoss(), nn.L1Loss()),
        ("loss", nn.MSELoss(), "mse"),
    ],
)
def test_another_callable_is_another_net(name, first, other, rows):
    dae = clone(NETS["dense"]).set_params(**{name: first}).partial_fit(rows)
    with pytest.raises(ValueError, match=f"'{name}' parameter of DenseDAE cannot change from"):
        copy.deepcopy(dae).set_params(**{name: other}).partial_fit(rows)
    for same in (dae, by_pickle(dae), dae.set_params(**{name: copy.deepcopy(first)})):
        same.partial_fit(rows)


def test_another_module_is_another_net(images):
    dae = clone(NETS["own"]).partial_fit(images)
    with pytest.raises(ValueError, match="'module' parameter of DenoisingAutoencoder"):
        dae.set_params(module=lambda shape: Own(shape)).partial_fit(images)


def test_a_declared_shape_may_only_say_what_the_samples_were(images):
    dae = clone(NETS["conv"]).partial_fit(images)
    for same in ((8, 8), [8, 8, 1], None):
        dae.set_params(sample_shape=same).partial_fit(images)
    with pytest.raises(ValueError, match="'sample_shape' parameter of ConvDAE cannot change"):
        dae.set_params(sample_shape=(4, 16)).partial_fit(images)


# ---------------------------------------------------------------- devices
@pytest.mark.parametrize("net", [NETS["dense"], NETS["conv"]], ids=["dense", "conv"])
def test_a_net_moves_to_the_device_that_was_set(net, images):
    dae = clone(net).set_params(optimizer="adamw", device="cpu").partial_fit(images)
    moved = copy.deepcopy(dae).set_params(device="cpu:0").partial_fit(images)
    assert str(moved.net_.device) == "cpu:0"
    assert_equal_weights(moved, dae.partial_fit(images))
    assert str(moved.set_params(device="cpu").partial_fit(images).net_.device) == "cpu"


def test_a_device_that_is_not_there_is_refused_and_nothing_is_lost(rows):
    dae = clone(NETS["dense"]).partial_fit(rows)
    expected = dae.predict(rows)
    for device in ("warp", "meta"):
        with pytest.raises(ValueError, match="'device' parameter of DenseDAE"):
            dae.set_params(device=device).partial_fit(rows)
        np.testing.assert_array_equal(dae.predict(rows), expected)
    assert dae.set_params(device="auto").partial_fit(rows).n_iter_ == 2
