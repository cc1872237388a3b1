"""Rules 1 to 3: noise while fitting only, clean targets always, y only if it has X's shape."""

import joblib
import numpy as np
import pytest
import torch
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skdae import DenoisingAutoencoder, DenseDAE, GaussianNoise, SwapNoise
from skdae.nn import DenseAutoencoder
from skdae.noise import CorruptedArray

NOTHING_TO_REMOVE = pytest.warns(UserWarning, match="DenseDAE got neither noise nor a clean target")


def small(**parameters):
    return DenseDAE((16,), max_epochs=2, random_state=0, **parameters)


def noise():
    return GaussianNoise(0.4, random_state=0)


def weights(dae):
    return np.concatenate([p.detach().numpy().ravel() for p in dae.net_.module_.parameters()])


def assert_learned_to_denoise(dae, direct):
    """The same seed on the same clean rows and noise gives the very same weights."""
    assert isinstance(dae.noise_, GaussianNoise)
    np.testing.assert_array_equal(weights(dae), weights(direct))


@pytest.fixture
def direct(rows):
    return small(noise=noise()).fit(rows)


# ---------------------------------------------------------------- what keeps the origin
def test_a_pipeline_without_y_trains_as_noise_does(rows, direct):
    pipeline = make_pipeline(noise(), small()).fit(rows)
    assert_learned_to_denoise(pipeline[-1], direct)


def test_predict_of_the_pipeline_adds_nothing(rows, direct):
    pipeline = make_pipeline(noise(), small()).fit(rows)
    X_noisy = noise().corrupt(rows, random_state=1)
    np.testing.assert_array_equal(pipeline.predict(X_noisy), direct.predict(X_noisy))
    assert pipeline.score(X_noisy, rows) == direct.score(X_noisy, rows)


@pytest.mark.parametrize("target", ["clean", "labels", "none"])
def test_y_equal_to_clean_or_labels_changes_nothing(rows, labels, direct, target):
    y = {"clean": rows, "labels": labels, "none": None}[target]
    assert_learned_to_denoise(make_pipeline(noise(), small()).fit(rows, y)[-1], direct)


def test_memory(rows, direct, tmp_path):
    for _ in range(2):  # the second time, the noisy array comes from the cache
        pipeline = Pipeline([("noise", noise()), ("dae", small())], memory=str(tmp_path))
        assert_learned_to_denoise(pipeline.fit(rows)["dae"], direct)


def test_nested_pipelines(rows, direct):
    inner = make_pipeline(FunctionTransformer(), noise())
    assert_learned_to_denoise(make_pipeline(inner, small()).fit(rows)[-1], direct)


def test_a_classifier_last(rows, labels, direct):
    classifier = LogisticRegression(max_iter=1000)
    pipeline = make_pipeline(noise(), small(), classifier).fit(rows, labels)
    assert_learned_to_denoise(pipeline[1], direct)
    assert pipeline.score(rows, labels) > 0.5


def test_later_steps_learn_from_clean_codes(rows, direct):
    codes = make_pipeline(noise(), small()).fit_transform(rows)
    np.testing.assert_array_equal(codes, direct.transform(rows))


def test_a_search_with_workers(rows):
    pipeline = Pipeline([("noise", noise()), ("dae", small())])
    search = GridSearchCV(pipeline, {"noise__sigma": [0.1, 0.4]}, cv=2, n_jobs=2).fit(rows)
    dae = search.best_estimator_["dae"]
    assert dae.noise_.sigma == search.best_params_["noise__sigma"]


def test_pickled_arrays_and_exact_copies_keep_their_origin(rows, direct, tmp_path):
    X_noisy = noise().fit_transform(rows)
    joblib.dump(X_noisy, tmp_path / "noisy.joblib")
    for array in (X_noisy, X_noisy.copy(), joblib.load(tmp_path / "noisy.joblib")):
        assert_learned_to_denoise(small().fit(array), direct)


def test_images_and_their_dtype_survive_the_noise_step(images):
    X = (images * 255).astype(np.uint8)
    by_pipeline = make_pipeline(noise(), small()).fit(X)[-1]
    np.testing.assert_array_equal(weights(by_pipeline), weights(small(noise=noise()).fit(X)))
    assert by_pipeline.predict(X).dtype == np.uint8


# ---------------------------------------------------------------- what loses it
def scaler_between():
    return make_pipeline(noise(), StandardScaler(), small())


def pandas_output():
    return make_pipeline(noise(), small()).set_output(transform="pandas")


def column_transformer():
    return make_pipeline(ColumnTransformer([("noise", noise(), list(range(64)))]), small())


def feature_union():
    return make_pipeline(FeatureUnion([("a", noise()), ("b", noise())]), small())


@pytest.mark.parametrize(
    "pipeline", [scaler_between, pandas_output, column_transformer, feature_union]
)
def test_a_plain_array_warns(rows, pipeline):
    with NOTHING_TO_REMOVE:
        pipeline().fit(rows)


def test_set_output_may_come_after_the_noise(rows, direct):
    pipeline = make_pipeline(noise(), small().set_output(transform="pandas"))
    assert pipeline.fit_transform(rows).columns[0] == "densedae0"
    assert_learned_to_denoise(pipeline[-1], direct)


def changed_in_place(array):
    array *= 2
    return array


