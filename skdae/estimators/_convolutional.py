"""What the convolutional estimators share: flat rows are images, and their settings are checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from skdae.data import are_sizes
from skdae.estimators._attributes import Attributes

__all__ = ["ConvolutionalMixin"]


class ConvolutionalMixin(Attributes):
    """Read flat rows as images or signals, and check channels and kernels."""

    _reads_flat_rows: ClassVar[bool] = False

    channels: Sequence[int]
    kernel_size: int

    def _checked_channels(self) -> list[int]:
        channels = list(self.channels)
        if not channels or not are_sizes(channels):
            raise ValueError(
                f"The 'channels' parameter of {self._owner} must be a tuple of ints > 0, "
                f"one a level. Got {self.channels!r} instead."
            )
        return [int(width) for width in channels]  # torch takes no ints of NumPy everywhere

    def _checked_kernel_size(self) -> int:
        if self.kernel_size % 2 == 0:
            raise ValueError(
                f"The 'kernel_size' parameter of {self._owner} must be odd, so that a "
                f"kernel has a middle. Got {self.kernel_size} instead."
            )
        return self.kernel_size
