"""What a trained module computes: rows in, rows out, in the units of the data."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from skdae.data import from_channels_first, to_channels_first
from skdae.training import (
    DenoisingNet,
    Standardization,
    channels_last,
    has_only_known_layers,
    n_threads_here,
)

__all__ = ["Computation", "Job"]


@dataclass(frozen=True)
class Computation:
    """Encode, decode and denoise rows with a module, in float32, and leave these as they are.

    bfloat16 makes training faster, and its rounding is noise among noise there. A result would
    keep no more than eight bits, and would depend on the processor.

    Parameters
    ----------
    module : nn.Module
        The trained module.
    standardization : Standardization or None
        What it sees the data through.
    """

    module: Any
    standardization: Standardization | None

    @classmethod
    def of(cls, net: DenoisingNet) -> Computation:
        """Return what the module of a net computes."""
        return cls(net.module_.eval(), net.standardization_)

    def encode(self, rows: Tensor, sample_shape: tuple[int, ...]) -> Tensor:
        """Map rows (n, features) to flat codes."""
        x = self._inputs(rows, sample_shape)
        return self.module.encode(x).float().flatten(1)

    def hidden(self, rows: Tensor, sample_shape: tuple[int, ...]) -> Tensor:
        """Map rows (n, features) to the flat values of all hidden layers, one after another."""
        layers = self.module.hidden_layers(self._inputs(rows, sample_shape))
        return torch.cat([layer.float().flatten(1) for layer in layers], dim=1)

    def decode(self, codes: Tensor, code_shape: tuple[int, ...]) -> Tensor:
        """Map flat codes to rows (n, features)."""
        return self._rows(self.module.decode(codes.clone().unflatten(1, code_shape)))

    def denoise(
        self, rows: Tensor, sample_shape: tuple[int, ...], *, out: Tensor | None = None
    ) -> Tensor:
        """Map noisy rows (n, features) to clean ones, in ``out`` for standardized tables."""
        return self._rows(self.module(self._inputs(rows, sample_shape)), out)

    def respond(self, rows: Tensor, sample_shape: tuple[int, ...]) -> Tensor:
        """Map rows (n, features) to what the module returns, which is no sample."""
        return self.module(self._inputs(rows, sample_shape)).float()

    def for_threads(self, n_jobs: int) -> list[Computation]:
        """Return one computation for each thread that may compute: at most one a job.

        Modules of ours keep nothing between calls. One of the user's may: each thread has a copy
        of its own, which shares the weights. What cannot be copied is for one thread.
        """
        n_threads = min(n_threads_here(), n_jobs)
        if n_threads <= 1 or has_only_known_layers(self.module):
            return [self] * n_threads
        tensors = [*self.module.parameters(), *self.module.buffers()]
        shared = {id(tensor): tensor for tensor in tensors}
        try:
            modules = [copy.deepcopy(self.module, shared.copy()) for _ in range(n_threads)]
        except Exception:
            return [self]
        return [replace(self, module=module) for module in modules]

    def _inputs(self, rows: Tensor, sample_shape: tuple[int, ...]) -> Tensor:
        x = to_channels_first(rows, sample_shape)
        # A module may work in place: it gets a copy.
        x = x.clone() if self.standardization is None else self.standardization.of_inputs(x)
        return channels_last(x)

    def _rows(self, output: Tensor, out: Tensor | None = None) -> Tensor:
        output = output.float()
        if getattr(self.module, "returns_logits", False):
            output = torch.sigmoid(output)
        if self.standardization is not None:
            output = self.standardization.restored(output, out=out)
        return from_channels_first(output)


Job = Callable[[Computation], None]
"""A part of some work: it writes what it computes where it belongs."""
