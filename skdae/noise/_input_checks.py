"""Check the data that are to be corrupted: lists of samples, tensors, tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from torch import Tensor

from skdae._checks import check_dense
from skdae._sklearn import makes_data_frames
from skdae.data import Rows, checked_samples

__all__ = ["KEPT_DTYPES", "check_container", "check_tensor", "read_samples", "refuse_list"]

KEPT_DTYPES = [np.float32, np.float64, np.float16, np.uint8, np.uint16]
"""Noisy data have the dtype of the clean data if it is one of these, else the first."""


def read_samples(X: Any, owner: str) -> list[np.ndarray]:
    """Return the checked samples of a list."""
    return [
        sample if sample.dtype in KEPT_DTYPES else sample.astype(KEPT_DTYPES[0])
        for sample in checked_samples(X, owner)
    ]


def refuse_list(owner: str) -> None:
    """Refuse samples of different sizes, for a noise that mixes samples."""
    raise ValueError(
        f"{owner} takes values from other samples, which must be of one size. Got a list "
        "of samples; make one array of them, or use another noise."
    )


def check_tensor(x: Tensor, owner: str) -> None:
    """Check that a tensor is dense, real, and has samples of one value or more."""
    check_dense(x, "X")
    if x.ndim < 2 or not x.numel() or x.is_complex():
        raise ValueError(
            f"{owner} corrupts real tensors of 2 or more axes, samples first, with one value or "
            f"more. Got {x.dtype} of shape {tuple(x.shape)}."
        )


def check_container(data: Rows, injector: BaseEstimator) -> None:
    """Check that a data frame can hold the data, if ``set_output`` asks for one."""
    if (isinstance(data, list) or data.ndim > 2) and makes_data_frames(injector):
        shape = "different shapes" if isinstance(data, list) else f"shape {data.shape[1:]}"
        raise ValueError(
            f"set_output asks {type(injector).__name__} for a data frame, which cannot hold "
            f"samples of {shape}. Use set_output(transform='default'), or give the noise to the "
            "autoencoder: noise=..."
        )
