"""The tutorials' Keras code against skdae, on one machine in one run.

    make bench-keras

Keras runs in an environment of its own (``--keras-python``), on the tutorials' networks, losses,
batch sizes and noise that is drawn once; its epochs are timed without their validation, on a part
of the images, and one is enough to know what 100 take. skdae trains the same network with the same
batch size, and then UNetDAE until it has reached the tutorial's final number. Both are allowed all
cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from _report import print_machine, print_table
from published import images
from time_to_quality import TASKS, measure_unet

from skdae import recipes

SCRIPT = Path(__file__).with_name("keras_tutorials.py")


def keras_epoch(task: str, python: str, X: np.ndarray, epochs: int) -> dict:
    """Time the tutorial's own code."""
    noise = recipes.describe(task).noise
    arrays = {
        "noisy": noise.corrupt(X, random_state=1),
        "clean": X,
        "test_noisy": noise.corrupt(X[:1000], random_state=2),
        "test_clean": X[:1000],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.npz"
        np.savez(path, **arrays)
        command = [python, str(SCRIPT), task, str(path), "--epochs", str(epochs)]
        # OMP_NUM_THREADS would bind oneDNN in TensorFlow too; leave both what they choose.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OMP_")}
        output = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    return json.loads(output.splitlines()[-1])


def skdae_epoch(task: str, X: np.ndarray, epochs: int) -> float:
    """Time the same network in skdae: seconds of an epoch, noise drawn anew included."""
    dae = recipes.make(task, schedule="published", random_state=0)
    times = []
    for n_epochs in (1, 1 + epochs):
        start = time.perf_counter()
        dae.set_params(max_epochs=n_epochs).fit(X)
        times.append(time.perf_counter() - start)
    return (times[1] - times[0]) / epochs


def main() -> None:
    """Run all and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keras-python", required=True, help="an interpreter with tensorflow-cpu")
    parser.add_argument("--rows", type=int, default=12_000, help="images of the epochs")
    options = parser.parse_args()

    print_machine()
    X = images("train")
    part = X[: options.rows]
    scale = len(X) / len(part)
    rows = []
    for task, goal in TASKS.items():
        keras = keras_epoch(task, options.keras_python, part, goal.keras_epochs_to_time)
        keras_seconds = min(keras["seconds"]) * scale
        same = skdae_epoch(task, part, 1) * scale
        seconds, reached = measure_unet(task)
        whole = keras_seconds * goal.published_epochs
        rows.append(
            [
                task,
                f"{keras_seconds:.0f}",
                f"{keras_seconds / same:.2f}",
                f"{goal.metric} {goal.target}",
                f"{whole:.0f}",
                f"{seconds:.1f} ({reached[goal.metric]:.4f})",
                f"{whole / seconds:.0f}",
            ]
        )
    print_table(
        [
            "tutorial",
            "Keras, s an epoch",
            "same network, times faster",
            "its final number",
            "Keras, s to it",
            "UNetDAE, s to it (reached)",
            "times faster",
        ],
        rows,
    )


if __name__ == "__main__":
    main()
