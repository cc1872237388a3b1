"""CellsDAE: learns encoded rows some of whose cells are unknown; the core of tables."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from os import PathLike
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from skdae._random import RandomState
from skdae._sklearn import Interval, StrOptions
from skdae.data import DataFormat, Samples, are_sizes
from skdae.estimators._attributes import Callbacks, Noise
from skdae.estimators._base import BaseDenoisingAutoencoder
from skdae.nn import ACTIVATIONS, NumberBins, TableAutoencoder
from skdae.tasks import Cells, Task
from skdae.training import CellLoss, Loss, OptimizerFactory, as_loss, cell_losses

__all__ = ["CellsDAE", "mean_of_known"]

# Parameters of the base that are not for encoded rows.
_NOT_FOR_ROWS = ("augment", "loss", "patch_size", "sample_shape", "self_supervised", "standardize")


class CellsDAE(BaseDenoisingAutoencoder):
    """Learn the cells of encoded rows from each other, where any cell may be unknown.

    :class:`DAEImputer` and :class:`TableDAE` encode tables and train this. Rows are float32: a
    number takes one value, a category one for each level, and an unknown cell is NaN in all of
    its values.

    Parameters
    ----------
    levels : tuple of int
        For each column of the table, the number of levels of a category, or 0 for a number.
    edges : tuple of tuple of float or None, default=None
        For each column, the edges of bins: see :class:`skdae.nn.NumberBins`. The net learns in
        which bin a number lies, beside the number itself. None makes no bins.
    owner : str, default="CellsDAE"
        The class that the user knows, for messages.
    hidden_layer_sizes : tuple of int, default=(256,)
        Widths of the layers between the input and the code; the decoder has them in reverse.
    latent_dim : int, default=32
        Width of the code.
    activation : {"relu", "elu", "gelu", "identity", "leaky_relu", "silu", "tanh"}, default="gelu"
        Activation after every layer but the last.
    linear_path : bool, default=False
        Whether a linear map of the inputs is added to the output. ``inverse_transform`` of codes
        is without it.
    moments : tuple of (mean, covariance) or None, default=None
        Of the rows, for stand-ins for unknown values: see :class:`skdae.nn.TableAutoencoder`.
    hidden : tuple of (low, high) or None, default=None
        Probabilities that a known cell is hidden from the net in training; each row of a batch
        draws one between the two. None hides none.
    compares_all : bool, default=True
        Whether training compares the output with all known cells, or with the hidden ones alone.
    noise : NoiseInjector or None, default=None
        What corrupts the rows before cells are hidden.
    optimizer, lr, lr_schedule, max_epochs, batch_size, validation_fraction, early_stopping, \
            n_iter_no_change, device, precision, callbacks, warm_start, checkpoint, random_state, \
            verbose : object
        As in :class:`DenseDAE`.
    """

    _may_read_lists = False
    _takes_unknown = True
    _returns_samples = False

    _parameter_constraints: ClassVar[dict] = {
        **{
            name: rules
            for name, rules in BaseDenoisingAutoencoder._parameter_constraints.items()
            if name not in _NOT_FOR_ROWS
        },
        "levels": [tuple],
        "edges": [tuple, None],
        "owner": [str],
        "hidden_layer_sizes": ["array-like"],
        "latent_dim": [Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "linear_path": ["boolean"],
        "moments": [tuple, None],
        "hidden": [tuple, None],
        "compares_all": ["boolean"],
    }

    def __init__(
        self,
        levels: tuple[int, ...],
        *,
        edges: tuple[tuple[float, ...], ...] | None = None,
        owner: str = "CellsDAE",
        hidden_layer_sizes: Sequence[int] = (256,),
        latent_dim: int = 32,
        activation: str = "gelu",
        linear_path: bool = False,
        moments: tuple[np.ndarray, np.ndarray] | None = None,
        hidden: tuple[float, float] | None = None,
        compares_all: bool = True,
        noise: Noise = None,
        optimizer: str | OptimizerFactory = "adamw",
        lr: float = 0.003,
        lr_schedule: str = "one_cycle",
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        validation_fraction: float = 0.1,
        early_stopping: bool = False,
        n_iter_no_change: int = 10,
        device: str = "auto",
        precision: str = "auto",
        callbacks: Callbacks = None,
        warm_start: bool = False,
        checkpoint: str | PathLike | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.levels = levels
        self.edges = edges
        self.owner = owner
        self.hidden_layer_sizes = hidden_layer_sizes
        self.latent_dim = latent_dim
        self.activation = activation
        self.linear_path = linear_path
        self.moments = moments
        self.hidden = hidden
        self.compares_all = compares_all
        self.noise = noise
        self.optimizer = optimizer
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.device = device
        self.precision = precision
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose

    def guess(self, X: ArrayLike) -> np.ndarray:
        """Return what the other cells of a row say of each cell, known or not.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_values)
            Encoded rows, NaN in unknown cells.

        Returns
        -------
        guesses : ndarray of shape (n_samples, n_outputs), float32
            A number for each number, and a probability for each level of a category and for each
            bin, which follow their number.
        """
        (rows,) = self._denoise(self._read(X))
        return _with_probabilities(rows, self._output_levels).numpy()

    def cell_losses(self, X: ArrayLike, target: ArrayLike | None = None) -> np.ndarray:
        """Return how far the output is from each cell.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_values)
            Encoded rows, NaN in unknown cells.
        target : array-like of shape (n_samples, n_values), default=None
            What the output is compared with; None is X.

        Returns
        -------
        losses : ndarray of shape (n_samples, n_columns), float32
            Squared errors of numbers and cross-entropies of categories, and of bins, which follow
            their number; NaN where the target is unknown.
        """
        samples = self._read(X)
        (rows,) = self._denoise(samples)
        read = samples if target is None else self._read(target)
        truth, bins = torch.from_numpy(read.parts[0]), self._bins
        truth = truth if bins is None else bins(truth)
        losses, known = cell_losses(rows, truth, self._output_levels)
        return losses.masked_fill(~known, torch.nan).numpy()

    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Return the negative mean loss of the known cells of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_values)
            Encoded rows, NaN in unknown cells.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64
            Lower is less like the training data; 0 where no cell is known.
        """
        return -mean_of_known(self.cell_losses(X).astype(np.float64))

    @property
    def _owner(self) -> str:
        return self.owner

    @property
    def _bins(self) -> NumberBins | None:
        return None if self.edges is None else NumberBins(self.levels, self.edges)

    @property
    def _output_levels(self) -> tuple[int, ...]:
        """Of the columns that the net returns: bins are categories of their own."""
        bins = self._bins
        return self.levels if bins is None else bins.levels

    def _denoise(self, samples: Samples) -> list[Tensor]:
        n_outputs = sum(max(1, n_levels) for n_levels in self._output_levels)
        return self._apply("denoise", *samples.batches(), n_outputs=n_outputs)

    def _build_module(self, sample_shape: tuple[int, ...]) -> TableAutoencoder:
        sizes = list(self.hidden_layer_sizes)
        if not are_sizes(sizes):
            raise ValueError(
                f"The 'hidden_layer_sizes' parameter of {self._owner} must be a tuple of ints > 0. "
                f"Got {self.hidden_layer_sizes!r} instead."
            )
        return TableAutoencoder(
            sample_shape,
            levels=self.levels,
            edges=self.edges,
            hidden_layer_sizes=sizes,
            latent_dim=self.latent_dim,
            activation=self.activation,
            linear_path=self.linear_path,
            moments=self.moments,
        )

    def _as_loss(self) -> Loss:
        return as_loss(CellLoss(self._output_levels, self._bins))

    def _as_cells(self) -> Cells:
        widths = tuple(max(1, n_levels) for n_levels in self.levels)
        return Cells(widths, self.hidden, bool(self.compares_all))

    def _look_at(self, task: Task, loss: Loss) -> None:
        """Build the net: rows come scaled, and unknown values have no range to warn of."""
        samples = task.samples
        highest = float(np.fmax.reduce(samples.parts[0], axis=None, initial=0))
        self._start(
            DataFormat(samples.shape[1:], samples.sample_shape, samples.dtype.name, highest)
        )


def mean_of_known(losses: np.ndarray) -> np.ndarray:
    """Return the mean loss of the known cells of each row, 0 where none is; NaN is unknown."""
    n_known = np.isfinite(losses).sum(axis=1)
    return np.nansum(losses, axis=1) / np.maximum(n_known, 1)


def _with_probabilities(output: Tensor, levels: tuple[int, ...]) -> Tensor:
    """Return a copy of an output, with probabilities instead of the logits of each category."""
    result = output.clone()
    start = 0
    for n_levels in levels:
        if n_levels:
            part = slice(start, start + n_levels)
            result[:, part] = output[:, part].softmax(dim=1)
        start += max(1, n_levels)
    return result
