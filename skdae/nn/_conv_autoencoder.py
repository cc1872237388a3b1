"""The convolutional autoencoder, for signals and images of any size."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from torch import Tensor, nn

from skdae.nn._activations import ACTIVATIONS, INCREASING
from skdae.nn._layers import CONV, MixedSequential, last_conv, pad_to_multiple

__all__ = ["ConvAutoencoder"]

_CONV_TRANSPOSE = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d}
_POOL: dict[str, dict[int, type[nn.Module]]] = {
    "max": {1: nn.MaxPool1d, 2: nn.MaxPool2d},
    "average": {1: nn.AvgPool1d, 2: nn.AvgPool2d},
}


class ConvAutoencoder(nn.Module):
    """Convolutions that halve the size down to a code, and back.

    By default the network of the Keras tutorial: 28,353 parameters on 28x28x1. Sizes that
    the strides do not divide are padded by their last values and cropped back.

    Parameters
    ----------
    sample_shape : tuple of int
        Shape of one sample, (channels, length) or (channels, height, width).
    channels : sequence of int, default=(32, 32)
        Channels of each level; every level halves the size.
    kernel_size : int, default=3
        Odd width of the kernels.
    latent_dim : int or None, default=None
        Width of a dense bottleneck; None keeps the spatial code.
    downsample : {"max", "average", "stride"}, default="max"
        Pooling, or convolutions of stride 2.
    upsample : {"transpose", "nearest"}, default="transpose"
        Transposed convolutions, or repeated values followed by a convolution.
    activation : str, default="relu"
        A key of ``skdae.nn.ACTIVATIONS``, as "relu", "gelu", "tanh" or "identity".
    returns_logits : bool, default=False
        Whether the output consists of logits, to which the caller applies a sigmoid.

    Attributes
    ----------
    stride, reach, width : int, int or None, float
        What :class:`AnySize` asks for. With a dense bottleneck, ``reach`` is None.
    """

    def __init__(
        self,
        sample_shape: tuple[int, ...],
        *,
        channels: Sequence[int] = (32, 32),
        kernel_size: int = 3,
        latent_dim: int | None = None,
        downsample: str = "max",
        upsample: str = "transpose",
        activation: str = "relu",
        returns_logits: bool = False,
    ):
        super().__init__()
        n_channels, *size = sample_shape
        self.size = tuple(size)
        self.stride = 2 ** len(channels)
        # Level l has one convolution on places of 2^l pixels in the encoder, and one on places of
        # 2^(l + 1) in the decoder, hence 3 * 2^l. The last convolution works on pixels. Pooling
        # stays within one stride.
        kernels = (kernel_size // 2) * (1 + sum(3 * 2**level for level in range(len(channels))))
        self.reach = None if latent_dim is not None else kernels + 2 * self.stride
        n_axes = len(size)
        self.width = max(w / 2 ** (level * n_axes) for level, w in enumerate(channels))
        self.returns_logits = returns_logits

        act = ACTIVATIONS[activation]
        conv, conv_transpose = CONV[n_axes], _CONV_TRANSPOSE[n_axes]
        same = kernel_size // 2
        levels = [n_channels, *channels]

        encoder: list[nn.Module] = []
        for n_in, n_out in itertools.pairwise(levels):
            stride = 2 if downsample == "stride" else 1
            encoder += [conv(n_in, n_out, kernel_size, stride, same)]
            pool = [] if downsample == "stride" else [_POOL[downsample][n_axes](2)]
            # An activation that never decreases commutes with max pooling, and after it has a
            # quarter of the values to compute.
            pools_first = downsample == "max" and activation in INCREASING
            encoder += [*pool, act()] if pools_first else [act(), *pool]

        decoder: list[nn.Module] = []
        levels = [channels[-1], *channels[::-1]]
        for n_in, n_out in itertools.pairwise(levels):
            if upsample == "transpose":
                decoder += [conv_transpose(n_in, n_out, kernel_size, 2, same, 1), act()]
            else:
                decoder += [nn.Upsample(scale_factor=2), conv(n_in, n_out, kernel_size, 1, same)]
                decoder += [act()]
        decoder += [last_conv(n_axes, channels[0], n_channels, kernel_size)]

        if latent_dim is not None:
            spatial = (channels[-1], *(math.ceil(side / self.stride) for side in size))
            n_values = math.prod(spatial)
            encoder += [nn.Flatten(), nn.Linear(n_values, latent_dim), act()]
            to_spatial = [nn.Linear(latent_dim, n_values), act(), nn.Unflatten(1, spatial)]
            decoder = [*to_spatial, *decoder]
        self.encoder = MixedSequential(*encoder, exact="first")
        self.decoder = MixedSequential(*decoder, exact="last")

    def encode(self, x: Tensor) -> Tensor:
        """Map samples to codes: (n, channels, ...) or (n, latent_dim)."""
        return self.encoder(pad_to_multiple(x, self.stride))

    def decode(self, code: Tensor) -> Tensor:
        """Map codes to samples of the size that the module was built for."""
        return self.decoder(code)[..., *map(slice, self.size)]

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct samples (n, channels, ...): of any size, unless there is a bottleneck."""
        return self.decoder(self.encode(x))[..., *map(slice, x.shape[2:])]
