"""How good a denoised array is: PSNR, SSIM, and a scorer with fixed noise."""

from skdae.metrics._quality import psnr, ssim
from skdae.metrics._scorer import DenoisingScorer, make_denoising_scorer

__all__ = ["DenoisingScorer", "make_denoising_scorer", "psnr", "ssim"]
