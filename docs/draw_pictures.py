"""Draw the pictures of the README and of the home page: four kinds of data, before and after.

Usage: python docs/draw_pictures.py [FOLDER]     (default: docs/pictures)

Nothing is touched up. What is shown are results of the library:

- photograph.png: ``pretrained.load("photos-color")`` with all its defaults, on scikit-image's cat
  (CC0, by Stéfan van der Walt) with white noise of sigma 50 of 255. No model was trained on this
  photograph; it is one of five that chose among settings.
- page.png: the scan of scikit-image (BSD-3-Clause), cleaned by the network that
  ``examples/plot_pages.py`` trains on pages that it draws.
- ecg.png: from ``examples/plot_ecg.py``, the six seconds with most noise of the two minutes that
  it does not train on. Heart and electrode are simulated.
- table.png: six columns of the tumours of scikit-learn (CC BY 4.0, by Wolberg and others).
  ``TableDAE`` with all its defaults learns from 400 rows. In the other 169, 4 % of the cells get
  the value of another row, and 2 % are lost. Shown are the five rows that fit least, by
  ``score_samples``. Cells that are wrong or lost are red, those of them that it replaced green; a
  right one that it changed would be red.

All is drawn from fixed seeds, on one thread, in a minute. The pictures have two pixels for each
of those that they take on a page; ground and colours are for light and dark themes.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from PIL import Image
from skimage import data
from sklearn.datasets import load_breast_cancer

from skdae import GaussianNoise, TableDAE, pretrained

DOCS = Path(__file__).parent
EXAMPLES = DOCS.parent / "examples"
WIDTH, HEIGHT, DPI = 900, 600, 100
INK, GRAY, RED, BLUE = "#222222", "#8b949e", "#e5534b", "#2f81d9"
CELL, WRONG, REPAIRED = "#eef1f4", "#ffc1ba", "#b4e8c1"
# Left edges and widths of the columns of the table, which has N_SHOWN rows.
COLUMNS = [(70, 128), (198, 128), (326, 128), (454, 128), (582, 148), (730, 170)]
N_SHOWN = 5


def draw_photograph() -> plt.Figure:
    """Draw a part of a photograph, noisy, and beside it the same denoised."""
    clean = data.chelsea() / np.float32(255)
    (noisy,) = GaussianNoise(sigma=50 / 255).corrupt([clean], random_state=0)
    denoised = pretrained.load("photos-color").predict(noisy)
    figure = new_figure()
    for image, left, name in ((noisy, 0, "before"), (denoised, WIDTH // 2, "after")):
        ax = add_axes(figure, left, 0, WIDTH // 2, HEIGHT)
        ax.imshow(image[:, 130:355].clip(0, 1), interpolation="nearest", aspect="auto")
        label(figure, name, left + 24, 24)
    return figure


def draw_page() -> plt.Figure:
    """Draw the upper part of a scanned page, and below it the same cleaned."""
    page = data.page()
    (cleaned,) = runpy.run_path(str(EXAMPLES / "plot_pages.py"))["dae"].predict([page])
    figure = new_figure()
    options = {"cmap": "gray", "vmin": 0, "vmax": 255, "interpolation": "bicubic"}
    for image, bottom, name in ((page, HEIGHT // 2, "before"), (cleaned, 0, "after")):
        ax = add_axes(figure, 0, bottom, WIDTH, HEIGHT // 2)
        ax.imshow(image[10:138], aspect="auto", **options)
        label(figure, name, WIDTH - 130, bottom + 16)
    return figure


def draw_ecg() -> plt.Figure:
    """Draw six seconds of an ECG under electrode motion, and below them the same cleaned."""
    example = runpy.run_path(str(EXAMPLES / "plot_ecg.py"))
    clean, noisy = example["clean"][:, 0], example["noisy"][:, 0]
    cleaned = example["results"]["UNetDAE"][:, 0]
    length = 6 * example["RATE"]
    power = np.convolve((noisy - clean) ** 2, np.ones(length), "valid")
    shown = slice(power.argmax(), power.argmax() + length)
    both = np.concatenate([clean[shown], noisy[shown]])
    low, high = both.min() - 0.1, both.max() + 0.1
    figure = new_figure()
    for signal, bottom, name, color in ((noisy, 303, "before", RED), (cleaned, 0, "after", BLUE)):
        ax = add_axes(figure, 0, bottom, WIDTH, 297)
        ax.plot(clean[shown], color=GRAY, alpha=0.5, linewidth=6)
        ax.plot(signal[shown], color=color, linewidth=2.5)
        ax.set(xlim=(0, length), ylim=(low, high))
        label(figure, name, 24, bottom + 16)
    return figure


def draw_table() -> plt.Figure:
    """Draw rows of a table with wrong and lost cells, and below them the same repaired."""
    right, damaged, repaired = repair_table()
    is_wrong = (damaged.astype(object) != right.astype(object)).to_numpy()
    is_changed = (damaged.astype(object) != repaired.astype(object)).to_numpy()
    before = np.where(is_wrong, WRONG, CELL)
    after = np.select([is_changed & is_wrong, is_changed], [REPAIRED, WRONG], before)

    figure = new_figure()
    ax = add_axes(figure, 0, 0, WIDTH, HEIGHT)
    ax.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    for column, (left, width) in zip(right, COLUMNS, strict=True):
        for line, word in enumerate(column.split()):
            write(ax, word, left + width / 2, 29 + 28 * line, color=GRAY, size=17)
    write_cells(ax, damaged, before, 72)
    write_cells(ax, repaired, after, 344)
    label(figure, "before", 14, HEIGHT - 200, rotation=90)
    label(figure, "after", 14, HEIGHT - 472, rotation=90)
    return figure


def repair_table() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the rows of a table that fit least when damaged: as they were, damaged, repaired."""
    tumours = load_breast_cancer(as_frame=True)
    sizes = ["mean radius", "mean perimeter", "mean area", "worst radius", "worst perimeter"]
    diagnosis = pd.Categorical.from_codes(tumours.target, tumours.target_names)
    table = tumours.data[sizes].assign(diagnosis=diagnosis).sample(frac=1, random_state=0)
    right, learnt = table[:169], table[169:]

    damaged, rng = right.copy(), np.random.default_rng(0)
    for place, column in enumerate(table):
        rows = np.flatnonzero(rng.random(len(right)) < 0.04)
        seed = rng.integers(2**31)
        others = right[column].sample(len(rows), replace=True, random_state=seed)
        damaged.iloc[rows, place] = others.array
    damaged = damaged.mask(rng.random(right.shape) < 0.02)

    repairer = TableDAE(random_state=0).fit(learnt)
    repaired = repairer.predict(damaged)
    shown = np.argsort(repairer.score_samples(damaged))[:N_SHOWN]
    return right.iloc[shown], damaged.iloc[shown], repaired.iloc[shown]


