"""Activation functions by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

__all__ = ["ACTIVATIONS", "INCREASING"]

# Those whose gradient can be computed from their output work in place: they overwrite the output of
# the layer before, whose gradient does not need it.
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "elu": partial(nn.ELU, inplace=True),
    "gelu": nn.GELU,
    "identity": nn.Identity,
    "leaky_relu": partial(nn.LeakyReLU, inplace=True),
    "relu": partial(nn.ReLU, inplace=True),
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}

INCREASING = frozenset({"elu", "identity", "leaky_relu", "relu", "tanh"})
"""Names of the activations that never decrease: they commute with max pooling."""
