"""One compute thread where joblib has already shared out the processor."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from joblib.parallel import get_active_backend

__all__ = ["shared_threads"]

_LOCK = threading.Lock()
_borrowers = 0
_threads = 1


@contextmanager
def shared_threads() -> Iterator[None]:
    """Compute on one thread inside of a worker of joblib, and as torch is set elsewhere.

    Two workers with the threads of all cores each would wait for each other's. Processes of
    loky need no help: they start with ``OMP_NUM_THREADS`` at their share.
    """
    global _borrowers, _threads
    if get_active_backend()[0].nesting_level == 0 or "OMP_NUM_THREADS" in os.environ:
        yield
        return
    # The number belongs to a thread, but torch also keeps the last one for threads to come.
    with _LOCK:
        if _borrowers == 0:
            _threads = torch.get_num_threads()
        _borrowers += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _LOCK:
            _borrowers -= 1
            torch.set_num_threads(1 if _borrowers else _threads)
