"""Denoise digits with the usual means and with ConvDAE, and compare: a table and a picture.

Usage: python benchmarks/demo.py [FOLDER]     (default: demo)

Ends with status 1 if ConvDAE is not at least 1 dB above the best of the others.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
import torch
from scipy.ndimage import median_filter
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, train_test_split

from skdae import ConvDAE, DenoisingDisplay, GaussianNoise, make_denoising_scorer, psnr, ssim
from skdae.datasets import load_digits

PROMISED_DB = 1.0
N_NOISY_COPIES = 10
N_SHOWN = 10


class MedianFilter(BaseEstimator):
    """Replace each pixel by the median of a square window."""

    def __init__(self, size=3):
        self.size = size

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        return median_filter(X, size=(1, self.size, self.size)).clip(0, 1)


class PCADenoiser(PCA):
    """Project images on the main components, and back."""

    def fit(self, X, y=None):
        return super().fit(X.reshape(len(X), -1))

    def predict(self, X):
        rows = self.inverse_transform(self.transform(X.reshape(len(X), -1)))
        return rows.reshape(X.shape).clip(0, 1)


class LinearDenoiser(Ridge):
    """The linear map from noisy to clean images, in closed form, from several noisy copies."""

    def fit(self, X, y=None, *, noise):
        noisy = [noise.corrupt(X, random_state=seed) for seed in range(1, N_NOISY_COPIES + 1)]
        clean = np.concatenate([X] * N_NOISY_COPIES)
        return super().fit(
            np.concatenate(noisy).reshape(len(clean), -1), clean.reshape(len(clean), -1)
        )

    def predict(self, X):
        return super().predict(X.reshape(len(X), -1)).reshape(X.shape).clip(0, 1)


def tuned(denoiser: BaseEstimator, values: dict, X: np.ndarray, noise: GaussianNoise):
    """Search the training part with the scorer that a DAE would be searched with."""
    search = GridSearchCV(denoiser, values, scoring=make_denoising_scorer(noise, "neg_mse"))
    return search.fit(X).best_estimator_


def denoise_all(noise: GaussianNoise) -> tuple[dict[str, np.ndarray], float]:
    """Return the held-out digits, clean, noisy and denoised, and the seconds of training.

    All results are clipped to [0, 1], the range of the pixels.
    """
    X, _ = load_digits()
    X_train, X_test = train_test_split(X, random_state=0)
    X_noisy = noise.corrupt(X_test, random_state=0)

    median = tuned(MedianFilter(), {"size": [2, 3, 4, 5]}, X_train, noise)
    pca = tuned(PCADenoiser(), {"n_components": range(1, 65)}, X_train, noise)
    linear = LinearDenoiser().fit(X_train, noise=noise)
    dae = ConvDAE(
        channels=(32, 64),
        downsample="stride",
        activation="gelu",
        noise=noise,
        lr=0.01,
        batch_size=64,
        max_epochs=60,
        random_state=0,
    )
    start = time.perf_counter()
    dae.fit(X_train)
    seconds = time.perf_counter() - start

    return {
        "clean": X_test,
        "noisy": X_noisy,
        f"median filter, {median.size} x {median.size}": median.predict(X_noisy),
        f"PCA, {pca.n_components} components": pca.predict(X_noisy),
        "best linear map (ridge)": linear.predict(X_noisy),
        "ConvDAE": dae.predict(X_noisy).clip(0, 1),
    }, seconds


def table(results: dict[str, np.ndarray]) -> str:
    """Return the scores as a Markdown table."""
    clean = results["clean"]
    lines = ["| | PSNR (dB) | SSIM | MSE |", "|---|---|---|---|"]
    for name, images in results.items():
        if name != "clean":
            mse = np.square(images - clean).mean()
            scores = f"{psnr(clean, images):.2f} | {ssim(clean, images):.3f} | {mse:.4f}"
            lines.append(f"| {name} | {scores} |")
    return "\n".join(lines)


def picture(results: dict[str, np.ndarray]) -> matplotlib.figure.Figure:
    """Draw the first digits: clean, noisy, denoised with PCA and with ConvDAE."""
    from matplotlib import pyplot as plt

    clean, noisy, _, pca, _, dae = results.values()
    figure, axes = plt.subplots(4, N_SHOWN, figsize=(10, 5.2), layout="constrained")
    for images, row, name in ((pca, 2, "PCA"), (dae, 3, "ConvDAE")):
        rows = axes[[0, 1, row]]
        DenoisingDisplay.from_predictions(clean, noisy, images, n_samples=N_SHOWN, axes=rows)
        axes[row, 0].set_ylabel(name)
    return figure


def main(folder: Path) -> int:
    """Write the table and the picture; return the exit status."""
    noise = GaussianNoise(sigma=0.4)
    results, seconds = denoise_all(noise)
    clean = results["clean"]
    decibels = [psnr(clean, images) for name, images in results.items() if name != "clean"]
    gain = decibels[-1] - max(decibels[:-1])

    scores = table(results)
    kept = gain >= PROMISED_DB
    summary = (
        f"{len(clean)} held-out digits, noise of sigma {noise.sigma}. ConvDAE trained for "
        f"{seconds:.0f} s and is {gain:.2f} dB above the best of the others "
        f"({'at least' if kept else 'NOT'} {PROMISED_DB:g} dB, as promised)."
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.md").write_text(f"{scores}\n\n{summary}\n", encoding="utf-8")
    picture(results).savefig(folder / "denoised.png", dpi=150)
    print(scores, "", summary, f"Picture: {folder / 'denoised.png'}", sep="\n")
    return 0 if kept else 1


if __name__ == "__main__":
    matplotlib.use("Agg")
    torch.set_num_threads(1)  # too small a network to share, and far slower if the cores are busy
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo")))
