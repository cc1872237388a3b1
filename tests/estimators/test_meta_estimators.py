"""Inside of scikit-learn's other meta-estimators."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skdae import DenseDAE, GaussianNoise, SwapNoise, UNetDAE, make_denoising_scorer


def encoder(**parameters):
    return DenseDAE((16,), latent_dim=4, max_epochs=3, random_state=0, **parameters)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((120, 6)) @ rng.standard_normal((6, 6))
    frame = pd.DataFrame(values, columns=list("abcdef"))
    frame["kind"] = rng.choice(["x", "y"], 120)
    return frame


def test_column_transformer_on_a_frame(table):
    numbers = make_pipeline(StandardScaler(), encoder(noise=SwapNoise(0.2)))
    features = ColumnTransformer([("dae", numbers, list("abcdef"))], remainder="drop")
    features.set_output(transform="pandas")
    codes = features.fit_transform(table)
    assert codes.columns.tolist() == [f"dae__densedae{i}" for i in range(4)]
    model = make_pipeline(features, LogisticRegression())
    assert cross_val_score(model, table, table["kind"], cv=3).shape == (3,)


def test_a_scaler_then_noise_then_the_autoencoder(table):
    numbers = table.drop(columns="kind")
    pipeline = make_pipeline(StandardScaler(), SwapNoise(0.2), encoder()).fit(numbers)
    assert isinstance(pipeline[-1].noise_, SwapNoise)
    assert pipeline.transform(numbers).shape == (120, 4)
    assert list(pipeline[0].feature_names_in_) == list("abcdef")


def test_codes_beside_other_features(rows, labels):
    union = FeatureUnion([("pca", PCA(3)), ("dae", encoder(noise="gaussian"))])
    assert make_pipeline(union, LogisticRegression(max_iter=1000)).fit(rows, labels)[0].transform(
        rows
    ).shape == (200, 7)


def test_a_frozen_encoder_inside_a_search(rows, labels):
    dae = encoder(noise="gaussian").fit(rows)
    pipeline = Pipeline(
        [("codes", FrozenEstimator(dae)), ("clf", LogisticRegression(max_iter=500))]
    )
    search = GridSearchCV(pipeline, {"clf__C": [0.1, 1.0]}, cv=2).fit(rows, labels)
    frozen = search.best_estimator_["codes"]
    np.testing.assert_array_equal(frozen.transform(rows), dae.transform(rows))


def test_a_unet_after_a_noise_step_and_in_a_search(images, labels):
    unet = UNetDAE((4,), n_blocks=1, max_epochs=4, random_state=0)
    pipeline = Pipeline([("noise", GaussianNoise(0.3)), ("dae", unet)]).fit(images)
    alone = clone(unet).set_params(noise=GaussianNoise(0.3)).fit(images)
    np.testing.assert_array_equal(pipeline.predict(images), alone.predict(images))
    assert not hasattr(pipeline, "inverse_transform")

    scorer = make_denoising_scorer(GaussianNoise(0.3), metric="psnr", random_state=0)
    grid = {"dae__max_epochs": [1, 8], "dae__n_blocks": [1]}
    search = GridSearchCV(pipeline, grid, cv=2, scoring=scorer).fit(images)
    assert search.best_params_ == {"dae__max_epochs": 8, "dae__n_blocks": 1}
    codes = make_pipeline(alone, LogisticRegression(max_iter=500)).fit(images, labels)[0]
    assert codes.transform(images).shape == (200, 4 * 4 * 4)


@pytest.mark.slow
def test_only_a_fixed_noise_finds_the_right_level():
    from sklearn.datasets import load_digits

    X = load_digits().data / 16
    pipeline = Pipeline(
        [("noise", GaussianNoise()), ("dae", DenseDAE(max_epochs=30, random_state=0))]
    )
    grid = {"noise__sigma": [0.05, 0.2, 0.4, 0.8]}
    by_reconstruction = GridSearchCV(clone(pipeline), grid, cv=3).fit(X)
    assert by_reconstruction.best_params_ == {"noise__sigma": 0.05}
    scorer = make_denoising_scorer(GaussianNoise(0.4), metric="psnr", random_state=0)
    by_denoising = GridSearchCV(pipeline, grid, cv=3, scoring=scorer).fit(X)
    assert by_denoising.best_params_["noise__sigma"] in (0.2, 0.4)
