"""The residual U-Net, for signals and images of any size."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import Tensor, nn

from skdae.nn._layers import (
    CONV,
    PIXEL_SHUFFLE,
    PIXEL_UNSHUFFLE,
    ResidualBlock,
    in_float32,
    last_conv,
    pad_to_multiple,
)

__all__ = ["ResidualUNet"]


class ResidualUNet(nn.Module):
    """Residual blocks on levels that halve the size, and back.

    First, squares of pixels become channels (pixel-unshuffle), so that no convolution works at the
    full size. From level to level, a convolution of stride 2 halves the size. On the way up,
    pixel-shuffle doubles it, and the features of that level from the way down are added (skip
    connections). Every block starts as the identity. Sizes that the strides do not divide are
    padded by their last values and cropped back.

    Parameters
    ----------
    sample_shape : tuple of int
        Shape of one sample, (channels, length) or (channels, height, width).
    channels : sequence of int, default=(32, 64)
        Channels of each level, from the finest.
    n_blocks : int, default=2
        Residual blocks of each level, on the way down and on the way up.
    kernel_size : int, default=3
        Odd width of the kernels.
    unshuffle : int, default=2
        Side of the squares of pixels that become channels; 1 works at the full size.
    activation : str, default="gelu"
        A key of ``skdae.nn.ACTIVATIONS``, as "relu", "gelu", "tanh" or "identity".
    residual : bool, default=False
        Whether the net computes what to add to the input, instead of the clean sample.
    returns_logits : bool, default=False
        Whether the output consists of logits, to which the caller applies a sigmoid.

    Attributes
    ----------
    stride, reach, width : int, int, float
        What :class:`AnySize` asks for. The code is the features of the deepest level.
    """

    def __init__(
        self,
        sample_shape: tuple[int, ...],
        *,
        channels: Sequence[int] = (32, 64),
        n_blocks: int = 2,
        kernel_size: int = 3,
        unshuffle: int = 2,
        activation: str = "gelu",
        residual: bool = False,
        returns_logits: bool = False,
    ):
        super().__init__()
        n_channels, *size = sample_shape
        n_axes = len(size)
        self.stride = unshuffle * 2 ** (len(channels) - 1)
        # The first and the last convolution, and two for each block. All levels have blocks on the
        # way down, all but the deepest on the way up. What unshuffling and halving put into one
        # place lies within one stride.
        strides = [unshuffle * 2**level for level in range(len(channels))]
        n_convs = 2 * unshuffle + 4 * n_blocks * sum(strides) - 2 * n_blocks * strides[-1]
        self.reach = (kernel_size // 2) * n_convs + self.stride
        self.width = max(w / s**n_axes for w, s in zip(channels, strides, strict=True))
        self.residual = residual
        self.returns_logits = returns_logits

        conv = CONV[n_axes]

        def blocks(width: int) -> nn.Sequential:
            settings = n_axes, width, kernel_size, activation
            return nn.Sequential(*(ResidualBlock(*settings) for _ in range(n_blocks)))

        n_unshuffled = n_channels * unshuffle**n_axes
        self.unshuffle = PIXEL_UNSHUFFLE[n_axes](unshuffle)
        self.first = conv(n_unshuffled, channels[0], kernel_size, padding=kernel_size // 2)
        self.ways_down = nn.ModuleList(blocks(width) for width in channels)
        self.halvings = nn.ModuleList(
            conv(fine, coarse, 2, 2) for fine, coarse in itertools.pairwise(channels)
        )
        self.doublings = nn.ModuleList(
            conv(coarse, fine * 2**n_axes, 1) for fine, coarse in itertools.pairwise(channels)
        )
        self.ways_up = nn.ModuleList(blocks(width) for width in channels[:-1])
        self.shuffle_by_2 = PIXEL_SHUFFLE[n_axes](2)
        self.last = last_conv(n_axes, channels[0], n_unshuffled, kernel_size)
        self.shuffle = PIXEL_SHUFFLE[n_axes](unshuffle)

    def encode(self, x: Tensor) -> Tensor:
        """Map samples to the features of the deepest level: (n, channels[-1], ...)."""
        return self._down(x)[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Denoise samples (n, channels, ...) of any size."""
        *skips, out = self._down(x)
        for doubling, way_up, skip in zip(
            reversed(self.doublings), reversed(self.ways_up), reversed(skips), strict=True
        ):
            out = way_up(self.shuffle_by_2(doubling(out)) + skip)
        out = self.shuffle(in_float32(self.last, out))[..., *map(slice, x.shape[2:])]
        return x + out if self.residual else out

    def _down(self, x: Tensor) -> list[Tensor]:
        """Return the features of each level, from the finest to the deepest."""
        x = self.unshuffle(pad_to_multiple(x, self.stride))
        features = [self.ways_down[0](in_float32(self.first, x, rounds=True))]
        for halving, way_down in zip(self.halvings, self.ways_down[1:], strict=True):
            features.append(way_down(halving(features[-1])))
        return features
