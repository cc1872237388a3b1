"""Every public class is in the lists that all tests share."""

import inspect

import skdae
from kinds import ESTIMATORS, IDENTITIES, INJECTORS, ONE_OF_EACH
from skdae import BaseDenoisingAutoencoder, NoiseInjector, PoissonNoise


def public(base):
    """Return the classes of the package that users can make, of this base."""
    classes = [getattr(skdae, name) for name in skdae.__all__]
    classes += [getattr(skdae.noise, name) for name in skdae.noise.__all__]
    return {
        kind
        for kind in classes
        if inspect.isclass(kind) and issubclass(kind, base) and not inspect.isabstract(kind)
    }


def kinds_of(listed):
    return {type(one) for one in listed.values()}


def test_no_injector_is_forgotten():
    assert kinds_of(INJECTORS) == public(NoiseInjector)
    assert kinds_of(IDENTITIES) == public(NoiseInjector) - {PoissonNoise}


def test_no_estimator_is_forgotten():
    assert kinds_of(ESTIMATORS) == kinds_of(ONE_OF_EACH) == public(BaseDenoisingAutoencoder)
