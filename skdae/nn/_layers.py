"""What the modules are made of, beside the layers of torch."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skdae.nn._activations import ACTIVATIONS
from skdae.nn._narrow_conv import NarrowConv2d

__all__ = [
    "CONV",
    "PIXEL_SHUFFLE",
    "PIXEL_UNSHUFFLE",
    "MixedSequential",
    "ResidualBlock",
    "dense_layers",
    "hidden_values",
    "in_float32",
    "last_conv",
    "pad_to_multiple",
]

CONV = {1: nn.Conv1d, 2: nn.Conv2d}


def dense_layers(sizes: Sequence[int], activation: str) -> list[nn.Module]:
    """Return linear layers between these widths, each with the activation behind it."""
    layers: list[nn.Module] = []
    for n_inputs, n_outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(n_inputs, n_outputs), ACTIVATIONS[activation]()]
    return layers


class MixedSequential(nn.Sequential):
    """Layers one after another, some of which run in float32 also inside of autocast.

    Parameters
    ----------
    *layers : Module
        The layers.
    exact : {"first", "last"}
        The layer that always runs in float32; others do so where bfloat16 returns garbage.
        bfloat16 has a mantissa of eight bits: the first layer of a net would round the input, and
        the last one the output, to 128 levels between one power of two and the next.
    """

    def __init__(self, *layers: nn.Module, exact: Literal["first", "last"]):
        super().__init__(*layers)
        self._float32_up_to = [_widest_in_float32(layer) for layer in layers]
        self._float32_up_to[0 if exact == "first" else -1] = math.inf
        self._rounds = exact == "first"

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layers."""
        if not _autocast_is_on(x):
            return super().forward(x)
        return deque(self.after_each(x), maxlen=1).pop()

    def after_each(self, x: Tensor) -> Iterator[Tensor]:
        """Yield what each layer returns; one that works in place overwrites what came before."""
        mixed = _autocast_is_on(x)
        for layer, widest in zip(self, self._float32_up_to, strict=True):
            if not mixed or x.shape[-1] > widest:
                x = layer(x)
            else:
                x = in_float32(layer, x, rounds=self._rounds and widest == math.inf)
            yield x


def hidden_values(encoder: MixedSequential, decoder: MixedSequential, x: Tensor) -> list[Tensor]:
    """Return the values of every hidden layer of dense layers, from the first to the last."""
    # An activation follows each layer but the last one.
    before = list(encoder.after_each(x))[1::2]
    return before + list(decoder.after_each(before[-1]))[1::2]


def _widest_in_float32(layer: nn.Module) -> float:
    """Return the width of the widest images for which a layer runs in float32; 0 for none.

    On processors with AMX, oneDNN's bfloat16 kernels read uninitialized memory if a layer has a
    stride and its input or output is 1 pixel wide (torch 2.13): gradients are of any size, or NaN.
    """
    if isinstance(layer, nn.ConvTranspose2d):
        return 1
    return 2 if isinstance(layer, nn.Conv2d) and layer.stride != (1, 1) else 0


def in_float32(layer: nn.Module, x: Tensor, *, rounds: bool = False) -> Tensor:
    """Apply a layer in float32, also inside of autocast.

    With ``rounds``, the output is then converted to the dtype of autocast.
    """
    if not _autocast_is_on(x):
        return layer(x)
    kind = x.device.type
    with torch.autocast(kind, enabled=False):
        out = layer(x if isinstance(layer, NarrowConv2d) else x.float())
    return out.to(torch.get_autocast_dtype(kind)) if rounds else out


def _autocast_is_on(x: Tensor) -> bool:
    kind = x.device.type
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)


def last_conv(n_axes: int, n_in: int, n_out: int, kernel_size: int) -> nn.Module:
    """Return the last convolution of a net: it keeps the size and has few output channels."""
    if n_axes == 2:
        return NarrowConv2d(n_in, n_out, kernel_size)
    return CONV[n_axes](n_in, n_out, kernel_size, padding=kernel_size // 2)


def pad_to_multiple(x: Tensor, stride: int) -> Tensor:
    """Repeat the last values of each spatial axis until the stride divides its size."""
    sides = x.shape[:1:-1]
    padding = [p for side in sides for p in (0, -side % stride)]
    # An exported graph knows no sizes yet, and pads by what they will need.
    needed = any(isinstance(side, torch.SymInt) for side in sides) or any(padding)
    return F.pad(x, padding, mode="replicate") if needed else x


class ResidualBlock(nn.Module):
    """x + conv(act(conv(x))), where the second convolution starts with zeros."""

    def __init__(self, n_axes: int, width: int, kernel_size: int, activation: str):
        super().__init__()
        self.inner = nn.Sequential(
            CONV[n_axes](width, width, kernel_size, padding=kernel_size // 2),
            ACTIVATIONS[activation](),
            CONV[n_axes](width, width, kernel_size, padding=kernel_size // 2),
        )
        for parameter in self.inner[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Return samples of x's shape."""
        return x + self.inner(x)


class PixelUnshuffle1d(nn.PixelUnshuffle):
    """Turn stretches of a signal into channels, as torch does with squares of pixels."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, channels * factor, length / factor)."""
        return x.unflatten(2, (-1, self.downscale_factor)).movedim(3, 2).flatten(1, 2)


class PixelShuffle1d(nn.PixelShuffle):
    """Turn channels back into stretches of a signal."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, channels / factor, length * factor)."""
        return x.unflatten(1, (-1, self.upscale_factor)).movedim(2, 3).flatten(2, 3)


PIXEL_SHUFFLE = {1: PixelShuffle1d, 2: nn.PixelShuffle}
PIXEL_UNSHUFFLE = {1: PixelUnshuffle1d, 2: nn.PixelUnshuffle}
