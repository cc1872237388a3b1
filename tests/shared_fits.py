"""Fits that test_distributed.py runs in one process, and torchrun in several: see there.

As a script: shared_fits.py FOLDER DEVICE CASE...  writes what each case returns to
FOLDER/CASE-RANK.npz.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
import torch.distributed as dist
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, EarlyStopping, EpochScoring
from torch import nn

from skdae import (
    ConvDAE,
    DenoisingAutoencoder,
    DenseDAE,
    GaussianNoise,
    MaskingNoise,
    UNetDAE,
    make_denoising_scorer,
)
from skdae.training import processes

RNG = np.random.default_rng(0)
TABLE = RNG.random((203, 20)).astype(np.float32)
IMAGES = RNG.random((70, 12, 12)).astype(np.float32)
NOISY = np.clip(IMAGES + RNG.normal(size=IMAGES.shape) * 0.1, 0, 1).astype(np.float32)
PHOTOS = [RNG.random((30 + i, 40)).astype(np.float32) for i in range(5)]
NOISY_PHOTOS = [photo * np.float32(0.9) for photo in PHOTOS]

RANK = int(os.environ.get("RANK", "0"))
SETTINGS: dict[str, Any] = {"max_epochs": 2, "random_state": 0, "precision": "float32"}

Arrays = dict[str, Any]


class Own(nn.Module):
    """A module of a user, with dropout and the statistics of batches."""

    def __init__(self, sample_shape: tuple[int, ...]):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(20, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2))
        self.decode = nn.Linear(8, 20)
        self.unused = nn.Linear(3, 3)
        self.frozen = nn.Linear(3, 3).requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Encode and decode."""
        return self.decode(self.encode(x))


class FailsOnOne(Callback):
    """Fail in one process alone, in the middle of an epoch."""

    def on_batch_end(self, net: Any, **kwargs: object) -> None:
        """Fail at the fourth batch."""
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 4 and RANK == 1:
            raise OSError("no space left on device")


class Sizes(Callback):
    """Record how many processes share a fit."""

    sizes: list[int] = []

    def on_train_begin(self, net: Any, **kwargs: object) -> None:
        """Record it."""
        self.sizes.append(processes().size)


class FitsAnother(Callback):
    """Fit another estimator at the end of each epoch."""

    def on_epoch_end(self, net: Any, **kwargs: object) -> None:
        """Fit it."""
        DenseDAE(noise="gaussian", random_state=0, max_epochs=1).fit(TABLE)


def state(dae: Any, *more: Any) -> Arrays:
    """Return the weights, the losses, and what else is given."""
    arrays = {k: v.cpu().numpy() for k, v in dae.net_.module_.state_dict().items()}
    arrays["loss_curve_"] = dae.loss_curve_
    arrays["validation_loss_curve_"] = getattr(dae, "validation_loss_curve_", [])
    return arrays | {f"more{i}": value for i, value in enumerate(more)}


# ------------------------------------------------- the same as one process: nothing is random
def dense(**kw: Any) -> Arrays:
    """Last batches of 11 rows, shared 5 to 6."""
    dae = DenseDAE(**kw).fit(TABLE, TABLE * 0.9)
    return state(dae, dae.predict(TABLE), dae.transform(TABLE))


def small_batches(**kw: Any) -> Arrays:
    """Batches of 4 rows, the last of 3: with three processes, one has none of its own."""
    return state(DenseDAE(batch_size=4, **kw).fit(TABLE, TABLE * 0.9))


def single_rows(**kw: Any) -> Arrays:
    """Batches of one row, of which one process alone has any."""
    return state(DenseDAE(batch_size=1, **kw).fit(TABLE[:30], TABLE[:30] * 0.9))


def unet(**kw: Any) -> Arrays:
    """Images."""
    dae = UNetDAE(channels=(4, 8), n_blocks=1, **kw).fit(NOISY, IMAGES)
    return state(dae, dae.predict(NOISY))


def photos(**kw: Any) -> Arrays:
    """Patches of images of different sizes, turned at random."""
    kw = {"patch_size": 8, "augment": True, "batch_size": 10, **kw}
    return state(UNetDAE(channels=(4,), n_blocks=1, **kw).fit(NOISY_PHOTOS, PHOTOS))


