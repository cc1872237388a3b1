"""What is known of a pretrained model: its purpose, its numbers, and what it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["PretrainedModel", "Source"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """An image that models were trained on.

    Every one may be used so without asking; its licence says what it wants in turn.

    Parameters
    ----------
    title : str
        Name of the image.
    author : str
        Who made it.
    licence : str
        Licence of the image, by its SPDX name, or "public domain".
    origin : str
        The package or the address that it comes from.

    See Also
    --------
    skdae.pretrained.describe : The model of a name, with its sources.

    Examples
    --------
    >>> from skdae import pretrained
    >>> source = pretrained.describe("photos-gray").sources[-1]
    >>> source.title, source.author, source.licence
    ('rocket', 'SpaceX', 'public domain')
    """

    title: str
    author: str
    licence: str
    origin: str


@dataclass(frozen=True, kw_only=True)
class PretrainedModel:
    """What a model that comes with the package is for, and where it comes from.

    ``skdae.pretrained.describe`` returns it by name; ``print`` shows it as a text.

    Parameters
    ----------
    name : str
        Name of the model, for ``load`` and ``describe``.
    purpose : str
        What it is for, in words.
    channels : int
        Channels of its images: 1 for gray ones, 3 for colours.
    noise : str
        The noise that it was trained to remove, on values from 0 to 1.
    n_parameters : int
        Number of weights and biases.
    reached : dict of {str: dict of {str: float}}
        PSNR in dB on photographs that no training saw: the set, then the level of the noise
        (sigma of 255, or the gain of ``CameraNoise``).
    training : str
        How it was trained: steps, seconds, machine.
    sources : tuple of Source
        Every image that it was trained on, beside drawn ones, which a program made.
    licence : str
        Licence of the weights, which contain none of the images.

    See Also
    --------
    skdae.pretrained.load : The estimator of a name.

    Examples
    --------
    >>> from skdae import pretrained
    >>> model = pretrained.describe("photos-gray")
    >>> model.noise
    'GaussianNoise(sigma=(0, 0.21568627450980393))'
    >>> model.reached["Set12"]["25"]
    30.298
    """

    name: str
    purpose: str
    channels: int
    noise: str
    n_parameters: int
    reached: Mapping[str, Mapping[str, float]]
    training: str
    sources: tuple[Source, ...]
    licence: str

    def __str__(self) -> str:
        numbers = [
            f"  {data}: " + ", ".join(f"{level}: {psnr:.2f} dB" for level, psnr in levels.items())
            for data, levels in self.reached.items()
        ]
        sources = [f"  {s.title}, {s.author}, {s.licence} ({s.origin})" for s in self.sources]
        return "\n".join(
            [
                f"{self.name}: {self.purpose}",
                f"noise: {self.noise}",
                f"parameters: {self.n_parameters:,}",
                "PSNR by the level of the noise, on photographs that no training saw:",
                *numbers,
                f"training: {self.training}",
                f"licence of the weights: {self.licence}",
                "trained on drawn images and on:",
                *sources,
            ]
        )
