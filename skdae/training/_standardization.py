"""How a module sees the data: standardized, which makes results independent of units."""

from __future__ import annotations

import torch
from torch import Tensor

from skdae.data import Units

__all__ = ["Standardization", "channels_last"]


class Standardization:
    """Standardize inputs and targets, and take outputs back to the units of the data.

    Parameters
    ----------
    inputs, outputs : Units
        Of the noisy samples, and of the clean ones, which may have units of their own.
    device : torch.device
        Where the module computes.
    """

    def __init__(self, inputs: Units, outputs: Units, device: torch.device):
        (input_centre, self.input_scale), (output_centre, self.output_scale) = inputs, outputs
        self.input_centre = torch.tensor(input_centre, dtype=torch.float32, device=device)
        self.output_centre = torch.tensor(output_centre, dtype=torch.float32, device=device)

    def of_inputs(self, x: Tensor) -> Tensor:
        """Standardize inputs (n, channels, ...), or the rows of a table."""
        return _standardized(x, self.input_centre, self.input_scale)

    def of_targets(self, target: Tensor) -> Tensor:
        """Standardize targets."""
        return _standardized(target, self.output_centre, self.output_scale)

    def restored(self, output: Tensor, *, out: Tensor | None = None) -> Tensor:
        """Return an output of the module in the units of the data, in ``out`` if that is given."""
        centre = _along_channels(self.output_centre, output)
        return torch.add(centre, output, alpha=self.output_scale, out=out)


def _standardized(x: Tensor, centre: Tensor, scale: float) -> Tensor:
    return torch.add(_along_channels(centre / -scale, x), x, alpha=1 / scale)


def _along_channels(centre: Tensor, x: Tensor) -> Tensor:
    return centre.view(-1, *[1] * (x.ndim - 2))


def channels_last(x: Tensor) -> Tensor:
    """Lay images out in memory as convolutions are fastest on them."""
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
