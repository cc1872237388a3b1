"""A user's own estimator in ten lines, with parameters of its own to search."""

import inspect
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from kinds import EXPECTED_FAILURES
from skdae import BaseDenoisingAutoencoder, DenoisingAutoencoder, GaussianNoise
from skdae.nn import DenseAutoencoder


class TinyDAE(BaseDenoisingAutoencoder):
    """What the documentation promises: parameters, and how to build the module."""

    def __init__(self, width=8, *, noise="auto", max_epochs="auto", random_state=None):
        self.width = width
        self.noise = noise
        self.max_epochs = max_epochs
        self.random_state = random_state

    def _build_module(self, sample_shape):
        return DenseAutoencoder(sample_shape, latent_dim=self.width)


@parametrize_with_checks(
    [TinyDAE(noise="gaussian", max_epochs=2)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
def test_scikit_learn(estimator, check):
    check(estimator)


def test_the_defaults_it_does_not_name_are_those_of_the_others():
    signature = inspect.signature(DenoisingAutoencoder)
    for name, parameter in signature.parameters.items():
        if name != "module":
            assert getattr(BaseDenoisingAutoencoder, name) == parameter.default, name


def test_every_shared_parameter_has_a_constraint():
    shared = set(inspect.signature(DenoisingAutoencoder).parameters) - {"module"}
    assert shared == set(BaseDenoisingAutoencoder._parameter_constraints)


def test_its_parameters_are_searched(rows):
    pipeline = Pipeline([("noise", GaussianNoise(0.2)), ("dae", TinyDAE(random_state=0))])
    pipeline.set_params(dae__max_epochs=10)
    search = GridSearchCV(pipeline, {"dae__width": [1, 16]}, cv=2).fit(rows)
    assert search.best_params_ == {"dae__width": 16}


def test_it_is_cloned_and_pickled(rows):
    dae = TinyDAE(4, noise="gaussian", max_epochs=1, random_state=0).fit(rows)
    loaded = pickle.loads(pickle.dumps(dae))
    np.testing.assert_array_equal(loaded.predict(rows), dae.predict(rows))
    assert clone(dae).get_params() == dae.get_params()


def test_the_base_cannot_be_used_alone():
    with pytest.raises(TypeError, match="abstract"):
        BaseDenoisingAutoencoder()
