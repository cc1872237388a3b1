"""Activation functions by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

__all__ = ["ACTIVATIONS", "INCREASING"]

# In place where the gradient follows from the output, since the layer before does not need its
# output for its own gradient.
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
