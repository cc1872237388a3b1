"""PSNR and SSIM between clean and denoised arrays."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, gen_batches

from skdae._checks import Data, as_array
from skdae._optional import import_optional
from skdae._sklearn import Interval, validate_parameter_constraints
from skdae._warnings import warn_user
from skdae.data import (
    check_ranges,
    checked_samples,
    full_range,
    infer_sample_shape,
    is_list_of_samples,
)

__all__ = ["Arrays", "import_ssim", "mean_squared_error", "on_one_scale", "psnr", "ssim"]

Arrays = np.ndarray | list[np.ndarray]
"""Samples as one array, or a list of samples of different sizes."""

_SMALLEST_SIDE, _LARGEST_WINDOW = 3, 7
_ROWS_AT_ONCE = 1024
_MOST_OF_RANGE_1 = 2.0


def psnr(
    clean: ArrayLike,
    denoised: ArrayLike,
    *,
    data_range: float | None = None,
    per_sample: bool = False,
) -> float | np.ndarray:
    """Peak signal-to-noise ratio in decibels.

    The usual measure of denoising. Larger is better: 10 dB more is a tenth of the mean squared
    error, and a perfect result is infinite. It is relative to the range of the values, so it can
    be compared between dtypes.

    Parameters
    ----------
    clean : array-like of shape (n_samples, ...), or list of arrays
        The truth. A list holds images or signals of different sizes.
    denoised : array-like of clean's shape, or list of arrays
        The result to judge.
    data_range : float or None, default=None
        Distance between the lowest and the highest value the data can have. None takes
        the full range of the dtype for ``uint8`` (255) and ``uint16`` (65535), and 1 for
        floats and booleans; other integers need the number. Where only one of the arrays is
        ``uint8`` or ``uint16``, None compares fractions.
    per_sample : bool, default=False
        Whether to return one value for each sample instead of one for all values.

    Returns
    -------
    psnr : float or ndarray of shape (n_samples,)
        Decibels. The pooled value comes from the mean squared error of all values; it is
        not the mean of the values per sample.

    See Also
    --------
    ssim : A measure of structure, nearer to what people see.
    make_denoising_scorer : Either of them as the score of a search.

    Notes
    -----
    ``10 log10(data_range² / MSE)``, computed in float64.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import psnr
    >>> clean = np.full((10, 8, 8), 0.5)
    >>> print(f"{psnr(clean, clean + 0.1):.1f} dB")
    20.0 dB
    """
    truth, result, width = _check_pair(clean, denoised, data_range, "psnr")
    with np.errstate(divide="ignore"):
        if per_sample:
            return 10 * np.log10(width**2 / _mean_squared_errors(truth, result))
        return float(10 * np.log10(width**2 / mean_squared_error(truth, result)))


def ssim(
    clean: ArrayLike,
    denoised: ArrayLike,
    *,
    data_range: float | None = None,
    sample_shape: tuple[int, ...] | None = None,
    per_sample: bool = False,
) -> float | np.ndarray:
    """Structural similarity of images or signals, as scikit-image computes it.

    Compares means, contrasts and structure in small windows; it punishes blur more than
    PSNR does. 1 is a perfect result, 0 no similarity at all. Needs scikit-image:
    ``pip install skdae[images]``.

    Parameters
    ----------
    clean : array-like of shape (n_samples, ...), or list of arrays
        The truth: flat rows, ``(n, height, width)`` or ``(n, height, width, channels)``; or a
        list of images of different sizes.
    denoised : array-like of clean's shape, or list of arrays
        The result to judge.
    data_range : float or None, default=None
        Distance between the lowest and the highest value the data can have. None takes
        the full range of the dtype of ``clean`` for ``uint8`` (255) and ``uint16``
        (65535), and 1 for floats and booleans; other integers need the number.
    sample_shape : tuple of int or None, default=None
        What a flat row is: ``(height, width)``, ``(height, width, channels)``,
        ``(length,)`` or ``(length, channels)``. None reads a square number of columns as
        an image, and any other as a signal.
    per_sample : bool, default=False
        Whether to return one value for each sample instead of their mean.

    Returns
    -------
    ssim : float or ndarray of shape (n_samples,)
        At most 1.

    See Also
    --------
    psnr : The squared error on a logarithmic scale.

    Notes
    -----
    ``skimage.metrics.structural_similarity`` of each sample in float64, averaged over
    channels, with a uniform window of 7 values a side, or of the largest odd number that
    fits into the smallest side. Sides shorter than 3 have no window.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, Image quality assessment:
       from error visibility to structural similarity, IEEE Transactions on Image
       Processing 13 (2004).

    Examples
    --------
    >>> from skdae import GaussianNoise, ssim
    >>> from skdae.datasets import load_digits
    >>> X, _ = load_digits()
    >>> ssim(X, X)
    1.0
    >>> print(f"{ssim(X, GaussianNoise(0.4).corrupt(X, random_state=0)):.2f}")
    0.64
    """
    structural_similarity = import_ssim("ssim")
    truth, result, width = _check_pair(clean, denoised, data_range, "ssim")

    def of_one(a: np.ndarray, b: np.ndarray) -> float:
        shape = infer_sample_shape(a.shape, sample_shape, "ssim", flat=False)
        smallest_side = min(shape[:-1])
        if smallest_side < _SMALLEST_SIDE:
            raise ValueError(
                f"ssim needs samples of at least {_SMALLEST_SIDE} values a side, the smallest "
                f"window it can use. Got samples of shape {a.shape}, read as {shape}."
            )
        return structural_similarity(
            a.reshape(shape).astype(np.float64),
            b.reshape(shape).astype(np.float64),
            win_size=min(_LARGEST_WINDOW, smallest_side - (smallest_side + 1) % 2),
            data_range=width,
            channel_axis=-1,
        )

    values = np.array([of_one(*pair) for pair in zip(truth, result, strict=True)])
    return values if per_sample else float(values.mean())


def mean_squared_error(clean: Arrays, denoised: Arrays) -> np.float64:
    """Return the mean over all values; a sample of a list counts by its number of values."""
    sizes = [sample.size for sample in clean] if isinstance(clean, list) else None
    return np.average(_mean_squared_errors(clean, denoised), weights=sizes)


def _mean_squared_errors(clean: Arrays, denoised: Arrays) -> np.ndarray:
    """MSE of each sample, without float64 copies of whole arrays."""
    if isinstance(clean, list):
        pairs = zip(clean, denoised, strict=True)
        return np.array([_mean_squared_errors(a[None], b[None])[0] for a, b in pairs])
    errors = np.empty(len(clean))
    for rows in gen_batches(len(clean), _ROWS_AT_ONCE):
        difference = np.subtract(clean[rows], denoised[rows], dtype=np.float64)
        difference = difference.reshape(len(difference), -1)
        errors[rows] = np.einsum("ij,ij->i", difference, difference) / difference.shape[1]
    return errors


def on_one_scale(clean: Arrays, denoised: Arrays) -> tuple[Arrays, Arrays]:
    """Convert both to fractions of their full range, if their dtypes have different ranges.

    Raises
    ------
    ValueError
        If the array of floats is far outside of [0, 1].
    """
    a, b = clean[0].dtype, denoised[0].dtype
    if full_range(a) == full_range(b):
        return clean, denoised
    check_ranges("denoised", b, max(part.max() for part in denoised), "clean is", a)
    check_ranges("clean", a, max(part.max() for part in clean), "denoised is", b)
    return _fractions(clean), _fractions(denoised)


def _fractions(X: Arrays) -> Arrays:
    """Divide images of integers by their full range."""
    if isinstance(X, list):
        return [x / (full_range(x.dtype) or 1.0) for x in X]
    return X / (full_range(X.dtype) or 1.0)


def _check_pair(
    clean: Data, denoised: Data, data_range: float | None, owner: str
) -> tuple[Arrays, Arrays, float]:
    """Return both as arrays, or lists of arrays, on one scale, and the range of their values."""
    if is_list_of_samples(clean) or is_list_of_samples(denoised):
        clean, denoised = _check_lists(clean, denoised, owner)
    else:
        clean, denoised = (
            check_array(as_array(X, name), ensure_2d=False, allow_nd=True, input_name=name)
            for X, name in ((clean, "clean"), (denoised, "denoised"))
        )
        if clean.shape != denoised.shape:
            raise ValueError(
                f"{owner} compares arrays of one shape. Got clean of shape {clean.shape} and "
                f"denoised of shape {denoised.shape}."
            )
    if data_range is None:
        clean, denoised = on_one_scale(clean, denoised)
    return clean, denoised, _check_data_range(data_range, clean, owner)


def _check_lists(clean: Data, denoised: Data, owner: str) -> tuple[Arrays, Arrays]:
    if not (isinstance(clean, (list, tuple)) and isinstance(denoised, (list, tuple))):
        raise ValueError(f"{owner} compares a list of samples with a list, or two arrays.")
    if len(clean) != len(denoised):
        raise ValueError(
            f"{owner} compares lists of one length. Got {len(clean)} clean and {len(denoised)} "
            "denoised samples."
        )
    truth = checked_samples(clean, owner, name="clean")
    result = checked_samples(denoised, owner, name="denoised")
    for index, (a, b) in enumerate(zip(truth, result, strict=True)):
        if a.shape != b.shape:
            raise ValueError(
                f"{owner} compares samples of one shape. Got clean[{index}] of shape {a.shape} and "
                f"denoised[{index}] of shape {b.shape}."
            )
    return truth, result


def _check_data_range(data_range: float | None, clean: Arrays, owner: str) -> float:
    """Return the range given, or that of the dtype; warn where the data are known to exceed it."""
    validate_parameter_constraints(
        {"data_range": [Interval(Real, 0, None, closed="neither"), None]},
        {"data_range": data_range},
        caller_name=owner,
    )
    if data_range is not None:
        return float(data_range)
    dtype = clean[0].dtype
    white = full_range(dtype)
    if white is not None:
        return white
    if dtype.kind in "iu":
        raise ValueError(
            f"The 'data_range' parameter of {owner} is needed for values of dtype {dtype}: "
            "pass the distance between the lowest and the highest possible value."
        )
    low, high = float(min(x.min() for x in clean)), float(max(x.max() for x in clean))
    if high - low > _MOST_OF_RANGE_1:
        warn_user(
            f"{owner} takes floats to range over 1, but the clean data go from {low:g} to "
            f"{high:g}. Give the range of the values: data_range={high - low:.3g}. To score "
            "tables, 'neg_mse' and 'r2' need no range."
        )
    return 1.0


def import_ssim(owner: str) -> Callable:
    module = import_optional("skimage.metrics", package="scikit-image", extra="images", owner=owner)
    return module.structural_similarity
