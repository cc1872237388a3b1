"""What the benchmarks on photographs share: the data, the noise, the measure, and the rivals."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from _report import data_folder
from PIL import Image
from scipy.ndimage import median_filter
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle, denoise_wavelet

from skdae import psnr

__all__ = ["RIVALS", "mean_psnr", "noisy", "read_photos"]

NOISE_SEED = 0


def read_photos(name: str) -> list[np.ndarray]:
    """Read the photographs of ``$SKDAE_DATA/photos/<name>``: gray, float32, from 0 to 1."""
    data = data_folder()
    paths = sorted((data / "photos" / name).glob("*.png"))
    if not paths:
        raise SystemExit(f"No photographs in {data / 'photos' / name}. Set SKDAE_DATA.")
    return [np.asarray(Image.open(path).convert("L")) / np.float32(255) for path in paths]


def noisy(photos: list[np.ndarray], sigma: float) -> list[np.ndarray]:
    """Add Gaussian noise as the literature does: not clipped, from seed 0 for each photograph.

    ``sigma`` is on the scale from 0 to 255.
    """
    return [
        (x + np.random.RandomState(NOISE_SEED).normal(0, sigma / 255, x.shape)).astype(np.float32)
        for x in photos
    ]


def mean_psnr(photos: list[np.ndarray], denoised: list[np.ndarray]) -> float:
    """Mean of the PSNR of each photograph, of what is clipped and rounded to 8 bits."""
    pairs = zip(photos, denoised, strict=True)
    return float(np.mean([psnr(_as_uint8(x), _as_uint8(y)) for x, y in pairs]))


def _as_uint8(x: np.ndarray) -> np.ndarray:
    return np.round(255 * np.clip(x, 0, 1)).astype(np.uint8)


def median(x: np.ndarray, sigma: float) -> np.ndarray:
    """Take the median of 3 x 3, or of 5 x 5 where the noise is strong."""
    return median_filter(x, 3 if sigma < 20 else 5)


def total_variation(x: np.ndarray, sigma: float) -> np.ndarray:
    """Chambolle's method; the weight is what served best on such photographs."""
    return denoise_tv_chambolle(x, weight=0.9 * sigma / 255)


def wavelet(x: np.ndarray, sigma: float) -> np.ndarray:
    """BayesShrink on Daubechies wavelets."""
    return denoise_wavelet(x, sigma=sigma / 255, wavelet="db2", rescale_sigma=True)


def non_local_means(x: np.ndarray, sigma: float) -> np.ndarray:
    """Non-local means with the settings of scikit-image's example."""
    sigma = sigma / 255
    settings = {"patch_size": 5, "patch_distance": 6, "fast_mode": True}
    return denoise_nl_means(x, h=0.6 * sigma, sigma=sigma, **settings)


def bm3d(x: np.ndarray, sigma: float) -> np.ndarray:
    """BM3D, of its authors' package."""
    from bm3d import bm3d

    return bm3d(x.astype(np.float64), sigma_psd=sigma / 255)


RIVALS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "median": median,
    "total variation": total_variation,
    "wavelets": wavelet,
    "non-local means": non_local_means,
}
if find_spec("bm3d"):
    RIVALS["BM3D"] = bm3d
