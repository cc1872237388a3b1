"""Additive uniform noise."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from skdae._random import RandomState
from skdae.noise._injector import NoiseInjector
from skdae.noise._levels import Clip, Level, LevelOrRange

__all__ = ["UniformNoise"]


class UniformNoise(NoiseInjector):
    """Add uniform noise while fitting; pass data through afterwards.

    The error of rounding and quantisation: bounded, with no tails.

    Parameters
    ----------
    amplitude : float or tuple of (low, high), default=0.1
        Largest absolute value of the noise, in the units of the data; its standard
        deviation is ``amplitude / sqrt(3)``. A pair draws one value per sample, uniformly.
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
    GaussianNoise : Noise with tails.

    Notes
    -----
    ``x + U(-amplitude, amplitude)``, independent for every value.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import UniformNoise
    >>> X = np.zeros((1000, 64))
    >>> X_noisy = UniformNoise(amplitude=0.5).corrupt(X, random_state=0)
    >>> print(f"{abs(X_noisy).max():.2f}")
    0.50
    """

    _short_name = "uniform"
    _level = "amplitude"
    _in_units = True
    _repeatable = True

    _parameter_constraints: ClassVar[dict] = {
        **NoiseInjector._parameter_constraints,
        "amplitude": [Level(0, None, closed="left")],
    }

    def __init__(
        self,
        amplitude: LevelOrRange = 0.1,
        *,
        clip: Clip = None,
        random_state: RandomState = None,
        when: str = "fit",
    ) -> None:
        super().__init__(clip=clip, random_state=random_state, when=when)
        self.amplitude = amplitude

    def _corrupt(self, x: Tensor, level: float | Tensor, generator: torch.Generator) -> Tensor:
        """x + U(-level, level)."""
        noise = x.new_empty(x.shape).uniform_(generator=generator)
        return noise.mul_(2).sub_(1).mul_(level).add_(x)
