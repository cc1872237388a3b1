"""How good a denoised array is: PSNR, SSIM, and a scorer with fixed noise."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.utils import check_array, gen_batches
from torch import Tensor

from skdae._optional import import_optional
from skdae._sklearn import Interval, StrOptions, as_array, validate_parameter_constraints
from skdae.layout import check_sample_shape, full_range, infer_sample_shape
from skdae.noise import NoiseInjector

__all__ = ["DenoisingScorer", "make_denoising_scorer", "psnr", "ssim"]

_LARGEST_SEED = 2**32 - 1
_SMALLEST_SIDE, _LARGEST_WINDOW = 3, 7
_ROWS_AT_ONCE = 1024


def psnr(
    clean: Any,
    denoised: Any,
    *,
    data_range: float | None = None,
    per_sample: bool = False,
) -> float | np.ndarray:
    """Peak signal-to-noise ratio in decibels.

    The usual figure of merit of denoising: 10 dB less is ten times the squared error.
    Larger is better, and a perfect result is infinite. It is the mean squared error on a
    logarithmic scale, comparable between dtypes because it is relative to the range.

    Parameters
    ----------
    clean : array-like of shape (n_samples, ...)
        The truth.
    denoised : array-like of clean's shape
        What is judged.
    data_range : float or None, default=None
        Distance between the lowest and the highest value the data can have. None takes
        the full range of the dtype of ``clean`` for ``uint8`` (255) and ``uint16``
        (65535), and 1 for floats and booleans; other integers need the number.
    per_sample : bool, default=False
        Whether to return one value for each sample instead of one for all values.

    Returns
    -------
    psnr : float or ndarray of shape (n_samples,)
        Decibels. The pooled value comes from the mean squared error of all values; it is
        not the mean of the values per sample.

    See Also
    --------
    ssim : A measure of structure, nearer to what people see.
    make_denoising_scorer : Either of them as the score of a search.

    Notes
    -----
    ``10 log10(data_range² / MSE)``, computed in float64.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import psnr
    >>> clean = np.full((10, 8, 8), 0.5)
    >>> print(f"{psnr(clean, clean + 0.1):.1f} dB")
    20.0 dB
    """
    clean, denoised = _check_pair(clean, denoised, "psnr")
    errors = _mean_squared_errors(clean, denoised)
    with np.errstate(divide="ignore"):
        peak = _check_data_range(data_range, clean.dtype, "psnr") ** 2
        if per_sample:
            return 10 * np.log10(peak / errors)
        return float(10 * np.log10(peak / errors.mean()))


def ssim(
    clean: Any,
    denoised: Any,
    *,
    data_range: float | None = None,
    sample_shape: tuple[int, ...] | None = None,
    per_sample: bool = False,
) -> float | np.ndarray:
    """Structural similarity of images or signals, as scikit-image computes it.

    Compares means, contrasts and structure in small windows; it punishes blur more than
    PSNR does. 1 is a perfect result, 0 no similarity at all. Needs scikit-image:
    ``pip install skdae[images]``.

    Parameters
    ----------
    clean : array-like of shape (n_samples, ...)
        The truth: flat rows, ``(n, height, width)`` or ``(n, height, width, channels)``.
    denoised : array-like of clean's shape
        What is judged.
    data_range : float or None, default=None
        Distance between the lowest and the highest value the data can have. None takes
        the full range of the dtype of ``clean`` for ``uint8`` (255) and ``uint16``
        (65535), and 1 for floats and booleans; other integers need the number.
    sample_shape : tuple of int or None, default=None
        What a flat row is: ``(height, width)``, ``(height, width, channels)``,
        ``(length,)`` or ``(length, channels)``. None reads a square number of columns as
        an image, and any other as a signal.
    per_sample : bool, default=False
        Whether to return one value for each sample instead of their mean.

    Returns
    -------
    ssim : float or ndarray of shape (n_samples,)
        At most 1.

    See Also
    --------
    psnr : The squared error on a logarithmic scale.

    Notes
    -----
    ``skimage.metrics.structural_similarity`` of each sample in float64, averaged over
    channels, with a uniform window of 7 values a side, or of the largest odd number that
    fits into the smallest side. Sides shorter than 3 have no window.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, Image quality assessment:
       from error visibility to structural similarity, IEEE Transactions on Image
       Processing 13 (2004).

    Examples
    --------
    >>> from skdae import GaussianNoise, ssim
    >>> from skdae.datasets import load_digits
    >>> X, _ = load_digits()
    >>> ssim(X, X)
    1.0
    >>> print(f"{ssim(X, GaussianNoise(0.4).corrupt(X, random_state=0)):.2f}")
    0.64
    """
    structural_similarity = _import_ssim("ssim")
    clean, denoised = _check_pair(clean, denoised, "ssim")
    data_range = _check_data_range(data_range, clean.dtype, "ssim")
    shape = infer_sample_shape(clean.shape[1:], sample_shape, "ssim", flat=False)
    smallest_side = min(shape[:-1])
    if smallest_side < _SMALLEST_SIDE:
        raise ValueError(
            f"ssim needs samples of at least {_SMALLEST_SIDE} values a side, the smallest "
            f"window it can use. Got samples of shape {clean.shape[1:]}, read as {shape}."
        )
    window = min(_LARGEST_WINDOW, smallest_side - (smallest_side + 1) % 2)
    values = np.array(
        [
            structural_similarity(
                a.reshape(shape).astype(np.float64),
                b.reshape(shape).astype(np.float64),
                win_size=window,
                data_range=data_range,
                channel_axis=-1,
            )
            for a, b in zip(clean, denoised, strict=True)
        ]
    )
    return values if per_sample else float(values.mean())


def make_denoising_scorer(
    noise: NoiseInjector | None = None,
    metric: str | Callable[[np.ndarray, np.ndarray], float] = "psnr",
    *,
    random_state: int = 0,
    sample_shape: tuple[int, ...] | None = None,
) -> DenoisingScorer:
    """Make a scorer that judges denoising on one fixed evaluation noise.

    For ``scoring=`` of ``GridSearchCV``, ``cross_val_score`` and their kind. The score of
    an autoencoder itself measures reconstruction, so that a search over noise levels that
    uses it always picks the least noise; this one asks each candidate to remove the same
    noise, whatever it was trained on.

    Parameters
    ----------
    noise : NoiseInjector or None, default=None
        What corrupts the clean X that is scored. None scores pairs: X is noisy as it is
        and y, of X's shape, is the clean target.
    metric : {"psnr", "ssim", "neg_mse", "r2"} or callable, default="psnr"
        What is measured; greater is better for all of them. A callable takes
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
    that every candidate, every fold, every order of the rows and every ``n_jobs`` meets
    the same noisy row. It follows that equal rows get equal noise. Noises that take
    values from other rows (:class:`SwapNoise` and what is composed with it) cannot do so:
    they are drawn once for the array that is scored, the same for every candidate on the
    same fold.

    Give the candidates enough training to tell them apart: after a hundred steps every
    level looks alike, and the least noise may win.

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
        _import_ssim("make_denoising_scorer(metric='ssim')")
    return DenoisingScorer(noise, metric, random_state, sample_shape)


