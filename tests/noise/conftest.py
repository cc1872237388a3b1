import numpy as np
import pytest
from sklearn.base import clone

from kinds import IDENTITIES, INJECTORS


@pytest.fixture(scope="session", params=INJECTORS.values(), ids=INJECTORS.keys())
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
