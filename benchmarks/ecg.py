"""An ECG under the noise of a moving electrode: gain in SNR on minutes that no training saw.

    python benchmarks/ecg.py
    python benchmarks/ecg.py --epochs 5

Record 100 of the MIT-BIH arrhythmia database (two leads, 360 Hz, 30 minutes) and the recorded
electrode motion ``em`` of the noise stress test database are read from ``$SKDAE_DATA/ecg``. Split:
the first 24 minutes of both to train on, the last 6 of both to judge by, so that neither the heart
beats nor the noise were seen. Each lead of the noise is scaled to 0 dB: its variance over the part
is that of the lead. The gain is the ratio of the squared errors before and after, over both leads.
The filter's band and the threshold of the wavelets are those that served best on the training part.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pywt
import torch
from _report import print_machine, print_table
from scipy.signal import butter, sosfiltfilt

from skdae import NoiseInjector, UNetDAE

RATE = 360
SPLIT = 24 * 60 * RATE
NETWORK: dict[str, Any] = {
    "channels": (32, 32, 64, 64, 128),
    "kernel_size": 5,
    "patch_size": 2048,
    "batch_size": 16,
}


def read_record(name: str) -> np.ndarray:
    """Read a record of two leads in WFDB's format 212, in its own units: (length, 2), float32.

    Three bytes hold two 12-bit numbers, in two's complement.
    """
    data = Path(os.environ.get("SKDAE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    path = data / "ecg" / f"{name}.dat"
    if not path.exists():
        raise SystemExit(f"No {path}. Set SKDAE_DATA.")
    first, middle, last = np.fromfile(path, np.uint8).reshape(-1, 3).astype(np.int32).T
    both = np.stack([first | (middle & 0x0F) << 8, last | (middle & 0xF0) << 4], axis=1)
    return np.where(both < 2**11, both, both - 2**12).astype(np.float32)


def at_0_db(noise: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """Scale each lead of a noise to the variance of the signal."""
    return (noise - noise.mean(0)) / noise.std(0) * signal.std(0)


class RecordedNoise(NoiseInjector):
    """Add a stretch of a recording, drawn at random, to each sample.

    A lead is turned upside down, or not, and the level is a factor.
    """

    _level = "scale"

    def __init__(self, recording, scale=1.0, *, clip=None, random_state=None, when="fit"):
        self.recording = recording
        self.scale = scale
        self.clip = clip
        self.random_state = random_state
        self.when = when

    def _corrupt(self, x, level, generator):
        n, n_leads, length = x.shape
        recording = torch.as_tensor(self.recording, dtype=x.dtype, device=x.device)
        starts = torch.randint(
            len(recording) - length + 1, (n, 1), generator=generator, device=x.device
        )
        stretches = recording[starts + torch.arange(length, device=x.device)]
        signs = torch.randint(0, 2, (n, 1, n_leads), generator=generator, device=x.device)
        return x + level * ((2 * signs - 1) * stretches).movedim(2, 1)


def gain(clean: np.ndarray, noisy: np.ndarray, denoised: np.ndarray) -> float:
    """By how many dB the squared error fell."""
    errors = np.square(noisy - clean).mean(), np.square(denoised - clean).mean()
    return float(10 * np.log10(errors[0] / errors[1]))


def band_pass(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Butterworth's band-pass of order 4, forwards and backwards, in Hz."""
    return sosfiltfilt(butter(4, (low, high), "bandpass", fs=RATE, output="sos"), x, axis=0)


def wavelets(x: np.ndarray, dropped: int, threshold: float) -> np.ndarray:
    """Leave out the coarse levels, and shrink the finer ones.

    Electrode motion is slow, so that its energy lies in the coarse coefficients.
    """
    coarse, *details = pywt.wavedec(x, "sym8", level=9, axis=0)
    kept = [np.zeros_like(coarse), *(np.zeros_like(d) for d in details[:dropped])]
    for detail in details[dropped:]:
        sigma = np.median(np.abs(detail), axis=0) / 0.6745
        kept.append(pywt.threshold(detail, threshold * sigma, "soft"))
    return pywt.waverec(kept, "sym8", axis=0)[: len(x)]


def best_of(method: Any, grids: tuple, clean: np.ndarray, noisy: np.ndarray) -> tuple:
    """Return the settings with the largest gain."""
    return max(
        itertools.product(*grids), key=lambda settings: gain(clean, noisy, method(noisy, *settings))
    )


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()

    ecg, motion = (read_record("100") - 1024) / 200, read_record("em")
    clean_train, clean = ecg[:SPLIT], ecg[SPLIT:]
    motion_train = at_0_db(motion[:SPLIT], clean_train)
    motion_test = at_0_db(motion[SPLIT:], clean)
    noisy_train, noisy = clean_train + motion_train, clean + motion_test

    print_machine()
    rows = []
    rivals = {
        "band-pass": (band_pass, ((0.5, 1, 2, 3, 5, 8), (15, 20, 30, 40, 60))),
        "wavelets": (wavelets, ((0, 1, 2, 3, 4, 5), (0, 0.5, 1, 2, 3))),
    }
    for name, (method, grids) in rivals.items():
        settings = best_of(method, grids, clean_train, noisy_train)
        denoised = method(noisy, *settings)
        rows.append([f"{name} {settings}", "", f"{gain(clean, noisy, denoised):.2f}"])
    dae = UNetDAE(
        **NETWORK,
        noise=RecordedNoise(motion_train),
        max_epochs=options.epochs,
        device=options.device,
        random_state=0,
    )
    start = time.perf_counter()
    dae.fit([clean_train])
    seconds = time.perf_counter() - start
    denoised = dae.predict([noisy])[0]
    rows.append(["UNetDAE", f"{seconds:.0f}", f"{gain(clean, noisy, denoised):.2f}"])
    print_table(["what", "training, s", "gain, dB"], rows)


if __name__ == "__main__":
    main()
