"""Activation functions by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

__all__ = ["ACTIVATIONS", "RISING"]

# In place where the gradient can be told from the output: they follow a layer that needs its own
# output no more.
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "elu": partial(nn.ELU, inplace=True),
    "gelu": nn.GELU,
    "identity": nn.Identity,
    "leaky_relu": partial(nn.LeakyReLU, inplace=True),
    "relu": partial(nn.ReLU, inplace=True),
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}

RISING = frozenset({"elu", "identity", "leaky_relu", "relu", "tanh"})
"""Those of which a larger input never makes a smaller output."""
