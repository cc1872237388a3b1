import numpy as np
import pytest
from sklearn.base import clone

from skdae.noise import (
    ChainNoise,
    GaussianNoise,
    MaskingNoise,
    OneOfNoise,
    PoissonNoise,
    SaltAndPepperNoise,
    SpeckleNoise,
    SwapNoise,
    UniformNoise,
)

# One of each kind, at levels where corrupting hundreds of values cannot leave all of them alone.
NOISES = {
    "gaussian": GaussianNoise(0.3),
    "gaussian_range": GaussianNoise((0.2, 0.4)),
    "speckle": SpeckleNoise(0.3),
    "poisson": PoissonNoise(20),
    "poisson_range": PoissonNoise((10, 30)),
    "uniform": UniformNoise(0.3),
    "salt_and_pepper": SaltAndPepperNoise(0.4),
    "masking": MaskingNoise(0.4),
    "masking_range": MaskingNoise((0.3, 0.5)),
    "swap": SwapNoise(0.4),
    "swap_range": SwapNoise((0.3, 0.5)),
    "one_of": OneOfNoise([("gauss", GaussianNoise(0.3)), ("swap", SwapNoise(0.4))]),
    "chain": ChainNoise([("photons", PoissonNoise(20)), ("dead", MaskingNoise(0.4))]),
}
# The same kinds where they must give back what they got.
IDENTITIES = {
    "gaussian": GaussianNoise(0),
    "gaussian_range": GaussianNoise((0, 0)),
    "speckle": SpeckleNoise(0),
    "uniform": UniformNoise(0),
    "salt_and_pepper": SaltAndPepperNoise(0),
    "masking": MaskingNoise(0),
    "swap": SwapNoise(0),
    "swap_range": SwapNoise((0, 0)),
    "one_of": OneOfNoise([("gauss", GaussianNoise(0)), ("swap", SwapNoise(0))]),
    "chain": ChainNoise([("gauss", GaussianNoise(0)), ("mask", MaskingNoise(0))]),
}


@pytest.fixture(scope="session", params=NOISES.values(), ids=NOISES.keys())
def noise(request):
    return clone(request.param)


@pytest.fixture(scope="session", params=IDENTITIES.values(), ids=IDENTITIES.keys())
def identity(request):
    return clone(request.param)


@pytest.fixture(scope="session")
def X():
    values = np.random.default_rng(0).uniform(0.1, 0.9, size=(40, 12))
    values.flags.writeable = False  # no test may change what the others read
    return values
