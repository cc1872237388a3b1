"""What fit learns from: X, y and a remembered origin (rules 2 and 3 of the design)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_array, gen_batches

from skdae import noise as noise_kinds
from skdae._sklearn import as_array, check_rows
from skdae._warnings import warn_user
from skdae.estimators._noisy_alone import check_noisy_alone, check_split
from skdae.layout import check_ranges, full_range, parts_of
from skdae.lists import first_of_another_shape, is_list_of_samples, read_list
from skdae.noise import NoiseInjector
from skdae.noise._corrupted import origin_of
from skdae.training import as_loss

__all__ = [
    "NOISES",
    "ROW_DTYPES",
    "TrainingData",
    "check_targets",
    "read_target",
    "read_training_data",
]

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

_COMPARED_AT_ONCE = 2**20
_MOST_CLASSES = 16


@dataclass(frozen=True)
class TrainingData:
    """What a fit learns from.

    Attributes
    ----------
    rows : ndarray of shape (n_samples, n_features), or list of ndarray of shape (..., channels)
        The inputs before the noise; also what later steps of a pipeline will see encoded. A
        list holds samples of different sizes.
    target : what ``rows`` is, or None
        What the outputs should be; None is the rows themselves.
    noise : NoiseInjector or None
        What corrupts the rows, anew for every batch.
    shape : tuple of int
        The shape of X; None stands for the sides of the samples of a list.
    sample_shape : tuple of int
        What a row is; for a list, what a patch is.
    patch_shape : tuple of int or None
        What is drawn from the samples while training; None takes whole samples.
    """

    rows: Any
    target: Any
    noise: NoiseInjector | None
    shape: tuple
    sample_shape: tuple[int, ...]
    patch_shape: tuple[int, ...] | None

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the rows."""
        return parts_of(self.rows)[0].dtype

    def images(self, rows: Any) -> list[np.ndarray]:
        """View rows, or a target, as samples with their axes."""
        if isinstance(rows, list):
            return rows
        return list(rows.reshape(len(rows), *self.sample_shape))


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
    origin = origin_of(X)
    rows, shape, sample_shape, patch_shape = estimator._read_samples(X, reset=reset)
    describe = partial(
        TrainingData, shape=shape, sample_shape=sample_shape, patch_shape=patch_shape
    )
    target = read_target(y, rows, shape, owner, other_y=other_y)
    if target is not None:
        _check_order(X, y, owner)
    if target is not None and _same(target, rows):
        target = None
    if estimator.blind_spot or estimator.split_noise:
        check_noisy_alone(estimator, origin, target)
        noise = _own_noise(estimator)
        if estimator.split_noise:
            check_split(estimator, rows, noise)
        return describe(rows, None, _meet(noise, rows, reset=reset))

    if origin is None:
        if estimator.noise == "auto" and target is None:
            _warn_of_nothing_to_remove(owner)
        _warn_of_labels(X, y, rows, target, owner, table=len(sample_shape) == 1)
        return describe(rows, target, _meet(_own_noise(estimator), rows, reset=reset))

    if estimator.noise != "auto":
        raise ValueError(
            f"X was corrupted by {origin.noise!r}, and {owner} has noise={estimator.noise!r}: "
            "one noise too many. Leave noise='auto' to learn the noise of the step before, or "
            "take that step out."
        )
    if origin.is_that_of(X):
        clean = _read_clean(origin.clean, rows, owner)
        if target is None or _same(target, clean):
            return describe(clean, None, origin.noise)
    elif target is None:
        raise ValueError(
            f"X was corrupted by {origin.noise!r} and then changed (sliced, clipped, scaled or "
            "edited in place), so its clean values are lost. Put the noise step directly before "
            f"{owner}, or pass the clean X as y."
        )
    _warn_of_labels(X, y, rows, target, owner, table=len(sample_shape) == 1)
    return describe(rows, target, None)


def _read_clean(clean: Any, rows: Any, owner: str) -> Any:
    """Return the clean values behind corrupted ones, laid out like these."""
    if isinstance(rows, list):
        return read_list(clean, owner, like=rows[0].shape)
    clean = np.stack(clean) if isinstance(clean, list) else clean
    return check_array(clean.reshape(rows.shape), dtype=ROW_DTYPES)


