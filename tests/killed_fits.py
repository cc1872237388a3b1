"""Fits that tests interrupt, in this process or in others.

For others this file is a program. It imports skdae once, and forks a child for each fit. It reads
lines of JSON, {"name", "checkpoint", "weights"}, and prints the process of the fit; at an empty
line it waits for that, and prints its exit status. A child saves the weights it reaches.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from skdae import ConvDAE, DenoisingAutoencoder, DenseDAE, SwapNoise, UNetDAE
from skdae.training import DenoisingNet, _checkpoints

SHARED = {"random_state": 0, "precision": "float32", "device": "cpu"}
RNG = np.random.default_rng(0)
TABLE = RNG.random((300, 32)).astype(np.float32)
IMAGES = RNG.random((40, 12, 12)).astype(np.float32)
LIST = [RNG.random((20 + i, 24, 1)).astype(np.float32) for i in range(6)]


class Own(nn.Module):
    """A module with dropout, which draws from torch's global generator."""

    def __init__(self, sample_shape):
        super().__init__()
        n = int(np.prod(sample_shape))
        self.encode = nn.Sequential(nn.Flatten(), nn.Linear(n, 8), nn.Dropout(0.2), nn.ReLU())
        self.decode = nn.Sequential(nn.Linear(8, n), nn.Unflatten(1, sample_shape))

    def forward(self, x):
        """Encode and decode."""
        return self.decode(self.encode(x))


def alone(dae, mode):
    """Set how to learn from noisy samples alone."""
    return dae.set_params(self_supervised=mode)


# What fits, and what it is fitted on.
FITS = {
    # Large weights: a part of the kills comes while a file is written.
    "dense": (DenseDAE((256,), noise="gaussian", max_epochs=12, **SHARED), (TABLE,)),
    "stopping": (
        DenseDAE(
            (16,),
            noise=SwapNoise(0.2),
            early_stopping=True,
            n_iter_no_change=3,
            lr_schedule="constant",
            max_epochs=60,
            **SHARED,
        ),
        (TABLE,),
    ),
    "patches": (
        ConvDAE((4, 6), noise="gaussian", patch_size=8, augment=True, max_epochs=30, **SHARED),
        (LIST,),
    ),
    "pairs": (
        UNetDAE((4, 6), n_blocks=1, max_epochs=20, **SHARED),
        (IMAGES + np.float32(0.1), IMAGES),
    ),
    "blind": (
        alone(UNetDAE((4,), n_blocks=1, max_epochs=20, **SHARED), "blind_spot"),
        (IMAGES,),
    ),
    "split": (
        alone(DenseDAE((16,), noise="gaussian", max_epochs=40, **SHARED), "split_noise"),
        (TABLE,),
    ),
    "dropout": (
        DenoisingAutoencoder(Own, noise="masking", optimizer="adam", max_epochs=40, **SHARED),
        (TABLE,),
    ),
}


def weights_of(dae):
    """Return all weights as one array."""
    state = dae.net_.module_.state_dict()
    return np.concatenate([value.contiguous().numpy().ravel() for value in state.values()])


def fit_and_save(name, checkpoint, weights):
    """Fit, and save what was learned and how many epochs that took."""
    _checkpoints._SHARE = float("inf")
    dae, data = FITS[name]
    dae = dae.set_params(checkpoint=checkpoint).fit(*data)
    np.savez(weights, weights=weights_of(dae), losses=dae.loss_curve_)


class Killed(Exception):
    """Stands for the end of a process."""


def quick(**parameters):
    settings = {"noise": "gaussian", "max_epochs": 4, "random_state": 0}
    return DenseDAE((8,), latent_dim=3, **{**settings, **parameters})


@contextmanager
def before_epoch(act):
    """Call ``act(epoch, net)`` before each epoch of training, counted from 1."""
    original = DenoisingNet.run_single_epoch

    def run(net, iterator, training, *args, **kwargs):
        if training:
            act(len(net.history), net)
        return original(net, iterator, training, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DenoisingNet, "run_single_epoch", run)
        yield


@contextmanager
def killed_after(n_epochs):
    """Stop a fit after so many epochs, as far as its checkpoint can tell."""

    def kill(epoch, net):
        if epoch > n_epochs:
            raise Killed

    with before_epoch(kill), pytest.raises(Killed):
        yield


@contextmanager
def counted_epochs():
    """Give a list that gets an entry for each epoch that is trained."""
    epochs = []
    with before_epoch(lambda epoch, net: epochs.append(epoch)):
        yield epochs


def assert_same(a, b):
    np.testing.assert_array_equal(weights_of(a), weights_of(b))
    assert a.loss_curve_ == b.loss_curve_
    assert a.validation_loss_curve_ == b.validation_loss_curve_
    assert a.n_iter_ == b.n_iter_


class Nursery:
    """Start fits in children of one process."""

    def __init__(self, process):
        self.process = process

    def start(self, name, checkpoint, weights):
        """Start a fit."""
        order = {"name": name, "checkpoint": str(checkpoint), "weights": str(weights)}
        self.child = self._ask(json.dumps(order))

    def status(self):
        """Wait for the fit, and return its exit status; below 0 is a signal."""
        return self._ask("")

    def kill(self):
        """Kill the fit; if it has ended, its process is there until ``status``."""
        os.kill(self.child, signal.SIGKILL)

    def _ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextmanager
def nursery():
    """Give a process that starts fits."""
    paths = [Path(__file__).parent, Path(__file__).parents[1]]
    process = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
    )
    try:
        yield Nursery(process)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


def main():
    """Start a child for each line."""
    child = 0
    for line in sys.stdin:
        if not line.strip():
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            continue
        child = os.fork()
        if not child:
            try:
                fit_and_save(**json.loads(line))
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main()
