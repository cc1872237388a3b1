"""What skdae costs around the arithmetic: an epoch, against a bare torch loop and plain skorch.

    python benchmarks/overhead.py
    python benchmarks/overhead.py --device cuda

The bare loop is the fastest that we can write: rows in one tensor on the device, a batch is one
slice of a permutation, noise is drawn there, AdamW is fused, the loss is read once an epoch, and
images are channels last. Plain skorch is ``NeuralNet(...).fit(X_noisy, X)``, with the noise drawn
once, as its users write it. All three take turns; an epoch is the median of a turn, and the ratio
is the median over the turns.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from _report import print_machine, print_table
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn

from skdae import ConvDAE, DenseDAE, GaussianNoise
from skdae.estimators import BaseDenoisingAutoencoder

SIGMA = 0.4
BATCH_SIZE = 128
LR = 1e-3


class Stopwatch(Callback):
    """Note when each epoch ends."""

    def __init__(self, ends: list[float]):
        self.ends = ends

    def __sklearn_clone__(self) -> Stopwatch:
        """Stay the one that the benchmark reads."""
        return self

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Note the time."""
        wait(net.device)
        self.ends.append(time.perf_counter())


def wait(device: Any) -> None:
    """Wait for the GPU, if there is one."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()


def skdae_epochs(dae: BaseDenoisingAutoencoder, X: np.ndarray, epochs: int) -> list[float]:
    """Seconds of each epoch but the first of an estimator."""
    ends: list[float] = []
    dae.set_params(max_epochs=epochs, callbacks=[Stopwatch(ends)]).fit(X)
    return np.diff(ends).tolist()


def bare_epochs(dae: BaseDenoisingAutoencoder, X: np.ndarray, epochs: int) -> list[float]:
    """Seconds of each epoch but the first of a loop around the same module."""
    device = torch.device(dae.device)
    sample_shape = X.shape[1:] if X.ndim == 2 else (1, *X.shape[1:])
    module = dae._build_module(sample_shape).to(device)
    images = len(sample_shape) == 3
    if images:
        module.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(module.parameters(), lr=LR, weight_decay=1e-4, fused=True)
    rows = torch.from_numpy(X).to(device)
    if images:
        rows = rows.unsqueeze(1)
    generator = torch.Generator(device).manual_seed(0)
    total = torch.zeros((), device=device)
    ends = []
    module.train()
    for _ in range(epochs):
        order = torch.randperm(len(rows), generator=generator, device=device)
        total.zero_()
        for start in range(0, len(rows), BATCH_SIZE):
            x = rows[order[start : start + BATCH_SIZE]]
            noisy = x + SIGMA * torch.randn(x.shape, generator=generator, device=device)
            if images:
                noisy = noisy.contiguous(memory_format=torch.channels_last)
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(module(noisy), x)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(x)
        total.item()
        ends.append(time.perf_counter())
    return np.diff(ends).tolist()


def skorch_epochs(dae: BaseDenoisingAutoencoder, X: np.ndarray, epochs: int) -> list[float]:
    """Seconds of each epoch but the first of skorch as it comes."""
    rows = X if X.ndim == 2 else X[:, None]
    noisy = rows + np.float32(SIGMA) * np.random.default_rng(0).standard_normal(
        rows.shape, dtype=np.float32
    )
    ends: list[float] = []
    net = NeuralNet(
        dae._build_module(rows.shape[1:]),
        criterion=nn.MSELoss,
        optimizer=torch.optim.AdamW,
        lr=LR,
        batch_size=BATCH_SIZE,
        max_epochs=epochs,
        iterator_train__shuffle=True,
        train_split=None,
        device=dae.device,
        verbose=0,
        callbacks=[("stopwatch", Stopwatch(ends))],
    )
    net.fit(noisy, rows)
    return np.diff(ends).tolist()


CONTESTANTS: dict[str, Callable[..., list[float]]] = {
    "skdae": skdae_epochs,
    "bare loop": bare_epochs,
    "plain skorch": skorch_epochs,
}


def networks(device: str) -> dict[str, tuple[BaseDenoisingAutoencoder, np.ndarray, int]]:
    """Return the estimator, the data and the epochs a turn of each network."""
    rng = np.random.default_rng(0)
    shared = {
        "noise": GaussianNoise(SIGMA),
        "lr": LR,
        "batch_size": BATCH_SIZE,
        "device": device,
        "precision": "float32",
        "random_state": 0,
    }
    table = rng.standard_normal((10_000, 20), dtype=np.float32)
    images = rng.random((10_000, 28, 28), dtype=np.float32)
    return {
        "20-16-20": (
            DenseDAE(hidden_layer_sizes=(), latent_dim=16, **shared),
            table,
            9,
        ),
        "784-32-784": (
            DenseDAE(hidden_layer_sizes=(), latent_dim=32, **shared),
            images.reshape(-1, 784),
            6,
        ),
        "keras-io-2021": (ConvDAE(**shared), images[:2560], 3),
    }


def measure(device: str, turns: int) -> list[list[str]]:
    """Let all take turns, and return a row of each network."""
    rows = []
    for name, (dae, X, epochs) in networks(device).items():
        medians: dict[str, list[float]] = {contestant: [] for contestant in CONTESTANTS}
        for _ in range(turns):
            for contestant, run in CONTESTANTS.items():
                medians[contestant].append(float(np.median(run(dae, X, epochs))))
        bare = np.array(medians["bare loop"])
        steps = math.ceil(len(X) / BATCH_SIZE)
        rows.append(
            [
                name,
                f"{np.median(bare) / steps * 1e6:.0f}",
                f"{np.median(np.array(medians['skdae']) / bare):.3f}",
                f"{np.median(np.array(medians['plain skorch']) / bare):.2f}",
            ]
        )
    return rows


def main() -> None:
    """Let all take turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()

    print_machine(options.device)
    head = ["network", "bare loop, us a step", "skdae / bare", "plain skorch / bare"]
    print_table(head, measure(options.device, options.turns))


if __name__ == "__main__":
    main()
