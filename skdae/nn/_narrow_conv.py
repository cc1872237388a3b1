"""A convolution from many channels to few, computed as one matrix product."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["NarrowConv2d"]

_PARTS = 16


class NarrowConv2d(nn.Conv2d):
    """A convolution that keeps the size and has few output channels, as at the end of a net.

    Libraries compute 8 or 16 output channels at once, and waste most of that work on one to three.
    On the CPU, this layer computes a plane for each output channel and each place of the kernel in
    one matrix product, then shifts and adds the planes. On other devices, for many output channels,
    and in graphs that torch exports or compiles, it is an ``nn.Conv2d``. The output is float32,
    also for inputs in bfloat16; the gradient has the dtype of the input.

    Parameters
    ----------
    n_in, n_out : int
        Channels.
    kernel_size : int
        Odd width of the kernel.
    """

    def __init__(self, n_in: int, n_out: int, kernel_size: int):
        super().__init__(n_in, n_out, kernel_size, padding=kernel_size // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve images (n, channels, height, width)."""
        assert self.bias is not None
        fewer = self.weight.shape[0] * self.weight[0, 0].numel() <= self.weight.shape[1]
        plain = x.dtype in (torch.float32, torch.bfloat16) and self.weight.dtype == torch.float32
        as_usual = x.device.type != "cpu" or torch.compiler.is_compiling()
        if not fewer or not plain or as_usual or torch.is_autocast_enabled("cpu"):
            return super().forward(x if x.dtype == self.weight.dtype else x.float())
        return _ShiftedPlanes.apply(x, self.weight) + self.bias.view(-1, 1, 1)


class _ShiftedPlanes(torch.autograd.Function):
    """Planes P = W·X; the output is the sum of the planes, each shifted by its offset.

    X has a column for each pixel, W a row for each output channel and offset in the kernel.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        pixels = x.movedim(1, -1).reshape(-1, x.shape[1])
        kernel = weight.movedim(1, -1).reshape(-1, x.shape[1])
        ctx.save_for_backward(pixels, kernel)
        ctx.shapes = x.shape, weight.shape
        n, _, height, width = x.shape
        n_out, _, side, _ = weight.shape
        planes = (kernel @ pixels.T.float()).view(n_out, side, side, n, height, width)
        out = torch.zeros((n_out, n, height + side - 1, width + side - 1))
        for i, j in _offsets(side):
            i_back, j_back = side - 1 - i, side - 1 - j
            out[:, :, i_back : i_back + height, j_back : j_back + width] += planes[:, i, j]
        margin = side // 2
        return out[:, :, margin : margin + height, margin : margin + width].movedim(0, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        pixels, kernel = ctx.saved_tensors
        (n, n_in, height, width), shape = ctx.shapes
        n_out, _, side, _ = shape
        margin = side // 2
        padded = F.pad(gradient.movedim(1, 0), (margin, margin, margin, margin))
        shifted = torch.empty((n_out, side, side, n, height, width), dtype=pixels.dtype)
        for i, j in _offsets(side):
            i_back, j_back = side - 1 - i, side - 1 - j
            shifted[:, i, j] = padded[:, :, i_back : i_back + height, j_back : j_back + width]
        rows, kernel = shifted.view(len(kernel), -1), kernel.to(pixels.dtype)
        to_x = (rows.T @ kernel).view(n, height, width, n_in).movedim(-1, 1)
        # One product over all pixels runs on one core; a batch of products runs on all.
        parts = math.gcd(_PARTS, len(pixels))
        rows, columns = rows.view(len(kernel), parts, -1), pixels.view(parts, -1, n_in)
        to_weight = (rows.movedim(1, 0) @ columns).sum(0, dtype=torch.float32)
        return to_x, to_weight.view(n_out, side, side, n_in).movedim(-1, 1)


def _offsets(side: int) -> Iterator[tuple[int, ...]]:
    return itertools.product(range(side), repeat=2)
