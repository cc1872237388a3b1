"""Time and memory as functions of rows, pixels, channels and parameters.

    python benchmarks/scale.py

The tables of the page "How far it goes" of the user guide. Times are CPU times on one thread, the
least of several: what others do on the machine hardly enters. Memory is the peak above what was
there before, each in a process of its own. Linux only.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from _report import print_machine, print_table
from memory import MEBIBYTE, Peak

from skdae import ConvDAE, DenseDAE, UNetDAE
from skdae.estimators import BaseDenoisingAutoencoder

SHARED = {"noise": "gaussian", "max_epochs": 1, "device": "cpu", "random_state": 0}
TURNS, STEPS = 3, 8
DTYPES = {"uint8": np.uint8, "float32": np.float32}


def cpu_seconds(work: Callable[[], object], turns: int = TURNS) -> float:
    """Return the least CPU time of some calls, after one that is not counted."""
    work()
    times = []
    for _ in range(turns):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def step_and_fixed(dae: BaseDenoisingAutoencoder, X: np.ndarray, batch_size: int):
    """Return the seconds of a step, and those of a fit that do not depend on its steps."""
    dae.set_params(batch_size=batch_size)
    few, many = X[: batch_size * 2], X[: batch_size * (2 + STEPS)]
    short, long = (cpu_seconds(lambda rows=rows: dae.fit(rows)) for rows in (few, many))
    step = (long - short) / STEPS
    return step, max(0.0, short - 2 * step)


def n_parameters(dae: BaseDenoisingAutoencoder) -> int:
    """Count the weights of a fitted net."""
    return sum(weight.numel() for weight in dae.net_.module_.parameters())


def pixels(*shape: int) -> np.ndarray:
    """Return random images or rows."""
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def nets() -> dict[str, tuple[BaseDenoisingAutoencoder, int, tuple[int, ...]]]:
    """Return estimators with the size of their batch and the shape of their samples."""
    chosen = {}
    for features in (10, 100, 1000):
        chosen[f"DenseDAE, {features:,} features"] = (DenseDAE(**SHARED), 128, (features,))
    for widths in ((64,), (512, 256), (2048, 1024)):
        chosen[f"DenseDAE({widths}), 784"] = (DenseDAE(widths, **SHARED), 128, (784,))
    for side in (14, 28, 56):
        chosen[f"ConvDAE, {side} x {side}"] = (ConvDAE(**SHARED), 32, (side, side))
        chosen[f"UNetDAE, {side} x {side}"] = (UNetDAE(**SHARED), 32, (side, side))
    for channels in ((16, 32), (64, 128)):
        chosen[f"UNetDAE({channels}), 28 x 28"] = (UNetDAE(channels, **SHARED), 32, (28, 28))
    chosen["UNetDAE, 28 x 28 x 3"] = (UNetDAE(**SHARED), 32, (28, 28, 3))
    return chosen


def print_steps() -> None:
    """Print the time of a step, of a prediction and of what is neither."""
    rows = []
    for name, (dae, batch_size, shape) in nets().items():
        X = pixels(batch_size * (2 + STEPS), *shape)
        step, fixed = step_and_fixed(dae, X, batch_size)
        predict = cpu_seconds(lambda: dae.predict(X)) / len(X)  # noqa: B023
        values = int(np.prod(shape))
        rows.append(
            [
                name,
                f"{n_parameters(dae):,}",
                f"{step * 1e3:.2f}",
                f"{step / batch_size / values * 1e9:.0f}",
                f"{predict / values * 1e9:.0f}",
                f"{fixed * 1e3:.0f}",
            ]
        )
        print(*rows[-1], file=sys.stderr, sep=", ")
    head = ["net", "parameters", "step, ms", "fit, ns a value", "predict, ns a value", "fixed, ms"]
    print_table(head, rows)


MEMORY = {
    "fit": [("DenseDAE", 60_000, 28), ("UNetDAE", 5_000, 28), ("UNetDAE", 20_000, 28)],
    "predict": [
        ("DenseDAE", 60_000, 28),
        ("UNetDAE", 5_000, 28),
        ("UNetDAE", 20_000, 28),
        ("UNetDAE", 1, 1000),
        ("UNetDAE", 1, 2000),
    ],
}


def run(method: str, kind: str, n: int, side: int, dtype: str) -> None:
    """Print the peak of a call in MiB."""
    X = np.random.default_rng(0).integers(0, 256, (n, side, side), dtype=np.uint8)
    X = X.astype(DTYPES[dtype])
    if dtype == "float32":
        X /= 255
    dae = {"DenseDAE": DenseDAE, "UNetDAE": UNetDAE}[kind](**SHARED)
    few = np.ascontiguousarray(X[:64]) if n > 1 else [X[0, :128, :128]]
    dae.fit(few).predict(few if n > 1 else few[0])
    with Peak() as peak:
        if method == "fit":
            dae.fit(X)
        else:
            dae.predict(X if n > 1 else X[0])
    print((peak.highest - peak.before) / MEBIBYTE)


def print_memory() -> None:
    """Print the memory above the data, each task in a process of its own."""
    rows = []
    for method, tasks in MEMORY.items():
        for task in tasks:
            kind, n, side = task
            above = []
            for dtype in DTYPES:
                arguments = [method, kind, str(n), str(side), dtype]
                command = [sys.executable, __file__, "--task", *arguments]
                done = subprocess.run(command, capture_output=True, check=True, text=True)
                above.append(f"{float(done.stdout):.0f}")
            data = n * side**2 / MEBIBYTE
            rows.append([f"{kind}.{method}", f"{n:,} x {side} x {side}", f"{data:.1f}", *above])
            print(*rows[-1], file=sys.stderr, sep=", ")
    head = ["call", "images", "values, Mi", "above uint8, MiB", "above float32, MiB"]
    print_table(head, rows)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", nargs=5, help=argparse.SUPPRESS)
    task = parser.parse_args().task
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if task:
        method, kind, n, side, dtype = task
        run(method, kind, int(n), int(side), dtype)
        return
    print_machine()
    print_steps()
    print()
    print_memory()


if __name__ == "__main__":
    main()
