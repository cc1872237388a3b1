"""DAEImputer: the checks and the spirit of scikit-learn's imputers, accuracy, and draws."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdae import DAEImputer, trusted_types
from skdae.estimators._moments import estimate_moments


def small(**parameters):
    defaults = {"n_estimators": 2, "hidden_layer_sizes": (8,), "latent_dim": 4, "max_epochs": 3}
    return DAEImputer(**{**defaults, "random_state": 0, **parameters})


@parametrize_with_checks([small()])
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
def test_checks_that_scikit_learn_leaves_out(left_out_check):
    getattr(estimator_checks, left_out_check)("DAEImputer", small())


def numbers(n=200, seed=0):
    """Return correlated numbers in units of their own, and the same with a fifth missing."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n, 2))
    X = factors @ rng.normal(size=(2, 5)) + 0.3 * rng.normal(size=(n, 5))
    X = X * [1, 10, 0.1, 5, 1] + [0, 100, 3, -5, 0]
    return X, np.where(rng.random(X.shape) < 0.2, np.nan, X)


def mixed(n=300, seed=0):
    """Return a frame of numbers, categories, words, bools and integers, whole and with holes."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    whole = pd.DataFrame(
        {
            "height": 170 + 10 * a,
            "weight": (70 + 12 * a + 3 * b).astype(np.float32),
            "size": pd.Categorical(np.where(a > 0, "large", "small"), ["small", "large", "huge"]),
            "town": np.where(b > 0, "Ulm", "Bonn"),
            "visits": pd.array(np.round(3 + b).clip(0).astype(int), dtype="Int16"),
        },
        index=np.arange(n) * 3 + 7,
    )
    holes = whole.copy()
    for name in whole:
        holes.loc[rng.random(n) < 0.2, name] = None
    return whole, holes


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_known_cells_come_back_to_the_bit(dtype):
    X = numbers()[1].astype(dtype)
    before = X.copy()
    filled = small().fit_transform(X)
    known = ~np.isnan(X)
    assert filled.dtype == dtype
    assert np.array_equal(filled[known], X[known])
    assert np.isfinite(filled).all()
    assert np.array_equal(X, before, equal_nan=True)


def test_a_seed_gives_one_imputer_and_pickles_keep_it():
    X = numbers()[1]
    first, second = small().fit(X), small().fit(X)
    expected = first.transform(X)
    assert np.array_equal(second.transform(X), expected)
    loaded = pickle.loads(pickle.dumps(first))
    assert np.array_equal(loaded.transform(X), expected)
    draws, again = (imputer.sample(X, 3, random_state=1) for imputer in (first, loaded))
    assert np.array_equal(draws, again)
    assert not np.array_equal(small(random_state=1).fit_transform(X), expected)


def test_skops_round_trip():
    skops = pytest.importorskip("skops.io")
    holes = mixed()[1]
    imputer = small().fit(holes)
    loaded = skops.loads(skops.dumps(imputer), trusted=trusted_types())
    pd.testing.assert_frame_equal(loaded.transform(holes), imputer.transform(holes))


def test_each_row_is_filled_on_its_own():
    X = numbers()[1]
    imputer = small().fit(X)
    whole = imputer.transform(X)
    assert np.array_equal(
        np.vstack([imputer.transform(X[i : i + 1]) for i in range(30)]), whole[:30]
    )


@pytest.mark.parametrize(
    ("load", "best_of_ridge"), [(load_diabetes, 0.98), (load_breast_cancer, 0.95)]
)
@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_it_is_nearer_than_regressions_in_turn(load, best_of_ridge, rate):
    X = StandardScaler().fit_transform(load().data)
    missing = np.random.default_rng(0).random(X.shape) < rate
    X_missing = np.where(missing, np.nan, X)

    def error(imputer):
        return np.sqrt(np.square(imputer.fit_transform(X_missing) - X)[missing].mean())

    ridge = error(IterativeImputer(max_iter=20, tol=1e-2, random_state=0))
    assert error(DAEImputer(n_estimators=2, random_state=0)) < best_of_ridge * ridge


def test_the_class_is_all_that_changes():
    X, X_missing = numbers()
    y = X @ [1, 0.2, 3, -1, 0]
    for imputer in (IterativeImputer(max_iter=50, random_state=0), small()):
        model = make_pipeline(imputer, StandardScaler(), Ridge())
        assert cross_val_score(model, X_missing, y, cv=3).min() > 0.6
        name = type(imputer).__name__.lower()
        grid = {f"{name}__add_indicator": [False, True], f"{name}__min_value": [-10]}
        assert GridSearchCV(model, grid, cv=2).fit(X_missing, y).best_score_ > 0.6


def test_frames_of_numbers_become_arrays_or_what_set_output_asks():
    X = numbers()[1]
    expected = small().fit_transform(X)
    pandas = pd.DataFrame(X, columns=list("abcde"), index=np.arange(len(X)) + 5)
    out = small().fit_transform(pandas)
    assert isinstance(out, np.ndarray)
    assert np.array_equal(out, expected)
    imputer = small(add_indicator=True)
    out = imputer.set_output(transform="pandas").fit_transform(pandas)
    assert out.index.equals(pandas.index)
    assert list(out.columns) == [*"abcde", *(f"missingindicator_{name}" for name in "abcde")]
    assert np.array_equal(out.iloc[:, :5], expected)
    assert np.array_equal(out.iloc[:, 5:], np.isnan(X))
    out = clone(imputer).set_output(transform="polars").fit_transform(pandas)
    assert isinstance(out, pl.DataFrame)
    assert np.array_equal(out.to_numpy()[:, :5], expected)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_mixed_frames_come_back_as_frames(kind):
    whole, holes = mixed()
    given = holes if kind == "pandas" else pl.from_pandas(holes)
    imputer = small(max_epochs=30, hidden_layer_sizes=(32,), add_indicator=True).fit(given)
    filled = imputer.transform(given)
    assert type(filled) is type(given)
    flags = [f"missingindicator_{name}" for name in whole]
    assert list(filled.columns) == [*whole, *flags] == imputer.get_feature_names_out().tolist()
    missing = holes.isna().to_numpy()
    if kind == "polars":
        assert filled.schema == {**given.schema, **dict.fromkeys(flags, pl.Boolean)}
        assert not filled.null_count().to_numpy().any()
        filled = filled.to_pandas().set_index(holes.index)
        filled["size"] = filled["size"].astype(str)
    else:
        assert filled.dtypes[: whole.shape[1]].equals(holes.dtypes)
        assert filled.index.equals(holes.index)
        assert not filled.isna().any(axis=None)
    for index, name in enumerate(whole):
        known = ~missing[:, index]
        assert filled[name][known].tolist() == holes[name][known].tolist()
    size = (filled["size"].astype(str) == whole["size"])[missing[:, 2]]
    assert size.mean() > 0.75  # the sign of the height, where height or weight is known


def test_mixed_frames_into_the_other_library():
    holes = mixed()[1]
    out = small().set_output(transform="polars").fit_transform(holes)
    assert isinstance(out, pl.DataFrame)
    assert out.columns == list(holes.columns)
    assert not out.null_count().to_numpy().any()


def test_objects_and_lists():
    X = numbers(40)[1]
    objects = X.astype(object)
    objects[np.isnan(X)] = None
    expected = small().fit_transform(X)
    out = small().fit_transform(objects)
    assert out.dtype == np.float64
    assert np.array_equal(out, expected)
    assert np.array_equal(small().fit_transform(X.tolist()), expected)
    words = np.array([["a", 1.0], ["b", 2.0], [None, 1.0], ["a", np.nan]] * 10, dtype=object)
    out = small().fit_transform(words)
    assert set(out[:, 0]) == {"a", "b"}
    assert out.dtype == object


@pytest.mark.parametrize("value", [-1, 0, 999.5])
def test_another_value_stands_for_missing(value):
    X = numbers()[1]
    expected = small().fit_transform(X)
    marked = np.where(np.isnan(X), value, X)
    assert np.array_equal(small(missing_values=value).fit_transform(marked), expected)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        small(missing_values=value).fit(X)


def test_integers_become_floats():
    X = np.random.default_rng(0).integers(0, 5, size=(60, 3))
    X[:, 2] = X[:, 0] + X[:, 1]
    X[::5, 1] = -1
    filled = small(missing_values=-1).fit_transform(X)
    assert filled.dtype == np.float64
    assert np.array_equal(filled[X >= 0], X[X >= 0])


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_all_kinds_of_missing_values(missing):
    X = numbers()[1]
    frame = pd.DataFrame(X).convert_dtypes() if missing is pd.NA else pd.DataFrame(X)
    out = small(missing_values=missing).fit_transform(frame)
    assert np.array_equal(out, small().fit_transform(X))


@pytest.mark.parametrize("keep", [False, True])
def test_columns_without_known_values(keep):
    X = numbers()[1]
    X[:, [1, 3]] = np.nan
    imputer = small(keep_empty_features=keep, add_indicator=True).fit(X)
    filled = imputer.transform(X)
    names = imputer.get_feature_names_out().tolist()
    n_kept = 5 if keep else 3
    assert names[:n_kept] == [f"x{i}" for i in range(5) if keep or i not in (1, 3)]
    assert filled.shape == (len(X), len(names)) == (len(X), n_kept + 5)
    assert np.isfinite(filled).all()
    if keep:
        assert (filled[:, [1, 3]] == 0).all()
        X[:, 1] = 7  # known where it was not in the fit
        assert (imputer.transform(X)[:, 1] == 7).all()


def test_nothing_is_known():
    X = np.full((10, 3), np.nan)
    assert small().fit_transform(X).shape == (10, 0)
    imputer = small(keep_empty_features=True)
    assert (imputer.fit_transform(X) == 0).all()
    assert (imputer.sample(X, 2)[1] == 0).all()


def test_columns_missing_only_later_and_rows_of_nothing():
    X, X_missing = numbers(400)
    X_missing[:, 0] = X[:, 0]
    imputer = small(max_epochs=20, add_indicator=True).fit(X_missing)
    X_new = X.copy()
    X_new[:, 0] = np.nan
    X_new[0] = np.nan
    filled = imputer.transform(X_new)
    assert imputer.indicator_.features_.tolist() == [1, 2, 3, 4]
    error = np.std(filled[1:, 0] - X[1:, 0]) / X[:, 0].std()
    assert error < 0.6
    deviation = (filled[0, :5] - np.nanmean(X_missing, axis=0)) / X.std(axis=0)
    assert np.abs(deviation).max() < 0.3  # the mean, since nothing is known


def test_bounds():
    X = numbers()[1]
    low, high = [-np.inf, 100, -np.inf, -6, 0], [np.inf, 101, 3, np.inf, 0.5]
    missing = np.isnan(X)
    imputer = small(min_value=low, max_value=high).fit(X)
    for filled in (imputer.transform(X), *imputer.sample(X, 2)):
        for index in range(5):
            cells = filled[missing[:, index], index]
            assert ((cells >= low[index]) & (cells <= high[index])).all()
        assert np.array_equal(filled[~missing], X[~missing])


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"min_value": 2, "max_value": 1}, "'min_value' parameter of DAEImputer must be below"),
        ({"min_value": [0, 1]}, r"one for each of the 5 columns. Got an array of shape \(2,\)"),
        ({"hidden_layer_sizes": (0,)}, "'hidden_layer_sizes' parameter of DAEImputer"),
        ({"n_estimators": 0}, "'n_estimators' parameter of DAEImputer"),
    ],
)
def test_bad_parameters(parameters, error):
    with pytest.raises(ValueError, match=error):
        small(**parameters).fit(numbers()[1])


def test_bad_data():
    X = numbers()[1]
    with pytest.raises(TypeError, match="sparse"):
        small().fit(csr_array(np.nan_to_num(X)))
    X[3, 2] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        small().fit(X)
    imputer = small().fit(numbers()[1])
    with pytest.raises(ValueError, match="X has 4 features"):
        imputer.transform(X[:, :4])
    with pytest.raises(ValueError, match="'n_draws' argument"):
        imputer.sample(X, 0)


def test_moments_of_a_normal_distribution():
    rng = np.random.default_rng(0)
    covariance = np.array([[1, 0.8, 0.1], [0.8, 1, -0.3], [0.1, -0.3, 1]])
    X = rng.multivariate_normal([1, 2, 3], covariance, size=20_000)
    X[rng.random(X.shape) < 0.3] = np.nan
    mean, found = estimate_moments(X, np.random.RandomState(0))
    assert np.abs(mean - [1, 2, 3]).max() < 4 / np.sqrt(0.7 * 5000)
    assert np.abs(found - covariance).max() < 4 * np.sqrt(2 / (0.5 * 5000))


def test_intervals_cover_and_draws_keep_correlations():
    rng = np.random.default_rng(0)
    n, rho = 3000, 0.9
    a = rng.normal(size=n)
    b = rho * a + np.sqrt(1 - rho**2) * rng.normal(size=n)
    X = np.column_stack([a, b, a + (0.2 + 0.8 * (b > 0)) * rng.normal(size=n)])
    missing = rng.random(X.shape) < 0.4
    X_missing = np.where(missing, np.nan, X)
    imputer = DAEImputer(n_estimators=2, max_epochs=10, random_state=0).fit(X_missing)
    draws = np.array(imputer.sample(X_missing, 100, random_state=0))
    assert np.array_equal(draws[:, ~missing], np.broadcast_to(X[~missing], (100, (~missing).sum())))
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    # 100 draws leave 1 part of 101 beyond the lowest and the highest each: 88 % are expected.
    covered = ((X >= low) & (X <= high))[missing]
    assert 0.84 < covered.mean() < 0.92
    both = missing[:, 0] & missing[:, 1]
    found = np.mean([np.corrcoef(draw[both, 0], draw[both, 1])[0, 1] for draw in draws[:20]])
    assert abs(found - rho) < 0.06
    means = np.mean([np.corrcoef(draw[:, 0], draw[:, 1])[0, 1] for draw in draws[:20]])
    assert abs(means - np.corrcoef(a, b)[0, 1]) < 0.02


def test_categories_are_drawn_by_their_probabilities():
    rng = np.random.default_rng(0)
    n = 4000
    group = rng.integers(2, size=n)
    color = np.where(rng.random(n) < np.where(group == 1, 0.8, 0.3), "red", "blue")
    holes = pd.DataFrame({"group": group.astype(float), "color": color})
    missing = rng.random(n) < 0.4
    holes.loc[missing, "color"] = None
    imputer = small(max_epochs=20).fit(holes)
    draws = imputer.sample(holes, 20, random_state=0)
    red = np.mean([(draw["color"] == "red").to_numpy() for draw in draws], axis=0)
    for value, probability in ((0, 0.3), (1, 0.8)):
        cells = missing & (group == value)
        truth = (color == "red")[(~missing) & (group == value)].mean()
        assert abs(red[cells].mean() - truth) < 0.05
        assert abs(truth - probability) < 0.06
