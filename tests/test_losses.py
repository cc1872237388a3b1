"""Loss functions: by name, on logits, and where an output is no probability."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.base import clone
from sklearn.datasets import load_digits
from torch import nn

from skdae import (
    DenoisingAutoencoder,
    DenseDAE,
    GaussianNoise,
    LossCurveDisplay,
    UNetDAE,
)
from skdae.nn import DenseAutoencoder
from skdae.training._losses import LOSSES, Loss, as_loss

X = (load_digits().images[:60] / 16).astype(np.float32)


def outputs_and_targets(n=10_007):
    generator = torch.Generator().manual_seed(0)
    output = torch.rand(n, generator=generator)
    output[:4] = torch.tensor([0.0, 1.0, 1e-30, 1 - 2**-24])
    return output.requires_grad_(), torch.rand(n, generator=generator)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_losses_are_those_of_torch_to_the_bit(name):
    of_torch = {
        "bce": F.binary_cross_entropy,
        "huber": F.huber_loss,
        "l1": F.l1_loss,
        "mse": F.mse_loss,
    }
    values, gradients = [], []
    for loss in (of_torch[name], LOSSES[name].criterion(logits=False)):
        output, target = outputs_and_targets()
        value = loss(output, target)
        value.backward()
        values.append(value.detach())
        gradients.append(output.grad)
    assert torch.equal(*values)
    assert torch.equal(*gradients)


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf, -1e-7, 1 + 2**-23])
def test_cross_entropy_of_what_is_no_probability_is_nan(wrong):
    output, target = outputs_and_targets()
    with torch.no_grad():
        output[5] = wrong
    loss = LOSSES["bce"].criterion(logits=False)(output, target)
    assert loss.isnan()
    loss.backward()


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_losses_on_logits_are_those_behind_a_sigmoid(name):
    output, target = outputs_and_targets()
    logits = 8 * output.detach() - 4
    on_logits = LOSSES[name].criterion(logits=True)(logits, target)
    behind = LOSSES[name].criterion(logits=False)(torch.sigmoid(logits), target)
    torch.testing.assert_close(on_logits, behind)


class EndsInSigmoid(nn.Module):
    """A module of the user whose output lies in [0, 1] until its weights explode."""

    def __init__(self, shape):
        super().__init__()
        self.encoder = nn.Linear(64, 8)
        self.decoder = nn.Linear(8, 64)

    def encode(self, x):
        return self.encoder(x.flatten(1))

    def decode(self, code):
        return torch.sigmoid(self.decoder(code)).view(-1, 1, 8, 8)

    def forward(self, x):
        return self.decode(self.encode(x))


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_cross_entropy_that_diverges_says_so(device):
    settings = {"noise": "gaussian", "loss": "bce", "lr": 1e38, "optimizer": "adam"}
    dae = DenoisingAutoencoder(EndsInSigmoid, sample_shape=(8, 8, 1), device=device, **settings)
    with pytest.raises(ValueError, match="The training of DenoisingAutoencoder diverged"):
        dae.set_params(max_epochs=3, random_state=0).fit(X)
    assert torch.ones(2, device=device).sum().item() == 2  # a GPU still works


# ---------------------------------------------------------------- a new loss is one entry
def charbonnier(output, target):
    return ((output - target).square() + 1e-3).sqrt().mean()


def fitted(loss, **parameters):
    settings = {"noise": GaussianNoise(0.2), "max_epochs": 20, "random_state": 0, **parameters}
    return DenseDAE((32,), loss=loss, **settings).fit(X)


def test_a_new_loss_is_one_entry(monkeypatch):
    monkeypatch.setitem(LOSSES, "charbonnier", Loss(charbonnier, unit_power=1, label="mine"))
    dae = fitted("charbonnier", standardize=True)
    assert dae.score(X) > 0.3
    scaled = clone(dae).set_params(noise=GaussianNoise(20.0)).fit(100 * X)
    np.testing.assert_allclose(scaled.loss_curve_, 100 * np.array(dae.loss_curve_), rtol=1e-2)
    assert LossCurveDisplay.from_estimator(dae).ax_.get_ylabel() == "mine"
    with pytest.raises(ValueError, match="learns the mean.*Got loss='charbonnier'"):
        fitted("charbonnier", self_supervised="split_noise")


# ---------------------------------------------------------------- what a callable declares
class OnLogits:
    """A loss of the user, which says that it takes logits."""

    on_logits = True

    def __call__(self, output, target):
        return F.binary_cross_entropy_with_logits(output, target)


def test_a_callable_on_logits_learns_and_scores_as_bce_does():
    named, called = fitted("bce"), fitted(OnLogits())
    assert called.loss_curve_ == named.loss_curve_
    np.testing.assert_array_equal(called.predict(X), named.predict(X))
    assert called.score(X) == named.score(X) > 0.3
    np.testing.assert_array_equal(called.score_samples(X), named.score_samples(X))


def test_a_module_of_torch_may_declare_too():
    loss = nn.BCEWithLogitsLoss()
    loss.on_logits, loss.label = True, "mine"
    dae = fitted(loss)
    assert dae.loss_curve_ == fitted("bce").loss_curve_
    assert LossCurveDisplay.from_estimator(dae).ax_.get_ylabel() == "mine"


def test_a_callable_on_logits_meets_a_sigmoid_and_logits_alike():
    output, target = outputs_and_targets()
    output = output.clamp(1e-3, 1 - 1e-3)
    loss = as_loss(OnLogits())
    of_probabilities = loss.criterion(logits=False)(output, target)
    expected = LOSSES["bce"].criterion(logits=False)(output, target)
    torch.testing.assert_close(of_probabilities, expected, rtol=1e-4, atol=1e-4)


def test_a_callable_with_a_form_on_logits():
    def loss(output, target):
        return F.binary_cross_entropy(output, target)

    loss.on_logits = F.binary_cross_entropy_with_logits
    assert as_loss(loss).criterion(logits=False) is loss
    assert as_loss(loss).criterion(logits=True) is F.binary_cross_entropy_with_logits


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda loss: DenseDAE(loss=loss, standardize=True), "standardize=True of DenseDAE cannot"),
        (lambda loss: UNetDAE(loss=loss, residual=True), "residual=True of UNetDAE cannot"),
        (lambda loss: DenoisingAutoencoder(DenseAutoencoder, loss=loss), "a module whose output"),
    ],
)
def test_what_does_not_go_with_probabilities(make, message):
    with pytest.raises(ValueError, match=message):
        make(OnLogits()).set_params(noise="gaussian", max_epochs=1).fit(X)


@pytest.mark.parametrize(
    ("declared", "message"),
    [((0.0, 1.0), None), ((0.5, 1.0), r"in \[0.5, 1\].*from 0 to 1"), (None, None)],
)
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_targets_lie_in_the_declared_range(declared, message, dtype):
    def loss(output, target):
        return F.mse_loss(output, target)

    loss.target_range = declared
    data = np.rint(255 * X).astype(dtype) if dtype is np.uint8 else X
    dae = DenseDAE(loss=loss, noise=None, max_epochs=1)
    if message is None:
        dae.fit(data)
    else:
        with pytest.raises(ValueError, match=message):
            dae.fit(data)


def test_a_callable_that_learns_the_mean_splits_noise():
    def loss(output, target):
        return F.mse_loss(output, target)

    loss.learns_the_mean, loss.unit_power = True, 2
    assert fitted(loss, self_supervised="split_noise").loss_curve_ == (
        fitted("mse", self_supervised="split_noise").loss_curve_
    )


def test_noisy_targets_leave_the_range_of_a_loss():
    loss = OnLogits()
    loss.learns_the_mean = True
    with pytest.raises(ValueError, match="of any value"):
        fitted(loss, self_supervised="split_noise")


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("name", [n for n, loss in LOSSES.items() if loss.learns_the_mean])
def test_losses_that_learn_the_mean_are_lowest_there(name, logits):
    """Of 0.1 and 0.9 one to three: the mean is 0.7, the median 0.9."""
    target = torch.tensor([0.1, 0.9, 0.9, 0.9])
    output = torch.linspace(0.01, 0.99, 99, dtype=torch.float32)
    criterion = LOSSES[name].criterion(logits=logits)
    losses = [criterion((torch.logit(x) if logits else x).expand(4), target).item() for x in output]
    assert output[int(np.argmin(losses))].item() == pytest.approx(0.7, abs=0.011)
