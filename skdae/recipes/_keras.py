"""Layers, initial weights and Adam as in Keras, for networks that were published in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from skdae.nn import DenseAutoencoder

__all__ = ["Dense", "SequentialAutoencoder", "keras_adam", "start_as_keras"]


class SequentialAutoencoder(nn.Module):
    """An autoencoder from a list of layers for the encoder and one for the decoder.

    Parameters
    ----------
    encoder, decoder : sequence of nn.Module
        The layers.
    returns_logits : bool
        Whether the output consists of logits, to which the estimator applies a sigmoid.
    """

    def __init__(
        self, encoder: Sequence[nn.Module], decoder: Sequence[nn.Module], *, returns_logits: bool
    ) -> None:
        super().__init__()
        self.encoder = nn.Sequential(*encoder)
        self.decoder = nn.Sequential(*decoder)
        self.returns_logits = returns_logits
        start_as_keras(self)

    def encode(self, x: Tensor) -> Tensor:
        """Map samples to codes."""
        return self.encoder(x)

    def decode(self, code: Tensor) -> Tensor:
        """Map codes to samples."""
        return self.decoder(code)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct samples."""
        return self.decode(self.encode(x))


@dataclass(frozen=True)
class Dense:
    """Builds a dense layer of ``width`` units with relu, then a dense layer with sigmoid.

    It is a class, since a ``partial`` is one more type to trust for who reads a skops file.

    Parameters
    ----------
    width : int
        Width of the code.
    """

    width: int

    def __call__(self, sample_shape: tuple[int, ...]) -> DenseAutoencoder:
        """Return a new network for samples of this shape."""
        module = DenseAutoencoder(sample_shape, latent_dim=self.width, returns_logits=True)
        start_as_keras(module)
        return module


def start_as_keras(module: nn.Module) -> None:
    """Draw Glorot-uniform weights and set the biases to zero, as Keras layers start."""
    for parameter in module.parameters():
        if parameter.ndim == 1:
            nn.init.zeros_(parameter)
        else:
            nn.init.xavier_uniform_(parameter)


def keras_adam(params: Iterable, lr: float) -> torch.optim.Optimizer:
    """Return Adam with the epsilon of Keras."""
    return torch.optim.Adam(params, lr=lr, eps=1e-7, fused=True)
