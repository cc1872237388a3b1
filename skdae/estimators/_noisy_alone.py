"""Training on noisy samples alone: what goes with it, and what does not."""

from __future__ import annotations

from typing import Any

from skdae.noise import NoiseInjector
from skdae.noise._split import SplitMixin

__all__ = ["check_noisy_alone"]

_OTHER_MODES = (
    "With clean samples, take noise=... and fit(X_clean); with pairs, fit(X_noisy, X_clean), or "
    "fit(X_noisy_1, X_noisy_2) where both are noisy; each with {mode}=False."
)


def check_noisy_alone(
    estimator: Any, origin: Any, target: Any, noise: NoiseInjector | None
) -> None:
    """Check that noisy samples are all that a training is given, but for their noise.

    Parameters
    ----------
    estimator : BaseDenoisingAutoencoder
        One with ``blind_spot`` or ``split_noise``.
    origin : Origin or None
        What X remembers of a noise step.
    target : rows, list of samples or None
        The clean values that were given.
    noise : NoiseInjector or None
        What the estimator's ``noise`` stands for.

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
    if estimator.split_noise:
        _check_split(estimator, noise, owner)


def _given_to_blind_spots(estimator: Any) -> str | None:
    if estimator.noise not in ("auto", None):
        return f"noise={estimator.noise!r}"
    if estimator.early_stopping:
        return "early_stopping=True, though the loss on noisy values does not tell when to stop"
    return None


def _check_split(estimator: Any, noise: NoiseInjector | None, owner: str) -> None:
    if not isinstance(noise, SplitMixin):
        raise ValueError(
            f"split_noise=True of {owner} needs the noise that X carries: noise=GaussianNoise("
            "sigma) or noise=PoissonNoise(peak). estimate_sigma(X) gives a level; where the law is "
            f"not known, take blind_spot=True instead. Got noise={estimator.noise!r}."
        )
    if estimator.loss == "bce":
        raise ValueError(
            f"split_noise=True of {owner} learns from noisy targets, which leave [0, 1]: take "
            "loss='mse'. Got loss='bce'."
        )
    noise.check_splits(owner)
