"""Training without clean photographs: PSNR on Set12 at sigma 25.

    python benchmarks/self_supervised.py many
    python benchmarks/self_supervised.py one

"many" trains the network of ``photos.py`` on all 400 photographs of BSD400, each with one fixed
draw of noise (two for Noise2Noise), and judges it on Set12. "one" gives each of the five Set12
photographs of 512 x 512 to a network of its own, which sees nothing else; the seconds are those of
one photograph, training included. Noise and measure are those of ``photos.py``.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from _photos import RIVALS, mean_psnr, noisy, read_photos
from _report import print_machine, print_table
from photos import NETWORK
from scipy.ndimage import uniform_filter

from skdae import GaussianNoise, UNetDAE, estimate_sigma

LEVEL = 25
NOISE = GaussianNoise(LEVEL / 255)
BLIND = {**NETWORK, "residual": False, "blind_spot": True}
ONE = {
    "blind_spot": True,
    "augment": True,
    "patch_size": 48,
    "batch_size": 4,
    "max_epochs": 60,
    "lr": 0.01,
}
WINDOW = 17


def fit(X: Any, y: Any = None, **settings: Any) -> tuple[UNetDAE, float]:
    """Fit UNetDAE; return it and the seconds."""
    dae = UNetDAE(**settings, random_state=0)
    start = time.perf_counter()
    dae.fit(X, y)
    return dae, time.perf_counter() - start


def many(options: argparse.Namespace) -> None:
    """Compare ways to train on BSD400."""
    photos, test = read_photos("bsd400"), read_photos("set12")
    damaged = noisy(test, LEVEL)
    shared = {"augment": True, "max_epochs": options.epochs, "device": options.device}
    first, second = (NOISE.corrupt(photos, random_state=seed) for seed in (1, 2))
    ways: dict[str, tuple] = {
        "clean": (photos, None, {**NETWORK, "noise": NOISE}),
        "two copies": (first, second, NETWORK),
        "blind spot": (first, None, BLIND),
    }
    rows = []
    for name in options.ways or ways:
        X, y, settings = ways[name]
        dae, seconds = fit(X, y, **settings, **shared)
        rows.append([name, f"{seconds:.0f}", f"{mean_psnr(test, dae.predict(damaged)):.2f}", ""])
        if name == "blind spot":
            guessed = dae.predict(damaged, j_invariant=True)
            both = [with_what_it_left(*pair) for pair in zip(damaged, guessed, strict=True)]
            rows[-1][-1] = f"{mean_psnr(test, both):.2f}"
    print_table(["trained on", "training, s", "PSNR", "and what it left"], rows)


def with_what_it_left(x: np.ndarray, denoised: np.ndarray) -> np.ndarray:
    """Put back the part of the residual that is too strong for noise, as a Wiener filter does.

    What is guessed from its surroundings lacks what the value itself tells. The residual is noise
    and error, whose variances add: the share of the error is the best weight for the value.
    """
    (sigma,) = estimate_sigma([x])
    residual = x - denoised
    power = uniform_filter(residual**2, WINDOW)
    return denoised + np.maximum(0, 1 - sigma**2 / power) * residual


def one(options: argparse.Namespace) -> None:
    """Denoise single photographs."""
    photos = [photo for photo in read_photos("set12") if photo.shape == (512, 512)]
    photos = photos[: options.photos]
    damaged = noisy(photos, LEVEL)
    rows = [["as it came", "", f"{mean_psnr(photos, damaged):.2f}"]]
    for name, rival in RIVALS.items():
        start = time.perf_counter()
        denoised = [rival(x, LEVEL) for x in damaged]
        seconds = (time.perf_counter() - start) / len(photos)
        rows.append([name, f"{seconds:.1f}", f"{mean_psnr(photos, denoised):.2f}"])
    results: dict[str, list[np.ndarray]] = {"UNetDAE": [], "UNetDAE, and what it left": []}
    times = []
    for x in damaged:
        start = time.perf_counter()
        dae, _ = fit([x], **ONE, device=options.device)
        results["UNetDAE"] += dae.predict([x])
        from_surroundings = dae.predict([x], j_invariant=True)[0]
        results["UNetDAE, and what it left"].append(with_what_it_left(x, from_surroundings))
        times.append(time.perf_counter() - start)
    for name, denoised in results.items():
        rows.append([name, f"{np.mean(times):.0f}", f"{mean_psnr(photos, denoised):.2f}"])
    print_table(["what", "s a photograph", "PSNR"], rows)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("many", "one"))
    parser.add_argument("--ways", nargs="+", choices=("clean", "two copies", "blind spot"))
    parser.add_argument("--epochs", type=int, default=20, help="of 'many'")
    parser.add_argument("--photos", type=int, default=5, help="of 'one'")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    print_machine()
    {"many": many, "one": one}[options.what](options)


if __name__ == "__main__":
    main()
