"""Layers that stay in float32 where all others compute in bfloat16."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from skdae.nn._to_few import ConvToFew

__all__ = ["as_autocast", "in_float32", "through"]


def in_float32(layer: nn.Module, x: Tensor) -> Tensor:
    """Apply a layer in float32, also inside of autocast.

    bfloat16 has eight bits of mantissa: the first layer would round the input to 256 levels an
    octave, and the last one the output.
    """
    if not _autocasts(x):
        return layer(x)
    with torch.autocast(x.device.type, enabled=False):
        return layer(x if isinstance(layer, ConvToFew) else x.float())


def as_autocast(x: Tensor) -> Tensor:
    """Convert a tensor as the next layer of autocast would, before cheap layers see it."""
    return x.to(torch.get_autocast_dtype(x.device.type)) if _autocasts(x) else x


def _autocasts(x: Tensor) -> bool:
    kind = x.device.type
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)


def through(layers: Iterable[nn.Module], x: Tensor) -> Tensor:
    """Apply layers one after another."""
    for layer in layers:
        x = in_float32(layer, x) if _reads_beyond(layer, x) else layer(x)
    return x


def _reads_beyond(layer: nn.Module, x: Tensor) -> bool:
    """Whether a layer strides to, or from, images of width 1.

    On processors with AMX, oneDNN's kernels in bfloat16 return what was in memory before (torch
    2.13): gradients of any size, or NaN.
    """
    if isinstance(layer, nn.ConvTranspose2d):
        return x.shape[-1] == 1
    return isinstance(layer, nn.Conv2d) and layer.stride != (1, 1) and x.shape[-1] <= 2
