"""One compute thread inside of a worker of joblib, and elsewhere as torch is set."""

import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from sklearn.model_selection import cross_val_score
from torch import nn

from skdae import DenoisingAutoencoder
from skdae.training._threads import shared_threads

X = np.random.default_rng(0).random((40, 6)).astype(np.float32)


@pytest.fixture(autouse=True)
def two_threads(monkeypatch):
    """Compute on two threads here and in threads to come, as torch does on two cores."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def all_threads():
    """Return the threads of torch itself, of OpenMP and of MKL, which has numbers of its own."""
    info = torch.__config__.parallel_info()
    return {int(n) for n in re.findall(r"get_(?:num|max)_threads\(\) : (\d+)", info)}


def threads_of_a_new_thread():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return seen[0]


def assert_as_before():
    assert torch.get_num_threads() == 2
    assert threads_of_a_new_thread() == 2


class Counting(nn.Module):
    """Note on how many threads it computes; slowly, so that workers meet."""

    seen: dict[str, set] = {}

    def __init__(self, sample_shape):
        super().__init__()
        self.layer = nn.Linear(*sample_shape, *sample_shape)

    def note(self, x):
        if len(x) > 1:  # not what looks at a module before training
            time.sleep(0.002)
            kind = "inference" if torch.is_inference_mode_enabled() else "training"
            self.seen.setdefault(kind, set()).update(all_threads())
        return x

    def encode(self, x):
        return self.layer(self.note(x))

    def decode(self, code):
        return self.note(code)

    def forward(self, x):
        return self.decode(self.encode(x))


def counted(work):
    """Return on how many threads the module computed while ``work`` ran."""
    Counting.seen.clear()
    work()
    return {kind: sorted(numbers) for kind, numbers in Counting.seen.items()}


def dae():
    return DenoisingAutoencoder(
        Counting, noise="gaussian", early_stopping=True, max_epochs=3, random_state=0
    )


def fit_and_predict():
    dae().fit(X).predict(X)


ON_TWO = {"training": [2], "inference": [2]}
ON_ONE = {"training": [1], "inference": [1]}


# ---------------------------------------------------------------- threads of joblib
def test_outside_of_joblib_nothing_changes():
    assert counted(fit_and_predict) == ON_TWO
    assert_as_before()


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_one_job_is_no_sharing(backend):
    parallel = Parallel(n_jobs=1, backend=backend)
    assert counted(lambda: parallel(delayed(fit_and_predict)() for _ in range(2))) == ON_TWO
    assert_as_before()


@pytest.mark.parametrize("n_tasks", [2, 6])
def test_a_worker_thread_computes_on_one(n_tasks):
    parallel = Parallel(n_jobs=2, backend="threading")
    assert counted(lambda: parallel(delayed(fit_and_predict)() for _ in range(n_tasks))) == ON_ONE
    assert_as_before()


@pytest.mark.parametrize(
    "method", ["predict", "transform", "inverse_transform", "score", "score_samples"]
)
def test_what_is_fitted_elsewhere_is_used_on_one(method):
    fitted = dae().fit(X)
    parallel = Parallel(n_jobs=2, backend="threading")
    work = delayed(getattr(fitted, method))
    assert counted(lambda: parallel(work(X) for _ in range(2))) == {"inference": [1]}
    assert_as_before()


def test_a_search_in_threads():
    def search():
        with joblib.parallel_config("threading"):
            cross_val_score(dae(), X, cv=4, n_jobs=2)

    assert counted(search) == ON_ONE
    assert_as_before()


def test_a_failed_fit_gives_the_threads_back():
    def fail():
        with pytest.raises(ValueError, match="diverged"):
            dae().set_params(lr=1e9).fit(X)

    assert counted(lambda: Parallel(2, "threading")(delayed(fail)() for _ in range(2)))
    assert_as_before()


def test_the_number_of_the_user_comes_first(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    parallel = Parallel(n_jobs=2, backend="threading")
    assert counted(lambda: parallel(delayed(fit_and_predict)() for _ in range(2))) == ON_TWO
    assert_as_before()


class Worker:
    """A worker thread of joblib that borrows and gives back at command."""

    def __init__(self):
        backend = joblib.parallel.ThreadingBackend(nesting_level=1)
        self.thread = ThreadPoolExecutor(1, initializer=joblib.parallel_config, initargs=[backend])
        self.open = []

    def do(self, work):
        return self.thread.submit(work).result(timeout=10)

    def borrow(self):
        self.open.append(shared_threads())
        self.do(self.open[-1].__enter__)
        assert self.threads() == 1

    def give_back(self):
        self.do(lambda: self.open.pop().__exit__(None, None, None))

    def threads(self):
        return self.do(torch.get_num_threads)


@pytest.fixture
def workers():
    workers = [Worker(), Worker()]
    yield workers
    for worker in workers:
        worker.thread.shutdown()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_workers_that_meet(order, workers):
    first, second = workers
    first.borrow()
    second.borrow()
    earlier, later = (workers[i] for i in order)
    earlier.give_back()
    assert later.threads() == 1
    later.give_back()
    assert_as_before()


def test_a_worker_that_borrows_twice(workers):
    worker, _ = workers
    worker.borrow()
    worker.borrow()
    worker.give_back()
    assert worker.threads() == 1
    worker.give_back()
    assert worker.threads() == 2
    assert_as_before()


def test_a_worker_that_comes_back_does_not_take_its_one_for_the_number_of_all(workers):
    first, second = workers
    first.borrow()
    second.borrow()
    first.give_back()  # while the second still computes
    second.give_back()
    first.borrow()
    first.give_back()
    assert_as_before()


# ---------------------------------------------------------------- processes
def threads_of_a_fit():
    return counted(fit_and_predict), "OMP_NUM_THREADS" in os.environ


def test_processes_share_the_cores():
    """loky tells its workers how many threads are theirs, and that is left alone."""
    share = max(1, joblib.cpu_count() // 2)
    for seen, told in Parallel(n_jobs=2)(delayed(threads_of_a_fit)() for _ in range(2)):
        assert seen == {"training": [share], "inference": [share]}
        assert told
    assert_as_before()
