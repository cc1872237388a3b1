"""From an estimator's parameters to a trained net."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor, nn

from skdae._random import make_generator
from skdae.data import module_shape, rows_to_tensor
from skdae.estimators._training_data import TrainingData
from skdae.training import (
    OPTIMIZERS,
    Batches,
    DenoisingNet,
    Patches,
    Units,
    as_loss,
    fresh_callbacks,
    measure_units,
    place,
)

__all__ = ["make_net", "probe_module", "train_net", "units_of"]

_FEWEST_STEPS = 2500
_MOST_EPOCHS = 1000
_SMALLEST_BATCH, _BATCHES_AN_EPOCH = 32, 50


def make_net(
    estimator: Any,
    sample_shape: tuple[int, ...],
    *,
    seed: int,
    device: torch.device,
    precision: str,
    units: tuple[Units, Units] | None,
) -> DenoisingNet:
    """Build and initialise the net that an estimator's parameters describe."""
    optimizer = estimator.optimizer
    made_by_user = partial(_checked_optimizer, estimator)
    net = DenoisingNet(
        partial(_checked_module, estimator, module_shape(sample_shape)),
        criterion=as_loss(estimator.loss),
        optimizer=OPTIMIZERS[optimizer] if isinstance(optimizer, str) else made_by_user,
        lr=estimator.lr,
        precision=precision,
        units=units,
        device=str(device),  # skorch hands it on to safetensors
        seed=seed,
        owner=type(estimator).__name__,
    )
    return net.initialize()


def units_of(estimator: Any, data: TrainingData, inputs: Units) -> tuple[Units, Units] | None:
    """Return the units of inputs and outputs, or None for a module that sees the data as they are.

    Raises
    ------
    ValueError
        If ``standardize=True`` goes with cross-entropy, whose targets are probabilities.
    """
    standardize = estimator.standardize
    if standardize is True and as_loss(estimator.loss).compares_probabilities:
        raise ValueError(
            f"standardize=True of {type(estimator).__name__} cannot go with "
            f"loss={estimator.loss!r}, whose outputs are probabilities: take "
            "standardize='auto', or loss='mse'."
        )
    if not standardize or as_loss(estimator.loss).compares_probabilities:
        return None
    outputs = (
        inputs if data.task.target is None else measure_units(data.task.target, data.sample_shape)
    )
    return inputs, outputs


def _checked_optimizer(estimator: Any, parameters: Any, lr: float) -> torch.optim.Optimizer:
    made = estimator.optimizer(parameters, lr=lr)
    if not isinstance(made, torch.optim.Optimizer) or isinstance(made, torch.optim.LBFGS):
        raise TypeError(
            f"The 'optimizer' parameter of {type(estimator).__name__} must be a name or a callable "
            "(params, lr) that returns a torch.optim.Optimizer whose step() needs no closure. "
            f"Got {estimator.optimizer!r}, which returns an object of {type(made).__name__}."
        )
    return made


def _checked_module(estimator: Any, shape: tuple[int, ...]) -> nn.Module:
    module = estimator._build_module(shape)
    kind = type(module).__name__
    needed = ["encode", "decode"] if estimator._decodes else ["encode"]
    missing = [f"no {name}" for name in needed if not hasattr(module, name)]
    if not isinstance(module, nn.Module) or missing:
        raise TypeError(
            f"The module of {type(estimator).__name__} must be an nn.Module with the methods "
            f"{' and '.join(needed)}. Got {kind}"
            + (f", which has {' and '.join(missing)}." if isinstance(module, nn.Module) else ".")
        )
    return module


def probe_module(net: DenoisingNet, sample_shape: tuple[int, ...], estimator: Any) -> tuple:
    """Send one sample through the module, and return the shape of its code.

    Raises
    ------
    ValueError
        If it does not give back the shape it takes, or what the loss needs.
    """
    module, owner = net.module_, type(estimator).__name__
    name = type(module).__name__
    x = torch.full((1, *module_shape(sample_shape)), 0.5, device=net.device)
    module.eval()
    with torch.inference_mode():
        code, output = module.encode(x), module(x)
    for method, result in (("encode", code), ("forward", output)):
        if not isinstance(result, Tensor):
            raise TypeError(
                f"The module of {owner} must return one tensor from {method}. {name} returns "
                f"a {type(result).__name__}."
            )
    if net.units is not None and net.returns_logits:
        raise ValueError(
            f"standardize={estimator.standardize} of {owner} cannot go with {name}, which sets "
            "returns_logits = True: its outputs are probabilities. Take standardize=False."
        )
    if output.shape != x.shape:
        raise ValueError(
            f"The module of {owner} must give back the shape it takes. {name} takes "
            f"{tuple(x.shape[1:])} (channels first) and gives {tuple(output.shape[1:])}."
        )
    checks = as_loss(estimator.loss).compares_probabilities and not net.returns_logits
    if checks and not _gives_fractions(module, x):
        raise ValueError(
            f"loss={estimator.loss!r} of {owner} needs a module whose output lies in [0, 1]: end "
            f"{name} with a sigmoid, or leave the sigmoid out and set "
            "returns_logits = True on the module."
        )
    return tuple(code.shape[1:])


def _gives_fractions(module: nn.Module, x: Tensor) -> bool:
    """Whether the output lies in [0, 1], of values far from there too."""
    with torch.inference_mode():
        output = module(torch.cat([x, 100 * x, -100 * x]))
    return bool((output >= 0).all() and (output <= 1).all())


