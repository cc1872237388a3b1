"""What DAEClassifier and DAERegressor share: an encoder learns from all rows, then from labels."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_consistent_length, check_is_fitted
from torch import Tensor, nn

from skdae._random import RandomState, draw_seeds, make_generator
from skdae._sklearn import Interval, StrOptions, check_sample_weight
from skdae.data import (
    Samples,
    is_stored,
    module_shape,
    read_first,
    rows_to_tensor,
    to_channels_first,
)
from skdae.estimators._autoencoder_parameter import TABLES_BEFORE, AutoencoderParameter
from skdae.estimators._base import BaseDenoisingAutoencoder
from skdae.estimators._dense import DenseDAE
from skdae.estimators._persistence import SavedNetMixin, unchanged_on_failure
from skdae.estimators._training import automatic_batch_size, automatic_epochs
from skdae.inference import apply
from skdae.nn import EncoderWithHead
from skdae.noise import GaussianNoise
from skdae.noise._corrupted import origin_of
from skdae.tasks import CleanSamples, Task
from skdae.training import (
    Batches,
    DenoisingNet,
    Loss,
    LossExploded,
    fine_tuning_adamw,
    free_memory,
    own_gradient_mode,
    place,
    processes,
    several_processes,
)

__all__ = ["FineTunedDAE"]

_COUNT = Interval(Integral, 1, None, closed="left")
_WIDTH = 256

_FEWEST_EPOCHS, _MOST_EPOCHS = 10, 500
_LARGEST_BATCH = 128
# Part of an epoch that rows with labels make, where they are fewer than that.
_SHARE_OF_LABELS = 1 / 3
_SHARE_WITHOUT_NOISE = 1 / 3


class FineTunedDAE(SavedNetMixin, ABC):
    """Train a denoising autoencoder on all rows, then its encoder and a linear layer on labels.

    A subclass reads ``y``, says what the net learns for it, and turns outputs into predictions.
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "estimator": [AutoencoderParameter(frozen=True), None],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "max_epochs": [StrOptions({"auto"}), _COUNT],
        "batch_size": [StrOptions({"auto"}), _COUNT],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    estimator: BaseDenoisingAutoencoder | FrozenEstimator | None
    lr: float
    max_epochs: int | str
    batch_size: int | str
    random_state: RandomState
    verbose: int

    estimator_: BaseDenoisingAutoencoder
    n_iter_: int
    loss_curve_: list[float]
    n_features_in_: int

    _n_outputs: int
    _seed: int

    # Of the noise of an estimator that names none, in standard deviations of X.
    _sigma: ClassVar[float]

    @staticmethod
    @abstractmethod
    def _criterion(output: Tensor, target: Tensor) -> Tensor:
        """Return what the net minimises, for targets as ``_targets`` makes them."""

    @abstractmethod
    def _read_y(self, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the labels, and which rows have one; keep what predictions need of them."""

    @abstractmethod
    def _targets(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return what the net learns for rows with labels of these weights, (n, n_targets)."""

    def _may_guess(self) -> bool:
        """Return whether rows without labels learn guesses of these."""
        return False

    def _guesses(self, outputs: Tensor) -> Tensor:
        """Return what such rows of weight 1 learn, (n, n_targets), from their outputs."""
        raise NotImplementedError

    # ------------------------------------------------------------------ fitting
    @own_gradient_mode()
    def _fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> None:
        try:
            with several_processes(), unchanged_on_failure(self):
                self._fit_or_fail(X, y, sample_weight)
        except LossExploded as exploded:
            advice = exploded.advice(type(self).__name__, self.lr, standardized=True)
            raise ValueError(advice) from None

    def _fit_or_fail(self, X: Any, y: Any, sample_weight: ArrayLike | None) -> None:
        owner = type(self).__name__
        if y is None:
            raise ValueError(f"{owner} requires y to be passed, but the target y is None.")
        X = _in_memory(X)
        dae = self._new_dae()
        samples = read_first(
            X,
            self,
            sample_shape=getattr(dae, "sample_shape_", dae.sample_shape),
            flat=dae._reads_flat_rows,
            lists=False,
        )
        check_consistent_length(samples.rows, y)
        labels, labelled = self._read_y(y)
        weights = check_sample_weight(sample_weight, samples.rows, ensure_non_negative=True)
        labelled = labelled & (weights > 0)
        if not labelled.any():
            raise ValueError(
                f"{owner} needs rows with labels whose weights are above 0. Got none among "
                f"n_samples = {len(labelled)}."
            )
        seeds = processes().agreed("a fit", draw_seeds(self.random_state, 3))
        task = self._learn_from_all_rows(dae, X, samples, seeds[0])
        self._format = replace(dae._format, shape=samples.shape[1:], any_size=False)
        self.estimator_ = dae
        self._seed = seeds[1]
        self.net_ = self._new_net(torch.device(dae.net_.device))
        self.net_.module_.autoencoder.load_state_dict(dae.net_.module_.state_dict())
        try:
            self._fine_tune(task, labels, labelled, weights, seed=seeds[2])
        finally:
            self.loss_curve_ = [epoch["train_loss"] for epoch in self.net_.history]
            self.n_iter_ = len(self.loss_curve_)
            self.net_.optimizer_.state.clear()
            free_memory(self.net_.device)

    def _new_dae(self) -> BaseDenoisingAutoencoder:
        """Return the autoencoder to train, or a copy of a frozen one that is trained."""
        owner, given = type(self).__name__, self.estimator
        if given is None:
            return DenseDAE((_WIDTH,), latent_dim=_WIDTH)
        if not isinstance(given, FrozenEstimator):
            return cast(BaseDenoisingAutoencoder, clone(given))
        frozen = given.estimator
        if not isinstance(frozen, BaseDenoisingAutoencoder):
            raise TypeError(
                f"The 'estimator' parameter of {owner} must be a denoising autoencoder, or one in "
                f"a FrozenEstimator ({TABLES_BEFORE}). Got a frozen {type(frozen).__name__} "
                "instead."
            )
        check_is_fitted(frozen)
        if frozen._format.is_list:
            raise ValueError(
                f"The frozen 'estimator' of {owner} must be fitted on an array, whose samples are "
                f"of one size. Got a {type(frozen).__name__} that was fitted on a list."
            )
        return copy.deepcopy(frozen)

    def _learn_from_all_rows(
        self, dae: BaseDenoisingAutoencoder, X: Any, samples: Samples, seed: int
    ) -> Task:
        """Train the autoencoder, unless it is trained, and return what makes its inputs."""
        origin = origin_of(X)
        if hasattr(dae, "net_"):
            if origin is not None:
                raise ValueError(
                    f"X comes from a noise step, {origin.noise!r}, and the frozen 'estimator' of "
                    f"{type(self).__name__} has a noise of its own: remove that step."
                )
            return CleanSamples(dae._read(X), None, dae.noise_)
        if dae.random_state is None:
            dae.set_params(random_state=seed)
        if origin is not None:
            return dae._fit(X, None, unmatched_y="ignore")
        if dae.noise == "auto" and dae.self_supervised is None:
            dae.set_params(noise=GaussianNoise(self._sigma * samples.units[1]))
        shaped = np.asarray(samples.rows).reshape(-1, *samples.sample_shape)
        return dae._fit(shaped, None, unmatched_y="ignore")

    def _new_net(self, device: torch.device) -> DenoisingNet:
        """Build the encoder of ``estimator_`` with a new head."""
        dae = self.estimator_
        units = dae._format.units
        net = DenoisingNet(
            self._new_module,
            # Labels have units of their own: only the inputs are standardized.
            criterion=Loss(self._criterion, unit_power=0),
            optimizer=fine_tuning_adamw,
            lr=self.lr,
            lr_schedule="one_cycle",
            precision=dae._precision,
            units=None if units is None else (units[0], ((0.0,), 1.0)),
            device=str(device),  # skorch hands it on to safetensors
            seed=self._seed,
            owner=type(self).__name__,
        )
        return net.initialize()

    def _new_module(self) -> nn.Module:
        dae = self.estimator_
        autoencoder = type(dae)(**dae._built_with)._checked_module(module_shape(dae.sample_shape_))
        return EncoderWithHead(autoencoder, math.prod(dae._code_shape), self._n_outputs)

    def _fine_tune(
        self, task: Task, labels: np.ndarray, labelled: np.ndarray, weights: np.ndarray, seed: int
    ) -> None:
        """Train encoder and head on rows with labels, and on guesses of them for the others."""
        net, samples = self.net_, task.samples
        device = torch.device(net.device)
        guesses = self._may_guess() and not labelled.all()
        indices, weights = _shares(labelled, weights, guesses=guesses)
        known = self._targets(labels[labelled], weights[labelled])
        # What is known, and the weight of a guess where nothing is.
        target = np.zeros((len(labelled), known.shape[1] + 1), dtype=np.float32)
        target[labelled, :-1] = known
        target[~labelled, -1] = weights[~labelled]
        rows = rows_to_tensor(np.asarray(samples.rows))
        rows, placed = place([rows, torch.from_numpy(target)], device)
        batch_size = self.batch_size
        if isinstance(batch_size, str):
            batch_size = automatic_batch_size(len(indices), largest=_LARGEST_BATCH)
        training = Batches(
            rows,
            placed,
            indices=torch.from_numpy(indices).to(rows.device),
            sample_shape=samples.sample_shape,
            batch_size=batch_size,
            device=device,
            make_batch=partial(self._make_batch, task, guesses),
            generator=make_generator(seed, device),
        )
        epochs = self.max_epochs
        if isinstance(epochs, str):
            n_batches = len(training.starts)
            epochs = automatic_epochs(n_batches, fewest=_FEWEST_EPOCHS, most=_MOST_EPOCHS)
        processes().begin(net.module_, training)
        net.train(
            training,
            None,
            epochs=epochs,
            verbose=self.verbose if processes().rank == 0 else 0,
        )

    def _make_batch(
        self,
        task: Task,
        guesses: bool,
        rows: Tensor,
        target: Tensor,
        sample_shape: tuple[int, ...],
        generator: torch.Generator,
    ) -> tuple[Tensor, Tensor]:
        """Return inputs, most with the noise that the autoencoder learned, and targets.

        Guesses are those of the net as it is, from the rows without noise. A third of the rows
        learn without noise too: where noise moves the mean, as in images that it saturates, the
        net would know the noisy ones alone, and guess wrong.
        """
        noisy, *_ = task.make_batch(rows, rows, sample_shape, generator)
        clean = to_channels_first(rows, sample_shape)
        draws = torch.rand(len(rows), generator=generator, device=rows.device)
        is_noisy = (draws >= _SHARE_WITHOUT_NOISE).view(-1, *[1] * (clean.ndim - 1))
        target, weight = target[:, :-1], target[:, -1:]
        # In the first epoch the net knows too little of the labels.
        if guesses and len(self.net_.history) > 1:
            with torch.no_grad():
                target = target + weight * self._guesses(self.net_.output(clean))
        return torch.where(is_noisy, noisy, clean), target

    # ------------------------------------------------------------------ predicting
    def _outputs(self, X: Any) -> np.ndarray:
        """Return the outputs of the net, (n_samples, n_outputs), float64."""
        check_is_fitted(self)
        X = _in_memory(X)
        samples = self._format.read(X, self, lists=False, any_size=False, finite=True)
        return self._respond(samples).numpy().astype(np.float64)

    def _respond(self, samples: Samples) -> Tensor:
        batches = samples.batches()
        (outputs,) = apply(self.net_, "respond", batches, n_outputs=self._n_outputs)
        return outputs

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether there is a trained net."""
        return hasattr(self, "net_")

    def _device_of_saved(self) -> torch.device:
        return torch.device(self.estimator_.net_.device)


def _in_memory(X: Any) -> Any:
    """Return an array that is kept in a file as a whole, and others as they are."""
    return np.asarray(X[:]) if is_stored(X) else X


def _shares(
    labelled: np.ndarray, weights: np.ndarray, *, guesses: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows make an epoch, and their weights.

    With guesses, rows with labels are repeated until they are a third of an epoch. The loss is the
    mean over the labels, plus that over the guesses.
    """
    few = np.flatnonzero(labelled)
    others = np.flatnonzero(~labelled) if guesses else few[:0]
    times = len(others) * _SHARE_OF_LABELS / (1 - _SHARE_OF_LABELS) / len(few)
    repeated = np.repeat(few, max(1, round(times)))
    indices = np.concatenate([repeated, others])
    weights = weights.copy()
    for part, n_in_epoch in ((few, len(repeated)), (others, len(others))):
        if weights[part].any():
            weights[part] *= len(indices) / n_in_epoch / weights[part].mean()
    return indices, weights
