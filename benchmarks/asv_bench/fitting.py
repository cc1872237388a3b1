"""Fits and predictions of small nets, and fixed costs, for ``make asv``.

Times are CPU times on one thread: those of other processes do not enter. Memory is the peak of the
whole process, of which Python and torch take some 400 MiB.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
import torch

from skdae import ConvDAE, DenseDAE, GaussianNoise, UNetDAE

KINDS = ("DenseDAE", "ConvDAE", "UNetDAE")


def estimator(kind: str):
    """Make an estimator that trains for one epoch."""
    kinds = {"DenseDAE": DenseDAE, "ConvDAE": ConvDAE, "UNetDAE": UNetDAE}
    return kinds[kind](noise=GaussianNoise(0.4), max_epochs=1, device="cpu", random_state=0)


class Kinds:
    """Fit and predict images of 28 x 28."""

    params = KINDS
    param_names = ("estimator",)
    timer = time.process_time
    repeat = (3, 10, 4.0)
    timeout = 120

    def setup(self, kind):
        """Fit once: torch sets itself up, and ``predict`` needs a fitted net."""
        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        self.images = np.random.default_rng(0).random((1024, 28, 28), dtype=np.float32)
        self.dae = estimator(kind).fit(self.images[:64])
        self.fitted = estimator(kind).fit(self.images[:64])

    def time_fit(self, kind):
        """Train on 1024 images."""
        self.dae.fit(self.images)

    def time_predict(self, kind):
        """Denoise 1024 images."""
        self.fitted.predict(self.images)

    def time_predict_one(self, kind):
        """Denoise one image."""
        self.fitted.predict(self.images[:1])


class Fixed:
    """What a call costs that has nearly nothing to compute."""

    timer = time.process_time
    repeat = (5, 20, 3.0)

    def setup(self):
        """Fit once."""
        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        self.rows = np.random.default_rng(0).random((50, 20), dtype=np.float32)
        self.dae = estimator("DenseDAE")
        self.fitted = estimator("DenseDAE").fit(self.rows)

    def time_fit(self):
        """Train for one epoch, of two steps."""
        self.dae.fit(self.rows)

    def time_predict(self):
        """Denoise 50 rows."""
        self.fitted.predict(self.rows)

    def time_fit_of_a_step(self):
        """Train for 200 epochs of one step: what a step costs beside its arithmetic."""
        self.dae.set_params(max_epochs=200, batch_size=50).fit(self.rows)


class Memory:
    """Peak memory with 20,000 images in uint8, which take 15 MiB."""

    params = KINDS
    param_names = ("estimator",)
    timeout = 120

    def setup(self, kind):
        """Fit on few images."""
        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        shape = (20_000, 28, 28)
        self.images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        self.dae = estimator(kind).fit(self.images[:64])

    def peakmem_predict(self, kind):
        """Denoise all."""
        self.dae.predict(self.images)
