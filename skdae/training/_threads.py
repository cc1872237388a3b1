"""One compute thread where joblib has already shared out the processor."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from joblib.parallel import get_active_backend

__all__ = ["shared_threads"]

_LOCK = threading.Lock()


@contextmanager
def shared_threads() -> Iterator[None]:
    """Compute on one thread inside of a worker of joblib, and as torch is set elsewhere.

    Two workers with the threads of all cores each would wait for each other's. Processes of
    loky need no help: they start with ``OMP_NUM_THREADS`` at their share.
    """
    if get_active_backend()[0].nesting_level == 0 or "OMP_NUM_THREADS" in os.environ:
        yield
        return
    before = _set_here(1)
    try:
        yield
    finally:
        _set_here(before)


def _set_here(n_threads: int) -> int:
    """Set the number of this thread alone, and return the one before.

    torch keeps the last number that any thread set for the threads to come, which take it when
    they first ask: a thread of its own puts that one back.
    """
    with _LOCK:
        before = torch.get_num_threads()
        kept: list[int] = []
        _in_a_new_thread(lambda: kept.append(torch.get_num_threads()))
        torch.set_num_threads(n_threads)
        _in_a_new_thread(lambda: torch.set_num_threads(*kept))
    return before


def _in_a_new_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
