"""Threads: all for a large training, one for a small one, and a pool of single ones to predict."""

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

from skdae import ConvDAE, DenoisingAutoencoder, DenseDAE, UNetDAE
from skdae.inference import _apply
from skdae.training import _threads
from skdae.training._threads import few_threads, on_pool

X = np.random.default_rng(0).random((40, 6)).astype(np.float32)


@pytest.fixture(autouse=True)
def two_threads(monkeypatch):
    """Compute on two threads here and in threads to come, as torch does on two cores."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(_threads, "_MANY_PRODUCTS", 0)
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


# Early stopping computes losses on the threads of the training, and predictions come from one each.
ON_TWO = {"training": [2], "inference": [1, 2]}
ON_ONE = {"training": [1], "inference": [1]}


# ---------------------------------------------------------------- threads of joblib
def test_outside_of_joblib_a_large_training_is_shared():
    assert counted(fit_and_predict) == ON_TWO
    assert_as_before()


def test_a_small_training_is_not(monkeypatch):
    # 36 weights, and 32 rows of 6 values a step
    monkeypatch.setattr(_threads, "_MANY_PRODUCTS", 36 * 32 + 1)
    monkeypatch.setattr(_threads, "_MANY_VALUES", 6 * 32 + 1)
    assert counted(fit_and_predict) == ON_ONE
    assert_as_before()
    monkeypatch.setattr(_threads, "_MANY_PRODUCTS", 36 * 32)
    assert counted(fit_and_predict) == ON_TWO
    monkeypatch.setattr(_threads, "_MANY_PRODUCTS", 36 * 32 + 1)
    monkeypatch.setattr(_threads, "_MANY_VALUES", 6 * 32)
    assert counted(fit_and_predict) == ON_TWO


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
        self.open.append(few_threads(0, 0))
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
    return counted(fit_and_predict), torch.get_num_threads(), "OMP_NUM_THREADS" in os.environ


def test_processes_share_the_cores():
    """loky tells its workers how many threads are theirs, and that is left alone."""
    share = max(1, joblib.cpu_count() // 2)
    for seen, number, told in Parallel(n_jobs=2)(delayed(threads_of_a_fit)() for _ in range(2)):
        assert seen == {"training": [1], "inference": [1]}
        assert number == share
        assert told
    assert_as_before()


# ---------------------------------------------------------------- the pool
def test_items_are_shared_out_among_threads():
    meeting, done = threading.Barrier(2, timeout=10), []

    def work(item):
        meeting.wait()  # two at a time, or never
        done.append((item, threading.get_ident(), torch.get_num_threads()))

    on_pool([work, work], range(6))
    assert sorted(item for item, *_ in done) == list(range(6))
    assert {threads for *_, threads in done} == {1}
    assert threading.get_ident() not in {thread for _, thread, _ in done}
    assert_as_before()


def test_no_more_threads_than_functions():
    threads = set()
    on_pool([lambda item: threads.add(threading.get_ident())], range(50))
    assert len(threads) == 1


def test_the_first_error_ends_the_work():
    done = []

    def work(item):
        done.append(item)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        on_pool([work], range(100))
    assert done == [0]


def test_a_worker_that_asks_for_workers_does_the_work_itself():
    seen = []
    n_cores = os.cpu_count()
    on_pool([lambda item: on_pool([seen.append] * 2, [item, item])] * n_cores, range(2 * n_cores))
    assert sorted(seen) == sorted([*range(2 * n_cores)] * 2)


def test_many_callers_share_the_pool():
    fitted = dae().fit(X)
    expected = fitted.predict(X)
    with ThreadPoolExecutor(20) as callers:
        for denoised in callers.map(lambda _: fitted.predict(X), range(100)):
            np.testing.assert_array_equal(denoised, expected)
    assert_as_before()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_has_a_pool_of_its_own():
    torch.set_num_threads(1)  # libgomp itself does not survive a fork with more
    fitted = dae().fit(X)
    expected = fitted.predict(X)
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(fitted.predict(X), expected) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# ---------------------------------------------------------------- the number of threads
@pytest.mark.parametrize("n_threads", [1, 2, 3, 4, 5, 6, 7, 8, 12])
def test_predictions_do_not_depend_on_the_number_of_threads(n_threads, many_fitted):
    torch.set_num_threads(n_threads)
    for fitted, images, expected in many_fitted:
        np.testing.assert_array_equal(fitted.predict(images), expected["predict"])
        np.testing.assert_array_equal(fitted.transform(images), expected["transform"])
        order = np.random.default_rng(n_threads).permutation(len(images))
        np.testing.assert_array_equal(fitted.predict(images[order]), expected["predict"][order])
        for rows in (slice(0, 1), slice(7, 8), slice(-30, None)):
            np.testing.assert_array_equal(fitted.predict(images[rows]), expected["predict"][rows])
            np.testing.assert_array_equal(
                fitted.transform(images[rows]), expected["transform"][rows]
            )


class OfAUser(nn.Module):
    """Normalises, drops, and keeps what it saw last."""

    def __init__(self, sample_shape):
        super().__init__()
        n = int(np.prod(sample_shape))
        self.flat = nn.Sequential(nn.Flatten(), nn.Linear(n, 50), nn.BatchNorm1d(50), nn.Dropout())
        self.back = nn.Sequential(nn.Linear(50, n), nn.Unflatten(1, sample_shape))

    def encode(self, x):
        self.kept = self.flat(x)
        return self.kept

    def decode(self, code):
        return self.back(code)

    def forward(self, x):
        self.encode(x)
        return self.decode(self.kept)


@pytest.fixture(scope="module")
def many_fitted():
    """Fit narrow and wide nets, whose kernels split their sums in other ways."""
    images = np.random.default_rng(0).random((330, 9, 7)).astype(np.float32)
    short = {"noise": "gaussian", "max_epochs": 1, "random_state": 0}
    estimators = [
        DenseDAE((300,), latent_dim=5, **short),
        DenseDAE((), latent_dim=1, precision="bfloat16", **short),
        ConvDAE((3, 5), **short),
        ConvDAE((8,), latent_dim=3, precision="bfloat16", **short),
        UNetDAE((5, 7), n_blocks=1, precision="float32", **short),
        UNetDAE((8, 16), n_blocks=1, precision="bfloat16", **short),
        DenoisingAutoencoder(OfAUser, standardize=True, **short),
    ]
    fitted = [estimator.fit(images[:100]) for estimator in estimators]
    methods = ("predict", "transform")
    return [(e, images, {name: getattr(e, name)(images) for name in methods}) for e in fitted]


@pytest.mark.parametrize("n_threads", [1, 2, 3, 7])
def test_tiles_do_not_depend_on_the_number_of_threads(n_threads, monkeypatch):
    monkeypatch.setitem(_apply._TILE_BYTES, "cpu", 2**16)
    photo = np.random.default_rng(0).random((150, 130)).astype(np.float32)
    fitted = UNetDAE((4,), n_blocks=1, noise="gaussian", max_epochs=1, random_state=0).fit([photo])
    torch.set_num_threads(1)
    expected = fitted.predict(photo)
    torch.set_num_threads(n_threads)
    np.testing.assert_array_equal(fitted.predict(photo), expected)
    np.testing.assert_array_equal(fitted.predict([photo, photo[:40]])[0], expected)


def test_small_trainings_do_not_depend_on_the_number_of_threads(monkeypatch):
    monkeypatch.undo()
    images = np.random.default_rng(0).random((100, 8, 8)).astype(np.float32)
    for kind in (DenseDAE(), ConvDAE(), UNetDAE()):
        kind.set_params(noise="gaussian", max_epochs=2, random_state=0)
        weights = []
        for n_threads in (1, 2, 3):
            torch.set_num_threads(n_threads)
            weights.append(kind.fit(images).predict(images))
        np.testing.assert_array_equal(weights[1], weights[0])
        np.testing.assert_array_equal(weights[2], weights[0])
