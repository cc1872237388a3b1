"""What a fitted estimator does with data: denoise, encode, decode, score."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.base import TransformerMixin
from sklearn.utils import Tags, check_array
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skdae._checks import check_finite
from skdae.data import Batch, Rows, Samples, forget_pages, read_target
from skdae.estimators._attributes import Attributes
from skdae.estimators._building import code_shape
from skdae.estimators._features import decodes_features
from skdae.inference import apply, chunk_size, over_spots, over_turns

__all__ = ["PredictionMixin"]


class PredictionMixin(TransformerMixin, Attributes):
    """Send data through the net, in chunks of one size, and give it back as it came.

    ``set_output`` wraps the ``transform`` of a class only where that is a TransformerMixin.
    """

    def predict(
        self, X: ArrayLike, *, tta: bool = False, j_invariant: bool = False, out: Any = None
    ) -> Any:
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

        out : array-like of X's shape with slices, or None, default=None
            Where to write the result, block by block, as into an array of Zarr or HDF5 or a memory
            map: for an X that is too large for memory. None makes an array.

        Returns
        -------
        X_denoised : ndarray of X's shape, or list of ndarray
            Denoised samples: ``uint8`` and ``uint16`` as they came, all else float32. A list
            comes back as a list.
        """
        samples = self._read(X)
        self._check_averages(tta=tta, j_invariant=j_invariant)
        if samples.is_stored or out is not None:
            return self._predict_into(out, samples, tta=tta, j_invariant=j_invariant)
        return self._predict_in_memory(samples, tta=tta, j_invariant=j_invariant)

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Encode samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Samples, laid out as in ``fit`` or as flat rows.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_codes), float32
            The codes, flattened; with ``features="all_layers"`` the values of all hidden layers.
        """
        return self._features_of(X, self.features)

    @available_if(decodes_features)
    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
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
        n_codes = math.prod(self._code_shape)
        if codes.shape[1] != n_codes:
            raise ValueError(
                f"X has {codes.shape[1]} codes, but {self._owner} encodes samples of shape "
                f"{self.sample_shape_} to {n_codes}. Only such codes can be decoded."
            )
        shape, net = self.sample_shape_, self.net_
        size = chunk_size(net.module_, shape, torch.device(net.device))
        batch = Batch(codes, self._code_shape)
        (rows,) = apply(net, "decode", [batch], n_outputs=math.prod(shape), size=size)
        return self._format.restore(rows)

    def score(self, X: ArrayLike, y: ArrayLike | None = None) -> float:
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
        samples = self._read(X)
        target = read_target(y, samples, self._owner, unmatched_y="raise") or samples
        if samples.is_stored:
            return self._score_in_parts(samples, target)
        truths = [batch.fractions().astype(np.float64) for batch in target.batches()]
        denoised = self._denoise(samples)
        errors = [rows.numpy() - truth for rows, truth in zip(denoised, truths, strict=True)]
        error = sum(np.square(part).sum() for part in errors)
        mean = sum(truth.sum() for truth in truths) / sum(truth.size for truth in truths)
        spread = sum(np.square(truth - mean).sum() for truth in truths)
        if spread == 0:
            return float(error == 0)
        return float(1 - error / spread)

    def score_samples(self, X: ArrayLike) -> np.ndarray:
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
        errors = []
        for samples in self._read(X).in_memory():
            for rows, batch in zip(self._denoise(samples), samples.batches(), strict=True):
                error = rows.numpy() - batch.fractions().astype(np.float64)
                errors.append(np.square(error).mean(axis=1))
        return -np.concatenate(errors)

    # ------------------------------------------------------------------ computing
    def _predict_in_memory(self, samples: Samples, *, tta: bool, j_invariant: bool) -> Rows:
        if not tta and not j_invariant:
            return samples.restore(self._denoise(samples))
        batches = samples.batches()
        return samples.restore(
            [self._averaged(batch, tta=tta, j_invariant=j_invariant) for batch in batches]
        )

    def _predict_into(self, out: Any, samples: Samples, **averages: bool) -> Any:
        """Denoise block by block, and write each where it belongs."""
        shape = samples.shape
        if out is None:
            out = np.empty(shape, dtype=samples.dtype)
        _check_out(out, samples, self._owner)
        start = 0
        for part in samples.in_memory():
            if part is samples:
                out[...] = self._predict_in_memory(part, **averages)
                break
            stop = start + len(part.rows)
            out[start:stop] = self._predict_in_memory(part, **averages)
            forget_pages(out)
            start = stop
        return out

    def _check_averages(self, **averages: object) -> None:
        """Check the arguments of predict that ask for a mean of several predictions."""
        owner, n_axes = self._owner, len(self.sample_shape_)
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

    def _averaged(self, batch: Batch, *, tta: bool, j_invariant: bool) -> Tensor:
        """Denoise a batch as the mean that is asked for."""

        def denoise(images: np.ndarray) -> np.ndarray:
            (rows,) = self._apply("denoise", Batch(images, images.shape[1:], batch.alone))
            return rows.numpy().reshape(images.shape)

        images = batch.fractions().reshape(-1, *batch.sample_shape)
        spots = partial(over_spots, denoise) if j_invariant else denoise
        if tta:
            height, width, _ = batch.sample_shape
            images = over_turns(spots, images, quarters=self._format.any_size or height == width)
        else:
            images = spots(images)
        return torch.from_numpy(images).flatten(1)

    def _read(self, X: ArrayLike) -> Samples:
        """Check samples against those of fit."""
        check_is_fitted(self)
        lists = self._format.any_size or not self._reads_flat_rows
        return self._format.read(X, self, lists=lists, any_size=self._format.any_size)

    def _features_of(self, X: ArrayLike, features: str) -> np.ndarray:
        parts = self._read(X).in_memory()
        values = [self._encode(part.as_one_batch(self._owner), features) for part in parts]
        return np.concatenate(values) if len(values) > 1 else values[0]

    def _encode(self, batch: Batch, features: str) -> np.ndarray:
        """Return the codes, or the values of all hidden layers."""
        if features == "all_layers":
            n_outputs = sum(self._hidden_widths)
            (values,) = self._apply("hidden", batch, n_outputs=n_outputs)
            return values.numpy()
        shape = self._code_shape
        if batch.sample_shape != self.sample_shape_:
            shape = code_shape(shape[0], batch.sample_shape, self.net_.module_)
        (codes,) = self._apply("encode", batch, n_outputs=math.prod(shape))
        return codes.numpy()

    def _score_in_parts(self, samples: Samples, target: Samples) -> float:
        """Return the R² of samples that stay in a file: means and spreads of blocks, merged."""
        n, mean, spread, error = 0, 0.0, 0.0, 0.0
        for part, clean in zip(samples.in_memory(), target.in_memory(), strict=True):
            (rows,), (batch,) = self._denoise(part), clean.batches()
            truth = batch.fractions().astype(np.float64)
            error += np.square(rows.numpy() - truth).sum()
            step = truth.mean() - mean
            total = n + truth.size
            spread += np.square(truth - truth.mean()).sum() + step**2 * n * truth.size / total
            mean += step * truth.size / total
            n = total
        return float(1 - error / spread) if spread else float(error == 0)

    def _denoise(self, samples: Samples) -> list[Tensor]:
        return self._apply("denoise", *samples.batches())

    def _apply(self, method: str, *batches: Batch, n_outputs: int | None = None) -> list[Tensor]:
        unchecked = self._takes_unknown or get_config()["assume_finite"]
        check = None if unchecked else partial(check_finite, owner=self._owner)
        return apply(self.net_, method, batches, n_outputs=n_outputs, check=check)

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether there is a trained net."""
        return hasattr(self, "net_")

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that codes are float32."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _check_out(out: Any, samples: Samples, owner: str) -> None:
    """Check that the result fits into an array of the user."""
    if samples.is_list or tuple(getattr(out, "shape", ())) != samples.shape:
        raise ValueError(
            f"The 'out' argument of {owner}.predict must be an array of the shape of X, "
            f"{samples.shape}. Got {type(out).__name__} of shape {getattr(out, 'shape', None)}."
        )
    if not np.can_cast(samples.dtype, out.dtype, "same_kind"):
        raise ValueError(
            f"The 'out' argument of {owner}.predict must hold {samples.dtype}. Got an "
            f"array of {out.dtype}."
        )
