"""The array that remembers its origin, for as long as it is what it was."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skdae.noise import CorruptedArray, GaussianNoise, MaskingNoise, OneOfNoise


class Recorder(BaseEstimator):
    """A last step that keeps what it was fitted on and what it predicts from."""

    def fit(self, X, y=None):
        self.fitted_on_ = X
        return self

    def predict(self, X):
        self.predicted_from_ = X
        return np.zeros(len(X))


@pytest.fixture
def clean():
    return np.random.default_rng(0).uniform(size=(30, 4))


@pytest.fixture
def noisy(clean):
    return GaussianNoise(0.4, random_state=0).fit_transform(clean)


def knows_its_origin(array):
    origin = getattr(array, "origin", None)
    return origin is not None and origin.is_that_of(array)


def through_joblib(array, folder):
    joblib.dump(array, folder / "array.joblib")
    return joblib.load(folder / "array.joblib")


# ---------------------------------------------------------------------------- what it holds
def test_it_holds_the_clean_values_and_a_clone_of_the_noise(noise, X):
    injector = clone(noise)
    X_noisy = injector.fit_transform(X)
    assert isinstance(X_noisy, CorruptedArray)
    assert knows_its_origin(X_noisy)
    np.testing.assert_array_equal(X_noisy.origin.clean, X)
    assert type(X_noisy.origin.clean) is np.ndarray
    assert type(X_noisy.origin.noise) is type(injector)
    assert X_noisy.origin.noise is not injector
    assert repr(X_noisy.origin.noise) == repr(injector)


def test_the_noise_it_holds_does_not_follow_the_injector(clean):
    injector = GaussianNoise(0.4)
    X_noisy = injector.fit_transform(clean)
    injector.set_params(sigma=0.1)
    assert X_noisy.origin.noise.sigma == 0.4
    composed = OneOfNoise([("gauss", GaussianNoise(0.4))])
    X_noisy = composed.fit_transform(clean)
    composed.set_params(gauss__sigma=0.1)
    assert X_noisy.origin.noise.noises[0][1].sigma == 0.4


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(5, 12), (5, 4, 3), (5, 2, 2, 3)])
def test_all_layouts_have_an_origin(dtype, shape):
    X = np.full(shape, 50, dtype=dtype)
    X_noisy = GaussianNoise(0.4, random_state=0).fit_transform(X)
    assert knows_its_origin(X_noisy)
    assert X_noisy.origin.clean.shape == shape
    assert X_noisy.origin.clean.dtype == dtype


def test_noise_of_level_zero_has_an_origin_too(clean):
    X_noisy = GaussianNoise(0).fit_transform(clean)
    assert knows_its_origin(X_noisy)
    assert not np.shares_memory(X_noisy, clean)


def test_corrupt_and_transform_give_plain_arrays(clean):
    injector = GaussianNoise(0.4, when="always").fit(clean)
    assert type(injector.corrupt(clean)) is np.ndarray
    assert type(injector.transform(clean)) is np.ndarray
    assert type(injector.inverse_transform(clean)) is np.ndarray


def test_corrupting_twice_starts_from_the_noisy_values(noisy):
    twice = MaskingNoise(0.5, random_state=0).fit_transform(noisy)
    assert knows_its_origin(twice)
    assert type(twice.origin.clean) is np.ndarray
    np.testing.assert_array_equal(twice.origin.clean, noisy)


# -------------------------------------------------------------------------- what keeps it
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_keeps_it(noisy, clean, protocol):
    loaded = pickle.loads(pickle.dumps(noisy, protocol=protocol))
    assert type(loaded) is CorruptedArray
    assert knows_its_origin(loaded)
    np.testing.assert_array_equal(loaded, noisy)
    np.testing.assert_array_equal(loaded.origin.clean, clean)
    assert loaded.origin.noise.sigma == 0.4


def test_pickle_of_a_derived_array_keeps_that_it_is_derived(noisy):
    loaded = pickle.loads(pickle.dumps(noisy[:5]))
    assert loaded.origin is not None
    assert not knows_its_origin(loaded)


@pytest.mark.parametrize(
    "keep",
    [
        lambda a, _: a.copy(),
        lambda a, _: copy.copy(a),
        lambda a, _: copy.deepcopy(a),
        lambda a, _: a.view(),
        lambda a, _: a[:],
        lambda a, _: a.reshape(2, 60).reshape(30, 4),
        lambda a, _: np.array(a, subok=True),
        lambda a, _: np.asanyarray(a),
        lambda a, _: a.copy(order="F"),
        lambda a, _: np.clip(a, -10, 10),  # all values lie within
        lambda a, _: a.astype(a.dtype, copy=False),
        through_joblib,
    ],
    ids=[
        "copy",
        "copy.copy",
        "copy.deepcopy",
        "view",
        "full slice",
        "reshape and back",
        "np.array subok",
        "np.asanyarray",
        "Fortran order",
        "clip of nothing",
        "astype of its dtype",
        "joblib",
    ],
)
def test_the_same_values_keep_it(noisy, keep, tmp_path):
    kept = keep(noisy, tmp_path)
    assert knows_its_origin(kept)
    np.testing.assert_array_equal(kept, noisy)


def test_joblib_finds_the_same_hash_for_the_same_array(noisy):
    assert joblib.hash(noisy) == joblib.hash(noisy.copy())
    other = GaussianNoise(0.4, random_state=1).fit_transform(noisy.origin.clean)
    assert joblib.hash(noisy) != joblib.hash(other)


# -------------------------------------------------------------------------- what loses it
@pytest.mark.parametrize(
    "lose",
    [
        lambda a: a[:20],
        lambda a: a[:0],
        lambda a: a[::-1],
        lambda a: a[np.arange(30)[::-1]],
        lambda a: a[:, [0, 1, 3, 2]],
        lambda a: a[a[:, 0] > 0.5],
        lambda a: np.clip(a, 0, 1),
        lambda a: a.clip(0, 1),
        lambda a: a + 1e-9,
        lambda a: -a,
        lambda a: np.abs(a),
        lambda a: a.astype(np.float32),
        lambda a: a.reshape(30, 2, 2),
        lambda a: a.T,
        lambda a: np.repeat(a, 2, axis=0),
        lambda a: np.sort(a, axis=0),
        lambda a: a.view(np.int64),
        lambda a: train_test_split(a, random_state=0)[0],
    ],
    ids=[
        "slice",
        "empty slice",
        "reversed",
        "permuted rows",
        "permuted columns",
        "selected rows",
        "np.clip",
        "clip",
        "shifted",
        "negated",
        "absolute",
        "astype",
        "another shape",
        "transposed",
        "repeated",
        "sorted",
        "another view",
        "train_test_split",
    ],
)
def test_a_derived_array_has_outlived_its_origin(noisy, lose):
    derived = lose(noisy)
    assert isinstance(derived, CorruptedArray)
    assert derived.origin is noisy.origin
    assert not knows_its_origin(derived)
    assert knows_its_origin(noisy)


def test_an_in_place_change_is_seen(noisy):
    noisy[3, 2] += 1e-12
    assert not knows_its_origin(noisy)


def test_an_in_place_change_through_a_plain_view_is_seen(noisy):
    np.asarray(noisy)[0, 0] = 0
    assert not knows_its_origin(noisy)


def test_a_change_of_the_clean_array_is_seen(clean, noisy):
    assert knows_its_origin(noisy)
    clean[3, 2] += 1e-12
    assert not knows_its_origin(noisy)


@pytest.mark.parametrize(
    "make",
    [np.asarray, np.array, np.ascontiguousarray, lambda a: a.view(np.ndarray)],
    ids=["asarray", "array", "ascontiguousarray", "view"],
)
def test_plain_arrays_are_plain(noisy, make):
    plain = make(noisy)
    assert type(plain) is np.ndarray
    np.testing.assert_array_equal(plain, noisy)


@pytest.mark.parametrize(
    "reduce",
    [np.mean, np.sum, np.std, np.var, np.min, np.max, np.median, np.argmax, np.all, np.ptp],
    ids=lambda f: f.__name__,
)
def test_reductions_are_plain_scalars(noisy, reduce):
    value = reduce(noisy)
    assert isinstance(value, np.generic)
    assert value == reduce(np.asarray(noisy))


def test_methods_and_elements_are_plain_scalars(noisy):
    for value in (noisy.mean(), noisy.sum(), noisy.max(), noisy[0, 0], noisy[0] @ noisy[1]):
        assert isinstance(value, np.float64)


def test_an_array_made_from_the_class_has_no_origin():
    assert CorruptedArray((2, 3)).origin is None
    assert np.zeros((2, 3)).view(CorruptedArray).origin is None


def test_it_prints_as_an_array(noisy):
    assert repr(noisy).startswith("CorruptedArray([[")
    assert str(noisy) == str(np.asarray(noisy))


# ------------------------------------------------------------------------------ pipelines
NESTED = {
    "plain": lambda noise, memory: Pipeline([("noise", noise), ("dae", Recorder())]),
    "memory": lambda noise, memory: Pipeline(
        [("noise", noise), ("dae", Recorder())], memory=memory
    ),
    "nested": lambda noise, memory: make_pipeline(
        StandardScaler(), Pipeline([("noise", noise)]), Recorder()
    ),
    "nested twice": lambda noise, memory: make_pipeline(
        make_pipeline(StandardScaler(), make_pipeline(noise)), "passthrough", Recorder()
    ),
    "whole tail": lambda noise, memory: make_pipeline(
        StandardScaler(), make_pipeline(noise, Recorder())
    ),
}


def last(pipeline):
    return last(pipeline[-1]) if isinstance(pipeline, Pipeline) else pipeline


@pytest.mark.parametrize("make", NESTED.values(), ids=NESTED.keys())
def test_a_pipeline_fits_on_an_array_with_origin_and_predicts_from_clean_data(
    clean, make, tmp_path
):
    pipeline = make(GaussianNoise(0.4, random_state=0), str(tmp_path))
    for _ in range(2):  # the second fit reads the memory
        pipeline.fit(clean)
        fitted_on = last(pipeline).fitted_on_
        assert knows_its_origin(fitted_on)
        assert abs((fitted_on - fitted_on.origin.clean).std() - 0.4) < 0.1
    pipeline.predict(clean)
    predicted_from = last(pipeline).predicted_from_
    assert type(predicted_from) is np.ndarray
    np.testing.assert_allclose(predicted_from, fitted_on.origin.clean)


def test_fit_transform_of_a_nested_pipeline_keeps_the_origin(clean):
    pipeline = make_pipeline(make_pipeline(GaussianNoise(0.4)), "passthrough")
    assert knows_its_origin(pipeline.fit_transform(clean))
    np.testing.assert_array_equal(pipeline.transform(clean), clean)


def test_when_always_corrupts_at_predict_time_too(clean):
    pipeline = make_pipeline(GaussianNoise(0.4, when="always"), Recorder()).fit(clean)
    assert knows_its_origin(pipeline[-1].fitted_on_)
    pipeline.predict(clean)
    assert abs((pipeline[-1].predicted_from_ - clean).std() - 0.4) < 0.1


def test_a_pipeline_corrupts_anew_at_every_fit_unless_seeded(clean):
    for random_state, same in ((None, False), (0, True)):
        noise = GaussianNoise(0.4, random_state=random_state)
        one, other = (make_pipeline(noise, Recorder()).fit(clean)[-1] for _ in range(2))
        assert np.array_equal(one.fitted_on_, other.fitted_on_) is same


@pytest.mark.parametrize(
    "steps",
    [
        [GaussianNoise(0.4), StandardScaler()],
        [GaussianNoise(0.4), FunctionTransformer(np.asarray)],
        [GaussianNoise(0.4), FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": 1})],
        [ColumnTransformer([("noise", GaussianNoise(0.4), [0, 1, 2, 3])])],
        [FeatureUnion([("one", GaussianNoise(0.4)), ("other", GaussianNoise(0.4))])],
    ],
    ids=["StandardScaler", "asarray", "clip", "ColumnTransformer", "FeatureUnion"],
)
def test_steps_in_between_lose_it(clean, steps):
    pipeline = make_pipeline(*steps, Recorder()).fit(clean)
    assert not knows_its_origin(pipeline[-1].fitted_on_)


def test_set_output_loses_it(clean):
    pytest.importorskip("pandas")
    noise = GaussianNoise(0.4).set_output(transform="pandas")
    assert not hasattr(make_pipeline(noise, Recorder()).fit(clean)[-1].fitted_on_, "origin")


def test_images_cannot_become_data_frames():
    noise = GaussianNoise().set_output(transform="pandas")
    for method in (noise.fit_transform, noise.transform):
        with pytest.raises(ValueError, match=r"data frame, which cannot hold samples of shape \(4"):
            method(np.zeros((3, 4, 4)))
