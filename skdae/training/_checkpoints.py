"""The whole state of a training after an epoch, and the way back to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from skorch.callbacks import Callback

from skdae.training._batches import Batches
from skdae.training._callbacks import ProgressBar
from skdae.training._modules import has_only_known_layers
from skdae.training._state import from_arrays, load_net_arrays, net_arrays, to_arrays

if TYPE_CHECKING:
    from skdae.training._net import DenoisingNet

__all__ = ["Checkpoints"]

# Of the time that has passed since a state was written, the part that writing the next may take.
_SHARE = 0.01


class Checkpoints(Callback):
    """Write the state of a training after its epochs, and go on from such a state.

    The first epoch is written, and then each one, unless writing would take more than a hundredth
    of the time since. The last one is left to the caller, who has the trained net then.

    Parameters
    ----------
    write : callable (state) -> None
        Keeps a state of arrays and plain data.
    state : dict or None, default=None
        A state that was kept, to go on from.
    """

    def __init__(self, write: Callable[[dict], None], state: dict | None = None):
        self.write = write
        self.state = state

    def check(self, callbacks: Sequence[Callback | tuple[str, Callback]], owner: str) -> None:
        """Check that the callbacks of the user can say what they hold.

        Raises
        ------
        ValueError
            If one has no ``state_dict`` and ``load_state_dict``.
        """
        for item in callbacks:
            callback = item[1] if isinstance(item, tuple) else item
            if not (hasattr(callback, "state_dict") and hasattr(callback, "load_state_dict")):
                raise ValueError(
                    f"The 'checkpoint' parameter of {owner} must be None with "
                    f"{type(callback).__name__} in the callbacks: what it keeps from epoch to "
                    "epoch would be lost. Set callbacks=None, or give a subclass of it "
                    "state_dict(), which returns that as numbers, texts, arrays, and lists and "
                    "dicts of them, and load_state_dict(state)."
                )

    def on_train_begin(self, net: DenoisingNet, **kwargs: object) -> None:
        """Start the clock."""
        self.n_before_ = len(net.history)
        self.since_, self.cost_ = time.perf_counter(), 0.0

    def on_epoch_end(
        self, net: DenoisingNet, dataset_train: Batches | None = None, **kwargs: object
    ) -> None:
        """Write, if it is time."""
        start = time.perf_counter()
        if net.has_ended or self.cost_ > _SHARE * (start - self.since_):
            return
        assert dataset_train is not None
        self.write(self._state_of(net, dataset_train))
        self.since_ = time.perf_counter()
        self.cost_ = self.since_ - start

    def resume(self, net: DenoisingNet, training: Batches) -> int:
        """Give a net and its batches the state to go on from; return its number of epochs."""
        state, self.state = self.state, None
        if state is None:
            return 0
        assert training.generator is not None
        load_net_arrays(net, state["net"])
        training.generator.set_state(from_arrays(state["generator"]))
        _set_global_generators(net, from_arrays(state["global_generators"]))
        net._first_loss = from_arrays(state["first_loss"]).to(net.device)
        net._lowest = state["lowest"]
        for name, callback in self._others(net):
            callback.load_state_dict(from_arrays(state["callbacks"][name]))
        n_done = len(net.history) - self.n_before_
        for _, callback in net.callbacks_:
            if isinstance(callback, ProgressBar):
                callback.skip(n_done)
        return n_done

    def _state_of(self, net: DenoisingNet, training: Batches) -> dict[str, Any]:
        assert training.generator is not None
        optimizer = to_arrays(net.optimizer_.state_dict())
        if net._captured is not None:
            for group in optimizer["param_groups"]:
                group.update(lr=float(group["lr"]), capturable=False)
        state = {
            "generator": training.generator.get_state(),
            "global_generators": _global_generators(net),
            "first_loss": net._first_loss,
            "lowest": net._lowest,
            "callbacks": {name: callback.state_dict() for name, callback in self._others(net)},
        }
        return {"net": {**net_arrays(net), "optimizer": optimizer}, **to_arrays(state)}

    def _others(self, net: DenoisingNet) -> Iterator[tuple[str, Any]]:
        for name, callback in net.callbacks_:
            if not isinstance(callback, (Checkpoints, ProgressBar)):
                yield name, callback


def _global_generators(net: DenoisingNet) -> list[torch.Tensor]:
    """Return the states of torch's global generators, where a module may draw from them."""
    if has_only_known_layers(net.module_):
        return []
    states = [torch.get_rng_state()]
    if torch.device(net.device).type == "cuda":
        states.append(torch.cuda.get_rng_state(net.device))
    return states


def _set_global_generators(net: DenoisingNet, states: list[torch.Tensor]) -> None:
    """Set them again; the net has borrowed them for the training."""
    if states:
        torch.set_rng_state(states[0])
    if states[1:]:
        torch.cuda.set_rng_state(states[1], net.device)