def stopped(**kw: Any) -> Arrays:
    """Early stopping, on a validation part of 41 rows in batches of 32."""
    kw |= {"max_epochs": 40, "lr": 0.05, "lr_schedule": "constant", "n_iter_no_change": 2}
    kw |= {"early_stopping": True, "validation_fraction": 0.2, "optimizer": torch.optim.SGD}
    dae = DenseDAE(**kw).fit(TABLE, NOISE_TARGET)
    return state(dae, dae.n_iter_)


def warm(**kw: Any) -> Arrays:
    """Two fits of one estimator, then a part."""
    dae = DenseDAE(warm_start=True, **kw)
    dae.fit(TABLE, TABLE * 0.9).fit(TABLE, TABLE * 0.9).partial_fit(TABLE, TABLE * 0.9)
    return state(dae)


def scored(**kw: Any) -> Arrays:
    """A callback that scores all outputs of the validation part, and another that stops by it."""
    callbacks = [
        EpochScoring("neg_mean_squared_error", name="score", lower_is_better=False),
        EarlyStopping("score", patience=2, lower_is_better=False),
    ]
    kw |= {"early_stopping": True, "callbacks": callbacks, "max_epochs": 6}
    dae = DenseDAE(**kw).fit(TABLE, TABLE * 0.9)
    return state(dae, dae.net_.history[:, "score"])


def nested(**kw: Any) -> Arrays:
    """A callback that trains another estimator meanwhile."""
    return state(DenseDAE(callbacks=[FitsAnother()], **kw).fit(TABLE, TABLE * 0.9))


NOISE_TARGET = RNG.random(TABLE.shape).astype(np.float32)
SAME = (dense, small_batches, single_rows, unet, photos, stopped, warm, scored, nested)


# --------------------------------------------- the same in all processes: each draws its own
def noise(**kw: Any) -> Arrays:
    """New noise for every batch, and fixed noise for validation."""
    noise = GaussianNoise(sigma=0.3)
    dae = DenseDAE(noise=noise, early_stopping=True, validation_fraction=0.3, **kw).fit(TABLE)
    return state(dae)


def own(**kw: Any) -> Arrays:
    """A module with dropout, batch normalisation, and weights that get no gradient."""
    return state(DenoisingAutoencoder(Own, noise=MaskingNoise(0.2), batch_size=33, **kw).fit(TABLE))


def no_seed(**kw: Any) -> Arrays:
    """Seeds that the first process draws for all."""
    return state(ConvDAE(noise="gaussian", **(kw | {"random_state": None})).fit(IMAGES))


def split_noise(**kw: Any) -> Arrays:
    """Noisy images alone, split at random."""
    kw |= {"self_supervised": "split_noise", "noise": GaussianNoise(sigma=0.1)}
    return state(UNetDAE(channels=(4,), n_blocks=1, **kw).fit(NOISY))


def blind_spot(**kw: Any) -> Arrays:
    """Noisy images alone, with hidden places."""
    kw |= {"self_supervised": "blind_spot", "patch_size": 8}
    return state(UNetDAE(channels=(4,), n_blocks=1, **kw).fit(NOISY_PHOTOS))


def search(**kw: Any) -> Arrays:
    """A search, each of whose fits is shared."""
    scorer = make_denoising_scorer(GaussianNoise(sigma=0.3), random_state=0)
    dae = DenseDAE(noise=GaussianNoise(sigma=0.3), callbacks=[Sizes], **kw)
    grid = {"latent_dim": [2, 8]}
    found = GridSearchCV(dae, grid, scoring=scorer, cv=2, error_score="raise").fit(TABLE)
    scores = found.cv_results_["mean_test_score"]
    return state(found.best_estimator_, scores, Sizes.sizes)


DRAWN = (noise, own, no_seed, split_noise, blind_spot, search)


# ------------------------------------------------------------------- what each process says
def workers(**kw: Any) -> Arrays:
    """A search in threads of joblib, which share nothing."""
    Sizes.sizes.clear()
    dae = DenseDAE(callbacks=[Sizes], noise="gaussian", **kw)
    with joblib.parallel_config("threading", n_jobs=2):
        GridSearchCV(dae, {"latent_dim": [2, 8]}, cv=2, refit=False).fit(TABLE)
    return {"sizes": Sizes.sizes}


