"""What noise photographs carry, found from what a model takes off them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy.optimize import nnls
from scipy.stats import norm, truncnorm

if TYPE_CHECKING:  # names and descriptions need no torch
    from skdae.noise import GaussianNoise, PoissonNoise

__all__ = ["NoiseVariance", "find_noise", "unclipped", "variances"]

# At least so much of the noise that is found in a photograph is found in what a net takes off it.
_LEAST_TAKEN = 0.5
_N_BINS, _FEWEST_IN_BIN = 8, 50
# Of 20 photographs with Gaussian noise, sigma 15 to 50, the variance in bright places was at most
# 1.73 times that in dark ones, and the excess kurtosis -0.03 to 0.7. Counts had 1.76 times or more,
# nearly always above 2; uniform noise had a kurtosis below -0.7, and Laplace's above 1.5. Below
# sigma 10 the kurtosis of what is taken off is that of texture: such photographs are not split.
_MOST_UNEVEN, _KURTOSIS = 1.75, (-0.5, 1.2)
_BRIGHT, _DARK = 0.95, 0.05
# The least part of a photograph that has its lowest or highest value where that is a limit.
_LEAST_CLIPPED = 0.001


@dataclass(frozen=True)
class NoiseVariance:
    """The variance of noise: constant + linear * clean + quadratic * clean**2.

    Of electronics, of counted photons and of what multiplies, as A. Foi et al. have it, "Practical
    Poissonian-Gaussian noise modeling and fitting for single-image raw-data", 2008.
    """

    constant: float
    linear: float
    quadratic: float

    def at(self, clean: np.ndarray) -> np.ndarray:
        """Return the variance at each clean value, of which those below 0 count as 0."""
        x = np.maximum(clean, 0)
        return self.constant + x * (self.linear + x * self.quadratic)


def find_noise(
    photos: Sequence[np.ndarray], cleans: Sequence[np.ndarray]
) -> GaussianNoise | NoiseVariance | None:
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
    sizes = [photo.size for photo in photos]
    there, off = (np.average(estimate_sigma(x), weights=sizes) for x in (photos, taken))
    if not off > _LEAST_TAKEN * there > 0:
        return None
    fitted = _fitted(photos, taken, cleans)
    values = np.concatenate([clean.ravel() for clean in cleans])
    variance = fitted.at(values)
    if not variance.any():
        return None
    scaled = np.concatenate([x.ravel() for x in taken]) ** 2 / variance.clip(variance.mean() / 100)
    kurtosis = np.mean(scaled**2) / np.mean(scaled) ** 2 - 3
    dark, bright = fitted.at(np.quantile(values, [_DARK, _BRIGHT]))
    if bright <= _MOST_UNEVEN * dark and _KURTOSIS[0] <= kurtosis <= _KURTOSIS[1]:
        return GaussianNoise(math.sqrt(there * off))
    return fitted


def unclipped(
    photos: Sequence[np.ndarray], predict: Callable[[list[np.ndarray]], list[np.ndarray]]
) -> list[np.ndarray]:
    """Return photographs with random noise beyond the limits that values were clipped to.

    Files have values from 0 to 255. Where noise was clipped, its mean is not 0, and a net that
    learns from it turns the shadows gray. What was cut off is drawn anew: the tail of a normal
    distribution around the clean value.

    Parameters
    ----------
    photos : sequence of ndarray of shape (height, width, channels)
        Floats; those of which less than 0.1 % are at a limit come back as they are.
    predict : callable
        Returns clean photographs.
    """
    rng = np.random.default_rng(0)
    return [_unclipped(photo, predict, rng) for photo in photos]


def _unclipped(
    photo: np.ndarray,
    predict: Callable[[list[np.ndarray]], list[np.ndarray]],
    rng: np.random.Generator,
) -> np.ndarray:
    is_low, is_high = photo == photo.min(), photo == photo.max()
    tails = [
        (is_cut, limits)
        for is_cut, limits in ((is_low, (-np.inf, photo.min())), (is_high, (photo.max(), np.inf)))
        if is_cut.mean() >= _LEAST_CLIPPED
    ]
    if not tails:
        return photo
    whole = ~_corners(is_low | is_high).any(axis=0).ravel()
    if not whole.any():
        return photo
    (clean,) = predict([photo])
    sigma = math.sqrt(_variance(_diagonal(photo)[whole], _diagonal(photo - clean)[whole]))
    if not sigma:
        return photo
    noisy = photo.copy()
    for is_cut, limits in tails:
        low, high = ((limit - clean[is_cut]) / sigma for limit in limits)
        noisy[is_cut] = clean[is_cut] + sigma * truncnorm.rvs(low, high, random_state=rng)
    return noisy


def variances(
    noise: GaussianNoise | PoissonNoise | NoiseVariance, cleans: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Return the variance of the noise of each value of photographs, from their clean values."""
    from skdae.noise import GaussianNoise, PoissonNoise

    if isinstance(noise, GaussianNoise):
        noise = NoiseVariance(cast(float, noise.sigma) ** 2, 0, 0)
    elif isinstance(noise, PoissonNoise):
        noise = NoiseVariance(0, 1 / cast(float, noise.peak), 0)
    return [noise.at(clean) for clean in cleans]


def _fitted(
    photos: Sequence[np.ndarray], taken: Sequence[np.ndarray], cleans: Sequence[np.ndarray]
) -> NoiseVariance:
    """Fit the variance to that in eight levels of brightness."""
    there, off = (np.concatenate([_diagonal(x) for x in each]) for each in (photos, taken))
    brightness = np.concatenate([_corners(x).mean(axis=0).ravel() for x in cleans])
    n_bins = min(_N_BINS, math.ceil(len(brightness) / _FEWEST_IN_BIN))
    bins = np.array_split(np.argsort(brightness), n_bins)
    variance = np.array([_variance(there[each], off[each]) for each in bins])
    x = np.array([brightness[each].mean() for each in bins]).clip(0)
    # Relative errors count.
    rows = x[variance > 0, np.newaxis] ** [0, 1, 2] / variance[variance > 0, np.newaxis]
    terms, _ = nnls(rows, np.ones(len(rows))) if len(rows) else (np.zeros(3), 0)
    return NoiseVariance(*terms.tolist())


def _corners(photo: np.ndarray) -> np.ndarray:
    """Return the four corners of each square of 2 x 2 pixels: (4, height // 2, width // 2, n)."""
    even = photo[: len(photo) // 2 * 2, : photo.shape[1] // 2 * 2]
    return np.stack([even[y::2, x::2] for y in (0, 1) for x in (0, 1)])


def _diagonal(photo: np.ndarray) -> np.ndarray:
    """Return half the difference of the diagonals of each square, with the variance of a pixel."""
    first, second, third, fourth = _corners(photo)
    return ((first - second - third + fourth) / 2).ravel()


def _variance(there: np.ndarray, off: np.ndarray) -> float:
    """Return the variance between that of differences in a photograph and in what is taken off."""
    # The median of absolute normal values, whatever the largest are.
    return float(np.median(np.abs(there)) * np.median(np.abs(off)) / norm.ppf(0.75) ** 2)
