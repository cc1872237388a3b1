"""How much arithmetic a module takes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from skdae.layout import module_shape

__all__ = ["count_products"]


def count_products(module: nn.Module, sample_shape: tuple[int, ...], device: torch.device) -> int:
    """Count the products of a weight and a value that a forward pass of one sample takes.

    Layers that are not called as modules are not seen.
    """
    total = 0

    def count(layer: nn.Module, inputs: Any, output: Any) -> None:
        nonlocal total
        values = [x for x in (*inputs, output) if isinstance(x, Tensor)]
        # A stride leaves fewer places on one side of the layer, and so many products are taken.
        n_places = min((x[0, 0].numel() for x in values if x.ndim > 2), default=1)
        weights = layer.parameters(recurse=False)
        total += n_places * sum(weight.numel() for weight in weights if weight.ndim > 1)

    layers = [
        layer for layer in module.modules() if next(layer.parameters(False), None) is not None
    ]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.inference_mode():
            module.eval()(torch.zeros((1, *module_shape(sample_shape)), device=device))
    finally:
        for hook in hooks:
            hook.remove()
    return total
