"""Plots of denoised samples, and of the losses of a training."""

from skdae.plotting._denoising import DenoisingDisplay
from skdae.plotting._loss_curve import LossCurveDisplay

__all__ = ["DenoisingDisplay", "LossCurveDisplay"]
