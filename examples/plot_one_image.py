"""
How do I denoise an image when it is all I have?
================================================

Often there is one noisy image, no clean one to learn from, and the level of the noise is not
known: from a microscope, a telescope, an old scan. An autoencoder can learn from the noisy pixels
themselves.
"""

# %%
# The image
# ---------
# A part of scikit-image's cameraman, with noise whose level the network does not know.

import numpy as np
from skimage import data

from skdae import GaussianNoise

clean = data.camera()[:256, 100:356] / np.float32(255)
noisy = GaussianNoise(sigma=25 / 255).corrupt([clean], random_state=0)[0]
noisy.shape

# %%
# Find the level of the noise
# ---------------------------
# :func:`~skdae.estimate_sigma` finds it, since noise differs from pixel to pixel, and the picture
# hardly does.

from skdae import estimate_sigma

(sigma,) = estimate_sigma([noisy])
print(f"sigma: {255 * sigma:.1f} gray levels; 25 is true")

# %%
# Split the noise
# ---------------
# ``self_supervised="split_noise"`` says that the image carries this noise already. For every
# batch, training draws from each noisy patch two others: the noise of one is independent of the
# noise of the other, and the picture is the same. So the network can predict only the picture of
# one from the other [1]_.

import time

from skdae import UNetDAE

training = {
    "augment": True,
    "patch_size": 48,
    "batch_size": 4,
    "max_epochs": 80,
    "random_state": 0,
}
start = time.perf_counter()
dae = UNetDAE(
    noise=GaussianNoise(sigma), self_supervised="split_noise", **training
)
denoised = dae.fit([noisy]).predict([noisy], tta=True)[0]
seconds = time.perf_counter() - start

# %%
# Or hide pixels
# --------------
# Splitting needs Gaussian or Poisson noise. For other noise, ``self_supervised="blind_spot"``
# replaces single pixels by one of their neighbours, and trains the network to predict the noisy
# values that were there. The surroundings predict the picture, but no noise that is independent
# from pixel to pixel [2]_. The result is worse, since training never uses the value of the pixel
# itself.

blind = UNetDAE(self_supervised="blind_spot", **training)
guessed = blind.fit([noisy]).predict([noisy], tta=True)[0]

# %%
# Compare
# -------
# Wavelet shrinkage, non-local means and BM3D need the level of the noise too: they get the same
# estimate.

from bm3d import bm3d
from skimage.restoration import denoise_nl_means, denoise_wavelet

from skdae import psnr

results = {
    "noisy": noisy,
    "wavelets": denoise_wavelet(noisy, sigma=sigma, rescale_sigma=True),
    "non-local means": denoise_nl_means(
        noisy, h=0.6 * sigma, sigma=sigma, patch_size=5, patch_distance=6
    ),
    "BM3D": bm3d(noisy.astype(float), sigma),
    "UNetDAE, blind spots": guessed,
    "UNetDAE, split noise": denoised,
}
for name, image in results.items():
    print(f"{name:22}{psnr(clean, np.clip(image, 0, 1)):6.2f} dB")
print(f"the last one took {seconds:.0f} s, training included")

# %%
# Look at it
# ----------

import matplotlib.pyplot as plt

figure, axes = plt.subplots(2, 4, figsize=(14, 6), layout="constrained")
for ax in axes.flat:
    ax.set_axis_off()
shown = {"clean": clean, **results}
for ax, (name, image) in zip(axes.flat, shown.items(), strict=False):
    ax.imshow(image[110:220, 95:235], cmap="gray", vmin=0, vmax=1)
    ax.set_title(name)

# %%
# .. [1] T. Pang, H. Zheng, Y. Quan, H. Ji, "Recorrupted-to-recorrupted: unsupervised deep learning
#    for image denoising", 2021.
# .. [2] A. Krull, T.-O. Buchholz, F. Jug, "Noise2Void: learning denoising from single noisy
#    images", 2019.
