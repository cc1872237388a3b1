"""What a camera adds to a photograph."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from skdae._random import RandomState
from skdae._sklearn import StrOptions
from skdae._warnings import warn_user
from skdae.noise._bayer import demosaic, draw_sites, mosaic
from skdae.noise._injector import NoiseInjector
from skdae.noise._jpeg import compress
from skdae.noise._levels import Clip, Level, LevelOrRange, draw_level
from skdae.noise._summary import DataSummary

__all__ = ["CameraNoise"]

# Below it, the counts are so many that float32 tells no two apart.
_SMALLEST_GAIN = 1e-6
# Of the Gaussian that smooths noise, in pixels: a smaller one leaves the neighbours alone.
_SMALLEST_SIGMA = 0.01
_RADIUS = 3
# Most values may lie beyond black and white by this.
_MARGIN = 0.25


class CameraNoise(NoiseInjector):
    """Photograph images anew while fitting; pass data through afterwards.

    For a model that cleans real photographs, whose noise is not that of
    :class:`GaussianNoise`: it is strong in the shadows, spread over neighbours and colours by
    the interpolation of the sensor's grid, and has gone through JPEG compression. Images are
    read as sRGB: three channels, or gray.

    Parameters
    ----------
    gain : float or tuple of (low, high), default=0.003
        Brightness of one photoelectron, where white is 1: the sensor counts ``1 / gain`` at
        white. It grows in proportion to the ISO value of the camera; larger is noisier, 0 has
        no noise. Near ``ISO / 500_000`` for telephones and ``ISO / 4_000_000`` for large sensors.
        A pair draws one value per sample, uniformly, here and below.
    read_noise : float or tuple of (low, high), default=1.5
        Standard deviation of the electronics' noise, in photoelectrons. Larger is noisier in
        the shadows.
    white_balance : float or tuple of (low, high), default=2
        Factor, at least 1, by which the camera multiplies red and blue, to which sensors are
        less sensitive than to green. Larger has more coloured noise. A pair draws one value
        for red and another one for blue.
    saturation : float or tuple of (low, high), default=1.5
        Factor, at least 1, by which the camera multiplies the distance of colours from gray,
        since its filters let part of the other colours through. Larger has more coloured noise.
    smoothing : float or tuple of (low, high), default=0
        Standard deviation in pixels, from 0 (none) to 1, of the Gaussian with which the
        camera, or who resized the image, smoothed the noise. Larger has a coarser, weaker grain.
    jpeg_quality : float, tuple of (low, high) or None, default=90
        Quality of the JPEG compression, from 1 to 100, as Pillow counts. Lower has coarser
        blocks. None does not compress.
    chroma_subsampling : {"4:2:0", "4:4:4"}, default="4:2:0"
        "4:2:0" compresses colour at half the resolution, as most cameras do, "4:4:4" at all
        of it.
    clip : tuple of (low, high) or None, default=None
        Interval to which noisy values are clipped. None never clips floats; ``uint8`` and
        ``uint16`` data are always clipped to the range of their dtype.
    random_state : int, RandomState instance or None, default=None
        Seed of the noise. None draws a new one at every call.
    when : {"fit", "always"}, default="fit"
        "fit" corrupts in ``fit_transform`` only, so that a pipeline adds nothing at
        predict time; "always" makes ``transform`` corrupt too.

    Attributes
    ----------
    n_features_in_ : int
        Number of values of a sample, all axes flattened.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, when X has string names.

    See Also
    --------
    GaussianNoise : White noise of one level.
    PoissonNoise : Noise of photon counts alone.

    Notes
    -----
    Three channels are taken back to the sensor as in [1]_: to linear light (inverse sRGB curve),
    divided by the saturation and the white balance, and to the sites of a Bayer grid, which starts
    at a random place. Of the light y, a site counts ``P(y / gain) + N(0, read_noise²)`` electrons:
    their brightness has the variance ``gain y + (gain read_noise)²``, and is at most 1. This noise
    is demosaiced [2]_, white balanced, saturated, smoothed, and added to the linear light; then
    come the sRGB curve and JPEG [3]_. As the interpolation is linear, it is the noise of a camera
    that interpolates the whole image; but the image stays as sharp as it is, so that a model does
    not learn to sharpen. With ``gain=0`` and ``jpeg_quality=None`` nothing changes at all.

    Other numbers of channels, and images without channels, are gray: noise for every
    value, no grid and no white balance. Flat rows, which have no neighbours, are not compressed
    either; an estimator that is given ``sample_shape`` knows what they are. Values beyond 0 and 1
    get the noise of black and white.

    References
    ----------
    .. [1] T. Brooks et al., "Unprocessing images for learned raw denoising", CVPR 2019. Their
       cameras have gains from 0.0001 to 0.012, and a read noise near 1 electron.
    .. [2] H. S. Malvar, L. He and R. Cutler, "High-quality linear interpolation for demosaicing
       of Bayer-patterned color images", ICASSP 2004.
    .. [3] ITU-T Recommendation T.81, 1992, with the tables of its annex K.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import CameraNoise
    >>> X = np.full((10, 64, 64, 3), [0.1, 0.5, 0.9])
    >>> X_noisy = CameraNoise(gain=0.01).corrupt(X, random_state=0)
    >>> difference = X_noisy - X
    >>> neighbours = np.corrcoef(
    ...     difference[:, :, 1:].ravel(), difference[:, :, :-1].ravel()
    ... )
    >>> print(f"{difference.std():.2f}, correlation {neighbours[0, 1]:.1f}")
    0.08, correlation 0.4
    """

    _short_name = "camera"
    _level = "gain"
    _repeatable = True

    _parameter_constraints: ClassVar[dict] = {
        **NoiseInjector._parameter_constraints,
        "gain": [Level(0, 1, closed="both")],
        "read_noise": [Level(0, None, closed="left")],
        "white_balance": [Level(1, None, closed="left")],
        "saturation": [Level(1, None, closed="left")],
        "smoothing": [Level(0, 1, closed="both")],
        "jpeg_quality": [Level(1, 100, closed="both"), None],
        "chroma_subsampling": [StrOptions({"4:2:0", "4:4:4"})],
    }

    def __init__(
        self,
        gain: LevelOrRange = 0.003,
        *,
        read_noise: LevelOrRange = 1.5,
        white_balance: LevelOrRange = 2,
        saturation: LevelOrRange = 1.5,
        smoothing: LevelOrRange = 0,
        jpeg_quality: LevelOrRange | None = 90,
        chroma_subsampling: str = "4:2:0",
        clip: Clip = None,
        random_state: RandomState = None,
        when: str = "fit",
    ) -> None:
        super().__init__(clip=clip, random_state=random_state, when=when)
        self.gain = gain
        self.read_noise = read_noise
        self.white_balance = white_balance
        self.saturation = saturation
        self.smoothing = smoothing
        self.jpeg_quality = jpeg_quality
        self.chroma_subsampling = chroma_subsampling

    def _corrupt(self, x: Tensor, level: float | Tensor, generator: torch.Generator) -> Tensor:
        """x + camera(x) - x, where the last two are between black and white."""
        images = _as_images(x)
        gain = level.view(-1, 1, 1, 1) if isinstance(level, Tensor) else level
        light = _linear(images.clamp(0, 1))
        expose = self._expose_grid if images.shape[1] == 3 else self._expose
        noise = expose(light, gain, generator)
        if self.smoothing != 0:
            noise = _smoothed(noise, draw_level(self.smoothing, images, generator))
        noisy = _encoded(light + noise)
        if self.jpeg_quality is not None and x.ndim > 2:
            quality = draw_level(self.jpeg_quality, images, generator)
            noisy = compress(noisy, quality, subsampled=self.chroma_subsampling == "4:2:0")
        # Encoded, the light is the image but for rounding: without noise, x comes out as it is.
        difference = (noisy - _encoded(light)).movedim(1, -1)
        return x + difference.reshape(x.shape)

    def _expose_grid(
        self, light: Tensor, gain: float | Tensor, generator: torch.Generator
    ) -> Tensor:
        """Return the noise of colour images that the sensor sees through a Bayer grid."""
        saturation = draw_level(self.saturation, light, generator)
        red, blue = (draw_level(self.white_balance, light, generator) for _ in range(2))
        ones = light.new_ones((len(light), 1, 1, 1))
        balance = torch.cat([ones * red, ones, ones * blue], dim=1)
        sites = draw_sites(light, generator)
        raw = mosaic(_saturated(light, 1 / saturation) / balance, *sites)
        noise = demosaic(self._expose(raw, gain, generator), *sites)
        return _saturated(balance * noise, saturation)

    def _expose(self, light: Tensor, gain: float | Tensor, generator: torch.Generator) -> Tensor:
        """min(gain (P(light / gain) - light / gain + N(0, read_noise²)), 1 - light)."""
        gain = gain if isinstance(gain, Tensor) else light.new_full((1, 1, 1, 1), gain)
        expected = light / gain.clamp(min=_SMALLEST_GAIN)
        counts = torch.poisson(expected, generator=generator)
        reading = light.new_empty(light.shape).normal_(generator=generator)
        reading *= draw_level(self.read_noise, light, generator)
        return torch.minimum(gain * (counts - expected + reading), 1 - light)

    def _reads_axes(self) -> bool:
        return True

    def _check_domain(self, summary: DataSummary) -> None:
        """Warn of values that are not between black and white."""
        low, high = summary.bulk
        if summary.white is None and (low < -_MARGIN or high > 1 + _MARGIN):
            warn_user(
                "CameraNoise reads X as brightness from 0 (black) to 1 (white), and most of X goes "
                f"from {low:.3g} to {high:.3g}. Scale it: divide gray levels up to 255 by 255, "
                "or give them as uint8. Standardized values are no photographs: put the noise "
                "before a StandardScaler, or take GaussianNoise."
            )


def _as_images(x: Tensor) -> Tensor:
    """Return images (n, channels, height, width); a flat row is an image of one row."""
    if x.ndim == 2:
        return x[:, None, None, :].contiguous()
    if x.ndim == 3:
        return x[:, None].contiguous()
    return x.flatten(3).movedim(-1, 1).contiguous()


def _saturated(light: Tensor, factor: float | Tensor) -> Tensor:
    """Return red, green and blue (n, 3, ...) with their distance from the luminance multiplied."""
    red, green, blue = light.split(1, dim=1)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return luminance + factor * (light - luminance)


def _smoothed(noise: Tensor, sigma: float | Tensor) -> Tensor:
    """Convolve images with a Gaussian of this standard deviation in pixels, 0 to 1."""
    sigma = sigma if isinstance(sigma, Tensor) else noise.new_full((1, 1, 1, 1), sigma)
    distances = torch.arange(-_RADIUS, _RADIUS + 1, device=noise.device)
    weights = torch.exp(-(distances**2) / (2 * sigma.clamp(min=_SMALLEST_SIGMA) ** 2))
    weights = weights / weights.sum(-1, keepdim=True)
    for axis, sides in ((-1, (_RADIUS, _RADIUS, 0, 0)), (-2, (0, 0, _RADIUS, _RADIUS))):
        padded = pad(noise, sides, mode="replicate")
        smoothed = torch.zeros_like(noise)
        for i, weight in enumerate(weights.split(1, dim=-1)):
            smoothed += weight * padded.narrow(axis, i, noise.shape[axis])
        noise = smoothed
    return noise


def _linear(encoded: Tensor) -> Tensor:
    """Return the linear light of sRGB values (IEC 61966-2-1)."""
    return torch.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055).pow(2.4))


def _encoded(light: Tensor) -> Tensor:
    """Return the sRGB values of linear light, cut off at black and white."""
    light = light.clamp(0, 1)
    curve = 1.055 * light.clamp(min=0.0031308).pow(1 / 2.4) - 0.055
    return torch.where(light <= 0.0031308, 12.92 * light, curve)
