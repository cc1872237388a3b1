"""Train a fitted estimator on with the very photographs that are to be denoised."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skdae._warnings import warn_user
from skdae.pretrained._chosen_photos import large_enough, random_crops
from skdae.pretrained._found_noise import NoiseVariance, find_noise, unclipped, variances
from skdae.pretrained._unbiased_errors import unbiased_error

if TYPE_CHECKING:  # names and descriptions need no torch
    from skdae._random import RandomState
    from skdae.estimators import UNetDAE
    from skdae.noise import GaussianNoise, PoissonNoise

__all__ = ["adapt"]

_SIDE, _BATCH = 64, 8
# A low rate and small batches: what the weights know is refined, and not replaced.
_TRAINING: dict[str, Any] = {
    "loss": "mse",
    "optimizer": "adam",
    "lr": 1e-4,
    "lr_schedule": "one_cycle",
    "batch_size": _BATCH,
    "augment": True,
    "early_stopping": False,
    "callbacks": None,
    "checkpoint": None,
    "warm_start": True,
}
# Steps for each pixel of the side of a square that is as large as all photographs, and the most.
_STEPS_PER_SIDE, _MOST_STEPS = 2, 1200
# How far the weights may go from where they were to where training ends.
_PARTS_OF_THE_WAY = (0.0, 0.25, 0.5, 0.75, 1.0)
_SHORTEST_SIDE = 5


def adapt(
    dae: UNetDAE,
    X: ArrayLike,
    *,
    noise: GaussianNoise | PoissonNoise | str = "auto",
    n_steps: int | Literal["auto"] = "auto",
    random_state: RandomState = None,
    verbose: int = 0,
) -> UNetDAE:
    """Train on with the photographs that are to be denoised, from their noise alone.

    It helps where a photograph repeats itself (cloth, tiles, scales, print), and where the noise is
    of another kind than that which ``dae`` learned. Each step splits the noise of some patches in
    two, and learns to guess one half from the other [1]_; where the noise is not Gaussian, it
    learns to guess hidden pixels instead [2]_. The weights go a part of the way from where they
    were to where that ends [3]_, for which estimates of the error decide [4]_, [5]_; where nothing
    helps, as on smooth photographs, they stay where they were. Noise that files cut off, in deep
    shadows and bright lights, is drawn anew for the training.

    Parameters
    ----------
    dae : UNetDAE
        A fitted estimator, as of ``load``. It stays as it is.
    X : array-like
        A noisy photograph or several, as ``dae.predict`` takes them, all with the same noise.
    noise : GaussianNoise(sigma), PoissonNoise(peak) or "auto", default="auto"
        The noise that X carries, independent from pixel to pixel. "auto" finds out from X and from
        what ``dae`` takes off whether it is Gaussian, and of which level, or how its level depends
        on brightness, as that of photons and of speckle does.
    n_steps : int or "auto", default="auto"
        Steps of the optimizer, each with eight patches of 64 x 64 pixels, in whole passes over X:
        one at least. "auto" is twice the root of the number of pixels, as 1,024 for 512 x 512, but
        1,200 at most.
    random_state : int, RandomState or None, default=None
        Decides the patches, and the splits or the hidden pixels.
    verbose : int, default=0
        Whether to report the progress.

    Returns
    -------
    adapted : UNetDAE
        A new estimator, for ``predict``, with the parameters that it was trained on with; with
        those of ``dae`` where the weights stayed.

    Raises
    ------
    NotFittedError
        If ``dae`` is not fitted.
    TypeError
        If ``dae`` is the name of a model.
    ValueError
        If ``dae`` was trained for the noise of cameras, whose neighbours are alike; if X is
        nothing that it denoises, or has a side below 5; if ``dae`` is for signals; or if a
        parameter is out of its range.
    ImportError
        If scikit-image or PyWavelets is missing, which ``noise="auto"`` needs:
        ``pip install skdae[images]``.

    Warns
    -----
    UserWarning
        If there is nothing to learn from: X has hardly any noise, or noise that ``dae`` leaves
        there. What is returned has the weights of ``dae`` then.

    See Also
    --------
    load : The models that come with the package.
    skdae.estimate_sigma : The level of white noise.

    References
    ----------
    .. [1] T. Pang et al., "Recorrupted-to-recorrupted: unsupervised deep learning for image
       denoising", 2021.
    .. [2] A. Krull et al., "Noise2Void: learning denoising from single noisy images", 2019.
    .. [3] M. Wortsman et al., "Robust fine-tuning of zero-shot models", 2022.
    .. [4] C. L. Mallows, "Some comments on Cp", Technometrics, 1973.
    .. [5] S. Ramani et al., "Monte-Carlo SURE: a black-box optimization of regularization
       parameters for general denoising algorithms", 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import pretrained
    >>> checks = np.kron(np.indices((16, 16)).sum(axis=0) % 2, np.ones((4, 4)))
    >>> photo = 0.5 * checks + np.random.default_rng(0).normal(0.3, 0.1, (64, 64))
    >>> dae = pretrained.load("photos-gray")
    >>> adapted = pretrained.adapt(dae, photo, n_steps=20, random_state=0)
    >>> clean = adapted.predict(photo)
    """
    from skdae.estimators._persistence import weights_and_facts, with_weights
    from skdae.noise import PoissonNoise
    from skdae.training import count_patches

    _check(dae, noise, n_steps)
    photos = large_enough(_fractions(dae._read(X).images()), _SIDE)
    if not isinstance(noise, PoissonNoise):  # many counts may be 0
        photos = unclipped(photos, dae.predict)
    side = min(_SIDE, *(min(photo.shape[:2]) for photo in photos))
    if side < _SHORTEST_SIDE and isinstance(noise, str):
        raise ValueError(
            f"adapt finds out the noise of photographs of {_SHORTEST_SIDE} or more pixels a side. "
            f"Got {side} at most. Give it: noise=GaussianNoise(sigma)."
        )
    crops = random_crops(photos)
    cleans = dae.predict(crops)
    found = find_noise(crops, cleans) if isinstance(noise, str) else noise
    if found is None:
        warn_user(
            "The photographs of adapt have hardly any noise, or one that the model takes for "
            "texture, as where neighbouring pixels have it in common. There is nothing to "
            "learn from: the weights stay as they are. If you know the noise, give it: "
            "adapt(dae, X, noise=GaussianNoise(sigma))."
        )
        return with_weights(dae)

    n_channels = photos[0].shape[-1]
    n_pixels = sum(photo[..., 0].size for photo in photos)
    n_patches = sum(count_patches(photos, side**2 * n_channels))
    steps_a_pass = math.ceil(n_patches / _BATCH)
    wanted = _enough_steps(n_pixels) if isinstance(n_steps, str) else int(n_steps)
    n_passes = max(1, round(wanted / steps_a_pass))
    can_split = not isinstance(found, NoiseVariance)
    trained = with_weights(
        dae,
        **_TRAINING,
        self_supervised="split_noise" if can_split else "blind_spot",
        noise=found if can_split else None,
        patch_size=side,
        max_epochs=n_passes,
        random_state=random_state,
        verbose=verbose,
    ).fit(photos)
    before, after = (weights_and_facts(each)[0] for each in (dae, trained))

    def at(part: float) -> UNetDAE:
        """Return what has gone this part of the way."""
        if not part:
            return with_weights(dae)
        share = np.float32(part)
        weights = {key: before[key] + share * (after[key] - before[key]) for key in before}
        return with_weights(trained, weights)

    variance = variances(found, cleans)
    errors = [unbiased_error(at(part), crops, found, variance) for part in _PARTS_OF_THE_WAY]
    n_fitted = _n_fitted(n_passes * steps_a_pass, n_pixels, n_channels)
    mean_variance = np.mean([each.mean() for each in variance])
    optimism = 2 * mean_variance * n_fitted / (n_pixels * n_channels)
    best = np.argmin(errors + optimism * np.array(_PARTS_OF_THE_WAY))
    return at(_PARTS_OF_THE_WAY[best])


def _enough_steps(n_pixels: int) -> int:
    return min(_MOST_STEPS, math.ceil(_STEPS_PER_SIDE * math.sqrt(n_pixels)))


def _n_fitted(n_steps: int, n_pixels: int, n_channels: int) -> float:
    """Return how many free numbers a training fits to the noise: 12 s c^(2/3) p^(-1/4).

    The error that is measured where a net was trained is too low by twice their share of the
    values, times the variance of the noise (Mallows's Cp). On 28 gray and 8 colour photographs of
    1,300 to 330,000 pixels, with 73 to 1,200 steps, that difference was on average that of 9 in
    place of 12. With 11 to 17, none of these and of 20 others came out worse than it was.
    """
    return 12 * n_steps * n_channels ** (2 / 3) / n_pixels**0.25


def _check(dae: UNetDAE, noise: object, n_steps: object) -> None:
    """Check what ``adapt`` was given, but for the photographs."""
    from skdae.noise import CameraNoise, GaussianNoise, PoissonNoise

    if isinstance(dae, str):
        raise TypeError(
            "The 'dae' parameter of adapt must be a fitted UNetDAE, such as "
            f"skdae.pretrained.load({dae!r}). Got {dae!r} instead."
        )
    check_is_fitted(dae)
    if len(dae.sample_shape_) != 3:
        raise ValueError(
            "adapt is for images. Got an estimator that was fitted on samples of shape "
            f"{dae.sample_shape_}: fit it on with warm_start=True."
        )
    if noise != "auto" and not isinstance(noise, (GaussianNoise, PoissonNoise)):
        raise ValueError(
            "The 'noise' parameter of adapt must be GaussianNoise(sigma), PoissonNoise(peak) or "
            f"'auto'. Got {noise!r} instead."
        )
    if n_steps != "auto" and (not isinstance(n_steps, Integral) or n_steps < 1):
        raise ValueError(
            "The 'n_steps' parameter of adapt must be an int > 0 or 'auto'. "
            f"Got {n_steps!r} instead."
        )
    if isinstance(dae.noise, CameraNoise):
        raise ValueError(
            "adapt learns from noise that is independent from pixel to pixel. Got a model for "
            "CameraNoise, whose neighbours are alike: take it as it is, or adapt another one, such "
            "as skdae.pretrained.load('photos-color')."
        )


def _fractions(photos: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return photographs as float32, images of integers as fractions of their range."""
    from skdae.data import full_range

    return [photo / np.float32(full_range(photo.dtype) or 1) for photo in photos]
