"""What the shipped models learn from: tiles of free photographs, and drawn images.

Photographs come at several sizes, cut into overlapping tiles; of the smoothest tiles only a part
is kept, since they teach little. Drawn images ("dead leaves") are discs and polygons that cover
each other, with a power law of radii as in photographs, filled with colours, gradients, stripes,
checks and letters: what the photographs lack.
"""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from _report import data_folder
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from sklearn.datasets import load_sample_images

__all__ = ["VALIDATION", "as_gray", "tiles_of_drawings", "tiles_of_photos", "validation_photos"]

# Chosen by their motif (grass, a hill, boats, fur, a person), before any training.
VALIDATION = (
    "lomiri-aitzgorri_by_Aitzol_Berasategi",
    "mate-Dune",
    "plasma-EveningGlow",
    "skimage-camera",
    "skimage-chelsea",
)
TILE, STEP = 256, 192
SCALES = (1.0, 0.75, 0.5, 0.35)
# Small photographs have noise of their own, which smaller sizes lose.
SCALES_OF_SMALL = (0.75, 0.6, 0.5)
# The part of tiles that are smooth, and which of them are kept: every tenth.
SMOOTH, KEPT = 0.4, 10
SIDE = 512


def tiles_of_photos(n_processes: int, limit: int | None = None) -> np.ndarray:
    """Return tiles (n, 256, 256, 3), uint8, of all photographs but those of the validation."""
    photos = [path for path in _paths() if path.stem not in VALIDATION][:limit]
    with ProcessPoolExecutor(n_processes) as pool:
        tiles = np.concatenate(list(pool.map(_tiles_of_file, photos)))
    for photo in load_sample_images().images[:limit]:
        tiles = np.concatenate([tiles, *_tiles_of(Image.fromarray(photo), SCALES_OF_SMALL)])
    detail = _detail(tiles)
    is_kept = detail >= np.quantile(detail, SMOOTH)
    is_kept[np.flatnonzero(~is_kept)[::KEPT]] = True
    return tiles[is_kept]


def validation_photos() -> list[np.ndarray]:
    """Return the photographs of the validation, (h, w, 3), uint8, half as large as they come."""
    paths = [path for path in _paths() if path.stem in VALIDATION]
    assert len(paths) == len(VALIDATION)
    return [np.asarray(_scaled(Image.open(path).convert("RGB"), 0.5)) for path in paths]


def as_gray(photos: np.ndarray) -> np.ndarray:
    """Return the luma (ITU-R 601) of photographs (..., 3), uint8, as float32 from 0 to 1."""
    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32) / 255
    return np.einsum("...c,c->...", photos, weights, dtype=np.float32)


def tiles_of_drawings(n_images: int, palette: np.ndarray, n_processes: int) -> np.ndarray:
    """Return four tiles each of drawn images, whose colours come from a palette (n, 3)."""
    with ProcessPoolExecutor(n_processes) as pool:
        images = np.stack(list(pool.map(partial(_dead_leaves, palette=palette), range(n_images))))
    n = SIDE // TILE
    grid = images.reshape(n_images, n, TILE, n, TILE, 3).swapaxes(2, 3)
    return grid.reshape(-1, TILE, TILE, 3)


def _paths() -> list[Path]:
    folder = data_folder() / "photos" / "free"
    paths = sorted(path for path in folder.glob("*") if path.suffix in (".jpg", ".png"))
    if not paths:
        raise SystemExit(f"No photographs in {folder}. Set SKDAE_DATA.")
    return paths


def _tiles_of_file(path: Path) -> np.ndarray:
    scales = SCALES_OF_SMALL if path.stem.startswith("skimage") else SCALES
    return np.concatenate(_tiles_of(Image.open(path).convert("RGB"), scales))


def _tiles_of(photo: Image.Image, scales: tuple[float, ...]) -> list[np.ndarray]:
    smallest = TILE / min(photo.size)
    used = sorted({max(scale, smallest) for scale in scales})
    return [_cut(np.asarray(_scaled(photo, scale))) for scale in used]


def _scaled(photo: Image.Image, scale: float) -> Image.Image:
    size = (math.ceil(photo.width * scale), math.ceil(photo.height * scale))
    return photo if scale == 1 else photo.resize(size, Image.Resampling.LANCZOS)


def _cut(values: np.ndarray) -> np.ndarray:
    """Cut overlapping tiles, the last ones up to the edges."""
    corners = [
        np.linspace(0, side - TILE, math.ceil((side - TILE) / STEP) + 1).round().astype(int)
        for side in values.shape[:2]
    ]
    return np.stack([values[y : y + TILE, x : x + TILE] for y in corners[0] for x in corners[1]])


def _detail(tiles: np.ndarray) -> np.ndarray:
    """Return the mean difference of neighbours of each tile: (n,)."""
    green = tiles[..., 1].astype(np.int16)
    return np.array([np.abs(np.diff(t, axis=0)).mean() + np.abs(np.diff(t)).mean() for t in green])


