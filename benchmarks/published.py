"""Train published systems on MNIST, and compare what they reach with what was reported.

    python benchmarks/published.py --all
    python benchmarks/published.py keras-io-2021 --schedule both
    python benchmarks/published.py --all --schedule published --train-rows 1000 --epochs 1

MNIST is read from ``$SKDAE_DATA/mnist`` (by default ``../shared/data/mnist``). A result is the
loss on the 10,000 test images with noise of a fixed seed. On a shared machine,
``OMP_NUM_THREADS=1`` keeps threads from waiting for each other.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _report import data_folder

from skdae import DenoisingAutoencoder, recipes

TRAINING_NOISE_SEED, TEST_NOISE_SEED = 1, 0

ROW = "{:<32}{:<11}{:>10}{:>8}{:>9}  {:<6}{:>9}{:>9}  {}"
HEAD = ROW.format(
    "recipe", "schedule", "parameters", "epochs", "seconds", "metric", "reported", "reached", ""
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the recipes that the command line names."""
    options = read(arguments)
    X, X_test = images("train")[: options.train_rows], images("test")
    schedules = ("published", "ours") if options.schedule == "both" else (options.schedule,)
    print(HEAD, flush=True)
    for name in recipes.names() if options.all else options.names:
        for schedule in schedules:
            result = measure(name, schedule, X, X_test, options)
            print(line(result), flush=True)
            if options.output:
                with options.output.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(result) + "\n")


def read(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(recipes.names()))
    parser.add_argument("--all", action="store_true", help="run every recipe")
    parser.add_argument("--schedule", choices=("ours", "published", "both"), default="ours")
    parser.add_argument("--epochs", type=int, help="instead of those of the schedule")
    parser.add_argument("--train-rows", type=int, help="train on the first so many images")
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and noise")
    parser.add_argument("--output", type=Path, help="append the results to this file, as JSON")
    parser.add_argument("--verbose", action="store_true", help="show a progress bar")
    options = parser.parse_args(arguments)
    unknown = set(options.names) - set(recipes.names())
    if unknown or not (options.names or options.all):
        parser.error(f"give --all or some of: {', '.join(recipes.names())}")
    return options


def images(split: str) -> np.ndarray:
    """Read MNIST from its IDX files (a header of 16 bytes, then uint8) as floats in [0, 1]."""
    name = {"train": "train", "test": "t10k"}[split] + "-images-idx3-ubyte"
    file = data_folder() / "mnist" / name
    content = (
        file.read_bytes() if file.exists() else gzip.decompress(Path(f"{file}.gz").read_bytes())
    )
    return np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28) / np.float32(255)


def measure(
    name: str, schedule: str, X: np.ndarray, X_test: np.ndarray, options: argparse.Namespace
) -> dict[str, Any]:
    """Train one recipe with one schedule, and evaluate it."""
    recipe = recipes.describe(name)
    dae = recipes.make(name, schedule, random_state=options.seed, verbose=int(options.verbose))
    if options.epochs is not None:
        dae.set_params(max_epochs=options.epochs)
    start = time.perf_counter()
    if schedule == "published":
        fit_as_published(dae, recipe, X, quick=options.epochs is not None)
    else:
        dae.fit(X)
    seconds = time.perf_counter() - start

    X_noisy = X_test
    if recipe.noise is not None:
        X_noisy = recipe.noise.corrupt(X_test, random_state=TEST_NOISE_SEED)
    X_denoised = dae.predict(X_noisy)
    return {
        "recipe": name,
        "schedule": schedule,
        "parameters": recipe.n_parameters,
        "epochs": dae.n_iter_,
        "train_rows": len(X),
        "seconds": round(seconds, 1),
        "metric": recipe.loss,
        "reported": recipe.target,
        "reached": LOSSES[recipe.loss](X_denoised, X_test),
        "mse": mean_squared_error(X_denoised, X_test),
    }


def fit_as_published(
    dae: DenoisingAutoencoder, recipe: recipes.Recipe, X: np.ndarray, *, quick: bool
) -> None:
    """Train on one draw of the noise, after the pretraining without noise if there is one."""
    if recipe.noise is None:
        dae.fit(X)
        return
    max_epochs = dae.max_epochs
    if recipe.pretraining_epochs:
        epochs = max_epochs if quick else recipe.pretraining_epochs
        dae.set_params(warm_start=True, noise=None, max_epochs=epochs).fit(X)
    X_noisy = recipe.noise.corrupt(X, random_state=TRAINING_NOISE_SEED)
    dae.set_params(noise="auto", max_epochs=max_epochs).fit(X_noisy, X)


def binary_cross_entropy(X_denoised: np.ndarray, X: np.ndarray) -> float:
    """Mean over all pixels, of probabilities kept off 0 and 1 as Keras does."""
    p = np.clip(X_denoised, 1e-7, 1 - 1e-7, dtype=np.float64)
    return float(-np.mean(X * np.log(p) + (1 - X) * np.log1p(-p)))


def mean_squared_error(X_denoised: np.ndarray, X: np.ndarray) -> float:
    """Mean over all pixels."""
    return float(np.square(X_denoised - X, dtype=np.float64).mean())


LOSSES = {"bce": binary_cross_entropy, "mse": mean_squared_error}


def line(result: dict[str, Any]) -> str:
    """Write a row of the table."""
    reported, reached = result["reported"], result["reached"]
    verdict = "" if reported is None else "reached" if reached <= reported else "missed"
    return ROW.format(
        result["recipe"],
        result["schedule"],
        f"{result['parameters']:,}",
        result["epochs"],
        f"{result['seconds']:.0f}",
        result["metric"],
        "-" if reported is None else f"{reported:.4f}",
        f"{reached:.4f}",
        verdict,
    ).rstrip()


if __name__ == "__main__":
    main()
