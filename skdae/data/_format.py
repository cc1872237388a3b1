"""The format of the data of a fit: how later data are read, and what results come back as."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from skdae._checks import Data, as_array, check_rows, validate_rows
from skdae.data._dtypes import ROW_DTYPES, check_ranges, restore_dtype
from skdae.data._lists import as_one_array, is_list_of_samples, read_list
from skdae.data._samples import Samples
from skdae.data._shapes import is_one_photo, same_sides
from skdae.data._stored import Stored, is_stored
from skdae.data._units import Units

__all__ = ["DataFormat"]


@dataclass(frozen=True)
class DataFormat:
    """What the samples of a fit are.

    Attributes
    ----------
    shape : tuple of int or None
        Shape of a sample of X; None stands for each side of the samples of a list.
    sample_shape : tuple of int
        What a row is, channels last; for a list, what a patch is.
    dtype_name : str
        Name of the dtype of the rows.
    highest : float
        Highest value of X.
    units : pair of Units or None, default=None
        What inputs and outputs are standardized with; None leaves them as they are.
    any_size : bool, default=False
        Whether images or signals may have other sizes than those of the fit.
    advice : str, default=""
        For models of photographs that come with the package: what to take for photographs of
        other channels. Their floats are from 0 to 1, and (height, width, 3) is one photograph.
    """

    shape: tuple[int | None, ...]
    sample_shape: tuple[int, ...]
    dtype_name: str
    highest: float
    units: tuple[Units, Units] | None = None
    any_size: bool = False
    advice: str = ""

    @classmethod
    def of(cls, samples: Samples, units: tuple[Units, Units] | None = None) -> DataFormat:
        """Return the format of the samples of a fit."""
        dtype, highest = samples.dtype.name, samples.highest
        return cls(samples.shape[1:], samples.sample_shape, dtype, highest, units)

    @property
    def is_list(self) -> bool:
        """Whether X is a list of samples."""
        return None in self.shape

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the rows."""
        return np.dtype(self.dtype_name)

    def read(
        self,
        X: Data,
        estimator: BaseEstimator,
        *,
        lists: bool,
        any_size: bool,
        finite: bool = False,
    ) -> Samples:
        """Check data against those of the fit.

        Parameters
        ----------
        X : array-like, or list of array-like
            Samples as in the fit, as flat rows, alone or in a list.
        estimator : BaseEstimator
            The fitted estimator, which knows the names of the columns.
        lists : bool
            Whether the samples of a list keep their sizes. Otherwise it becomes one array.
        any_size : bool
            Whether samples may have other sizes than those of the fit.
        finite : bool, default=False
            Whether to look for missing values in arrays too, or leave that to the caller.

        Raises
        ------
        ValueError
            If the data are no such samples.
        """
        owner, listed = type(estimator).__name__, is_list_of_samples(X)
        if self.is_list and isinstance(X, (list, tuple)):
            samples = self._read_list(X, owner, any_size=any_size)
        elif lists and listed and is_list_of_samples(X, self.sample_shape):
            samples = self._read_list(X, owner, any_size=any_size)
        else:
            X = as_one_array(X, owner) if listed else X
            samples = self._read_array(X, estimator, any_size=any_size, finite=finite)
            samples = replace(samples, as_list=True) if listed else samples
        self.check_range(samples, owner)
        return samples

    def is_alone(self, array: np.ndarray, owner: str) -> bool:
        """Whether an array, after a fit on a list, is one sample and not several.

        Raises
        ------
        ValueError
            If it is one colour photograph, and the fit was on gray ones.
        """
        n_axes, channels = len(self.sample_shape), self.sample_shape[-1]
        has_channels = array.ndim > 1 and array.shape[-1] == channels
        if self.is_list and array.ndim == n_axes == 3 and channels == 1:
            if self._is_colour(array):
                raise self._other_channels(array.shape, owner)
            if has_channels:
                return True  # a gray image with its axis of channels, and not many of width 1
        return array.ndim == len(self.shape) and (array.ndim < n_axes or has_channels)

    def _read_list(self, X: Data, owner: str, *, any_size: bool) -> Samples:
        if self.advice:
            for i, x in enumerate(X):
                if not self._fits(np.shape(x)):
                    raise self._other_channels(np.shape(x), owner, f"X[{i}]")
        rows = read_list(X, owner, like=self.sample_shape)
        index = next((i for i, row in enumerate(rows) if row.shape != self.sample_shape), None)
        if index is not None and not any_size:
            raise ValueError(
                f"X[{index}] has shape {rows[index].shape}, but {owner}, with its dense "
                f"bottleneck, was fitted on samples of shape {self.sample_shape}."
            )
        shape = (len(rows), *[None] * (len(self.sample_shape) - 1))
        return Samples(rows, shape, self.sample_shape, shapes=[np.shape(x) for x in X])

    def _read_array(
        self, X: Data, estimator: BaseEstimator, *, any_size: bool, finite: bool
    ) -> Samples:
        owner = type(estimator).__name__
        # After a fit on a list, an array of as many axes as a sample is one sample.
        if is_stored(X) and not (self.is_list and len(X.shape) == len(self.shape)):
            return self._read_stored(X, estimator, any_size=any_size)
        array = as_array(X)
        if self.is_list and not isinstance(array, np.ndarray):
            raise ValueError(
                f"{owner} was fitted on a list of samples, and takes lists and arrays of them. Got "
                f"X of type {type(X).__name__}."
            )
        like_fit = len(array.shape) <= 2 or same_sides(array.shape[1:], self.sample_shape)
        if any_size and isinstance(array, np.ndarray) and (self.is_list or not like_fit):
            return self._with_axes(array, owner)
        rows, shape = validate_rows(estimator, array, reset=False, dtype=ROW_DTYPES, finite=finite)
        if not like_fit and len(self.sample_shape) > 1:
            raise ValueError(
                f"X has samples of shape {shape[1:]}, but {owner} was fitted on samples of shape "
                f"{self.sample_shape}. Flat rows are read as such samples too."
            )
        return Samples(rows, shape, self.sample_shape)

    def _read_stored(self, X: Data, estimator: BaseEstimator, *, any_size: bool) -> Samples:
        """Read an array that stays in its file: samples along the first axis."""
        first = self._read_array(np.asarray(X[:1]), estimator, any_size=any_size, finite=False)
        rows = Stored.rows_of(X, type(estimator).__name__)
        return Samples(rows, tuple(X.shape), first.sample_shape)

    def _with_axes(self, array: np.ndarray, owner: str) -> Samples:
        """Read an array of samples of any size, or one such sample."""
        n_axes, channels = len(self.sample_shape), self.sample_shape[-1]
        alone = self.is_alone(array, owner)
        batch = array[np.newaxis] if alone else array
        if batch.ndim == n_axes and channels == 1:
            batch = batch[..., np.newaxis]
        elif batch.ndim != n_axes + 1 or batch.shape[-1] != channels:
            raise self._other_channels(array.shape, owner)
        rows = check_rows(batch.reshape(len(batch), -1), owner, dtype=ROW_DTYPES, finite=False)
        return Samples(rows, array.shape, batch.shape[1:], alone=alone)

    def _fits(self, shape: tuple[int, ...]) -> bool:
        """Whether a sample of a list has our channels; other axes are for others to check."""
        n_axes, channels = len(self.sample_shape), self.sample_shape[-1]
        return shape[-1] == channels if len(shape) == n_axes else channels == 1

    def _is_colour(self, array: np.ndarray) -> bool:
        """Whether an array of three axes is one colour photograph, and not gray ones."""
        has_colours = array.shape[-1] in (3, 4)
        return has_colours and (bool(self.advice) or is_one_photo(array))

    def _other_channels(self, shape: tuple[int, ...], owner: str, name: str = "X") -> ValueError:
        channels = self.sample_shape[-1]
        message = (
            f"{owner} was fitted on samples of {channels} channel{'s' if channels > 1 else ''}, "
            f"such as {self.sample_shape}, alone or in an array or list of them. Got {name} of "
            f"shape {shape}."
        )
        if channels == 3 and shape[-1] == 4:
            message = f"{message} X[..., :3] is the photograph without its transparency."
        return ValueError(f"{message} {self.advice}".rstrip())

    def check_range(self, samples: Samples, owner: str) -> None:
        """Check that samples have the range of those of the fit, as far as dtypes tell.

        Raises
        ------
        ValueError
            If one of the two are images of integers, and the other are values on another scale.
        """
        if self.advice and not samples.is_stored:
            learned_from = f"The photographs that {owner} learned from are"
            white = np.dtype(np.uint8)
            check_ranges("X", samples.dtype, samples.highest, learned_from, white)
        if samples.dtype != self.dtype:
            fitted_on, dtype = f"{owner} was fitted on", samples.dtype
            check_ranges("X", dtype, samples.highest, fitted_on, self.dtype)
            check_ranges("the X of its fit", self.dtype, self.highest, "X is", dtype)

    def restore(self, rows: Tensor) -> np.ndarray:
        """Return rows in the layout and the dtype of the data of the fit; of lists, in patches."""
        shape = self.sample_shape if self.is_list else self.shape
        dtype = getattr(torch, self.dtype_name)
        return restore_dtype(rows, dtype).numpy().reshape(len(rows), *shape)
