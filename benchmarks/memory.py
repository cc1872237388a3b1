"""Peak memory of fit and predict, above the data and what was there before.

    python benchmarks/memory.py

Each row is a process of its own: it imports everything, makes uint8 images, fits on a few of them
(so that torch has set itself up), notes its resident memory, and then the peak during the call.
``fit_patches`` is ``fit`` on a list of images, in patches. Linux only.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
from _report import print_machine, print_table

from skdae import ConvDAE, DenseDAE, GaussianNoise, UNetDAE
from skdae.estimators import BaseDenoisingAutoencoder

MEBIBYTE = 2**20
DIGITS, PHOTOS = (60_000, 28, 28), (400, 180, 180)
TASKS = {
    "DenseDAE.fit": DIGITS,
    "ConvDAE.fit": DIGITS,
    "UNetDAE.fit": DIGITS,
    "UNetDAE.fit_patches": PHOTOS,
    "ConvDAE.predict": DIGITS,
    "UNetDAE.predict": DIGITS,
}


class Peak:
    """Sample the resident memory of this process in a ``with`` block."""

    def __enter__(self) -> Peak:
        self.before = self.highest = resident()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self) -> None:
        while not self.stop.is_set():
            self.highest = max(self.highest, resident())
            time.sleep(0.002)

    def __exit__(self, *exception: object) -> None:
        self.stop.set()
        self.thread.join()


def resident() -> int:
    """Return the resident memory in bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def estimator(name: str) -> BaseDenoisingAutoencoder:
    """Make an estimator that trains for one epoch."""
    kinds = {"DenseDAE": DenseDAE, "ConvDAE": ConvDAE, "UNetDAE": UNetDAE}
    return kinds[name](noise=GaussianNoise(0.4), max_epochs=1, device="cpu", random_state=0)


def run(task: str) -> None:
    """Do one task and print what it took, in MiB."""
    warnings.simplefilter("ignore")
    name, method = task.split(".")
    X = np.random.default_rng(0).integers(0, 256, TASKS[task], dtype=np.uint8)
    few = X[: 256 if method != "fit_patches" else 4]
    if method == "fit_patches":
        X, few = list(X), list(few)
    dae = estimator(name).fit(few)
    dae.predict(few)
    with Peak() as peak:
        if method == "predict":
            assert dae.predict(X).shape == X.shape
        else:
            dae.fit(X)
    print((peak.highest - peak.before) / MEBIBYTE)


def main() -> None:
    """Run each task in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    task = parser.parse_args().task
    if task:
        run(task)
        return
    print_machine()
    rows = []
    for task, shape in TASKS.items():
        command = [sys.executable, __file__, "--task", task]
        taken = float(subprocess.run(command, capture_output=True, check=True).stdout)
        size = " x ".join(f"{side:,}" for side in shape)
        rows.append([task, size, f"{math.prod(shape) / MEBIBYTE:.0f}", f"{taken:.0f}"])
    print_table(["call", "uint8 images", "data, MiB", "above it, MiB"], rows)


if __name__ == "__main__":
    main()
