"""A learning rate that fills a given time, whatever the speed of the machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache
from typing import Any

from skorch.callbacks import Callback

from skdae.training._schedules import one_cycle

__all__ = ["TimedCycle"]

_RESOLUTION = 100_000
# The first epochs also load libraries: they are no measure, and each takes this part of the cycle.
_UNTIMED, _PART = 2, 0.02


class TimedCycle(Callback):
    """Let the rate go through its cycle in a given time, and end the training then.

    Before each epoch, the seconds that the last one took say how many there is time for; the rest
    of the cycle is shared out among them, step by step. The last epoch ends with the cycle.

    Parameters
    ----------
    seconds_given : float
        The time.
    progress : list of float or None, default=None
        Where in the cycle, from 0 to 1, each epoch of another training began, and 1: that of
        which the steps are taken again. None follows the clock.
    """

    def __init__(self, seconds_given: float, progress: list[float] | None = None):
        self.seconds_given = seconds_given
        self.given = progress
        self.progress = [0.0]
        self.seconds = 0.0
        self.was_captured = False

    def __sklearn_clone__(self) -> TimedCycle:
        """Stay the one that is read after the training."""
        return self

    def state_dict(self) -> dict[str, Any]:
        """Return what a training goes on from."""
        return {"progress": self.progress, "seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there; the time since does not count."""
        self.progress, self.seconds = list(state["progress"]), state["seconds"]

    def on_epoch_begin(self, net: Any, dataset_train: Any = None, **kwargs: Any) -> None:
        """Share out what is left of the cycle."""
        self.start_ = time.perf_counter()
        n_done = len(self.progress) - 1
        if self.given is not None:
            stop = self.given[n_done + 1]
        else:
            stop = self.progress[-1] + _PART
            if n_done >= _UNTIMED:
                n_left = round((self.seconds_given - self.seconds) / self.epoch_seconds_)
                left = 1 - self.progress[-1]
                stop = 1.0 if n_left <= 1 else self.progress[-1] + left / n_left
        self.progress.append(stop)
        # The net takes its rates from here, one a step.
        net._rates = _rates(net.lr, self.progress[-2], stop, len(dataset_train.starts))

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Read the clock, and end the training with the cycle."""
        self.epoch_seconds_ = time.perf_counter() - self.start_
        self.seconds += self.epoch_seconds_
        self.was_captured = net._captured is not None and net._captured.graph is not None
        if self.progress[-1] >= 1:
            raise KeyboardInterrupt  # as callbacks of skorch end a training


def _rates(lr: float, begin: float, stop: float, n_steps: int) -> Iterator[float]:
    """Yield the rates of the steps between two places in the cycle."""
    cycle = _cycle(lr)
    for step in range(n_steps):
        place = begin + (stop - begin) * (step + 1) / n_steps
        yield cycle[round(place * (_RESOLUTION - 1))]


@cache
def _cycle(lr: float) -> list[float]:
    return list(one_cycle(lr, _RESOLUTION))
