"""The example of keras.io; its network is the default of ConvDAE."""

from __future__ import annotations

from skdae.nn import ConvAutoencoder
from skdae.noise import GaussianNoise
from skdae.recipes._keras import start_as_keras
from skdae.recipes._recipe import Recipe

__all__ = ["LAYER_PARAMETERS", "RECIPES", "conv_autoencoder"]

LAYER_PARAMETERS = (320, 9248, 9248, 9248, 289)


def conv_autoencoder(sample_shape: tuple[int, ...]) -> ConvAutoencoder:
    """Build two convolutions with max pooling, two transposed ones and a last one, all 3x3.

    28x28x1 -> 14x14x32 -> 7x7x32 -> 14x14x32 -> 28x28x32 -> 28x28x1.
    """
    module = ConvAutoencoder(sample_shape, channels=(32, 32), returns_logits=True)
    start_as_keras(module)
    return module


RECIPES = (
    Recipe(
        name="keras-io-2021",
        title="Convolutional autoencoder for image denoising",
        author="Santiago L. Valdarrama",
        year=2021,
        task="x + 0.4·N(0, 1), clipped to [0, 1]",
        module=conv_autoencoder,
        layer_parameters=LAYER_PARAMETERS,
        noise=GaussianNoise(0.4, clip=(0, 1)),
        loss="bce",
        published={"lr": 1e-3, "batch_size": 128, "max_epochs": 100},
        ours={"lr": 0.01, "batch_size": 32, "max_epochs": 4},
        reported={1: 0.0946, 52: 0.0847, 100: 0.0846},
        pretraining_epochs=50,
        notes="The 50 epochs before, from clean images to themselves, ended at a BCE of 0.0629.",
    ),
)
