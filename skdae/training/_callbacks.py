"""Callbacks of every training: the best weights, early stopping, the progress bar."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from skorch import NeuralNet
from skorch.callbacks import Callback, EpochScoring
from torch import Tensor
from tqdm.auto import tqdm

__all__ = ["BestWeights", "ProgressBar", "needs_all_rows", "watches_batches"]

_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")


def watches_batches(callback: Callback) -> bool:
    """Whether a callback has a hook that is called for every batch."""
    kind = type(callback)
    return any(getattr(kind, hook) is not getattr(Callback, hook) for hook in _BATCH_HOOKS)


def needs_all_rows(callback: Callback) -> bool:
    """Whether a callback collects the outputs of all rows of the validation part."""
    return isinstance(callback, EpochScoring)


class BestWeights(Callback):
    """Keep the weights of the best epoch in memory, and count the epochs since.

    Parameters
    ----------
    patience : int or None, default=None
        Epochs without a new best after which the training is exhausted; None is never.
    keep_first : bool, default=False
        Whether the weights before the first epoch count as the best so far.
    """

    def __init__(self, patience: int | None = None, keep_first: bool = False):
        self.patience = patience
        self.keep_first = keep_first

    def on_train_begin(self, net: NeuralNet, **kwargs: object) -> None:
        """Forget the last training; keep the weights there are if ``keep_first``."""
        self.best_loss_ = math.inf
        self.weights_: dict[str, Tensor] | None = None
        self.before_: dict[str, Tensor] | None = None
        self.misses_ = 0
        if self.keep_first:
            self._keep(net)

    def on_epoch_end(self, net: NeuralNet, **kwargs: object) -> None:
        """Compare the loss on the validation part, or else on the training data."""
        epoch = net.history[-1]
        loss = epoch.get("valid_loss", epoch["train_loss"])
        if loss < self.best_loss_:
            self.best_loss_ = loss
            self.misses_ = 0
            self._keep(net)
        else:
            self.misses_ += 1

    def state_dict(self) -> dict[str, Any]:
        """Return what is kept from epoch to epoch."""
        names = ("best_loss_", "weights_", "before_", "misses_")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned."""
        self.__dict__.update(state)

    @property
    def is_exhausted(self) -> bool:
        """Whether ``patience`` epochs in a row were no better."""
        return self.patience is not None and self.misses_ >= self.patience

    def _keep(self, net: NeuralNet) -> None:
        """Keep the weights, and those that were the best before."""
        state = net.module_.state_dict()
        self.before_ = self.weights_
        self.weights_ = {name: value.detach().clone() for name, value in state.items()}

    def restore(self, net: NeuralNet, are_bad: Callable[[], bool] | None = None) -> bool:
        """Give the net the best weights back, and return whether there were any.

        The loss of an epoch does not cover its last step. If ``are_bad`` returns True for the best
        weights, those that were the best before are taken.
        """
        weights = self.weights_
        if weights is None:
            return False
        net.module_.load_state_dict(weights)
        if are_bad is not None and self.best_loss_ < math.inf and are_bad():
            if self.before_ is None:
                return False
            net.module_.load_state_dict(self.before_)
        return True


class ProgressBar(Callback):
    """One bar for the whole training: batches done, epoch, losses, time left."""

    def __init__(self, n_epochs: int, n_batches: int):
        self.n_epochs = n_epochs
        self.n_batches = n_batches

    def on_train_begin(self, net: NeuralNet, **kwargs: object) -> None:
        """Open the bar."""
        self.bar_ = tqdm(total=self.n_epochs * self.n_batches, unit="batch")
        self.epoch_ = 0

    def skip(self, n_epochs: int) -> None:
        """Count epochs of a training that was interrupted."""
        self.epoch_ += n_epochs
        self.bar_.update(n_epochs * self.n_batches)

    def on_epoch_begin(self, net: NeuralNet, **kwargs: object) -> None:
        """Show which epoch runs."""
        self.epoch_ += 1
        self.bar_.set_description(f"epoch {self.epoch_}/{self.n_epochs}", refresh=False)

    def on_batch_end(self, net: NeuralNet, training: bool = False, **kwargs: object) -> None:
        """Move on."""
        if training:
            self.bar_.update()

    def on_epoch_end(self, net: NeuralNet, **kwargs: object) -> None:
        """Show the losses."""
        epoch = net.history[-1]
        names = {"train_loss": "loss", "valid_loss": "validation"}
        self.bar_.set_postfix({label: epoch[key] for key, label in names.items() if key in epoch})

    def on_train_end(self, net: NeuralNet, **kwargs: object) -> None:
        """Close the bar."""
        self.bar_.close()
