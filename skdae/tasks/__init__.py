"""What is learned from the samples of a fit: one file for each way of learning."""

from __future__ import annotations

import math

from skdae.tasks._blind_spot import BlindSpot
from skdae.tasks._cells import HiddenCells
from skdae.tasks._clean import CleanSamples
from skdae.tasks._pairs import Pairs
from skdae.tasks._split_noise import SplitNoise
from skdae.tasks._task import Cells, Given, Task, same_values

__all__ = ["SELF_SUPERVISED", "Cells", "Given", "Task", "choose_task", "same_values"]

SELF_SUPERVISED: dict[str, type[Task]] = {"blind_spot": BlindSpot, "split_noise": SplitNoise}
"""The ways to learn from noisy samples alone, by the names of the parameter."""


def choose_task(given: Given, self_supervised: str | None) -> Task:
    """Return the task that fits what a fit was given.

    Parameters
    ----------
    given : Given
        Samples, targets and parameters.
    self_supervised : str or None
        A key of ``SELF_SUPERVISED``, or None for training with clean values.

    Raises
    ------
    ValueError
        If the task does not go with the samples or the parameters.
    """
    kind: type[Task] = Pairs if given.has_target_of_its_own() else CleanSamples
    if self_supervised is not None:
        kind = SELF_SUPERVISED[self_supervised]
    elif given.cells is not None:
        kind = HiddenCells
    task = kind.of(given)
    if task.noise is not None:
        # Levels of the columns of whole samples do not go with patches of these.
        task.noise._check_samples(math.prod(given.sample_shape), given.samples.dtype)
    return task
