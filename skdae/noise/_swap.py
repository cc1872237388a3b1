"""Swap noise for tables."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from skdae._random import RandomState
from skdae.noise._injector import NoiseInjector
from skdae.noise._levels import Clip, Level, LevelOfColumns

__all__ = ["SwapNoise"]


class SwapNoise(NoiseInjector):
    """Swap cells between rows while fitting; pass data through afterwards.

    The noise for tables: a replaced cell holds a value that occurs in its column, whatever the
    type and the scale of the column, so that the cell alone does not show that it was replaced.
    The columns of a one-hot code are swapped one by one: a row may come to have two ones, or none.

    Parameters
    ----------
    amount : float, tuple of (low, high), or list or ndarray of shape (n_features,), default=0.15
        Probability that a cell is replaced, between 0 (none) and 1 (all). A **tuple** of
        two draws one value per sample, uniformly; a list or an array is one value per
        column.
    clip : tuple of (low, high) or None, default=None
        Interval to which noisy values are clipped. None never clips floats; ``uint8`` and
        ``uint16`` data are always clipped to the range of their dtype.
    random_state : int, RandomState instance or None, default=None
        Seed of the noise. None draws a new one at every call.
    when : {"fit", "always"}, default="fit"
        "fit" corrupts in ``fit_transform`` only, so that a pipeline adds nothing at
        predict time; "always" makes ``transform`` corrupt too.

    Attributes
    ----------
    n_features_in_ : int
        Number of values of a sample, all axes flattened.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, when X has string names.

    See Also
    --------
    MaskingNoise : Replace cells by one value.

    Notes
    -----
    Each cell is replaced on its own, by the same column of a row that is drawn for this
    cell alone, the row itself included: columns keep their distribution, and the swapped
    cells of a row come from different donors. The donors are the rows of the array, or of
    the batch while a denoising autoencoder trains; a single row has no other donor and
    stays as it is.

    References
    ----------
    .. [1] M. Jahrer, 1st place solution of the Porto Seguro Safe Driver Prediction
       competition, Kaggle, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import SwapNoise
    >>> X = np.arange(10_000.0).reshape(1000, 10)
    >>> X_noisy = SwapNoise(amount=0.15).corrupt(X, random_state=0)
    >>> print(f"{(X_noisy != X).mean():.2f}")
    0.15
    """

    _short_name = "swap"
    _level = "amount"
    _mixes_rows = True
    _repeatable = True

    _parameter_constraints: ClassVar[dict] = {
        **NoiseInjector._parameter_constraints,
        "amount": [Level(0, 1, closed="both", columns=True)],
    }

    def __init__(
        self,
        amount: LevelOfColumns = 0.15,
        *,
        clip: Clip = None,
        random_state: RandomState = None,
        when: str = "fit",
    ) -> None:
        super().__init__(clip=clip, random_state=random_state, when=when)
        self.amount = amount

    def _corrupt(self, x: Tensor, level: float | Tensor, generator: torch.Generator) -> Tensor:
        """Replace each cell with probability level by its column of a drawn row."""
        rows = x.flatten(1)
        if isinstance(level, Tensor) and level.ndim > 1:
            level = level.flatten(1)
        donors = torch.randint(len(rows), rows.shape, generator=generator, device=x.device)
        replaced = rows.new_empty(rows.shape).uniform_(generator=generator) < level
        return torch.where(replaced, rows.gather(0, donors), rows).view_as(x)
