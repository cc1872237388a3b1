"""What a checkpoint costs: the seconds of writing one, over those of an epoch of MNIST without it.

    python benchmarks/checkpoint.py

60,000 images of 28 x 28 are trained on: MNIST, from ``$SKDAE_DATA/mnist`` (by default
``../shared/data/mnist``), or without it images drawn at random. "each epoch" writes after every
epoch, which small networks need not afford; "own pace" is what ``fit`` does, which skips an epoch
when writing would take more than a hundredth of the time since the last state. The state at the
end counts too. Networks of convolutions have fewer weights and longer epochs.
"""

from __future__ import annotations

import argparse
import gzip
import math
import os
import tempfile
import time
from typing import Any

import numpy as np
from _report import data_folder, print_machine, print_table

from skdae import DenseDAE
from skdae.estimators import BaseDenoisingAutoencoder
from skdae.estimators._checkpoint_file import FitCheckpoint
from skdae.training import Checkpoints, _checkpoints

PACES = {"each epoch": math.inf, "own pace": _checkpoints._SHARE}


def images() -> np.ndarray:
    """Return the training images of MNIST, or others of their shape."""
    file = data_folder() / "mnist" / "train-images-idx3-ubyte.gz"
    if not file.exists():
        return np.random.default_rng(0).integers(0, 256, (60_000, 28, 28), dtype=np.uint8)
    content = gzip.decompress(file.read_bytes())
    return np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28)


class Timed:
    """Note what a method takes, at each call."""

    def __init__(self, owner: type, name: str):
        self.seconds: list[float] = []
        method = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            result = method(*args, **kwargs)
            self.seconds.append(time.perf_counter() - start)
            return result

        setattr(owner, name, timed)


KEPT, FINISHED = Timed(Checkpoints, "on_epoch_end"), Timed(FitCheckpoint, "finish")


def measure(
    name: str, dae: BaseDenoisingAutoencoder, X: np.ndarray, epochs: int
) -> list[list[str]]:
    """Fit at both paces; return what that cost."""
    rows = []
    for pace, share in PACES.items():
        _checkpoints._SHARE = share
        KEPT.seconds.clear()
        FINISHED.seconds.clear()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "fit")
            dae.set_params(checkpoint=path, max_epochs=epochs)
            start = time.perf_counter()
            dae.fit(X)
            whole = time.perf_counter() - start
        cost = sum(KEPT.seconds) + sum(FINISHED.seconds)
        n_weights = sum(p.numel() for p in dae.net_.module_.parameters())
        epoch = (whole - cost) / epochs
        rows.append(
            [
                name,
                f"{n_weights:,}",
                pace,
                f"{epoch:.2f}",
                f"{np.median(KEPT.seconds[:-1]) * 1000:.1f}",
                f"{100 * cost / epochs / epoch:.2f} %",
            ]
        )
    return rows


def main() -> None:
    """Measure a small network and a large one, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()

    X = images()
    shared = {"noise": "gaussian", "random_state": 0, "device": "cpu"}
    print_machine()
    networks = {
        f"{'-'.join(map(str, sizes))}-32": DenseDAE(sizes, latent_dim=32, **shared)
        for sizes in ((256,), (1024, 512))
    }
    rows = []
    for name, dae in networks.items():
        rows += measure(name, dae, X, options.epochs)
    head = ["network", "weights", "written", "epoch, s", "state, ms (median)", "cost of an epoch"]
    print_table(head, rows)


if __name__ == "__main__":
    main()
