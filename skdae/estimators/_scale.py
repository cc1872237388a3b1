"""Whether the values of X lie where noise and training expect them."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdae._warnings import warn_user
from skdae.layout import full_range, parts_of

__all__ = ["warn_of_odd_scale"]

# Fewer gray levels than this are numbers that happen to be stored in few bits.
_FEWEST_LEVELS = {np.dtype(np.uint8): 16, np.dtype(np.uint16): 255}
# How much wider one column may be than the usual one, and how narrow the widest: from there on
# the narrow columns count for nothing, or the learning rate is too high.
_TIMES_WIDER, _NARROWEST, _SMALLEST_DEVIATION = 100.0, 0.01, 0.005
_LOOKED_AT = 2**18


def warn_of_odd_scale(rows: Any, owner: str, *, highest: float, table: bool) -> None:
    """Warn of integers that are no images, and of floats on a scale that does not train well.

    A part of the rows is looked at. The spread of a column is that of its middle half (the
    interquartile range), for which a few outliers do not count.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features), or list of ndarray
        The data of a fit.
    owner : str
        Name of the estimator.
    highest : float
        The highest value of all rows.
    table : bool
        Whether each column has a scale of its own.
    """
    first = parts_of(rows)[0]
    white = full_range(first.dtype)
    if white:
        if 0 < highest <= _FEWEST_LEVELS[first.dtype]:
            warn_user(
                f"{owner} reads {first.dtype} as images, as fractions of {white:.0f}, and the "
                f"highest value of X is {highest:.0f}. If these are counts, categories or the "
                "like, pass X.astype(float)."
            )
        return
    if isinstance(rows, list):
        values = np.concatenate([part.ravel()[: _LOOKED_AT // len(rows) + 1] for part in rows])
    else:
        step = max(1, rows.size // _LOOKED_AT)
        values = rows[::step] if table else rows.ravel()[::step]
    if not table:
        deviation = values.std(dtype=np.float64)
        if 0 < deviation < _SMALLEST_DEVIATION:
            warn_user(
                f"The values of X are small for the learning rate and the noise of {owner}: their "
                f"standard deviation is {deviation:.3g}. Scale them up to a range near 1."
            )
        return
    low, high = np.percentile(values, [25, 75], axis=0)
    spreads = (high - low)[high > low]
    if not len(spreads):
        return
    widest, usual = spreads.max(), np.median(spreads)
    if widest > _TIMES_WIDER * usual:
        warn_user(
            f"X has columns on different scales: the middle half of one spreads over {widest:.3g}, "
            f"that of the usual one over {usual:.3g}. To the loss and the score of {owner} the "
            "small ones are nothing: put a StandardScaler before the noise."
        )
    elif widest < _NARROWEST:
        warn_user(
            f"The values of X are small for the learning rate and the noise of {owner}: the middle "
            f"half of the widest column spreads over {widest:.3g}. Put a StandardScaler before "
            "the noise."
        )
