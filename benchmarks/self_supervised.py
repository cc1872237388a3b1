"""Training without clean photographs: PSNR on Set12 at sigma 25.

    python benchmarks/self_supervised.py many
    python benchmarks/self_supervised.py one
    python benchmarks/self_supervised.py adapt

"many" trains the network of ``photos.py`` on all 400 photographs of BSD400, each with one fixed
draw of noise (two for Noise2Noise), and judges it on Set12; "split noise" is told the level. "one"
gives each of the five Set12 photographs of 512 x 512 to a network of its own, which sees nothing
else, and finds the level by ``estimate_sigma``; the seconds are those of one photograph, training
included. "adapt" trains the gray model of the package on with single photographs, which are not
told their level: the same five at sigma 25, and twenty of BSD400, which no model was trained on, at
15, 25 and 50 in turn. Noise and measure are those of ``photos.py``.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from _photos import RIVALS, mean_psnr, noisy, read_photos
from _report import print_machine, print_table
from photos import NETWORK

from skdae import GaussianNoise, UNetDAE, estimate_sigma, pretrained

LEVEL = 25
NOISE = GaussianNoise(LEVEL / 255)
ALONE = {**NETWORK, "residual": False, "lr": 0.02}
ONE = {
    "blind spot": {
        "self_supervised": "blind_spot",
        "augment": True,
        "patch_size": 48,
        "batch_size": 4,
        "max_epochs": 60,
    },
    "split noise": {
        "self_supervised": "split_noise",
        "augment": True,
        "patch_size": 64,
        "batch_size": 4,
        "max_epochs": 100,
    },
}


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
        "split noise": (first, None, {**ALONE, "noise": NOISE, "self_supervised": "split_noise"}),
        "blind spot": (first, None, {**ALONE, "self_supervised": "blind_spot"}),
    }
    rows = []
    for name in options.ways or ways:
        X, y, settings = ways[name]
        dae, seconds = fit(X, y, **settings, **shared)
        rows.append([name, f"{seconds:.0f}", f"{mean_psnr(test, dae.predict(damaged)):.2f}"])
    print_table(["trained on", "training, s", "PSNR"], rows)


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
    for name, settings in ONE.items():
        denoised = []
        start = time.perf_counter()
        for x in damaged:
            if name == "split noise":
                settings = {**settings, "noise": GaussianNoise(*estimate_sigma([x]))}
            dae, _ = fit([x], **settings, device=options.device)
            denoised += dae.predict([x], tta=True)
        seconds = (time.perf_counter() - start) / len(photos)
        rows.append([f"UNetDAE, {name}", f"{seconds:.0f}", f"{mean_psnr(photos, denoised):.2f}"])
    print_table(["what", "s a photograph", "PSNR"], rows)


def adapt(options: argparse.Namespace) -> None:
    """Adapt the gray model to single photographs."""
    large = [photo for photo in read_photos("set12") if photo.shape == (512, 512)]
    small = read_photos("bsd400")[7::20]
    cases = [(f"Set12, {i}", photo, LEVEL) for i, photo in enumerate(large[: options.photos], 1)]
    cases += [
        (f"BSD400, {8 + 20 * i}", photo, (15, 25, 50)[i % 3])
        for i, photo in enumerate(small[: 4 * options.photos])
    ]
    dae = pretrained.load("photos-gray", device=options.device)
    rows = []
    for name, photo, level in cases:
        (x,) = noisy([photo], level)
        start = time.perf_counter(), time.process_time()
        adapted = pretrained.adapt(dae, x, random_state=0)
        seconds = time.perf_counter() - start[0], time.process_time() - start[1]
        row = [name, str(level), *(f"{value:.0f}" for value in seconds)]
        for each in (dae, adapted):
            for tta in (False, True):
                row.append(f"{mean_psnr([photo], [each.predict(x, tta=tta)]):.2f}")
        row.append(f"{float(row[6]) - float(row[4]):+.2f}")
        rows.append(row)
        print(*row, flush=True)
    head = ["photograph", "sigma", "s", "CPU s", "not adapted", "tta", "adapted", "tta", "gained"]
    print_table(head, rows)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("many", "one", "adapt"))
    parser.add_argument(
        "--ways", nargs="+", choices=("clean", "two copies", "split noise", "blind spot")
    )
    parser.add_argument("--epochs", type=int, default=20, help="of 'many'")
    parser.add_argument(
        "--photos", type=int, default=5, help="of 'one'; 'adapt' takes four times as many more"
    )
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    print_machine()
    {"many": many, "one": one, "adapt": adapt}[options.what](options)


if __name__ == "__main__":
    main()
