"""
How do I clean noisy photographs?
=================================

Photographs taken in the dark are full of grain. There are filters for that, from the median to
BM3D. A denoising autoencoder learns from clean photographs instead, and here it has only two of
them. How far does that go?
"""

# %%
# The data
# --------
# The two photographs of scikit-learn, in gray, to train on, and scikit-image's cameraman to test
# on. Set ``SKDAE_DATA`` to a folder with ``photos/bsd400/*.png`` to train on the 400 photographs
# that are usual in the literature.

import os
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from skdae.datasets import load_sample_photos

folder = Path(os.environ.get("SKDAE_DATA", "no such folder"), "photos/bsd400")
if folder.exists():
    photos = [Image.open(path) for path in sorted(folder.glob("*.png"))]
else:
    photos = [Image.fromarray(photo) for photo in load_sample_photos()]
photos = [np.asarray(photo.convert("L")) for photo in photos]
X_train = [photo / np.float32(255) for photo in photos]
clean = data.camera() / np.float32(255)
[x.shape for x in X_train[:2]], clean.shape

# %%
# Train
# -----
# ``fit`` takes the photographs as a list, and trains on patches of them, flipped and turned at
# random. With ``residual=True`` the network computes the noise instead of the photograph, which is
# learned faster if the noise is weaker than the picture. The noise has a standard
# deviation of 25 gray levels.

import time

from skdae import GaussianNoise, UNetDAE

noise = GaussianNoise(sigma=25 / 255)
dae = UNetDAE(
    noise=noise,
    residual=True,
    augment=True,
    patch_size=48,
    batch_size=4,
    max_epochs=40,
    lr=0.01,
    random_state=0,
)
start = time.perf_counter()
dae.fit(X_train)
f"{time.perf_counter() - start:.0f} s"

# %%
# Denoise, and compare
# --------------------
# The other methods get the noise level too. BM3D is the best of them.

from bm3d import bm3d
from scipy.ndimage import median_filter
from skimage.restoration import (
    denoise_nl_means,
    denoise_tv_chambolle,
    denoise_wavelet,
)

from skdae import psnr

sigma = noise.sigma
methods = {
    "median of 3 x 3": lambda x: median_filter(x, 3),
    "total variation": lambda x: denoise_tv_chambolle(x, weight=0.9 * sigma),
    "wavelets": lambda x: denoise_wavelet(x, sigma=sigma, rescale_sigma=True),
    "non-local means": lambda x: denoise_nl_means(
        x, h=0.6 * sigma, sigma=sigma, patch_size=5, patch_distance=6
    ),
    "BM3D": lambda x: bm3d(x.astype(float), sigma),
    "UNetDAE": lambda x: dae.predict([x])[0],
}

noisy = noise.corrupt([clean], random_state=0)[0]
results = {}
for name, method in methods.items():
    start = time.perf_counter()
    results[name] = np.clip(method(noisy), 0, 1)
    seconds = time.perf_counter() - start
    print(f"{name:16}{psnr(clean, results[name]):6.2f} dB {seconds:6.2f} s")

# %%
# Two photographs are enough to be better than all but BM3D. Trained in the same way on the 400
# photographs of BSD400 for half an hour, UNetDAE is above BM3D too, with 30.15 against 29.99 dB
# on the Set12 photographs (``benchmarks/photos.py``), and denoises a photograph ninety times
# faster.
#
# Look at it
# ----------
# A detail, at the size of its pixels.

import matplotlib.pyplot as plt

detail = np.s_[90:200, 180:320]
figure, axes = plt.subplots(2, 4, figsize=(12, 5.2), layout="constrained")
shown = {"clean": clean, "noisy": noisy, **results}
for ax, (name, image) in zip(axes.flat, shown.items(), strict=True):
    ax.imshow(image[detail], cmap="gray", vmin=0, vmax=1)
    quality = "" if name == "clean" else f", {psnr(clean, image):.1f} dB"
    ax.set_title(name + quality)
    ax.set_axis_off()

# %%
# The whole photograph, noisy and denoised:

figure, axes = plt.subplots(1, 2, figsize=(12, 6.2), layout="constrained")
for ax, name in zip(axes, ("noisy", "UNetDAE"), strict=True):
    ax.imshow(shown[name], cmap="gray", vmin=0, vmax=1)
    ax.set_title(name)
    ax.set_axis_off()

# sphinx_gallery_thumbnail_number = 1
