"""What the ways to learn from noisy samples alone have in common: nothing else may be given."""

from __future__ import annotations

from skdae.tasks._task import Given

__all__ = ["check_alone"]


def check_alone(given: Given, mode: str, other: str | None = None) -> None:
    """Check that a fit got noisy samples, and neither targets nor clean values.

    Parameters
    ----------
    given : Given
        What the fit got.
    mode : str
        The value of ``self_supervised``.
    other : str or None, default=None
        What else was given that does not go with this mode.

    Raises
    ------
    ValueError
        If something was.
    """
    if given.origin is not None:
        other = f"X that was corrupted by {given.origin.noise!r}, whose clean values are known"
    elif given.target is not None:
        other = "targets y"
    if other is not None:
        raise ValueError(
            f"self_supervised={mode!r} of {given.owner} learns from noisy samples alone: "
            f"fit(X_noisy). Got {other}. With clean samples, take noise=... and fit(X_clean); with "
            "pairs, fit(X_noisy, X_clean), or fit(X_noisy_1, X_noisy_2) where both are noisy; each "
            "with self_supervised=None."
        )
