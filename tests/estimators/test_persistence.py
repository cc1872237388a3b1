"""Rule 7: the fitted state is NumPy arrays and plain data."""

import copy
import pickle
import pickletools

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.base import clone
from torch import nn

from kinds import ONE_OF_EACH
from round_trips import by_joblib, by_pickle
from skdae import (
    ConvDAE,
    DenoisingAutoencoder,
    DenseDAE,
    GaussianNoise,
    OneOfNoise,
    SwapNoise,
    UNetDAE,
)


def small_module(sample_shape):
    """Return a module as a user would write it, with buffers and without bias."""
    return SmallModule(sample_shape)


class SmallModule(nn.Module):
    def __init__(self, sample_shape):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(sample_shape[0], 6), nn.BatchNorm1d(6))
        self.decode = nn.Linear(6, sample_shape[0], bias=False)

    def forward(self, x):
        return self.decode(self.encode(x))


MIXTURE = OneOfNoise([("gauss", GaussianNoise((0.1, 0.4))), ("swap", SwapNoise(0.2))])
ESTIMATORS = [
    DenseDAE(noise=MIXTURE, max_epochs=2, random_state=0),
    DenseDAE((), latent_dim=8, noise="masking", loss="bce", max_epochs=3, early_stopping=True),
    ConvDAE((8, 4), noise="gaussian", latent_dim=4, sample_shape=(8, 8), max_epochs=1),
    ConvDAE((8,), noise=GaussianNoise(0.2), downsample="stride", sample_shape=(64,), max_epochs=1),
    UNetDAE((8, 4), n_blocks=1, noise="gaussian", sample_shape=(8, 8), max_epochs=1),
    UNetDAE((4,), noise="poisson", residual=True, sample_shape=(64,), max_epochs=1),
    *(clone(dae).set_params(sample_shape=(8, 8)) for dae in ONE_OF_EACH.values()),
]
every = pytest.mark.parametrize("dae", ESTIMATORS, ids=range(len(ESTIMATORS)))


def by_skops(dae):
    data = skops.io.dumps(dae)
    untrusted = skops.io.get_untrusted_types(data=data)
    assert all(name.startswith("skdae.") for name in untrusted), untrusted
    return skops.io.loads(data, trusted=untrusted)


def assert_the_same(loaded, dae, X):
    np.testing.assert_array_equal(loaded.predict(X), dae.predict(X))
    np.testing.assert_array_equal(loaded.transform(X), dae.transform(X))
    assert loaded.loss_curve_ == dae.loss_curve_
    assert loaded.validation_loss_curve_ == dae.validation_loss_curve_
    assert loaded.n_iter_ == dae.n_iter_
    assert len(loaded.net_.history) == dae.n_iter_
    assert repr(loaded) == repr(dae)


@every
@pytest.mark.parametrize("round_trip", [by_pickle, by_joblib, by_skops, copy.deepcopy])
def test_round_trips_are_bit_equal(dae, round_trip, rows):
    dae.fit(rows)
    loaded = round_trip(dae)
    assert_the_same(loaded, dae, rows)
    assert_the_same(round_trip(loaded), dae, rows)


def test_a_module_of_the_user_with_buffers(rows):
    dae = DenoisingAutoencoder(small_module, noise="gaussian", max_epochs=2).fit(rows)
    assert_the_same(by_pickle(dae), dae, rows)


@every
def test_a_pickle_holds_no_torch_and_is_as_small_as_its_weights(dae, rows):
    data = pickle.dumps(dae.fit(rows))
    names = {str(argument) for _, argument, _ in pickletools.genops(data) if argument}
    assert not any("torch" in name or "skorch" in name for name in names)
    weights = sum(p.numel() for p in dae.net_.module_.parameters()) * 4
    assert weights < len(data) < weights + 8_000


def test_unfitted_estimators_pickle(rows):
    dae = by_skops(DenseDAE(noise=MIXTURE, max_epochs=1))
    assert dae.fit(rows).predict(rows).shape == rows.shape


def test_memory_mapped_weights(tmp_path, rows):
    dae = DenseDAE((512,), noise="gaussian", max_epochs=1).fit(rows)
    joblib.dump(dae, tmp_path / "dae.joblib")
    assert_the_same(joblib.load(tmp_path / "dae.joblib", mmap_mode="r"), dae, rows)


