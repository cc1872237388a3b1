"""How much arithmetic a module takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

__all__ = ["counted_products"]


@contextmanager
def counted_products(module: nn.Module) -> Iterator[list[int]]:
    """Count the products of a weight and a value in the forward passes inside of the block.

    Only layers that are called as modules are counted, and one sample of the batch.

    Yields
    ------
    counts : list of int
        The number of each call of a layer, when it is over.
    """
    counts: list[int] = []

    def count(layer: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        values = [x for x in (*inputs, output) if isinstance(x, Tensor)]
        # With a stride, one side of the layer has fewer places: one product a weight at each.
        n_places = min((x[0, 0].numel() for x in values if x.ndim > 2), default=1)
        weights = layer.parameters(recurse=False)
        counts.append(n_places * sum(weight.numel() for weight in weights if weight.ndim > 1))

    layers = [part for part in module.modules() if next(part.parameters(False), None) is not None]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        yield counts
    finally:
        for hook in hooks:
            hook.remove()
