"""What noise photographs carry, found from what a model takes off them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy.optimize import nnls
from scipy.stats import norm

if TYPE_CHECKING:  # names and descriptions need no torch
    from skdae.noise import GaussianNoise, PoissonNoise

__all__ = ["UnevenNoise", "find_noise", "mean_variance"]

# At least so much of the noise that is found in a photograph is found in what a net takes off it.
_LEAST_TAKEN = 0.5
_N_BINS = 8
# Of 60 photographs with Gaussian noise, sigma 15 to 50, the variance in bright places was at most
# 1.75 times that in dark ones, and the excess kurtosis -0.03 to 0.7 (of what is clipped, -0.33).
# Counts had 1.76 times or more, uniform noise a kurtosis below -0.7 and Laplace's above 1.5.
_MOST_UNEVEN, _KURTOSIS = 1.75, (-0.5, 1.2)
_BRIGHT, _DARK = 0.95, 0.05


@dataclass(frozen=True)
class UnevenNoise:
    """Noise of the variance constant + linear * clean + quadratic * clean**2.

    Of electronics, of counted photons and of what multiplies, as A. Foi et al. have it, "Practical
    Poissonian-Gaussian noise modeling and fitting for single-image raw-data", 2008.
    """

    constant: float
    linear: float
    quadratic: float

    def variance(self, clean: np.ndarray) -> np.ndarray:
        """Return the variance at each clean value, of which those below 0 count as 0."""
        x = np.maximum(clean, 0)
        return self.constant + x * (self.linear + x * self.quadratic)


def find_noise(
    photos: Sequence[np.ndarray], cleans: Sequence[np.ndarray]
) -> GaussianNoise | UnevenNoise | None:
    """Return the noise of photographs, or None where there is none that a model takes off.

    Texture makes an estimate from photographs too high, and noise that is left in it makes that
    from what was taken off too low: their geometric mean is within a few percent.

    Parameters
    ----------
    photos, cleans : sequences of ndarray of shape (height, width, channels)
        Noisy photographs, and what the model makes of them.
    """
    from skdae.noise import GaussianNoise, estimate_sigma

    taken = [photo - clean for photo, clean in zip(photos, cleans, strict=True)]
    there, off = estimate_sigma(photos), estimate_sigma(taken)
    if not off.sum() > _LEAST_TAKEN * there.sum() > 0:
        return None
    uneven = _fitted(photos, taken, cleans)
    values = np.concatenate([clean.ravel() for clean in cleans])
    variance = uneven.variance(values)
    if not variance.any():
        return None
    scaled = np.concatenate([x.ravel() for x in taken]) ** 2 / variance.clip(variance.mean() / 100)
    kurtosis = np.mean(scaled**2) / np.mean(scaled) ** 2 - 3
    dark, bright = uneven.variance(np.quantile(values, [_DARK, _BRIGHT]))
    if bright <= _MOST_UNEVEN * dark and _KURTOSIS[0] <= kurtosis <= _KURTOSIS[1]:
        return GaussianNoise(float(np.median(np.sqrt(there * off))))
    return uneven


def mean_variance(
    photos: Sequence[np.ndarray], noise: GaussianNoise | PoissonNoise | UnevenNoise
) -> float:
    """Return the mean variance of the noise of photographs."""
    from skdae.noise import GaussianNoise, PoissonNoise

    if isinstance(noise, GaussianNoise):
        noise = UnevenNoise(cast(float, noise.sigma) ** 2, 0, 0)
    elif isinstance(noise, PoissonNoise):
        noise = UnevenNoise(0, 1 / cast(float, noise.peak), 0)
    return float(noise.variance(np.concatenate([photo.ravel() for photo in photos])).mean())


def _fitted(
    photos: Sequence[np.ndarray], taken: Sequence[np.ndarray], cleans: Sequence[np.ndarray]
) -> UnevenNoise:
    """Fit the variance to that in eight levels of brightness."""
    there, off = (np.concatenate([_diagonal(x) for x in each]) for each in (photos, taken))
    brightness = np.concatenate([_corners(x).mean(axis=0).ravel() for x in cleans])
    bins = np.array_split(np.argsort(brightness), _N_BINS)
    variance = np.array([_deviation(there[each]) * _deviation(off[each]) for each in bins])
    x = np.array([brightness[each].mean() for each in bins]).clip(0)
    # Relative errors count.
    rows = x[variance > 0, np.newaxis] ** [0, 1, 2] / variance[variance > 0, np.newaxis]
    terms, _ = nnls(rows, np.ones(len(rows))) if len(rows) else (np.zeros(3), 0)
    return UnevenNoise(*terms.tolist())


def _corners(photo: np.ndarray) -> np.ndarray:
    """Return the four corners of each square of 2 x 2 pixels: (4, height // 2, width // 2, n)."""
    even = photo[: len(photo) // 2 * 2, : photo.shape[1] // 2 * 2]
    return np.stack([even[y::2, x::2] for y in (0, 1) for x in (0, 1)])


def _diagonal(photo: np.ndarray) -> np.ndarray:
    """Return half the difference of the diagonals of each square, with the variance of a pixel."""
    first, second, third, fourth = _corners(photo)
    return ((first - second - third + fourth) / 2).ravel()


def _deviation(values: np.ndarray) -> float:
    """Return the standard deviation of normal values around 0, whatever the largest are."""
    return float(np.median(np.abs(values)) / norm.ppf(0.75))
