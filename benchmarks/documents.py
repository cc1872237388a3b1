"""Stained and creased pages: RMSE on pages that no training saw.

    python benchmarks/documents.py
    python benchmarks/documents.py --epochs 10

115 scans and their clean pages, gray, 540 x 258 or 540 x 420, are read from
``$SKDAE_DATA/documents``. Split: the file names in sorted order, permuted by
``numpy.random.default_rng(0)``; the first 92 are trained on, the other 23 are judged. RMSE is over
all pixels of all test pages, as fractions of white, of what ``predict`` returns clipped to [0, 1].
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from _report import data_folder, print_machine, print_table
from PIL import Image
from scipy.ndimage import median_filter

from skdae import UNetDAE

N_TRAIN = 92


def read_pages(folder: Path, names: list[str]) -> list[np.ndarray]:
    """Read gray pages, uint8."""
    return [np.asarray(Image.open(folder / name).convert("L")) for name in names]


def rmse(clean: list[np.ndarray], pages: list[np.ndarray]) -> float:
    """Root of the mean squared error of all pixels, as fractions of white."""
    squares = [np.square(a / 255.0 - b / 255.0).ravel() for a, b in zip(clean, pages, strict=True)]
    return float(np.sqrt(np.concatenate(squares).mean()))


def without_background(page: np.ndarray) -> np.ndarray:
    """Subtract the median of a window of 23 x 23: what there is without learning."""
    background = median_filter(page, 23)
    return np.where(page < background - 25, page, 255).astype(np.uint8)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()

    data = data_folder()
    folder = data / "documents"
    names = sorted(path.name for path in (folder / "dirty").glob("*.png"))
    names = np.random.default_rng(0).permutation(names).tolist()
    train, test = names[:N_TRAIN], names[N_TRAIN:]
    dirty, clean = (read_pages(folder / kind, test) for kind in ("dirty", "clean"))

    print_machine()
    rows = [["as scanned", "", f"{rmse(clean, dirty):.4f}"]]
    plain = [without_background(page) for page in dirty]
    rows.append(["median background", "", f"{rmse(clean, plain):.4f}"])
    dae = UNetDAE(
        patch_size=96,
        batch_size=32,
        max_epochs=options.epochs,
        device=options.device,
        random_state=0,
    )
    start = time.perf_counter()
    dae.fit(*(read_pages(folder / kind, train) for kind in ("dirty", "clean")))
    seconds = time.perf_counter() - start
    name = f"UNetDAE, {options.epochs} epochs"
    rows.append([name, f"{seconds:.0f}", f"{rmse(clean, dae.predict(dirty)):.4f}"])
    rows.append([name + ", tta", "", f"{rmse(clean, dae.predict(dirty, tta=True)):.4f}"])
    print_table(["what", "training, s", "RMSE"], rows)


if __name__ == "__main__":
    main()
