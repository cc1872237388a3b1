"""A fit that fails leaves the estimator as it was; one that goes on goes on from what was good."""

import _thread
import math

import numpy as np
import polars as pl
import pytest
import torch
from skorch.callbacks import Callback, Checkpoint, EpochScoring, TrainEndCheckpoint
from torch import nn

from skdae import ConvDAE, DenoisingAutoencoder, DenseDAE, UNetDAE


def quick(**parameters):
    settings = {"noise": "gaussian", "max_epochs": 2, "random_state": 0}
    return DenseDAE((16,), latent_dim=4, **{**settings, **parameters})


class Fail(Callback):
    def on_epoch_end(self, net, **kwargs):
        raise RuntimeError("mine")


# ---------------------------------------------------------------- what fails changes nothing
FAILURES = [
    ({"loss": "bce"}, lambda X: X[:, :32] * 5, ValueError),
    ({"early_stopping": True}, lambda X: X[:1], ValueError),
    ({"loss": nn.MSELoss(reduction="none")}, lambda X: X, TypeError),
    ({"callbacks": [Fail()]}, lambda X: X, RuntimeError),
    ({"lr": 1e9}, lambda X: X, ValueError),
    ({"device": "warp"}, lambda X: X[:, :32], ValueError),
]


@pytest.mark.parametrize(("parameters", "change", "error"), FAILURES)
def test_an_unfitted_estimator_stays_unfitted(parameters, change, error, rows):
    dae = quick(**parameters)
    before = set(vars(dae))
    with pytest.raises(error):
        dae.fit(change(rows))
    assert set(vars(dae)) == before


@pytest.mark.parametrize(("parameters", "change", "error"), FAILURES)
def test_a_fitted_estimator_keeps_its_model(parameters, change, error, rows):
    dae = quick().fit(rows)
    expected = dae.predict(rows)
    with pytest.raises(error):
        dae.set_params(**parameters).fit(change(rows))
    np.testing.assert_array_equal(dae.predict(rows), expected)
    assert dae.n_iter_ == 2


def test_failed_weights_change_nothing(tmp_path, rows):
    quick().fit(rows).save_weights(tmp_path / "good.safetensors")
    DenseDAE((8,), noise=None, max_epochs=1).fit(rows).save_weights(tmp_path / "other.safetensors")
    dae = quick().load_weights(tmp_path / "good.safetensors")
    expected = dae.predict(rows)
    with pytest.raises(ValueError, match="do not fit"):
        dae.load_weights(tmp_path / "other.safetensors")
    np.testing.assert_array_equal(dae.predict(rows), expected)


# ---------------------------------------------------------------- going on
@pytest.mark.parametrize("loaded", [False, True])
def test_training_goes_on_after_a_divergence(loaded, rows, tmp_path):
    dae = quick().partial_fit(rows)
    if loaded:
        dae.save_weights(tmp_path / "weights.safetensors")
        dae = quick().load_weights(tmp_path / "weights.safetensors")
    expected, n_epochs = dae.predict(rows), dae.n_iter_
    with pytest.raises(ValueError, match="are kept"):
        dae.partial_fit(rows * 1e30)
    np.testing.assert_array_equal(dae.predict(rows), expected)
    assert dae.n_iter_ == n_epochs
    dae.partial_fit(rows)
    assert dae.n_iter_ == n_epochs + 1
    assert math.isfinite(dae.loss_curve_[-1])


def test_going_on_reads_flat_rows_as_the_samples_of_the_first_fit(images, rows):
    dae = ConvDAE((4,), noise="gaussian", random_state=0)
    dae.partial_fit(images.reshape(-1, 4, 16)).partial_fit(rows)
    assert dae.sample_shape_ == (4, 16, 1)
    with pytest.raises(ValueError, match=r"samples of shape \(8, 8\), but ConvDAE was fitted on"):
        dae.partial_fit(images)
    quick().partial_fit(images).partial_fit(rows)
    quick().partial_fit(rows).partial_fit(images)


