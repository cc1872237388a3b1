"""Estimate the level of the noise in data."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array

from skdae._checks import as_array, check_rows
from skdae._optional import import_optional
from skdae.data import (
    Rows,
    declared_shape,
    full_range,
    infer_sample_shape,
    is_list_of_samples,
    read_list,
)

__all__ = ["estimate_sigma"]

_FEWEST = 5


def estimate_sigma(X: ArrayLike, *, sample_shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Estimate the standard deviation of the noise in noisy images or signals.

    Use it as the level of ``GaussianNoise`` where only noisy data exist. It is the median of the
    finest wavelet coefficients, most of which are noise [1]_, as scikit-image computes it [2]_.

    Parameters
    ----------
    X : array-like of shape (n_samples, height, width[, channels]) or (n_samples, n_features), \
            or list of arrays
        Noisy samples of 5 or more values a side. An image or a signal alone is ``[x]``.
    sample_shape : tuple of int or None, default=None
        What a row is, as in ``ConvDAE``. Flat rows need it; other arrays have their axes.

    Returns
    -------
    sigma : ndarray of shape (n_samples,)
        The level of each sample, in the units of ``GaussianNoise(sigma)``: those of the data, and
        fractions of the full range for ``uint8`` and ``uint16``. Channels with noise are averaged.

    Raises
    ------
    ImportError
        If scikit-image or PyWavelets is missing: ``pip install skdae[images]``.
    ValueError
        If X is a table, or a side is shorter than 5.

    See Also
    --------
    GaussianNoise : The noise whose level this is.

    Notes
    -----
    The noise has to be independent from one value to the next. Fine texture counts as noise:
    clean photographs come out between 0.002 and 0.03, which adds to weak noise only, since
    squares add. Clipped noise comes out lower than it was before the clipping.

    References
    ----------
    .. [1] D. L. Donoho, I. M. Johnstone, "Ideal spatial adaptation by wavelet shrinkage", 1994.
    .. [2] ``skimage.restoration.estimate_sigma``.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import GaussianNoise, estimate_sigma
    >>> ramps = np.tile(np.linspace(0, 1, 300), (2, 300, 1))
    >>> X_noisy = GaussianNoise(sigma=0.1).corrupt(ramps, random_state=0)
    >>> print(estimate_sigma(X_noisy).round(2))
    [0.1 0.1]
    """
    return np.array([_sigma_of(sample) for sample in _read(X, sample_shape)])


def _read(X: Any, sample_shape: tuple[int, ...] | None) -> Rows:
    """Return samples with a last axis of channels."""
    owner = "estimate_sigma"
    samples: Rows
    if is_list_of_samples(X, declared_shape(sample_shape, owner)):
        samples = read_list(X, owner, sample_shape=sample_shape)
    else:
        array = as_array(X)
        array = check_rows(array, owner, dtype="numeric", check=partial(check_array, allow_nd=True))
        if array.ndim == 2 and sample_shape is None:
            raise ValueError(
                f"{owner} needs to know what a row is: sample_shape=(height, width), or (length,) "
                "for a signal. An image or a signal alone is [x]. Got X of shape "
                f"{array.shape} and sample_shape=None."
            )
        shape = infer_sample_shape(array.shape[1:], sample_shape, owner, flat=False)
        samples = array.reshape(-1, *shape)
    for index, sample in enumerate(samples):
        if min(sample.shape[:-1]) < _FEWEST:
            raise ValueError(
                f"{owner} needs samples of {_FEWEST} or more values a side. Got X[{index}] of "
                f"shape {sample.shape}."
            )
    return samples


def _sigma_of(sample: np.ndarray) -> float:
    values = sample.astype(np.float64) / (full_range(sample.dtype) or 1.0)
    sigmas = [_sigma_of_channel(channel) for channel in np.moveaxis(values, -1, 0)]
    # A channel without noise is a constant or a mask, such as opacity: it does not count.
    return float(np.mean([sigma for sigma in sigmas if sigma] or [0.0]))


def _sigma_of_channel(channel: np.ndarray) -> float:
    # A channel that is constant along an axis has no noise, and no coefficients for the median.
    if any(not np.ptp(channel, axis=axis).any() for axis in range(channel.ndim)):
        return 0.0
    names = {"extra": "images", "owner": "estimate_sigma"}
    import_optional("pywt", package="PyWavelets", **names)
    restoration = import_optional("skimage.restoration", package="scikit-image", **names)
    return restoration.estimate_sigma(channel)
