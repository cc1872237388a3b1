"""Arrays as tensors and back: shared memory, and axes of channels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["from_channels_first", "module_shape", "rows_to_tensor", "to_channels_first"]


def module_shape(sample_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of one sample as a module sees it: channels first."""
    return (sample_shape[-1], *sample_shape[:-1]) if len(sample_shape) > 1 else sample_shape


def to_channels_first(rows: Tensor, sample_shape: tuple[int, ...]) -> Tensor:
    """View rows ``(n, values)`` as the tensor a module takes."""
    if len(sample_shape) == 1:
        return rows
    return rows.reshape(len(rows), *sample_shape).movedim(-1, 1)


def from_channels_first(x: Tensor) -> Tensor:
    """Flatten what a module gives back into rows ``(n, values)``."""
    return x if x.ndim == 2 else x.movedim(1, -1).flatten(1)


def rows_to_tensor(rows: np.ndarray) -> Tensor:
    """Share the memory of an array with a tensor, which is to be read and never written.

    Strided arrays and read-only ones are shared too; what torch cannot read is copied: another
    byte order, negative strides, and strides that are not whole numbers of values.
    """
    rows = rows.astype(rows.dtype.newbyteorder("="), copy=False)
    if any(stride < 0 or stride % rows.itemsize for stride in rows.strides):
        rows = rows.copy()
    return torch.from_numpy(rows if rows.flags.writeable else np.asarray(_AsWritable(rows)))


class _AsWritable:
    """The memory of a read-only array, of which torch would warn, under another flag."""

    def __init__(self, array: np.ndarray):
        self.array = array
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}
