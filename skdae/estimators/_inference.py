"""What a fitted estimator does with data: denoise, encode, decode, score."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skdae._sklearn import validate_rows
from skdae.estimators._target import ROW_DTYPES, check_ranges, read_target
from skdae.layout import as_fraction, restore_dtype, rows_to_tensor, squeezed
from skdae.training import DenoisingNet, in_chunks

__all__ = ["InferenceMixin"]


class InferenceMixin(TransformerMixin):
    """Send data through the net, in chunks of one size, and give it back as it came.

    ``set_output`` wraps the ``transform`` of a class only where that is a TransformerMixin.
    """

    _decodes: ClassVar[bool] = True

    net_: DenoisingNet
    sample_shape_: tuple[int, ...]
    _code_shape: tuple[int, ...]
    _n_features_out: int
    _like: tuple[tuple[int, ...], str]

    def predict(self, X: Any) -> np.ndarray:
        """Denoise samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Noisy samples, laid out as in ``fit`` or as flat rows.

        Returns
        -------
        X_denoised : ndarray of X's shape
            Denoised samples: ``uint8`` and ``uint16`` as they came, all else float32.
        """
        rows, shape = self._read(X)
        denoised = restore_dtype(self._denoise(rows), getattr(torch, rows.dtype.name))
        return denoised.numpy().reshape(shape)

    def transform(self, X: Any) -> np.ndarray:
        """Encode samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Samples, laid out as in ``fit`` or as flat rows.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_codes), float32
            The codes, flattened.
        """
        rows, _ = self._read(X)
        return self._encode(rows)

    @available_if(lambda self: self._decodes)
    def inverse_transform(self, X: Any) -> np.ndarray:
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_codes)
            What ``transform`` gave.

        Returns
        -------
        samples : ndarray of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            In the layout and dtype of ``fit``.
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=np.float32, order="C", input_name="X")
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {codes.shape[1]} codes, but {type(self).__name__} encodes to "
                f"{self._n_features_out}."
            )
        shape, dtype = self._like
        decoded = self._in_chunks(
            lambda chunk: self.net_.decode_rows(chunk, self._code_shape), codes
        )
        return restore_dtype(decoded, getattr(torch, dtype)).numpy().reshape(len(codes), *shape)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the R² of what ``predict`` gives, pooled over all values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Samples to denoise.
        y : array-like of X's shape, or labels of shape (n_samples,), default=None
            The clean samples. Without it, or with labels, X itself: the score of the
            reconstruction, which says nothing about denoising.

        Returns
        -------
        r2 : float
            1 is perfect; 0 is as good as one constant for all values.
        """
        rows, shape = self._read(X)
        target = read_target(y, rows, shape, type(self).__name__, other_y="raise")
        truth = _as_float64(rows if target is None else target)
        error = np.square(self._denoise(rows).numpy() - truth).sum()
        spread = np.square(truth - truth.mean()).sum()
        if spread == 0:
            return float(error == 0)
        return float(1 - error / spread)

    def score_samples(self, X: Any) -> np.ndarray:
        """Return the negative mean squared reconstruction error of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Samples.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64
            Lower is less like the training data. ``uint8`` and ``uint16`` samples are
            compared as fractions of their range.
        """
        rows, _ = self._read(X)
        return -np.square(self._denoise(rows).numpy() - _as_float64(rows)).mean(axis=1)

    # ------------------------------------------------------------------ computing
    def _read(self, X: Any) -> tuple[np.ndarray, tuple[int, ...]]:
        """Check samples against those of fit; return rows and X's shape."""
        check_is_fitted(self)
        rows, shape = validate_rows(self, X, reset=False, dtype=ROW_DTYPES)
        self._check_like_fit(rows, shape[1:])
        return rows, shape

    def _check_like_fit(self, rows: np.ndarray, shape: tuple[int, ...]) -> None:
        """Check that samples have the axes and the range of those of fit."""
        owner = type(self).__name__
        fitted = self.sample_shape_
        if len(shape) > 1 and len(fitted) > 1 and squeezed(shape) != squeezed(fitted):
            raise ValueError(
                f"X has samples of shape {shape}, but {owner} was fitted on samples of shape "
                f"{fitted}. Flat rows are read as such samples too."
            )
        check_ranges("X", rows.dtype, rows, f"{owner} was fitted on", np.dtype(self._like[1]))

    def _encode(self, rows: np.ndarray) -> np.ndarray:
        return self._in_chunks(
            lambda chunk: self.net_.encode_rows(chunk, self.sample_shape_), rows
        ).numpy()

    def _denoise(self, rows: np.ndarray) -> Tensor:
        return self._in_chunks(
            lambda chunk: self.net_.denoise_rows(chunk, self.sample_shape_), rows
        )

    def _in_chunks(self, function: Callable[[Tensor], Tensor], rows: np.ndarray) -> Tensor:
        self.net_.module_.eval()
        device = torch.device(self.net_.device)
        images = len(self.sample_shape_) > 1
        width = math.prod(self.sample_shape_)
        if not images:
            width = max(width, self._n_features_out)
        return in_chunks(
            lambda x: function(as_fraction(x)), rows, device, width=width, images=images
        )


def _as_float64(rows: np.ndarray) -> np.ndarray:
    return as_fraction(rows_to_tensor(rows)).numpy().astype(np.float64)
