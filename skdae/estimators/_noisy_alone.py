"""Training on noisy samples alone: what goes with it, and what does not."""

from __future__ import annotations

from typing import Any

from skdae.layout import parts_of
from skdae.noise import GaussianNoise, NoiseInjector, PoissonNoise
from skdae.training import as_loss

__all__ = ["check_noisy_alone", "check_split"]

_OTHER_MODES = (
    "With clean samples, take noise=... and fit(X_clean); with pairs, fit(X_noisy, X_clean), or "
    "fit(X_noisy_1, X_noisy_2) where both are noisy; each with {mode}=False."
)


def check_noisy_alone(estimator: Any, origin: Any, target: Any) -> None:
    """Check that noisy samples are all that a training is given, but for their noise.

    Parameters
    ----------
    estimator : BaseDenoisingAutoencoder
        One with ``blind_spot`` or ``split_noise``.
    origin : Origin or None
        What X remembers of a noise step.
    target : rows, list of samples or None
        The clean values that were given.

    Raises
    ------
    ValueError
        If there is a target or a noise step, or a parameter that does not go with the mode.
    """
    owner = type(estimator).__name__
    if estimator.blind_spot and estimator.split_noise:
        raise ValueError(
            f"blind_spot=True of {owner} needs no noise=..., and split_noise=True does: take "
            "split_noise where you know that the noise is Gaussian or Poisson, and its level; "
            "blind_spot where you do not. Got both."
        )
    mode = "blind_spot" if estimator.blind_spot else "split_noise"
    given = None
    if origin is not None:
        given = f"X that was corrupted by {origin.noise!r}, whose clean values are known"
    elif target is not None:
        given = "targets y"
    elif estimator.blind_spot:
        given = _given_to_blind_spots(estimator)
    if given is not None:
        raise ValueError(
            f"{mode}=True of {owner} learns from noisy samples alone: fit(X_noisy). Got {given}. "
            + _OTHER_MODES.format(mode=mode)
        )


def _given_to_blind_spots(estimator: Any) -> str | None:
    if estimator.noise not in ("auto", None):
        return f"noise={estimator.noise!r}"
    if estimator.early_stopping:
        return "early_stopping=True, though the loss on noisy values does not tell when to stop"
    return None


def check_split(estimator: Any, rows: Any, noise: NoiseInjector | None) -> None:
    """Check that noise of this kind can have made the samples, and can be split.

    A kind of the user's, even one that inherits from these, follows a law of its own.

    Parameters
    ----------
    estimator : BaseDenoisingAutoencoder
        One with ``split_noise``.
    rows : ndarray or list of ndarray
        The noisy samples.
    noise : NoiseInjector or None
        What the estimator's ``noise`` stands for.

    Raises
    ------
    ValueError
        If the noise or the loss is of another kind, or the level does not go with the samples.
    """
    owner = type(estimator).__name__
    if type(noise) is not GaussianNoise and type(noise) is not PoissonNoise:
        or_blind = ""
        if "blind_spot" in estimator.get_params(deep=False):
            or_blind = " Where the law is not known, take blind_spot=True instead."
        raise ValueError(
            f"split_noise=True of {owner} needs the noise that X carries: noise=GaussianNoise("
            "sigma), of images with the sigma of estimate_sigma(X).mean(), or noise=PoissonNoise("
            f"peak).{or_blind} Got noise={estimator.noise!r}."
        )
    loss = as_loss(estimator.loss)
    if not loss.learns_the_mean or loss.target_range is not None:
        raise ValueError(
            f"split_noise=True of {owner} needs a loss that learns the mean of noisy targets, "
            f"of any value: take loss='mse'. Got loss={estimator.loss!r}."
        )
    noise.check_splits(parts_of(rows), owner)
