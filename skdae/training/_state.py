"""The state of a net as NumPy arrays and plain data."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["from_arrays", "load_module_arrays", "module_arrays", "to_arrays"]


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
    """Give a module the weights of these names and shapes, all of them and no others.

    Raises
    ------
    ValueError
        If a name or a shape does not fit the module.
    """
    needed = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in arrays.items()}
    for name in sorted(needed.keys() | given.keys()):
        if needed.get(name) != given.get(name):
            raise ValueError(
                f"These weights do not fit {owner}: {name!r} must have shape "
                f"{needed.get(name, 'none (no such weight)')}. "
                f"Got {given.get(name, 'none (missing)')}."
            )
    module.load_state_dict(from_arrays(arrays))
