"""What the convolutional estimators share in fit: lists and patches."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

from skdae._sklearn import Interval, StrOptions
from skdae._warnings import warn_user
from skdae.data import (
    are_flat_rows,
    are_sizes,
    declared_shape,
    is_list_of_samples,
    warn_of_unclear_axes,
)
from skdae.estimators._any_size import AnySizeMixin

__all__ = ["ConvolutionalMixin"]


class ConvolutionalMixin(AnySizeMixin):
    """Read flat rows as images or signals, and lists as samples of any size, in patches."""

    _reads_flat_rows: ClassVar[bool] = False

    _parameter_constraints: ClassVar[dict] = {
        "patch_size": [
            None,
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
            tuple,
        ],
        "augment": ["boolean"],
    }

    sample_shape: Any
    channels: Any
    kernel_size: int
    patch_size: Any
    augment: bool
    self_supervised: str | None

    # ------------------------------------------------------------------ fitting
    def _read_samples(self, X: Any, *, reset: bool) -> tuple[Any, Any, tuple, tuple | None]:
        rows, shape, sample_shape, patch = super()._read_samples(X, reset=reset)
        if isinstance(rows, list):
            return rows, shape, sample_shape, patch
        if reset and self.sample_shape is None:
            warn_of_unclear_axes(rows.reshape(shape), type(self).__name__)
        return rows, shape, sample_shape, self._patch_shape_for([sample_shape])

    def _trains_on_list(self, X: Any, *, reset: bool) -> bool:
        owner = type(self).__name__
        known = declared_shape(self.sample_shape, owner) if reset else self.sample_shape_
        return is_list_of_samples(X) and not are_flat_rows(X, known)

    def _sample_shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        sample_shape = super()._sample_shape_of(shape)
        if len(shape) == 1 and self.sample_shape is None:
            owner = type(self).__name__
            kind = "gray images" if len(sample_shape) == 3 else "signals"
            spelling = sample_shape[:-1]
            warn_user(
                f"{owner} reads the rows of {shape[0]} values as {kind} of shape {spelling}. Say "
                f"what they are with sample_shape={spelling}, or give an array with these axes; "
                "one image alone goes into a list, [X]."
            )
        return sample_shape

    def _checked_channels(self) -> list[int]:
        channels = list(self.channels)
        if not channels or not are_sizes(channels):
            raise ValueError(
                f"The 'channels' parameter of {type(self).__name__} must be a tuple of ints > 0, "
                f"one a level. Got {self.channels!r} instead."
            )
        return [int(width) for width in channels]  # torch takes no ints of NumPy everywhere

    def _checked_kernel_size(self) -> int:
        if self.kernel_size % 2 == 0:
            raise ValueError(
                f"The 'kernel_size' parameter of {type(self).__name__} must be odd, so that a "
                f"kernel has a middle. Got {self.kernel_size} instead."
            )
        return self.kernel_size
