"""Additive Gaussian noise."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from skdae._random import RandomState
from skdae.noise._injector import NoiseInjector
from skdae.noise._levels import Clip, Level, LevelOfColumns
from skdae.noise._split import SHARE, SplitMixin

__all__ = ["GaussianNoise"]


class GaussianNoise(SplitMixin, NoiseInjector):
    """Add Gaussian noise while fitting; pass data through afterwards.

    The usual model of sensor noise, and the ``noise_factor`` of the tutorials. The level
    is a standard deviation in the units of the data: 0.1 is 10 % of the range of an image
    in [0, 1] (or in ``uint8``), and a tenth of a standard deviation of a scaled table.

    Parameters
    ----------
    sigma : float, tuple of (low, high), or list or ndarray of shape (n_features,), default=0.1
        Standard deviation of the noise; larger is noisier, 0 changes nothing. A **tuple** of two
        draws one value per sample, uniformly: a model trained so denoises blindly. A list or an
        array is one value per column, as of sensors with errors of their own.
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
    SpeckleNoise : Gaussian noise in proportion to the value.
    PoissonNoise : Noise of photon counts.

    Notes
    -----
    ``x + N(0, sigma²)``, independent for every value. The result is not clipped unless
    ``clip`` says so.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import GaussianNoise
    >>> X = np.full((1000, 64), 0.5)
    >>> X_noisy = GaussianNoise(sigma=0.4).corrupt(X, random_state=0)
    >>> print(f"{(X_noisy - X).std():.2f}")
    0.40
    """

    _short_name = "gaussian"
    _level = "sigma"
    _in_units = True
    _repeatable = True

    _parameter_constraints: ClassVar[dict] = {
        **NoiseInjector._parameter_constraints,
        "sigma": [Level(0, None, closed="left", columns=True)],
    }

    def __init__(
        self,
        sigma: LevelOfColumns = 0.1,
        *,
        clip: Clip = None,
        random_state: RandomState = None,
        when: str = "fit",
    ) -> None:
        super().__init__(clip=clip, random_state=random_state, when=when)
        self.sigma = sigma

    def _corrupt(self, x: Tensor, level: float | Tensor, generator: torch.Generator) -> Tensor:
        """x + N(0, level²)."""
        noise = x.new_empty(x.shape).normal_(generator=generator)
        return noise.mul_(level).add_(x)

    def _draw_first(self, x: Tensor, level: float, generator: torch.Generator) -> Tensor:
        """x + N(0, level² (1 - SHARE) / SHARE)."""
        return self._corrupt(x, level * math.sqrt((1 - SHARE) / SHARE), generator)
