"""Pictures of what denoising did, and of how training went."""

from skdae.plotting._denoising import DenoisingDisplay
from skdae.plotting._loss_curve import LossCurveDisplay

__all__ = ["DenoisingDisplay", "LossCurveDisplay"]
