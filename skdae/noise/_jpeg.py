"""What JPEG compression leaves of an image, computed on the device of the image."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

__all__ = ["compress"]

# Tables K.1 and K.2 of ITU-T T.81, the standard of JPEG: the steps of the coefficients.
_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
_BLOCK = 8


def compress(images: Tensor, quality: float | Tensor, *, subsampled: bool = True) -> Tensor:
    """Compress images as JPEG does, and decode them again.

    All steps are those of libjpeg, but for the coding of the coefficients, which loses nothing.
    No number is copied to the device, so that a CUDA graph may capture them.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
        Values from 0 to 1, rounded to 8 bits. Three channels are red, green and blue; other
        channels are gray images, each on its own.
    quality : float or Tensor of shape (n, 1, 1, 1)
        From 1 to 100, as libjpeg, Pillow and ImageMagick count.
    subsampled : bool, default=True
        Whether the chroma has half the resolution (4:2:0); else all of it is kept (4:4:4).

    Returns
    -------
    decoded : Tensor of shape (n, channels, height, width)
        Multiples of 1 / 255.
    """
    levels = (255 * images).round()
    scale = _scale(quality, images)
    if images.shape[1] != 3:
        return _coded(levels, _LUMINANCE, scale) / 255
    luma, chroma = _to_ycc(levels)
    luma = _coded(luma, _LUMINANCE, scale)
    chroma = _coded_halves(chroma, scale) if subsampled else _coded(chroma, _CHROMINANCE, scale)
    return _to_rgb(luma, chroma).round().clamp(0, 255) / 255


def _scale(quality: float | Tensor, images: Tensor) -> Tensor:
    """Return the percentage of the standard steps: 5000 / quality, and 200 - 2 quality from 50."""
    if not isinstance(quality, Tensor):
        quality = images.new_full((1, 1, 1, 1), quality)
    return torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)


def _to_ycc(levels: Tensor) -> tuple[Tensor, Tensor]:
    """Return luma (n, 1, ...) and the two chroma (n, 2, ...), rounded, of red, green, blue."""
    red, green, blue = levels.split(1, dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = torch.cat([(blue - luma) / 1.772, (red - luma) / 1.402], dim=1) + 128
    return luma.round(), chroma.round().clamp(0, 255)


def _to_rgb(luma: Tensor, chroma: Tensor) -> Tensor:
    """Return red, green and blue of luma and chroma."""
    for_blue, for_red = (chroma - 128).split(1, dim=1)
    red, blue = luma + 1.402 * for_red, luma + 1.772 * for_blue
    green = (luma - 0.299 * red - 0.114 * blue) / 0.587
    return torch.cat([red, green, blue], dim=1)


def _coded_halves(chroma: Tensor, scale: Tensor) -> Tensor:
    """Code means of 2 x 2 pixels, and return what libjpeg interpolates between them."""
    height, width = chroma.shape[-2:]
    even = pad(chroma, (0, width % 2, 0, height % 2), mode="replicate")
    means = (even[..., ::2, ::2] + even[..., 1::2, ::2]) + (
        even[..., ::2, 1::2] + even[..., 1::2, 1::2]
    )
    coded = _coded((means / 4).round(), _CHROMINANCE, scale)
    full = interpolate(coded, scale_factor=2, mode="bilinear", align_corners=False)
    return full[..., :height, :width]


def _coded(planes: Tensor, table: tuple[tuple[int, ...], ...], scale: Tensor) -> Tensor:
    """Round the cosine coefficients of the 8 x 8 blocks of planes (n, channels, height, width)."""
    height, width = planes.shape[-2:]
    padded = pad(planes - 128, (0, -width % _BLOCK, 0, -height % _BLOCK), mode="replicate")
    blocks = padded.unflatten(-1, (-1, _BLOCK)).unflatten(-3, (-1, _BLOCK)).transpose(-2, -3)
    basis = _cosines(planes)
    coefficients = blocks.flatten(-2) @ basis.mT
    steps = _steps(table, scale)
    rounded = (coefficients / steps).round() * steps
    decoded = (rounded @ basis).unflatten(-1, (_BLOCK, _BLOCK)).transpose(-2, -3)
    decoded = decoded.flatten(-2).flatten(-3, -2)[..., :height, :width]
    return (decoded + 128).round().clamp(0, 255)


def _steps(table: tuple[tuple[int, ...], ...], scale: Tensor) -> Tensor:
    """Return the steps (n, 1, 1, 1, 64) of the coefficients of a block, between 1 and 255."""
    # A tensor of a list would be copied from the host. The bytes of a row are one whole number,
    # with which the device fills a tensor by itself.
    rows = [
        torch.full((1,), int.from_bytes(row, "little"), device=scale.device)
        for row in map(bytes, table)
    ]
    shifts = 8 * torch.arange(_BLOCK, device=scale.device)
    standard = ((torch.stack(rows) >> shifts) & 255).flatten().to(scale.dtype)
    return ((standard * scale[..., None] + 50) / 100).floor().clamp(1, 255)


def _cosines(like: Tensor) -> Tensor:
    """Return the discrete cosine transform of a flat block, an orthogonal matrix (64, 64)."""
    places = torch.arange(_BLOCK, device=like.device, dtype=like.dtype)
    waves = torch.cos(torch.outer(places, 2 * places + 1) * (math.pi / (2 * _BLOCK)))
    lengths = ((1 + places.clamp(max=1)) / _BLOCK).sqrt()  # the first wave is constant
    waves = lengths[:, None] * waves
    return torch.kron(waves, waves)
