"""What a fitted estimator does with data: denoise, encode, decode, score."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn import get_config
from sklearn.base import TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skdae._checks import check_finite, validate_rows
from skdae.data import (
    DataFormat,
    Samples,
    as_fraction,
    as_one_array,
    is_list_of_samples,
    rows_to_tensor,
)
from skdae.estimators._training_data import ROW_DTYPES, read_target
from skdae.inference import Computation, chunk_size, in_chunks, over_spots, over_turns
from skdae.training import DenoisingNet

__all__ = ["PredictionMixin"]


class PredictionMixin(TransformerMixin):
    """Send data through the net, in chunks of one size, and give it back as it came.

    ``set_output`` wraps the ``transform`` of a class only where that is a TransformerMixin.
    """

    _decodes: ClassVar[bool] = True

    net_: DenoisingNet
    sample_shape_: tuple[int, ...]
    _code_shape: tuple[int, ...]
    _n_features_out: int
    _format: DataFormat

    def predict(self, X: Any, *, tta: bool = False, j_invariant: bool = False) -> Any:
        """Denoise samples.

        Large images and signals run in overlapping tiles, which changes nothing but the memory it
        takes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels]), \
                or list of arrays
            Noisy samples: laid out as in ``fit``, as flat rows, or, for nets that take any size,
            as a list of samples of different sizes. A sample alone is ``[x]``; after a fit on a
            list, ``x`` will do.
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
        self._check_averages(tta=tta, j_invariant=j_invariant)
        is_list = self._is_list(X)
        every = self._read_list(X) if is_list else [self._read(X)]
        denoised = [
            samples.restore(self._averaged(samples, tta=tta, j_invariant=j_invariant))
            for samples in every
        ]
        if is_list:
            return denoised
        return list(denoised[0]) if is_list_of_samples(X) else denoised[0]

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
        return self._encode(self._read(X))

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
                f"X has {codes.shape[1]} codes, but {type(self).__name__} encodes samples of shape "
                f"{self.sample_shape_} to {self._n_features_out}. Only such codes can be decoded."
            )
        size = self._chunk_size(self.sample_shape_)
        return self._format.restore(self._in_chunks("decode", codes, self._code_shape, size))

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
        error, truths = 0.0, []
        for samples, target in self._pairs(X, y):
            truths.append(_as_float64(samples.rows if target is None else target))
            error += np.square(self._denoise(samples).numpy() - truths[-1]).sum()
        mean = sum(truth.sum() for truth in truths) / sum(truth.size for truth in truths)
        spread = sum(np.square(truth - mean).sum() for truth in truths)
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
        errors = [
            np.square(self._denoise(samples).numpy() - _as_float64(samples.rows)).mean(axis=1)
            for samples, _ in self._pairs(X, None)
        ]
        return -np.concatenate(errors)

    # ------------------------------------------------------------------ computing
    def _check_averages(self, **averages: Any) -> None:
        """Check the arguments of predict that ask for a mean of several predictions."""
        owner, n_axes = type(self).__name__, len(self.sample_shape_)
        needed = {
            "tta": (3, "flips and turns images"),
            "j_invariant": (2, "hides values of images"),
        }
        for name, value in averages.items():
            if not isinstance(value, (bool, np.bool_)):
                raise ValueError(
                    f"The '{name}' argument of {owner}.predict must be True or False. Got "
                    f"{value!r} instead."
                )
            if value and n_axes < needed[name][0]:
                raise ValueError(
                    f"{name}=True of {owner} {needed[name][1]}. It was fitted on samples of shape "
                    f"{self.sample_shape_}."
                )

    def _averaged(self, samples: Samples, *, tta: bool, j_invariant: bool) -> Tensor:
        """Denoise rows, once or as the mean that is asked for."""
        if not tta and not j_invariant:
            return self._denoise(samples)

        def denoise(images: np.ndarray) -> np.ndarray:
            rows, shape = images.reshape(len(images), -1), images.shape
            turned = samples._replace(rows=rows, shape=shape, sample_shape=shape[1:])
            return turned.restore(self._denoise(turned))

        images = as_fraction(rows_to_tensor(samples.rows)).numpy()
        images = images.reshape(-1, *samples.sample_shape)
        spots = partial(over_spots, denoise) if j_invariant else denoise
        if tta:
            height, width, _ = samples.sample_shape
            images = over_turns(spots, images, quarters=self._takes_any_size or height == width)
        else:
            images = spots(images)
        return torch.from_numpy(images).flatten(1)

    def _pairs(self, X: Any, y: Any) -> Iterator[tuple[Samples, np.ndarray | None]]:
        """Yield the samples of X with their targets, as arrays of samples of one size."""
        samples = self._read(X)
        owner = type(self).__name__
        yield samples, read_target(y, samples.rows, samples.shape, owner, unmatched_y="raise")

    def _read(self, X: Any) -> Samples:
        """Check samples of one size against those of fit."""
        check_is_fitted(self)
        X = as_one_array(X, type(self).__name__)
        rows, shape = validate_rows(self, X, reset=False, dtype=ROW_DTYPES, finite=False)
        self._format.check_shape(shape[1:], type(self).__name__)
        self._format.check_range(rows, type(self).__name__)
        return Samples(rows, shape, self.sample_shape_)

    def _encode(self, samples: Samples) -> np.ndarray:
        shape = samples.sample_shape
        return self._in_chunks("encode", samples.rows, shape, self._chunk_size(shape)).numpy()

    def _denoise(self, samples: Samples) -> Tensor:
        shape = samples.sample_shape
        size = 1 if samples.alone else self._chunk_size(shape)
        return self._in_chunks("denoise", samples.rows, shape, size)

    def _chunk_size(self, sample_shape: tuple[int, ...]) -> int:
        """Return how many samples go through the net at once, whatever else there is."""
        return chunk_size(self.net_.module_, sample_shape, torch.device(self.net_.device))

    def _in_chunks(
        self, method: str, rows: np.ndarray, shape: tuple[int, ...], size: int
    ) -> Tensor:
        net, check = self.net_, self._check_values()
        device = torch.device(net.device)
        return in_chunks(Computation.of(net), method, rows, shape, device, size=size, check=check)

    def _check_values(self) -> Callable[[np.ndarray], None] | None:
        """Return what refuses missing values; threads of the pool do not see the setting."""
        if get_config()["assume_finite"]:
            return None
        return partial(check_finite, owner=type(self).__name__)


def _as_float64(rows: np.ndarray) -> np.ndarray:
    return as_fraction(rows_to_tensor(rows)).numpy().astype(np.float64)
