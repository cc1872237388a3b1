"""Time to the published numbers on MNIST, the best that 15 minutes reach, and both precisions.

    python benchmarks/time_to_quality.py target
    python benchmarks/time_to_quality.py best
    python benchmarks/time_to_quality.py precision

The tasks are keras-io-2021's (noise of sigma 0.4, clipped; binary cross-entropy 0.0846 after 100
epochs) and dropsofai-2020's (one of four noises an image; mean squared error 0.0069 after 30
epochs). Seconds are those of ``fit``; losses are those on the 10,000 test images, with noise of a
fixed seed. MNIST is read from ``$SKDAE_DATA/mnist`` (by default ``../shared/data/mnist``).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from typing import Any

from _report import print_machine, print_table
from published import binary_cross_entropy, images, mean_squared_error

from skdae import UNetDAE, recipes

TEST_NOISE_SEED = 0
METRICS = {"bce": binary_cross_entropy, "mse": mean_squared_error}


@dataclass(frozen=True)
class Task:
    """A published task, and what to train on it.

    Attributes
    ----------
    metric, target : str, float
        The tutorial's final number.
    published_epochs : int
        Epochs after which the tutorial reached it.
    keras_epochs_to_time : int
        Epochs of the tutorial's own code that are timed; the fastest counts.
    images : int
        On how many of the 60,000 images one epoch of UNetDAE reaches the target.
    best : dict
        Settings for 15 minutes on two cores.
    """

    metric: str
    target: float
    published_epochs: int
    keras_epochs_to_time: int
    images: int
    best: dict[str, Any] = field(default_factory=dict)


TASKS = {
    "keras-io-2021": Task("bce", 0.0846, 100, 2, images=9_000, best={"max_epochs": 5, "lr": 0.01}),
    "dropsofai-2020": Task("mse", 0.0069, 30, 1, images=6_000, best={"max_epochs": 5, "lr": 0.01}),
}


def measure_unet(task: str, n_images: int | None = None, **settings: Any) -> tuple[float, dict]:
    """Train on the first images for an epoch; return the seconds and the losses on the test images.

    Cross-entropy is the loss: MNIST is nearly black and white, and the mean squared error that it
    reaches is lower too.
    """
    noise = recipes.describe(task).noise
    X = images("train")[: n_images or TASKS[task].images]
    X_test = images("test")
    settings = {"max_epochs": 1, "loss": "bce", "random_state": 0, **settings}
    dae = UNetDAE(noise=noise, **settings)
    start = time.perf_counter()
    dae.fit(X)
    seconds = time.perf_counter() - start
    X_denoised = dae.predict(noise.corrupt(X_test, random_state=TEST_NOISE_SEED))
    return seconds, {name: metric(X_denoised, X_test) for name, metric in METRICS.items()}


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("target", "best", "precision"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    options = parser.parse_args()

    print_machine()
    rows = []
    for name in options.tasks:
        task = TASKS[name]
        runs: dict[str, dict] = {f"{task.images:,} images, 1 epoch": {}}
        if options.what == "best":
            runs = {"60,000 images, {max_epochs} epochs".format(**task.best): task.best}
        elif options.what == "precision":
            runs = {p: {"precision": p} for p in ("float32", "bfloat16")}
        for run, settings in runs.items():
            n_images = 60_000 if options.what == "best" else None
            seconds, reached = measure_unet(name, n_images, device=options.device, **settings)
            rows.append(
                [
                    name,
                    run,
                    f"{seconds:.1f}",
                    f"{reached['bce']:.4f}",
                    f"{reached['mse']:.5f}",
                    f"{task.metric} {task.target}",
                ]
            )
    print_table(["task", "UNetDAE", "s", "BCE", "MSE", "published"], rows)


if __name__ == "__main__":
    main()
