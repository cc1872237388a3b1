"""The loss of tables: numbers and categories, of the cells that are known."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["CellLoss", "cell_losses"]


class CellLoss:
    """The mean loss of the known cells of a target: each counts the same, whatever its column.

    Parameters
    ----------
    levels : sequence of int
        For each column, the number of levels of a category, or 0 for a number.
    with_bins : callable (target) -> Tensor or None, default=None
        A module that makes targets of what the output has of rows that have less. None takes them
        as they are.

    Notes
    -----
    A number x̂ for x costs (x̂ - x)²; logits l for the level k cost log Σ exp(l) - l[k].
    """

    label = "mean loss of a cell"

    def __init__(self, levels: Sequence[int], with_bins: nn.Module | None = None):
        self.levels = tuple(levels)
        self.with_bins = with_bins

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of outputs (n, n_values), where targets are NaN in unknown cells."""
        if self.with_bins is not None:
            target = self.with_bins.to(target.device)(target)
        losses, known = cell_losses(output, target, self.levels)
        return losses.sum() / known.sum().clamp(min=1)


def cell_losses(output: Tensor, target: Tensor, levels: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return the loss of each cell of a table.

    Parameters
    ----------
    output : Tensor of shape (n, n_values)
        A number for each number, a logit for each level of a category.
    target : Tensor of shape (n, n_values)
        Numbers, and one-hot levels; NaN in all values of an unknown cell.
    levels : tuple of int
        For each column, the number of levels of a category, or 0 for a number.

    Returns
    -------
    losses : Tensor of shape (n, n_columns)
        Squared errors and cross-entropies, 0 in unknown cells.
    known : Tensor of shape (n, n_columns), bool
        Which cells the target knows.
    """
    layout = _layout(levels, output.device)
    is_value = ~target.isnan()
    target = target.where(is_value, 0)
    known = is_value.index_select(1, layout.first)
    if not layout.n_categories:
        return (output - target).square() * known, known
    squared = (output - target).index_select(1, layout.numbers).square()
    crossed = _cross_entropies(
        output.index_select(1, layout.of_levels), target.index_select(1, layout.of_levels), layout
    )
    losses = torch.cat([squared, crossed], dim=1).index_select(1, layout.order)
    return losses * known, known


@dataclass(frozen=True)
class _Layout:
    """Where the columns of a table are among the values of a row.

    Attributes
    ----------
    first : Tensor of shape (n_columns,)
        The first value of each column.
    numbers, of_levels : Tensor
        The values that are numbers, and those that are levels.
    category : Tensor of shape (n_levels,)
        Whose level each is.
    membership : Tensor of shape (n_levels, n_categories)
        The same as ones and zeros: a product with it adds up the levels of each category, in an
        order that is always the same.
    order : Tensor of shape (n_columns,)
        Where each column is, of the numbers followed by the categories.
    n_categories : int
        Number of categories.
    """

    first: Tensor
    numbers: Tensor
    of_levels: Tensor
    category: Tensor
    membership: Tensor
    order: Tensor
    n_categories: int


@functools.lru_cache(maxsize=64)
def _layout(levels: tuple[int, ...], device: torch.device) -> _Layout:
    widths = [max(1, n_levels) for n_levels in levels]
    starts = [0, *itertools.accumulate(widths[:-1])]
    categories = [index for index, n_levels in enumerate(levels) if n_levels]
    numbers = [index for index, n_levels in enumerate(levels) if not n_levels]
    of_levels = [starts[index] + k for index in categories for k in range(levels[index])]
    category = [place for place, index in enumerate(categories) for _ in range(levels[index])]
    membership = torch.zeros((len(category), len(categories)))
    membership[range(len(category)), category] = 1
    order = torch.tensor([*numbers, *categories]).argsort()

    def indices(places: list[int]) -> Tensor:
        return torch.tensor(places, dtype=torch.int64, device=device)

    return _Layout(
        first=indices(starts),
        numbers=indices([starts[index] for index in numbers]),
        of_levels=indices(of_levels),
        category=indices(category),
        membership=membership.to(device),
        order=order.to(device),
        n_categories=len(categories),
    )


def _cross_entropies(logits: Tensor, one_hot: Tensor, layout: _Layout) -> Tensor:
    """Return the cross-entropy of each category, 0 where ``one_hot`` is zeros."""
    category = layout.category.expand(len(logits), -1)
    highest = logits.new_full((len(logits), layout.n_categories), -math.inf)
    highest = highest.scatter_reduce(1, category, logits.detach(), "amax")
    powers = (logits - highest.gather(1, category)).exp()
    log_sums = (powers @ layout.membership).log() + highest
    return (one_hot @ layout.membership) * log_sums - (one_hot * logits) @ layout.membership
