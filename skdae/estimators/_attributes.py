"""What every estimator holds: the parameters that all share, and the fitted state."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from os import PathLike
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from skdae._random import RandomState
from skdae._sklearn import Interval, StrOptions
from skdae.data import DataFormat
from skdae.noise import NOISES, NoiseInjector
from skdae.tasks import SELF_SUPERVISED, Cells
from skdae.training import (
    LOSSES,
    OPTIMIZERS,
    PRECISIONS,
    SCHEDULES,
    Callback,
    Criterion,
    DenoisingNet,
    Loss,
    OptimizerFactory,
    as_loss,
)

__all__ = ["Attributes", "Callbacks", "Noise"]

Noise = NoiseInjector | str | None
Callbacks = Sequence[Callback | tuple[str, Callback]] | None

_COUNT = Interval(Integral, 1, None, closed="left")


class Attributes(BaseEstimator):
    """The attributes of estimators, which all mixins read.

    A subclass whose ``__init__`` does not name a shared parameter keeps the default given here.
    """

    noise: Noise = "auto"
    self_supervised: str | None = None
    features: str = "code"
    loss: str | Criterion = "mse"
    optimizer: str | OptimizerFactory = "adamw"
    lr: float = 0.003
    lr_schedule: str = "one_cycle"
    max_epochs: int | str = "auto"
    batch_size: int | str = "auto"
    validation_fraction: float = 0.1
    early_stopping: bool = False
    n_iter_no_change: int = 10
    sample_shape: int | Sequence[int] | None = None
    standardize: bool | str = False
    patch_size: int | tuple[int, ...] | str | None = "auto"
    augment: bool = False
    device: str = "auto"
    precision: str = "auto"
    callbacks: Callbacks = None
    warm_start: bool = False
    checkpoint: str | PathLike | None = None
    random_state: RandomState = None
    verbose: int = 0

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "noise": [StrOptions({"auto", *NOISES}), NoiseInjector, None],
        "self_supervised": [None, StrOptions(set(SELF_SUPERVISED))],
        "loss": [StrOptions(LOSSES.keys()), callable],
        "optimizer": [StrOptions(set(OPTIMIZERS)), callable],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "lr_schedule": [StrOptions(set(SCHEDULES))],
        "max_epochs": [StrOptions({"auto"}), _COUNT],
        "batch_size": [StrOptions({"auto"}), _COUNT],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [_COUNT],
        "sample_shape": [None, "array-like"],
        "standardize": [StrOptions({"auto"}), "boolean"],
        "patch_size": [None, StrOptions({"auto"}), _COUNT, tuple],
        "augment": ["boolean"],
        "device": [str],
        "precision": [StrOptions(set(PRECISIONS))],
        "callbacks": [None, list, tuple],
        "warm_start": ["boolean"],
        "checkpoint": [None, str, PathLike],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # Whether flat rows are a table; otherwise they are images or signals.
    _reads_flat_rows: ClassVar[bool] = True
    # Whether the module may take samples of different sizes.
    _may_read_lists: ClassVar[bool] = True
    # Whether values may be unknown, which are NaN.
    _takes_unknown: ClassVar[bool] = False
    # Whether the module returns as many values as it takes.
    _returns_samples: ClassVar[bool] = True
    # Whether the module decodes.
    _decodes: ClassVar[bool] = True
    # What "auto" of max_epochs and batch_size keeps to.
    _fewest_epochs: ClassVar[int] = 10
    _largest_batch: ClassVar[int] = 128
    _most_places: ClassVar[int] = 2**20

    net_: DenoisingNet
    noise_: NoiseInjector | None
    n_iter_: int
    loss_curve_: list[float]
    validation_loss_curve_: list[float]
    sample_shape_: tuple[int, ...]
    n_features_in_: int
    feature_names_in_: np.ndarray

    # The settings that the net was built from, and the seeds of its weights and its training.
    _built_with: dict[str, object]
    _seeds: list[int]
    # The precision of the fit, wherever the estimator is loaded.
    _precision: str
    _format: DataFormat
    _code_shape: tuple[int, ...]
    # Of each hidden layer, if the module shows them.
    _hidden_widths: tuple[int, ...]
    _trained_in_parts: bool
    # Whether predict gives back the units of X: no other target was learned.
    _keeps_units: bool

    @property
    def _owner(self) -> str:
        """The name of the class, for messages."""
        return type(self).__name__

    def _as_loss(self) -> Loss:
        """Return what training minimises."""
        return as_loss(self.loss)

    def _as_cells(self) -> Cells | None:
        """Return what the rows of a table whose values may be unknown consist of."""
        return None
