"""Prediction: many samples against a bare batched forward, and one sample alone.

    python benchmarks/prediction.py
    python benchmarks/prediction.py --device cuda

The bare forward takes a tensor on the device to a tensor on the host under ``inference_mode``,
in batches of 64 and in the batch size that is fastest for it; ``predict`` takes an array to an
array, checks included. They take turns; the ratio is the median over the turns.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from _report import print_machine, print_table

from skdae import ConvDAE, DenseDAE, UNetDAE
from skdae.estimators import BaseDenoisingAutoencoder

N_IMAGES, N_ROWS = 10_000, 60_000
BATCH_SIZES = (32, 128, 256, 1000, 2000)


def seconds(function: Callable[[], object]) -> float:
    """Time one call; results are on the host, so nothing is left to wait for."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def bare_forward(dae: BaseDenoisingAutoencoder, X: np.ndarray, batch_size: int) -> torch.Tensor:
    """Send rows through the module, and nothing else."""
    net = dae.net_
    module = net.module_.eval()
    shape = (-1, *(dae.sample_shape_[:-1] or dae.sample_shape_))
    images = len(dae.sample_shape_) > 1
    rows = torch.from_numpy(X).to(net.device).view(shape)
    if images:
        rows = rows.unsqueeze(1)
    parts = []
    with torch.inference_mode():
        for start in range(0, len(rows), batch_size):
            x = rows[start : start + batch_size]
            if images:
                x = x.contiguous(memory_format=torch.channels_last)
            parts.append(module(x).cpu())
    return torch.cat(parts)


def main() -> None:
    """Fit each estimator for an epoch on few images, then predict many."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")

    rng = np.random.default_rng(0)
    images = rng.random((N_IMAGES, 28, 28), dtype=np.float32)
    flat = images.reshape(N_IMAGES, -1)
    many = np.tile(flat, (N_ROWS // N_IMAGES, 1))
    shared = {"noise": None, "max_epochs": 1, "device": options.device, "random_state": 0}
    contestants = {
        "DenseDAE, 20-16-20": (DenseDAE((), latent_dim=16, **shared), flat[:, :20].copy()),
        "DenseDAE, 784-32-784": (DenseDAE((), **shared), flat),
        "DenseDAE, default, 784": (DenseDAE(**shared), flat),
        "the same, 60,000 rows": (DenseDAE(**shared), many),
        "ConvDAE, keras-io-2021": (ConvDAE(**shared), images),
        "UNetDAE, default": (UNetDAE(**shared), images),
    }

    print_machine(options.device)
    rows = []
    for name, (dae, X) in contestants.items():
        dae.fit(X[:256])
        for _ in range(3):
            dae.predict(X[:1])
        one = [seconds(lambda: dae.predict(X[:1])) for _ in range(50)]  # noqa: B023
        sizes = (64, *BATCH_SIZES)
        predict, bare = [], {size: [] for size in sizes}
        for _ in range(options.turns):
            predict.append(seconds(lambda: dae.predict(X)))  # noqa: B023
            for size in sizes:
                bare[size].append(seconds(lambda: bare_forward(dae, X, size)))  # noqa: B023
        best = min(sizes, key=lambda size: np.median(bare[size]))
        rows.append(
            [
                name,
                f"{len(X) / np.median(predict):,.0f}",
                f"{np.median(np.array(predict) / np.array(bare[64])):.2f}",
                f"{np.median(np.array(predict) / np.array(bare[best])):.2f} ({best})",
                f"{np.median(one) * 1e3:.2f}",
            ]
        )
    print_table(
        [
            "estimator",
            "samples a second",
            "over bare, batches of 64",
            "over bare, best batch",
            "one sample, ms",
        ],
        rows,
    )


if __name__ == "__main__":
    main()
