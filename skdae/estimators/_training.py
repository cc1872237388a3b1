"""From an estimator's parameters to a trained net."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor

from skdae._random import make_generator
from skdae.data import Samples, Stored, Units, are_sizes, full_range, rows_to_tensor
from skdae.estimators._attributes import Attributes
from skdae.estimators._checkpoint_file import FitCheckpoint
from skdae.tasks import SELF_SUPERVISED, Task
from skdae.training import (
    Batches,
    Loss,
    Patches,
    ResidentPatches,
    StoredBatches,
    as_values,
    checksum,
    fresh_callbacks,
    load_net_arrays,
    patch_shape,
    place,
    processes,
    split_blocks,
)

__all__ = ["TrainingMixin", "automatic_batch_size", "automatic_epochs", "check_targets"]

_FEWEST_STEPS = 2500
_MOST_EPOCHS = 1000
_SMALLEST_BATCH, _BATCHES_AN_EPOCH = 32, 50

# Whole samples up to this size make good batches; of larger ones, patches of these sides do, by
# the number of axes.
_LARGEST_WHOLE = 2**14
_PATCH_SIDES = {1: 1024, 2: 64}

Shape = tuple[int, ...]


class TrainingMixin(Attributes):
    """Train the net of an estimator on what a task says."""

    def _units_of(self, task: Task, loss: Loss) -> tuple[Units, Units] | None:
        """Return the units of inputs and outputs, or None for a module that sees the data.

        Raises
        ------
        ValueError
            If ``standardize=True`` goes with cross-entropy, whose targets are probabilities.
        """
        if self.standardize is True and loss.compares_probabilities:
            raise ValueError(
                f"standardize=True of {self._owner} cannot go with loss={self.loss!r}, whose "
                "outputs are probabilities: take standardize='auto', or loss='mse'."
            )
        if not self.standardize or loss.compares_probabilities:
            return None
        return task.samples.units, (task.target or task.samples).units

    def _patch_shape_of(self, samples: Samples) -> Shape | None:
        """Return the shape of the patches that training draws, or None for whole samples.

        Raises
        ------
        ValueError
            If ``augment`` or ``patch_size`` do not go with these samples.
        """
        shapes, is_list = samples.sample_shapes(), samples.is_list
        owner, size, n_axes = self._owner, self.patch_size, len(shapes[0]) - 1
        other = next((shape for shape in shapes if shape != shapes[0]), None)
        latent_dim = None if self._reads_flat_rows else getattr(self, "latent_dim", None)
        if self.augment and n_axes < 2:
            raise ValueError(
                f"augment=True of {owner} is for images. Got samples of shape {shapes[0]}: leave "
                "augment=False, or give arrays with the axes of images."
            )
        if not n_axes or (self._reads_flat_rows and not is_list and size == "auto"):
            return shapes[0] if self.augment else None
        if size == "auto":
            whole = other is None and math.prod(shapes[0][:-1]) <= _LARGEST_WHOLE
            size = None if whole or latent_dim is not None else _PATCH_SIDES[n_axes]
        if latent_dim is not None and (size is not None or other is not None):
            raise ValueError(
                f"latent_dim={latent_dim} of {owner} needs whole samples of one size: a dense "
                "bottleneck sees every value at its place. Take latent_dim=None for patches and "
                "for samples of different sizes."
            )
        if size is None and other is not None:
            raise ValueError(
                f"patch_size=None of {owner} trains on whole samples, which must be of one size. "
                f"Got {shapes[0]} and {other}. Take patch_size='auto' or a number."
            )
        if isinstance(size, (tuple, list)) and (len(size) != n_axes or not are_sizes(size)):
            raise ValueError(
                f"The 'patch_size' parameter of {owner} must be an int > 0, a tuple of {n_axes} "
                f"such ints for these samples, 'auto' or None. Got {size!r} instead."
            )
        if size is None or isinstance(size, str):
            return shapes[0] if self.augment or is_list else None
        # In a mirror image, a value that is to be guessed would show its noise a second time.
        task = SELF_SUPERVISED.get(self.self_supervised or "")
        return patch_shape(size, shapes, mirrors=task is None or task.allows_mirrors)

    def _train(
        self,
        task: Task,
        patch: Shape | None,
        *,
        epochs: int | str,
        lr_schedule: str,
        resumes: bool,
        checkpoint: FitCheckpoint | None = None,
    ) -> None:
        """Train the net, or read it from a checkpoint that is complete.

        Raises
        ------
        ValueError
            If there are too few rows to validate on.
        KeyboardInterrupt, LossExploded
            On Ctrl-C, and if the loss explodes, after the best weights so far are restored.
        """
        net = self.net_
        if checkpoint is not None and checkpoint.is_complete:
            assert checkpoint.state is not None
            load_net_arrays(net, checkpoint.state)
            return
        net.lr, net.lr_schedule = self.lr, lr_schedule
        training, validation = self._split(task, patch)
        if isinstance(epochs, str):
            n_batches = len(training.starts)
            epochs = automatic_epochs(n_batches, fewest=self._fewest_epochs, most=_MOST_EPOCHS)
        if processes().size > 1:
            same = self._what_processes_share(task, training, validation)
            processes().begin(net.module_, training, **same, epochs=epochs)
        net.train(
            training,
            validation,
            epochs=epochs,
            callbacks=fresh_callbacks(
                self.callbacks or (),
                self._owner,
                clone=partial(clone, safe=False),
                lr_schedule=lr_schedule,
                validates=validation is not None,
                loss=net.criterion_,
            ),
            patience=self.n_iter_no_change if self.early_stopping else None,
            verbose=self.verbose if processes().rank == 0 else 0,
            resumes=resumes,
            checkpoints=None if checkpoint is None else checkpoint.keeper(),
        )

    def _what_processes_share(
        self, task: Task, training: Batches, validation: Batches | None
    ) -> dict[str, object]:
        """Return what must be equal in all processes of a training, by its name."""
        of = [task] if task.validation is None else [task, task.validation]
        samples = [part for each in of for part in (each.samples, each.target) if part is not None]
        parts = [part.rows for part in samples]
        settings = ("batch_size", "lr", "lr_schedule", "n_iter_no_change")
        return {
            "the number of samples": [len(part) for part in parts],
            "the shape of a sample": training.sample_shape,
            "the first or the last sample": [checksum(part) for part in parts],
            "the centre or the scale of the data": repr(self._format.units),
            "the weights of the samples": None if task.weights is None else checksum(task.weights),
            "the samples that validate": 0 if validation is None else len(validation),
            "the epochs trained before": len(self.net_.history),
            **{name: getattr(self, name) for name in settings},
        }

    def _split(self, task: Task, patch: Shape | None) -> tuple[Batches, Batches | None]:
        """Split off the validation part, at random but from the seed, unless the user has one."""
        net, order_seed = self.net_, self._seeds[1]
        n_samples = len(task.samples.rows)
        seeds = np.random.SeedSequence([order_seed, len(net.history)])
        epoch_seed, validation_seed = seeds.generate_state(2).tolist()

        indices = torch.arange(n_samples)
        n_valid = 0
        if self.early_stopping and task.validation is None:
            if n_samples < 2:
                raise ValueError(
                    f"early_stopping=True of {self._owner} needs at least 2 samples, one to train "
                    f"on and one to validate. Got n_samples = {n_samples}."
                )
            n_valid = min(max(1, round(self.validation_fraction * n_samples)), n_samples - 1)
            # The same part in every call of partial_fit and every warm start.
            generator = make_generator(order_seed)
            rows = task.samples.rows
            if isinstance(rows, Stored):
                indices = split_blocks(rows, generator)
            else:
                indices = torch.randperm(n_samples, generator=generator)
        make = self._batches_of(task, patch)
        generator = make_generator(epoch_seed, net.device)
        training = make(indices[n_valid:].sort().values, generator=generator)
        if task.validation is not None:
            make = self._batches_of(task.validation, patch)
            every = torch.arange(len(task.validation.samples.rows))
            return training, make(every, seed=validation_seed)
        if not n_valid:
            return training, None
        return training, make(indices[:n_valid].sort().values, seed=validation_seed)

    def _batches_of(self, task: Task, patch: Shape | None) -> Callable[..., Batches]:
        """Return what makes batches of some of the samples of a task."""
        return self._whole_batches(task) if patch is None else self._patches(task, patch)

    def _whole_batches(self, task: Task) -> Callable[..., Batches]:
        """Return what makes batches of whole samples."""
        device, shape = torch.device(self.net_.device), task.samples.sample_shape
        if task.samples.is_stored:
            return self._stored_batches(task)
        parts = [part.rows for part in (task.samples, task.target) if part is not None]
        rows, *targets = place([rows_to_tensor(np.asarray(part)) for part in parts], device)
        weights = _as_tensor(task.weights, rows.device)

        def make(indices: Tensor, **source: Any) -> Batches:
            return Batches(
                rows,
                targets[0] if targets else None,
                indices=indices.to(rows.device),
                sample_shape=shape,
                batch_size=self._batch_size_for(len(indices), shape),
                device=device,
                weights=weights,
                repeatable=task.is_repeatable,
                make_batch=task.make_batch,
                **source,
            )

        return make

    def _stored_batches(self, task: Task) -> Callable[..., Batches]:
        """Return what makes batches of samples that stay in a file."""
        rows, shape = task.samples.rows, task.samples.sample_shape
        assert isinstance(rows, Stored)

        def make(indices: Tensor, **source: Any) -> Batches:
            return StoredBatches(
                rows,
                None if task.target is None else task.target.rows,
                indices=indices,
                sample_shape=shape,
                batch_size=self._batch_size_for(len(indices), shape),
                device=torch.device(self.net_.device),
                make_batch=task.make_batch,
                **source,
            )

        return make

    def _patches(self, task: Task, shape: Shape) -> Callable[..., Batches]:
        """Return what makes batches of patches, which a GPU cuts where it can hold the samples."""
        device = torch.device(self.net_.device)
        images = task.samples.images()
        targets = None if task.target is None else task.target.images()
        weights = _as_tensor(task.weights)

        def make(indices: Tensor, **source: Any) -> Batches:
            chosen = indices.tolist()
            samples = [images[index] for index in chosen]
            clean = None if targets is None else [targets[index] for index in chosen]
            n_patches = sum(sample.size for sample in samples) // math.prod(shape)
            settings = {
                "sample_shape": shape,
                "weights": None if weights is None else weights[chosen],
                "augment": self.augment,
                "batch_size": self._batch_size_for(n_patches, shape),
                "device": device,
                "make_batch": task.make_batch,
                **source,
            }
            values = as_values([samples] if clean is None else [samples, clean], device)
            if values is None:
                return Patches(samples, clean, **settings)
            repeatable = task.is_repeatable
            return ResidentPatches(samples, clean, values=values, repeatable=repeatable, **settings)

        return make

    def _batch_size_for(self, n_samples: int, sample_shape: Shape) -> int:
        """Return the samples a step: few where they are large, as steps count more than size."""
        if not isinstance(self.batch_size, str):
            return int(self.batch_size)
        batch_size = automatic_batch_size(n_samples, largest=self._largest_batch)
        n_places = math.prod(sample_shape[:-1]) if len(sample_shape) > 1 else sample_shape[0]
        return max(1, min(batch_size, self._most_places // n_places))


def automatic_batch_size(n_samples: int, *, largest: int) -> int:
    """Return a fiftieth of the samples, between 32 and the largest."""
    return min(max(n_samples // _BATCHES_AN_EPOCH, _SMALLEST_BATCH), largest)


def automatic_epochs(n_batches: int, *, fewest: int, most: int) -> int:
    """Return the epochs that make 2,500 steps, between the fewest and the most."""
    return min(max(math.ceil(_FEWEST_STEPS / n_batches), fewest), most)


def _as_tensor(weights: np.ndarray | None, device: torch.device | None = None) -> Tensor | None:
    return None if weights is None else torch.from_numpy(weights.astype(np.float32)).to(device)


def check_targets(targets: Samples, loss: Loss, name: object, owner: str) -> None:
    """Check that the targets are what a loss is made for.

    Raises
    ------
    ValueError
        If a target is not in the range that the loss takes.
    """
    needed = loss.target_range
    if needed is None:
        return
    white = full_range(targets.dtype) or 1.0
    low, high = targets.lowest / white, targets.highest / white
    if low < needed[0] or high > needed[1]:
        raise ValueError(
            f"loss={name!r} of {owner} needs targets in [{needed[0]:g}, {needed[1]:g}]: scale "
            f"them, or use loss='mse'. Got values from {low:g} to {high:g}."
        )
