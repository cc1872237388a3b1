"""A small training beside another process that keeps all cores busy, against one alone.

    python benchmarks/beside_others.py

Each estimator trains for a few epochs on the digits of scikit-learn, with its defaults. Threads
that share a step wait for each other: if another process holds one up, all wait. Small trainings
run on one thread, so beside a process that uses all cores they should take about twice as long as
alone.
"""

from __future__ import annotations

import multiprocessing
import os
import time
import warnings

import numpy as np
from _report import print_machine, print_table

from skdae import ConvDAE, DenseDAE, GaussianNoise, UNetDAE
from skdae.datasets import load_digits

TURNS = 5


def keep_busy() -> None:
    """Compute until the process ends."""
    while True:
        sum(range(10_000))


def seconds_of_a_fit(kind: type, X: np.ndarray) -> float:
    """Time one fit."""
    start = time.perf_counter()
    kind(noise=GaussianNoise(0.4), max_epochs=5, random_state=0).fit(X)
    return time.perf_counter() - start


def main() -> None:
    """Fit alone and beside busy processes, in turns, and print the table."""
    warnings.simplefilter("ignore")
    X, _ = load_digits()
    print_machine("cpu")
    rows = []
    for kind in (DenseDAE, ConvDAE, UNetDAE):
        seconds_of_a_fit(kind, X)
        alone, beside = [], []
        for _ in range(TURNS):
            alone.append(seconds_of_a_fit(kind, X))
            context = multiprocessing.get_context("spawn")
            others = [context.Process(target=keep_busy) for _ in range(os.cpu_count() or 1)]
            for other in others:
                other.start()
            time.sleep(3)  # until they compute
            beside.append(seconds_of_a_fit(kind, X))
            for other in others:
                other.kill()
                other.join()
        ratio = np.median(beside) / np.median(alone)
        rows.append([kind.__name__, f"{np.median(alone) * 1e3:.0f}", f"{ratio:.2f}"])
    print_table(["estimator, 5 epochs of the digits", "alone, ms", "beside others / alone"], rows)


if __name__ == "__main__":
    main()
