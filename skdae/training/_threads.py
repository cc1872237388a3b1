"""How many threads compute, and a pool of those that compute alone."""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import torch
from joblib.parallel import get_active_backend

__all__ = ["few_threads", "n_threads_here", "on_pool"]

Item = TypeVar("Item")

# A step with fewer values and fewer products takes one thread.
_MANY_VALUES, _MANY_PRODUCTS = 2**15, 2**27

_LOCK = threading.Lock()
_THREAD = threading.local()


def n_threads_here() -> int:
    """Return how many threads may compute: one inside of a worker, else torch's number.

    Two workers with the threads of all cores each would wait for each other's. Workers are those
    of joblib and of Dask. Processes of loky, and those that a nanny of Dask starts, need no help:
    they have ``OMP_NUM_THREADS`` at their share.
    """
    if "OMP_NUM_THREADS" in os.environ:
        return torch.get_num_threads()
    is_worker = get_active_backend()[0].nesting_level > 0 or _is_in_a_task_of_dask()
    return 1 if is_worker else torch.get_num_threads()


def _is_in_a_task_of_dask() -> bool:
    """Return whether a worker of Dask runs this, for which joblib has no nesting level."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return False
    try:
        distributed.get_worker()
    except ValueError:
        return False
    return True


@contextmanager
def few_threads(n_values: int, n_products: int) -> Iterator[None]:
    """Compute on the calling thread alone inside of the block, unless its steps are worth sharing.

    Threads that share a small step wait for each other longer than they compute, many times so
    where another process keeps a core busy. And their number changes the last bits of the result.

    Parameters
    ----------
    n_values : int
        Values of a batch.
    n_products : int
        Products of a weight and a value in a step.
    """
    is_small = n_values < _MANY_VALUES and n_products < _MANY_PRODUCTS
    alone = is_small or n_threads_here() == 1
    before = torch.get_num_threads()
    if not alone or before == 1:
        yield
        return
    _set_here(1)
    try:
        yield
    finally:
        _set_here(before)


def on_pool(functions: Sequence[Callable[[Item], None]], items: Iterable[Item]) -> None:
    """Share items out among functions, each of which runs on one thread of a pool.

    The pool serves all callers, has a thread a core, and stays for the next call. The kernels of
    linear algebra share out a sum by the number of their threads; one thread always adds up in
    the same order.

    Parameters
    ----------
    functions : sequence of callable (item) -> None
        Each takes the next item as soon as it is done with the one before.
    items : iterable
        What is shared out; no item is None.
    """
    queue = iter(items)
    lock = threading.Lock()
    stopped = False

    def run(function: Callable[[Item], None]) -> None:
        nonlocal stopped
        while not stopped:
            with lock:
                item = next(queue, None)
            if item is None:
                return
            try:
                function(item)
            except BaseException:
                stopped = True
                raise

    if getattr(_THREAD, "is_worker", False):  # a module that calls predict waits for no worker
        run(functions[0])
        return
    running = [_pool(os.getpid()).submit(run, function) for function in functions]
    try:
        for future in running:
            future.result()
    finally:
        stopped = True
        wait(running)


@functools.lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    """Return the pool of this process; a forked one has none of the threads of its parent."""
    n_cores = os.cpu_count() or 1
    return ThreadPoolExecutor(n_cores, thread_name_prefix="skdae", initializer=_become_worker)


def _become_worker() -> None:
    _THREAD.is_worker = True
    _set_here(1)


def _set_here(n_threads: int) -> None:
    """Set the number of this thread alone.

    torch keeps the last number that any thread set for the threads to come, which take it when
    they first ask: a thread of its own puts that one back, after this one has asked.
    """
    with _LOCK:
        torch.get_num_threads()
        kept: list[int] = []
        _in_a_new_thread(lambda: kept.append(torch.get_num_threads()))
        torch.set_num_threads(n_threads)
        _in_a_new_thread(lambda: torch.set_num_threads(*kept))


def _in_a_new_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
