"""The convolutional autoencoder, for signals and images of any size."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from skdae.nn._activations import ACTIVATIONS, INCREASING
from skdae.nn._float32 import apply_layers, in_float32, to_autocast_dtype
from skdae.nn._narrow_conv import NarrowConv2d

__all__ = ["CONV", "ConvAutoencoder", "crop", "last_conv", "pad_to_multiple"]

CONV = {1: nn.Conv1d, 2: nn.Conv2d}
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
        A key of ``ACTIVATIONS``.
    returns_logits : bool, default=False
        Whether the output consists of logits, to which the caller applies a sigmoid.

    Attributes
    ----------
    stride : int
        Pixels, or steps of a signal, along each axis that make one place of the code.
    reach : int or None
        How far from a value of the output the input may lie that it depends on, in pixels. None,
        with a dense bottleneck: the module takes only the size that it was built for.
    width : float
        Values that the widest layer holds for each pixel of the input.
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
        # Each level has a convolution at its finer stride in the encoder, and one at its coarser
        # stride in the decoder; pooling stays within one stride.
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
            # An activation that never decreases commutes with max pooling. After pooling it has
            # a quarter of the values to compute.
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
            decoder = [
                nn.Linear(latent_dim, n_values),
                act(),
                nn.Unflatten(1, spatial),
                *decoder,
            ]
        self.encoder = nn.Sequential(*encoder)
        self.decoder = nn.Sequential(*decoder)

    def encode(self, x: Tensor) -> Tensor:
        """Map samples to codes: (n, channels, ...) or (n, latent_dim)."""
        first, *others = self.encoder
        x = to_autocast_dtype(in_float32(first, pad_to_multiple(x, self.stride)))
        return apply_layers(others, x)

    def decode(self, code: Tensor) -> Tensor:
        """Map codes to samples of the size that the module was built for."""
        return crop(self._decode(code), self.size)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct samples (n, channels, ...): of any size, unless there is a bottleneck."""
        return crop(self._decode(self.encode(x)), tuple(x.shape[2:]))

    def _decode(self, code: Tensor) -> Tensor:
        *others, last = self.decoder
        return in_float32(last, apply_layers(others, code))


def last_conv(n_axes: int, n_in: int, n_out: int, kernel_size: int) -> nn.Module:
    """Return the last convolution of a net: it keeps the size and has few output channels."""
    if n_axes == 2:
        return NarrowConv2d(n_in, n_out, kernel_size)
    return CONV[n_axes](n_in, n_out, kernel_size, padding=kernel_size // 2)


def pad_to_multiple(x: Tensor, stride: int) -> Tensor:
    """Repeat the last values of each spatial axis until the stride divides its size."""
    padding = [p for side in x.shape[:1:-1] for p in (0, -side % stride)]
    return F.pad(x, padding, mode="replicate") if any(padding) else x


def crop(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Cut the spatial axes to ``size``."""
    for axis, side in enumerate(size, start=2):
        x = x.narrow(axis, 0, side)
    return x
