"""A dense and a small convolutional autoencoder."""

from __future__ import annotations

from torch import nn

from skdae.noise import GaussianNoise
from skdae.recipes._keras import Dense, SequentialAutoencoder
from skdae.recipes._recipe import Recipe

__all__ = ["RECIPES", "conv_autoencoder"]

_PUBLISHED = {"lr": 1e-3, "batch_size": 128, "max_epochs": 50}


def conv_autoencoder(sample_shape: tuple[int, ...]) -> SequentialAutoencoder:
    """Build four convolutions down to a code of 4x4x8, and four back with upsampling.

    The third pooling halves 7 to 4 (rounded up), and the convolution from 16 to 14 has no
    padding, so that the output is 28x28 again.
    """
    n_channels = sample_shape[0]
    return SequentialAutoencoder(
        [
            *(nn.Conv2d(n_channels, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)),
        ],
        [
            *(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2)),
            *(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2)),
            *(nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Upsample(scale_factor=2)),
            nn.Conv2d(16, n_channels, 3, padding=1),
        ],
        returns_logits=True,
    )


RECIPES = (
    Recipe(
        name="naokishibuya-2017-dense",
        title="How to Reduce Image Noises",
        author="Naoki Shibuya",
        year=2017,
        task="plain autoencoder",
        module=Dense(32),
        layer_parameters=(25_120, 25_872),
        noise=None,
        loss="bce",
        published=_PUBLISHED,
        ours={"lr": 0.005, "batch_size": 32, "max_epochs": 10},
        reported={1: 0.1586, 10: 0.0946, 50: 0.0939},
        notes="Numbers of the author's notebook, on 500 of the training images.",
    ),
    Recipe(
        name="naokishibuya-2017-conv",
        title="How to Reduce Image Noises",
        author="Naoki Shibuya",
        year=2017,
        task="x + 0.2·N(0, 1), clipped to [0, 1]",
        module=conv_autoencoder,
        layer_parameters=(160, 1160, 584, 584, 584, 1168, 145),
        noise=GaussianNoise(0.2, clip=(0, 1)),
        loss="bce",
        published=_PUBLISHED,
        ours={"lr": 0.01, "batch_size": 32, "max_epochs": 6},
        reported={1: 0.1688, 10: 0.1145, 50: 0.0992},
        notes="Numbers of the author's notebook, on 500 of the training images.",
    ),
)
