"""scikit-learn's checks of DAEClassifier and DAERegressor."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from skdae import DAEClassifier, DAERegressor, DenseDAE

SMALL = DenseDAE((32,), latent_dim=16, max_epochs=3)


@parametrize_with_checks(
    [DAEClassifier(SMALL, max_epochs=100), DAERegressor(SMALL, max_epochs=100)]
)
def test_scikit_learn(estimator, check):
    check(estimator)
