"""What fit learns from: X, y and a remembered origin (rules 2 and 3 of the design)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils import check_array

from skdae._checks import as_array, check_rows
from skdae.data import (
    ROW_DTYPES,
    check_ranges,
    first_of_another_shape,
    full_range,
    is_list_of_samples,
    parts_of,
    read_list,
)
from skdae.noise._corrupted import origin_of
from skdae.tasks import Given, Task, choose_task, same_values
from skdae.training import as_loss

__all__ = [
    "TrainingData",
    "check_targets",
    "read_target",
    "read_training_data",
]


@dataclass(frozen=True)
class TrainingData:
    """What a fit learns from.

    Attributes
    ----------
    task : Task
        What is learned: inputs, targets and noise.
    shape : tuple of int
        The shape of X; None stands for the sides of the samples of a list.
    sample_shape : tuple of int
        What a row is; for a list, what a patch is.
    patch_shape : tuple of int or None
        What is drawn from the samples while training; None takes whole samples.
    """

    task: Task
    shape: tuple
    sample_shape: tuple[int, ...]
    patch_shape: tuple[int, ...] | None

    def images(self, rows: Any) -> list[np.ndarray]:
        """View rows, or a target, as samples with their axes."""
        if isinstance(rows, list):
            return rows
        return list(rows.reshape(len(rows), *self.sample_shape))


def read_training_data(
    estimator: Any, X: Any, y: Any, *, reset: bool, unmatched_y: str
) -> TrainingData:
    """Decide inputs, targets and noise, or explain why that cannot be.

    Parameters
    ----------
    estimator : BaseDenoisingAutoencoder
        Whose ``noise`` and ``sample_shape`` are asked for.
    X, y : array-like
        What ``fit`` got.
    reset : bool
        Whether this fit starts anew and sets ``n_features_in_``.
    unmatched_y : {"raise", "ignore"}
        What to do with a ``y`` that is neither labels nor of X's shape.
    """
    owner = type(estimator).__name__
    rows, shape, sample_shape, patch_shape = estimator._read_samples(X, reset=reset)
    target = read_target(y, rows, shape, owner, unmatched_y=unmatched_y)
    if target is not None:
        _check_order(X, y, owner)
        target = None if same_values(target, rows) else target
    given = Given(
        owner=owner,
        X=X,
        y=y,
        rows=rows,
        target=target,
        origin=origin_of(X),
        read_clean=partial(_read_clean, rows=rows, owner=owner),
        sample_shape=patch_shape or sample_shape,
        starts_anew=reset,
        noise=estimator.noise,
        loss=estimator.loss,
        early_stopping=estimator.early_stopping,
    )
    task = choose_task(given, estimator.self_supervised)
    return TrainingData(task, shape, sample_shape, patch_shape)


def _read_clean(clean: Any, rows: Any, owner: str) -> Any:
    """Return the clean values behind corrupted ones, laid out like these."""
    if isinstance(rows, list):
        return read_list(clean, owner, like=rows[0].shape)
    clean = np.stack(clean) if isinstance(clean, list) else clean
    return check_array(clean.reshape(rows.shape), dtype=ROW_DTYPES)


def read_target(y: Any, X_rows: Any, expected: tuple, owner: str, *, unmatched_y: str) -> Any:
    """Return y as rows if it has X's shape, and None if it is labels; lists go with lists.

    Raises
    ------
    ValueError
        If ``y`` is neither and ``unmatched_y="raise"``, or if X and y have different ranges.
    """
    if y is None:
        return None
    if isinstance(X_rows, list):
        return _read_target_list(y, X_rows, owner, unmatched_y=unmatched_y)
    if is_list_of_samples(y):
        y = _stacked(y, owner)
    y = as_array(y, "y")
    if y.shape == expected:
        rows = y.reshape(len(y), -1) if len(y.shape) > 2 else y
        target = check_rows(rows, owner, dtype=ROW_DTYPES, name="y")
        check_ranges("y", target.dtype, target, "X is", X_rows.dtype)
        check_ranges("X", X_rows.dtype, X_rows, "y is", target.dtype)
        return target
    if y.shape == expected[:1] or (len(y.shape) > 1 and unmatched_y == "ignore"):
        return None
    in_a_column = ""
    if y.shape == (expected[0], 1):
        in_a_column = " Labels in a column become labels with y.ravel()."
    raise ValueError(
        f"The y of {owner} must be labels, one a sample (ignored), or clean targets of the shape "
        f"of X. Got y of shape {y.shape} with X of shape {expected}.{in_a_column}"
    )


def _check_order(X: Any, y: Any, owner: str) -> None:
    """Refuse a data frame of targets in another order than that of X.

    Raises
    ------
    ValueError
        If it has the same columns, or the same index, in another order.
    """
    for axis in ("columns", "index"):
        names, others = (getattr(frame, axis, None) for frame in (X, y))
        if names is None or others is None or callable(names) or callable(others):
            continue
        names, others = list(names), list(others)
        if names != others and set(names) == set(others):
            raise ValueError(
                f"The y of {owner} must be in the order of X. Got a data frame with the same "
                f"{axis} in another order: from {others[0]!r}, where X begins with {names[0]!r}."
            )


def _stacked(y: Any, owner: str) -> np.ndarray:
    """Make an array of a list of targets, for an X that is one."""
    index = first_of_another_shape(y)
    if index is None:
        return np.stack([as_array(sample, "y") for sample in y])
    raise ValueError(
        f"The y of {owner} must be targets of one size, as X is an array. Got y[0] of shape "
        f"{np.shape(y[0])} and y[{index}] of shape {np.shape(y[index])}."
    )


def _read_target_list(y: Any, samples: list[np.ndarray], owner: str, *, unmatched_y: str) -> Any:
    """Return y as samples if their sizes are those of X, and None if it is labels."""
    if not is_list_of_samples(y):
        labels = np.asarray(y)
        if labels.shape == (len(samples),) or (labels.ndim > 1 and unmatched_y == "ignore"):
            return None
        raise ValueError(
            f"The y of {owner} must be labels, one a sample (ignored), or a list of clean targets, "
            f"as X is a list of {len(samples)} samples. Got y of shape {labels.shape}."
        )
    if len(y) != len(samples):
        raise ValueError(
            f"The y of {owner} must have a clean target for each sample of X. Got {len(y)} targets "
            f"for {len(samples)} samples."
        )
    targets = read_list(y, owner, name="y", like=samples[0].shape)
    for index, (target, sample) in enumerate(zip(targets, samples, strict=True)):
        if target.shape != sample.shape:
            raise ValueError(
                f"The y of {owner} must have targets of the sizes of the samples of X. Got "
                f"y[{index}] of shape {target.shape} for X[{index}] of shape {sample.shape}."
            )
    check_ranges("y", targets[0].dtype, targets, "X is", samples[0].dtype)
    check_ranges("X", samples[0].dtype, samples, "y is", targets[0].dtype)
    return targets


def check_targets(estimator: Any, data: TrainingData) -> None:
    """Check that the targets are what the loss is made for.

    Raises
    ------
    ValueError
        If a target is not in the range that the loss takes.
    """
    targets = parts_of(data.task.rows if data.task.target is None else data.task.target)
    needed = as_loss(estimator.loss).target_range
    if needed is None:
        return
    full = full_range(targets[0].dtype) or 1.0
    low = min(part.min() for part in targets) / full
    high = max(part.max() for part in targets) / full
    if low < needed[0] or high > needed[1]:
        raise ValueError(
            f"loss={estimator.loss!r} of {type(estimator).__name__} needs targets in "
            f"[{needed[0]:g}, {needed[1]:g}]: scale them, or use loss='mse'. "
            f"Got values from {low:g} to {high:g}."
        )
