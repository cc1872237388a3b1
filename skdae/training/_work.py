"""How much arithmetic a module takes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skdae.data import module_shape
from skdae.training._batches import Batches

__all__ = ["count_products"]


def count_products(module: nn.Module, batches: Batches) -> int:
    """Count the products of a weight and a value that the forward pass of a batch takes.

    Only layers that are called as modules are counted.
    """
    total = 0

    def count(layer: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        nonlocal total
        values = [x for x in (*inputs, output) if isinstance(x, Tensor)]
        # With a stride, one side of the layer has fewer places: one product a weight at each.
        n_places = min((x[0, 0].numel() for x in values if x.ndim > 2), default=1)
        weights = layer.parameters(recurse=False)
        total += n_places * sum(weight.numel() for weight in weights if weight.ndim > 1)

    layers = [
        layer for layer in module.modules() if next(layer.parameters(False), None) is not None
    ]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.inference_mode():
            shape = (1, *module_shape(batches.sample_shape))
            module.eval()(torch.zeros(shape, device=batches.device))
    finally:
        for hook in hooks:
            hook.remove()
    return total * batches.batch_size
