"""The error of a net on clean values, estimated from noisy ones, but for a constant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from skdae.pretrained._found_noise import NoiseVariance

if TYPE_CHECKING:  # names and descriptions need no torch
    from skdae.estimators import UNetDAE
    from skdae.noise import GaussianNoise, PoissonNoise

__all__ = ["unbiased_error"]

_DRAWS = 2
# A step of Stein's estimate, in standard deviations.
_STEP = 0.01


def unbiased_error(
    dae: UNetDAE,
    photos: Sequence[np.ndarray],
    noise: GaussianNoise | PoissonNoise | NoiseVariance,
    variances: Sequence[np.ndarray],
) -> float:
    """Return the mean squared error on clean values, plus a constant that is the same for all nets.

    That of weights which were trained with these photographs is too low: they fit the noise.

    Parameters
    ----------
    dae : UNetDAE
        The net, in an estimator.
    photos : sequence of ndarray of shape (height, width, channels)
        Noisy photographs.
    noise : GaussianNoise, PoissonNoise or NoiseVariance
        What they carry.
    variances : sequence of ndarray of the shapes of the photographs
        The variance of the noise of each value.
    """
    if isinstance(noise, NoiseVariance):
        return _stein_error(dae, photos, variances)
    return _split_error(dae, photos, noise)


def _split_error(
    dae: UNetDAE, photos: Sequence[np.ndarray], noise: GaussianNoise | PoissonNoise
) -> float:
    """Return the mean squared error of guessing one part of split noise from the other."""
    import torch

    generator = torch.Generator().manual_seed(0)
    errors = []
    for _ in range(_DRAWS):
        parts = [noise._split_batch(torch.from_numpy(photo), generator) for photo in photos]
        guesses = dae.predict([first.numpy() for first, _ in parts])
        for guess, (_, second) in zip(guesses, parts, strict=True):
            errors.append(np.square(guess - second.numpy(), dtype=np.float64).ravel())
    return float(np.concatenate(errors).mean())


def _stein_error(
    dae: UNetDAE, photos: Sequence[np.ndarray], variances: Sequence[np.ndarray]
) -> float:
    """Return the mean squared distance to the photographs, plus twice what is kept of the noise.

    C. Stein, "Estimation of the mean of a multivariate normal distribution", 1981, with the trace
    of S. Ramani et al., "Monte-Carlo SURE", 2008. For noise that is not normal, or whose variance
    follows the clean value, it holds as far as the net is linear over one standard deviation.
    """
    rng = np.random.default_rng(0)
    cleans = dae.predict(list(photos))
    errors = [np.square(x - y, dtype=np.float64) for x, y in zip(photos, cleans, strict=True)]
    scales = [np.sqrt(variance, dtype=np.float32) for variance in variances]
    for _ in range(_DRAWS):
        signs = [scale * rng.choice(np.array([-1, 1], np.float32), scale.shape) for scale in scales]
        above, below = (
            dae.predict([x + step * sign for x, sign in zip(photos, signs, strict=True)])
            for step in (_STEP, -_STEP)
        )
        for error, sign, up, down in zip(errors, signs, above, below, strict=True):
            error += sign * (up - down) / (_STEP * _DRAWS)
    return float(np.concatenate([error.ravel() for error in errors]).mean())
