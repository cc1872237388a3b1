"""Swap noise for tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from skdae._random import RandomState
from skdae._sklearn import InvalidParameterError
from skdae.noise._injector import NoiseInjector
from skdae.noise._levels import Clip, Level, LevelOfColumns

__all__ = ["SwapNoise"]


class SwapNoise(NoiseInjector):
    """Swap cells between rows while fitting; pass data through afterwards.

    The noise for tables: a replaced cell holds a value that occurs in its column, whatever the
    type and the scale of the column, so that the cell alone does not show that it was replaced.
    With ``groups``, the columns of a one-hot code are swapped together.

    Parameters
    ----------
    amount : float, tuple of (low, high), or list or ndarray of shape (n_features,), default=0.15
        Probability that a cell is replaced, between 0 (none) and 1 (all). A **tuple** of
        two draws one value per sample, uniformly; a list or an array is one value per
        column, the same one for all columns of a group.
    groups : list of slice or list of int, or None, default=None
        Columns, by position, that make one cell together, as those of a one-hot code do: they are
        all replaced, from one donor, or none is. Columns in no group are cells of their own. None
        swaps all columns one by one, so that a row may come to have two ones, or none.
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

    A number, then a category of three levels:

    >>> X = np.hstack([np.arange(6).reshape(-1, 1), np.eye(3)[[0, 1, 2, 0, 1, 2]]])
    >>> noise = SwapNoise(amount=1, groups=[slice(1, 4)])
    >>> noise.corrupt(X, random_state=0)[:, 1:].sum(axis=1)
    array([1., 1., 1., 1., 1., 1.])

    The groups of what a ``OneHotEncoder`` returns:

    >>> from sklearn.preprocessing import OneHotEncoder
    >>> encoder = OneHotEncoder().fit([["red", "a"], ["blue", "b"]])
    >>> ends = np.cumsum([0] + [len(levels) for levels in encoder.categories_])
    >>> [slice(int(start), int(stop)) for start, stop in zip(ends, ends[1:])]
    [slice(0, 2, None), slice(2, 4, None)]
    """

    _short_name = "swap"
    _level = "amount"
    _mixes_rows = True
    _repeatable = True

    _parameter_constraints: ClassVar[dict] = {
        **NoiseInjector._parameter_constraints,
        "amount": [Level(0, 1, closed="both", columns=True)],
        "groups": [None, list, tuple],
    }

    def __init__(
        self,
        amount: LevelOfColumns = 0.15,
        *,
        groups: Sequence[slice | Sequence[int]] | None = None,
        clip: Clip = None,
        random_state: RandomState = None,
        when: str = "fit",
    ) -> None:
        super().__init__(clip=clip, random_state=random_state, when=when)
        self.amount = amount
        self.groups = groups

    def _corrupt(self, x: Tensor, level: float | Tensor, generator: torch.Generator) -> Tensor:
        """Replace each cell with probability level by its column of a drawn row."""
        rows = x.flatten(1)
        if isinstance(level, Tensor) and level.ndim > 1:
            level = level.flatten(1)
        donors = torch.randint(len(rows), rows.shape, generator=generator, device=x.device)
        replaced = rows.new_empty(rows.shape).uniform_(generator=generator) < level
        if self.groups is not None:
            leaders = torch.tensor(self._leaders(rows.shape[1]), device=x.device)
            donors, replaced = donors[:, leaders], replaced[:, leaders]
        return torch.where(replaced, rows.gather(0, donors), rows).view_as(x)

    def _leaders(self, n_features: int) -> list[int]:
        """Return, for each column, the first one of its group, whose draws all of it share."""
        leaders = list(range(n_features))
        for group in self.groups or ():
            columns = _columns(group, n_features)
            for column in columns:
                leaders[column] = columns[0]
        return leaders

    def _is_repeatable(self) -> bool:
        # The leaders are copied to the device for every batch.
        return self.groups is None and super()._is_repeatable()

    def _check_samples(self, n_features: int, dtype: np.dtype | torch.dtype) -> None:
        if self.groups is not None:
            self._check_groups(n_features)
        super()._check_samples(n_features, dtype)
        if not isinstance(self.amount, (list, np.ndarray)):
            return
        amount = np.asarray(self.amount)
        if self.groups is not None and (amount != amount[self._leaders(n_features)]).any():
            raise InvalidParameterError(
                "The 'amount' parameter of SwapNoise must be the same for all columns of a group. "
                f"Got {self.amount!r} with groups={self.groups!r}."
            )

    def _check_groups(self, n_features: int) -> None:
        """Refuse what are not columns, and columns of two groups."""
        seen: set[int] = set()
        for group in self.groups or ():
            columns = _columns(group, n_features)
            apart = len(set(columns)) == len(columns) and seen.isdisjoint(columns)
            seen.update(columns)
            if not columns or not apart or not seen <= set(range(n_features)):
                raise InvalidParameterError(
                    "The 'groups' parameter of SwapNoise must be a list of slices, or of lists of "
                    f"positions, among the {n_features} columns, none of them twice. Got "
                    f"{self.groups!r} instead, with {group!r}."
                )


def _columns(group: object, n_features: int) -> list[int]:
    """Return the positions of the columns of a group, or of no columns what is no group."""
    if isinstance(group, slice):
        ends = (group.start, group.stop, group.step)
        whole = all(end is None or isinstance(end, (int, np.integer)) for end in ends)
        inside = group.stop is None or (whole and group.stop <= n_features)
        return list(range(n_features)[group]) if whole and inside else []
    array = np.asarray(group)
    return array.tolist() if array.ndim == 1 and array.dtype.kind in "iu" else []
