"""Split noise: noisy samples whose noise is known, split into two with independent noise."""

from __future__ import annotations

import torch
from torch import Tensor

from skdae.data import to_channels_first
from skdae.noise import GaussianNoise, PoissonNoise
from skdae.tasks._noisy_alone import check_alone
from skdae.tasks._task import Batch, Given, Task
from skdae.training import as_loss

__all__ = ["SplitNoise"]


class SplitNoise(Task):
    """Learn to guess one half of the split values from the other."""

    allows_mirrors = False
    noise: GaussianNoise | PoissonNoise

    @classmethod
    def of(cls, given: Given) -> SplitNoise:
        """Return the task for noisy samples alone.

        Raises
        ------
        ValueError
            If more is given, if the noise or the loss is of another kind, or if the level does
            not go with the samples. Subclasses of the two noises are refused: their noise may be
            distributed otherwise.
        """
        check_alone(given, "split_noise")
        noise, owner = given.new_noise(), given.owner
        if type(noise) is not GaussianNoise and type(noise) is not PoissonNoise:
            or_blind = ""
            if len(given.sample_shape) > 1:
                or_blind = (
                    " Where its distribution is not known, take self_supervised='blind_spot'."
                )
            raise ValueError(
                f"self_supervised='split_noise' of {owner} needs the noise that X carries: "
                "noise=GaussianNoise(sigma), of images with the sigma of estimate_sigma(X).mean(), "
                f"or noise=PoissonNoise(peak).{or_blind} Got noise={given.noise!r}."
            )
        loss = as_loss(given.loss)
        if not loss.learns_the_mean or loss.target_range is not None:
            raise ValueError(
                f"self_supervised='split_noise' of {owner} needs a loss that learns the mean of "
                f"noisy targets, of any value: take loss='mse'. Got loss={given.loss!r}."
            )
        noise._check_splits(given.samples.parts, owner)
        return cls(given.samples, None, given.fitted(noise))

    def make_batch(
        self,
        rows: Tensor,
        target: Tensor,
        sample_shape: tuple[int, ...],
        generator: torch.Generator,
    ) -> Batch:
        """Return the two parts of each sample as input and target."""
        first, second = self.noise._split_batch(rows, generator)
        return to_channels_first(first, sample_shape), to_channels_first(second, sample_shape)
