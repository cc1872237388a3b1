"""A subclass of a user names the parameters that it needs, and no others."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from sklearn.base import clone
from torch import nn

from skdae import BaseDenoisingAutoencoder, DenoisingAutoencoder
from skdae.nn import DenseAutoencoder


class Short(BaseDenoisingAutoencoder):
    def __init__(self, width: Any = 4, *, noise: Any = "auto", max_epochs: Any = "auto"):
        self.width = width
        self.noise = noise
        self.max_epochs = max_epochs

    def _build_module(self, sample_shape: tuple[int, ...]) -> nn.Module:
        return DenseAutoencoder(sample_shape, hidden_layer_sizes=(), latent_dim=self.width)


def test_short_subclass_works() -> None:
    X = np.random.default_rng(0).random((20, 6))
    dae = clone(Short(width=3, noise="gaussian", max_epochs=1)).fit(X)
    assert dae.predict(X).shape == X.shape
    assert dae.transform(X).shape == (20, 3)
    assert set(dae.get_params(deep=False)) == {"width", "noise", "max_epochs"}


def test_what_it_leaves_out_has_the_documented_defaults() -> None:
    for name, parameter in inspect.signature(DenoisingAutoencoder).parameters.items():
        if name != "module":
            assert getattr(BaseDenoisingAutoencoder, name) == parameter.default, name
