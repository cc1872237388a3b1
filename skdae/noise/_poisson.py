"""Poisson noise of counts."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from skdae._random import RandomState
from skdae._warnings import warn_user
from skdae.data import full_range
from skdae.noise._injector import NoiseInjector
from skdae.noise._levels import Clip, Level, LevelOrRange, check_strength
from skdae.noise._split import SHARE, SplitMixin
from skdae.noise._summary import DataSummary

__all__ = ["PoissonNoise"]

_ROUNDING = 1e-6
# From this count at x = 1, whole numbers in X are taken for counts, or gray levels, unscaled.
_MANY_COUNTS = 100


class PoissonNoise(SplitMixin, NoiseInjector):
    """Replace values by Poisson counts while fitting; pass data through afterwards.

    The shot noise of cameras and microscopes in low light. Values are rates: they are
    scaled to expected counts, drawn as Poisson counts and scaled back.

    Parameters
    ----------
    peak : float or tuple of (low, high), default=255
        Expected count at x = 1; **smaller** is noisier (the gain of a camera is
        ``1 / peak``). A pair draws one value per sample, uniformly.
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
    SpeckleNoise : Noise in proportion to the value.

    Notes
    -----
    ``P(max(x, 0) · peak) / peak``, independent for every value: mean x and variance
    ``x / peak`` for x >= 0. Negative values have no count and become 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import PoissonNoise
    >>> X = np.full((1000, 64), 0.25)
    >>> X_noisy = PoissonNoise(peak=100).corrupt(X, random_state=0)
    >>> print(f"{(X_noisy - X).std():.3f}")
    0.050
    """

    _short_name = "poisson"
    _level = "peak"
    _repeatable = True

    _parameter_constraints: ClassVar[dict] = {
        **NoiseInjector._parameter_constraints,
        "peak": [Level(0, None, closed="neither")],
    }

    def __init__(
        self,
        peak: LevelOrRange = 255,
        *,
        clip: Clip = None,
        random_state: RandomState = None,
        when: str = "fit",
    ) -> None:
        super().__init__(clip=clip, random_state=random_state, when=when)
        self.peak = peak

    def _corrupt(self, x: Tensor, level: float | Tensor, generator: torch.Generator) -> Tensor:
        """P(max(x, 0)·level) / level."""
        rate = x.clamp(min=0).mul_(level)
        return torch.poisson(rate, generator=generator).div_(level)

    def _check_domain(self, summary: DataSummary) -> None:
        """Warn of negative values, and of counts, which need ``peak=1``."""
        peak = float(np.min(self.peak))
        if summary.low < -_ROUNDING * summary.high:
            share = 100 * (summary.values < 0).mean()
            warn_user(
                f"PoissonNoise makes counts of X * peak, and {share:.3g} % of the values of X are "
                f"negative, down to {summary.low:.3g}: they become 0. Counts and intensities start "
                "at 0: put the noise before steps that centre, such as StandardScaler, or take "
                "GaussianNoise."
            )
        elif summary.spread and summary.are_counts and peak >= _MANY_COUNTS:
            warn_user(
                f"peak={self.peak!r} of PoissonNoise is the expected count at x = 1, and X has "
                f"whole numbers up to {summary.high:.6g}, with a spread of {summary.spread:.3g}. "
                "Raw counts take peak=1; gray levels are divided by 255 first."
            )
        else:
            # The variance of x is x / peak.
            deviation = math.sqrt(max(float(summary.values.mean()), 0.0) / peak)
            check_strength(
                self,
                deviation,
                summary,
                "peak is the expected count at x = 1: raw counts take peak=1, and values from 0 to "
                "1 the count at the brightest one.",
            )

    def _check_values(self, rows: list[np.ndarray], level: float, owner: str) -> None:
        """Check that X can be counts of this ``peak``."""
        lowest = min(part.min() for part in rows)
        highest = max(float(part.max()) / (full_range(part.dtype) or 1) for part in rows)
        if lowest < 0 or 0 < highest * level < 0.5:
            raise ValueError(
                f"self_supervised='split_noise' of {owner} reads X · peak as counts of "
                "PoissonNoise: X >= 0 and not scaled by a StandardScaler; raw counts are floats or "
                "int64, with peak=1. Got "
                f"X from {lowest:g}, and X · peak up to {highest * level:g}, with "
                f"peak={self.peak!r}."
            )

    def _draw_first(self, x: Tensor, level: float, generator: torch.Generator) -> Tensor:
        """Binomial(x·level, SHARE) / (SHARE·level)."""
        counts = x.clamp(min=0).mul_(level).round_()
        kept = torch.binomial(counts, torch.full_like(counts, SHARE), generator=generator)
        return kept.div_(SHARE * level)