@pytest.mark.parametrize(
    ("dae", "other"),
    [
        (ESTIMATORS[0], {"latent_dim": 2}),
        (ESTIMATORS[2], {"latent_dim": 2}),
        (ESTIMATORS[4], {"channels": (3,), "n_blocks": 2, "unshuffle": 1, "residual": True}),
    ],
    ids=["dense", "conv", "unet"],
)
def test_the_net_is_that_of_the_fit_whatever_the_parameters_are_now(dae, other, rows):
    dae = copy.deepcopy(dae.fit(rows))
    expected = dae.predict(rows)
    dae.set_params(activation="tanh", loss="l1", noise=None, precision="bfloat16", **other)
    np.testing.assert_array_equal(dae.predict(rows), expected)
    np.testing.assert_array_equal(by_pickle(dae).predict(rows), expected)


def test_a_model_of_another_device_loads_here(rows):
    dae = DenseDAE(noise="gaussian", max_epochs=1, random_state=0).fit(rows)
    expected = dae.predict(rows)
    dae.device = "cuda:7"  # as if it had been fitted there
    loaded = by_pickle(dae)
    assert str(loaded.net_.device) == "cpu"
    np.testing.assert_array_equal(loaded.predict(rows), expected)


# ---------------------------------------------------------------- going on
GO_ON = [
    DenseDAE(noise="gaussian"),
    DenseDAE((8,), noise="gaussian", optimizer="muon", lr=0.03),
    ConvDAE((4, 4), noise="gaussian", optimizer="muon", lr=0.03, sample_shape=(8, 8)),
    UNetDAE((4, 8), n_blocks=1, noise="gaussian", sample_shape=(8, 8)),
]
every_that_goes_on = pytest.mark.parametrize("dae", GO_ON, ids=["adamw", "muon", "conv", "unet"])


@every_that_goes_on
def test_partial_fit_goes_on_after_a_round_trip_as_without_one(dae, rows):
    dae = clone(dae).set_params(random_state=0).partial_fit(rows).partial_fit(rows)
    loaded = by_pickle(dae)
    assert_the_same(loaded.partial_fit(rows), dae.partial_fit(rows), rows)
    forgetful = by_pickle(dae)
    forgetful.net_.optimizer_.state.clear()
    forgetful.partial_fit(rows)
    assert not np.array_equal(forgetful.predict(rows), dae.partial_fit(rows).predict(rows))


@every_that_goes_on
def test_warm_start_keeps_the_optimizer(dae, rows):
    dae = clone(dae).set_params(warm_start=True, max_epochs=2, random_state=0).fit(rows)
    loaded = by_skops(dae)
    assert_the_same(loaded.fit(rows), dae.fit(rows), rows)


@pytest.mark.parametrize(("optimizer", "moments"), [("adamw", 2), ("muon", 1), ("sgd", 1)])
def test_only_what_goes_on_keeps_the_optimizer(optimizer, moments, rows):
    dae = DenseDAE(noise="gaussian", optimizer=optimizer, max_epochs=2, random_state=0)
    cold = len(pickle.dumps(clone(dae).fit(rows)))
    warm = len(pickle.dumps(dae.set_params(warm_start=True).fit(rows)))
    assert 0.7 * moments < warm / cold - 1 < moments + 0.1


# ---------------------------------------------------------------- safetensors
@every
def test_weights_alone(dae, tmp_path, rows):
    path = tmp_path / "weights.safetensors"
    dae.fit(rows).save_weights(path)
    fresh = type(dae)(**dae.get_params(deep=False)).load_weights(path)
    np.testing.assert_array_equal(fresh.predict(rows), dae.predict(rows))
    np.testing.assert_array_equal(fresh.transform(rows), dae.transform(rows))
    assert fresh.n_iter_ == 0
    other = copy.deepcopy(dae).fit(rows[:50])
    assert not np.array_equal(other.predict(rows), dae.predict(rows))
    np.testing.assert_array_equal(other.load_weights(path).predict(rows), dae.predict(rows))


def test_weights_of_another_architecture_are_an_error(tmp_path, rows):
    path = tmp_path / "weights.safetensors"
    DenseDAE((8,), latent_dim=4, noise=None, max_epochs=1).fit(rows).save_weights(path)
    other = DenseDAE((8,), latent_dim=5)
    with pytest.raises(ValueError, match=r"trained with latent_dim=4, and it has latent_dim=5"):
        other.load_weights(path)
    assert not hasattr(other, "net_")
    with pytest.raises(ValueError, match="do not fit DenseDAE"):
        DenseDAE((8, 8), latent_dim=4).load_weights(path)


def test_a_file_of_somebody_else_is_an_error(tmp_path):
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="holds no weights written by save_weights"):
        DenseDAE().load_weights(tmp_path / "other.safetensors")
