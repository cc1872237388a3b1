"""Dense autoencoders of growing width, and convolutions without pooling."""

from __future__ import annotations

from torch import nn

from skdae.noise import GaussianNoise, NoiseInjector
from skdae.recipes._keras import Dense, SequentialAutoencoder
from skdae.recipes._recipe import Recipe

__all__ = ["RECIPES", "conv_autoencoder"]

_TITLE = "Remove Noisy From Images Using Autoencoders"
_NOISY = "x + 0.5·N(0, 1), clipped to [0, 1]"
_NOISE = GaussianNoise(0.5, clip=(0, 1))
_PUBLISHED = {"lr": 1e-3, "batch_size": 32, "max_epochs": 10}
_NOTES = "No number is reported; the batch size is Keras's default."


def conv_autoencoder(sample_shape: tuple[int, ...]) -> SequentialAutoencoder:
    """Build five 3x3 convolutions that keep the size; the code has 8 channels."""
    n_channels = sample_shape[0]
    return SequentialAutoencoder(
        [
            *(nn.Conv2d(n_channels, 16, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(16, 8, 3, padding=1), nn.ReLU()),
        ],
        [
            *(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU()),
            nn.Conv2d(16, n_channels, 3, padding=1),
        ],
        returns_logits=True,
    )


def _dense(width: int, noise: NoiseInjector | None = None) -> Recipe:
    return Recipe(
        name=f"noisy-images-dense-{width}" + ("-denoising" if noise else ""),
        title=_TITLE,
        author=None,
        year=None,
        task=_NOISY if noise else "plain autoencoder",
        module=Dense(width),
        layer_parameters=(784 * width + width, width * 784 + 784),
        noise=noise,
        loss="mse",
        published=_PUBLISHED,
        ours={"lr": 0.01, "batch_size": 32, "max_epochs": 5},
        reported={},
        notes=_NOTES,
    )


RECIPES = (
    *(_dense(1), _dense(2), _dense(8), _dense(32), _dense(16, _NOISE)),
    Recipe(
        name="noisy-images-conv",
        title=_TITLE,
        author=None,
        year=None,
        task=_NOISY,
        module=conv_autoencoder,
        layer_parameters=(160, 1160, 584, 1168, 145),
        noise=_NOISE,
        loss="bce",
        published=_PUBLISHED,
        ours={"lr": 0.01, "batch_size": 32, "max_epochs": 2},
        reported={},
        notes=_NOTES,
    ),
)
