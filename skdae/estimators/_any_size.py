"""Prediction for images and signals of any size, in tiles where they are large."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skdae._sklearn import as_array
from skdae.data import (
    are_flat_rows,
    as_fraction,
    first_of_another_shape,
    is_list_of_samples,
    read_list,
    rows_to_tensor,
    squeezed,
)
from skdae.estimators._prediction import InferenceMixin, Samples
from skdae.estimators._reading import ROW_DTYPES, read_target
from skdae.inference import Computation, in_tiles, over_spots, over_turns

__all__ = ["AnySizeMixin"]

# Bytes that a tile may take, and how many layers of the widest kind live at once.
_TILE_BYTES = {"cpu": 2**25, "cuda": 2**31}
_LIVE_LAYERS = 5


class AnySizeMixin(InferenceMixin):
    """Send samples of any size through a convolutional net, one array or a list of them.

    Nets with a dense bottleneck, whose ``reach`` is None, take the one size of their fit.
    """

    def predict(self, X: Any, *, tta: bool = False, j_invariant: bool = False) -> Any:
        """Denoise images or signals of any size.

        Large ones run in overlapping tiles, which changes nothing but the memory it takes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels]), \
                or list of arrays
            Noisy samples: laid out as in ``fit``, as flat rows, or as a list of samples of
            different sizes. A sample alone is ``[x]``; after a fit on a list, ``x`` will do.
        tta : bool, default=False
            Whether to average over the eight flips and quarter turns of an image (test-time
            augmentation). It takes eight times as long. It gains a little where training did
            the same with ``augment=True``, and loses where up and down matter.
        j_invariant : bool, default=False
            Whether to denoise every value from its surroundings alone, in sixteen passes (four
            for signals). For nets that were trained with ``self_supervised="blind_spot"``
            on noise that they would copy otherwise.

        Returns
        -------
        X_denoised : ndarray of X's shape, or list of ndarray
            Denoised samples: ``uint8`` and ``uint16`` as they came, all else float32. A list
            comes back as a list.
        """
        check_is_fitted(self)
        for name, value in (("tta", tta), ("j_invariant", j_invariant)):
            if not isinstance(value, (bool, np.bool_)):
                raise ValueError(
                    f"The '{name}' argument of {type(self).__name__}.predict must be True or "
                    f"False. Got {value!r} instead."
                )
        if tta and len(self.sample_shape_) != 3:
            raise ValueError(
                f"tta=True of {type(self).__name__} flips and turns images. It was fitted on "
                f"signals of shape {self.sample_shape_}."
            )
        is_list = self._is_list(X)
        every = self._read_list(X) if is_list else [self._read(X)]
        denoised = [
            samples.as_they_came(self._averaged(samples, tta=tta, j_invariant=j_invariant))
            for samples in every
        ]
        if is_list:
            return denoised
        return list(denoised[0]) if is_list_of_samples(X) else denoised[0]

    def _averaged(self, samples: Samples, *, tta: bool, j_invariant: bool) -> Tensor:
        """Denoise rows, once or as the mean that is asked for."""
        if not tta and not j_invariant:
            return self._denoise(samples)
        images = as_fraction(rows_to_tensor(samples.rows)).numpy()
        images = images.reshape(-1, *samples.sample_shape)

        def denoise(images: np.ndarray) -> np.ndarray:
            rows = images.reshape(len(images), -1)
            turned = Samples(rows, images.shape, images.shape[1:], samples.alone)
            return turned.as_they_came(self._denoise(turned))

        def denoise_at_spots(images: np.ndarray) -> np.ndarray:
            return over_spots(denoise, images) if j_invariant else denoise(images)

        if tta:
            height, width, _ = samples.sample_shape
            quarters = self._takes_any_size or height == width
            images = over_turns(denoise_at_spots, images, quarters=quarters)
        else:
            images = denoise_at_spots(images)
        return torch.from_numpy(images).flatten(1)

    @property
    def _takes_any_size(self) -> bool:
        return self.net_.module_.reach is not None

    def _is_list(self, X: Any) -> bool:
        """Whether X is a list of samples; where fit got one, a list is nothing else."""
        if self._format.is_list:
            return isinstance(X, (list, tuple))
        return is_list_of_samples(X) and not are_flat_rows(X, self.sample_shape_)

    def _read_list(self, X: Any) -> Iterator[Samples]:
        """Check the samples of a list, and yield them one at a time."""
        for x, sample in zip(X, self._checked_list(X), strict=True):
            yield _alone(sample, np.shape(x))

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
        targets = read_target(y, samples, (), type(self).__name__, other_y="raise")
        for index, sample in enumerate(samples):
            target = None if targets is None else _alone(targets[index]).rows
            yield _alone(sample), target

    def _denoise(self, samples: Samples) -> Tensor:
        module, device = self.net_.module_, torch.device(self.net_.device)
        n_places = math.prod(samples.sample_shape[:-1])
        if module.reach is None:
            return super()._denoise(samples)
        most_places = self._places_at_once(samples.sample_shape)
        if n_places <= most_places:
            return super()._denoise(samples)
        denoised = [
            in_tiles(
                Computation.of(self.net_),
                row.reshape(samples.sample_shape),
                device,
                stride=module.stride,
                reach=module.reach,
                most_places=most_places,
            )
            for row in samples.rows
        ]
        return torch.from_numpy(np.stack(denoised)).flatten(1)

    def _places_at_once(self, sample_shape: tuple[int, ...]) -> int:
        """Return how many places may go through the net at once for the memory that it takes."""
        kind = "cuda" if torch.device(self.net_.device).type == "cuda" else "cpu"
        place_bytes = 4 * max(self.net_.module_.width, sample_shape[-1]) * _LIVE_LAYERS
        return int(_TILE_BYTES[kind] / place_bytes)


def _alone(sample: np.ndarray, shape: tuple[int, ...] | None = None) -> Samples:
    """Make a row of a sample that came alone, in a shape that may lack the channel axis."""
    dtype = sample.dtype if sample.dtype in ROW_DTYPES else np.float32
    rows = np.ascontiguousarray(sample, dtype=dtype).reshape(1, -1)
    return Samples(rows, sample.shape if shape is None else shape, sample.shape, alone=True)
