"""Plots of samples: clean, noisy and denoised."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skdae._checks import Data, as_array
from skdae._optional import import_optional
from skdae._sklearn import Interval, validate_parameter_constraints
from skdae.data import infer_sample_shape, is_list_of_samples, read_list, same_sides
from skdae.metrics import psnr
from skdae.metrics._quality import Arrays
from skdae.metrics._scorer import clean_and_noisy, skip_steps_before_noise
from skdae.noise import NoiseInjector
from skdae.plotting._last_step import last_step

__all__ = ["DenoisingDisplay"]

_ROWS = ("clean", "noisy", "denoised")
_LABEL_SIZE, _SMALL_SIZE, _TICK_SIZE = 10, 9, 7
_PARAMETERS = {
    "noise": [NoiseInjector, None],
    "random_state": [Interval(Integral, 0, 2**32 - 1, closed="both")],
    "n_samples": [Interval(Integral, 1, None, closed="left")],
}


class DenoisingDisplay:
    """Pictures of samples: clean, noisy and denoised, one below the other.

    Each sample has a column, with the PSNR under its noisy and its denoised picture. Images are
    shown as images, gray or in colour, and all other samples as curves. Make it with
    :meth:`from_estimator` or :meth:`from_predictions`. Needs matplotlib:
    ``pip install skdae[plot]``.

    Parameters
    ----------
    clean : ndarray of shape (n_samples, ...), or list of ndarray
        The truth. A list holds images or signals of different sizes.
    noisy : ndarray of clean's shape
        What the estimator was given.
    denoised : ndarray of clean's shape
        What the estimator gave back.
    sample_shape : tuple of int or None, default=None
        What a flat row is: ``(height, width)``, ``(height, width, channels)``,
        ``(length,)`` or ``(length, channels)``. None reads a square number of columns as
        an image, and any other as a signal.
    data_range : float or None, default=None
        Distance between the lowest and the highest value the data can have, for the PSNR.
        None takes the full range of ``uint8`` and ``uint16``, and 1 for floats.

    Attributes
    ----------
    axes_ : ndarray of shape (3, n_samples), of matplotlib Axes
        One for each picture; the rows are clean, noisy and denoised.
    figure_ : matplotlib Figure
        The figure they are in.

    See Also
    --------
    LossCurveDisplay : The losses of the epochs.
    psnr : The number under the samples.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skdae import DenoisingDisplay, GaussianNoise
    >>> from skdae.datasets import load_digits
    >>> from sklearn.cross_decomposition import PLSRegression
    >>> X, _ = load_digits()
    >>> X = X.reshape(len(X), -1)
    >>> X_noisy = GaussianNoise(0.4).corrupt(X, random_state=1)
    >>> linear = PLSRegression(n_components=20).fit(X_noisy[:900], X[:900])
    >>> noise = GaussianNoise(0.4)
    >>> display = DenoisingDisplay.from_estimator(linear, X[900:], noise=noise)
    >>> display.axes_.shape
    (3, 8)
    >>> display.axes_[1, 0].get_xlabel(), display.axes_[2, 0].get_xlabel()
    ('9.5 dB', '14.6 dB')
    >>> plt.show()
    """

    def __init__(
        self,
        clean: Arrays,
        noisy: Arrays,
        denoised: Arrays,
        *,
        sample_shape: tuple[int, ...] | None = None,
        data_range: float | None = None,
    ) -> None:
        self.clean = clean
        self.noisy = noisy
        self.denoised = denoised
        self.sample_shape = sample_shape
        self.data_range = data_range

    def plot(self, axes: ArrayLike | None = None, *, cmap: object = "gray") -> Self:
        """Draw the samples.

        Parameters
        ----------
        axes : array-like of shape (3, n_samples), of matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        cmap : str or matplotlib Colormap, default="gray"
            Colours of gray images.

        Returns
        -------
        display : DenoisingDisplay
            The display itself.

        Notes
        -----
        The pictures of an image share one scale: the lowest value of the clean sample is black,
        the highest white. All curves share one scale.
        Images of 2 or more than 4 channels are shown as the mean of their channels.
        """
        pyplot = import_optional(
            "matplotlib.pyplot", package="matplotlib", extra="plot", owner="DenoisingDisplay.plot"
        )
        rows = [self.clean, self.noisy, self.denoised]
        shapes = [_shapes_of(samples) for samples in rows]
        if not shapes[0] == shapes[1] == shapes[2]:
            got = ", ".join(f"{k} {v}" for k, v in zip(_ROWS, shapes, strict=True))
            raise ValueError(f"DenoisingDisplay shows arrays of one shape. Got {got}.")
        samples = [_with_channels(row, self.sample_shape) for row in rows]
        shape = samples[0][0].shape
        decibels = [
            psnr(self.clean, row, data_range=self.data_range, per_sample=True) for row in rows[1:]
        ]
        n_samples = len(samples[0])
        if axes is None:
            _, axes = pyplot.subplots(
                len(_ROWS),
                n_samples,
                figsize=_figure_size(shape, n_samples),
                squeeze=False,
                layout="constrained",
            )
        axes = _check_axes(axes, n_samples)
        if len(shape) == 3:
            _draw_images(axes, samples, cmap)
        else:
            _draw_signals(axes, samples)
        for ax, name in zip(axes[:, 0], _ROWS, strict=True):
            ax.set_ylabel(name, fontsize=_LABEL_SIZE)
        for ax, value in zip(axes[1:].flat, np.array(decibels).flat, strict=True):
            ax.set_xlabel("∞ dB" if np.isinf(value) else f"{value:.1f} dB", fontsize=_SMALL_SIZE)
        self.axes_ = axes
        self.figure_ = axes[0, 0].figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Data,
        y: Data = None,
        *,
        noise: NoiseInjector | None = None,
        random_state: int = 0,
        n_samples: int = 8,
        sample_shape: tuple[int, ...] | None = None,
        data_range: float | None = None,
        axes: ArrayLike | None = None,
        cmap: object = "gray",
    ) -> Self:
        """Draw samples with what an estimator makes of them, corrupted first if they are clean.

        Parameters
        ----------
        estimator : object
            Fitted estimator or pipeline that denoises with ``predict``.
        X : array-like of shape (n_samples, ...)
            Clean data if there is a noise, else noisy data.
        y : array-like or None, default=None
            Clean target if it has X's shape. Anything else is ignored if there is a noise
            (X is the target then), and an error otherwise.
        noise : NoiseInjector or None, default=None
            What corrupts X. None takes X as noisy.
        random_state : int, default=0
            Seed of the noise. The same seed gives a row the same noise as in
            :func:`make_denoising_scorer`.
        n_samples : int, default=8
            How many samples to show, from the first one on.
        sample_shape : tuple of int or None, default=None
            What a flat row is. None asks the estimator (its ``sample_shape_``), and
            otherwise reads a square number of columns as an image, any other as a signal.
        data_range : float or None, default=None
            Distance between the lowest and the highest value the data can have, for the
            PSNR. None takes the full range of ``uint8`` and ``uint16``, and 1 for floats.
        axes : array-like of shape (3, n_samples), of matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        cmap : str or matplotlib Colormap, default="gray"
            Colours of gray images.

        Returns
        -------
        display : DenoisingDisplay
            The display, drawn.
        """
        owner = "DenoisingDisplay.from_estimator"
        _check_parameters(owner, noise=noise, random_state=random_state, n_samples=n_samples)
        if noise is None or not noise._mixes_rows:
            X, y = X[:n_samples], y if y is None else y[:n_samples]
        estimator, X, y = skip_steps_before_noise(estimator, X, y)
        clean, noisy = clean_and_noisy(X, y, noise, random_state, owner)
        clean, noisy = clean[:n_samples], noisy[:n_samples]
        if sample_shape is None:
            sample_shape = _sample_shape_of(estimator, np.shape(clean[0]))
        return cls.from_predictions(
            clean,
            noisy,
            estimator.predict(noisy),
            n_samples=n_samples,
            sample_shape=sample_shape,
            data_range=data_range,
            axes=axes,
            cmap=cmap,
        )

    @classmethod
    def from_predictions(
        cls,
        clean: Data,
        noisy: Data,
        denoised: Data,
        *,
        n_samples: int = 8,
        sample_shape: tuple[int, ...] | None = None,
        data_range: float | None = None,
        axes: ArrayLike | None = None,
        cmap: object = "gray",
    ) -> Self:
        """Draw clean, noisy and denoised samples that you have already.

        Parameters
        ----------
        clean : array-like of shape (n_samples, ...)
            The truth.
        noisy : array-like of clean's shape
            What the estimator was given.
        denoised : array-like of clean's shape
            What the estimator gave back.
        n_samples : int, default=8
            How many samples to show, from the first one on.
        sample_shape : tuple of int or None, default=None
            What a flat row is. None reads a square number of columns as an image, and any
            other as a signal.
        data_range : float or None, default=None
            Distance between the lowest and the highest value the data can have, for the
            PSNR. None takes the full range of ``uint8`` and ``uint16``, and 1 for floats.
        axes : array-like of shape (3, n_samples), of matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        cmap : str or matplotlib Colormap, default="gray"
            Colours of gray images.

        Returns
        -------
        display : DenoisingDisplay
            The display, drawn.
        """
        _check_parameters("DenoisingDisplay.from_predictions", n_samples=n_samples)
        first = [
            rows[:n_samples] if is_list_of_samples(rows) else np.asarray(as_array(rows))[:n_samples]
            for rows in (clean, noisy, denoised)
        ]
        display = cls(*first, sample_shape=sample_shape, data_range=data_range)
        return display.plot(axes, cmap=cmap)


# ---------------------------------------------------------------------- drawing
def _draw_images(axes: np.ndarray, samples: list[list[np.ndarray]], cmap: object) -> None:
    for column, images in enumerate(zip(*samples, strict=True)):
        low, high = _gray_levels(images)
        for ax, image in zip(axes[:, column], images, strict=True):
            if image.shape[-1] in (3, 4):
                scaled = (image.astype(np.float64) - low) / (high - low)
                ax.imshow(scaled.clip(0, 1))
            else:
                ax.imshow(image.mean(axis=-1), cmap=cmap, vmin=low, vmax=high)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)


def _gray_levels(images: Sequence[np.ndarray]) -> tuple[float, float]:
    """Lowest and highest value of the clean image, or of all three if it is constant."""
    for shown in (images[0], np.stack(images)):
        low, high = float(shown.min()), float(shown.max())
        if low < high:
            return low, high
    return low, low + 1


def _draw_signals(axes: np.ndarray, samples: list[list[np.ndarray]]) -> None:
    low = min(float(signal.min()) for signals in samples for signal in signals)
    high = max(float(signal.max()) for signals in samples for signal in signals)
    margin = 0.05 * (high - low) or 1
    for (row, column), ax in np.ndenumerate(axes):
        length = len(samples[row][column])
        ax.plot(samples[row][column], linewidth=1.2 if length <= 200 else 0.8)
        ax.set(xlim=(0, max(length - 1, 1)), ylim=(low - margin, high + margin))
        ax.spines[["top", "right"]].set_visible(False)
        is_last = row == len(axes) - 1
        ax.tick_params(labelsize=_TICK_SIZE, labelbottom=is_last, labelleft=column == 0)


def _figure_size(shape: tuple[int, ...], n_samples: int) -> tuple[float, float]:
    """Size in inches: cells of an image's proportions, or wide ones for curves."""
    if len(shape) == 2:
        return 0.6 + 2.2 * n_samples, 4.2
    height, width = shape[:2]
    side = 1.25
    cell_width = side * min(max(math.sqrt(width / height), 0.5), 2)
    return 0.4 + cell_width * n_samples, len(_ROWS) * (cell_width * height / width + 0.22)


