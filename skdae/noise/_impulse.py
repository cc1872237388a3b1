"""Impulse noise of random values."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from skdae._random import RandomState
from skdae._sklearn import Interval
from skdae.noise._injector import NoiseInjector
from skdae.noise._levels import Clip, Level, LevelOrRange, check_extremes
from skdae.noise._summary import DataSummary

__all__ = ["ImpulseNoise"]


class ImpulseNoise(NoiseInjector):
    """Replace values by random ones while fitting; pass data through afterwards.

    Random-valued impulse noise [1]_: faulty pixels and transmission errors that may take any
    value of the range, and so are harder to find than salt and pepper.

    Parameters
    ----------
    amount : float or tuple of (low, high), default=0.05
        Probability that a value is replaced, between 0 (none) and 1 (all). A pair draws
        one value per sample, uniformly.
    low : float, default=0
        One end of the interval from which new values are drawn.
    high : float, default=1
        The other end. Set both to the range of the data; for ``uint8`` and ``uint16`` they
        are fractions of the full range.
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
    SaltAndPepperNoise : Replace by the two ends alone.
    SwapNoise : Replace by a value of the same column.

    Notes
    -----
    With probability ``amount``, x becomes ``U(low, high)``. Every value is replaced
    independently, each channel of a pixel too.

    References
    ----------
    .. [1] R. H. Chan, C. Hu and M. Nikolova, "An iterative procedure for removing
       random-valued impulse noise", IEEE Signal Processing Letters 11, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import ImpulseNoise
    >>> X = np.zeros((1000, 64))
    >>> X_noisy = ImpulseNoise(amount=0.2).corrupt(X, random_state=0)
    >>> print(f"{(X_noisy != X).mean():.2f}, {X_noisy[X_noisy != X].mean():.2f}")
    0.20, 0.50
    """

    _short_name = "impulse"
    _level = "amount"
    _repeatable = True

    _parameter_constraints: ClassVar[dict] = {
        **NoiseInjector._parameter_constraints,
        "amount": [Level(0, 1, closed="both")],
        "low": [Interval(Real, None, None, closed="neither")],
        "high": [Interval(Real, None, None, closed="neither")],
    }

    def __init__(
        self,
        amount: LevelOrRange = 0.05,
        *,
        low: float = 0,
        high: float = 1,
        clip: Clip = None,
        random_state: RandomState = None,
        when: str = "fit",
    ) -> None:
        super().__init__(clip=clip, random_state=random_state, when=when)
        self.amount = amount
        self.low = low
        self.high = high

    def _corrupt(self, x: Tensor, level: float | Tensor, generator: torch.Generator) -> Tensor:
        """Replace x by U(low, high) with probability level."""
        replaced = x.new_empty(x.shape).uniform_(generator=generator) < level
        values = x.new_empty(x.shape).uniform_(generator=generator)
        return torch.where(replaced, values.mul_(self.high - self.low).add_(self.low), x)

    def _check_domain(self, summary: DataSummary) -> None:
        """Warn if ``low`` and ``high`` are not near the extremes of the data."""
        if np.max(self.amount):
            check_extremes(self, [self.low, self.high], summary)
