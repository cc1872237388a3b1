"""Multiplicative Gaussian noise."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from skdae._random import RandomState
from skdae.noise._injector import NoiseInjector
from skdae.noise._levels import Clip, Level, LevelOrRange, check_strength
from skdae.noise._summary import DataSummary

__all__ = ["SpeckleNoise"]


class SpeckleNoise(NoiseInjector):
    """Multiply by Gaussian noise while fitting; pass data through afterwards.

    The noise of radar, ultrasound and laser images: larger values are noisier, zeros are kept.

    Parameters
    ----------
    sigma : float or tuple of (low, high), default=0.1
        Standard deviation of the noise relative to the value; larger is noisier, 0 changes
        nothing. A pair draws one value per sample, uniformly.
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
    GaussianNoise : Noise that does not depend on the value.
    PoissonNoise : Noise of photon counts.

    Notes
    -----
    ``x + x · N(0, sigma²)``, independent for every value.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import SpeckleNoise
    >>> X = np.full((1000, 64), 2.0)
    >>> X_noisy = SpeckleNoise(sigma=0.1).corrupt(X, random_state=0)
    >>> print(f"{(X_noisy - X).std():.2f}")
    0.20
    """

    _short_name = "speckle"
    _level = "sigma"
    _repeatable = True

    _parameter_constraints: ClassVar[dict] = {
        **NoiseInjector._parameter_constraints,
        "sigma": [Level(0, None, closed="left")],
    }

    def __init__(
        self,
        sigma: LevelOrRange = 0.1,
        *,
        clip: Clip = None,
        random_state: RandomState = None,
        when: str = "fit",
    ) -> None:
        super().__init__(clip=clip, random_state=random_state, when=when)
        self.sigma = sigma

    def _corrupt(self, x: Tensor, level: float | Tensor, generator: torch.Generator) -> Tensor:
        """x + x·N(0, level²)."""
        noise = x.new_empty(x.shape).normal_(generator=generator)
        return noise.mul_(level).mul_(x).add_(x)

    def _check_domain(self, summary: DataSummary) -> None:
        """Warn if the noise, in proportion to the values, is far from their spread."""
        deviation = float(np.max(self.sigma)) * float(np.sqrt(np.mean(summary.values**2)))
        check_strength(
            self,
            deviation,
            summary,
            "SpeckleNoise is in proportion to the values: subtract what is no signal, such as an "
            "offset, or take GaussianNoise.",
        )
