"""The estimator at the end of a pipeline or a search."""

from __future__ import annotations

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

__all__ = ["last_step"]


def last_step(estimator: BaseEstimator) -> BaseEstimator:
    """Return what a pipeline ends with, or what a search found best."""
    while True:
        if isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return estimator
