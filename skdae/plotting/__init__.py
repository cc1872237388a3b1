"""Plots of denoised samples, of odd ones, and of the losses of a training."""

from skdae.plotting._denoising import DenoisingDisplay
from skdae.plotting._feature_errors import FeatureErrorsDisplay
from skdae.plotting._loss_curve import LossCurveDisplay

__all__ = ["DenoisingDisplay", "FeatureErrorsDisplay", "LossCurveDisplay"]
