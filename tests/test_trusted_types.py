"""The types that skops must trust cover all that we make, and nothing else."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from kinds import ESTIMATORS, INJECTORS
from skdae import DenseDAE, GaussianNoise, make_denoising_scorer, recipes, trusted_types

skops_io = pytest.importorskip("skops.io")

X = np.random.default_rng(0).random((40, 8, 8), dtype=np.float32)
RECIPES = [(name, schedule) for name in recipes.names() for schedule in ("ours", "published")]


def assert_trusted(thing):
    data = skops_io.dumps(thing)
    assert set(skops_io.get_untrusted_types(data=data)) <= set(trusted_types())
    return skops_io.loads(data, trusted=trusted_types())


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators(name):
    dae = ESTIMATORS[name].fit(X)
    np.testing.assert_array_equal(assert_trusted(dae).predict(X), dae.predict(X))


@pytest.mark.parametrize("name", INJECTORS)
def test_noises(name):
    assert repr(assert_trusted(INJECTORS[name].fit(X))) == repr(INJECTORS[name])


def test_a_pipeline():
    rows = X.reshape(len(X), -1)
    pipe = make_pipeline(GaussianNoise(0.3), DenseDAE(max_epochs=1)).fit(rows)
    np.testing.assert_array_equal(assert_trusted(pipe).predict(rows), pipe.predict(rows))


@pytest.mark.parametrize(("name", "schedule"), RECIPES)
def test_recipes(name, schedule):
    assert_trusted(recipes.make(name, schedule))


def test_scorers():
    assert_trusted(make_denoising_scorer(GaussianNoise(0.3)))


def test_names_are_ours_sorted_and_new_each_time():
    names = trusted_types()
    assert all(name.startswith("skdae.") for name in names) and names == sorted(set(names))
    names.clear()
    assert trusted_types()
