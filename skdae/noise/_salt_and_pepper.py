"""Salt-and-pepper noise."""

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

__all__ = ["SaltAndPepperNoise"]


class SaltAndPepperNoise(NoiseInjector):
    """Replace values by extremes while fitting; pass data through afterwards.

    The noise of dead and hot pixels, dropped samples and transmission errors: some values are
    lost, the others stay exact.

    Parameters
    ----------
    amount : float or tuple of (low, high), default=0.05
        Probability that a value is replaced, between 0 (none) and 1 (all). A pair draws
        one value per sample, uniformly.
    salt_vs_pepper : float, default=0.5
        Probability that a replaced value is salt (``high``) and not pepper (``low``).
    low : float, default=0
        The value of pepper.
    high : float, default=1
        The value of salt. Set both to the range of the data; for ``uint8`` and ``uint16``
        they are fractions of the full range.
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
    ImpulseNoise : Replace by random values between the extremes.
    MaskingNoise : Replace by one value.
    SwapNoise : Replace by a value of the same column.

    Notes
    -----
    Every value is replaced independently, each channel of a pixel too.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import SaltAndPepperNoise
    >>> X = np.full((1000, 64), 0.5)
    >>> X_noisy = SaltAndPepperNoise(amount=0.2).corrupt(X, random_state=0)
    >>> np.unique(X_noisy).tolist()
    [0.0, 0.5, 1.0]
    """

    _short_name = "salt_and_pepper"
    _level = "amount"
    _repeatable = True

    _parameter_constraints: ClassVar[dict] = {
        **NoiseInjector._parameter_constraints,
        "amount": [Level(0, 1, closed="both")],
        "salt_vs_pepper": [Interval(Real, 0, 1, closed="both")],
        "low": [Interval(Real, None, None, closed="neither")],
        "high": [Interval(Real, None, None, closed="neither")],
    }

    def __init__(
        self,
        amount: LevelOrRange = 0.05,
        *,
        salt_vs_pepper: float = 0.5,
        low: float = 0,
        high: float = 1,
        clip: Clip = None,
        random_state: RandomState = None,
        when: str = "fit",
    ) -> None:
        super().__init__(clip=clip, random_state=random_state, when=when)
        self.amount = amount
        self.salt_vs_pepper = salt_vs_pepper
        self.low = low
        self.high = high

    def _corrupt(self, x: Tensor, level: float | Tensor, generator: torch.Generator) -> Tensor:
        """Replace x with probability level, by high with probability salt_vs_pepper."""
        replaced = x.new_empty(x.shape).uniform_(generator=generator) < level
        salt = x.new_empty(x.shape).uniform_(generator=generator) < self.salt_vs_pepper
        noisy = x.masked_fill(replaced & salt, self.high)
        return noisy.masked_fill_(replaced & ~salt, self.low)

    def _check_domain(self, summary: DataSummary) -> None:
        """Warn if ``low`` and ``high`` are not near the extremes of the data."""
        if np.max(self.amount):
            used = [self.high] * (self.salt_vs_pepper > 0) + [self.low] * (self.salt_vs_pepper < 1)
            check_extremes(self, used, summary)
