"""Searches on a Dask cluster: the results of one process, one thread a worker, data sent once.

The workers are processes of this machine. They import skdae, but no module of the tests.
"""

from __future__ import annotations

import os
import sys

import joblib
import numpy as np
import pytest
import torch
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_predict
from sklearn.pipeline import Pipeline

from skdae import ConvDAE, DenseDAE, GaussianNoise, UNetDAE, make_denoising_scorer
from skdae.training._memory import _is_set_by_dask
from skdae.training._threads import n_threads_here

distributed = pytest.importorskip("distributed", reason="needs the dependency group `cluster`")

SHORT = {"max_epochs": 2, "device": "cpu", "random_state": 0}
SMALL = DenseDAE((8,), noise="gaussian", **SHORT)
SCORER = make_denoising_scorer(GaussianNoise(0.4), random_state=0)
ROWS = np.random.default_rng(0).random((300, 64), dtype=np.float32)
IMAGES = ROWS.reshape(-1, 8, 8)


@pytest.fixture(scope="module", autouse=True)
def environment():
    """Undo what a nanny does: it sets the variables of its workers in this process too."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def client(environment):
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def on_one_process_and_on_dask(search, X, **settings):
    """Fit a search twice; on one process first."""
    here = search().fit(X)
    with joblib.parallel_config("dask", **settings):
        there = search().fit(X)
    return here, there


def assert_same(here, there, X):
    """Compare all but times, to the last bit."""
    assert here.best_params_ == there.best_params_
    results = there.cv_results_
    compared = [name for name in here.cv_results_ if "_time" not in name and "param" not in name]
    assert "split0_test_score" in compared
    for name in compared:
        np.testing.assert_array_equal(results[name], here.cv_results_[name], err_msg=name)
        assert np.isfinite(results[name]).all()
    np.testing.assert_array_equal(there.predict(X), here.predict(X))


def grid(estimator, parameters, **settings):
    return lambda: GridSearchCV(estimator, parameters, cv=2, scoring=SCORER, **settings)


# ---------------------------------------------------------------- the same results
@pytest.mark.parametrize(
    ("estimator", "X", "parameters"),
    [
        (DenseDAE((32,), noise="gaussian", **SHORT), ROWS, {"latent_dim": [4, 8, 16]}),
        (ConvDAE((4,), noise="masking", **SHORT), IMAGES, {"lr": [0.01, 0.001]}),
        (UNetDAE((4, 8), n_blocks=1, noise="gaussian", **SHORT), IMAGES, {"loss": ["bce", "mse"]}),
        (
            Pipeline([("noise", GaussianNoise()), ("dae", DenseDAE((32,), **SHORT))]),
            ROWS,
            {"noise__sigma": [0.1, 0.4], "dae__early_stopping": [True, False]},
        ),
    ],
    ids=["DenseDAE", "ConvDAE", "UNetDAE", "pipeline"],
)
def test_a_grid_has_the_scores_of_one_process(estimator, X, parameters, client):
    assert_same(*on_one_process_and_on_dask(grid(estimator, parameters), X), X)


def test_a_halving_grid_has_the_scores_of_one_process(client):
    def search():
        return HalvingGridSearchCV(
            DenseDAE((32,), noise="gaussian", **SHORT),
            {"latent_dim": [4, 8], "lr": [0.01, 0.001]},
            cv=2,
            factor=2,
            min_resources=100,
            scoring=SCORER,
            random_state=0,
        )

    here, there = on_one_process_and_on_dask(search, ROWS)
    assert there.n_resources_ == [100, 200]
    assert_same(here, there, ROWS)


def test_a_fitted_estimator_comes_back_whole(client):
    dae = DenseDAE((32,), noise="gaussian", **SHORT)
    here = cross_val_predict(dae, ROWS, cv=2)
    with joblib.parallel_config("dask"):
        np.testing.assert_array_equal(cross_val_predict(dae, ROWS, cv=2), here)
    fitted = client.submit(dae.fit, ROWS).result()
    np.testing.assert_array_equal(fitted.predict(ROWS), dae.fit(ROWS).predict(ROWS))


def test_an_error_of_a_worker_comes_back_as_it_is(client):
    search = grid(SMALL, {"latent_dim": [4, -1]}, error_score="raise")
    with joblib.parallel_config("dask"), pytest.raises(ValueError, match=r"latent_dim.*-1"):
        search().fit(ROWS)


# ---------------------------------------------------------------- what a worker takes
def test_a_worker_computes_on_one_thread(client):
    assert list(client.run(torch.get_num_threads).values()) == [1, 1]
    for worker in client.ncores():
        assert client.submit(n_threads_here, workers=[worker], pure=False).result() == 1


def test_workers_keep_the_memory_of_a_step(client):
    """Dask's own threshold is still the one that is known here."""
    assert all(client.run(_is_set_by_dask).values())


@pytest.fixture
def two_threads(monkeypatch):
    """Let torch take two threads, as on two cores, where nothing tells it to take one."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_workers_that_are_threads_compute_on_one_each(two_threads):
    """No nanny starts these, nor those of ``dask worker --no-nanny``."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        assert client.submit(torch.get_num_threads).result() == 2
        assert client.submit(n_threads_here).result() == 1
        assert n_threads_here() == 2  # the client is no worker


def test_a_number_of_the_user_comes_first(two_threads, monkeypatch):
    monkeypatch.setattr(sys.modules["distributed"], "get_worker", lambda: "a worker")
    assert n_threads_here() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert n_threads_here() == 2


# ---------------------------------------------------------------- how data travel
@pytest.fixture
def sent(client, monkeypatch):
    """Note the arrays that are scattered."""
    arrays = []
    scatter = distributed.Client.scatter

    def counted(self, data, *args, **kwargs):
        many = data if isinstance(data, list) else [data]
        arrays.extend(each for each in many if isinstance(each, np.ndarray))
        return scatter(self, data, *args, **kwargs)

    monkeypatch.setattr(distributed.Client, "scatter", counted)
    return arrays


def test_data_are_sent_once_a_search(sent):
    search = grid(SMALL, {"latent_dim": [2, 3, 4, 5]}, refit=False)
    with joblib.parallel_config("dask"):
        search().fit(ROWS)
    assert sum(each is ROWS for each in sent) == 1
    assert sum(each.nbytes for each in sent if each is not ROWS) < 10 * 300 * 8  # rows of folds


def test_scattered_data_are_sent_once_for_all_searches(sent):
    search = grid(SMALL, {"latent_dim": [2, 3]}, refit=False)
    with joblib.parallel_config("dask", scatter=[ROWS]):
        search().fit(ROWS)
        search().fit(ROWS)
    assert sum(each is ROWS for each in sent) == 1


# ---------------------------------------------------------------- an end before the end
def test_an_error_ends_a_search(client):
    """Nothing more is sent; of what was, twice the number of workers at most, the rest is left."""
    search = grid(
        SMALL, {"latent_dim": [-1, *range(2, 60)]}, error_score="raise", pre_dispatch="2*n_jobs"
    )
    with joblib.parallel_config("dask"), pytest.raises(ValueError, match="latent_dim"):
        search().fit(ROWS)
    tasks = client.cluster.scheduler.tasks.values()
    left = [t for t in list(tasks) if "fit_and_score" in str(t.key) and t.state != "memory"]
    assert len(left) <= 4
    assert client.submit(n_threads_here, pure=False).result() == 1
