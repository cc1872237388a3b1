"""Packages around scikit-learn that take our estimators: one test each keeps it so.

They come with ``pip install --group ecosystem``; what is missing is skipped.
"""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

import skdae
from skdae import DenseDAE, GaussianNoise, make_denoising_scorer

# Their own warnings are theirs.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def table():
    X, y = load_digits(return_X_y=True)
    return (X[:200] / 16).astype(np.float32), y[:200]


@pytest.fixture
def dae():
    return DenseDAE((8,), latent_dim=6, noise="gaussian", max_epochs=2, random_state=0)


def test_mlflow(table, dae, tmp_path, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow_sklearn = pytest.importorskip("mlflow.sklearn")
    X, _ = table
    monkeypatch.chdir(tmp_path)
    pipe = make_pipeline(GaussianNoise(0.3), dae.set_params(noise="auto")).fit(X)
    how = {"serialization_format": "skops", "pip_requirements": ["skdae"]}
    with pytest.raises(Exception, match="skdae"):
        mlflow_sklearn.save_model(pipe, str(tmp_path / "refused"), **how)
    trusted = skdae.trusted_types()
    mlflow_sklearn.save_model(pipe, str(tmp_path / "model"), skops_trusted_types=trusted, **how)
    again = mlflow_sklearn.load_model(str(tmp_path / "model"))
    np.testing.assert_array_equal(again.predict(X), pipe.predict(X))


def test_a_study_of_optuna(table, dae):
    optuna = pytest.importorskip("optuna")
    X, _ = table
    scorer = make_denoising_scorer(GaussianNoise(0.3))

    def objective(trial):
        lr = trial.suggest_float("lr", 1e-3, 1e-2, log=True)
        return scorer(dae.set_params(lr=lr).fit(X), X)

    study = optuna.create_study(direction="maximize")
    study.optimize(objective, n_trials=2)
    assert np.isfinite(study.best_value)


def test_the_search_of_optuna(table, dae):
    pytest.importorskip("optuna_integration")
    from optuna.distributions import CategoricalDistribution
    from optuna_integration import OptunaSearchCV

    X, _ = table
    space = {"latent_dim": CategoricalDistribution([2, 6])}
    scorer = make_denoising_scorer(GaussianNoise(0.3))
    search = OptunaSearchCV(dae, space, n_trials=2, cv=2, scoring=scorer, random_state=0).fit(X)
    assert search.best_params_["latent_dim"] in (2, 6)
    assert search.best_estimator_.predict(X).shape == X.shape


def test_skrub(table, dae):
    skrub = pytest.importorskip("skrub")
    pd = pytest.importorskip("pandas")
    X, y = table
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
    frame["kind"] = np.where(y > 4, "high", "low")
    pipe = make_pipeline(skrub.TableVectorizer(), dae, LogisticRegression()).fit(frame, y)
    assert pipe.predict(frame).shape == y.shape


def test_imbalanced_learn(table, dae):
    pytest.importorskip("imblearn")
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.pipeline import make_pipeline as make_sampling_pipeline

    X, y = table
    steps = RandomOverSampler(random_state=0), dae, LogisticRegression()
    pipe = make_sampling_pipeline(*steps).fit(X, y)
    assert pipe.score(X, y) > 0.2


def test_mapie(table, dae):
    regression = pytest.importorskip("mapie.regression")
    X, y = table
    pipe = make_pipeline(dae, Ridge())
    conformal = regression.CrossConformalRegressor(pipe, confidence_level=0.9, cv=3)
    conformal.fit_conformalize(X, y.astype(float))
    _, intervals = conformal.predict_interval(X)
    covered = (intervals[:, 0, 0] <= y) & (y <= intervals[:, 1, 0])
    assert covered.mean() > 0.8
