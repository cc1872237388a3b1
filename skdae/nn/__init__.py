"""What is trained: torch modules with ``encode``, ``decode`` and ``forward``."""

from skdae.nn._activations import ACTIVATIONS
from skdae.nn._conv import ConvAutoencoder
from skdae.nn._dense import DenseAutoencoder

__all__ = ["ACTIVATIONS", "ConvAutoencoder", "DenseAutoencoder"]
