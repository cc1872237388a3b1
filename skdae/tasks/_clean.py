"""Clean samples, which noise corrupts anew for each batch; also those behind a noise step."""

from __future__ import annotations

from skdae._warnings import warn_user
from skdae.tasks._task import Given, Task

__all__ = ["CleanSamples"]


class CleanSamples(Task):
    """Learn to remove the noise that is put into clean samples."""

    @classmethod
    def of(cls, given: Given) -> CleanSamples:
        """Return the task for an X that is clean, or that a noise step corrupted.

        Raises
        ------
        ValueError
            If there are two noises, or the clean values are lost.
        """
        origin, owner = given.origin, given.owner
        if origin is None:
            if given.noise == "auto":
                _warn_of_missing_noise(owner)
            return cls(given.samples, None, given.fitted(given.new_noise()))
        check_one_noise(given)
        if given.clean is None:
            raise ValueError(
                f"X was corrupted by {origin.noise!r} and then changed (sliced, clipped, scaled or "
                "edited in place), so its clean values are lost. Put the noise step directly "
                f"before {owner}, or pass the clean X as y."
            )
        return cls(given.clean, None, origin.noise)


def check_one_noise(given: Given) -> None:
    """Check that an X with noise of a step before gets no other noise.

    Raises
    ------
    ValueError
        If the parameter ``noise`` is not "auto".
    """
    if given.origin is not None and given.noise != "auto":
        raise ValueError(
            f"X already comes from a noise step, {given.origin.noise!r}, and {given.owner} has "
            f"noise={given.noise!r}: remove that step, or leave noise='auto' to learn its noise."
        )


def _warn_of_missing_noise(owner: str) -> None:
    warn_user(
        f"{owner} got neither noise nor a clean target, so it trains a plain autoencoder. If a "
        "noise step comes before it, a step in between, a ColumnTransformer, a FeatureUnion or "
        "set_output made it forget, and the noise is learned along with the values: put it "
        f"directly before {owner}, without set_output, or take it out and use "
        f"{owner}(noise=...), or pass the clean X as y. noise=None asks for a plain autoencoder "
        "and does not warn."
    )
