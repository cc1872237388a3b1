"""Plots of the errors of an outlier detector: which cells and pixels are odd."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skdae._checks import Data, as_array
from skdae._optional import import_optional
from skdae._sklearn import Interval, validate_parameter_constraints
from skdae.data import infer_sample_shape
from skdae.plotting._last_step import last_step

__all__ = ["FeatureErrorsDisplay"]

_LABEL_SIZE, _TICK_SIZE = 9, 7
_MOST_LABELS = 60
_BAR = "error, in usual errors"
_PARAMETERS = {"n_samples": [Interval(Integral, 1, None, closed="left")]}


class FeatureErrorsDisplay:
    """Pictures of where samples are odd: a heat map of a table, marks on images and signals.

    A table is one picture, with a row for each sample and a column for each feature. Of images,
    each has a picture, in gray, with its odd pixels in colour; a signal is a curve on a ground of
    that colour. Make it with :meth:`from_estimator` or :meth:`from_predictions`. Needs
    matplotlib: ``pip install skdae[plot]``.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, ...)
        The samples. Of a table, only their number matters.
    errors : ndarray of the shape of samples
        What ``feature_errors`` gives: 1 is the usual error of a value, larger is odd.
    sample_shape : tuple of int or None, default=None
        What a flat row is: ``(height, width)``, ``(height, width, channels)``, or
        ``(length, channels)``. None reads flat rows as a table.
    feature_names : sequence of str or None, default=None
        Names of the columns of a table. None numbers them.
    sample_names : sequence of str or None, default=None
        Names of the samples. None numbers them.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One for a table; else one for each sample.
    figure_ : matplotlib Figure
        The figure they are in.

    See Also
    --------
    DAEOutlierDetector : Gives the errors.
    DenoisingDisplay : Pictures of clean, noisy and denoised samples.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from skdae import FeatureErrorsDisplay
    >>> errors = np.ones((3, 4))
    >>> errors[1, 2] = 7
    >>> display = FeatureErrorsDisplay.from_predictions(
    ...     np.zeros((3, 4)),
    ...     errors,
    ...     feature_names=["age", "height", "weight", "pulse"],
    ... )
    >>> display.axes_.shape
    (1,)
    >>> plt.show()
    """

    def __init__(
        self,
        samples: np.ndarray,
        errors: np.ndarray,
        *,
        sample_shape: tuple[int, ...] | None = None,
        feature_names: Sequence[str] | None = None,
        sample_names: Sequence[str] | None = None,
    ) -> None:
        self.samples = samples
        self.errors = errors
        self.sample_shape = sample_shape
        self.feature_names = feature_names
        self.sample_names = sample_names

    def plot(
        self, axes: ArrayLike | None = None, *, cmap: object = "YlOrRd", vmax: float | None = None
    ) -> Self:
        """Draw the samples and their errors.

        Parameters
        ----------
        axes : matplotlib Axes or array-like of them, default=None
            Where to draw: one for a table, else one for each sample. None makes a new figure.
        cmap : str or matplotlib Colormap, default="YlOrRd"
            Colours of the errors, from usual to odd.
        vmax : float or None, default=None
            The error with the last colour. None takes the largest of those that are shown, and
            at least 4, so that samples without odd values stay pale.

        Returns
        -------
        display : FeatureErrorsDisplay
            The display itself.
        """
        pyplot = import_optional(
            "matplotlib.pyplot",
            package="matplotlib",
            extra="plot",
            owner="FeatureErrorsDisplay.plot",
        )
        samples, errors = np.asarray(self.samples), np.asarray(self.errors)
        if samples.shape != errors.shape:
            raise ValueError(
                "FeatureErrorsDisplay shows errors of the shape of the samples. Got samples of "
                f"shape {samples.shape} and errors of shape {errors.shape}."
            )
        owner = "FeatureErrorsDisplay"
        shape = infer_sample_shape(samples.shape[1:], self.sample_shape, owner, flat=True)
        n_axes = 1 if len(shape) == 1 else len(samples)
        if axes is None:
            columns = min(n_axes, 8)
            rows = math.ceil(n_axes / columns)
            _, axes = pyplot.subplots(
                rows, columns, figsize=_figure_size(shape, len(samples)), layout="constrained"
            )
            for ax in np.ravel(axes)[n_axes:]:
                ax.set_visible(False)
            axes = np.ravel(axes)[:n_axes]
        self.axes_ = _check_axes(axes, n_axes)
        names = _names(self.sample_names, len(samples), "sample_names")
        vmax = max(4.0, float(errors.max())) if vmax is None else vmax
        colours = {"cmap": cmap, "vmin": 1.0, "vmax": vmax}
        if len(shape) == 1:
            columns_names = _names(self.feature_names, shape[0], "feature_names")
            shown = _draw_table(self.axes_[0], errors, names, columns_names, colours)
        else:
            draw = _draw_image if len(shape) == 3 else _draw_signal
            for ax, x, error, name in zip(
                self.axes_,
                samples.reshape(-1, *shape),
                errors.reshape(-1, *shape),
                names,
                strict=True,
            ):
                shown = draw(ax, x, error.max(axis=-1), colours)
                ax.set_title(name, fontsize=_LABEL_SIZE)
        self.figure_ = self.axes_[0].figure
        bar = self.figure_.colorbar(shown, ax=list(self.axes_), shrink=0.9, pad=0.01)
        bar.set_label(_BAR, fontsize=_LABEL_SIZE)
        bar.ax.tick_params(labelsize=_TICK_SIZE)
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Data,
        *,
        n_samples: int = 8,
        feature_names: Sequence[str] | None = None,
        sample_names: Sequence[str] | None = None,
        axes: ArrayLike | None = None,
        cmap: object = "YlOrRd",
        vmax: float | None = None,
    ) -> Self:
        """Draw the errors that a fitted detector finds in samples.

        Parameters
        ----------
        estimator : DAEOutlierDetector
            A fitted detector.
        X : array-like of shape (n_samples, ...)
            Samples, as in its ``fit``.
        n_samples : int, default=8
            How many samples to show, from the first one on.
        feature_names : sequence of str or None, default=None
            Names of the columns of a table. None takes those of X, or the numbers.
        sample_names : sequence of str or None, default=None
            Names of the samples. None numbers them.
        axes : matplotlib Axes or array-like of them, default=None
            Where to draw: one for a table, else one for each sample. None makes a new figure.
        cmap : str or matplotlib Colormap, default="YlOrRd"
            Colours of the errors, from usual to odd.
        vmax : float or None, default=None
            The error with the last colour. None takes the largest of those that are shown, and
            at least 4, so that samples without odd values stay pale.

        Returns
        -------
        display : FeatureErrorsDisplay
            The display, drawn.
        """
        validate_parameter_constraints(
            _PARAMETERS, {"n_samples": n_samples}, caller_name="FeatureErrorsDisplay.from_estimator"
        )
        X = X[:n_samples]
        errors = estimator.feature_errors(X)
        shape = last_step(estimator).sample_shape_
        if feature_names is None and hasattr(X, "columns"):
            feature_names = [str(name) for name in X.columns]
        return cls.from_predictions(
            X,
            errors,
            n_samples=n_samples,
            sample_shape=shape,
            feature_names=feature_names,
            sample_names=sample_names,
            axes=axes,
            cmap=cmap,
            vmax=vmax,
        )

    @classmethod
    def from_predictions(
        cls,
        samples: Data,
        errors: ArrayLike,
        *,
        n_samples: int = 8,
        sample_shape: tuple[int, ...] | None = None,
        feature_names: Sequence[str] | None = None,
        sample_names: Sequence[str] | None = None,
        axes: ArrayLike | None = None,
        cmap: object = "YlOrRd",
        vmax: float | None = None,
    ) -> Self:
        """Draw errors that you have already.

        Parameters
        ----------
        samples : array-like of shape (n_samples, ...)
            The samples.
        errors : array-like of the shape of samples
            Their errors: 1 is usual, larger is odd.
        n_samples : int, default=8
            How many samples to show, from the first one on.
        sample_shape : tuple of int or None, default=None
            What a flat row is. None reads flat rows as a table.
        feature_names : sequence of str or None, default=None
            Names of the columns of a table. None numbers them.
        sample_names : sequence of str or None, default=None
            Names of the samples. None numbers them.
        axes : matplotlib Axes or array-like of them, default=None
            Where to draw: one for a table, else one for each sample. None makes a new figure.
        cmap : str or matplotlib Colormap, default="YlOrRd"
            Colours of the errors, from usual to odd.
        vmax : float or None, default=None
            The error with the last colour. None takes the largest of those that are shown, and
            at least 4, so that samples without odd values stay pale.

        Returns
        -------
        display : FeatureErrorsDisplay
            The display, drawn.
        """
        validate_parameter_constraints(
            _PARAMETERS,
            {"n_samples": n_samples},
            caller_name="FeatureErrorsDisplay.from_predictions",
        )
        display = cls(
            np.asarray(as_array(samples))[:n_samples],
            np.asarray(errors)[:n_samples],
            sample_shape=sample_shape,
            feature_names=feature_names,
            sample_names=None if sample_names is None else list(sample_names)[:n_samples],
        )
        return display.plot(axes, cmap=cmap, vmax=vmax)


# ---------------------------------------------------------------------- drawing
def _draw_table(
    ax: Any, errors: np.ndarray, rows: list[str], columns: list[str], colours: dict
) -> Any:
    shown = ax.imshow(errors, aspect="auto", interpolation="nearest", **colours)
    for axis, names in ((ax.xaxis, columns), (ax.yaxis, rows)):
        step = math.ceil(len(names) / _MOST_LABELS)
        axis.set_ticks(range(0, len(names), step), names[::step], fontsize=_TICK_SIZE)
    if max(map(len, columns)) > 2:
        ax.tick_params(axis="x", rotation=90)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return shown


def _draw_image(ax: Any, image: np.ndarray, error: np.ndarray, colours: dict) -> Any:
    """Draw the image, and its errors over it: the larger an error, the less it lets through.

    Black is drawn in a middle gray, on which all colours can be seen.
    """
    gray = image.astype(np.float64).mean(axis=-1)
    low, high = float(gray.min()), float(gray.max())
    ax.imshow(gray, cmap="gray", vmin=low - 0.8 * ((high - low) or 1), vmax=high)
    strength = (error - colours["vmin"]) / (colours["vmax"] - colours["vmin"])
    shown = ax.imshow(error, alpha=strength.clip(0, 1), **colours)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return shown


def _draw_signal(ax: Any, signal: np.ndarray, error: np.ndarray, colours: dict) -> Any:
    low, high = float(signal.min()), float(signal.max())
    margin = 0.05 * (high - low) or 1
    box = (-0.5, len(signal) - 0.5, low - margin, high + margin)
    shown = ax.imshow(error[np.newaxis], aspect="auto", extent=box, alpha=0.7, **colours)
    ax.plot(signal, linewidth=1, color="black")
    ax.set(xlim=box[:2], ylim=box[2:])
    ax.tick_params(labelsize=_TICK_SIZE)
    return shown


def _figure_size(shape: tuple[int, ...], n_samples: int) -> tuple[float, float]:
    """Size in inches."""
    if len(shape) == 1:
        return (
            min(3 + 0.25 * min(shape[0], _MOST_LABELS), 16),
            min(1.8 + 0.22 * n_samples, 14),
        )
    columns = min(n_samples, 8)
    rows = math.ceil(n_samples / columns)
    width, height = (1.5, 1.5 * shape[0] / shape[1]) if len(shape) == 3 else (2.2, 1.6)
    return 0.9 + width * columns, rows * (min(height, 4) + 0.3)


def _check_axes(axes: Any, n_axes: int) -> np.ndarray:
    axes = np.ravel(np.asarray(axes, dtype=object))
    if len(axes) != n_axes:
        raise ValueError(
            f"The 'axes' parameter of FeatureErrorsDisplay must hold {n_axes} Axes: one for a "
            f"table, else one for each sample. Got {len(axes)}."
        )
    return axes


def _names(names: Sequence[str] | None, n: int, parameter: str) -> list[str]:
    if names is None:
        return [str(i) for i in range(n)]
    if len(names) != n:
        raise ValueError(
            f"The '{parameter}' parameter of FeatureErrorsDisplay must have {n} names. Got "
            f"{len(names)}."
        )
    return [str(name) for name in names]
