"""A score for searches: how well an estimator denoises fixed noise."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import r2_score
from sklearn.pipeline import Pipeline
from torch import Tensor

from skdae._checks import Data, as_array
from skdae._sklearn import Interval, StrOptions, validate_parameter_constraints
from skdae.data import Rows, check_sample_shape, full_range, is_list_of_samples
from skdae.metrics._quality import (
    Arrays,
    import_ssim,
    mean_squared_error,
    on_one_scale,
    psnr,
    ssim,
)
from skdae.noise import NoiseInjector
from skdae.noise._summary import DataSummary

__all__ = [
    "DenoisingScorer",
    "clean_and_noisy",
    "make_denoising_scorer",
    "skip_steps_before_noise",
]

_LARGEST_SEED = 2**32 - 1


def make_denoising_scorer(
    noise: NoiseInjector | None = None,
    metric: str | Callable[..., float] = "psnr",
    *,
    random_state: int = 0,
    sample_shape: tuple[int, ...] | None = None,
) -> DenoisingScorer:
    """Make a scorer that judges denoising on one fixed evaluation noise.

    For ``scoring=`` of ``GridSearchCV``, ``cross_val_score`` and the like. The autoencoder's own
    ``score`` measures reconstruction, so a search over noise levels that uses it always picks
    the lowest level. This scorer gives every candidate the same noise to remove, whatever
    noise it was trained on.

    Parameters
    ----------
    noise : NoiseInjector or None, default=None
        What corrupts the clean X that is scored. None scores pairs: X is noisy as it is
        and y, of X's shape, is the clean target.
    metric : {"psnr", "ssim", "neg_mse", "r2"} or callable, default="psnr"
        The measure; greater is better for all of them. A callable takes
        ``(clean, denoised)``, two arrays of X's shape, and returns a number.
    random_state : int, default=0
        Seed of the evaluation noise. The seed of the injector is not used.
    sample_shape : tuple of int or None, default=None
        What a flat row is, for "ssim". None reads a square number of columns as an
        image, and any other as a signal.

    Returns
    -------
    scorer : DenoisingScorer
        A callable ``scorer(estimator, X, y=None)`` that returns a float; it can be
        pickled.

    See Also
    --------
    psnr : Peak signal-to-noise ratio.
    ssim : Structural similarity.

    Notes
    -----
    With ``noise``, the target is y where y has X's shape, and X otherwise: labels are
    ignored. "neg_mse" is the negative mean squared error, of fractions of the full range
    for ``uint8`` and ``uint16``; "r2" is one coefficient of determination, pooled over
    all values.

    The noise of a row depends on ``random_state`` and on the values of that row alone, so
    every candidate is scored on the same noisy row, in every fold, in any order of the rows and
    with any ``n_jobs``. Equal rows get equal noise. Noises that take values from other rows
    (:class:`SwapNoise` and mixtures with it) are drawn once for the array that is scored: they
    are the same for every candidate on the same fold.

    A pipeline that ends in an autoencoder predicts in the units that the autoencoder sees: scaled
    values, if a scaler comes before it. The scorer therefore sends X and y through the steps
    before the noise step, or before the autoencoder, and corrupts and compares the results.

    Give the candidates enough training to tell them apart: after a hundred steps, all noise
    levels score nearly the same, and the lowest may win.

    Examples
    --------
    >>> from skdae import GaussianNoise, make_denoising_scorer
    >>> from skdae.datasets import load_digits
    >>> from sklearn.cross_decomposition import PLSRegression
    >>> X, _ = load_digits()
    >>> X = X.reshape(len(X), -1)
    >>> X_noisy = GaussianNoise(0.4).corrupt(X, random_state=1)
    >>> linear = PLSRegression(n_components=20).fit(X_noisy[:900], X[:900])
    >>> scorer = make_denoising_scorer(GaussianNoise(0.4), "psnr")
    >>> print(f"{scorer(linear, X[900:]):.1f} dB")
    14.5 dB
    """
    validate_parameter_constraints(
        {
            "noise": [NoiseInjector, None],
            "metric": [StrOptions(set(_METRICS) | {"ssim"}), callable],
            "random_state": [Interval(Integral, 0, _LARGEST_SEED, closed="both")],
        },
        {"noise": noise, "metric": metric, "random_state": random_state},
        caller_name="make_denoising_scorer",
    )
    # A search turns errors of the scorer into NaN, so what can be checked is checked here.
    if noise is not None:
        noise._check_parameters()
        noise = clone(noise)
    if sample_shape is not None:
        sample_shape = check_sample_shape(sample_shape, "make_denoising_scorer")
    if metric == "ssim":
        import_ssim("make_denoising_scorer(metric='ssim')")
    return DenoisingScorer(noise, metric, random_state, sample_shape)


@dataclass(eq=False, repr=False)
class DenoisingScorer:
    """A callable ``scorer(estimator, X, y=None)``; :func:`make_denoising_scorer` makes it.

    Parameters
    ----------
    noise : NoiseInjector or None
        What corrupts the data before they are scored.
    metric : str or callable
        The measure.
    random_state : int
        Seed of the evaluation noise.
    sample_shape : tuple of int or None
        What a flat row is, for "ssim".
    """

    noise: NoiseInjector | None
    metric: str | Callable[..., float]
    random_state: int
    sample_shape: tuple[int, ...] | None

    def __call__(self, estimator: BaseEstimator, X: Data, y: Data = None) -> float:
        """Score an estimator that denoises with ``predict``; greater is better.

        Parameters
        ----------
        estimator : object
            Fitted estimator or pipeline.
        X : array-like of shape (n_samples, ...), or list of arrays
            Clean data, or noisy ones if the scorer has no noise.
        y : array-like or None, default=None
            Clean target if it has X's shape; anything else is ignored, or an error if the
            scorer has no noise.

        Returns
        -------
        score : float
            Value of the metric.
        """
        estimator, X, y = skip_steps_before_noise(estimator, X, y)
        clean, noisy = clean_and_noisy(X, y, self.noise, self.random_state, "A denoising scorer")
        denoised = estimator.predict(noisy)
        if not isinstance(clean, list):
            denoised = np.asarray(denoised)
        if _shape(denoised) != _shape(clean):
            raise ValueError(
                "A denoising scorer needs an estimator whose predict denoises. Data of shape "
                f"{_shape(clean)} came back from {type(estimator).__name__} with shape "
                f"{_shape(denoised)}."
            )
        return float(self._measure(*on_one_scale(clean, denoised)))

    def __repr__(self) -> str:
        metric = repr(self.metric) if isinstance(self.metric, str) else _name(self.metric)
        shape = "" if self.sample_shape is None else f", sample_shape={self.sample_shape}"
        return (
            f"make_denoising_scorer({self.noise!r}, metric={metric}, "
            f"random_state={self.random_state}{shape})"
        )

    def _measure(self, clean: Arrays, denoised: Arrays) -> float | np.ndarray:
        if self.metric == "ssim":
            return ssim(clean, denoised, sample_shape=self.sample_shape)
        measure = _METRICS[self.metric] if isinstance(self.metric, str) else self.metric
        return measure(clean, denoised)


def skip_steps_before_noise(
    estimator: BaseEstimator, X: Data, y: Data
) -> tuple[BaseEstimator, Data, Data]:
    """Apply the first steps of a pipeline that ends in an autoencoder, and return the others.

    The first steps are those before its noise step, or before the autoencoder. An autoencoder
    that was trained on pairs denoises in the units of y: its pipeline is returned as it is.

    Returns
    -------
    estimator : object
        The rest of the pipeline, or the estimator.
    X, y : array-like
        The data after the first steps; y is transformed only if it is a target.
    """
    while hasattr(estimator, "best_estimator_"):
        estimator = estimator.best_estimator_
    if not isinstance(estimator, Pipeline):
        return estimator, X, y
    last = len(estimator) - 1
    if not getattr(estimator[last], "_keeps_units", False):
        return estimator, X, y
    noises = [i for i in range(last) if isinstance(estimator[i], NoiseInjector)]
    first = min(noises, default=last)
    if first == 0:
        return estimator, X, y
    before, estimator = estimator[:first], estimator[first:]
    if y is not None and _shape(y) == _shape(X):
        y = before.transform(_as_frame_like(X, np.asarray(as_array(y))))
    return estimator, before.transform(X), y


def clean_and_noisy(
    X: Data, y: Data, noise: NoiseInjector | None, random_state: int, owner: str
) -> tuple[Arrays, Data]:
    """Return the target and the input of an evaluation.

    With a noise, X is corrupted, and the target is y if it has X's shape, else X. Without
    one, X is noisy as it is, and y must be its target. A data frame is corrupted into a
    data frame, so that an estimator finds its feature names.
    """
    is_list = is_list_of_samples(X)
    if is_list and not is_list_of_samples(y):
        y = list(y) if np.ndim(y) > 1 else None  # 1-D: labels
    elif not is_list and is_list_of_samples(y) and len({np.shape(sample) for sample in y}) == 1:
        y = np.stack([as_array(sample, "y") for sample in y])
    is_pair = y is not None and _shape(y) == _shape(X)
    clean = y if is_pair else X
    clean = [np.asarray(as_array(x)) for x in clean] if is_list else np.asarray(as_array(clean))
    if noise is not None:
        rowwise = noise if noise._mixes_rows else _RowwiseNoise(noise)
        noisy = rowwise.corrupt(X if is_list else as_array(X), random_state=random_state)
        return clean, _as_frame_like(X, noisy)
    if not is_pair:
        got = "no y" if y is None else f"y of shape {_shape(y)}"
        raise ValueError(
            f"{owner} without noise needs pairs: X is noisy, and y is the clean target of X's "
            f"shape, {_shape(X)}. Got {got}. If X is clean, say what to corrupt it with: "
            "noise=GaussianNoise(0.1)."
        )
    return clean, X


def _shape(X: Data) -> tuple:
    """Return the shape of an array, or the shapes of the samples of a list."""
    return tuple(np.shape(x) for x in X) if is_list_of_samples(X) else np.shape(X)


def _as_frame_like(X: Data, values: np.ndarray) -> Data:
    """Return the values as a data frame of pandas or polars if X is one."""
    if hasattr(X, "iloc"):
        return type(X)(values, columns=X.columns, index=X.index)
    if hasattr(X, "columns"):
        return type(X)(values, schema=X.columns)
    return values


class _RowwiseNoise(NoiseInjector):
    """A noise whose generator is seeded for each row from the values of that row."""

    clip = None

    def __init__(self, noise: NoiseInjector) -> None:
        self.noise = noise

    def _corrupt(self, x: Tensor, level: None, generator: torch.Generator) -> Tensor:
        """Corrupt each row with a generator seeded by crc32(seed, row)."""
        seed = generator.initial_seed()
        noisy = torch.empty_like(x)
        for row, values, out in zip(x.split(1), x.numpy(), noisy.split(1), strict=True):
            generator.manual_seed(zlib.crc32(values, seed))
            out.copy_(self.noise._corrupt_batch(row, generator))
        generator.manual_seed(seed)
        return noisy

    def _read(self, X: ArrayLike, *, reset: bool = False) -> Rows:
        return self.noise._read(X, reset=reset)

    def _check_domain(self, summary: DataSummary) -> None:
        """Skip the warnings, which a search would repeat for every candidate and fold."""


def _neg_mse(clean: Arrays, denoised: Arrays) -> float:
    """-MSE, of fractions of the full range for uint8 and uint16."""
    white = full_range(clean[0].dtype) or 1.0
    return -float(mean_squared_error(clean, denoised)) / white**2


def _r2(clean: Arrays, denoised: Arrays) -> float:
    """1 - SS(clean - denoised) / SS(clean - mean), pooled over all values."""
    return r2_score(
        *(np.concatenate([x.ravel() for x in X], dtype=float) for X in (clean, denoised))
    )


_METRICS: dict[str, Callable] = {"psnr": psnr, "neg_mse": _neg_mse, "r2": _r2}


def _name(function: Callable) -> str:
    return getattr(function, "__name__", None) or repr(function)
