"""An encoder with a linear layer on its code."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from skdae.nn._layers import in_float32

__all__ = ["EncoderWithHead"]


class EncoderWithHead(nn.Module):
    """The encoder of an autoencoder, and a linear layer on its flat code.

    The layer starts with zeros: before it has learned, all outputs are 0, and no class is more
    probable than another.

    Parameters
    ----------
    autoencoder : Module
        A module with ``encode``.
    n_codes : int
        Values of the flat code of a sample.
    n_outputs : int
        Values of the output, such as one a class.
    """

    autoencoder: Any

    def __init__(self, autoencoder: nn.Module, n_codes: int, n_outputs: int):
        super().__init__()
        self.autoencoder = autoencoder
        self.head = nn.Linear(n_codes, n_outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def encode(self, x: Tensor) -> Tensor:
        """Map samples (n, channels, ...) to codes."""
        return self.autoencoder.encode(x)

    def forward(self, x: Tensor) -> Tensor:
        """Map samples (n, channels, ...) to outputs (n, n_outputs), which are float32."""
        return in_float32(self.head, self.encode(x).flatten(1))
