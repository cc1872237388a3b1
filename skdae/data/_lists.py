"""Lists of images or signals of different sizes: how they are read, and what is wrong with one.

A list or tuple of arrays is a list of samples, one each. Everything else that is a list, as one of
lists or of numbers, is read as one array.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skdae._checks import Data, as_array, check_finite, check_kind
from skdae.data._dtypes import full_range
from skdae.data._shapes import are_signals, check_axes, declared_shape
from skdae.data._stored import Stored, is_in_a_file

__all__ = [
    "Rows",
    "as_one_array",
    "checked_samples",
    "first_of_another_shape",
    "is_list_of_samples",
    "read_list",
]


Rows = np.ndarray | list[np.ndarray]
"""Rows (n_samples, n_features), or a list of samples (..., channels)."""


def is_list_of_samples(X: Data, sample_shape: tuple[int, ...] | None = None) -> bool:
    """Whether X is a list of arrays that stand for one sample each.

    With the ``sample_shape`` of images, or of signals of channels, arrays of one axis are flat
    rows, and no samples of a size of their own.
    """
    if not isinstance(X, (list, tuple)) or not X:
        return False
    # An image of Pillow counts as an array; lists and numbers have no axes.
    axes = {np.ndim(x) if hasattr(x, "__array_interface__") else getattr(x, "ndim", 0) for x in X}
    if axes != {1}:
        return max(axes) >= 2
    return sample_shape is None or (len(sample_shape) == 2 and sample_shape[-1] == 1)


def first_of_another_shape(samples: Sequence[Data]) -> int | None:
    """Return the index of the first sample whose shape is not that of sample 0, or None."""
    shapes = [np.shape(sample) for sample in samples]
    return next((index for index, shape in enumerate(shapes) if shape != shapes[0]), None)


def read_list(
    X: Sequence[Data],
    owner: str,
    *,
    name: str = "X",
    like: tuple[int, ...] | None = None,
    sample_shape: object = None,
) -> list[np.ndarray]:
    """Check samples of different sizes; return them as views ``(..., channels)``.

    Parameters
    ----------
    X : sequence of array-like
        Gray images ``(height, width)``, images ``(height, width, channels)``, or signals
        ``(length,)`` or ``(length, channels)``. Pairs are signals if every one of them would be
        read as one, and images otherwise.
    owner, name : str
        Of the estimator and the argument, for the messages.
    like : tuple of int or None, default=None
        A sample shape, channels last, whose axes and channels all must have.
    sample_shape : tuple of int or None, default=None
        What the user says that a sample is. It decides the axes and the channels, where ``like``
        does not; its sides do not count.

    Raises
    ------
    ValueError
        If a sample is wrong; the message names its index.
    """
    declared = like is None and sample_shape is not None
    if declared:
        like = declared_shape(sample_shape, owner)
    arrays = checked_samples(X, owner, name=name)
    for index, array in enumerate(arrays):
        if not declared and (like is None or array.shape[-1] != like[-1]):
            check_axes(array.shape, owner, f"{name}[{index}]", alone=True)
    if like is None:
        axes = 2 if are_signals(x.shape for x in arrays) else 3
        channels = _with_channels(arrays[0], axes, like).shape[-1]
    else:
        axes, channels = len(like), like[-1]
    samples = [_with_channels(array, axes, like) for array in arrays]
    for index, sample in enumerate(samples):
        if sample.ndim != axes or sample.shape[-1] != channels:
            kind = "(height, width, channels)" if axes == 3 else "(length, channels)"
            whose = f"{name}[0] has" if like is None else "those of fit had"
            if declared:
                whose = f"sample_shape={sample_shape} has"
            raise ValueError(
                f"{owner} reads {name} as samples {kind} with one number of channels; {whose} "
                f"{channels}. Got {name}[{index}] of shape {arrays[index].shape}."
            )
    return samples


def checked_samples(X: Sequence[Data], owner: str, *, name: str = "X") -> list[np.ndarray]:
    """Return the samples of a list as arrays of numbers, of one kind, as they are laid out.

    Raises
    ------
    ValueError
        If a sample is wrong; the message names its index.
    """
    if len(X) == 0:
        raise ValueError(f"{owner} needs one sample or more. Got an empty list as {name}.")
    names = [f"{name}[{index}]" for index in range(len(X))]
    arrays: list
    in_files = [is_in_a_file(x) for x in X]
    arrays = [
        Stored(x, tuple(x.shape), owner, which) if in_a_file else as_array(x, which)
        for x, which, in_a_file in zip(X, names, in_files, strict=True)
    ]
    for array, which in zip(arrays, names, strict=True):
        check_kind(array.dtype, owner, which)
    for array, which in zip(arrays, names, strict=True):
        _check_axes_and_numbers(array, owner, which)
    for array, which in zip(arrays, names, strict=True):
        if not isinstance(array, Stored):  # which is checked when it is read
            check_finite(array, owner, which, limit=np.float32)
    whites = [full_range(array.dtype) for array in arrays]
    if len(set(whites)) > 1:
        index = next(i for i, white in enumerate(whites) if white != whites[0])
        raise ValueError(
            f"{owner} reads {name} as samples of one kind: all uint8, all uint16, or none of "
            f"them. {name}[0] has dtype {arrays[0].dtype}. Got {name}[{index}] of dtype "
            f"{arrays[index].dtype}."
        )
    return arrays


def _check_axes_and_numbers(array: np.ndarray, owner: str, name: str) -> None:
    if array.ndim > 3:
        check_axes(array.shape, owner, name, alone=True)
    if array.dtype.kind not in "fiub" or array.ndim < 1 or not array.size:
        raise ValueError(
            f"{owner} reads the samples of a list as arrays of numbers: (height, width), (height, "
            "width, channels), (length,) or (length, channels), with one value or more. Got "
            f"{name} of shape {array.shape} and dtype {array.dtype}."
        )


def _with_channels(array: np.ndarray, axes: int, like: tuple[int, ...] | None) -> np.ndarray:
    """Add a channel axis where it is missing; drop the axis of height of a signal."""
    if axes == 2 and array.ndim == 3 and len(array) == 1:
        return array[0]
    one_channel = like is None or like[-1] == 1
    if axes == 2 and array.ndim == 2 and len(array) == 1 and one_channel:
        return array.reshape(-1, 1)
    if array.ndim != axes - 1:
        return array
    if isinstance(array, Stored):
        return Stored(array.source, (*array.shape, 1), array.owner, array.name)
    return array[..., np.newaxis]


def as_one_array(X: Data, owner: str) -> Data:
    """Return X; a list of samples only if they are of one size.

    Raises
    ------
    ValueError
        If it is a list of samples of different sizes.
    """
    if not is_list_of_samples(X):
        return X
    index = first_of_another_shape(X)
    if index is not None:
        raise ValueError(
            f"{owner} takes samples of one size. Got X[0] of shape {np.shape(X[0])} and X[{index}] "
            f"of shape {np.shape(X[index])}. ConvDAE and UNetDAE take lists of images of different "
            "sizes, and so does DenoisingAutoencoder with a module that promises any size."
        )
    return np.stack(checked_samples(X, owner))
