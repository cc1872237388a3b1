"""Samples as they were read, what is measured of them, and the way back to what they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skdae.data._arrays import rows_to_tensor
from skdae.data._dtypes import as_fraction, restore_dtype, row_dtype
from skdae.data._lists import Rows, first_of_another_shape
from skdae.data._stored import Stored, read_ahead
from skdae.data._units import Units, measure_units

__all__ = ["Batch", "Samples"]


class Batch(NamedTuple):
    """Samples of one size, which go through a net together.

    Attributes
    ----------
    rows : ndarray of shape (n, ...)
        The samples, flat or with their axes.
    sample_shape : tuple of int
        What a row is, channels last.
    alone : bool
        Whether this is one sample that came alone, not one of an array.
    """

    rows: np.ndarray
    sample_shape: tuple[int, ...]
    alone: bool = False

    def values(self, which: slice = slice(None)) -> np.ndarray:
        """Return flat rows: uint8, uint16 or float32."""
        rows = self.rows[which]
        if isinstance(rows, list):
            rows = np.stack([sample[:] for sample in rows])
        rows = np.ascontiguousarray(rows, dtype=row_dtype(rows.dtype))
        return rows if rows.ndim == 2 else rows.reshape(len(rows), -1)

    def fractions(self) -> np.ndarray:
        """Return flat rows as float32, images of integers as fractions of their range."""
        return as_fraction(rows_to_tensor(self.values())).numpy()


@dataclass(frozen=True)
class Samples:
    """What was read: the rows of an array, or the samples of a list.

    Attributes
    ----------
    rows : Rows
        Their values.
    shape : tuple of int
        Shape of the data; None stands for each side of the samples of a list.
    sample_shape : tuple of int
        What a row is, channels last; of a list, what its samples are compared with.
    shapes : sequence of tuple of int, default=()
        How each sample of a list came, and goes back.
    alone : bool, default=False
        Whether an array is one sample, without an axis of samples.
    as_list : bool, default=False
        Whether an array was a list of samples of one size.
    """

    rows: Rows
    shape: tuple[int | None, ...]
    sample_shape: tuple[int, ...]
    shapes: Sequence[tuple[int, ...]] = ()
    alone: bool = False
    as_list: bool = False

    @property
    def is_list(self) -> bool:
        """Whether these are the samples of a list, of any sizes."""
        return isinstance(self.rows, list)

    @property
    def parts(self) -> list[np.ndarray]:
        """The arrays that hold the values."""
        return self.rows if isinstance(self.rows, list) else [self.rows]

    @property
    def dtype(self) -> np.dtype:
        """The dtype in which the values are kept."""
        return row_dtype(self.parts[0].dtype)

    @cached_property
    def highest(self) -> float:
        """The highest value."""
        return max(float(part.max()) for part in self.parts)

    @cached_property
    def lowest(self) -> float:
        """The lowest value."""
        return min(float(part.min()) for part in self.parts)

    @cached_property
    def units(self) -> Units:
        """Mean of each channel, and the standard deviation within channels."""
        return measure_units(self.parts, self.sample_shape)

    def sample_shapes(self) -> list[tuple[int, ...]]:
        """Return the shape of a sample of an array, or that of each sample of a list."""
        return [row.shape for row in self.rows] if self.is_list else [self.sample_shape]

    @property
    def is_stored(self) -> bool:
        """Whether the values stay in a file, and are read in parts."""
        return isinstance(self.rows, Stored)

    def in_memory(self) -> Iterator[Samples]:
        """Yield the samples in parts that fit into memory, in their order."""
        if not isinstance(self.rows, Stored):
            yield self
            return
        for rows in read_ahead(self.rows.__getitem__, self.rows.blocks()):
            yield replace(self, rows=rows, shape=(len(rows), *self.shape[1:]))

    def take(self, kept: np.ndarray) -> Samples:
        """Return some of the samples, which are in memory, by a mask."""
        if isinstance(self.rows, list):
            indices = np.flatnonzero(kept).tolist()
            rows: Rows = [self.rows[index] for index in indices]
            shapes = [self.shapes[index] for index in indices if self.shapes]
        else:
            rows, shapes = self.rows[kept], []
        return replace(self, rows=rows, shape=(len(rows), *self.shape[1:]), shapes=shapes)

    def images(self) -> list[np.ndarray]:
        """View the samples with their axes, (..., channels)."""
        if isinstance(self.rows, list):
            return self.rows
        if isinstance(self.rows, Stored):
            source, owner, shape = self.rows.source, self.rows.owner, self.sample_shape
            return [Stored(source, shape, owner, index=i) for i in range(len(self.rows))]
        return list(self.rows.reshape(-1, *self.sample_shape))

    def batches(self) -> Iterator[Batch]:
        """Yield what goes through a net together: an array, or one sample of a list."""
        if isinstance(self.rows, list):
            for sample in self.rows:
                rows = [sample] if isinstance(sample, Stored) else sample[np.newaxis]
                yield Batch(rows, sample.shape, True)
        else:
            yield Batch(self.rows, self.sample_shape, self.alone)

    def restore(self, results: Sequence[Tensor]) -> np.ndarray | list[np.ndarray]:
        """Return rows for each batch as the samples came: their shape, dtype and container."""
        dtype = getattr(torch, self.dtype.name)
        shapes: Sequence[tuple] = self.shapes or [self.shape]
        arrays = [
            restore_dtype(rows, dtype).numpy().reshape(shape)
            for rows, shape in zip(results, shapes, strict=True)
        ]
        if self.is_list:
            return arrays
        return list(arrays[0]) if self.as_list else arrays[0]

    def as_one_batch(self, owner: str) -> Batch:
        """Return all samples as one batch, to encode.

        Raises
        ------
        ValueError
            If they are of different sizes, which have codes of different lengths.
        """
        if not isinstance(self.rows, list):
            return next(self.batches())
        index = first_of_another_shape(self.rows)
        if index is not None:
            raise ValueError(
                f"{owner} encodes samples of one size, so that all codes have one length. Got X[0] "
                f"of shape {self.rows[0].shape} and X[{index}] of shape {self.rows[index].shape}."
            )
        return Batch(np.stack(self.rows), self.rows[0].shape)
