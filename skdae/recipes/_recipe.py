"""The data of a published system: network, noise, training and reported numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from skdae.noise import NoiseInjector

__all__ = ["Recipe"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A published system as data: its network, its task and its reported numbers.

    ``skdae.recipes.describe`` returns it by name, and ``skdae.recipes.make`` makes an estimator
    of it.

    Parameters
    ----------
    name : str
        Name of the system, for ``make`` and ``describe``.
    title : str
        Title of the publication.
    author : str or None
        Who wrote it; None where that is not known.
    year : int or None
        When it was written.
    task : str
        What the network learns, in words.
    module : callable
        Takes the shape of one sample, ``(1, 28, 28)``, and returns a new network.
    layer_parameters : tuple of int
        Weights and biases of each layer, from the input to the output.
    noise : NoiseInjector or None
        What it learns to remove from images in [0, 1]; None is a plain autoencoder.
    loss : {"bce", "mse"}
        What training minimises, and the metric of ``reported``.
    published : dict
        ``lr``, ``batch_size`` and ``max_epochs`` of the authors.
    ours : dict
        The same for a one-cycle schedule, tuned to reach the reported number in few epochs.
    reported : dict of {int: float}
        The authors' loss on held-out images after so many epochs; empty if they gave no number.
    pretraining_epochs : int, default=0
        Epochs that the published schedule first trains on clean images, without noise.
    notes : str, default=""
        Remarks on the numbers.

    See Also
    --------
    skdae.recipes.describe : The recipe of a name.

    Examples
    --------
    >>> from skdae import recipes
    >>> recipe = recipes.describe("keras-io-2021")
    >>> recipe.layer_parameters, recipe.n_parameters
    ((320, 9248, 9248, 9248, 289), 28353)
    >>> recipe.reported[100]
    0.0846
    """

    name: str
    title: str
    author: str | None
    year: int | None
    task: str
    module: Callable[[tuple[int, ...]], nn.Module]
    layer_parameters: tuple[int, ...]
    noise: NoiseInjector | None
    loss: str
    published: Mapping[str, Any]
    ours: Mapping[str, Any]
    reported: Mapping[int, float]
    pretraining_epochs: int = 0
    notes: str = ""

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases of the network."""
        return sum(self.layer_parameters)

    @property
    def target(self) -> float | None:
        """The reported loss to reach: the last one; None where none was reported."""
        return self.reported[max(self.reported)] if self.reported else None
