"""Random tensors of the shape, dtype and device of another."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["normal_like", "uniform_like"]


def normal_like(x: Tensor, generator: torch.Generator) -> Tensor:
    """Draw N(0, 1) for every value of x."""
    return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)


def uniform_like(x: Tensor, generator: torch.Generator) -> Tensor:
    """Draw U[0, 1) for every value of x."""
    return torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)
