"""BaseDenoisingAutoencoder: what every estimator shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from functools import partial as bind
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import nn

from skdae._checks import as_array
from skdae._sklearn import fit_context
from skdae.data import (
    DataFormat,
    Samples,
    check_order,
    is_list_of_samples,
    is_list_to_learn,
    read_clean,
    read_first,
    read_target,
)
from skdae.estimators._checkpoint_file import open_checkpoint
from skdae.estimators._export import ExportMixin
from skdae.estimators._features import FeaturesMixin
from skdae.estimators._fit_data import prefixed_errors, validation_task, weighted_task
from skdae.estimators._persistence import PersistenceMixin, unchanged_on_failure
from skdae.estimators._prediction import PredictionMixin
from skdae.estimators._scale_warnings import warn_of_odd_scale
from skdae.estimators._settings import check_unchanged
from skdae.estimators._training import TrainingMixin, check_targets
from skdae.noise._corrupted import origin_of
from skdae.tasks import Given, Task, choose_task, same_values
from skdae.training import (
    Loss,
    LossExploded,
    free_memory,
    own_gradient_mode,
    several_processes,
)

__all__ = ["BaseDenoisingAutoencoder"]


class BaseDenoisingAutoencoder(
    FeaturesMixin,
    PersistenceMixin,
    TrainingMixin,
    PredictionMixin,
    ExportMixin,
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
    ...         self.encode = nn.Sequential(
    ...             nn.Flatten(), nn.Linear(64, width), nn.ReLU()
    ...         )
    ...         self.decode = nn.Sequential(
    ...             nn.Linear(width, 64), nn.Unflatten(1, sample_shape)
    ...         )
    ...
    ...     def forward(self, x):
    ...         return self.decode(self.encode(x))
    >>> class TinyDAE(BaseDenoisingAutoencoder):
    ...     def __init__(
    ...         self, width=16, *, noise="auto", max_epochs=2, random_state=None
    ...     ):
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
    >>> dae = TinyDAE(noise="gaussian", random_state=0)
    >>> search = GridSearchCV(dae, grid, cv=2).fit(X)
    >>> search.best_params_
    {'width': 32}
    """

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
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
    ) -> BaseDenoisingAutoencoder:
        """Learn to give back clean samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Clean samples, which the noise corrupts anew for every batch; or what a noise
            step made of them; or noisy samples, with their clean ones as ``y``.
        y : array-like of X's shape, or labels of shape (n_samples,), default=None
            Clean samples to learn. Labels are ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How much the error of each sample counts, in any unit. Those of weight 0 are left
            out. None counts all the same.
        X_val : array-like, of samples as in X, or None, default=None
            Samples to validate on, such as those of other patients, days or machines than those of
            X: clean if the noise is put into X, noisy if ``y`` holds targets. Early stopping
            judges by them, and X is trained on as a whole; without ``early_stopping`` they only
            give ``validation_loss_curve_``. None leaves early stopping to set a
            ``validation_fraction`` of X aside.
        y_val : array-like of the shape of X_val, or labels, default=None
            Targets of X_val, if ``y`` holds targets.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If X was corrupted by a noise step and then changed, if ``y`` is neither labels
            nor of X's shape, if weights or validation samples do not go with X and ``y``, or if the
            training diverges.
        RuntimeError
            If torchrun has started several processes, and another one fails or gets other data.

        Notes
        -----
        All processes that torchrun has started train one model together: each takes its share of
        every batch, which is that of all, and all end with the same weights.
        """
        self._fit(X, y, unmatched_y="raise", sample_weight=sample_weight, X_val=X_val, y_val=y_val)
        return self

    @fit_context(prefer_skip_nested_validation=False)
    def fit_transform(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
    ) -> np.ndarray:
        """Fit, and encode the samples as they will come at predict time.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            As in ``fit``. What a noise step corrupted is encoded as it was before.
        y : array-like, default=None
            As in ``fit``; targets of another shape than X's belong to a later step and are
            ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            As in ``fit``. Samples of weight 0 are encoded too.
        X_val, y_val : array-like or None, default=None
            As in ``fit``.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_codes), float32
            The codes.
        """
        task = self._fit(
            X,
            y,
            unmatched_y="ignore",
            encodes=True,
            sample_weight=sample_weight,
            X_val=X_val,
            y_val=y_val,
        )
        return self._encode(task.samples.as_one_batch(self._owner), self.features)

    @fit_context(prefer_skip_nested_validation=False)
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> BaseDenoisingAutoencoder:
        """Train for one epoch at the constant rate ``lr``, from where the last call ended.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            As in ``fit``.
        y : array-like of X's shape, or labels of shape (n_samples,), default=None
            As in ``fit``.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How much each sample counts beside the others of this call, as in ``fit``.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        self._fit(X, y, unmatched_y="raise", partial=True, sample_weight=sample_weight)
        return self

    @own_gradient_mode()
    def _fit(self, X: ArrayLike, y: ArrayLike | None, *, encodes: bool = False, **how: Any) -> Task:
        try:
            with several_processes(), unchanged_on_failure(self):
                return self._fit_or_fail(X, y, encodes=encodes, **how)
        except LossExploded as exploded:
            standardized = bool(self.standardize) or self._takes_unknown  # tables are encoded so
            advice = exploded.advice(self._owner, self.lr, standardized=standardized)
            raise ValueError(advice) from None

    def _fit_or_fail(
        self,
        X: ArrayLike,
        y: ArrayLike | None,
        *,
        unmatched_y: str,
        encodes: bool,
        partial: bool = False,
        sample_weight: ArrayLike | None = None,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
    ) -> Task:
        goes_on = (partial or self.warm_start) and hasattr(self, "net_")
        if partial and self.checkpoint is not None:
            raise ValueError(
                f"The 'checkpoint' parameter of {self._owner} must be None in partial_fit, whose "
                f"calls are epochs of their own. Got {self.checkpoint!r}: pickle the estimator "
                "after each call instead."
            )
        if goes_on:
            check_unchanged(self)
            self._move_net()
        if goes_on:
            samples = self._read_more(X)
        else:
            flat, lists = self._reads_flat_rows, self._may_read_lists
            declared = self.sample_shape
            samples = read_first(
                X,
                self,
                sample_shape=declared,
                flat=flat,
                lists=lists,
                finite=not self._takes_unknown,
            )
        patch = self._patch_shape_of(samples)
        if not goes_on and samples.is_list:
            samples = replace(samples, sample_shape=patch or samples.sample_shape)
        if encodes:
            samples.as_one_batch(self._owner)
        given = self._choose_task(X, y, samples, patch, goes_on=goes_on, unmatched_y=unmatched_y)
        task = weighted_task(given, sample_weight, self._owner)
        loss = self._as_loss()
        check_targets(task.target or task.samples, loss, self.loss, self._owner)
        if not goes_on:
            self._look_at(task, loss)
        if X_val is not None or y_val is not None:
            task = replace(task, validation=self._validation_task(task, loss, X_val, y_val))
        checkpoint = open_checkpoint(self, task, starts_anew=not goes_on)
        self._trained_in_parts = self._trained_in_parts or partial
        self.noise_ = task.noise
        self._keeps_units = task.target is None
        try:
            self._train(
                task,
                patch,
                epochs=1 if partial else self.max_epochs,
                lr_schedule="constant" if partial else self.lr_schedule,
                resumes=goes_on,
                checkpoint=checkpoint,
            )
        finally:
            self._read_history()
            if not (self.warm_start or self._trained_in_parts):
                self.net_.optimizer_.state.clear()  # large, and this fit was the last one
            free_memory(self.net_.device)
        if checkpoint is not None:
            checkpoint.finish(self)
        return given

    def _validation_task(
        self, task: Task, loss: Loss, X_val: ArrayLike | None, y_val: ArrayLike | None
    ) -> Task:
        """Return the task for the validation samples of the user."""
        if X_val is None:
            raise ValueError(f"The y_val of {self._owner} are targets of X_val. Got no X_val.")
        with prefixed_errors(f"The X_val of {self._owner} must be samples as in X"):
            samples = self._read_more(X_val)
        validation = validation_task(task, samples, X_val, y_val, self._owner)
        check_targets(validation.target or samples, loss, self.loss, self._owner)
        return validation

    def _read_more(self, X: ArrayLike) -> Samples:
        """Read data to go on with, as samples like those of the first fit."""
        form, lists = self._format, self._may_read_lists
        if form.is_list and not is_list_of_samples(X):
            array = as_array(X)
            X = [array] if form.is_alone(array, self._owner) else list(array)
        lists = lists and is_list_to_learn(X, form.sample_shape, flat=self._reads_flat_rows)
        any_size, finite = isinstance(X, (list, tuple)), not self._takes_unknown
        return form.read(X, self, lists=lists, any_size=any_size, finite=finite)

    def _choose_task(
        self,
        X: ArrayLike,
        y: ArrayLike | None,
        samples: Samples,
        patch: tuple[int, ...] | None,
        *,
        goes_on: bool,
        unmatched_y: str,
    ) -> Task:
        """Decide inputs, targets and noise, or explain why that cannot be."""
        target = read_target(y, samples, self._owner, unmatched_y=unmatched_y)
        if target is not None:
            check_order(X, y, self._owner)
            target = None if same_values(target, samples) else target
        given = Given(
            owner=self._owner,
            X=X,
            y=y,
            samples=samples,
            target=target,
            origin=origin_of(X),
            read_clean=bind(read_clean, samples=samples, owner=self._owner),
            sample_shape=patch or samples.sample_shape,
            starts_anew=not goes_on,
            noise=self.noise,
            loss=self.loss,
            early_stopping=self.early_stopping,
            cells=self._as_cells(),
        )
        return choose_task(given, self.self_supervised)

    def _look_at(self, task: Task, loss: Loss) -> None:
        """Keep the format of the samples, warn of odd scales, and build the net for them."""
        samples, units = task.samples, self._units_of(task, loss)
        standardized = units is not None or loss.compares_probabilities
        warn_of_odd_scale(samples, self._owner, standardized=standardized)
        self._start(DataFormat.of(samples, units))
