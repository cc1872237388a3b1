"""Levels of noise: one number, a range from which every sample draws its own, or one a column."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from torch import Tensor

from skdae._sklearn import Interval, InvalidParameterError, fits_float
from skdae._warnings import warn_user
from skdae.data import full_range
from skdae.noise._summary import DataSummary

__all__ = [
    "Clip",
    "Level",
    "LevelOfColumns",
    "LevelOrRange",
    "check_clip",
    "check_columns",
    "check_extremes",
    "check_fraction",
    "check_strength",
    "draw_level",
]

LevelOrRange = float | tuple[float, float]
"""The level of all samples, or the (low, high) range from which each one draws its own."""

LevelOfColumns = LevelOrRange | list[float] | np.ndarray
"""The same, or one level for each column."""

Clip = tuple[float, float] | None
"""The interval to which noisy values are clipped."""

# Noise is a warning if it is weaker than this part of the spread of the data, or stronger than so
# many times their range.
_PART_OF_SPREAD, _TIMES_RANGE = 1 / 300, 4
# `low` and `high` may lie inside the range of the data by this part of it.
_MARGIN = 0.25
# Weak noise is a warning only where values exceed this, as gray levels and counts do.
_SMALLEST_LEVELS = 16
# The white levels of images of 8, 12 and 16 bits.
_WHITES = (255, 4095, 65535)


class Level(Interval):
    """Constraint of a noise level: a number in the interval or a (low, high) pair.

    With ``columns``, it may also be a list or an array of numbers, which :func:`check_columns`
    compares with the data.
    """

    def __init__(
        self, left: float, right: float | None, *, closed: str, columns: bool = False
    ) -> None:
        super().__init__(Real, left, right, closed=closed)
        self.columns = columns

    def is_satisfied_by(self, val: object) -> bool:
        """Accept a number of the interval, or an ordered pair of such numbers."""
        if isinstance(val, (list, np.ndarray)):
            return self.columns
        if not isinstance(val, tuple):
            return super().is_satisfied_by(val)
        return len(val) == 2 and self.holds_all(val) and val[0] <= val[1]

    def holds_all(self, values: Iterable[object]) -> bool:
        """Whether all are numbers of the interval."""
        return all(super(Level, self).is_satisfied_by(value) for value in values)

    @property
    def number(self) -> str:
        """The rule for a number, in words."""
        if self.right is None:
            return f"number {'>=' if self.closed == 'left' else '>'} {self.left}"
        return f"number between {self.left} and {self.right}"

    def __str__(self) -> str:
        """Describe the rule for the error message."""
        pair = f"a {self.number} or a (low, high) pair of such numbers with low <= high"
        return f"{pair}, or a list of them, one for each column" if self.columns else pair


def draw_level(level: LevelOfColumns, x: Tensor, generator: torch.Generator) -> float | Tensor:
    """Return the level; of a range, one uniform draw per sample, of shape (n, 1, ...).

    Levels of columns come back as one sample, of shape (1, ...).
    """
    if isinstance(level, Real):
        return float(level)
    if isinstance(level, tuple):
        low, high = level
        draw = x.new_empty((len(x), *[1] * (x.ndim - 1))).uniform_(generator=generator)
        return low + (high - low) * draw
    return torch.as_tensor(level, dtype=x.dtype, device=x.device).view(1, *x.shape[1:])


def check_columns(injector: BaseEstimator, n_features: int) -> None:
    """Check that a list or an array of levels has a number for each column.

    Raises
    ------
    ValueError
        If it has not.
    """
    parameter = injector._level
    level = getattr(injector, parameter) if parameter else None
    if not isinstance(level, (list, np.ndarray)):
        return
    rules = injector._parameter_constraints.get(parameter, [])
    rule = next((rule for rule in rules if isinstance(rule, Level)), None)
    if rule is None:  # a noise of the user, which may mean something else by a list
        return
    values = level.tolist() if isinstance(level, np.ndarray) else level
    if not isinstance(values, list) or len(values) != n_features or not rule.holds_all(values):
        raise InvalidParameterError(
            f"The '{parameter}' parameter of {type(injector).__name__} must be one {rule.number} "
            f"for each of the {n_features} columns, if it is a list or an array. Got {level!r} "
            "instead."
        )


def check_clip(clip: Clip, owner: str) -> None:
    """Check that ``clip`` is None or an ordered pair of numbers."""
    if clip is not None and not (
        len(clip) == 2 and all(fits_float(value) for value in clip) and clip[0] < clip[1]
    ):
        raise InvalidParameterError(
            f"The 'clip' parameter of {owner} must be None or a (low, high) pair with low < high. "
            f"Got {clip!r} instead."
        )


def check_fraction(
    level: ArrayLike, dtype: np.dtype | torch.dtype, *, parameter: str, owner: str
) -> None:
    """Check that the level for integer images is a fraction of their full range."""
    white = full_range(dtype)
    if white and np.max(level) > 1:
        raise ValueError(
            f"The '{parameter}' parameter of {owner} is a fraction of the full range for "
            f"{str(dtype).removeprefix('torch.')} images, at most 1: 25 gray levels are "
            f"25 / {white:.0f}. Got {level!r}."
        )


def check_strength(
    injector: BaseEstimator, deviation: float, summary: DataSummary, advice: str = ""
) -> None:
    """Warn if noise is far weaker than the spread of the data, or far stronger than their range.

    ``deviation`` is the standard deviation, or the largest value, of the noise at its strongest
    level, in the units of the data; ``advice`` is for levels in other units.
    """
    if not summary.has_scale or not deviation:
        return
    parameter, value = injector._level, getattr(injector, injector._level)
    size = summary.white or max(-summary.low, summary.high)
    if deviation < _PART_OF_SPREAD * summary.spread and size > _SMALLEST_LEVELS:
        verdict = "next to no noise for X"
    elif deviation > (summary.high - summary.low) * (1 if summary.white else _TIMES_RANGE):
        verdict = "more noise than X can be told from"
    else:
        return
    unit = f", as fractions of {summary.white:.0f}" if summary.white else ""
    warn_user(
        f"{parameter}={value!r} of {type(injector).__name__} is {verdict}: the noise deviates by "
        f"{deviation:.3g}, the values of X by {summary.spread:.3g}, and they go from "
        f"{summary.low:.3g} to {summary.high:.3g}{unit}. {advice or _advice(parameter, summary)}"
    )


def check_extremes(injector: BaseEstimator, used: list[float], summary: DataSummary) -> None:
    """Warn if ``low`` and ``high``, of which some are used, are not near the data's extremes."""
    low, high = summary.bulk
    margin = _MARGIN * (high - low)
    reaches = [max(used) >= high - margin, min(used) <= low + margin]
    are_extremes = all(reaches) if len(used) > 1 else any(reaches)
    are_far = any(summary.is_far_from(value) for value in used)
    if not summary.has_scale or (are_extremes and not are_far):
        return
    unit = f", as fractions of {summary.white:.0f}" if summary.white else ""
    warn_user(
        f"low={injector.low!r} and high={injector.high!r} of {type(injector).__name__} are not the "
        f"extremes of X, most of which goes from {low:.3g} to {high:.3g}{unit}. Take "
        f"low={low:.3g} and high={high:.3g}, or what the sensor gives for black and white."
    )


def _advice(parameter: str, summary: DataSummary) -> str:
    """Return what to do about a level in the units of the data."""
    if summary.white:
        bits = math.ceil(math.log2(summary.high * summary.white + 1))
        return (
            f"A level is a fraction of {summary.white:.0f}: if these images have {bits} bits, a "
            f"tenth of their range is {parameter}=0.1 * {2**bits - 1} / {summary.white:.0f}."
        )
    white = next(
        (white for white in _WHITES if 2 < summary.high <= white and summary.low >= 0), None
    )
    if white:
        return (
            f"A level is in the units of X: if these are gray levels up to {white}, divide X by "
            f"{white}, or multiply {parameter} by it."
        )
    return (
        f"A level is in the units of X, where 25 gray levels are {parameter}=25 / 255 if white is "
        "1: take the level of the noise that is to be removed."
    )