class DenoisingScorer:
    """What :func:`make_denoising_scorer` returns.

    Parameters
    ----------
    noise : NoiseInjector or None
        What corrupts the data that are scored.
    metric : str or callable
        What is measured.
    random_state : int
        Seed of the evaluation noise.
    sample_shape : tuple of int or None
        What a flat row is, for "ssim".
    """

    def __init__(
        self,
        noise: NoiseInjector | None,
        metric: str | Callable[[np.ndarray, np.ndarray], float],
        random_state: int,
        sample_shape: tuple[int, ...] | None,
    ):
        self.noise = noise
        self.metric = metric
        self.random_state = random_state
        self.sample_shape = sample_shape

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float:
        """Score an estimator that denoises with ``predict``; greater is better.

        Parameters
        ----------
        estimator : object
            Fitted estimator or pipeline.
        X : array-like of shape (n_samples, ...)
            Clean data, or noisy ones if the scorer has no noise.
        y : array-like or None, default=None
            Clean target if it has X's shape; anything else is ignored, or an error if the
            scorer has no noise.

        Returns
        -------
        score : float
            Value of the metric.
        """
        clean, noisy = clean_and_noisy(X, y, self.noise, self.random_state, "A denoising scorer")
        denoised = np.asarray(estimator.predict(noisy))
        if denoised.shape != clean.shape:
            raise ValueError(
                "A denoising scorer needs an estimator whose predict denoises. Data of shape "
                f"{np.shape(X)} came back from {type(estimator).__name__} with shape "
                f"{denoised.shape}."
            )
        return float(self._measure(clean, denoised))

    def __repr__(self) -> str:
        metric = repr(self.metric) if isinstance(self.metric, str) else _name(self.metric)
        shape = "" if self.sample_shape is None else f", sample_shape={self.sample_shape}"
        return (
            f"make_denoising_scorer({self.noise!r}, metric={metric}, "
            f"random_state={self.random_state}{shape})"
        )

    def _measure(self, clean: np.ndarray, denoised: np.ndarray) -> Any:
        if self.metric == "ssim":
            return ssim(clean, denoised, sample_shape=self.sample_shape)
        measure = _METRICS[self.metric] if isinstance(self.metric, str) else self.metric
        return measure(clean, denoised)


