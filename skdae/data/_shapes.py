"""What a sample is: a row of a table, a signal or an image, read from the shape of the data.

A *row* is one sample, flattened in the order of its array. A *sample shape* is what a
row is: ``(features,)`` for a table, ``(length, channels)`` for a signal and
``(height, width, channels)`` for an image. Modules see channels first, everybody else
sees channels last.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from skdae._checks import Data
from skdae._warnings import warn_user
from skdae.data._dtypes import full_range

__all__ = [
    "are_signals",
    "are_sizes",
    "as_pixels",
    "check_axes",
    "check_sample_shape",
    "declared_shape",
    "infer_sample_shape",
    "is_one_photo",
    "same_sides",
    "warn_of_unclear_axes",
]

_MANY_CHANNELS = 32
_LONG_PER_CHANNEL = 8
_COLOURS = 4
# Gray images are rarely longer than this times their width.
_LONG_IMAGE, _SHORTEST_SIGNAL = 2.5, 20
_SMALLEST_PHOTO, _PART_OF_A_PHOTO = 16, 256


def as_pixels(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Complete a sample shape with its channel axis.

    ``(length,)`` is a signal, ``(height, width)`` a gray image, and an image of height 1
    a signal. A pair that is at least eight times longer than wide, with a width of at
    most 32, is a signal of so many channels: ``(1000, 12)`` is an ECG, not a picture.
    """
    if len(shape) == 1:
        return (shape[0], 1)
    if len(shape) == 2:
        length, channels = shape
        if channels <= _MANY_CHANNELS and length >= _LONG_PER_CHANNEL * channels:
            return shape
        shape = (*shape, 1)
    return shape[1:] if shape[0] == 1 else shape


