"""Loss functions: by name, on logits, and where an output is no probability."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from skdae import DenoisingAutoencoder
from skdae.training._losses import LOSSES, make_criterion

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
    for loss in (of_torch[name], make_criterion(name, logits=False)):
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
    loss = make_criterion("bce", logits=False)(output, target)
    assert loss.isnan()
    loss.backward()


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_losses_on_logits_are_those_behind_a_sigmoid(name):
    output, target = outputs_and_targets()
    logits = 8 * output.detach() - 4
    on_logits = make_criterion(name, logits=True)(logits, target)
    behind = make_criterion(name, logits=False)(torch.sigmoid(logits), target)
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
