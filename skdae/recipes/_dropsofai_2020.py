"""A wide network against four kinds of noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from skdae.noise import (
    GaussianNoise,
    NoiseInjector,
    OneOfNoise,
    SaltAndPepperNoise,
    SpeckleNoise,
)
from skdae.recipes._keras import SequentialAutoencoder
from skdae.recipes._recipe import Recipe

__all__ = ["RECIPES", "GrayLevelPoissonNoise", "conv_autoencoder"]


class GrayLevelPoissonNoise(NoiseInjector):
    """Add Poisson noise while fitting, as scikit-image's ``random_noise`` draws it.

    A sample with more distinct values has a higher peak, and so less noise.

    Parameters
    ----------
    clip : tuple of (low, high) or None, default=None
        Interval to which noisy values are clipped. None never clips floats; ``uint8`` and
        ``uint16`` data are always clipped to the range of their dtype.
    random_state : int, RandomState instance or None, default=None
        Seed of the noise. None draws a new one at every call.
    when : {"fit", "always"}, default="fit"
        "fit" corrupts in ``fit_transform`` only; "always" makes ``transform`` corrupt too.

    Notes
    -----
    ``P(max(x, 0) · peak) / peak`` with ``peak = 2 ** ceil(log2(n))``, where n is the number
    of distinct values of the sample.
    """

    def _corrupt(self, x: Tensor, level: None, generator: torch.Generator) -> Tensor:
        """P(max(x, 0)·peak) / peak, with a peak per sample."""
        peak = peak_of(x)
        return torch.poisson(x.clamp(min=0) * peak, generator=generator) / peak


def peak_of(x: Tensor) -> Tensor:
    """Return 2 ** ceil(log2(number of distinct values)) of each sample, as (n, 1, ...)."""
    values = x.flatten(1).sort(dim=1).values
    n_distinct = 1 + (values[:, 1:] != values[:, :-1]).sum(dim=1)
    # The logarithm of a power of two is exact in float64.
    peak = n_distinct.double().log2().ceil().exp2()
    return peak.to(x.dtype).reshape(-1, *(1 for _ in x.shape[1:]))


def conv_autoencoder(sample_shape: tuple[int, ...]) -> SequentialAutoencoder:
    """Build convolutions without padding, 64, 128 and 256 wide, to one code of 256 and back.

    28 -> 24 -> 12 -> 10 -> 5 -> 3 -> 1, then 3 -> 5 -> 10 -> 12 -> 24 -> 28.
    """
    n_channels = sample_shape[0]
    return SequentialAutoencoder(
        [
            *(nn.Conv2d(n_channels, 64, 5), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(64, 128, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(128, 256, 3), nn.ReLU(), nn.MaxPool2d(2)),
        ],
        [
            *(nn.ConvTranspose2d(256, 256, 3), nn.ReLU()),
            *(nn.ConvTranspose2d(256, 128, 3), nn.ReLU(), nn.Upsample(scale_factor=2)),
            *(nn.ConvTranspose2d(128, 64, 3), nn.ReLU(), nn.Upsample(scale_factor=2)),
            *(nn.ConvTranspose2d(64, n_channels, 5), nn.ReLU()),
        ],
        returns_logits=False,
    )


RECIPES = (
    Recipe(
        name="dropsofai-2020",
        title="Convolutional Denoising Autoencoders for image noise reduction",
        author=None,
        year=2020,
        task="one of Gaussian, salt and pepper, Poisson, speckle; not clipped",
        module=conv_autoencoder,
        layer_parameters=(1664, 73_856, 295_168, 590_080, 295_040, 73_792, 1601),
        noise=OneOfNoise(
            [
                ("gaussian", GaussianNoise(math.sqrt(0.1))),
                ("salt_and_pepper", SaltAndPepperNoise(0.1, salt_vs_pepper=0.9)),
                ("poisson", GrayLevelPoissonNoise()),
                ("speckle", SpeckleNoise(1.0)),
            ]
        ),
        loss="mse",
        published={"lr": 1e-3, "batch_size": 64, "max_epochs": 30},
        ours={"lr": 0.002, "batch_size": 16, "max_epochs": 6},
        reported={1: 0.0135, 30: 0.0069},
        notes="The kind of noise is drawn for each image, with equal chance.",
    ),
)
