"""The state of a net as NumPy arrays and plain data."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch import Tensor, nn

__all__ = [
    "from_arrays",
    "load_module_arrays",
    "load_net_arrays",
    "load_optimizer_arrays",
    "module_arrays",
    "net_arrays",
    "to_arrays",
]

_PLAIN = (bool, int, float, str)


def to_arrays(state: Any) -> Any:
    """Replace the tensors of a nested state by arrays, which own their memory."""
    if isinstance(state, Tensor):
        return state.detach().cpu().numpy().copy()
    if isinstance(state, dict):
        return {key: to_arrays(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(to_arrays(value) for value in state)
    return state


def from_arrays(state: Any) -> Any:
    """Replace the arrays of a nested state by tensors, which own their memory."""
    if isinstance(state, np.ndarray):
        return torch.from_numpy(np.array(state))
    if isinstance(state, dict):
        return {key: from_arrays(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(from_arrays(value) for value in state)
    return state


def module_arrays(module: nn.Module) -> dict[str, np.ndarray]:
    """Return weights and buffers by name, in plain memory order."""
    return {name: to_arrays(value.contiguous()) for name, value in module.state_dict().items()}


def load_module_arrays(module: nn.Module, arrays: dict[str, np.ndarray], owner: str) -> None:
    """Give a module the weights of these names, shapes and dtypes, all of them and no others.

    Raises
    ------
    ValueError
        If a name, a shape or a dtype does not fit the module.
    """
    needed = {name: _described(value) for name, value in module.state_dict().items()}
    given = {name: _described(value) for name, value in arrays.items()}
    for name in sorted(needed.keys() | given.keys()):
        if needed.get(name) != given.get(name):
            raise ValueError(
                f"These weights do not fit {owner}: {name!r} must have "
                f"{needed.get(name, 'no shape (no such weight)')}. "
                f"Got {given.get(name, 'none (missing)')}."
            )
    module.load_state_dict(from_arrays(arrays))


def _described(value: Tensor | np.ndarray) -> str:
    return f"shape {tuple(value.shape)} and dtype {str(value.dtype).removeprefix('torch.')}"


def load_optimizer_arrays(optimizer: torch.optim.Optimizer, state: dict) -> None:
    """Give an optimizer the state that ``to_arrays`` made of its own.

    What an optimizer keeps of a weight, such as its moments, gets the memory layout of the
    weight, which arrays do not have: fused kernels pair the two by their place in memory.
    """
    optimizer.load_state_dict(from_arrays(state))
    for weight, kept in optimizer.state.items():
        for name, value in kept.items():
            if isinstance(value, Tensor) and value.ndim > 1 and value.shape == weight.shape:
                kept[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)


def net_arrays(net: NeuralNet) -> dict[str, Any]:
    """Return weights, history and what the optimizer keeps as arrays and plain data."""
    optimizer = net.optimizer_
    return {
        "weights": module_arrays(net.module_),
        "history": [
            {key: value for key, value in epoch.items() if isinstance(value, _PLAIN)}
            for epoch in net.history
        ],
        "optimizer": to_arrays(optimizer.state_dict()) if optimizer.state else None,
    }


def load_net_arrays(net: NeuralNet, saved: dict[str, Any]) -> None:
    """Give a net what ``net_arrays`` returned of one like it.

    Raises
    ------
    ValueError
        If the weights do not fit the module.
    """
    load_module_arrays(net.module_, saved["weights"], net.owner)
    del net.history[:]
    for epoch in saved["history"]:
        net.history.new_epoch()
        net.history[-1].update(epoch)
    if saved["optimizer"] is not None:
        load_optimizer_arrays(net.optimizer_, saved["optimizer"])
