"""Run single layers in float32 while autocast runs the others in bfloat16."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from skdae.nn._narrow_conv import NarrowConv2d

__all__ = ["apply_layers", "in_float32", "to_autocast_dtype"]


def in_float32(layer: nn.Module, x: Tensor) -> Tensor:
    """Apply a layer in float32, also inside of autocast.

    bfloat16 has a mantissa of eight bits. In it, the first layer would round the input, and the
    last one the output, to 128 levels between one power of two and the next.
    """
    if not _autocast_is_on(x):
        return layer(x)
    with torch.autocast(x.device.type, enabled=False):
        return layer(x if isinstance(layer, NarrowConv2d) else x.float())


def to_autocast_dtype(x: Tensor) -> Tensor:
    """Convert a tensor to the dtype of autocast before the next product would do so."""
    return x.to(torch.get_autocast_dtype(x.device.type)) if _autocast_is_on(x) else x


def _autocast_is_on(x: Tensor) -> bool:
    kind = x.device.type
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)


def apply_layers(layers: Iterable[nn.Module], x: Tensor) -> Tensor:
    """Apply layers one after another, in float32 where bfloat16 would return garbage."""
    for layer in layers:
        x = in_float32(layer, x) if _needs_float32(layer, x) else layer(x)
    return x


def _needs_float32(layer: nn.Module, x: Tensor) -> bool:
    """Return whether a layer has a stride and its input or output is 1 pixel wide.

    On processors with AMX, oneDNN's kernels for it in bfloat16 read uninitialized memory (torch
    2.13): gradients are of any size, or NaN.
    """
    if isinstance(layer, nn.ConvTranspose2d):
        return x.shape[-1] == 1
    return isinstance(layer, nn.Conv2d) and layer.stride != (1, 1) and x.shape[-1] <= 2
