"""The Bayer grid of a colour sensor: which site sees which colour, and the colours between."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["demosaic", "draw_sites", "mosaic"]

_REACH = 2


def draw_sites(images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw where the grid of each image starts.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
        The images.
    generator : torch.Generator
        Source of the draw, on the device of the images.

    Returns
    -------
    rows : Tensor of bool, of shape (n, 1, height, 1)
        The rows with red sites. The others have the blue ones.
    columns : Tensor of bool, of shape (n, 1, 1, width)
        The columns with red sites.
    """
    n, _, height, width = images.shape
    starts = images.new_empty((n, 2)).uniform_(generator=generator) < 0.5
    rows, columns = (
        (torch.arange(side, device=images.device) % 2 == 1) ^ starts[:, axis, None]
        for axis, side in enumerate((height, width))
    )
    return rows[:, None, :, None], columns[:, None, None, :]


def mosaic(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return what the sites see (n, 1, height, width) of images (n, 3, height, width)."""
    red, green, blue = images.split(1, dim=1)
    return torch.where(rows & columns, red, torch.where(rows | columns, green, blue))


def demosaic(raw: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return colour images (n, 3, height, width) of what the sites saw (n, 1, height, width).

    The linear interpolation of H. S. Malvar, L. He and R. Cutler, "High-quality linear
    interpolation for demosaicing of Bayer-patterned color images", ICASSP 2004: of the same
    colour's neighbours, corrected by the second difference of the colour at the site.
    """
    near_y, near_x, far_y, far_x, diagonals = _sums_of_neighbours(raw)
    cross = (4 * raw + 2 * (near_y + near_x) - far_y - far_x) / 8
    opposite = (6 * raw + 2 * diagonals - 1.5 * (far_y + far_x)) / 8
    along = (5 * raw + 4 * near_x - far_x - diagonals + far_y / 2) / 8
    across = (5 * raw + 4 * near_y - far_y - diagonals + far_x / 2) / 8

    is_red, is_green, is_blue = rows & columns, rows ^ columns, ~(rows | columns)
    red = torch.where(is_red, raw, torch.where(is_blue, opposite, torch.where(rows, along, across)))
    green = torch.where(is_green, raw, cross)
    blue = torch.where(
        is_blue, raw, torch.where(is_red, opposite, torch.where(rows, across, along))
    )
    return torch.cat([red, green, blue], dim=1)


def _sums_of_neighbours(raw: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return sums of neighbours: the next above and below, beside, the second ones, diagonal."""
    height, width = raw.shape[-2:]
    padded = raw.index_select(-2, _mirrored(height, raw)).index_select(-1, _mirrored(width, raw))

    def shifted(down: int, right: int) -> Tensor:
        top, left = _REACH + down, _REACH + right
        return padded[..., top : top + height, left : left + width]

    return (
        shifted(-1, 0) + shifted(1, 0),
        shifted(0, -1) + shifted(0, 1),
        shifted(-2, 0) + shifted(2, 0),
        shifted(0, -2) + shifted(0, 2),
        shifted(-1, -1) + shifted(-1, 1) + shifted(1, -1) + shifted(1, 1),
    )


def _mirrored(side: int, raw: Tensor) -> Tensor:
    """Return the indices of a side and of ``_REACH`` beyond each end, mirrored at the last site.

    So the colours of the grid go on beyond the edge. torch's reflecting padding does the same,
    but refuses sides of one or two.
    """
    places = torch.arange(-_REACH, side + _REACH, device=raw.device)
    places = places % max(1, 2 * (side - 1))
    return side - 1 - (side - 1 - places).abs()
