"""The dense autoencoder."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from skdae.nn._layers import MixedSequential, dense_layers, hidden_values

__all__ = ["DenseAutoencoder"]


class DenseAutoencoder(nn.Module):
    """Fully connected layers down to a code, and the same widths back.

    The activation follows every layer but the last one; it also follows the layer of the code.

    Parameters
    ----------
    sample_shape : tuple of int
        Shape of one sample, channels first; it is flattened.
    hidden_layer_sizes : sequence of int, default=()
        Widths between the input and the code; the decoder has them in reverse.
    latent_dim : int, default=32
        Width of the code.
    activation : str, default="relu"
        A key of ``skdae.nn.ACTIVATIONS``, as "relu", "gelu", "tanh" or "identity".
    returns_logits : bool, default=False
        Whether the output consists of logits, to which the caller applies a sigmoid.
    """

    def __init__(
        self,
        sample_shape: tuple[int, ...],
        *,
        hidden_layer_sizes: Sequence[int] = (),
        latent_dim: int = 32,
        activation: str = "relu",
        returns_logits: bool = False,
    ):
        super().__init__()
        self.sample_shape = tuple(sample_shape)
        self.returns_logits = returns_logits
        sizes = [math.prod(sample_shape), *hidden_layer_sizes, latent_dim]
        self.encoder = MixedSequential(*dense_layers(sizes, activation), exact="first")
        self.decoder = MixedSequential(*dense_layers(sizes[::-1], activation)[:-1], exact="last")

    def encode(self, x: Tensor) -> Tensor:
        """Map samples (n, ...) to codes (n, latent_dim)."""
        return self.encoder(x.flatten(1))

    def decode(self, code: Tensor) -> Tensor:
        """Map codes (n, latent_dim) to samples (n, ...)."""
        return self.decoder(code).unflatten(1, self.sample_shape)

    def hidden_layers(self, x: Tensor) -> list[Tensor]:
        """Map samples (n, ...) to the values of every hidden layer, from the first to the last."""
        return hidden_values(self.encoder, self.decoder, x.flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct samples (n, ...)."""
        return self.decode(self.encode(x))