# ---------------------------------------------------------------------- drawn images
def _dead_leaves(seed: int, palette: np.ndarray) -> np.ndarray:
    """Draw an image at twice its size, front last, until leaves cover it about five times."""
    rng = np.random.default_rng([2026, seed])
    side = 2 * SIDE
    smallest, largest = np.exp(rng.uniform(np.log([6, 200]), np.log([40, 700])))
    # Each image has few colours, as a scene has.
    colours = palette[rng.integers(len(palette), size=24)].astype(np.float32)
    image = Image.fromarray(_fill(rng, (side, side), colours))
    covered = 0.0
    while covered < 5 * side**2:
        # Radii with a density of r^-3 between the two.
        share = rng.random()
        radius = 1 / math.sqrt((1 - share) / smallest**2 + share / largest**2)
        covered += math.pi * radius**2
        box = int(2 * radius) + 1
        corner = tuple(int(v) for v in rng.uniform(-radius, side + radius, 2) - radius)
        texture = Image.fromarray(_fill(rng, (box, box), colours))
        image.paste(texture, corner, _shape(rng, box))
    image = image.reduce(2)
    blurred = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.7)))
    return np.asarray(blurred)


def _shape(rng: np.random.Generator, box: int) -> Image.Image:
    """Draw a disc, an ellipse or a polygon that fills a box."""
    mask = Image.new("L", (box, box))
    draw = ImageDraw.Draw(mask)
    if rng.random() < 0.4:
        inset = rng.uniform(0, 0.3) * box if rng.random() < 0.5 else 0
        draw.ellipse((0, inset, box - 1, box - 1 - inset), fill=255)
        return mask.rotate(rng.uniform(0, 180)) if inset else mask
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 8)))
    if rng.random() < 0.4:  # a rectangle
        half = rng.uniform(0.1, 0.78)
        angles = np.array([half, np.pi - half, np.pi + half, -half]) + rng.uniform(0, np.pi)
    points = box / 2 * (1 + np.column_stack([np.cos(angles), np.sin(angles)]))
    draw.polygon([tuple(point) for point in points.tolist()], fill=255)
    return mask


def _fill(rng: np.random.Generator, size: tuple[int, int], colours: np.ndarray) -> np.ndarray:
    """Return what a leaf is filled with: (height, width, 3), uint8."""
    first, second = colours[rng.integers(len(colours), size=2)]
    kind = rng.random()
    if kind < 0.35 or size[0] < 12:
        return np.broadcast_to(first.astype(np.uint8), (*size, 3)).copy()
    if kind < 0.4:
        return _letters(rng, size, first, second)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    if kind < 0.6:
        mixture = _along(rng, x, y) / max(size) + 0.5
    elif kind < 0.9:
        mixture = _stripes(rng, x, y)
        if rng.random() < 0.25:  # checks, and weaves
            mixture = (mixture + _stripes(rng, x, y)) / 2
    else:
        coarse = Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8))
        mixture = np.asarray(coarse.resize(size[::-1], Image.Resampling.BICUBIC)) / np.float32(255)
    weight = np.clip(mixture, 0, 1)[..., np.newaxis] * rng.uniform(0.2, 1)
    return (first + weight * (second - first)).astype(np.uint8)


def _along(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the distance along a random direction."""
    angle = rng.uniform(0, np.pi)
    return (math.cos(angle) * x + math.sin(angle) * y).astype(np.float32)


def _stripes(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return stripes of a period of 2.5 to 16 pixels, straight or bent as on cloth, from 0 to 1."""
    period = np.exp(rng.uniform(np.log(5), np.log(32)))
    phase = _along(rng, x, y) / period + rng.random()
    if rng.random() < 0.6:
        bend = _along(rng, x, y) / (max(x.shape) * rng.uniform(0.3, 2))
        phase = phase + rng.uniform(0, 1.5) * np.sin(2 * np.pi * (bend + rng.random()))
    wave = np.sin(2 * np.pi * phase)
    if rng.random() < 0.5:  # sharp edges
        wave = np.tanh(rng.uniform(1, 8) * wave)
    return 0.5 + 0.5 * wave


def _letters(
    rng: np.random.Generator, size: tuple[int, int], paper: np.ndarray, ink: np.ndarray
) -> np.ndarray:
    """Write random letters in lines."""
    image = Image.new("RGB", size[::-1], tuple(int(v) for v in paper))
    draw = ImageDraw.Draw(image)
    height = int(rng.integers(12, 60))
    font = ImageFont.load_default(height)
    for top in range(0, size[0], int(1.2 * height)):
        codes = rng.integers(97, 123, 1 + 3 * size[1] // height)
        text = "".join(" " if rng.random() < 0.15 else chr(code) for code in codes)
        draw.text((0, top), text, fill=tuple(int(v) for v in ink), font=font)
    return np.asarray(image)
