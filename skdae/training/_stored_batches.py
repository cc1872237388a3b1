"""Batches of arrays that are too large for memory: shuffled blocks, and shuffled within."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdae.data import Stored, read_ahead
from skdae.training._batches import Batches

__all__ = ["StoredBatches", "split_blocks"]

# Blocks that are in memory together, and are shuffled with each other. The next ones are read
# meanwhile.
_AT_ONCE = 16


class StoredBatches(Batches):
    """Batches of rows that stay in a file, in an order that suits a disk.

    An epoch takes blocks of consecutive rows in a random order. So many of them as fit into
    memory are read one after another, while the net trains on those before, and their rows are
    shuffled. No more than twice as many blocks are in memory.

    Parameters
    ----------
    rows : Stored
        Inputs before the noise.
    target : Stored, ndarray or None
        What the outputs should be; None is the rows themselves.
    indices : Tensor of int
        Which rows to pass over: whole blocks, in their order.
    **kwargs
        Other parameters of :class:`Batches`.
    """

    def __init__(self, rows: Stored, target: Any, *, indices: Tensor, **kwargs: Any):
        super().__init__(rows, target, indices=indices, **kwargs)
        self.repeatable = False
        self.sources = [rows] if target is None else [rows, target]
        # The rows of a batch, of each source.
        self.current: list[Tensor] = []

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return one input as it is, and its target."""
        row = int(self.indices[index])
        self.current = [torch.from_numpy(source[row : row + 1]) for source in self.sources]
        x, target, *_ = self.batch(torch.tensor([0]), None)
        return x[0], target[0]

    def choices(self) -> Iterator[Tensor]:
        """Read the rows of each batch, and yield their places among these."""
        groups = self._groups()
        waiting = [torch.empty(0) for _ in self.sources]
        for start, stop in pairwise([*self.starts, len(self)]):
            size = stop - start
            while len(waiting[0]) < size:
                group = next(groups)
                joined = zip(waiting, group, strict=True)
                waiting = [torch.cat(parts) for parts in joined] if len(waiting[0]) else group
            self.current = [part[:size] for part in waiting]
            waiting = [part[size:] for part in waiting]
            yield torch.arange(size)

    def _fetch(self, rows: Any, chosen: Tensor) -> Tensor:
        part = self.current[0 if rows is self.rows else -1]
        return self._to_device(part[chosen])

    def _groups(self) -> Iterator[list[Tensor]]:
        """Yield the rows of some blocks, shuffled if there is a generator, and read the next."""
        blocks = self._blocks()
        order = list(range(len(blocks)))
        seeds = [0] * len(blocks)
        if self.generator is not None:
            device = self.generator.device
            seed = torch.randint(2**31, (), generator=self.generator, device=device).item()
            rng = np.random.default_rng(int(seed))
            order = rng.permutation(len(blocks)).tolist()
            seeds = rng.integers(2**31, size=len(blocks)).tolist()
        groups = [order[i : i + _AT_ONCE] for i in range(0, len(order), _AT_ONCE)]

        def read(number: int) -> list[Tensor]:
            chosen = [blocks[index] for index in groups[number]]
            parts = [np.concatenate([source[block] for block in chosen]) for source in self.sources]
            if self.generator is not None:
                permutation = np.random.default_rng(seeds[number]).permutation(len(parts[0]))
                parts = [part[permutation] for part in parts]
            return [torch.from_numpy(part) for part in parts]

        yield from read_ahead(read, range(len(groups)))

    def _blocks(self) -> list[slice]:
        """Return the blocks that the indices consist of."""
        indices = self.indices.numpy()
        ends = (np.diff(indices) != 1) | (indices[1:] % self.rows.block_length() == 0)
        edges = [0, *(np.flatnonzero(ends) + 1).tolist(), len(indices)]
        return [slice(int(indices[a]), int(indices[b - 1]) + 1) for a, b in pairwise(edges)]


def split_blocks(rows: Stored, generator: torch.Generator) -> Tensor:
    """Return the indices of all rows, block by block in a random order."""
    blocks = torch.arange(len(rows)).split(rows.block_length())
    order = torch.randperm(len(blocks), generator=generator).tolist()
    return torch.cat([blocks[index] for index in order])
