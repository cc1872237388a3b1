"""
How do I clean scanned pages?
=============================

Scans have stains, folds, yellowed paper and shadows, for which there is no formula. A network can
learn from pairs of a dirty and a clean page what belongs to the page. If you have no pairs, draw
them: text, and dirt on it.
"""

# %%
# Pairs of pages
# --------------
# Words on paper that darkens here and there, with a ring from a cup, a fold and faded
# ink. Set ``SKDAE_DATA`` to a folder with ``documents/dirty/*.png`` and ``documents/clean/*.png``
# to take those instead.

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

WORDS = (
    "the scan of an old page has stains and folds but its words want to be read"
).split()


def draw_page(rng, height=258, width=540):
    """Draw black words on white."""
    page = Image.new("L", (width, height), 255)
    pen, size = ImageDraw.Draw(page), int(rng.integers(13, 22))
    font = ImageFont.load_default(size)
    for top in range(8, height - 20, int(1.5 * size)):
        pen.text((8, top), " ".join(rng.choice(WORDS, 24)), fill=0, font=font)
    return np.asarray(page)


def make_dirty(page, rng):
    """Darken the paper, fade the ink."""

    def cloud(scale):
        field = gaussian_filter(rng.normal(size=page.shape), scale)
        return (field - field.min()) / np.ptp(field)

    y, x = np.ogrid[: page.shape[0], : page.shape[1]]
    top, left = rng.integers(page.shape)
    distance = np.hypot(y - top, x - left)
    ring = np.exp(-(((distance - rng.integers(40, 110)) / 4) ** 2))
    middle, slope = rng.integers(page.shape[1]), rng.uniform(-0.2, 0.2)
    fold = np.exp(-np.abs(x - middle + slope * y) / 3)
    paper = 1 - 0.45 * cloud(30) - 0.15 * cloud(3)
    paper -= 0.35 * ring * cloud(8) + 0.3 * fold
    ink = gaussian_filter(1 - page / 255, 0.7) * (1 - 0.35 * cloud(20))
    scan = paper * (1 - 0.9 * ink) + rng.normal(0, 0.03, page.shape)
    return np.round(255 * np.clip(scan, 0, 1)).astype(np.uint8)


folder = Path(os.environ.get("SKDAE_DATA", "no such folder")) / "documents"
if folder.exists():
    names = sorted(path.name for path in (folder / "dirty").glob("*.png"))
    dirty, clean = (
        [np.asarray(Image.open(path / name).convert("L")) for name in names]
        for path in (folder / "dirty", folder / "clean")
    )
else:
    rng = np.random.default_rng(0)
    clean = [draw_page(rng) for _ in range(10)]
    dirty = [make_dirty(page, rng) for page in clean]
len(dirty), dirty[0].shape, dirty[0].dtype

# %%
# Learn from all but one
# ----------------------
# ``fit(X, y)`` takes the dirty and the clean pages as two lists. ``loss="bce"`` is the choice for
# pictures that are nearly black and white.

from skdae import UNetDAE

dae = UNetDAE(loss="bce", patch_size=96, max_epochs=8, random_state=0)
dae.fit(dirty[1:], clean[1:])
cleaned = dae.predict(dirty[:1])[0]

# %%
# For comparison, without learning: subtract the background, the median of a large window.

from scipy.ndimage import median_filter

background = median_filter(dirty[0], 23)
without_background = np.where(dirty[0] < background - 25.0, dirty[0], 255)


def rmse(page):
    """Root mean squared error, where white is 1."""
    return np.sqrt(np.mean((page / 255 - clean[0] / 255) ** 2))


pages = {
    "as scanned": dirty[0],
    "background subtracted": without_background,
    "UNetDAE": cleaned,
    "clean": clean[0],
}
for name, page in pages.items():
    print(f"{name:22}RMSE {rmse(page):.3f}")

# %%
# Look at it
# ----------

import matplotlib.pyplot as plt

figure, axes = plt.subplots(2, 2, figsize=(12, 6.2), layout="constrained")
for ax, (name, page) in zip(axes.flat, pages.items(), strict=True):
    ax.imshow(page, cmap="gray", vmin=0, vmax=255)
    ax.set_title(name)
    ax.set_axis_off()

# %%
# A detail:

figure, axes = plt.subplots(1, 3, figsize=(12, 3.2), layout="constrained")
for ax, (name, page) in zip(axes, pages.items(), strict=False):
    ax.imshow(page[60:140, 150:290], cmap="gray", vmin=0, vmax=255)
    ax.set_title(name)
    ax.set_axis_off()

# sphinx_gallery_thumbnail_number = 1
