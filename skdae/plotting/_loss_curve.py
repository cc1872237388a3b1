"""The losses of a training as curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skdae._optional import import_optional
from skdae.plotting._last_step import last_step
from skdae.training import LOSSES, as_loss

__all__ = ["LossCurveDisplay"]


class LossCurveDisplay:
    """Curves of the training and the validation loss.

    They show whether training was too short (both still fall), too long (the validation
    loss rises again) or unstable. Make it with :meth:`from_estimator`. Needs matplotlib:
    ``pip install skdae[plot]``.

    Parameters
    ----------
    loss_curve : sequence of float
        Training loss of each epoch.
    validation_loss_curve : sequence of float or None, default=None
        Validation loss of each epoch. None or empty if there was no validation.
    loss_name : str, default="loss"
        Name of the loss, the label of the axis.

    Attributes
    ----------
    best_epoch_ : int or None
        Epoch of the lowest validation loss, from 1 on; None without validation.
    ax_ : matplotlib Axes
        Where the curves are.
    figure_ : matplotlib Figure
        The figure it is in.

    See Also
    --------
    DenoisingDisplay : The denoised samples.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skdae import LossCurveDisplay
    >>> display = LossCurveDisplay([0.9, 0.5, 0.3], [0.8, 0.4, 0.5]).plot()
    >>> display.best_epoch_
    2
    >>> plt.show()
    """

    def __init__(
        self,
        loss_curve: Sequence[float],
        validation_loss_curve: Sequence[float] | None = None,
        *,
        loss_name: str = "loss",
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_loss_curve = validation_loss_curve
        self.loss_name = loss_name

    def plot(self, ax: Any = None, *, log_scale: bool = False) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        log_scale : bool, default=False
            Whether the axis of the loss is logarithmic, which shows late progress.

        Returns
        -------
        display : LossCurveDisplay
            The display itself.
        """
        pyplot = import_optional(
            "matplotlib.pyplot", package="matplotlib", extra="plot", owner="LossCurveDisplay.plot"
        )
        if ax is None:
            _, ax = pyplot.subplots(layout="constrained")
        self.best_epoch_ = None
        _draw_curve(ax, self.loss_curve, "training")
        if self.validation_loss_curve is not None and len(self.validation_loss_curve):
            line = _draw_curve(ax, self.validation_loss_curve, "validation")
            best = int(np.nanargmin(self.validation_loss_curve))
            self.best_epoch_ = best + 1
            ax.plot(
                self.best_epoch_,
                self.validation_loss_curve[best],
                marker="o",
                markersize=8,
                linestyle="none",
                color=line.get_color(),
                markeredgecolor="white",
                zorder=line.get_zorder() + 1,
                label=f"best epoch: {self.best_epoch_}",
            )
        if log_scale:
            ax.set_yscale("log")
        ax.set(xlabel="epoch", ylabel=self.loss_name)
        ax.xaxis.set_major_locator(pyplot.MaxNLocator(integer=True, min_n_ticks=1))
        if self.best_epoch_ is not None:
            ax.legend(frameon=False)
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

    @classmethod
    def from_estimator(
        cls, estimator: BaseEstimator, *, ax: Any = None, log_scale: bool = False
    ) -> Self:
        """Draw the curves of a fitted estimator.

        Parameters
        ----------
        estimator : object
            Fitted estimator with a ``loss_curve_``, a pipeline that ends in one, or a search
            whose best estimator is one.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        log_scale : bool, default=False
            Whether the axis of the loss is logarithmic, which shows late progress.

        Returns
        -------
        display : LossCurveDisplay
            The display, drawn.
        """
        last = last_step(estimator)
        check_is_fitted(last)
        if not hasattr(last, "loss_curve_"):
            raise ValueError(
                "LossCurveDisplay.from_estimator needs a fitted estimator with a loss_curve_, or "
                f"a pipeline that ends in one. Got {type(last).__name__}. Of a longer pipeline, "
                "pass the step itself: pipe['dae']."
            )
        display = cls(
            last.loss_curve_,
            getattr(last, "validation_loss_curve_", None),
            loss_name=_loss_name(getattr(last, "loss", "loss")),
        )
        return display.plot(ax, log_scale=log_scale)


def _draw_curve(ax: Any, losses: Sequence[float], label: str) -> Any:
    marker = "o" if len(losses) == 1 else None
    (line,) = ax.plot(range(1, len(losses) + 1), losses, marker=marker, label=label)
    return line


def _loss_name(loss: str | Callable) -> str:
    return as_loss(loss).label if callable(loss) or loss in LOSSES else str(loss).replace("_", " ")
