"""What the convolutional estimators share in fit: lists and patches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from skdae._sklearn import Interval, StrOptions, as_array
from skdae._warnings import warn_user
from skdae.data import (
    are_flat_rows,
    are_sizes,
    declared_shape,
    is_list_of_samples,
    read_list,
    warn_of_unclear_axes,
)
from skdae.estimators._any_size import AnySizeMixin
from skdae.tasks import SELF_SUPERVISED
from skdae.training import patch_shape

__all__ = ["ConvolutionalMixin"]

# Whole samples up to this size make good batches; of larger ones, patches of these sides do, by
# the number of axes.
_LARGEST_WHOLE = 2**14
_PATCH_SIDES = {1: 1024, 2: 64}


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
        owner = type(self).__name__
        if not reset and self._format.is_list and not is_list_of_samples(X):
            X = list(as_array(X))
        known = declared_shape(self.sample_shape, owner) if reset else self.sample_shape_
        if not is_list_of_samples(X) or are_flat_rows(X, known):
            rows, shape, sample_shape, _ = super()._read_samples(X, reset=reset)
            if reset and self.sample_shape is None:
                warn_of_unclear_axes(rows.reshape(shape), owner)
            patch = self._patch_shape_for([sample_shape])
            return rows, shape, sample_shape, patch
        fitted = None if reset else known
        samples = read_list(X, owner, like=fitted, sample_shape=self.sample_shape)
        if reset and self.sample_shape is None:
            warn_of_unclear_axes(X, owner)
        patch = self._patch_shape_for([sample.shape for sample in samples])
        patch = samples[0].shape if patch is None else patch
        shape = (len(X), *[None] * np.ndim(X[0]))
        if not reset:
            self._format.check_range(samples, owner)
            return samples, shape, self.sample_shape_, patch
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        return samples, shape, patch, patch

    def _patch_shape_for(self, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...] | None:
        """Return the shape of the patches that training draws, or None for whole samples."""
        owner, size = type(self).__name__, self.patch_size
        n_axes = len(shapes[0]) - 1
        other = next((shape for shape in shapes if shape != shapes[0]), None)
        bottleneck = getattr(self, "latent_dim", None) is not None
        if self.augment and n_axes == 1:
            raise ValueError(
                f"augment=True of {owner} flips and turns images. Got signals, which have a "
                "direction: leave augment=False."
            )
        if size == "auto":
            whole = other is None and math.prod(shapes[0][:-1]) <= _LARGEST_WHOLE
            size = None if whole or bottleneck else _PATCH_SIDES[n_axes]
        if bottleneck and (size is not None or other is not None):
            raise ValueError(
                f"latent_dim={self.latent_dim} of {owner} needs whole samples of one size: a dense "
                "bottleneck sees every value at its place. Take latent_dim=None for patches and "
                "for samples of different sizes."
            )
        if size is None and other is not None:
            raise ValueError(
                f"patch_size=None of {owner} trains on whole samples, which must be of one size. "
                f"Got {shapes[0]} and {other}. Take patch_size='auto' or a number."
            )
        if np.ndim(size) and (len(size) != n_axes or not are_sizes(size)):
            raise ValueError(
                f"The 'patch_size' parameter of {owner} must be an int > 0, a tuple of {n_axes} "
                f"such ints for these samples, 'auto' or None. Got {size!r} instead."
            )
        if size is None:
            patch = shapes[0] if self.augment else None
        else:
            # In a mirror image, a value that is to be guessed would show its noise a second time.
            task = SELF_SUPERVISED.get(self.self_supervised or "")
            patch = patch_shape(size, shapes, mirrors=task is None or task.allows_mirrors)
        return patch

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

    def _probed_code_shape(self, net: Any, sample_shape: tuple[int, ...]) -> tuple:
        """Try the module on a small sample, and compute the shape of the code of a large one."""
        module = net.module_
        if module.reach is None:
            return super()._probed_code_shape(net, sample_shape)
        *size, channels = sample_shape
        small = (*(min(side, _PATCH_SIDES[2]) for side in size), channels)
        n_channels, *_ = super()._probed_code_shape(net, small)
        return (n_channels, *(math.ceil(side / module.stride) for side in size))

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
