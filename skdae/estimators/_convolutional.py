"""What the convolutional estimators share."""

from __future__ import annotations

from typing import Any, ClassVar

from skdae._warnings import warn_user
from skdae.layout import are_sizes

__all__ = ["ConvolutionalMixin"]


class ConvolutionalMixin:
    """Read flat rows as images or signals, and check the shape of the network."""

    _reads_flat_rows: ClassVar[bool] = False

    sample_shape: Any
    channels: Any
    kernel_size: int

    def _sample_shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        sample_shape = super()._sample_shape_of(shape)  # type: ignore[misc]
        if len(shape) == 1 and self.sample_shape is None:
            owner = type(self).__name__
            kind = "gray images" if len(sample_shape) == 3 else "signals"
            spelling = sample_shape[:-1]
            warn_user(
                f"{owner} reads the rows of {shape[0]} values as {kind} of shape {spelling}. Say "
                f"what they are with sample_shape={spelling}, or give an array with these axes."
            )
        return sample_shape

    def _checked_channels(self) -> list[int]:
        channels = list(self.channels)
        if not channels or not are_sizes(channels):
            raise ValueError(
                f"The 'channels' parameter of {type(self).__name__} must be a tuple of ints > 0, "
                f"one a level. Got {self.channels!r} instead."
            )
        return channels

    def _checked_kernel_size(self) -> int:
        if self.kernel_size % 2 == 0:
            raise ValueError(
                f"The 'kernel_size' parameter of {type(self).__name__} must be odd, so that a "
                f"kernel has a middle. Got {self.kernel_size} instead."
            )
        return self.kernel_size