@pytest.mark.parametrize(
    "parameters",
    [{"latent_dim": 7}, {"loss": "bce"}, {"optimizer": "sgd"}, {"precision": "bfloat16"}],
)
def test_going_on_cannot_change_the_net(parameters, rows):
    dae = quick(warm_start=True).fit(rows)
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter of DenseDAE cannot change from"):
        dae.set_params(**parameters).fit(rows)
    dae.set_params(warm_start=False).fit(rows)


@pytest.mark.parametrize(
    "parameters",
    [
        *({"channels": (4, 4)}, {"n_blocks": 2}, {"kernel_size": 1}, {"unshuffle": 1}),
        *({"residual": True}, {"activation": "relu"}, {"optimizer": "adamw"}),
    ],
)
def test_going_on_cannot_change_the_unet(parameters, images):
    settings = {"noise": "gaussian", "max_epochs": 1, "warm_start": True}
    dae = UNetDAE((4,), n_blocks=1, **settings).fit(images)
    (name,) = parameters
    with pytest.raises(ValueError, match=f"'{name}' parameter of UNetDAE cannot change from"):
        dae.set_params(**parameters).fit(images)


# ---------------------------------------------------------------- modules that work in place
class InPlace(nn.Module):
    def __init__(self, sample_shape, inplace=True):
        super().__init__()
        self.encode = nn.Sequential(nn.ReLU(inplace=inplace), nn.Linear(sample_shape[0], 4))
        self.decode = nn.Sequential(nn.ReLU(inplace=inplace), nn.Linear(4, sample_shape[0]))

    def forward(self, x):
        return self.decode(self.encode(x))


def out_of_place(sample_shape):
    return InPlace(sample_shape, inplace=False)


@pytest.mark.parametrize("noise", ["gaussian", None])
def test_a_module_that_works_in_place_changes_no_data(noise, rows):
    X = np.resize(rows - 0.5, (4100, rows.shape[1]))  # whole chunks are no copies of their own
    before = X.copy()
    settings = {"noise": noise, "max_epochs": 2, "random_state": 0}
    dae = DenoisingAutoencoder(InPlace, **settings).fit(X)
    plain = DenoisingAutoencoder(out_of_place, **settings).fit(X)
    assert dae.loss_curve_ == plain.loss_curve_
    np.testing.assert_array_equal(dae.predict(X), plain.predict(X))
    codes = dae.transform(X) - 0.1
    kept = codes.copy()
    dae.inverse_transform(codes)
    np.testing.assert_array_equal(codes, kept)
    np.testing.assert_array_equal(X, before)


class Functional(InPlace):
    """Draws from the global generator without a layer that says so."""

    def forward(self, x):
        return nn.functional.dropout(super().forward(x.clone()), 0.5, self.training)


def test_functional_dropout_is_seeded_and_local(rows):
    before = torch.get_rng_state()
    dae = DenoisingAutoencoder(Functional, noise="gaussian", max_epochs=2, random_state=0)
    first = dae.fit(rows).predict(rows)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)
    np.testing.assert_array_equal(dae.fit(rows).predict(rows), first)


def test_a_module_that_encodes_to_a_tuple_is_an_error(rows):
    class Pair(nn.Module):
        def __init__(self, sample_shape):
            super().__init__()
            self.layer = nn.Linear(*sample_shape, *sample_shape)
            self.decode = self.layer

        def encode(self, x):
            return self.layer(x), x

        def forward(self, x):
            return self.layer(x)

    with pytest.raises(TypeError, match="one tensor from encode. Pair returns a tuple"):
        DenoisingAutoencoder(Pair, noise="gaussian").fit(rows)


# ---------------------------------------------------------------- ranges of X and y
def test_integers_and_floats_of_one_range_may_meet(images):
    clean = (images * 255).astype(np.uint8)
    noisy = images + 0.3 * np.random.default_rng(0).standard_normal(images.shape)
    dae = quick(noise="auto").fit(noisy.astype(np.float32), clean)
    assert dae.loss_curve_[0] < 1
    assert dae.score(noisy, clean) > -1


