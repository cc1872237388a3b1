"""A convolution from many channels to few, as one product of matrices."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["ConvToFew"]

_PARTS = 16


class ConvToFew(nn.Conv2d):
    """A convolution that keeps the size and leaves few channels, as at the end of a net.

    Kernels of libraries block their loops by 8 or 16 output channels, and waste most of a block on
    one to three. On the CPU, one product makes a plane for each output channel and place of the
    kernel; the planes are shifted and added. Elsewhere, and for many channels, it is an
    ``nn.Conv2d``. The output is float32, for inputs in bfloat16 too, whose gradients are bfloat16.

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
        if not fewer or not plain or x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
            return super().forward(x if x.dtype == self.weight.dtype else x.float())
        return _Planes.apply(x, self.weight) + self.bias.view(-1, 1, 1)


class _Planes(torch.autograd.Function):
    """With the columns of x, one a pixel, and the rows of W, one a place of the kernel: P = W·X.

    The output is the sum of the planes P, each shifted to its place.
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
        for i, j in _places(side):
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
        for i, j in _places(side):
            i_back, j_back = side - 1 - i, side - 1 - j
            shifted[:, i, j] = padded[:, :, i_back : i_back + height, j_back : j_back + width]
        rows, kernel = shifted.view(len(kernel), -1), kernel.to(pixels.dtype)
        to_x = (rows.T @ kernel).view(n, height, width, n_in).movedim(-1, 1)
        # A product over all pixels keeps one core busy; one for each part keeps all.
        parts = math.gcd(_PARTS, len(pixels))
        rows, columns = rows.view(len(kernel), parts, -1), pixels.view(parts, -1, n_in)
        to_weight = (rows.movedim(1, 0) @ columns).sum(0, dtype=torch.float32)
        return to_x, to_weight.view(n_out, side, side, n_in).movedim(-1, 1)


def _places(side: int) -> Iterator[tuple[int, ...]]:
    return itertools.product(range(side), repeat=2)
