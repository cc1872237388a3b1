"""The bins that the numbers of a table lie in."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["NumberBins"]


class NumberBins(nn.Module):
    """Put the bin that a number lies in behind it, as a category of its own.

    Tables in memory have one value for each number: bins are made of a few rows at a time.

    Parameters
    ----------
    levels : sequence of int
        For each column of a table, the number of levels of a category, or 0 for a number.
    edges : sequence of sequence of float
        For each column, the edges between its bins, ascending; none where there are no bins. A
        number on an edge lies in the bin above.

    Attributes
    ----------
    levels : tuple of int
        The same of the rows that ``forward`` returns, where bins are columns.
    """

    numbers: Tensor
    edges: Tensor
    codes: Tensor
    order: Tensor

    def __init__(self, levels: Sequence[int], edges: Sequence[Sequence[float]]):
        super().__init__()
        widths = [max(1, n_levels) for n_levels in levels]
        starts = list(itertools.accumulate(widths, initial=0))
        most = max(map(len, edges))
        columns: list[int] = []
        order: list[int] = []
        numbers: list[int] = []
        padded: list[list[float]] = []
        for start, stop, n_levels, between in zip(
            starts[:-1], starts[1:], levels, edges, strict=True
        ):
            columns.append(n_levels)
            order += range(start, stop)
            if between:
                first = starts[-1] + (most + 1) * len(numbers)
                columns.append(len(between) + 1)
                order += range(first, first + len(between) + 1)
                numbers.append(start)
                padded.append([*between, *[math.inf] * (most - len(between))])
        self.levels = tuple(columns)
        one_hot = torch.cat([torch.eye(most + 1), torch.full((1, most + 1), torch.nan)])
        for name, buffer in (
            ("numbers", torch.tensor(numbers, dtype=torch.int64)),
            ("edges", torch.tensor(padded, dtype=torch.float32).view(len(padded), most)),
            ("codes", one_hot),  # the last one is that of an unknown number
            ("order", torch.tensor(order, dtype=torch.int64)),
        ):
            self.register_buffer(name, buffer, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return rows with bins (n, n_outputs) of rows (n, n_values): NaN where these are."""
        numbers = x.index_select(1, self.numbers).T.contiguous()
        bins = torch.searchsorted(self.edges, numbers, right=True)
        bins = bins.masked_fill(numbers.isnan(), len(self.codes) - 1)
        one_hot = self.codes.index_select(0, bins.T.flatten()).view(len(x), -1)
        return torch.cat([x, one_hot], dim=1).index_select(1, self.order)
