"""Prediction for images and signals of any size, in tiles where they are large."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skdae._checks import as_array
from skdae.data import (
    ROW_DTYPES,
    Samples,
    are_flat_rows,
    are_sizes,
    first_of_another_shape,
    is_list_of_samples,
    read_list,
    squeezed,
    warn_of_unclear_axes,
)
from skdae.estimators._prediction import PredictionMixin
from skdae.estimators._training_data import read_target
from skdae.inference import Computation, in_tiles
from skdae.nn import promises_any_size
from skdae.tasks import SELF_SUPERVISED
from skdae.training import patch_shape

__all__ = ["AnySizeMixin"]

# Whole samples up to this size make good batches; of larger ones, patches of these sides do, by
# the number of axes.
_LARGEST_WHOLE = 2**14
PATCH_SIDES = {1: 1024, 2: 64}

# Bytes that a tile may take, and how many layers of the widest kind live at once.
_TILE_BYTES = {"cpu": 2**25, "cuda": 2**31}
_LIVE_LAYERS = 5


class AnySizeMixin(PredictionMixin):
    """Send samples of any size through a convolutional net, one array or a list of them.

    Nets that do not promise it, as those with a dense bottleneck, take the one size of their fit.
    """

    _reads_flat_rows: ClassVar[bool]

    sample_shape: Any
    patch_size: Any
    augment: bool
    self_supervised: str | None

    @property
    def _takes_any_size(self) -> bool:
        return len(self.sample_shape_) > 1 and promises_any_size(self.net_.module_)

    def _is_list(self, X: Any) -> bool:
        """Whether X is a list of samples; where fit got one, a list is nothing else."""
        if self._format.is_list:
            return isinstance(X, (list, tuple))
        if self._reads_flat_rows and not self._takes_any_size:
            return False
        return is_list_of_samples(X) and not are_flat_rows(X, self.sample_shape_)

    def _read_sizes(self, X: Any, *, reset: bool) -> tuple[Any, Any, tuple, tuple | None]:
        """Check a list of samples of any size that fit got: see ``_read_samples``."""
        owner = type(self).__name__
        X = X if is_list_of_samples(X) else list(as_array(X))
        like = None if reset else self.sample_shape_
        samples = read_list(X, owner, like=like, sample_shape=self.sample_shape)
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
            size = None if whole or bottleneck else PATCH_SIDES[n_axes]
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

    def _read_list(self, X: Any) -> Iterator[Samples]:
        """Check the samples of a list, and yield them one at a time."""
        for x, sample in zip(X, self._checked_list(X), strict=True):
            yield Samples.of_one(sample, np.shape(x))

    def _checked_list(self, X: Any) -> list[np.ndarray]:
        samples = read_list(X, type(self).__name__, like=self.sample_shape_)
        if not self._takes_any_size:
            self._check_size_of_fit(samples)
        self._format.check_range(samples, type(self).__name__)
        return samples

    def _check_size_of_fit(self, samples: list[np.ndarray]) -> None:
        for index, sample in enumerate(samples):
            if sample.shape != self.sample_shape_:
                raise ValueError(
                    f"X[{index}] has shape {sample.shape}, but {type(self).__name__}, with its "
                    f"dense bottleneck, was fitted on samples of shape {self.sample_shape_}."
                )

    def _read(self, X: Any) -> Samples:
        check_is_fitted(self)
        if self._is_list(X):
            return self._stacked(X)
        array = as_array(X)
        if self._format.is_list and not isinstance(array, np.ndarray):
            raise ValueError(
                f"{type(self).__name__} was fitted on a list of samples, and takes lists and "
                f"arrays of them. Got X of type {type(X).__name__}."
            )
        if not self._takes_any_size or not isinstance(array, np.ndarray):
            return super()._read(X)
        batch, alone = self._as_batch(array)
        if batch is None:
            return super()._read(X)
        rows = check_array(batch.reshape(len(batch), -1), dtype=ROW_DTYPES, order="C")
        self._format.check_range(rows, type(self).__name__)
        return Samples(rows, array.shape, batch.shape[1:], alone)

    def _stacked(self, X: Any) -> Samples:
        """Make one array of a list, for codes, which are of one length."""
        samples = self._checked_list(X)
        self._check_encodes(samples)
        array = np.stack(samples)
        rows = check_array(array.reshape(len(array), -1), dtype=ROW_DTYPES, order="C")
        return Samples(rows, array.shape, array.shape[1:])

    def _check_encodes(self, samples: list[np.ndarray]) -> None:
        index = first_of_another_shape(samples)
        if index is not None:
            raise ValueError(
                f"{type(self).__name__} encodes samples of one size, so that all codes have "
                f"one length. Got X[0] of shape {samples[0].shape} and X[{index}] of shape "
                f"{samples[index].shape}."
            )

    def _as_batch(self, array: np.ndarray) -> tuple[np.ndarray | None, bool]:
        """Give an array of any size its axes of samples and channels; say if it was one sample.

        What is laid out like the data of fit is left to the checks of all estimators.
        """
        n_axes, channels = len(self.sample_shape_), self.sample_shape_[-1]
        fitted, owner = self._format.shape, type(self).__name__
        like_fit = squeezed(array.shape[1:]) == squeezed(self.sample_shape_)
        if not self._format.is_list and (array.ndim <= 2 or like_fit):
            return None, False
        has_channels = array.ndim > 1 and array.shape[-1] == channels
        alone = array.ndim == len(fitted) and (array.ndim < n_axes or has_channels)
        batch = array[np.newaxis] if alone else array
        if batch.ndim == n_axes and channels == 1:
            return batch[..., np.newaxis], alone
        if batch.ndim == n_axes + 1 and has_channels:
            return batch, alone
        raise ValueError(
            f"{owner} was fitted on samples of {channels} channels, such as {self.sample_shape_}, "
            f"alone or in an array or list of them. Got X of shape {array.shape}."
        )

    def _pairs(self, X: Any, y: Any) -> Iterator[tuple[Samples, np.ndarray | None]]:
        check_is_fitted(self)
        if not self._is_list(X):
            yield from super()._pairs(X, y)
            return
        samples = self._checked_list(X)
        targets = read_target(y, samples, (), type(self).__name__, unmatched_y="raise")
        for index, sample in enumerate(samples):
            target = None if targets is None else Samples.of_one(targets[index]).rows
            yield Samples.of_one(sample), target

    def _denoise(self, samples: Samples) -> Tensor:
        if not self._takes_any_size:
            return super()._denoise(samples)
        most_places = self._places_at_once(samples.sample_shape)
        if math.prod(samples.sample_shape[:-1]) <= most_places:
            return super()._denoise(samples)
        module, computation = self.net_.module_, Computation.of(self.net_)
        denoised = [
            in_tiles(
                computation,
                row.reshape(samples.sample_shape),
                torch.device(self.net_.device),
                stride=module.stride,
                reach=module.reach,
                most_places=most_places,
                check=self._check_values(),
            )
            for row in samples.rows
        ]
        return torch.from_numpy(np.stack(denoised)).flatten(1)

    def _places_at_once(self, sample_shape: tuple[int, ...]) -> int:
        """Return how many places may go through the net at once for the memory that it takes."""
        kind = "cuda" if torch.device(self.net_.device).type == "cuda" else "cpu"
        place_bytes = 4 * max(self.net_.module_.width, sample_shape[-1]) * _LIVE_LAYERS
        return int(_TILE_BYTES[kind] / place_bytes)
