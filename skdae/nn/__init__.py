"""What is trained: torch modules with ``encode`` and ``forward``, and most with ``decode``."""

from skdae.nn._activations import ACTIVATIONS
from skdae.nn._conv_autoencoder import ConvAutoencoder
from skdae.nn._dense_autoencoder import DenseAutoencoder
from skdae.nn._encoder_with_head import EncoderWithHead
from skdae.nn._number_bins import NumberBins
from skdae.nn._residual_unet import ResidualUNet
from skdae.nn._table_autoencoder import TableAutoencoder
from skdae.nn.protocol import (
    AnySize,
    Autoencoder,
    Encoder,
    HiddenLayers,
    promises_any_size,
    promises_hidden_layers,
)

__all__ = [
    "ACTIVATIONS",
    "AnySize",
    "Autoencoder",
    "ConvAutoencoder",
    "DenseAutoencoder",
    "Encoder",
    "EncoderWithHead",
    "HiddenLayers",
    "NumberBins",
    "ResidualUNet",
    "TableAutoencoder",
    "promises_any_size",
    "promises_hidden_layers",
]
