"""Tables: some cells of each row are hidden, and guessed from the others."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from skdae.tasks._clean import CleanSamples
from skdae.tasks._pairs import Pairs
from skdae.tasks._task import Batch, Cells, Given, Task

__all__ = ["HiddenCells"]


@dataclass(frozen=True)
class HiddenCells(Task):
    """Learn the cells of rows, some of which are hidden or corrupted.

    Unknown cells are NaN in the input, as hidden ones are, and are NaN in the target, where
    nothing is compared with them.

    Attributes
    ----------
    cells : Cells
        Which values make a cell, and how many are hidden.
    """

    cells: Cells

    @classmethod
    def of(cls, given: Given) -> HiddenCells:
        """Return the task for encoded rows, with a noise or without.

        Raises
        ------
        ValueError
            If there are two noises.
        """
        assert given.cells is not None
        task = Pairs.of(given) if given.has_target_of_its_own() else CleanSamples.of(given)
        return cls(task.samples, task.target, task.noise, given.cells)

    def make_batch(
        self,
        rows: Tensor,
        target: Tensor,
        sample_shape: tuple[int, ...],
        generator: torch.Generator,
    ) -> Batch:
        """Return corrupted rows with hidden cells, and the cells that are to be learned."""
        x, cells = self._corrupted(rows, sample_shape, generator), self.cells
        if cells.hidden is None:
            return x, target
        low, high = cells.hidden

        def uniform(n_columns: int) -> Tensor:
            return torch.rand((len(x), n_columns), generator=generator, device=x.device)

        rate = low + (high - low) * uniform(1)
        hides = uniform(len(cells.widths)) < rate
        if max(cells.widths) > 1:
            widths = torch.tensor(cells.widths, device=x.device)
            hides = hides.repeat_interleave(widths, dim=1, output_size=x.shape[1])
        x = x.masked_fill(hides, torch.nan)
        return x, target if cells.compares_all else target.masked_fill(~hides, torch.nan)