def read_target(y: Any, X_rows: Any, expected: tuple, owner: str, *, other_y: str) -> Any:
    """Return y as rows if it has X's shape, and None if it is labels; lists go with lists.

    Raises
    ------
    ValueError
        If ``y`` is neither and ``other_y="raise"``, or if X and y have different ranges.
    """
    if y is None:
        return None
    if isinstance(X_rows, list):
        return _read_target_list(y, X_rows, owner, other_y=other_y)
    if is_list_of_samples(y):
        y = _stacked(y, owner)
    y = as_array(y, "y")
    if y.shape == expected:
        rows = y.reshape(len(y), -1) if len(y.shape) > 2 else y
        target = check_rows(rows, owner, dtype=ROW_DTYPES, name="y")
        check_ranges("y", target.dtype, target, "X is", X_rows.dtype)
        check_ranges("X", X_rows.dtype, X_rows, "y is", target.dtype)
        return target
    if y.shape == expected[:1] or (len(y.shape) > 1 and other_y == "ignore"):
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


def _read_target_list(y: Any, samples: list[np.ndarray], owner: str, *, other_y: str) -> Any:
    """Return y as samples if their sizes are those of X, and None if it is labels."""
    if not is_list_of_samples(y):
        labels = np.asarray(y)
        if labels.shape == (len(samples),) or (labels.ndim > 1 and other_y == "ignore"):
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
    targets = parts_of(data.rows if data.target is None else data.target)
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


def _own_noise(estimator: Any) -> NoiseInjector | None:
    noise = estimator.noise
    if noise is None or noise == "auto":
        return None
    return NOISES[noise]() if isinstance(noise, str) else clone(noise)


def _meet(noise: NoiseInjector | None, rows: Any, *, reset: bool) -> NoiseInjector | None:
    """Fit the noise to the rows; where training goes on, its level was looked at before."""
    if noise is not None and reset:
        noise.fit(rows)
    elif noise is not None:
        noise._read(rows, reset=True)
    return noise


def _same(a: Any, b: Any) -> bool:
    """Whether all values are equal, compared a few rows at a time."""
    if isinstance(a, list):
        return all(_same(*pair) for pair in zip(a, b, strict=True))
    if a is b or a.dtype != b.dtype or a.shape != b.shape:
        return a is b
    step = max(1, len(a) * _COMPARED_AT_ONCE // a.size)
    return all(np.array_equal(a[few], b[few]) for few in gen_batches(len(a), step))


def _warn_of_labels(X: Any, y: Any, rows: Any, target: Any, owner: str, *, table: bool) -> None:
    """Warn of a target that looks like the labels of a later step.

    Integers and booleans do, beside an X of another kind (uint8 and uint16 only if they have few
    levels), and so does a table of zeros and ones beside one of other values.
    """
    if target is None:
        return
    of_X, of_y = (_dtype_of(data) for data in (X, y))
    highest_of_X, highest = (max(part.max() for part in parts_of(part)) for part in (rows, target))
    if full_range(of_y):
        are_labels = highest <= _MOST_CLASSES and not (full_range(of_X) and highest_of_X <= highest)
    elif of_y.kind in "iub":
        are_labels = bool(of_X.kind == "f" or full_range(of_X) or of_y.kind == "b" != of_X.kind)
    else:
        are_labels = table and _are_flags(target) and not _are_flags(rows)
    if are_labels:
        warn_user(
            f"{owner} reads y as clean values of X, since it has the shape of X, but it looks like "
            f"labels: {of_y} from {min(part.min() for part in parts_of(target)):g} to "
            f"{highest:g}, beside X of {of_X}. If these are clean values, pass y.astype(float). If "
            f"they are labels for a later step, fit {owner} before, without y, and put "
            "FrozenEstimator(...) of it into the pipeline."
        )


def _dtype_of(data: Any) -> np.dtype:
    return np.asarray(as_array(data[0] if is_list_of_samples(data) else data)).dtype


def _are_flags(table: np.ndarray) -> bool:
    """Whether the values are zeros and ones; a part of them is looked at."""
    part = table[: max(1, _COMPARED_AT_ONCE // table.shape[1])]
    return bool(part.min() == 0 and part.max() == 1 and np.isin(part, (0, 1)).all())


def _warn_of_nothing_to_remove(owner: str) -> None:
    warn_user(
        f"{owner} has nothing to remove: X carries no noise that it knows of, and no clean "
        "target is given, so it trains a plain autoencoder. If a noise step comes before it, a "
        "step in between, a ColumnTransformer, a FeatureUnion or set_output made it forget, and "
        f"the noise is learned along with the values: put it directly before {owner}, without "
        f"set_output, or take it out and use {owner}(noise=...), or pass the clean X as y. "
        "noise=None asks for a plain autoencoder and does not warn."
    )
