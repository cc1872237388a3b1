"""Whose a module is, and how its inputs lie in memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["channels_last", "has_only_known_layers"]


def has_only_known_layers(module: nn.Module) -> bool:
    """Whether a module and its layers come from skdae or torch, and have no hooks."""
    return type(module).__module__.startswith("skdae.") and all(
        type(part).__module__.split(".")[0] in ("skdae", "torch")
        and not part._forward_hooks
        and not part._forward_pre_hooks
        for part in module.modules()
    )


def channels_last(x: Tensor) -> Tensor:
    """Lay images out in memory as convolutions are fastest on them."""
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