def write_cells(ax: plt.Axes, frame: pd.DataFrame, colors: np.ndarray, top: int) -> None:
    """Write the rows of a frame into cells, 50 pixels apart."""
    for i, row in enumerate(frame.itertuples(index=False)):
        for value, color, (left, width) in zip(row, colors[i], COLUMNS, strict=True):
            y = top + 50 * i
            ax.add_patch(plt.Rectangle((left + 2, y + 2), width - 4, 46, color=color, linewidth=0))
            text = "?" if pd.isna(value) else value if isinstance(value, str) else f"{value:.1f}"
            write(ax, text, left + width / 2, y + 34, color=INK, size=18)


def write(ax: plt.Axes, text: str, x: float, y: float, **options: object) -> None:
    """Write a word, centred, on a line."""
    ax.text(x, y, text, horizontalalignment="center", **options)


def label(figure: plt.Figure, text: str, left: float, bottom: float, rotation: float = 0) -> None:
    """Write a word on a dark ground."""
    figure.text(
        left / WIDTH,
        bottom / HEIGHT,
        text,
        color="white",
        size=19,
        rotation=rotation,
        bbox={"boxstyle": "round,pad=0.3", "facecolor": INK, "alpha": 0.75, "linewidth": 0},
    )


def new_figure() -> plt.Figure:
    """Return a figure with a transparent ground."""
    return plt.figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor="none")


def add_axes(figure: plt.Figure, left: int, bottom: int, width: int, height: int) -> plt.Axes:
    """Return axes without frame at a place in pixels."""
    ax = figure.add_axes((left / WIDTH, bottom / HEIGHT, width / WIDTH, height / HEIGHT))
    ax.set_axis_off()
    return ax


def save(figure: plt.Figure, path: Path) -> None:
    """Write a figure, without opacity or colours where it has none."""
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())
    mode = "RGBA" if (pixels[..., 3] < 255).any() else "RGB"
    if mode == "RGB" and (pixels[..., :1] == pixels[..., :3]).all():
        mode = "L"
    Image.fromarray(pixels).convert(mode).save(path, optimize=True)


def main(folder: Path) -> None:
    """Draw all pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (draw_photograph, draw_page, draw_ecg, draw_table):
        path = folder / f"{draw.__name__.removeprefix('draw_')}.png"
        save(draw(), path)
        plt.close("all")
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    matplotlib.use("Agg")
    torch.set_num_threads(1)
    os.environ.pop("SKDAE_DATA", None)  # examples would take data that may not be shown
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS / "pictures")
