"""
I have a noisy photograph: what now?
====================================

There are no clean photographs to train on, the level of the noise is not known, and time is short.
A model that comes with the package cleans it at once.
"""

# %%
# A photograph
# ------------
# Scikit-image's cat, half as large, with noise of sigma 25 of 255. No model was trained on it.

import numpy as np
from skimage import data

from skdae import GaussianNoise

clean = data.chelsea()[::2, ::2] / np.float32(255)
noisy = GaussianNoise(sigma=25 / 255).corrupt([clean], random_state=0)[0]
noisy.shape

# %%
# Denoise it
# ----------
# ``load`` returns a fitted estimator, with weights that lie in the package. The second call of
# ``predict`` averages over flips and quarter turns, which takes eight times as long.

import time

from skdae import pretrained

dae = pretrained.load("photos-color")
dae.predict(noisy)  # the first call of a process gets ready

results, seconds = {"noisy": noisy}, {"noisy": 0.0}
ways = {"photos-color": {}, "photos-color, tta": {"tta": True}}
for name, options in ways.items():
    start = time.perf_counter()
    results[name] = dae.predict(noisy, **options)
    seconds[name] = time.perf_counter() - start

# %%
# Compare
# -------
# BM3D, which works without any training, has to be told the level of the noise.

from bm3d import bm3d_rgb

from skdae import psnr

start = time.perf_counter()
results["BM3D"] = bm3d_rgb(noisy.astype(float), 25 / 255)
seconds["BM3D"] = time.perf_counter() - start

results = {name: np.clip(image, 0, 1) for name, image in results.items()}
for name, image in results.items():
    print(f"{name:18}{psnr(clean, image):6.2f} dB {seconds[name]:6.2f} s")

# %%
# Look at it
# ----------

import matplotlib.pyplot as plt

shown = {name: results[name] for name in ("noisy", "BM3D", "photos-color")}
shown = {"clean": clean, **shown}
figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
for ax, (name, image) in zip(axes.flat, shown.items(), strict=True):
    ax.imshow(image)
    quality = "" if name == "clean" else f", {psnr(clean, image):.1f} dB"
    ax.set_title(name + quality)
    ax.set_axis_off()

# %%
# A photograph from a telephone
# -----------------------------
# Its noise is another one: it is stronger in the shadows, and the interpolation of colours and JPEG
# have spread it over neighbours. ``photos-color`` takes such grain for texture and leaves it as it
# is. ``photos-camera`` has learned to remove it. Here a simulated camera takes the photograph, at
# a gain as of a telephone at ISO 3200.

from skdae import CameraNoise

camera = CameraNoise(gain=0.0064, smoothing=0.4, jpeg_quality=90)
taken = np.clip(camera.corrupt([clean], random_state=0)[0], 0, 1)

cleaned = {"as taken": taken}
for name in ("photos-color", "photos-camera"):
    cleaned[name] = np.clip(pretrained.load(name).predict(taken), 0, 1)

figure, axes = plt.subplots(1, 3, figsize=(12, 3), layout="constrained")
for ax, (name, image) in zip(axes.flat, cleaned.items(), strict=True):
    ax.imshow(image)
    ax.set_title(f"{name}, {psnr(clean, image):.1f} dB")
    ax.set_axis_off()

# %%
# A photograph that repeats itself
# --------------------------------
# Print, cloth and tiles show the same again and again. ``adapt`` trains the model on with such a
# photograph alone, which it is to denoise: one to two minutes for a large one, a few seconds here.

page = data.page()[:, :320] / np.float32(255)
scan = GaussianNoise(sigma=25 / 255).corrupt([page], random_state=0)[0]

dae = pretrained.load("photos-gray")
adapted = pretrained.adapt(dae, scan, n_steps=150, random_state=0)

pages = {"noisy": scan, "photos-gray": dae.predict(scan)}
pages["adapted"] = adapted.predict(scan)

figure, axes = plt.subplots(1, 3, figsize=(12, 2.8), layout="constrained")
for ax, (name, image) in zip(axes.flat, pages.items(), strict=True):
    image = np.clip(image, 0, 1)
    ax.imshow(image, cmap="gray", vmin=0, vmax=1)
    ax.set_title(f"{name}, {psnr(page, image):.1f} dB")
    ax.set_axis_off()

# %%
# From file to file it takes three lines; a photograph of any size will do, in ``uint8`` too::
#
#     photo = np.asarray(Image.open("photo.jpg").convert("RGB"))
#     clean = pretrained.load("photos-camera").predict(photo)
#     Image.fromarray(clean).save("clean.png")
#
# The user guide says which model is for what, and when to adapt it or to train one: see
# :doc:`/user_guide/photographs`.