# ---------------------------------------------------------------------- reading
def _check_parameters(owner: str, **params: object) -> None:
    validate_parameter_constraints(_PARAMETERS, params, caller_name=owner)


def _check_axes(axes: ArrayLike, n_samples: int) -> np.ndarray:
    axes = np.asarray(axes, dtype=object)
    if axes.size == len(_ROWS) * n_samples and axes.shape[:1] == (len(_ROWS),):
        return axes.reshape(len(_ROWS), n_samples)
    raise ValueError(
        f"The 'axes' parameter of DenoisingDisplay must have shape ({len(_ROWS)}, {n_samples}): "
        f"a row each for {', '.join(_ROWS)}, a column for each sample. Got {axes.shape} instead."
    )


def _sample_shape_of(estimator: BaseEstimator, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the estimator's sample shape if it describes the data and is not just a row."""
    fitted = getattr(last_step(estimator), "sample_shape_", None)
    if fitted is None or len(fitted) == 1 or math.prod(fitted) != math.prod(shape):
        return None
    return fitted if len(shape) == 1 or same_sides(fitted, shape) else None


def _shapes_of(samples: Arrays) -> tuple[int, ...] | list[tuple[int, ...]]:
    """Return the shape of an array, or those of the samples of a list."""
    return [np.shape(x) for x in samples] if is_list_of_samples(samples) else np.shape(samples)


def _with_channels(samples: Arrays, sample_shape: tuple[int, ...] | None) -> list[np.ndarray]:
    """Give samples their axes, channels last."""
    owner = "DenoisingDisplay"
    if is_list_of_samples(samples):
        return read_list(list(samples), owner, sample_shape=sample_shape)
    array = np.asarray(samples)
    shape = infer_sample_shape(array.shape[1:], sample_shape, owner, flat=False)
    return list(array.reshape(-1, *shape))
