"""Noise levels: one number, or a range from which every sample draws its own."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from skdae._sklearn import Interval
from skdae._warnings import warn_user
from skdae.noise._seen import Seen

__all__ = ["Level", "check_strength", "draw_level"]

# Noise is lost in the data, or the data in the noise, from here on.
_PART_OF_SPREAD, _TIMES_RANGE = 1 / 300, 4
# Weak noise may be meant, but for values on the scale of gray levels and counts.
_SMALLEST_LEVELS = 16
# What images of integers are often scaled by, or not.
_WHITES = (255, 4095, 65535)


class Level(Interval):
    """Constraint of a noise level: a number in the interval or a (low, high) pair."""

    def __init__(self, left: float, right: float | None, *, closed: str):
        super().__init__(Real, left, right, closed=closed)

    def is_satisfied_by(self, val: Any) -> bool:
        """Accept a number of the interval, or an ordered pair of such numbers."""
        if not isinstance(val, tuple):
            return super().is_satisfied_by(val)
        return (
            len(val) == 2
            and all(super(Level, self).is_satisfied_by(v) for v in val)
            and val[0] <= val[1]
        )

    def __str__(self) -> str:
        """Describe the rule for the error message."""
        if self.right is None:
            rule = f"{'>=' if self.closed == 'left' else '>'} {self.left}"
        else:
            rule = f"between {self.left} and {self.right}"
        return f"a number {rule} or a (low, high) pair of such numbers with low <= high"


def draw_level(level: Any, x: Tensor, generator: torch.Generator) -> float | Tensor:
    """Return the number, or one uniform draw of the range per sample.

    A draw has shape ``(n, 1, ...)``, so that it broadcasts over each sample; levels per
    column come back as a tensor of shape ``(features,)``.
    """
    if isinstance(level, tuple):
        low, high = level
        shape = (len(x),) + (1,) * (x.ndim - 1)
        draw = torch.rand(shape, generator=generator, device=x.device, dtype=x.dtype)
        return low + (high - low) * draw
    if isinstance(level, Real):
        return float(level)
    return torch.as_tensor(level, dtype=x.dtype, device=x.device)


def check_strength(injector: Any, deviation: float, seen: Seen, advice: str = "") -> None:
    """Warn if noise is far weaker or stronger than the data vary.

    Parameters
    ----------
    injector : NoiseInjector
        A kind with a level.
    deviation : float
        Size of the noise at its strongest level, in the units of the data.
    seen : Seen
        What is known of the data.
    advice : str, default=""
        What is likely meant, if the level is not in the units of the data.
    """
    if not seen.can_tell or not deviation:
        return
    parameter, value = injector._level, getattr(injector, injector._level)
    size = seen.white or max(-seen.low, seen.high)
    if deviation < _PART_OF_SPREAD * seen.spread and size > _SMALLEST_LEVELS:
        verdict = "next to no noise for X"
    elif deviation > (seen.high - seen.low) * (1 if seen.white else _TIMES_RANGE):
        verdict = "more noise than X can be told from"
    else:
        return
    unit = f", as fractions of {seen.white:.0f}" if seen.white else ""
    warn_user(
        f"{parameter}={value!r} of {type(injector).__name__} is {verdict}: the noise deviates by "
        f"{deviation:.3g}, the values of X by {seen.spread:.3g}, and they go from {seen.low:.3g} "
        f"to {seen.high:.3g}{unit}. {advice or _advice(parameter, seen)}"
    )


def _advice(parameter: str, seen: Seen) -> str:
    """Say what is likely meant by a level in the units of the data."""
    if seen.white:
        bits = math.ceil(math.log2(seen.high * seen.white + 1))
        return (
            f"A level is a fraction of {seen.white:.0f}: if these images have {bits} bits, a tenth "
            f"of their range is {parameter}=0.1 * {2**bits - 1} / {seen.white:.0f}."
        )
    white = next((white for white in _WHITES if 2 < seen.high <= white and seen.low >= 0), None)
    if white:
        return (
            f"A level is in the units of X: if these are gray levels up to {white}, divide X by "
            f"{white}, or multiply {parameter} by it."
        )
    return (
        f"A level is in the units of X, where 25 gray levels are {parameter}=25 / 255 if white is "
        "1: take the level of the noise that is to be removed."
    )
