"""
How do I denoise an image when it is all I have?
================================================

A microscope, a telescope, an old scan: one noisy image, no clean one to learn from, and nobody
knows how strong the noise is. An autoencoder can learn from the noisy pixels themselves.
"""

# %%
# The image
# ---------
# A part of scikit-image's cameraman, with noise that the network is not told about.

import numpy as np
from skimage import data

from skdae import GaussianNoise

clean = data.camera()[:256, 100:356] / np.float32(255)
noisy = GaussianNoise(sigma=25 / 255).corrupt([clean], random_state=0)[0]
noisy.shape

# %%
# Train on it
# -----------
# With ``blind_spot=True``, training hides single pixels behind one of their neighbours, and asks
# the network for the noisy values that were there. Noise that is independent from pixel to pixel
# cannot be guessed from the surroundings, and the picture can: so the network learns the picture
# [1]_. The loss never falls to zero, and says nothing about the quality: it contains the noise.

import time

from skdae import UNetDAE

start = time.perf_counter()
dae = UNetDAE(
    blind_spot=True,
    augment=True,
    patch_size=48,
    batch_size=4,
    max_epochs=100,
    lr=0.01,
    random_state=0,
)
dae.fit([noisy])
guessed = dae.predict([noisy], j_invariant=True)[0]
seconds = time.perf_counter() - start

# %%
# Put back what is too strong for noise
# -------------------------------------
# ``j_invariant=True`` guesses every pixel from its surroundings alone. The pixel itself tells
# something too. What the guess left over is noise plus the error of the guess, and their variances
# add; :func:`~skdae.estimate_sigma` finds that of the noise, so the rest is the error, and its
# share is the weight that the pixel deserves.

from scipy.ndimage import uniform_filter

from skdae import estimate_sigma, psnr

(sigma,) = estimate_sigma([noisy])
left = noisy - guessed
weight = np.maximum(0, 1 - sigma**2 / uniform_filter(left**2, 17))
denoised = guessed + weight * left
print(f"sigma: {255 * sigma:.1f} gray levels; 25 is true")

# %%
# Compare
# -------
# Wavelet shrinkage, non-local means and BM3D need the level of the noise: the same estimate.

from bm3d import bm3d
from skimage.restoration import denoise_nl_means, denoise_wavelet

results = {
    "noisy": noisy,
    "wavelets": denoise_wavelet(noisy, sigma=sigma, rescale_sigma=True),
    "non-local means": denoise_nl_means(
        noisy, h=0.6 * sigma, sigma=sigma, patch_size=5, patch_distance=6
    ),
    "BM3D": bm3d(noisy.astype(float), sigma),
    "UNetDAE": denoised,
}
for name, image in results.items():
    print(f"{name:16}{psnr(clean, np.clip(image, 0, 1)):6.2f} dB")
print(f"UNetDAE took {seconds:.0f} s, training included")

# %%
# One small image is little to learn from: non-local means and BM3D, which look for patches that
# resemble each other in Gaussian noise of a known level, are better here. The autoencoder asks for
# less: any noise will do that is independent from pixel to pixel, and nobody has to know its law.

# %%
# Look at it
# ----------

import matplotlib.pyplot as plt

figure, axes = plt.subplots(2, 3, figsize=(12, 6.8), layout="constrained")
for ax, (name, image) in zip(axes.flat, {"clean": clean, **results}.items(), strict=True):
    ax.imshow(image[20:130, 60:200], cmap="gray", vmin=0, vmax=1)
    ax.set_title(name)
    ax.set_axis_off()

# %%
# .. [1] A. Krull, T.-O. Buchholz, F. Jug, "Noise2Void: learning denoising from single noisy
#    images", 2019.
