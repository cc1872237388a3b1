"""The base of all tasks, and what they are made from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils import gen_batches
from torch import Tensor

from skdae._checks import Data
from skdae.data import Samples, full_range, to_channels_first
from skdae.noise import NOISES, NoiseInjector
from skdae.noise._corrupted import ListOrigin, Origin
from skdae.training import Criterion

__all__ = ["Batch", "Cells", "Given", "Task"]

Batch = tuple[Tensor, Tensor] | tuple[Tensor, Tensor, Tensor]
"""Input, target and, where only some values are compared, their places."""

_COMPARED_AT_ONCE = 2**20


@dataclass(frozen=True)
class Cells:
    """The cells of encoded rows, and what training does with them.

    Attributes
    ----------
    widths : tuple of int
        How many values of a row make each cell, which are hidden together.
    hidden : tuple of (low, high) or None
        Probabilities that a cell is hidden from the net; a row draws one between the two. None
        hides none.
    compares_all : bool
        Whether the output is compared with all known cells, or with the hidden ones alone.
    """

    widths: tuple[int, ...]
    hidden: tuple[float, float] | None
    compares_all: bool


@dataclass(frozen=True)
class Given:
    """What a fit is given to learn from.

    Attributes
    ----------
    owner : str
        Name of the estimator, for the messages.
    X, y : array-like
        The data as they came.
    samples, target : Samples, or None
        The same, read; the target is None where y is None or labels.
    origin : Origin, ListOrigin or None
        Which noise step made X, and of what.
    read_clean : callable (clean) -> Samples
        Reads the clean values of the origin as ``samples`` were read.
    sample_shape : tuple of int
        Shape of a sample, or of a patch, channels last.
    starts_anew : bool
        Whether this is a first fit, which looks at the level of the noise.
    noise, loss, early_stopping : object
        The parameters of the estimator.
    cells : Cells or None, default=None
        Those of a table whose cells may be unknown; other samples have none.
    """

    owner: str
    X: Data
    y: Data
    samples: Samples
    target: Samples | None
    origin: Origin | ListOrigin | None
    read_clean: Callable[[Data], Samples]
    sample_shape: tuple[int, ...]
    starts_anew: bool
    noise: NoiseInjector | str | None
    loss: str | Criterion
    early_stopping: bool
    cells: Cells | None = None

    def has_target_of_its_own(self) -> bool:
        """Whether the targets are other values than those that a noise step corrupted."""
        if self.target is None:
            return False
        return self.clean is None or not same_values(self.target, self.clean)

    @cached_property
    def clean(self) -> Samples | None:
        """The values behind an X that comes as a noise step made it."""
        if self.origin is None or not self.origin.is_that_of(self.X):
            return None
        return self.read_clean(self.origin.clean)

    def new_noise(self) -> NoiseInjector | None:
        """Return the noise that the parameter stands for; None for "auto"."""
        if self.noise is None or self.noise == "auto":
            return None
        return NOISES[self.noise]() if isinstance(self.noise, str) else clone(self.noise)

    def fitted(self, noise: NoiseInjector | None) -> NoiseInjector | None:
        """Fit a noise to the rows; where training goes on, its level was looked at before."""
        if noise is not None:
            noise._fit_checked(self.samples.rows, warns=self.starts_anew)
        return noise


@dataclass(frozen=True)
class Task(ABC):
    """A way of learning: what is corrupted, and what the output is compared with.

    Attributes
    ----------
    samples : Samples
        The inputs before the noise, which later steps of a pipeline see encoded.
    target : Samples or None
        What the outputs should be; None is the samples themselves.
    noise : NoiseInjector or None
        What corrupts the rows of each batch.
    weights : ndarray of shape (n_samples,) or None, default=None
        How much each sample counts; None counts all the same.
    validation : Task or None, default=None
        Samples of the user that an epoch is judged by. None sets some of ``samples`` aside, if any
        are needed.
    """

    samples: Samples
    target: Samples | None
    noise: NoiseInjector | None
    weights: np.ndarray | None = field(default=None, kw_only=True)
    validation: Task | None = field(default=None, kw_only=True)

    # Whether patches may go on as their mirror image, which shows a value's noise twice.
    allows_mirrors: ClassVar[bool] = True

    @classmethod
    @abstractmethod
    def of(cls, given: Given) -> Task:
        """Return the task for what a fit is given.

        Raises
        ------
        ValueError
            If it does not go with the samples or the parameters.
        """

    @property
    def is_repeatable(self) -> bool:
        """Whether each batch takes the same operations on the device."""
        return self.noise is None or self.noise._is_repeatable()

    def make_batch(
        self,
        rows: Tensor,
        target: Tensor,
        sample_shape: tuple[int, ...],
        generator: torch.Generator,
    ) -> Batch:
        """Return what the module gets and what its output is compared with.

        Parameters
        ----------
        rows, target : Tensor of shape (n, features)
            Those of the batch, as fractions or floats.
        sample_shape : tuple of int
            What a row is, channels last.
        generator : torch.Generator
            Source of the noise, on the device of the rows.

        Returns
        -------
        x, target : Tensor of shape (n, channels, ...)
            Input and target, and a third tensor where only some places are compared.
        """
        noisy = self._corrupted(rows, sample_shape, generator)
        return to_channels_first(noisy, sample_shape), to_channels_first(target, sample_shape)

    def _corrupted(
        self, rows: Tensor, sample_shape: tuple[int, ...], generator: torch.Generator
    ) -> Tensor:
        """Return a noisy copy; images of integers saturate at black and white."""
        if self.noise is None:
            return rows.clone()  # a module may work in place
        if self.noise._reads_axes():
            rows = rows.reshape(len(rows), *sample_shape)
        noisy = self.noise._corrupt_batch(rows, generator)
        return noisy.clamp(0, 1) if self._saturates else noisy

    @cached_property
    def _saturates(self) -> bool:
        return full_range(self.samples.dtype) is not None


def same_values(a: Samples, b: Samples) -> bool:
    """Whether all values are equal, compared a few rows at a time."""
    return all(_same_array(*pair) for pair in zip(a.parts, b.parts, strict=True))


def _same_array(a: np.ndarray, b: np.ndarray) -> bool:
    if a is b or a.dtype != b.dtype or a.shape != b.shape:
        return a is b
    step = max(1, len(a) * _COMPARED_AT_ONCE // a.size)
    return all(np.array_equal(a[few], b[few]) for few in gen_batches(len(a), step))
