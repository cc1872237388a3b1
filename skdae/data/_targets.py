"""What comes beside X as y: clean targets, or labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skdae._checks import Data, as_array, check_rows
from skdae.data._dtypes import ROW_DTYPES, check_ranges
from skdae.data._lists import Rows, first_of_another_shape, is_list_of_samples, read_list
from skdae.data._samples import Samples
from skdae.data._stored import Stored, is_stored

__all__ = ["check_order", "read_target"]


def read_target(y: Data, samples: Samples, owner: str, *, unmatched_y: str) -> Samples | None:
    """Return y as samples if it has X's shape, and None if it is labels; lists go with lists.

    Parameters
    ----------
    y : array-like, list of array-like, or None
        What came beside X.
    samples : Samples
        X, as it was read.
    owner : str
        Name of the estimator.
    unmatched_y : {"raise", "ignore"}
        What to do with a ``y`` that is neither labels nor of X's shape.

    Raises
    ------
    ValueError
        If ``y`` is neither and ``unmatched_y="raise"``, or if X and y have different ranges.
    """
    if y is None:
        return None
    read = _read_list if samples.is_list else _read_array
    rows = read(y, samples, owner, unmatched_y=unmatched_y)
    if rows is None:
        return None
    target = replace(samples, rows=rows)
    if target.dtype != samples.dtype:
        check_ranges("y", target.dtype, target.highest, "X is", samples.dtype)
        check_ranges("X", samples.dtype, samples.highest, "y is", target.dtype)
    return target


def _read_array(y: Data, samples: Samples, owner: str, *, unmatched_y: str) -> np.ndarray | None:
    """Return y as rows if its shape is that of X, and None if it is labels."""
    expected = samples.shape
    if is_stored(y) and tuple(y.shape) == expected:
        return Stored.rows_of(y, owner, "y")
    if is_list_of_samples(y):
        y = _stacked(y, owner)
    y = as_array(y, "y")
    if y.shape == expected:
        rows = y.reshape(len(y), -1) if len(y.shape) > 2 else y
        return check_rows(rows, owner, dtype=ROW_DTYPES, name="y")
    if y.shape == expected[:1] or (len(y.shape) > 1 and unmatched_y == "ignore"):
        return None
    in_a_column = ""
    if y.shape == (expected[0], 1):
        in_a_column = " Labels in a column become labels with y.ravel()."
    raise ValueError(
        f"The y of {owner} must be labels, one a sample (ignored), or clean targets of the shape "
        f"of X. Got y of shape {y.shape} with X of shape {expected}.{in_a_column}"
    )


def _stacked(y: Data, owner: str) -> np.ndarray:
    """Make an array of a list of targets, for an X that is one."""
    index = first_of_another_shape(y)
    if index is None:
        return np.stack([as_array(sample, "y") for sample in y])
    raise ValueError(
        f"The y of {owner} must be targets of one size, as X is an array. Got y[0] of shape "
        f"{np.shape(y[0])} and y[{index}] of shape {np.shape(y[index])}."
    )


def _read_list(y: Data, samples: Samples, owner: str, *, unmatched_y: str) -> Rows | None:
    """Return the samples of y if their sizes are those of X, and None if it is labels."""
    rows = samples.parts
    if not is_list_of_samples(y):
        labels = np.asarray(y)
        if labels.shape == (len(rows),) or (labels.ndim > 1 and unmatched_y == "ignore"):
            return None
        raise ValueError(
            f"The y of {owner} must be labels, one a sample (ignored), or a list of clean targets, "
            f"as X is a list of {len(rows)} samples. Got y of shape {labels.shape}."
        )
    if len(y) != len(rows):
        raise ValueError(
            f"The y of {owner} must have a clean target for each sample of X. Got {len(y)} targets "
            f"for {len(rows)} samples."
        )
    targets = read_list(y, owner, name="y", like=rows[0].shape)
    for index, (target, sample) in enumerate(zip(targets, rows, strict=True)):
        if target.shape != sample.shape:
            raise ValueError(
                f"The y of {owner} must have targets of the sizes of the samples of X. Got "
                f"y[{index}] of shape {target.shape} for X[{index}] of shape {sample.shape}."
            )
    return targets


def check_order(X: Data, y: Data, owner: str) -> None:
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