def said(**kw: Any) -> Arrays:
    """The progress bar, and a warning of a table whose columns are on different scales."""
    scaled = TABLE * np.logspace(0, 5, 20, dtype=np.float32)
    bar = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stderr(bar):
        warnings.simplefilter("always")
        DenseDAE(noise=None, standardize=False, loss="l1", lr=1e-5, verbose=1, **kw).fit(
            scaled, scaled * 0.9
        )
    return {"bar": bar.getvalue(), "n_warnings": sum("scale" in str(w.message) for w in caught)}


def _message_of(fit: Callable[[], object]) -> Arrays:
    start = time.monotonic()
    try:
        fit()
    except (OSError, RuntimeError, ValueError) as error:
        return {"message": f"{type(error).__name__}: {error}", "s": time.monotonic() - start}
    return {"message": "none", "s": time.monotonic() - start}


def failed(**kw: Any) -> Arrays:
    """One process fails in a step, and the script catches that."""
    dae = DenseDAE(noise="gaussian", callbacks=[FailsOnOne()], **kw)
    said = _message_of(lambda: dae.fit(TABLE))
    return {**said, "is_fitted": hasattr(dae, "net_")}


def refused(**kw: Any) -> Arrays:
    """One process has samples that none may have."""
    table = TABLE.copy()
    table[5, 5] = np.nan if RANK == 1 else 0
    return _message_of(lambda: DenseDAE(noise="gaussian", **kw).fit(table))


def in_turns(**kw: Any) -> Arrays:
    """Fits that one process after the other fails at once; then one that none fails."""
    messages = []
    for i in range(9):
        table = TABLE * np.float32(np.nan if i % processes_here() == RANK else 1)
        dae = DenseDAE(noise="gaussian", **kw)
        messages.append(_message_of(lambda dae=dae, table=table: dae.fit(table))["message"])
    return state(DenseDAE(noise="gaussian", **kw).fit(TABLE)) | {"messages": messages}


def processes_here() -> int:
    """Return how many processes torchrun has started."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def other_data(**kw: Any) -> Arrays:
    """Every process has a part of the data."""
    return _message_of(lambda: DenseDAE(noise="gaussian", **kw).fit(TABLE[RANK::2]))


def other_seed(**kw: Any) -> Arrays:
    """The noise of a step before was drawn in each process."""
    noisy = GaussianNoise(sigma=0.1, random_state=RANK).fit_transform(np.array(TABLE))
    return _message_of(lambda: DenseDAE(**kw).fit(np.array(noisy), np.array(TABLE)))


def other_step(**kw: Any) -> Arrays:
    """One process goes on with an estimator that the others have not fitted."""
    dae = DenseDAE(noise="gaussian", **kw)
    if RANK == 1:
        with joblib.parallel_config("threading", n_jobs=2):
            (dae,) = joblib.Parallel()([joblib.delayed(dae.partial_fit)(TABLE)])
    return _message_of(lambda: dae.partial_fit(TABLE))


def diverged(**kw: Any) -> Arrays:
    """The loss explodes in all processes at once."""
    kw |= {"lr": 1e6, "lr_schedule": "constant", "optimizer": torch.optim.SGD}
    return _message_of(lambda: DenseDAE(noise="gaussian", **kw).fit(TABLE))


def inside_own_group(**kw: Any) -> Arrays:
    """A fit, and one that fails, where the script has a group of its own, which goes on."""
    dist.init_process_group("gloo")
    result = state(DenseDAE(**kw).fit(TABLE, TABLE * 0.9))
    result |= failed(**kw)
    ones = torch.ones(1)
    dist.all_reduce(ones)
    result["ones"] = ones.numpy()
    dist.destroy_process_group()
    return result


def uncaught(**kw: Any) -> Arrays:
    """One process fails, and nobody catches it."""
    DenseDAE(noise="gaussian", callbacks=[FailsOnOne()], **kw).fit(TABLE)
    return {}


SAID = (workers, said, failed, refused, in_turns, other_data, other_seed, other_step, diverged)
LAST = (inside_own_group, uncaught)
CASES = {case.__name__: case for case in (*SAME, *DRAWN, *SAID, *LAST)}


def run(name: str, device: str = "cpu") -> Arrays:
    """Run a case; what has no noise of its own learns pairs."""
    return CASES[name](device=device, **SETTINGS)


if __name__ == "__main__":
    folder, device, *names = sys.argv[1:]
    for name in names:
        np.savez(Path(folder, f"{name}-{RANK}.npz"), **run(name, device))