def train_net(
    estimator: Any, data: TrainingData, *, epochs: int | str, lr_schedule: str, resumes: bool
) -> None:
    """Train the net of an estimator on what its fit learns from.

    Raises
    ------
    ValueError
        If there are too few rows to validate on.
    KeyboardInterrupt, LossExploded
        On Ctrl-C, and if the loss explodes, after the best weights so far are restored.
    """
    net = estimator.net_
    net.lr, net.lr_schedule, net.criterion = estimator.lr, lr_schedule, as_loss(estimator.loss)
    net.initialize_criterion()

    training, validation = _split(estimator, data, estimator._seeds[1])
    if epochs == "auto":
        epochs = math.ceil(_FEWEST_STEPS / len(training.starts))
        epochs = min(max(epochs, estimator._fewest_epochs), _MOST_EPOCHS)
    net.train(
        training,
        validation,
        epochs=epochs,
        callbacks=fresh_callbacks(
            estimator.callbacks or (),
            type(estimator).__name__,
            clone=partial(clone, safe=False),
            lr_schedule=lr_schedule,
            validates=validation is not None,
            loss=net.criterion_,
        ),
        patience=estimator.n_iter_no_change if validation is not None else None,
        verbose=estimator.verbose,
        resumes=resumes,
    )


def _split(estimator: Any, data: TrainingData, order_seed: int) -> tuple[Batches, Batches | None]:
    """Split off the validation part, at random but from the seed, and share out the rest."""
    _check_can_turn(estimator, data.sample_shape)
    net = estimator.net_
    n_samples = len(data.task.rows)
    seeds = np.random.SeedSequence([order_seed, len(net.history)])
    epoch_seed, validation_seed = seeds.generate_state(2).tolist()

    indices = torch.arange(n_samples)
    n_valid = 0
    if estimator.early_stopping:
        if n_samples < 2:
            raise ValueError(
                f"early_stopping=True of {type(estimator).__name__} needs at least 2 samples, one "
                f"to train on and one to validate. Got n_samples = {n_samples}."
            )
        n_valid = min(max(1, round(estimator.validation_fraction * n_samples)), n_samples - 1)
        # The same part in every call of partial_fit and every warm start.
        indices = torch.randperm(n_samples, generator=make_generator(order_seed))
    whole = data.patch_shape is None and not estimator.augment
    make = (_make_batches if whole else _make_patches)(estimator, data)
    generator = make_generator(epoch_seed, net.device)
    training = make(indices[n_valid:].sort().values, generator=generator)
    if not n_valid:
        return training, None
    return training, make(indices[:n_valid].sort().values, seed=validation_seed)


def _check_can_turn(estimator: Any, sample_shape: tuple[int, ...]) -> None:
    """Check that samples are images where ``augment`` turns them.

    Raises
    ------
    ValueError
        If they are not.
    """
    if estimator.augment and len(sample_shape) < 3:
        raise ValueError(
            f"augment=True of {type(estimator).__name__} is for images. Got samples of shape "
            f"{sample_shape}: leave augment=False, or give arrays with the axes of images."
        )


def _make_batches(estimator: Any, data: TrainingData) -> Callable[..., Batches]:
    """Return what makes batches of whole samples."""
    device = torch.device(estimator.net_.device)
    parts = [part for part in (data.task.rows, data.task.target) if part is not None]
    rows, *targets = place([rows_to_tensor(np.asarray(part)) for part in parts], device)

    def make(indices: Tensor, **source: Any) -> Batches:
        return Batches(
            rows,
            targets[0] if targets else None,
            indices=indices.to(rows.device),
            sample_shape=data.sample_shape,
            batch_size=_batch_size(estimator, len(indices), data.sample_shape),
            device=device,
            repeatable=data.task.is_repeatable,
            make_batch=data.task.make_batch,
            **source,
        )

    return make


def _make_patches(estimator: Any, data: TrainingData) -> Callable[..., Batches]:
    """Return what makes batches of patches."""
    images = data.images(data.task.rows)
    targets = None if data.task.target is None else data.images(data.task.target)
    shape = data.patch_shape or data.sample_shape
    n_values = math.prod(shape)

    def make(indices: Tensor, **source: Any) -> Batches:
        chosen = indices.tolist()
        samples = [images[index] for index in chosen]
        n_patches = sum(sample.size for sample in samples) // n_values
        return Patches(
            samples,
            None if targets is None else [targets[index] for index in chosen],
            sample_shape=shape,
            augment=estimator.augment,
            batch_size=_batch_size(estimator, n_patches, shape),
            device=torch.device(estimator.net_.device),
            make_batch=data.task.make_batch,
            **source,
        )

    return make


def _batch_size(estimator: Any, n_samples: int, sample_shape: tuple[int, ...]) -> int:
    """Return the samples a step: few where they are large, since steps count more than size."""
    if estimator.batch_size != "auto":
        return estimator.batch_size
    batch_size = max(n_samples // _BATCHES_AN_EPOCH, _SMALLEST_BATCH)
    batch_size = min(batch_size, estimator._largest_batch)
    n_places = math.prod(sample_shape[:-1]) if len(sample_shape) > 1 else sample_shape[0]
    return max(1, min(batch_size, estimator._most_places // n_places))
