"""What a first fit reads: rows of one size, or a list of samples of different sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array

from skdae._checks import Data, validate_rows
from skdae._warnings import warn_user
from skdae.data._dtypes import ROW_DTYPES
from skdae.data._lists import as_one_array, first_of_another_shape, is_list_of_samples, read_list
from skdae.data._samples import Samples
from skdae.data._shapes import declared_shape, infer_sample_shape, warn_of_unclear_axes
from skdae.data._stored import is_stored, stored_rows

__all__ = ["is_list_to_learn", "read_clean", "read_first"]


def is_list_to_learn(X: Data, known: tuple[int, ...] | None, *, flat: bool) -> bool:
    """Whether X is a list to draw patches from; other lists become one array.

    Parameters
    ----------
    X : array-like, or list of array-like
        What fit got.
    known : tuple of int or None
        What is known of the shape of a sample, channels last.
    flat : bool
        Whether flat rows are a table. Samples of one size are then an array.
    """
    if flat:
        return is_list_of_samples(X) and first_of_another_shape(X) is not None
    return is_list_of_samples(X, known)


def read_first(
    X: Data,
    estimator: BaseEstimator,
    *,
    sample_shape: int | Sequence[int] | None,
    flat: bool,
    lists: bool,
    finite: bool = True,
) -> Samples:
    """Read the data of a first fit, and find out what a sample is.

    Parameters
    ----------
    X : array-like, or list of array-like
        What fit got.
    estimator : BaseEstimator
        What is fitted: it gets ``n_features_in_`` and ``feature_names_in_``, if X is no list.
    sample_shape : int, sequence of int or None
        What the user says that a sample is.
    flat : bool
        Whether flat rows are a table; otherwise they are images or signals, with a warning.
    lists : bool
        Whether samples may be of different sizes.
    finite : bool, default=True
        Whether to refuse missing values in an array.

    Raises
    ------
    ValueError
        If the data are no samples, or not such as ``sample_shape`` says.
    """
    owner = type(estimator).__name__
    known = None if flat else declared_shape(sample_shape, owner)
    if lists and is_list_to_learn(X, known, flat=flat):
        samples = read_list(X, owner, sample_shape=sample_shape)
        if sample_shape is None:
            warn_of_unclear_axes(X, owner)
        for name in ("n_features_in_", "feature_names_in_"):
            estimator.__dict__.pop(name, None)
        return Samples(samples, (len(X), *[None] * np.ndim(X[0])), samples[0].shape)
    if is_stored(X):
        rows, shape = stored_rows(X, estimator, reset=True)
    else:
        X = as_one_array(X, owner)
        rows, shape = validate_rows(estimator, X, reset=True, dtype=ROW_DTYPES, finite=finite)
    inferred = infer_sample_shape(shape[1:], sample_shape, owner, flat=flat)
    if not flat and sample_shape is None:
        if len(shape) == 2:
            _warn_of_flat_rows(shape[1], inferred, owner)
        if not is_stored(X):
            warn_of_unclear_axes(rows.reshape(shape), owner)
    return Samples(rows, shape, inferred)


def _warn_of_flat_rows(n_values: int, sample_shape: tuple[int, ...], owner: str) -> None:
    kind = "gray images" if len(sample_shape) == 3 else "signals"
    spelling = sample_shape[:-1]
    warn_user(
        f"{owner} reads the rows of {n_values} values as {kind} of shape {spelling}. Say what they "
        f"are with sample_shape={spelling}, or give an array with these axes; one image alone goes "
        "into a list, [X]."
    )


def read_clean(clean: Data, samples: Samples, owner: str) -> Samples:
    """Return the clean values behind corrupted samples, laid out like these."""
    if isinstance(samples.rows, list):
        return replace(samples, rows=read_list(clean, owner, like=samples.rows[0].shape))
    clean = np.stack(clean) if isinstance(clean, list) else clean
    return replace(samples, rows=check_array(clean.reshape(samples.rows.shape), dtype=ROW_DTYPES))
