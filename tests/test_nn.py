"""The modules: shapes, parameter counts, any size."""

import itertools
import math

import pytest
import torch

from skdae.nn import ACTIVATIONS, ConvAutoencoder, DenseAutoencoder
from skdae.nn._conv import pad_to_multiple


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_the_default_convolutions_are_those_of_the_keras_tutorial():
    module = ConvAutoencoder((1, 28, 28))
    layers = [m for m in module.modules() if list(m.parameters(recurse=False))]
    assert [count(layer) for layer in layers] == [320, 9248, 9248, 9248, 289]
    assert count(module) == 28_353
    assert module.encode(torch.zeros(2, 1, 28, 28)).shape == (2, 32, 7, 7)


def test_dense_layers_mirror():
    module = DenseAutoencoder((784,), hidden_layer_sizes=(100, 50), latent_dim=10)
    widths = [784, 100, 50, 10, 50, 100, 784]
    pairs = itertools.pairwise(widths)
    assert count(module) == sum(n * m + m for n, m in pairs)


@pytest.mark.parametrize("shape", [(3,), (1, 4), (2, 3, 5)])
def test_dense_takes_any_shape(shape):
    x = torch.rand(4, *shape)
    module = DenseAutoencoder(shape, latent_dim=2)
    assert module(x).shape == x.shape
    assert module.encode(x).shape == (4, 2)


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (1, 1, 1), (3, 5, 7), (1, 16, 1)])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("downsample", ["max", "average", "stride"])
@pytest.mark.parametrize("upsample", ["transpose", "nearest"])
@pytest.mark.parametrize("latent_dim", [None, 4])
def test_convolutions_take_any_size(shape, kernel_size, downsample, upsample, latent_dim):
    module = ConvAutoencoder(
        shape,
        channels=(4, 3),
        kernel_size=kernel_size,
        downsample=downsample,
        upsample=upsample,
        latent_dim=latent_dim,
    )
    x = torch.rand(2, *shape)
    code = module.encode(x)
    spatial = (3, *(math.ceil(side / 4) for side in shape[1:]))
    assert code.shape[1:] == ((4,) if latent_dim else spatial)
    assert module.decode(code).shape == x.shape
    assert torch.equal(module(x), module.decode(code))


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations(name):
    for module in (
        DenseAutoencoder((6,), activation=name),
        ConvAutoencoder((1, 6), activation=name),
    ):
        assert any(isinstance(m, ACTIVATIONS[name]) for m in module.modules())


def test_padding_repeats_the_last_values():
    x = torch.arange(6.0).view(1, 1, 2, 3)
    padded = pad_to_multiple(x, 4)
    assert padded.shape == (1, 1, 4, 4)
    assert padded[0, 0, :, 3].tolist() == [2.0, 5.0, 5.0, 5.0]
    assert pad_to_multiple(padded, 4) is padded
