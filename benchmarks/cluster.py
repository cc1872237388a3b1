"""A search on a Dask cluster of two workers of this machine, against one process.

    python benchmarks/cluster.py

Sixteen candidates of equal cost, which differ in their learning rate alone, are fitted on one half
of the data and scored on the other. One process computes on one thread, as each worker does. Both
take turns, after one round that warms up. Where others use the cores too, that ratio says little:
beside it stands the CPU time of the one process over that of the busier worker, which is the ratio
on two free cores, and how many times faster two processes count than one. Needs the dependency
group ``cluster``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Callable

import joblib
import numpy as np
import torch
from _report import print_machine, print_table
from distributed import Client, LocalCluster
from sklearn.model_selection import GridSearchCV, ShuffleSplit

from skdae import ConvDAE, DenseDAE, UNetDAE

COUNTED = 3 * 10**7


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def cpu_seconds_of_workers(client: Client, work: Callable[[], object]) -> float:
    """Return the CPU time that the busier worker takes for a call."""
    before = client.run(time.process_time)
    work()
    after = client.run(time.process_time)
    return max(after[worker] - before[worker] for worker in before)


def count(_: int) -> None:
    """Compute for about a second."""
    for _ in range(COUNTED):
        pass


def best_ratio(pool: multiprocessing.pool.Pool) -> float:
    """Return how many times faster two processes count than one."""
    one = seconds(lambda: [pool.apply(count, (0,)) for _ in range(2)])
    return one / seconds(lambda: pool.map(count, range(2), chunksize=1))


def main() -> None:
    """Search on one process and on the cluster, in turns, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--images", type=int, default=2000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)  # as Dask sets its workers
    images = np.random.default_rng(0).random((options.images, 28, 28), dtype=np.float32)
    shared = {"noise": "gaussian", "device": "cpu", "random_state": 0}
    flat = images.reshape(len(images), -1)
    contestants = {
        "DenseDAE": (DenseDAE((256,), latent_dim=32, max_epochs=20, **shared), flat),
        "ConvDAE": (ConvDAE(max_epochs=2, **shared), images[: len(images) // 2]),
        "UNetDAE": (UNetDAE(max_epochs=2, **shared), images[: len(images) // 4]),
    }
    print_machine()
    rows = []
    with (
        multiprocessing.get_context("spawn").Pool(2) as pool,
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        for name, (estimator, X) in contestants.items():
            rates = np.geomspace(1e-4, 1e-3, 16)
            half = ShuffleSplit(1, test_size=0.5, random_state=0)
            search = GridSearchCV(estimator, {"lr": rates}, cv=half, refit=False, n_jobs=1)

            def on_dask(search: GridSearchCV = search, X: np.ndarray = X) -> None:
                with joblib.parallel_config("dask"):
                    search.set_params(n_jobs=-1).fit(X)

            ratios, cpu_ratios, best, times = [], [], [], []
            for turn in range(options.turns + 1):
                cpu_one = time.process_time()
                one = seconds(lambda: search.set_params(n_jobs=1).fit(X))  # noqa: B023
                cpu_one = time.process_time() - cpu_one
                scores = search.cv_results_["mean_test_score"]
                start = time.perf_counter()
                cpu_two = cpu_seconds_of_workers(client, on_dask)
                two = time.perf_counter() - start
                assert np.array_equal(search.cv_results_["mean_test_score"], scores)
                if turn:
                    times.append(one)
                    ratios.append(one / two)
                    cpu_ratios.append(cpu_one / cpu_two)
                    best.append(best_ratio(pool))
                    print(
                        name,
                        f"{one:.1f} {two:.1f} {cpu_ratios[-1]:.2f} {best[-1]:.2f}",
                        file=sys.stderr,
                    )
            rows.append(
                [
                    name,
                    f"{np.median(times):.1f}",
                    f"{np.median(ratios):.2f}",
                    f"{max(ratios):.2f}",
                    f"{np.median(cpu_ratios):.2f}",
                    f"{np.median(best):.2f}",
                    f"{os.getloadavg()[0]:.1f}",
                ]
            )
    head = [
        "16 candidates",
        "one process, s",
        "times faster",
        "best turn",
        "by CPU",
        "counting",
        "load",
    ]
    print_table(head, rows)


if __name__ == "__main__":
    main()
