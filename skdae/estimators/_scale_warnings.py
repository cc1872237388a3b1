"""Whether the values of X lie where noise and training expect them."""

from __future__ import annotations

import numpy as np

from skdae._warnings import warn_user
from skdae.data import Samples, full_range

__all__ = ["warn_of_odd_scale"]

# Fewer gray levels than this are numbers that happen to be stored in few bits.
_FEWEST_LEVELS = {np.dtype(np.uint8): 16, np.dtype(np.uint16): 255}
# How much wider one column may be than the usual one before the others count for nothing.
_TIMES_WIDER = 100.0
# What a net that sees the data as they are can learn from: its weights start near 0 and its
# learning rate is made for values near 1.
_SMALLEST_DEVIATION, _FARTHEST = 0.005, 150.0
# Steps of float32 that a standard deviation should span.
_FEWEST_STEPS = 100
_LOOKED_AT = 2**18


def warn_of_odd_scale(samples: Samples, owner: str, *, standardized: bool) -> None:
    """Warn of integers that are no images, and of floats on scales that do not train well.

    Parameters
    ----------
    samples : Samples
        The data of a fit.
    owner : str
        Name of the estimator.
    standardized : bool
        Whether the net sees them standardized.
    """
    dtype, highest = samples.dtype, samples.highest
    white = full_range(dtype)
    if white and 0 < highest <= _FEWEST_LEVELS[dtype]:
        warn_user(
            f"{owner} reads {dtype} as images, as fractions of {white:.0f}, and the "
            f"highest value of X is {highest:.0f}. If these are counts, categories or the "
            "like, pass X.astype(float)."
        )
        return
    means, deviation = samples.units
    farthest = max(means, key=abs)
    if deviation < _FEWEST_STEPS * np.finfo(np.float32).eps * abs(farthest):
        warn_user(
            f"X varies by {deviation:.3g} around {farthest:.8g}, finer than float32, in which "
            f"{owner} computes, can tell: subtract what all values share before, in float64."
        )
    elif not standardized and (
        deviation < _SMALLEST_DEVIATION or abs(farthest) > _FARTHEST * deviation
    ):
        warn_user(
            f"{owner} shows its module X as it is, with mean {farthest:.3g} and standard deviation "
            f"{deviation:.3g}; most learn from values near 0 and of size 1 only. Scale X, or set "
            "standardize=True."
        )
    if not white:
        _warn_of_different_scales(samples, owner)


def _warn_of_different_scales(samples: Samples, owner: str) -> None:
    """Warn of columns, or channels, one of which is all that a common loss sees.

    A part of the rows is looked at. The spread of a column is that of its middle half (the
    interquartile range), for which a few outliers do not count.
    """
    table, parts = len(samples.sample_shape) == 1, samples.parts
    step = max(1, sum(part.size for part in parts) // _LOOKED_AT)
    n_columns = samples.sample_shape[-1]
    values = np.concatenate([part[::step].reshape(-1, n_columns) for part in parts])
    low, high = np.percentile(values.astype(np.float64), [25, 75], axis=0)
    spreads = (high - low)[high > low]
    if not len(spreads):
        return
    widest = spreads.max()
    usual = np.median(spreads) if table else spreads.min()
    if widest > _TIMES_WIDER * usual:
        kind, other = ("columns", "the usual one") if table else ("channels", "another")
        remedy = "put a StandardScaler before the noise"
        remedy = remedy if table else "divide each channel by its standard deviation"
        warn_user(
            f"X has {kind} on different scales: the middle half of one spreads over {widest:.3g}, "
            f"that of {other} over {usual:.3g}. {kind.capitalize()} of small scale hardly affect "
            f"the loss and the score of {owner}: {remedy}."
        )
