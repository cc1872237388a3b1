"""How arrays become tensors and come back: shape, channels, dtype and range.

A *row* is one sample, flattened in the order of its array. A *sample shape* is what a
row is: ``(features,)`` for a table, ``(length, channels)`` for a signal and
``(height, width, channels)`` for an image. Modules see channels first, everybody else
sees channels last.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdae._warnings import warn_user

__all__ = [
    "are_signals",
    "are_sizes",
    "as_fraction",
    "as_pixels",
    "check_axes",
    "check_ranges",
    "check_sample_shape",
    "declared_shape",
    "from_channels_first",
    "full_range",
    "infer_sample_shape",
    "module_shape",
    "parts_of",
    "restore_dtype",
    "rows_to_tensor",
    "squeezed",
    "to_channels_first",
    "warn_of_unclear_axes",
]

_FULL_RANGE: dict[torch.dtype | np.dtype, float] = {
    torch.uint8: 255.0,
    torch.uint16: 65535.0,
    np.dtype(np.uint8): 255.0,
    np.dtype(np.uint16): 65535.0,
}
# No noise that is worth removing lifts a fraction above this.
_MOST_OF_A_FRACTION = 16
_MANY_CHANNELS = 32
_LONG_PER_CHANNEL = 8
_COLOURS = 4
# Gray images are rarely longer than this times their width.
_LONG_IMAGE, _SHORTEST_SIGNAL = 2.5, 20
_SMALLEST_PHOTO, _PART_OF_A_PHOTO = 16, 256
_BLOCK = 2**18


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


def squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Leave out the axes of size 1, by which shapes of the same samples may differ."""
    return tuple(side for side in shape if side != 1)


def are_sizes(values: Iterable[Any]) -> bool:
    """Whether all values are ints > 0 that torch can hold."""
    return all(isinstance(value, (int, np.integer)) and 0 < value < 2**63 for value in values)


def check_sample_shape(sample_shape: Any, owner: str) -> tuple[int, ...]:
    """Return the parameter ``sample_shape`` as a tuple of one to three ints > 0."""
    values = np.atleast_1d(np.asarray(sample_shape, dtype=object)).tolist()
    if not 1 <= len(values) <= 3 or not are_sizes(values):
        raise ValueError(
            f"The 'sample_shape' parameter of {owner} must be None, (length,), "
            "(length, channels), (height, width) or (height, width, channels). "
            f"Got {sample_shape!r} instead."
        )
    return tuple(int(v) for v in values)


def declared_shape(sample_shape: Any, owner: str) -> tuple[int, ...] | None:
    """Return what the parameter ``sample_shape`` says of images and signals, channels last."""
    return None if sample_shape is None else as_pixels(check_sample_shape(sample_shape, owner))


def infer_sample_shape(
    shape: tuple[int, ...], sample_shape: Any, owner: str, *, flat: bool
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
        if len(shape) > 1 and squeezed(declared) != squeezed(shape):
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


def warn_of_unclear_axes(X: Any, owner: str) -> None:
    """Warn of data that fit our rules and may be something else: signals, or one colour photo.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...), or sequence of array-like
        Samples whose axes no ``sample_shape`` explains.
    owner : str
        Name of the estimator.
    """
    is_list = not isinstance(X, np.ndarray)
    if not is_list and _is_one_photo(X):
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


def _is_one_photo(X: np.ndarray) -> bool:
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


def module_shape(sample_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of one sample as a module sees it: channels first."""
    return (sample_shape[-1], *sample_shape[:-1]) if len(sample_shape) > 1 else sample_shape


def to_channels_first(rows: Tensor, sample_shape: tuple[int, ...]) -> Tensor:
    """View rows ``(n, values)`` as the tensor a module takes."""
    if len(sample_shape) == 1:
        return rows
    return rows.reshape(len(rows), *sample_shape).movedim(-1, 1)


def from_channels_first(x: Tensor) -> Tensor:
    """Flatten what a module gives back into rows ``(n, values)``."""
    return x if x.ndim == 2 else x.movedim(1, -1).flatten(1)


def rows_to_tensor(rows: np.ndarray) -> Tensor:
    """Share the memory of an array with a tensor, which is to be read and never written.

    Strided arrays and read-only ones are shared too; what torch cannot read is copied: another
    byte order, negative strides, and strides that are not whole numbers of values.
    """
    rows = rows.astype(rows.dtype.newbyteorder("="), copy=False)
    if any(stride < 0 or stride % rows.itemsize for stride in rows.strides):
        rows = rows.copy()
    return torch.from_numpy(rows if rows.flags.writeable else np.asarray(_AsWritable(rows)))


class _AsWritable:
    """The memory of a read-only array, of which torch would warn, under another flag."""

    def __init__(self, array: np.ndarray):
        self.array = array
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}


def as_fraction(x: Tensor) -> Tensor:
    """Read uint8 and uint16 as fractions of their range, the rest as float32."""
    full = full_range(x.dtype)
    x = x.to(torch.float32)
    return x if full is None else x.div_(full)


def full_range(dtype: torch.dtype | np.dtype) -> float | None:
    """Return what uint8 and uint16 images call white; other dtypes are no images."""
    return _FULL_RANGE.get(dtype)


def parts_of(rows: Any) -> list[np.ndarray]:
    """Return the arrays that rows consist of: those of a list, or the one."""
    return rows if isinstance(rows, list) else [rows]


def check_ranges(name: str, dtype: np.dtype, rows: Any, other: str, other_dtype: np.dtype) -> None:
    """Refuse values far outside of [0, 1] where their counterpart is read as fractions.

    Raises
    ------
    ValueError
        If only the counterpart is an image of integers, and the values are not on its scale.
    """
    white = full_range(other_dtype)
    parts = parts_of(rows)
    if not white or full_range(parts[0].dtype):
        return
    highest = max(part.max() for part in parts)
    if highest > _MOST_OF_A_FRACTION:
        raise ValueError(
            f"{other} {other_dtype}, read as fractions of {white:.0f}, and {name} is {dtype} with "
            f"values up to {highest:g}, read as they are. Give both the same dtype, or divide "
            f"{name} by {white:.0f}."
        )


def restore_dtype(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Give fractions back as the image type they came from, rounded and clipped."""
    full = full_range(dtype)
    if full is None:
        return x
    restored = torch.empty(x.shape, dtype=dtype, device=x.device)
    # In blocks that fit into a cache, since all values at once are as large again.
    n_rows = max(1, _BLOCK // max(1, math.prod(x.shape[1:])))
    for part, place in zip(x.split(n_rows), restored.split(n_rows), strict=True):
        place.copy_(part.mul(full).round_().clamp_(0, full))
    return restored
