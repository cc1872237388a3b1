"""A photograph of 4000 x 3000 pixels: time and memory of predict, and whether there are seams.

    python benchmarks/large_photo.py
    python benchmarks/large_photo.py --height 2000 --width 1500 --channels 3

``predict`` works in tiles; the bare network gets the photograph in one piece, under
``inference_mode``, with its memory. The smallest of three turns counts. Memory is the peak of the
resident memory above what there was before, photograph and network included. Linux only.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from _report import print_machine, print_table
from memory import MEBIBYTE, Peak

from skdae import GaussianNoise, UNetDAE

TURNS = 3


def measured(call: Callable[[], np.ndarray]) -> tuple[float, float, np.ndarray]:
    """Return the seconds, the MiB and the result of a call."""
    with Peak() as peak:
        start = time.perf_counter()
        result = call()
        seconds = time.perf_counter() - start
    return seconds, (peak.highest - peak.before) / MEBIBYTE, result


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--height", type=int, default=3000)
    parser.add_argument("--width", type=int, default=4000)
    parser.add_argument("--channels", type=int, default=1)
    options = parser.parse_args()

    rng = np.random.default_rng(0)
    photo = rng.random((options.height, options.width, options.channels), dtype=np.float32)
    settings = {"max_epochs": 1, "device": "cpu", "precision": "float32", "random_state": 0}
    dae = UNetDAE(noise=GaussianNoise(0.1), **settings)
    dae.fit([photo[:256, :256]])
    module = dae.net_.module_.eval()

    def bare() -> np.ndarray:
        with torch.inference_mode():
            x = torch.from_numpy(photo).permute(2, 0, 1)[None]
            x = x.contiguous(memory_format=torch.channels_last)
            return module(x)[0].permute(1, 2, 0).numpy()

    def predict() -> np.ndarray:
        return dae.predict([photo])[0]

    print_machine()
    turns = [(measured(predict), measured(bare)) for _ in range(TURNS)]
    difference = np.abs(turns[0][0][2] - turns[0][1][2]).max()
    rows = []
    for name, index in (("bare network", 1), ("predict", 0)):
        seconds = min(turn[index][0] for turn in turns)
        memory = max(turn[index][1] for turn in turns)
        rows.append([name, f"{seconds:.1f}", f"{memory:.0f}"])
    ratio = min(t[0][0] for t in turns) / min(t[1][0] for t in turns)
    rows[0] += ["1.00", ""]
    rows[1] += [f"{ratio:.2f}", f"{difference:.1e}"]
    print_table(["what", "s", "MiB above", "over bare", "largest difference"], rows)


if __name__ == "__main__":
    main()
