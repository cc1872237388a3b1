"""What modules promise to the estimators, and whether those of skdae keep it."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from skdae.nn import (
    AnySize,
    Autoencoder,
    ConvAutoencoder,
    DenseAutoencoder,
    Encoder,
    ResidualUNet,
    promises_any_size,
)

LENGTH = 96
MODULES = [
    ConvAutoencoder((1, LENGTH), channels=(4,)),
    ConvAutoencoder((1, LENGTH), channels=(3, 4), downsample="stride", upsample="nearest"),
    ConvAutoencoder((1, LENGTH), channels=(4, 3), kernel_size=5, downsample="average"),
    ResidualUNet((1, LENGTH), channels=(4, 3), n_blocks=1),
    ResidualUNet((1, LENGTH), channels=(4,), n_blocks=2, unshuffle=3),
]


class Smoothing(nn.Module):
    """A user's module: one convolution."""

    def __init__(self, **promises: int | None):
        super().__init__()
        self.encode = nn.Conv2d(1, 1, 5, padding=2)
        vars(self).update(promises)

    def forward(self, x):
        return self.encode(x)


def members(protocol: type) -> set[str]:
    """Name what a protocol asks for."""
    return {name for base in protocol.__mro__ for name in vars(base) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("module", "kept", "broken"),
    [
        (DenseAutoencoder((6,)), [Encoder, Autoencoder], [AnySize]),
        (ConvAutoencoder((1, 6)), [Encoder, Autoencoder, AnySize], []),
        (ResidualUNet((1, 6)), [Encoder, AnySize], [Autoencoder]),
        (Smoothing(), [Encoder], [Autoencoder, AnySize]),
    ],
)
def test_modules_have_what_the_protocols_ask_for(module, kept, broken):
    for protocol in (Encoder, Autoencoder, AnySize):
        missing = [name for name in members(protocol) if not hasattr(module, name)]
        assert bool(missing) == (protocol in broken) == (protocol not in kept), missing


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        *((module, True) for module in MODULES),
        (ConvAutoencoder((1, 8), latent_dim=2), False),
        (DenseAutoencoder((6,)), False),
        (Smoothing(), False),
        (Smoothing(stride=1, reach=2, width=1), True),
        (Smoothing(stride=1, reach=0, width=1), True),
        (Smoothing(stride=1, reach=None, width=1), False),
        (Smoothing(reach=2, width=1), False),
        (Smoothing(stride=1, reach=2), False),
    ],
)
def test_any_size_takes_all_three_promises(module, expected):
    assert promises_any_size(module) is expected


@pytest.fixture(params=MODULES)
def module(request) -> nn.Module:
    """Return a module in double precision, with random weights."""
    generator = torch.Generator().manual_seed(0)
    module = copy.deepcopy(request.param).double()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3, generator=generator)
    return module


def test_nothing_beyond_the_reach_changes_a_value(module):
    x = torch.rand(1, 1, LENGTH, dtype=torch.float64)
    for place in (0, 47, 50, LENGTH - 1):
        far = (torch.arange(LENGTH) - place).abs() > module.reach
        assert far.any()
        changed = module(torch.where(far, x + 10, x))
        assert not torch.allclose(changed, module(x))
        torch.testing.assert_close(changed[..., place], module(x)[..., place])


def test_the_output_moves_with_the_input_by_multiples_of_the_stride(module):
    x = torch.rand(1, 1, LENGTH, dtype=torch.float64)
    for shift in (module.stride, 3 * module.stride):
        moved = module(x.roll(shift, -1))
        inner = slice(module.reach + shift, LENGTH - module.reach)
        assert inner.start < inner.stop
        torch.testing.assert_close(moved[..., inner], module(x).roll(shift, -1)[..., inner])


def test_the_code_has_a_place_for_each_stride(module):
    for length in (LENGTH, LENGTH - 1, 1):
        code = module.encode(torch.zeros(2, 1, length, dtype=torch.float64))
        assert code.shape[2:] == (math.ceil(length / module.stride),)
