"""scikit-learn's own checks, all of them, on every estimator."""

import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from kinds import ESTIMATORS, EXPECTED_FAILURES, ONE_OF_EACH
from skdae import DenseDAE, GaussianNoise

guesses_a_shape = pytest.mark.filterwarnings("ignore:(ConvDAE|UNetDAE) reads the rows:UserWarning")


@guesses_a_shape
@parametrize_with_checks(
    list(ESTIMATORS.values()), expected_failed_checks=lambda estimator: EXPECTED_FAILURES
)
def test_scikit_learn(estimator, check):
    check(estimator)


# The checks of set_output mix frames and arrays on purpose.
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
@guesses_a_shape
@pytest.mark.parametrize("estimator", ONE_OF_EACH.values(), ids=ONE_OF_EACH.keys())
def test_checks_that_scikit_learn_leaves_out(estimator, left_out_check):
    getattr(estimator_checks, left_out_check)(type(estimator).__name__, clone(estimator))


def test_no_check_is_hidden_by_a_tag():
    for estimator in ESTIMATORS.values():
        tags = estimator.__sklearn_tags__()
        assert not tags.non_deterministic
        assert not tags.no_validation
        assert not tags._skip_test
        assert tags.input_tags.two_d_array


def test_a_clone_has_the_parameters_and_nothing_learnt(images):
    dae = DenseDAE(noise=GaussianNoise(0.3), latent_dim=5, max_epochs=1).fit(images)
    copy = clone(dae)
    assert copy.get_params()["noise__sigma"] == 0.3
    assert copy.noise is not dae.noise
    assert not hasattr(copy, "net_")


def test_searches_and_cross_validation(rows):
    dae = DenseDAE((16,), noise=GaussianNoise(0.2), max_epochs=2, random_state=0)
    grid = {"noise__sigma": [0.1, 0.4], "latent_dim": [4, 8]}
    search = GridSearchCV(dae, grid, cv=2, n_jobs=2).fit(rows)
    assert search.best_params_["latent_dim"] in (4, 8)
    assert cross_val_score(dae, rows, rows, cv=2, scoring="neg_mean_squared_error").shape == (2,)
    pipeline = make_pipeline(GaussianNoise(0.2), DenseDAE(max_epochs=2, random_state=0))
    assert cross_val_score(pipeline, rows, cv=3).shape == (3,)


def test_html_repr_shows_the_changed_parameters(images):
    dae = DenseDAE(noise=GaussianNoise(0.123), max_epochs=1)
    assert "0.123" in dae._repr_html_()
    assert "net_" in dae.fit(images)._repr_html_()
    assert "0.123" in repr(dae)
    assert "latent_dim" not in repr(dae)
