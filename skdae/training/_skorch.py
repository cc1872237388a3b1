"""Checks and adapts callbacks of skorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EpochScoring,
    LoadInitState,
    LRScheduler,
    PassthroughScoring,
    TrainEndCheckpoint,
)
from skorch.utils import to_numpy
from torch import Tensor, nn

from skdae.data import from_channels_first
from skdae.training._distributed import processes
from skdae.training._losses import Criterion

__all__ = ["Callback", "InPlainOrder", "fresh_callbacks"]


def fresh_callbacks(
    callbacks: Sequence[Any],
    owner: str,
    *,
    clone: Callable[[Callback], Callback],
    lr_schedule: str,
    validates: bool,
    loss: Criterion,
) -> list[Callback | tuple[str, Callback]]:
    """Return clones of the user's callbacks, adapted to this net.

    Parameters
    ----------
    callbacks : sequence of skorch callbacks or (name, callback) pairs
        What the user gave.
    owner : str
        Name of the estimator, for the messages.
    clone : callable (callback) -> callback
        That of scikit-learn.
    lr_schedule : str
        That of the training.
    validates : bool
        Whether there is a validation part.
    loss : callable
        What the training minimises.

    Raises
    ------
    TypeError
        If one is no callback of skorch.
    ValueError
        If a callback cannot work with this training.
    """
    clones: dict[int, Callback] = {}
    fresh: list[Callback | tuple[str, Callback]] = []
    for item in callbacks:
        named = isinstance(item, (tuple, list)) and len(item) == 2 and isinstance(item[0], str)
        original = item[1] if named else item
        if isinstance(original, type) and issubclass(original, Callback):
            original = original()
        if not isinstance(original, Callback):
            raise TypeError(
                f"The 'callbacks' parameter of {owner} must be a list of callbacks of skorch, or "
                f"of (name, callback) pairs. Got {item!r} in it."
            )
        remedy = _remedy(original, lr_schedule, validates)
        if remedy is not None:
            raise ValueError(f"{type(original).__name__} in the callbacks of {owner} {remedy}")
        clones[id(original)] = clone(original)
        fresh.append((item[0], clones[id(original)]) if named else clones[id(original)])
    for original in callbacks:
        loader = clones.get(id(original))
        if isinstance(loader, LoadInitState):
            # A checkpoint of the same list, or one of its own that nobody else initialises.
            written = clones.get(id(original.checkpoint))
            loader.checkpoint = written or loader.checkpoint.initialize()
    for callback in clones.values():
        _prepare(callback, loss)
    return fresh


def _prepare(callback: Callback, loss: Criterion) -> None:
    """Let scores see rows, as metrics of scikit-learn do, and save no loss without a state."""
    if isinstance(callback, EpochScoring) and callback.target_extractor is to_numpy:
        callback.target_extractor = _as_rows
    saved = callback.checkpoint if isinstance(callback, LoadInitState) else callback
    if isinstance(saved, (Checkpoint, TrainEndCheckpoint)) and not hasattr(loss, "state_dict"):
        saved.f_criterion = None


def _as_rows(target: Tensor) -> np.ndarray:
    return to_numpy(from_channels_first(target))


def _remedy(callback: Callback, lr_schedule: str, validates: bool) -> str | None:
    """Return what to do about a callback that cannot work, or None if it can."""
    monitor = str(getattr(callback, "monitor", None))
    if monitor.startswith("valid_") and not validates:
        return (
            f"waits for {monitor!r}, and there is no validation part: set early_stopping=True, "
            f"which sets one aside, or monitor={monitor.replace('valid_', 'train_')!r}."
        )
    if isinstance(callback, EpochScoring) and not (callback.on_train or validates):
        return (
            "scores the validation part, and there is none: set early_stopping=True, which sets "
            "one aside, or on_train=True."
        )
    if isinstance(callback, EpochScoring) and callback.on_train and processes().size > 1:
        return (
            "scores the batches of the training, of which each process has a share: set "
            "early_stopping=True and on_train=False, or train on one process."
        )
    if isinstance(callback, LRScheduler) and lr_schedule != "constant":
        return f"sets the learning rate, as lr_schedule={lr_schedule!r} does: take 'constant'."
    if isinstance(callback, (BatchScoring, PassthroughScoring)):
        return "needs scores of single batches, which are not recorded: take EpochScoring."
    if getattr(callback, "f_pickle", None) is not None:
        return "cannot pickle the net: leave f_pickle=None, and pickle the estimator after fit."
    return None


class InPlainOrder:
    """Give checkpoints the weights of a module in contiguous memory."""

    def __init__(self, module: nn.Module):
        self.module = module
        self.load_state_dict = module.load_state_dict

    def state_dict(self) -> dict[str, Tensor]:
        """Return the weights."""
        return {name: value.contiguous() for name, value in self.module.state_dict().items()}
