"""What a fit may get beside samples and targets: weights, and samples to validate on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skdae._checks import as_array
from skdae.data import Samples, read_target
from skdae.noise._corrupted import origin_of
from skdae.tasks import Task, same_values

__all__ = ["prefixed_errors", "validation_task", "weighted_task"]


def weighted_task(task: Task, sample_weight: Any, owner: str) -> Task:
    """Return a task whose samples count as their weights say; those of weight 0 are left out.

    Raises
    ------
    ValueError
        If the weights are not one number >= 0 for each sample, or the samples stay in a file.
    """
    if sample_weight is None:
        return task
    weights = _checked(sample_weight, len(task.samples.rows), owner)
    if any(part is not None and part.is_stored for part in (task.samples, task.target)):
        raise ValueError(
            f"sample_weight of {owner} needs samples in memory. Got an array that is read from its "
            "file in blocks: leave rows out when you write it, or fit without sample_weight."
        )
    kept = weights > 0
    if not kept.all():
        target = None if task.target is None else task.target.take(kept)
        task = replace(task, samples=task.samples.take(kept), target=target)
        weights = weights[kept]
    if (weights == weights[0]).all():
        return task
    return replace(task, weights=weights)


def _checked(sample_weight: Any, n_samples: int, owner: str) -> np.ndarray:
    """Return weights whose mean is 1."""
    weights = np.asarray(as_array(sample_weight, "sample_weight"))
    if weights.shape != (n_samples,) or weights.dtype.kind not in "fiub":
        got = f"Got an array of shape {weights.shape} and dtype {weights.dtype}."
    else:
        weights = weights.astype(np.float64)
        if np.isfinite(weights).all() and weights.min() >= 0 and weights.max() > 0:
            weights = weights / weights.max()  # a sum of huge ones is infinite
            return weights / weights.mean()
        got = f"Got values from {weights.min():g} to {weights.max():g}."
    raise ValueError(
        f"The sample_weight of {owner} must be one finite number >= 0 for each of the {n_samples} "
        f"samples of X, not all zero. {got}"
    )


@contextmanager
def prefixed_errors(prefix: str) -> Iterator[None]:
    """Say in errors of the block, which name X or y, what these are."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{prefix}. {error}") from None


def validation_task(task: Task, samples: Samples, X: ArrayLike, y: Any, owner: str) -> Task:
    """Return the same task for samples of the user.

    Parameters
    ----------
    task : Task
        What is learned.
    samples : Samples
        X, read as that of the fit.
    X : array-like
        Samples as in the fit: clean ones if the noise is put in, or noisy ones with targets.
    y : array-like or None
        Their targets, if the fit has targets. Labels are ignored.
    owner : str
        Name of the estimator, for messages.

    Raises
    ------
    ValueError
        If X comes from a noise step, or if only one of the two has targets.
    """
    origin = origin_of(X)
    if origin is not None:
        raise ValueError(
            f"The X_val of {owner} comes from a noise step, {origin.noise!r}. Pass it clean: the "
            "noise that is learned is put into it, the same in every epoch."
        )
    with prefixed_errors(f"The y_val of {owner} must go with X_val as y goes with X"):
        target = read_target(y, samples, owner, unmatched_y="raise")
    if task.target is not None and target is None:
        raise ValueError(
            f"{owner} learns the targets y, so X_val needs its own as y_val. Got "
            f"{'none' if y is None else 'labels'}."
        )
    if task.target is None and target is not None:
        if not same_values(target, samples):
            raise ValueError(
                f"The y_val of {owner} are targets, but fit learns none: pass targets as y too, or "
                "X_val alone."
            )
        target = None
    return replace(task, samples=samples, target=target, weights=None, validation=None)
