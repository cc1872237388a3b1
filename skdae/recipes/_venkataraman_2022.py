"""A comparison of a dense and a convolutional autoencoder."""

from __future__ import annotations

from skdae.noise import GaussianNoise
from skdae.recipes._keras import Dense
from skdae.recipes._keras_io_2021 import LAYER_PARAMETERS, conv_autoencoder
from skdae.recipes._recipe import Recipe

__all__ = ["RECIPES"]

_PUBLISHED = {"lr": 1e-3, "batch_size": 128, "max_epochs": 20}
_NOTES = "The paper names neither the noise level nor the batch size: 0.4 and 128 are ours."

RECIPES = (
    Recipe(
        name="venkataraman-2022-dense",
        title="Image Denoising Using Convolutional Autoencoder",
        author="Venkataraman",
        year=2022,
        task="x + 0.4·N(0, 1), clipped to [0, 1]",
        module=Dense(64),
        layer_parameters=(50_240, 50_960),
        noise=GaussianNoise(0.4, clip=(0, 1)),
        loss="bce",
        published=_PUBLISHED,
        ours={"lr": 0.006, "batch_size": 32, "max_epochs": 5},
        reported={20: 0.2305},
        notes=_NOTES,
    ),
    Recipe(
        name="venkataraman-2022-conv",
        title="Image Denoising Using Convolutional Autoencoder",
        author="Venkataraman",
        year=2022,
        task="x + 0.4·N(0, 1), clipped to [0, 1]",
        module=conv_autoencoder,
        layer_parameters=LAYER_PARAMETERS,
        noise=GaussianNoise(0.4, clip=(0, 1)),
        loss="bce",
        published=_PUBLISHED,
        ours={"lr": 0.01, "batch_size": 32, "max_epochs": 4},
        reported={20: 0.0871},
        notes=_NOTES,
    ),
)
