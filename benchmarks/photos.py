"""Photographs: PSNR on Set12 after training on BSD400, for one noise level and for all at once.

    python benchmarks/photos.py
    python benchmarks/photos.py --epochs 3 --models known

All 400 photographs are trained on, all 12 are judged (``$SKDAE_DATA/photos``). Noise is Gaussian,
not clipped, on the scale from 0 to 255, from seed 0 for each photograph; the denoised photographs
are clipped and rounded; PSNR is the mean over them. "known" learns noise of sigma 25 alone, "blind"
every sigma from 0 to 55, with the L1 loss: the squared error would mind the strongest noise most.
Rivals are given the level; BM3D runs where the ``bm3d`` package is.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from _photos import RIVALS, mean_psnr, noisy, read_photos
from _report import print_machine, print_table

from skdae import GaussianNoise, UNetDAE

LEVELS = (15, 25, 50)
# The level that a model is made for, and its settings.
MODELS: dict[str, tuple[int | None, dict[str, Any]]] = {
    "known": (25, {"noise": GaussianNoise(25 / 255), "max_epochs": 24}),
    "blind": (None, {"noise": GaussianNoise((0, 55 / 255)), "loss": "l1", "max_epochs": 28}),
}
NETWORK = {"residual": True, "patch_size": 48, "batch_size": 8, "lr": 0.01}


def train(photos: list[np.ndarray], settings: dict[str, Any]) -> tuple[UNetDAE, float]:
    """Fit UNetDAE; return it and the seconds."""
    dae = UNetDAE(**NETWORK, augment=True, random_state=0, **settings)
    start = time.perf_counter()
    dae.fit(photos)
    return dae, time.perf_counter() - start


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, help="instead of those of the models")
    parser.add_argument("--models", nargs="*", choices=MODELS, default=list(MODELS))
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()

    print_machine()
    train_photos, photos = read_photos("bsd400"), read_photos("set12")
    damaged = {level: noisy(photos, level) for level in LEVELS}
    rows = [["as it came", "", ""] + [f"{mean_psnr(photos, damaged[s]):.2f}" for s in LEVELS]]
    for name, rival in RIVALS.items():
        start = time.perf_counter()
        denoised = [[rival(x, level) for x in damaged[level]] for level in LEVELS]
        seconds = (time.perf_counter() - start) / (len(LEVELS) * len(photos))
        rows.append(
            [name, "", f"{seconds:.2f}", *(f"{mean_psnr(photos, d):.2f}" for d in denoised)]
        )
    for model in options.models:
        level, settings = MODELS[model]
        settings = {**settings, "device": options.device}
        if options.epochs:
            settings["max_epochs"] = options.epochs
        dae, fit_seconds = train(train_photos, settings)
        for tta in (False, True):
            row = [f"UNetDAE, {model}" + ", tta" * tta, "" if tta else f"{fit_seconds:.0f}"]
            start = time.perf_counter()
            denoised = [
                dae.predict(damaged[s], tta=tta) if level in (None, s) else None for s in LEVELS
            ]
            n_levels = sum(d is not None for d in denoised)
            row.append(f"{(time.perf_counter() - start) / (n_levels * len(photos)):.2f}")
            row += ["" if d is None else f"{mean_psnr(photos, d):.2f}" for d in denoised]
            rows.append(row)
    head = ["what", "training, s", "s a photo", *(f"sigma {level}" for level in LEVELS)]
    print_table(head, rows)


if __name__ == "__main__":
    main()
