"""The autoencoder of tables, whose rows have numbers, categories and unknown cells."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from skdae.nn._layers import MixedSequential, dense_layers, hidden_values, in_float32
from skdae.nn._number_bins import NumberBins

__all__ = ["TableAutoencoder"]

# Values are standardized: no guess lies farther from 0 than known values of a heavy tail do.
_FARTHEST = 20
# Means of one-hot levels may lie a little below 0.
_SMALLEST_PROBABILITY = 0.01


class TableAutoencoder(nn.Module):
    """Dense layers down to a code and back, for rows some of whose cells are unknown.

    The encoder sees a stand-in for each unknown cell, and one flag a column that says whether its
    cell is known: a zero alone could be a value. The output has a number for each number, and a
    logit for each level of a category, also where the cell is unknown.

    Parameters
    ----------
    sample_shape : tuple of int
        ``(n_values,)``: a number takes one value of a row, a category one for each of its levels.
    levels : sequence of int
        For each column, the number of levels of a category, or 0 for a number.
    edges : sequence of sequence of float or None, default=None
        For each column, the edges of the bins that the layers see of a number beside it, and that
        the output has logits for: see ``NumberBins``. None makes no bins.
    hidden_layer_sizes : sequence of int, default=(256,)
        Widths between the input and the code; the decoder has them in reverse.
    latent_dim : int, default=32
        Width of the code.
    activation : str, default="gelu"
        A key of ``skdae.nn.ACTIVATIONS``; it follows every layer but the last, the code too.
    linear_path : bool, default=False
        Whether a linear map of the inputs is added to what the decoder returns. It learns at once
        what a regression would, and leaves the rest to the layers. The code alone does not
        determine the output then.
    moments : tuple of (mean, covariance) or None, default=None
        Arrays of shape (n_values,) and (n_values, n_values), of rows without unknown cells. The
        stand-in for unknown values is then their mean given the known ones, as that of a normal
        distribution, and the layers learn what is to be added to it, or to its logarithm where a
        column holds categories. None puts zeros for unknown values.

    Notes
    -----
    With the mean m, the covariance S, and the values k that a row x knows, the stand-in for the
    others u is m[u] + S[u, k] S[k, k]⁻¹ (x[k] - m[k]): what linear regression of each value on the
    known ones predicts, for each pattern of unknown cells. Of a level, that is its probability.
    """

    first: Tensor
    mean: Tensor
    covariance: Tensor
    is_number: Tensor

    def __init__(
        self,
        sample_shape: tuple[int, ...],
        *,
        levels: Sequence[int],
        edges: Sequence[Sequence[float]] | None = None,
        hidden_layer_sizes: Sequence[int] = (256,),
        latent_dim: int = 32,
        activation: str = "gelu",
        linear_path: bool = False,
        moments: tuple[Any, Any] | None = None,
    ):
        super().__init__()
        widths = [max(1, n_levels) for n_levels in levels]
        if sample_shape != (sum(widths),):
            raise ValueError(
                f"TableAutoencoder with levels={tuple(levels)} takes rows of {sum(widths)} values. "
                f"Got sample_shape={sample_shape}."
            )
        self.bins = None if edges is None else NumberBins(levels, edges)
        if self.bins is not None:
            levels = self.bins.levels
            widths = [max(1, n_levels) for n_levels in levels]
        n_values = sum(widths)
        n_inputs = n_values + len(widths)
        # All cells of a group are unknown together: the first one tells.
        first = torch.tensor([0, *itertools.accumulate(widths[:-1])])
        self.register_buffer("first", first, persistent=False)
        sizes = [n_inputs, *hidden_layer_sizes, latent_dim]
        back = [*sizes[:0:-1], n_values]
        self.encoder = MixedSequential(*dense_layers(sizes, activation), exact="first")
        self.decoder = MixedSequential(*dense_layers(back, activation)[:-1], exact="last")
        self.linear = nn.Linear(n_inputs, n_values, bias=False) if linear_path else None
        if self.linear is not None:
            nn.init.zeros_(self.linear.weight)
        self.has_moments = moments is not None
        if moments is not None:
            for name, moment in zip(("mean", "covariance"), moments, strict=True):
                self.register_buffer(name, torch.as_tensor(moment).float(), persistent=False)
            numbers = [n_levels == 0 for n_levels in levels for _ in range(max(1, n_levels))]
            self.register_buffer("is_number", torch.tensor(numbers), persistent=False)
            for parameter in self.decoder[-1].parameters():
                nn.init.zeros_(parameter)

    def encode(self, x: Tensor) -> Tensor:
        """Map rows (n, n_values), NaN where a cell is unknown, to codes (n, latent_dim)."""
        return self.encoder(self._with_flags(x))

    def decode(self, code: Tensor) -> Tensor:
        """Map codes (n, latent_dim) to outputs (n, n_outputs), without what is added to them."""
        return self.decoder(code)

    def hidden_layers(self, x: Tensor) -> list[Tensor]:
        """Map rows (n, n_values) to the values of every hidden layer, first to last."""
        return hidden_values(self.encoder, self.decoder, self._with_flags(x))

    def forward(self, x: Tensor) -> Tensor:
        """Return a number or logits for every cell, and logits for bins (n, n_outputs)."""
        inputs = self._with_flags(x)
        output = self.decoder(self.encoder(inputs))
        if self.has_moments:
            whole = inputs[:, : output.shape[1]]
            logits = whole.clamp(min=_SMALLEST_PROBABILITY).log()
            output = output + whole.where(self.is_number, logits)
        return output if self.linear is None else output + in_float32(self.linear, inputs)

    def _with_flags(self, x: Tensor) -> Tensor:
        """Return rows with stand-ins for unknown cells, then a flag for each known one."""
        if self.bins is not None:
            x = self.bins(x)
        known = ~x.isnan()
        flags = known.index_select(1, self.first)
        whole = self._conditional_mean(x, known) if self.has_moments else x.where(known, 0)
        return torch.cat([whole, flags.to(x.dtype)], dim=1)

    def _conditional_mean(self, x: Tensor, known: Tensor) -> Tensor:
        """Return m + S[:, k] S[k, k]⁻¹ (x[k] - m[k]) in place of unknown values."""
        centred = (x - self.mean).where(known, 0)
        # Rows and columns of unknown values are those of the identity, and take no part.
        both_known = known.unsqueeze(2) & known.unsqueeze(1)
        known_part = self.covariance.where(both_known, torch.diag_embed((~known).float()))
        factor, _ = torch.linalg.cholesky_ex(known_part)
        solved = torch.cholesky_solve(centred.unsqueeze(2), factor).squeeze(2)
        with torch.autocast(x.device.type, enabled=False):
            means = self.mean + solved @ self.covariance
        return x.where(known, means.clamp(-_FARTHEST, _FARTHEST))