def test_integers_and_floats_of_different_ranges_are_an_error(images):
    clean = (images * 255).astype(np.uint8)
    for X, y in ((clean, clean.astype(float)), (clean.astype(np.int64), clean)):
        with pytest.raises(ValueError, match="Give both the same dtype, or divide . by 255"):
            quick(noise="auto").fit(X, y)
    dae = quick().fit(clean)
    with pytest.raises(ValueError, match="DenseDAE was fitted on uint8"):
        dae.predict(clean.astype(float))
    with pytest.raises(ValueError, match="divide y by 255"):
        dae.score(clean, clean.astype(float))


def test_targets_may_be_polars_frames(rows):
    frame = pl.DataFrame(rows)
    quick(noise="auto").fit(frame, frame * 1.1)


# ---------------------------------------------------------------- callbacks
class StopAfter(Callback):
    def __init__(self, epoch=3):
        self.epoch = epoch

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epoch:
            raise KeyboardInterrupt


def test_a_stopping_callback_does_not_lose_the_best_epoch(rows):
    settings = {"early_stopping": True, "lr_schedule": "constant"}
    dae = quick(max_epochs=10, callbacks=[StopAfter(3)], **settings).fit(rows)
    assert np.argmin(dae.validation_loss_curve_) == 2
    expected = quick(max_epochs=3, **settings).fit(rows)
    np.testing.assert_array_equal(dae.predict(rows), expected.predict(rows))


class PressCtrlC(Callback):
    def on_epoch_end(self, net, **kwargs):
        _thread.interrupt_main()
        for _ in range(10_000):
            pass


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_inside_of_a_callback_gets_through(rows):
    dae = quick(max_epochs=10, callbacks=[PressCtrlC()])
    with pytest.raises(KeyboardInterrupt):
        dae.fit(rows)
    assert dae.n_iter_ == 1


def test_checkpoints_and_scores_of_skorch(rows, tmp_path):
    callbacks = [
        Checkpoint(dirname=tmp_path / "best"),
        Checkpoint(monitor="train_loss_best", dirname=tmp_path / "train"),
        TrainEndCheckpoint(dirname=tmp_path / "end"),
        EpochScoring(lambda net, X, y=None: float(len(X)), name="rows_held_out"),
    ]
    dae = quick(callbacks=callbacks, early_stopping=True).fit(rows)
    assert dae.net_.history[:, "rows_held_out"] == [20.0, 20.0]
    assert (tmp_path / "best" / "params.pt").exists()
    assert (tmp_path / "end" / "train_end_params.pt").exists()


# ---------------------------------------------------------------- sizes
@pytest.mark.parametrize("kind, side", [(ConvDAE, 256), (UNetDAE, 128)])
def test_large_samples_come_in_small_batches(kind, side, monkeypatch):
    seen = {}

    def fake_train(self, training, validation, **rest):
        seen["batches"] = len(training.starts)

    monkeypatch.setattr("skdae.training.DenoisingNet.train", fake_train)
    X = np.zeros((8, side, side), dtype=np.float32)
    kind((2,), noise=None, patch_size=None).fit(X)
    assert seen["batches"] == 4


def two_rates(parameters, lr):
    first, *rest = parameters
    return torch.optim.SGD([{"params": [first], "lr": lr / 10}, {"params": rest, "lr": lr}])


def test_an_optimizer_of_the_user_keeps_its_groups(rows):
    dae = quick(optimizer=two_rates, lr=0.01, lr_schedule="constant").fit(rows)
    assert [g["lr"] for g in dae.net_.optimizer_.param_groups] == pytest.approx([0.001, 0.01])


def test_a_declared_shape_settles_what_a_pair_is():
    X = np.random.default_rng(0).random((4, 64, 8)).astype(np.float32)
    settings = {"noise": "gaussian", "max_epochs": 1}
    assert ConvDAE((2,), **settings).fit(X).sample_shape_ == (64, 8)
    picture = ConvDAE((2,), sample_shape=(64, 8, 1), **settings).fit(X)
    assert picture.sample_shape_ == (64, 8, 1)
    assert picture.predict(X).shape == X.shape
    signal = ConvDAE((2,), sample_shape=(1, 8, 4), **settings).fit(X[:, :8, :4])
    assert signal.sample_shape_ == (8, 4)
