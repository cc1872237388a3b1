"""Noise: scikit-learn transformers that corrupt data with torch formulas."""

from skdae.noise._camera import CameraNoise
from skdae.noise._compose import ChainNoise, OneOfNoise
from skdae.noise._corrupted import CorruptedArray
from skdae.noise._estimate import estimate_sigma
from skdae.noise._gaussian import GaussianNoise
from skdae.noise._impulse import ImpulseNoise
from skdae.noise._injector import NoiseInjector
from skdae.noise._masking import MaskingNoise
from skdae.noise._poisson import PoissonNoise
from skdae.noise._salt_and_pepper import SaltAndPepperNoise
from skdae.noise._speckle import SpeckleNoise
from skdae.noise._swap import SwapNoise
from skdae.noise._uniform import UniformNoise

__all__ = [
    "CameraNoise",
    "ChainNoise",
    "CorruptedArray",
    "GaussianNoise",
    "ImpulseNoise",
    "MaskingNoise",
    "NoiseInjector",
    "OneOfNoise",
    "PoissonNoise",
    "SaltAndPepperNoise",
    "SpeckleNoise",
    "SwapNoise",
    "UniformNoise",
    "estimate_sigma",
]

NOISES: dict[str, type[NoiseInjector]] = {
    kind._short_name: kind
    for kind in map(globals().__getitem__, __all__)
    if getattr(kind, "_short_name", None)
}
"""The kinds of noise by the short names that estimators take, for default levels."""
