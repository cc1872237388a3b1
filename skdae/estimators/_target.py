"""What fit learns from: X, y and a remembered origin (rules 2 and 3 of the design)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_array

from skdae import noise as noise_kinds
from skdae._sklearn import as_array, validate_rows
from skdae._warnings import warn_user
from skdae.layout import full_range
from skdae.noise import CorruptedArray, NoiseInjector

__all__ = [
    "NOISES",
    "ROW_DTYPES",
    "TrainingData",
    "check_ranges",
    "check_targets",
    "read_target",
    "read_training_data",
]

# No noise that is worth removing lifts a fraction above this.
_MOST_OF_A_FRACTION = 16

ROW_DTYPES = [np.float32, np.uint8, np.uint16]
"""Rows are kept in these; all else becomes the first."""

NOISES: dict[str, type[NoiseInjector]] = {
    "gaussian": noise_kinds.GaussianNoise,
    "masking": noise_kinds.MaskingNoise,
    "poisson": noise_kinds.PoissonNoise,
    "salt_and_pepper": noise_kinds.SaltAndPepperNoise,
    "speckle": noise_kinds.SpeckleNoise,
    "swap": noise_kinds.SwapNoise,
    "uniform": noise_kinds.UniformNoise,
}
"""The short names of the kinds, with their default levels."""


@dataclass(frozen=True)
class TrainingData:
    """What a fit learns from.

    Attributes
    ----------
    rows : ndarray of shape (n_samples, n_features)
        The inputs before the noise; also what later steps of a pipeline will see encoded.
    target : ndarray of shape (n_samples, n_features) or None
        What the outputs should be; None is the rows themselves.
    noise : NoiseInjector or None
        What corrupts the rows, anew for every batch.
    shape : tuple of int
        The shape of X.
    sample_shape : tuple of int
        What a row is.
    """

    rows: np.ndarray
    target: np.ndarray | None
    noise: NoiseInjector | None
    shape: tuple[int, ...]
    sample_shape: tuple[int, ...]


def read_training_data(
    estimator: Any, X: Any, y: Any, *, reset: bool, other_y: str
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
    other_y : {"raise", "ignore"}
        What to do with a ``y`` that is neither labels nor of X's shape.
    """
    owner = type(estimator).__name__
    origin = X.origin if isinstance(X, CorruptedArray) else None
    rows, shape = validate_rows(estimator, X, reset=reset, dtype=ROW_DTYPES)
    if reset:
        sample_shape = estimator._sample_shape_of(shape[1:])
    else:
        estimator._check_like_fit(rows, shape[1:])
        sample_shape = estimator.sample_shape_
    describe = partial(TrainingData, shape=shape, sample_shape=sample_shape)
    target = read_target(y, rows, shape, owner, other_y=other_y)
    if target is not None and _same(target, rows):
        target = None

    if origin is None:
        if estimator.noise == "auto" and target is None:
            _warn_of_nothing_to_remove(owner)
        return describe(rows, target, _own_noise(estimator, rows))

    if estimator.noise != "auto":
        raise ValueError(
            f"X was corrupted by {origin.noise!r}, and {owner} has noise={estimator.noise!r}: "
            "one noise too many. Leave noise='auto' to learn the noise of the step before, or "
            "take that step out."
        )
    if origin.is_that_of(X):
        clean = origin.clean.reshape(rows.shape)
        clean = check_array(clean, dtype=ROW_DTYPES, order="C")
        if target is None or _same(target, clean):
            return describe(clean, None, origin.noise)
    elif target is None:
        raise ValueError(
            f"X was corrupted by {origin.noise!r} and then changed (sliced, clipped, scaled or "
            "edited in place), so its clean values are lost. Put the noise step directly before "
            f"{owner}, or pass the clean X as y."
        )
    return describe(rows, target, None)


def read_target(
    y: Any, X_rows: np.ndarray, expected: tuple[int, ...], owner: str, *, other_y: str
) -> np.ndarray | None:
    """Return y as rows if it has X's shape, and None if it is labels.

    Raises
    ------
    ValueError
        If ``y`` is neither and ``other_y="raise"``, or if X and y have different ranges.
    """
    if y is None:
        return None
    y = as_array(np.asarray(y) if hasattr(y, "columns") else y)
    if y.shape == expected:
        rows = y.reshape(len(y), -1) if y.ndim > 2 else y
        target = check_array(rows, dtype=ROW_DTYPES, order="C", input_name="y")
        check_ranges("y", y.dtype, target, "X is", X_rows.dtype)
        check_ranges("X", X_rows.dtype, X_rows, "y is", target.dtype)
        return target
    if y.ndim == 1 and len(y) == expected[0]:
        return None
    if y.ndim > 1 and other_y == "ignore":
        return None
    raise ValueError(
        f"The y of {owner} must be labels, one a sample (ignored), or clean targets of the shape "
        f"of X. Got y of shape {y.shape} with X of shape {expected}."
    )


def check_targets(estimator: Any, data: TrainingData) -> None:
    """Check that the targets are what the loss is made for.

    Raises
    ------
    ValueError
        If the loss is cross-entropy and a target is not in [0, 1].
    """
    target = data.rows if data.target is None else data.target
    if estimator.loss != "bce" or target.dtype != np.float32:
        return
    low, high = target.min(), target.max()
    if low < 0 or high > 1:
        raise ValueError(
            f"loss='bce' of {type(estimator).__name__} needs targets in [0, 1]: scale them, or use "
            f"loss='mse'. Got values from {low:g} to {high:g}."
        )


def check_ranges(
    name: str, dtype: np.dtype, rows: np.ndarray, other: str, other_dtype: np.dtype
) -> None:
    """Refuse values far outside of [0, 1] where their counterpart is read as fractions.

    Raises
    ------
    ValueError
        If only the counterpart is an image of integers, and the values are not on its scale.
    """
    white = full_range(other_dtype)
    if white and not full_range(rows.dtype) and rows.max() > _MOST_OF_A_FRACTION:
        raise ValueError(
            f"{other} {other_dtype}, read as fractions of {white:.0f}, and {name} is {dtype} with "
            f"values up to {rows.max():g}, read as they are. Give both the same dtype, or divide "
            f"{name} by {white:.0f}."
        )


def _own_noise(estimator: Any, rows: np.ndarray) -> NoiseInjector | None:
    noise = estimator.noise
    if noise is None or noise == "auto":
        return None
    injector = NOISES[noise]() if isinstance(noise, str) else clone(noise)
    return injector.fit(rows)


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a is b or (a.dtype == b.dtype and np.array_equal(a, b))


def _warn_of_nothing_to_remove(owner: str) -> None:
    warn_user(
        f"{owner} has nothing to remove: X carries no noise that it knows of, and no clean "
        "target is given, so it trains a plain autoencoder. If a noise step comes before it, a "
        "step in between, a ColumnTransformer, a FeatureUnion or set_output made it forget: put "
        f"the noise directly before {owner}, or use {owner}(noise=...), or pass the clean X as "
        "y. noise=None asks for a plain autoencoder and does not warn."
    )
