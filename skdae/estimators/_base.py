"""BaseDenoisingAutoencoder: what every estimator shares."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin
from torch import nn

from skdae._checks import validate_rows
from skdae._random import draw_seeds
from skdae._sklearn import Interval, StrOptions, fit_context
from skdae.data import (
    DataFormat,
    Samples,
    are_of_different_sizes,
    as_one_array,
    infer_sample_shape,
    parts_of,
)
from skdae.estimators._any_size import PATCH_SIDES, AnySizeMixin
from skdae.estimators._persistence import PersistenceMixin, unchanged_on_failure
from skdae.estimators._scale_warnings import warn_of_odd_scale
from skdae.estimators._settings import check_unchanged
from skdae.estimators._training import make_net, probe_module, train_net, units_of
from skdae.estimators._training_data import (
    ROW_DTYPES,
    TrainingData,
    check_targets,
    read_training_data,
)
from skdae.nn import promises_any_size
from skdae.noise import NOISES, NoiseInjector
from skdae.tasks import SELF_SUPERVISED
from skdae.training import (
    LOSSES,
    OPTIMIZERS,
    PRECISIONS,
    SCHEDULES,
    DenoisingNet,
    LossExploded,
    Units,
    as_loss,
    free_memory,
    measure_units,
    own_gradient_mode,
    resolve_device,
)

__all__ = ["BaseDenoisingAutoencoder"]

_COUNT = Interval(Integral, 1, None, closed="left")

# Too heavy or too alive to keep with the settings of a fit; no module is built from these.
_NOT_KEPT = {"callbacks", "noise", "random_state"}


class BaseDenoisingAutoencoder(
    ClassNamePrefixFeaturesOutMixin,
    PersistenceMixin,
    AnySizeMixin,
    BaseEstimator,
    ABC,
):
    """Train a torch module to give back clean samples from noisy ones.

    The base of all estimators of this package. A subclass stores its parameters in
    ``__init__`` and implements ``_build_module``; the constraints of its own parameters are
    added to ``_parameter_constraints``. Of the parameters that all estimators share it names
    those that its users may set; the others keep the defaults of :class:`DenoisingAutoencoder`.

    See Also
    --------
    DenoisingAutoencoder : Takes a module of yours without a subclass.

    Examples
    --------
    >>> from torch import nn
    >>> from skdae import BaseDenoisingAutoencoder
    >>> class Module(nn.Module):
    ...     def __init__(self, sample_shape, width):
    ...         super().__init__()
    ...         self.encode = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU())
    ...         self.decode = nn.Sequential(nn.Linear(width, 64), nn.Unflatten(1, sample_shape))
    ...
    ...     def forward(self, x):
    ...         return self.decode(self.encode(x))
    >>> class TinyDAE(BaseDenoisingAutoencoder):
    ...     def __init__(self, width=16, *, noise="auto", max_epochs=2, random_state=None):
    ...         self.width = width
    ...         self.noise = noise
    ...         self.max_epochs = max_epochs
    ...         self.random_state = random_state
    ...
    ...     def _build_module(self, sample_shape):
    ...         return Module(sample_shape, self.width)
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skdae.datasets import load_digits
    >>> X, _ = load_digits()
    >>> grid = {"width": [2, 32]}
    >>> search = GridSearchCV(TinyDAE(noise="gaussian", random_state=0), grid, cv=2).fit(X)
    >>> search.best_params_
    {'width': 32}
    """

    _reads_flat_rows: ClassVar[bool] = True
    # Whether the module may take samples of different sizes.
    _may_read_lists: ClassVar[bool] = True
    # What "auto" of max_epochs and batch_size keeps to.
    _fewest_epochs: ClassVar[int] = 10
    _largest_batch: ClassVar[int] = 128
    _most_places: ClassVar[int] = 2**20

    # The shared parameters of a subclass whose ``__init__`` does not name them.
    noise: Any = "auto"
    loss: Any = "mse"
    optimizer: Any = "adamw"
    lr: float = 0.003
    lr_schedule: str = "one_cycle"
    max_epochs: int | str = "auto"
    batch_size: int | str = "auto"
    validation_fraction: float = 0.1
    early_stopping: bool = False
    n_iter_no_change: int = 10
    sample_shape: Any = None
    patch_size: Any = "auto"
    augment: bool = False
    self_supervised: str | None = None
    standardize: Any = False
    device: str = "auto"
    precision: str = "auto"
    callbacks: Any = None
    warm_start: bool = False
    random_state: Any = None
    verbose: int = 0

    _parameter_constraints: ClassVar[dict] = {
        "noise": [StrOptions({"auto", *NOISES}), NoiseInjector, None],
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
        "self_supervised": [None, StrOptions(set(SELF_SUPERVISED))],
        "standardize": [StrOptions({"auto"}), "boolean"],
        "device": [str],
        "precision": [StrOptions(set(PRECISIONS))],
        "callbacks": [None, list, tuple],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    _trained_in_parts: bool
    # The precision of the fit, wherever the estimator is loaded, and what standardizes its data.
    _precision: str
    _units: tuple[Units, Units] | None
    # Whether predict gives back the units of X: no other target was learned.
    _keeps_units: bool

    @abstractmethod
    def _build_module(self, sample_shape: tuple[int, ...]) -> nn.Module:
        """Return a new module for samples of this shape, channels first.

        The shape is ``(features,)``, ``(channels, length)`` or ``(channels, height,
        width)``. The module has ``encode(x)`` and ``decode(code)``, which take and give
        batches, and ``forward(x)``. With ``returns_logits = True`` its output stands before
        a sigmoid, which the estimator applies.
        """

    # ------------------------------------------------------------------ fitting
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> BaseDenoisingAutoencoder:
        """Learn to give back clean samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Clean samples, which the noise corrupts anew for every batch; or what a noise
            step made of them; or noisy samples, with their clean ones as ``y``.
        y : array-like of X's shape, or labels of shape (n_samples,), default=None
            Clean samples to learn. Labels are ignored.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If X was corrupted by a noise step and then changed, if ``y`` is neither labels
            nor of X's shape, or if the training diverges.
        """
        self._fit(X, y, unmatched_y="raise")
        return self

    @fit_context(prefer_skip_nested_validation=False)
    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Fit, and encode the samples as they will come at predict time.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            As in ``fit``. What a noise step corrupted is encoded as it was before.
        y : array-like, default=None
            As in ``fit``; targets of another shape than X's belong to a later step and are
            ignored.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_codes), float32
            The codes.
        """
        data = self._fit(X, y, unmatched_y="ignore", encodes=True)
        rows = data.task.rows
        if isinstance(rows, list):
            return self._encode(self._read(rows))
        return self._encode(Samples(rows, rows.shape, data.sample_shape))

    @fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X: Any, y: Any = None) -> BaseDenoisingAutoencoder:
        """Train for one epoch at the constant rate ``lr``, from where the last call ended.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            As in ``fit``.
        y : array-like of X's shape, or labels of shape (n_samples,), default=None
            As in ``fit``.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        self._fit(X, y, unmatched_y="raise", partial=True)
        return self

    @own_gradient_mode()
    def _fit(self, X: Any, y: Any, **how: Any) -> TrainingData:
        try:
            with unchanged_on_failure(self):
                return self._fit_or_fail(X, y, **how)
        except LossExploded as exploded:
            owner, standardized = type(self).__name__, bool(self.standardize)
            raise ValueError(exploded.advice(owner, self.lr, standardized=standardized)) from None

    def _fit_or_fail(
        self, X: Any, y: Any, *, unmatched_y: str, partial: bool = False, encodes: bool = False
    ) -> TrainingData:
        goes_on = (partial or self.warm_start) and hasattr(self, "net_")
        if goes_on:
            check_unchanged(self)
            self._move_net()
        data = read_training_data(self, X, y, reset=not goes_on, unmatched_y=unmatched_y)
        check_targets(self, data)
        if encodes and isinstance(data.task.rows, list):
            self._check_encodes(data.task.rows)
        if not goes_on:
            highest = max(float(part.max()) for part in parts_of(data.task.rows))
            measured = measure_units(data.task.rows, data.sample_shape)
            units = units_of(self, data, measured)
            warn_of_odd_scale(
                data.task.rows,
                data.sample_shape,
                type(self).__name__,
                highest=highest,
                units=measured,
                standardized=units is not None or as_loss(self.loss).compares_probabilities,
            )
            form = DataFormat(data.shape[1:], data.sample_shape, data.task.dtype.name, highest)
            self._start(form, units)
        self._trained_in_parts = self._trained_in_parts or partial
        self.noise_ = data.task.noise
        self._keeps_units = data.task.target is None
        try:
            train_net(
                self,
                data,
                epochs=1 if partial else self.max_epochs,
                lr_schedule="constant" if partial else self.lr_schedule,
                resumes=goes_on,
            )
        finally:
            self._read_history()
            if not (self.warm_start or self._trained_in_parts):
                self.net_.optimizer_.state.clear()  # large, and this fit was the last one
            free_memory(self.net_.device)
        return data

    def _start(self, form: DataFormat, units: tuple[Units, Units] | None) -> None:
        """Make a new net for the current parameters, and look at what it encodes to."""
        self.sample_shape_ = form.sample_shape
        self._format = form
        self._units = units
        self._precision = self.precision
        self._seeds = draw_seeds(self.random_state, 2)
        self._trained_in_parts = False
        self._built_with = {
            name: copy.deepcopy(value)
            for name, value in self.get_params(deep=False).items()
            if name not in _NOT_KEPT
        }
        net = self._new_net(resolve_device(self.device, type(self).__name__))
        self._precision = net.precision_
        if form.is_list and self._reads_flat_rows and not promises_any_size(net.module_):
            raise ValueError(
                f"{type(self).__name__} takes a list of samples of different sizes only with a "
                f"module that promises to take any size: {type(net.module_).__name__} must have "
                "stride, reach and width, none of them None. skdae.nn.AnySize says what they are."
            )
        self._code_shape = self._probed_code_shape(net, form.sample_shape)
        self._n_features_out = math.prod(self._code_shape)
        self.net_ = net

    def _probed_code_shape(self, net: DenoisingNet, sample_shape: tuple[int, ...]) -> tuple:
        """Try the module on a small sample, and return the shape of the code of a whole one."""
        *sides, channels = sample_shape
        small = (*(min(side, PATCH_SIDES[2]) for side in sides), channels)
        if small == sample_shape or not promises_any_size(net.module_):
            return probe_module(net, sample_shape, self)
        n_channels, *_ = probe_module(net, small, self)
        return (n_channels, *(math.ceil(side / net.module_.stride) for side in sides))

    def _new_net(self, device: torch.device) -> DenoisingNet:
        """Build the net from the settings of the fit, whatever the parameters are now."""
        builder = type(self)(**self._built_with)
        return make_net(
            builder,
            self.sample_shape_,
            seed=self._seeds[0],
            device=device,
            precision=self._precision,
            units=self._units,
        )

    def _read_history(self) -> None:
        epochs = self.net_.history
        self.loss_curve_ = [epoch["train_loss"] for epoch in epochs]
        self.validation_loss_curve_ = [e["valid_loss"] for e in epochs if "valid_loss" in e]
        self.n_iter_ = len(self.loss_curve_)

    def _read_samples(self, X: Any, *, reset: bool) -> tuple[Any, Any, tuple, tuple | None]:
        """Check what fit got: return rows, X's shape, what a row is, and what a patch is."""
        goes_on_with_lists = not reset and self._format.is_list
        if goes_on_with_lists or self._trains_on_list(X, reset=reset):
            return self._read_sizes(X, reset=reset)
        X = as_one_array(X, type(self).__name__)
        rows, shape = validate_rows(self, X, reset=reset, dtype=ROW_DTYPES)
        if reset:
            return rows, shape, self._sample_shape_of(shape[1:]), None
        self._format.check_shape(shape[1:], type(self).__name__)
        self._format.check_range(rows, type(self).__name__)
        return rows, shape, self.sample_shape_, None

    def _trains_on_list(self, X: Any, *, reset: bool) -> bool:
        """Whether X is a list to draw patches from; others become one array."""
        return self._may_read_lists and are_of_different_sizes(X)

    def _sample_shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Say what a sample is in fit; estimators that guess it from flat rows warn."""
        owner = type(self).__name__
        return infer_sample_shape(shape, self.sample_shape, owner, flat=self._reads_flat_rows)

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether there is a trained net."""
        return hasattr(self, "net_")

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that codes are float32."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
