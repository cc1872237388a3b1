"""A training that explodes in its last step is noticed, and one that does not is left alone."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from skdae import ConvDAE, DenoisingAutoencoder, DenseDAE, UNetDAE
from skdae.training._callbacks import BestWeights


def test_one_step_of_a_huge_rate(images):
    dae = ConvDAE((4,), noise="gaussian", lr=1e30, max_epochs=1, random_state=0)
    with pytest.raises(ValueError, match="ConvDAE diverged: in epoch 1.* as it was before"):
        dae.fit(images[:20])
    assert not hasattr(dae, "net_")


ALL_AT_ONCE = {"batch_size": 10**6, "lr": 100.0, "noise": "gaussian", "random_state": 0}


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("max_epochs", [1, 2, 3])
@pytest.mark.parametrize("optimizer", ["adamw", "muon", "sgd"])
def test_steps_that_are_whole_epochs(optimizer, max_epochs, early_stopping, rows):
    """Their weights are never those whose loss the epoch reports."""
    lr = 1e6 if optimizer == "sgd" else 100.0
    dae = DenseDAE(optimizer=optimizer, max_epochs=max_epochs, **{**ALL_AT_ONCE, "lr": lr})
    dae.set_params(lr_schedule="constant", early_stopping=early_stopping)
    with pytest.raises(ValueError, match=r"diverged: in epoch \d"):
        dae.fit(rows)
    assert not hasattr(dae, "net_")


class Break(Callback):
    """Make a rate huge for the last step before the end of an epoch."""

    def __init__(self, epoch, batches):
        self.epoch = epoch
        self.batches = batches

    def on_train_begin(self, net, **kwargs):
        self.n_seen_ = 0

    def on_batch_begin(self, net, training, **kwargs):
        self.n_seen_ += 1
        if self.n_seen_ == self.epoch * self.batches:
            net.optimizer_.param_groups[0]["lr"] = 1e9


@pytest.mark.parametrize("max_epochs", [2, 5])
def test_the_weights_that_are_kept_are_good_ones(max_epochs, rows):
    """The second epoch is the best, by a loss that knows nothing of its last step."""
    settings = {"noise": "gaussian", "random_state": 0, "batch_size": 50, "lr": 0.003}
    settings["lr_schedule"] = "constant"
    dae = DenseDAE((16,), max_epochs=max_epochs, callbacks=[Break(2, 4)], **settings)
    with pytest.raises(ValueError, match="best epoch before are kept"):
        dae.fit(rows)
    expected = DenseDAE((16,), max_epochs=1, **settings).fit(rows)
    np.testing.assert_array_equal(dae.predict(rows), expected.predict(rows))


def test_going_on_falls_back_on_what_there_was(rows):
    dae = DenseDAE((16,), noise="gaussian", random_state=0, batch_size=200).partial_fit(rows)
    expected = dae.predict(rows)
    with pytest.raises(ValueError, match="are kept"):
        dae.set_params(lr=1e6).partial_fit(rows)
    np.testing.assert_array_equal(dae.predict(rows), expected)
    assert dae.n_iter_ == 1
    assert dae.set_params(lr=0.003).partial_fit(rows).n_iter_ == 2


class Sigmoid(nn.Module):
    def __init__(self, sample_shape):
        super().__init__()
        self.encode = nn.Linear(*sample_shape, 4)
        self.decode = nn.Sequential(nn.Linear(4, *sample_shape), nn.Sigmoid())

    def forward(self, x):
        return self.decode(self.encode(x))


class ToNaN(torch.optim.SGD):
    def step(self, closure=None):
        for group in self.param_groups:
            for weight in group["params"]:
                nn.init.constant_(weight, torch.nan)


def to_nan(params, lr):
    return ToNaN(params, lr=lr)


def strict(output, target):
    if not output.isfinite().all():
        raise RuntimeError("not finite")
    return nn.functional.mse_loss(output, target)


@pytest.mark.parametrize("loss", ["bce", strict])
def test_a_loss_that_refuses_what_exploded_weights_give(loss, rows):
    settings = {"noise": "gaussian", "optimizer": to_nan, "max_epochs": 3, "random_state": 0}
    with pytest.raises(ValueError, match="diverged"):
        DenoisingAutoencoder(Sigmoid, loss=loss, **settings).fit(rows)


# ---------------------------------------------------------------- no false alarms
@pytest.mark.parametrize("dae", [DenseDAE(), ConvDAE((8, 8)), UNetDAE((8,), n_blocks=1)])
@pytest.mark.parametrize("max_epochs", [1, 2])
def test_high_rates_of_one_cycle_pass(dae, max_epochs, images):
    for times in (1, 3, 10):
        rate = type(dae)().lr * times
        dae.set_params(noise="gaussian", max_epochs=max_epochs, lr=rate, random_state=0)
        assert np.isfinite(dae.fit(images).predict(images)).all()


def test_bad_luck_of_one_batch_is_no_explosion():
    X = np.random.default_rng(0).standard_normal((64, 4)).astype(np.float32)
    X[-1] = 1e4
    for seed in range(5):
        DenseDAE((8,), noise="gaussian", batch_size=8, max_epochs=1, random_state=seed).fit(X)


def test_the_last_look_is_one_batch_of_the_whole_training(rows):
    class Counting(Sigmoid):
        n_calls = 0

        def forward(self, x):
            Counting.n_calls += len(x) > 1
            return super().forward(x)

    settings = {"noise": "gaussian", "batch_size": 50, "max_epochs": 3}
    DenoisingAutoencoder(Counting, **settings).fit(rows)
    assert Counting.n_calls == 3 * 4 + 1


# ---------------------------------------------------------------- best weights
class Net:
    """As much of a net as BestWeights needs."""

    def __init__(self):
        self.module_ = nn.Linear(1, 1)
        self.history = []

    def end_epoch(self, best, weight, **losses):
        nn.init.constant_(self.module_.weight, weight)
        self.history.append(losses)
        best.on_epoch_end(self)


def test_of_equal_epochs_the_first_is_the_best():
    net, best = Net(), BestWeights(patience=2)
    best.on_train_begin(net)
    for weight, loss in enumerate([3.0, 2.0, 2.0, 2.0]):
        assert not best.is_exhausted
        net.end_epoch(best, weight, train_loss=0.0, valid_loss=loss)
    assert best.is_exhausted
    assert best.restore(net)
    assert net.module_.weight.item() == 1
    assert best.restore(net, lambda: True)
    assert net.module_.weight.item() == 0


def test_weights_without_an_epoch_are_trusted():
    net, best = Net(), BestWeights(keep_first=True)
    best.on_train_begin(net)
    assert best.restore(net, lambda: True)
    best.keep_first = False
    best.on_train_begin(net)
    assert not best.restore(net)
