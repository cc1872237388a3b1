"""The injectors and the estimators that tests of all kinds share.

A new public class belongs in here, once; ``test_kinds.py`` fails until it is.
"""

from __future__ import annotations

from sklearn.base import clone

from skdae import (
    BaseDenoisingAutoencoder,
    CameraNoise,
    ChainNoise,
    ConvDAE,
    DenoisingAutoencoder,
    DenseDAE,
    GaussianNoise,
    ImpulseNoise,
    MaskingNoise,
    NoiseInjector,
    OneOfNoise,
    PoissonNoise,
    SaltAndPepperNoise,
    SpeckleNoise,
    SwapNoise,
    UNetDAE,
    UniformNoise,
)
from skdae.nn import DenseAutoencoder

# At levels where corrupting hundreds of values cannot leave all of them alone.
INJECTORS: dict[str, NoiseInjector] = {
    "gaussian": GaussianNoise(0.3),
    "gaussian_range": GaussianNoise((0.2, 0.4)),
    "gaussian_clipped": GaussianNoise(0.3, clip=(-1, 1)),
    "speckle": SpeckleNoise(0.3),
    "poisson": PoissonNoise(20),
    "poisson_range": PoissonNoise((10, 30)),
    "uniform": UniformNoise(0.3),
    "salt_and_pepper": SaltAndPepperNoise(0.4, salt_vs_pepper=0.4),
    "impulse": ImpulseNoise(0.4),
    "masking": MaskingNoise(0.4),
    "masking_range": MaskingNoise((0.3, 0.5)),
    "swap": SwapNoise(0.4),
    "swap_range": SwapNoise((0.3, 0.5)),
    "swap_groups": SwapNoise(0.4, groups=[[0]]),
    "camera": CameraNoise(0.05),
    "camera_range": CameraNoise(
        (0.03, 0.1),
        read_noise=(1, 3),
        white_balance=(1.5, 2.4),
        saturation=(1, 2),
        smoothing=(0, 0.6),
        jpeg_quality=(70, 100),
    ),
    "one_of": OneOfNoise([("gauss", GaussianNoise(0.3)), ("mask", MaskingNoise(0.4))]),
    "one_of_swap": OneOfNoise([("gauss", GaussianNoise(0.3)), ("swap", SwapNoise(0.4))]),
    "chain": ChainNoise([("photons", PoissonNoise(20)), ("readout", GaussianNoise(0.1))]),
    "chain_swap": ChainNoise([("swap", SwapNoise(0.4)), ("dead", MaskingNoise(0.4))]),
}
# The same kinds where they must give back what they got; there are no photons without noise.
IDENTITIES: dict[str, NoiseInjector] = {
    "gaussian": GaussianNoise(0),
    "gaussian_range": GaussianNoise((0, 0)),
    "speckle": SpeckleNoise(0),
    "uniform": UniformNoise(0),
    "salt_and_pepper": SaltAndPepperNoise(0),
    "impulse": ImpulseNoise(0),
    "masking": MaskingNoise(0),
    "swap": SwapNoise(0),
    "swap_range": SwapNoise((0, 0)),
    "camera": CameraNoise(0, jpeg_quality=None),
    "camera_range": CameraNoise((0, 0), smoothing=(0, 1), jpeg_quality=None),
    "one_of": OneOfNoise([("gauss", GaussianNoise(0)), ("swap", SwapNoise(0))]),
    "chain": ChainNoise([("gauss", GaussianNoise(0)), ("mask", MaskingNoise(0))]),
}

# One of each class, small, for tables, images and signals.
ONE_OF_EACH: dict[str, BaseDenoisingAutoencoder] = {
    "dense": DenseDAE((8,), latent_dim=3, noise="gaussian", max_epochs=2),
    "conv": ConvDAE((4,), noise="gaussian", max_epochs=2),
    "module": DenoisingAutoencoder(DenseAutoencoder, noise="gaussian", max_epochs=2, batch_size=8),
    "unet": UNetDAE((4,), n_blocks=1, noise="gaussian", max_epochs=2),
}
# And with other parameters. The default noise="auto" is right to warn on plain data, so each
# names a noise, or none.
ESTIMATORS: dict[str, BaseDenoisingAutoencoder] = {
    **ONE_OF_EACH,
    **{f"{name}_plain": clone(dae).set_params(noise=None) for name, dae in ONE_OF_EACH.items()},
    "conv_latent": ConvDAE(
        (4, 4), latent_dim=3, upsample="nearest", noise="gaussian", max_epochs=2
    ),
    "dense_stopping": DenseDAE(noise="swap", max_epochs=2, early_stopping=True),
    "conv_stride": ConvDAE(
        (4,), noise=GaussianNoise((0, 0.5)), max_epochs=2, downsample="stride", loss="l1"
    ),
    "unet_residual": UNetDAE(
        (2, 3), n_blocks=1, noise="gaussian", max_epochs=2, residual=True, optimizer="adamw"
    ),
    # What "auto" takes on processors that are made for it; slow where it is emulated.
    "dense_bfloat16": DenseDAE(
        (8,), latent_dim=3, noise="gaussian", max_epochs=2, precision="bfloat16"
    ),
    "conv_bfloat16": ConvDAE((2,), noise="gaussian", max_epochs=1, precision="bfloat16"),
    "unet_bfloat16": UNetDAE(
        (2,), n_blocks=1, noise="gaussian", max_epochs=1, precision="bfloat16"
    ),
}
# Checks of scikit-learn that no estimator passes, and why.
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "a row of weight 2 is one row of a batch, and "
    "one that is repeated comes twice, in other batches and with other noise; where all rows are "
    "one batch both are the same, as test_sample_weight.py shows",
}