def same_sides(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two shapes are equal but for axes of length 1."""
    return [side for side in a if side != 1] == [side for side in b if side != 1]


def are_sizes(values: Iterable[object]) -> bool:
    """Whether all values are ints > 0 that torch can hold."""
    return all(isinstance(value, (int, np.integer)) and 0 < value < 2**63 for value in values)


def check_sample_shape(sample_shape: object, owner: str) -> tuple[int, ...]:
    """Return the parameter ``sample_shape`` as a tuple of one to three ints > 0."""
    values = np.atleast_1d(np.asarray(sample_shape, dtype=object)).tolist()
    if not 1 <= len(values) <= 3 or not are_sizes(values):
        raise ValueError(
            f"The 'sample_shape' parameter of {owner} must be None, (length,), "
            "(length, channels), (height, width) or (height, width, channels). "
            f"Got {sample_shape!r} instead."
        )
    return tuple(int(v) for v in values)


def declared_shape(sample_shape: object, owner: str) -> tuple[int, ...] | None:
    """Return what the parameter ``sample_shape`` says of images and signals, channels last."""
    return None if sample_shape is None else as_pixels(check_sample_shape(sample_shape, owner))


def infer_sample_shape(
    shape: tuple[int, ...], sample_shape: object, owner: str, *, flat: bool
) -> tuple[int, ...]:
    """Say what a sample is, from the data's shape and the parameter ``sample_shape``.

    Parameters
    ----------
    shape : tuple of int
        Shape of one sample of the array, without the axis of samples.
    sample_shape : tuple of int or None
        What the user says it is.
    owner : str
        Name of the estimator, for the messages.
    flat : bool
        Whether rows without a declared shape stay rows (a table). Otherwise a square
        number of columns is read as a gray image, and any other as a signal.
    """
    if sample_shape is not None:
        declared = check_sample_shape(sample_shape, owner)
        if math.prod(declared) != math.prod(shape):
            raise ValueError(
                f"The 'sample_shape' parameter of {owner} must describe the data: "
                f"{declared} has {math.prod(declared)} values, a sample of X has "
                f"{math.prod(shape)} (shape {shape})."
            )
        if len(shape) > 1 and not same_sides(declared, shape):
            raise ValueError(
                f"The 'sample_shape' parameter of {owner} must describe the data. "
                f"Got {declared}, but the samples of X have shape {shape}."
            )
        return declared if flat and len(declared) == 1 else as_pixels(declared)
    if len(shape) == 1:
        if flat:
            return shape
        side = math.isqrt(shape[0])
        return as_pixels((side, side) if side * side == shape[0] else shape)
    check_axes(shape, owner)
    return as_pixels(shape)


def check_axes(shape: tuple[int, ...], owner: str, name: str = "X", *, alone: bool = False) -> None:
    """Refuse samples of more than three axes, and those whose last one is no axis of channels.

    Parameters
    ----------
    shape : tuple of int
        Shape of a sample.
    owner, name : str
        Of the estimator and the data, for the message.
    alone : bool, default=False
        Whether ``name`` is one sample of a list, and not an array of samples.

    Raises
    ------
    ValueError
        The message shows how to move the channels, and how to give volumes slice by slice.
    """
    x, first = ("x", 0) if alone else ("X", 1)
    if len(shape) > 3:
        small = next((i for i, side in enumerate(shape[:-2]) if side <= _COLOURS), None)
        sides = shape[-2:]
        if _has_channels_last(shape[-3:]):
            sides = shape[-3:]
        elif small is not None:
            x, sides = f"np.moveaxis({x}, {small + first}, -1)", (*sides, shape[small])
        raise ValueError(
            f"{owner} reads samples of 1 to 3 axes: (features,), (height, width) or (height, "
            f"width, channels). Got {name} {'of' if alone else 'with samples of'} shape {shape}. "
            f"Volumes and films are read slice by slice: {x}.reshape{(-1, *sides)}."
        )
    if len(shape) < 3 or _has_channels_last(shape):
        return
    depth, height, width = shape
    moved, slices = f"np.moveaxis({x}, {first}, -1)", f"{x}.reshape{(-1, height, width)}"
    if width < min(depth, height):
        slices = f"np.moveaxis({x}, -1, {first}).reshape{(-1, depth, height)}"
    or_volumes = "" if depth <= _COLOURS else ", or like volumes"
    its_shape = "its shape is" if alone else "its samples have shape"
    raise ValueError(
        f"{name} looks channels-first{or_volumes}: {its_shape} {shape}, and {owner} reads (height, "
        f"width, channels). Channels go last: {moved}. Volumes are read slice by slice: {slices}. "
        f"If the shape is right, say so with sample_shape={shape}."
    )


def _has_channels_last(shape: tuple[int, ...]) -> bool:
    """Whether the last of three axes can be that of channels: few, and fewer than pixels."""
    height, width, channels = shape
    few = min(_MANY_CHANNELS, min(height, width) // 2)
    return channels <= max(_COLOURS, few)


def warn_of_unclear_axes(X: Data, owner: str) -> None:
    """Warn of data that fit our rules and may be something else: signals, or one colour photo.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...), or sequence of array-like
        Samples whose axes no ``sample_shape`` explains.
    owner : str
        Name of the estimator.
    """
    is_list = not isinstance(X, np.ndarray)
    if not is_list and is_one_photo(X):
        warn_user(
            f"{owner} reads X of shape {X.shape} as {len(X)} samples of shape {X.shape[1:]}. If it "
            f"is one colour image, give it as a list, [X]; if not, say so with "
            f"sample_shape={X.shape[1:]}."
        )
        return
    shapes = [np.shape(x) for x in X] if is_list else [X.shape[1:]]
    if any(len(shape) != 2 for shape in shapes) or are_signals(shapes):
        return
    shape = max(shapes, key=lambda sides: max(sides) / min(sides))
    channels, length = sorted(shape)
    axis = shape.index(channels)
    # The signals of a list have the same channels.
    agree = len({sides[axis] for sides in shapes}) == 1
    if channels == 1 or length < max(_SHORTEST_SIGNAL, _LONG_IMAGE * channels) or not agree:
        return
    turned = "" if axis else f", as np.swapaxes({'x' if is_list else 'X'}, -1, -2) makes them"
    image = shape if len(as_pixels(shape)) == 3 else (*shape, 1)
    warn_user(
        f"{owner} reads samples of shape {shape} as gray images. Say what they are: images, with "
        f"sample_shape={image}; or signals of {channels} channels, of shape {(length, channels)}"
        f"{turned}, with sample_shape={(1, length, channels)}."
    )


def are_signals(shapes: Iterable[tuple[int, ...]]) -> bool:
    """Whether samples of these shapes are read as signals: all of them, of the same channels."""
    pixels = [as_pixels(shape) for shape in shapes]
    return len({shape[-1] for shape in pixels}) == 1 and all(len(shape) == 2 for shape in pixels)


def is_one_photo(X: np.ndarray) -> bool:
    """Whether an array of three axes looks like a colour photo, and not like signals.

    Integers of an image do; other numbers if they are not negative and neighbouring rows alike.
    """
    if X.ndim != 3 or X.shape[-1] not in (3, 4) or min(X.shape[:2]) < _SMALLEST_PHOTO:
        return False
    if full_range(X.dtype):
        return True
    part = X[:_PART_OF_A_PHOTO, :_PART_OF_A_PHOTO].astype(np.float64)
    # The squared differences of unrelated rows are twice the variance on average.
    alike = np.square(np.diff(part, axis=0)).mean() < part.var(axis=0).mean()
    return bool(alike and part.min() >= 0)