@pytest.mark.parametrize(
    "change",
    [
        lambda array: array[:100],
        lambda array: array[::-1],
        lambda array: np.clip(array, 0, 1),
        lambda array: array - array.mean(axis=0),
        lambda array: train_test_split(array, random_state=0)[0],
        changed_in_place,
    ],
    ids=["slice", "reversed", "clip", "centred", "train_test_split", "in place"],
)
def test_a_changed_corrupted_array_is_an_error(rows, change):
    array = change(noise().fit_transform(rows))
    assert isinstance(array, CorruptedArray)
    with pytest.raises(ValueError, match="directly before DenseDAE, or pass the clean X as y"):
        small().fit(array)


@pytest.mark.parametrize("change", [changed_in_place, lambda X: np.clip(X, 0, 1)])
def test_a_function_step_that_changes_the_array_is_an_error(rows, change):
    with pytest.raises(ValueError, match="its clean values are lost"):
        make_pipeline(noise(), FunctionTransformer(change), small()).fit(rows)


def test_a_clean_array_that_changed_afterwards_is_an_error(rows):
    clean = rows.copy()
    X_noisy = noise().fit_transform(clean)
    clean *= 0
    with pytest.raises(ValueError, match="its clean values are lost"):
        small().fit(X_noisy)


def test_y_rescues_a_changed_array(rows):
    part = noise().fit_transform(rows)[:100]
    dae = small().fit(part, rows[:100])
    assert dae.noise_ is None
    expected = small().fit(np.asarray(part), rows[:100])
    np.testing.assert_array_equal(weights(dae), weights(expected))


def test_another_y_is_the_target_of_the_array_as_it_is(rows):
    X_noisy = noise().fit_transform(rows)
    dae = small().fit(X_noisy, 1 - rows)
    expected = small().fit(np.asarray(X_noisy), 1 - rows)
    assert dae.noise_ is None
    np.testing.assert_array_equal(weights(dae), weights(expected))


def test_the_noisy_array_as_its_own_target_still_learns_the_clean_one(rows, direct):
    X_noisy = noise().fit_transform(rows)
    assert_learned_to_denoise(small().fit(X_noisy, X_noisy), direct)


@pytest.mark.parametrize("own", ["gaussian", None, SwapNoise()])
def test_a_noise_of_its_own_after_a_noise_step_is_an_error(rows, own):
    with pytest.raises(ValueError, match="already comes from a noise step"):
        make_pipeline(noise(), small(noise=own)).fit(rows)


# ---------------------------------------------------------------- plain data
@pytest.mark.parametrize("target", ["none", "labels", "X"])
def test_nothing_to_remove_warns(rows, labels, target):
    with NOTHING_TO_REMOVE:
        small().fit(rows, {"none": None, "labels": labels, "X": rows}[target])


def test_the_warning_points_at_the_line_of_the_user(rows):
    with NOTHING_TO_REMOVE as caught:
        small().fit(rows)
    assert caught[0].filename == __file__


def test_no_noise_is_silent_when_asked_for(rows):
    assert small(noise=None).fit(rows).noise_ is None


def test_a_name_is_the_default_injector(rows):
    named, built = small(noise="gaussian").fit(rows), small(noise=GaussianNoise()).fit(rows)
    np.testing.assert_array_equal(weights(named), weights(built))


def test_pairs_learn_their_target(rows):
    X_noisy = noise().corrupt(rows)
    dae = DenseDAE(max_epochs=20, random_state=0).fit(X_noisy, rows)
    assert dae.noise_ is None
    assert dae.score(X_noisy, rows) > DenseDAE(noise=None, max_epochs=20, random_state=0).fit(
        rows
    ).score(X_noisy, rows)


def test_noise_on_top_of_pairs(rows):
    dae = small(noise=noise()).fit(rows, 1 - rows)
    assert dae.noise_.sigma == 0.4
    assert not np.array_equal(weights(dae), weights(small().fit(rows, 1 - rows)))


# ---------------------------------------------------------------- y of other shapes
def test_y_of_another_shape_is_an_error_in_fit(rows):
    with pytest.raises(ValueError, match=r"shape \(200, 2\) with X of shape \(200, 64\)"):
        small(noise="gaussian").fit(rows, np.zeros((200, 2)))


def test_y_of_another_shape_belongs_to_a_later_step(rows, labels):
    targets = np.column_stack([labels, labels])
    dae = small(noise="gaussian")
    np.testing.assert_array_equal(dae.fit_transform(rows, targets), dae.fit(rows).transform(rows))


def test_labels_of_another_length_are_an_error(rows):
    with pytest.raises(ValueError, match=r"Got y of shape \(20,\)"):
        small(noise="gaussian").fit(rows, np.zeros(20))


def test_string_labels_are_ignored(rows, labels):
    small(noise="gaussian").fit(rows, np.array(["a", "b"])[labels % 2])


# ---------------------------------------------------------------- the encoder of others
def test_a_frozen_encoder_keeps_its_weights(rows, labels, direct):
    before = weights(direct)
    pipeline = make_pipeline(FrozenEstimator(direct), LogisticRegression(max_iter=1000))
    assert pipeline.fit(rows, labels).score(rows, labels) > 0.5
    np.testing.assert_array_equal(weights(direct), before)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_noisy_images_of_integers_saturate_while_training_too(dtype, images):
    """As those that predict will see; the noise of floats has no bounds."""
    seen = []

    class Watched(DenseAutoencoder):
        def forward(self, x):
            seen.append(x.detach().clone())
            return super().forward(x)

    X = (images * (np.iinfo(dtype).max if dtype is not np.float32 else 1)).astype(dtype)
    DenoisingAutoencoder(Watched, noise=GaussianNoise(0.5), max_epochs=1).fit(X)
    low, high = torch.aminmax(torch.cat(seen))
    if dtype is np.float32:
        assert low < -1 and high > 2
    else:
        assert low == 0 and high == 1
