"""Split a noisy sample into two with independent noise.

Gaussian noise as in T. Pang et al., "Recorrupted-to-recorrupted", 2021; counts as in A. Neufeld
et al., "Data thinning for convolution-closed distributions", 2024.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Real
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from skdae.noise._levels import Clip

__all__ = ["SHARE", "SplitMixin"]

SHARE = 0.8
"""The noisy sample is ``SHARE`` times the first of the two, plus 1 - ``SHARE`` times the second."""


class SplitMixin(ABC):
    """Split noisy values into two of the same mean and of independent noise.

    The variance of the noise of the first is 1 / ``SHARE`` times that of the values, and that of
    the second 1 / (1 - ``SHARE``) times. A net that predicts the second from the first learns the
    clean values, as from two noisy copies.
    """

    # Of the NoiseInjector that is mixed with.
    _level: ClassVar[str]
    clip: Clip

    def _check_splits(self, rows: list[np.ndarray], owner: str) -> None:
        """Check that the noise is not clipped, and its level is one number > 0.

        ``rows`` are the noisy values, and ``owner`` is the class of the estimator.
        """
        level = getattr(self, self._level)
        if not isinstance(level, Real) or level <= 0:
            raise ValueError(
                f"self_supervised='split_noise' of {owner} needs the level of the noise that X "
                f"carries: one number > 0. Got {self._level}={level!r}."
            )
        if self.clip is not None:
            raise ValueError(
                f"self_supervised='split_noise' of {owner} cannot split clipped noise: its mean is "
                f"not the clean value. Take clip=None. Got clip={self.clip!r}."
            )
        self._check_values(rows, float(level), owner)

    def _check_values(  # noqa: B027
        self, rows: list[np.ndarray], level: float, owner: str
    ) -> None:
        """Check that the values can come from this noise; by default all can."""

    def _split_batch(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Split noisy floats (n, ...), with a generator of their device, into two of their shape.

        The mean of the two, weighted by ``SHARE`` and 1 - ``SHARE``, is ``x``.
        """
        first = self._draw_first(x, float(getattr(self, self._level)), generator)
        return first, (x - SHARE * first) / (1 - SHARE)

    @abstractmethod
    def _draw_first(self, x: Tensor, level: float, generator: torch.Generator) -> Tensor:
        """Return the first of the two: the formula of the split."""
