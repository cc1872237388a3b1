"""Arrays that are too large for memory: they stay in their files, and are read in parts."""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar, cast

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator

from skdae._checks import Data, check_finite, check_kind, validate_rows
from skdae.data._dtypes import ROW_DTYPES, row_dtype

__all__ = ["Stored", "forget_pages", "is_in_a_file", "is_stored", "read_ahead", "stored_rows"]

Part = TypeVar("Part")
Whole = TypeVar("Whole")

# Data up to this size are read into memory, and learned as arrays are.
_LARGEST_IN_MEMORY = 2**29
# Bytes of consecutive rows that are read at once.
_BLOCK_BYTES = 2**22


def is_stored(X: Data) -> bool:
    """Whether X is an array in a file, or a lazy one, that is too large to be read whole.

    Arrays of Zarr, HDF5 and Dask are told by their attribute ``chunks``; a memory map is an array
    of NumPy with a file behind it.
    """
    if not is_in_a_file(X) or len(X.shape) < 2:
        return False
    if not all(isinstance(side, (int, np.integer)) for side in X.shape):
        raise ValueError(
            f"Got a lazy array of unknown shape {X.shape}: call its compute_chunk_sizes() first."
        )
    return math.prod(X.shape) * row_dtype(np.dtype(X.dtype)).itemsize > _LARGEST_IN_MEMORY


def is_in_a_file(X: Data) -> bool:
    """Whether X is an array that is read from a file, or computed, when it is sliced."""
    lazy = hasattr(X, "chunks") and hasattr(X, "dtype") and not hasattr(X, "columns")
    return lazy or isinstance(X, np.memmap)


def stored_rows(
    X: Data, estimator: BaseEstimator, *, reset: bool
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Check the first sample as others are checked; return flat rows, and X's shape."""
    validate_rows(estimator, np.asarray(X[:1]), reset=reset, dtype=ROW_DTYPES, finite=False)
    return Stored.rows_of(X, type(estimator).__name__), tuple(X.shape)


class Stored:
    """An array in a file as what it would be in memory: flat rows, or one sample with its axes.

    Each part that is read is checked for missing values.

    Parameters
    ----------
    source : array-like with shape, dtype and slices
        A memory map, or an array of Zarr, HDF5 or Dask.
    shape : tuple of int
        Shape of the array as it is seen: that of the source with its axes flattened from the
        second one on, or with an axis of channels added.
    owner, name : str
        Of the estimator and the data, for messages.
    index : int or None, default=None
        Which sample of the source is seen; None is the whole source.
    """

    def __init__(
        self,
        source: Data,
        shape: tuple[int, ...],
        owner: str,
        name: str = "X",
        *,
        index: int | None = None,
    ):
        check_kind(np.dtype(source.dtype), owner, name)
        self.source = source
        self.shape = shape
        self.owner = owner
        self.name = name
        self.first = () if index is None else (index,)
        self.dtype = row_dtype(np.dtype(source.dtype).newbyteorder("="))
        self.checks = not get_config()["assume_finite"]

    @classmethod
    def rows_of(cls, X: Data, owner: str, name: str = "X") -> np.ndarray:
        """View samples as flat rows, which stand in for an array of them."""
        return cast(np.ndarray, cls(X, (X.shape[0], math.prod(X.shape[1:])), owner, name))

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of values."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        """Return the length of the first axis."""
        return self.shape[0]

    def __getitem__(self, which: slice | tuple[slice, ...]) -> np.ndarray:
        """Read a part: slices of the first axes."""
        which = which if isinstance(which, tuple) else (which,)
        first, *others = which
        if first.step not in (None, 1) and not self.first:
            # Formats read all chunks for a slice with a step.
            rows = range(*first.indices(len(self)))
            return np.concatenate([self[(slice(row, row + 1), *others)] for row in rows])
        key = (*self.first, *which)[: len(self.source.shape)]
        part = np.array(self.source[key], dtype=self.dtype)
        forget_pages(self.source)
        if self.checks:
            check_finite(part, self.owner, self.name)
        return part.reshape(*part.shape[: len(which)], *self.shape[len(which) :])

    def reshape(self, *shape: int) -> Stored:
        """Return itself: a sample has its axes."""
        if shape != self.shape:
            raise ValueError(f"{self.shape} cannot be {shape}")
        return self

    def blocks(self) -> Iterator[slice]:
        """Yield consecutive rows, which are read at once: whole chunks of the file."""
        step = self.block_length()
        for start in range(0, len(self), step):
            yield slice(start, min(start + step, len(self)))

    def block_length(self) -> int:
        """Return the rows of a block."""
        row_bytes = self.dtype.itemsize * math.prod(self.shape[1:])
        rows = max(1, _BLOCK_BYTES // row_bytes)
        chunk = getattr(self.source, "chunks", None)
        chunk = chunk[0] if chunk else 1
        chunk = chunk if isinstance(chunk, (int, np.integer)) else max(chunk)  # Dask has all
        return int(-(-rows // chunk) * chunk)

    def max(self) -> float:
        """Return the highest value."""
        return max(float(self[block].max()) for block in self.blocks())

    def min(self) -> float:
        """Return the lowest value."""
        return min(float(self[block].min()) for block in self.blocks())


def read_ahead(read: Callable[[Part], Whole], parts: Iterable[Part]) -> Iterator[Whole]:
    """Yield what is read of each part, while a thread reads the next one."""
    with ThreadPoolExecutor(1, thread_name_prefix="skdae-read") as reader:
        coming: Future[Whole] | None = None
        for part in parts:
            now, coming = coming, reader.submit(read, part)
            if now is not None:
                yield now.result()
        if coming is not None:
            yield coming.result()


def forget_pages(array: Data) -> None:
    """Let the system take back what was read or written of a memory map; the file keeps it."""
    pages = getattr(array, "_mmap", None)
    if pages is not None and array.mode in ("r", "r+", "w+"):
        with suppress(AttributeError, ValueError, OSError):
            pages.madvise(mmap.MADV_DONTNEED)
