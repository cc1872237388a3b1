"""What is trained: torch modules with ``encode`` and ``forward``, and most with ``decode``."""

from skdae.nn._activations import ACTIVATIONS
from skdae.nn._conv_autoencoder import ConvAutoencoder
from skdae.nn._dense_autoencoder import DenseAutoencoder
from skdae.nn._encoder_with_head import EncoderWithHead
from skdae.nn._residual_unet import ResidualUNet
from skdae.nn.protocol import AnySize, Autoencoder, Encoder, promises_any_size

__all__ = [
    "ACTIVATIONS",
    "AnySize",
    "Autoencoder",
    "ConvAutoencoder",
    "DenseAutoencoder",
    "Encoder",
    "EncoderWithHead",
    "ResidualUNet",
    "promises_any_size",
]
