"""Warnings that name the line of the user's code."""

from __future__ import annotations

import sys
import warnings

__all__ = ["warn_user"]

_OURS = ("skdae", "sklearn", "skorch", "joblib", "contextlib")


def warn_user(message: str) -> None:
    """Warn, and name the line of the first caller outside of skdae and what calls it."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in _OURS:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)