def clean_and_noisy(
    X: Any, y: Any, noise: NoiseInjector | None, random_state: int, owner: str
) -> tuple[np.ndarray, Any]:
    """Return the target and the input of an evaluation.

    With a noise, X is corrupted, and the target is y if it has X's shape, else X. Without
    one, X is noisy as it is, and y must be its target. A data frame is corrupted into a
    data frame, so that an estimator finds its feature names.
    """
    is_pair = y is not None and np.shape(y) == np.shape(X)
    clean = np.asarray(as_array(y if is_pair else X))
    if noise is not None:
        rowwise = noise if noise._mixes_rows else _RowwiseNoise(noise)
        noisy = rowwise.corrupt(as_array(X), random_state=random_state)
        return clean, _as_frame_like(X, noisy)
    if not is_pair:
        got = "no y" if y is None else f"y of shape {np.shape(y)}"
        raise ValueError(
            f"{owner} without noise needs pairs: X is noisy, and y is the clean target of X's "
            f"shape, {np.shape(X)}. Got {got}. If X is clean, say what to corrupt it with: "
            "noise=GaussianNoise(0.1)."
        )
    return clean, X


def _as_frame_like(X: Any, values: np.ndarray) -> Any:
    if hasattr(X, "iloc"):
        return type(X)(values, columns=X.columns, index=X.index)
    if hasattr(X, "columns"):
        return type(X)(values, schema=X.columns)
    return values


class _RowwiseNoise(NoiseInjector):
    """A noise that is seeded anew for every row, by the values of the row."""

    clip = None

    def __init__(self, noise):
        self.noise = noise

    def _corrupt(self, x: Tensor, level: None, generator: torch.Generator) -> Tensor:
        """Corrupt each row with a generator seeded by crc32(seed, row)."""
        seed = generator.initial_seed()
        noisy = torch.empty_like(x)
        for row, values, out in zip(x.split(1), x.numpy(), noisy.split(1), strict=True):
            generator.manual_seed(zlib.crc32(values, seed))
            out.copy_(self.noise.corrupt_batch(row, generator))
        return noisy

    def _read(self, X: Any, *, reset: bool = False) -> np.ndarray:
        return self.noise._read(X, reset=reset)


def _neg_mse(clean: np.ndarray, denoised: np.ndarray) -> float:
    """-MSE, of fractions of the full range for uint8 and uint16."""
    white = full_range(clean.dtype) or 1.0
    return -float(_mean_squared_errors(clean, denoised).mean()) / white**2


def _r2(clean: np.ndarray, denoised: np.ndarray) -> float:
    """1 - SS(clean - denoised) / SS(clean - mean), pooled over all values."""
    return r2_score(clean.ravel().astype(np.float64), denoised.ravel().astype(np.float64))


_METRICS: dict[str, Callable] = {"psnr": psnr, "neg_mse": _neg_mse, "r2": _r2}


def _mean_squared_errors(clean: np.ndarray, denoised: np.ndarray) -> np.ndarray:
    """MSE of each sample, without float64 copies of whole arrays."""
    errors = np.empty(len(clean))
    for rows in gen_batches(len(clean), _ROWS_AT_ONCE):
        difference = np.subtract(clean[rows], denoised[rows], dtype=np.float64)
        difference = difference.reshape(len(difference), -1)
        errors[rows] = np.einsum("ij,ij->i", difference, difference) / difference.shape[1]
    return errors


def _check_pair(clean: Any, denoised: Any, owner: str) -> tuple[np.ndarray, np.ndarray]:
    clean, denoised = (
        check_array(as_array(X), ensure_2d=False, allow_nd=True, input_name=name)
        for X, name in ((clean, "clean"), (denoised, "denoised"))
    )
    if clean.shape != denoised.shape:
        raise ValueError(
            f"{owner} compares arrays of one shape. Got clean of shape {clean.shape} and "
            f"denoised of shape {denoised.shape}."
        )
    return clean, denoised


def _check_data_range(data_range: float | None, dtype: np.dtype, owner: str) -> float:
    """Return the range given, or that of the dtype."""
    validate_parameter_constraints(
        {"data_range": [Interval(Real, 0, None, closed="neither"), None]},
        {"data_range": data_range},
        caller_name=owner,
    )
    if data_range is not None:
        return float(data_range)
    white = full_range(dtype)
    if white is not None:
        return white
    if dtype.kind in "iu":
        raise ValueError(
            f"The 'data_range' parameter of {owner} is needed for values of dtype {dtype}: "
            "pass the distance between the lowest and the highest possible value."
        )
    return 1.0


def _import_ssim(owner: str) -> Callable:
    module = import_optional("skimage.metrics", package="scikit-image", extra="images", owner=owner)
    return module.structural_similarity


def _name(function: Any) -> str:
    return getattr(function, "__name__", None) or repr(function)
