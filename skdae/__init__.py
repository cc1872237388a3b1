"""Denoising autoencoders for scikit-learn: noise in, clean out."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "BaseDenoisingAutoencoder": "estimators",
    "CameraNoise": "noise",
    "ChainNoise": "noise",
    "ConvDAE": "estimators",
    "DAEClassifier": "estimators",
    "DAEImputer": "estimators",
    "DAEOutlierDetector": "estimators",
    "DAERegressor": "estimators",
    "DenoisingAutoencoder": "estimators",
    "DenoisingDisplay": "plotting",
    "DenseDAE": "estimators",
    "FeatureErrorsDisplay": "plotting",
    "GaussianNoise": "noise",
    "ImpulseNoise": "noise",
    "LossCurveDisplay": "plotting",
    "MarginalizedDAE": "marginalized",
    "MaskingNoise": "noise",
    "NoiseInjector": "noise",
    "OneOfNoise": "noise",
    "PoissonNoise": "noise",
    "SaltAndPepperNoise": "noise",
    "SpeckleNoise": "noise",
    "SwapNoise": "noise",
    "TableDAE": "estimators",
    "UNetDAE": "estimators",
    "UniformNoise": "noise",
    "estimate_sigma": "noise",
    "make_denoising_scorer": "metrics",
    "psnr": "metrics",
    "ssim": "metrics",
    "trusted_types": "persistence",
}
_SUBMODULES = ["datasets", "metrics", "noise", "plotting", "pretrained", "recipes"]

__all__ = sorted([*_HOME, *_SUBMODULES])


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import skdae` does not load torch."""
    if name in _SUBMODULES:
        return import_module(f"skdae.{name}")
    if name in _HOME:
        return getattr(import_module(f"skdae.{_HOME[name]}"), name)
    raise AttributeError(f"module 'skdae' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
