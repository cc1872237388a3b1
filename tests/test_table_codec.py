"""The codec of tables: what comes back, what is unknown, and what is refused."""

from __future__ import annotations

import datetime
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from polars.testing import assert_frame_equal as assert_polars_equal
from scipy.stats import norm, rankdata

from skdae.data import TableCodec

N = 40


def fit(X, **how):
    return TableCodec.fit(X, owner="Test", **how)


def pandas_frame() -> pd.DataFrame:
    """Make a frame with a column of every kind, each with missing cells where it can have them."""
    rng = np.random.default_rng(0)
    words = rng.choice(["tea", "milk", "juice"], N)
    frame = pd.DataFrame(
        {
            "float": rng.normal(50, 3, N),
            "float32": rng.normal(0, 1, N).astype(np.float32),
            "int": rng.integers(-5, 900, N),
            "int8": rng.integers(-128, 128, N).astype(np.int8),
            "Int64": pd.array(rng.integers(0, 9, N), dtype="Int64"),
            "bool": rng.random(N) < 0.5,
            "boolean": pd.array(rng.random(N) < 0.5, dtype="boolean"),
            "object": words.astype(object),
            "str": pd.array(words, dtype="str"),
            "string": pd.array(words, dtype="string"),
            "ordered": pd.Categorical(words, ["tea", "milk", "wine", "juice"], ordered=True),
            "interval": pd.cut(rng.normal(size=N), 3),
            "constant": 7,
        },
        index=pd.Index(np.arange(N) * 10, name="id"),
    )
    for row, column in enumerate(["float", "Int64", "boolean", "object", "string", "ordered"]):
        frame.iloc[row, frame.columns.get_loc(column)] = pd.NA if column[0] in "Ibs" else None
    return frame


def polars_frame() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    words = rng.choice(["tea", "milk", "juice"], N).tolist()
    with_null = [None, *words[1:]]
    return pl.DataFrame(
        {
            "float": [None, float("nan"), *rng.normal(5, 2, N - 2).tolist()],
            "int": [None, *rng.integers(0, 99, N - 1).tolist()],
            "u8": pl.Series(rng.integers(0, 255, N), dtype=pl.UInt8),
            "bool": [None, *(rng.random(N - 1) < 0.5).tolist()],
            "str": with_null,
            "cat": pl.Series(with_null, dtype=pl.Categorical),
            "enum": pl.Series(with_null, dtype=pl.Enum(["tea", "wine", "milk", "juice"])),
        }
    )


def test_a_pandas_frame_comes_back_with_dtypes_categories_index_and_missing_cells():
    X = pandas_frame()
    codec = fit(X)
    back = codec.decode(codec.encode(X), like=X)
    assert_frame_equal(back, X, rtol=1e-6, atol=1e-6)
    assert codec.is_category == (*[False] * 5, *[True] * 7, False)


def test_a_polars_frame_comes_back_with_dtypes_and_nulls():
    X = polars_frame()
    codec = fit(X)
    assert_polars_equal(codec.decode(codec.encode(X), like=X), X, rel_tol=1e-6)
    assert codec.is_category == (False, False, False, True, True, True, True)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32, np.uint8, bool, object, str])
def test_an_array_comes_back_in_its_dtype(dtype):
    X = np.random.default_rng(0).integers(0, 2, (N, 3)).astype(dtype)
    codec = fit(X)
    back = codec.decode(codec.encode(X), like=X)
    assert back.dtype == X.dtype
    if dtype is str:
        np.testing.assert_array_equal(back, X)
    else:
        np.testing.assert_allclose(back.astype(float), X.astype(float), atol=1e-7)
    assert codec.is_category == (dtype in (bool, str),) * 3


def test_a_list_of_mixed_rows_comes_back_as_an_array_of_objects():
    X = [[1, "a", 2.5], [2, "b", None], [4, "a", -1.0]]
    codec = fit(X)
    assert codec.is_category == (False, True, False)
    back = codec.decode(codec.encode(X), like=X)
    assert back.tolist() == X


@pytest.mark.parametrize("frame", [pandas_frame, polars_frame])
def test_groups_hold_one_column_for_a_number_and_one_for_each_category_seen(frame):
    X = frame()
    codec = fit(X)
    encoded = codec.encode(X)
    assert encoded.dtype == np.float32
    assert encoded.shape == (N, codec.groups[-1].stop)
    missing = codec.missing(X)
    for index, (group, is_category) in enumerate(zip(codec.groups, codec.is_category, strict=True)):
        cells = encoded[:, group]
        np.testing.assert_array_equal(np.isnan(cells).all(axis=1), missing[:, index])
        np.testing.assert_array_equal(np.isnan(cells).any(axis=1), missing[:, index])
        known = cells[~missing[:, index]]
        if is_category:  # one-hot: zeros and one 1
            np.testing.assert_array_equal(np.sort(known, axis=1)[:, -1], 1)
            np.testing.assert_array_equal(known.sum(axis=1), 1)
        else:
            assert known.shape[1] == 1
    n_levels = {
        name: group.stop - group.start
        for name, group in zip(codec.names, codec.groups, strict=True)
    }
    assert n_levels["str"] == 3
    assert n_levels["ordered" if "ordered" in n_levels else "enum"] == 3  # wine is not seen


def test_levels_keep_the_order_of_their_dtype():
    assert fit(pandas_frame()).columns[10].levels == ("tea", "milk", "juice")
    assert fit(polars_frame()).columns[6].levels == ("tea", "milk", "juice")
    assert fit(polars_frame()).columns[4].levels == ("juice", "milk", "tea")


def test_numbers_are_standardized_by_their_known_cells():
    values = np.array([1.0, 2.0, np.nan, 6.0])
    encoded = fit(values[:, None]).encode(values[:, None])[:, 0]
    known = values[[0, 1, 3]]
    expected = (known - known.mean()) / known.std()
    np.testing.assert_allclose(encoded[[0, 1, 3]], expected, rtol=1e-6)


@pytest.mark.parametrize("factor", [1e-300, 1e-30, 1, 1e30, 1e300])
def test_units_do_not_matter(factor):
    X = np.random.default_rng(0).normal(3, 2, (N, 1))
    expected = fit(X).encode(X)
    codec = fit(X * factor)
    np.testing.assert_allclose(codec.encode(X * factor), expected, rtol=1e-5, atol=1e-6)
    back = codec.decode(expected, like=X * factor)
    np.testing.assert_allclose(back, X * factor, rtol=1e-5)


def test_a_constant_column_has_scale_one():
    X = np.full((5, 1), 0.1)
    codec = fit(X)
    np.testing.assert_array_equal(codec.encode(X), 0)
    np.testing.assert_allclose(codec.encode(X + 2), 2)


def test_large_numbers_at_predict_time_stay_finite():
    codec = fit(np.array([[1e-200], [2e-200]]))
    assert np.isfinite(codec.encode(np.array([[1e200]]))).all()


@pytest.mark.parametrize("n_rows", [200, 5000])
def test_ranks_are_normal_scores_of_mean_ranks(n_rows):
    values = np.random.default_rng(0).exponential(size=n_rows).round(3)
    X = values[:, None]
    codec = fit(X, numbers="rank")
    scores = norm.ppf((rankdata(values) - 0.5) / n_rows)
    scores = (scores - scores.mean()) / scores.std()
    np.testing.assert_allclose(codec.encode(X)[:, 0], scores, atol=0.02)
    np.testing.assert_allclose(codec.decode(codec.encode(X), like=X), X, atol=2e-3)


def test_ranks_stay_within_what_was_seen():
    X = np.arange(20.0)[:, None]
    codec = fit(X, numbers="rank")
    encoded = codec.encode(np.array([[-100.0], [0.0], [19.0], [500.0]]))[:, 0]
    assert encoded[0] == encoded[1] < encoded[2] == encoded[3]


@given(
    values=st.lists(st.floats(-1e6, 1e6, width=32) | st.none(), min_size=2, max_size=60),
    numbers=st.sampled_from(["standardize", "rank"]),
)
@settings(deadline=None, max_examples=60)
def test_any_column_of_numbers_comes_back(values, numbers):
    X = pd.DataFrame({"x": pd.array(values, dtype="Float64")})
    codec = fit(X, numbers=numbers)
    encoded = codec.encode(X)
    missing = codec.missing(X)
    np.testing.assert_array_equal(np.isnan(encoded), missing)
    back = codec.decode(encoded, like=X)
    known = X["x"].dropna().to_numpy(float)
    size = 1e-5 * (np.ptp(known) + 1e-5) if len(known) else 0
    np.testing.assert_allclose(back["x"].dropna().to_numpy(float), known, atol=size, rtol=1e-6)


@given(words=st.lists(st.text(max_size=3) | st.none(), min_size=1, max_size=60))
@settings(deadline=None, max_examples=60)
def test_any_column_of_words_comes_back(words):
    X = pd.DataFrame({"x": pd.Series(words, dtype=object)})
    codec = fit(X)
    back = codec.decode(codec.encode(X), like=X)
    assert back["x"].tolist() == words


@pytest.mark.parametrize("dtype", ["int64", "uint64", "int8", "Int16", "UInt8"])
def test_integers_are_rounded_and_never_overflow(dtype):
    info = np.iinfo(dtype.lower())
    ends = np.array([info.min, 0, 1, info.max], dtype=dtype.lower())
    X = pd.DataFrame({"x": pd.Series(ends).astype(dtype)})
    codec = fit(X)
    far = np.array([[-1e9], [0.0], [0.001], [1e9]], dtype=np.float32)
    back = codec.decode(far, like=X)["x"]
    assert back.dtype == X["x"].dtype
    assert int(back.iloc[0]) == info.min
    assert int(back.iloc[3]) >= info.max - 2048  # what a double below the largest can be


def test_numbers_stay_within_the_range_of_the_fit():
    X = np.array([[0.0], [1.0], [5.0]])
    back = fit(X).decode(np.array([[-9.0], [0.0], [9.0]]), like=X)
    assert back[0, 0] == 0
    assert back[2, 0] == 5


def test_cells_that_are_not_chosen_stay_to_the_bit():
    X = pandas_frame()
    codec = fit(X)
    cells = np.zeros(X.shape, dtype=bool)
    cells[7] = True
    encoded = codec.encode(X.iloc[::-1])
    back = codec.decode(encoded, like=X, cells=cells)
    others = np.arange(N) != 7
    assert_frame_equal(back[others], X[others], check_exact=True)
    expected = X.iloc[::-1].iloc[7]
    assert back["string"].iloc[7] == expected["string"]
    assert back["float"].iloc[7] == pytest.approx(expected["float"], rel=1e-6)


def test_decoding_changes_neither_the_table_nor_its_categories():
    X = pandas_frame()
    before = X.copy(deep=True)
    codec = fit(X)
    few = X.assign(ordered=pd.Categorical(["tea"] * N, ["tea"], ordered=True))
    back = codec.decode(codec.encode(X), like=few)
    assert_frame_equal(X, before)
    assert set(back["ordered"].cat.categories) == {"tea", "milk", "juice"}
    assert back["ordered"].iloc[-1] == X["ordered"].iloc[-1]


def test_categories_that_an_enum_lacks_are_added():
    X = pl.DataFrame({"x": ["a", "b", "b"]}, schema={"x": pl.Enum(["a", "b"])})
    codec = fit(X)
    like = pl.DataFrame({"x": ["a", "a", "a"]}, schema={"x": pl.Enum(["a"])})
    back = codec.decode(codec.encode(X), like=like)
    assert back["x"].to_list() == ["a", "b", "b"]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_unseen_categories_are_unknown_and_not_missing(make):
    codec = fit(make({"x": ["a", "b", None], "n": [1.0, 2.0, 3.0]}))
    new = make({"x": ["c", "a", None], "n": [1.0, 2.0, 3.0]})
    encoded = codec.encode(new)
    np.testing.assert_array_equal(np.isnan(encoded[:, 0]), [True, False, True])
    np.testing.assert_array_equal(codec.missing(new)[:, 0], [False, False, True])
    back = codec.decode(encoded, like=new)
    assert back["x"].to_numpy()[0] == "c"


@pytest.mark.parametrize("values", [[None] * 3, [np.nan] * 3, [pd.NA] * 3])
def test_a_column_without_known_cells_is_one_unknown_number(values):
    X = pd.DataFrame({"x": values, "n": [1.0, 2.0, 4.0]})
    codec = fit(X)
    assert codec.groups == (slice(0, 1), slice(1, 2))
    assert codec.is_category == (False, False)
    assert np.isnan(codec.encode(X)[:, 0]).all()
    later = X.assign(x=["now", "it", "is"])
    assert np.isnan(codec.encode(later)[:, 0]).all()
    decoded = codec.decode(np.array([[np.nan, 0.0]] * 3), like=later)
    assert decoded["x"].tolist() == ["now", "it", "is"]


def test_a_column_that_is_missing_at_predict_time_is_unknown():
    X = pandas_frame()
    codec = fit(X)
    later = X.assign(**{"float": np.nan, "str": None, "Int64": pd.array([pd.NA] * N, "Int64")})
    encoded = codec.encode(later)
    back = codec.decode(codec.encode(X), like=later)
    assert np.isnan(encoded[:, codec.groups[8]]).all()
    assert back["str"].tolist() == X["str"].tolist()
    assert back["Int64"].dtype == "Int64"


def test_more_cells_can_count_as_unknown():
    X = np.array([[1.0], [-1.0], [3.0]])
    codec = fit(X, unknown=X == -1)
    np.testing.assert_array_equal(codec.encode(X, unknown=X == -1)[:, 0], [-1, np.nan, 1])


@pytest.mark.parametrize("listed", [[True, False, False], [0], ["colour"], np.array([0])])
def test_listed_columns_are_categories(listed):
    X = pd.DataFrame({"colour": [1, 2, 5, 5], "size": [1.0, 2.0, 3.0, 4.0], "b": [True] * 4})
    codec = fit(X, categorical_features=listed)
    assert codec.is_category == (True, False, False)
    back = codec.decode(codec.encode(X), like=X)
    assert_frame_equal(back, X)
    assert fit(X, categorical_features=None).is_category == (False, False, False)
    assert fit(X, categorical_features=[]).is_category == (False, False, False)


@pytest.mark.parametrize(
    "listed", [["color"], [3], [-1], [True, False], [[0]], "colour", [0.5], 1, [None]]
)
def test_what_is_no_column_is_refused(listed):
    X = pd.DataFrame({"colour": [1, 2, 5, 5], "size": [1.0, 2.0, 3.0, 4.0], "b": [True] * 4})
    with pytest.raises(ValueError, match=r"'categorical_features' parameter of Test must be"):
        fit(X, categorical_features=listed)


def test_words_that_are_not_listed_are_refused():
    X = pd.DataFrame({"colour": ["red", "blue"], "size": [1.0, 2.0]})
    with pytest.raises(ValueError, match=r"must list all columns of words.*without .*'colour'"):
        fit(X, categorical_features=["size"])


def test_the_commonest_of_thousands_of_categories_are_learnt():
    words = [f"w{i}" for i in range(3000)] + ["a"] * 50
    X = pd.DataFrame({"x": words})
    with pytest.warns(UserWarning, match=r"255 commonest of the 3001 categories.*'x', 10% of"):
        codec = fit(X)
    encoded = codec.encode(X)
    assert encoded.shape[1] == 255
    assert not np.isnan(encoded[-50:]).any()
    assert not codec.missing(X).any()


def test_columns_of_one_name_are_refused():
    X = pd.DataFrame([[1.0, "a", 2], [2.0, "b", 3]], columns=["x", "y", "x"])
    with pytest.raises(ValueError, match=r"Test takes .*different names. Got 2 columns named 'x'"):
        fit(X)
    codec = fit(X.set_axis(range(3), axis=1))
    assert codec.is_category == (False, True, False)


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        (pd.date_range("2020", periods=3), ValueError, r"Make numbers of dates.*column 'x'"),
        (pd.to_timedelta([1, 2, 3]), ValueError, r"Make numbers of dates.*column 'x'"),
        ([1 + 2j, 1, 1], ValueError, r"Complex data not supported.*column 'x'"),
        ([1, "a", None], ValueError, r"Make them all words.*'x' with the types int, str"),
        ([datetime.date(2020, 1, 1)] * 3, TypeError, r"column 'x' with the types date"),
        ([{"a": 1}] * 3, TypeError, r"argument must be a string.* number"),
        ([1.0, np.inf, 2.0], ValueError, r"Input X contains infinity.*column 'x'"),
        (pd.array([1.0, -np.inf, None], dtype="Float64"), ValueError, r"contains infinity"),
    ],
)
def test_what_is_neither_number_nor_category_is_refused_by_name(column, error, message):
    with pytest.raises(error, match=message):
        fit(pd.DataFrame({"x": column, "n": [1.0, 2.0, 3.0]}))


@pytest.mark.parametrize("values", [pl.Series([datetime.date(2020, 1, 1)]), pl.Series([[1, 2]])])
def test_polars_columns_of_dates_and_lists_are_refused(values):
    with pytest.raises((TypeError, ValueError), match="Test takes columns of numbers"):
        fit(pl.DataFrame({"x": values}))


def test_sparse_and_empty_tables_are_refused():
    import scipy.sparse

    with pytest.raises(TypeError, match="sparse"):
        fit(scipy.sparse.eye_array(3))
    for shape in [(0, 2), (2, 0)]:
        with pytest.raises(ValueError, match=r"minimum of 1 is\s+required"):
            fit(pd.DataFrame(np.zeros(shape)))
        with pytest.raises(ValueError, match=r"minimum of 1 is\s+required"):
            fit(np.zeros(shape))
    with pytest.raises(ValueError, match="Reshape your data"):
        fit(np.zeros(3))


@pytest.mark.parametrize(
    ("later", "message"),
    [
        ({"w": [1, 2], "n": [1.0, 2.0]}, r"column 'w' of X must hold words.*Got numbers"),
        ({"w": ["a", "b"], "n": ["1", "2"]}, r"column 'n' of X must hold numbers.*Got words"),
        ({"w": ["a", "b"], "n": [1.0, np.inf]}, r"contains infinity"),
        ({"w": ["a", "b"]}, r"1 features, but Test is expecting 2"),
    ],
)
def test_other_columns_than_in_the_fit_are_refused(later, message):
    codec = fit(pd.DataFrame({"w": ["a", "b"], "n": [1.0, 2.0]}))
    with pytest.raises(ValueError, match=message):
        codec.encode(pd.DataFrame(later))


def test_one_kind_of_frame_is_read_like_another():
    data = {"w": ["b", "a", None, "b"], "n": [1.5, None, 3.0, 2.0], "t": [True, False, True, True]}
    encoded = [fit(make(data)).encode(make(data)) for make in (pd.DataFrame, pl.DataFrame)]
    np.testing.assert_array_equal(*encoded)
    codec = fit(pd.DataFrame(data))
    np.testing.assert_array_equal(codec.encode(pl.DataFrame(data)), encoded[0])


def test_the_state_is_plain_data():
    plain = (str, int, float, bool, type(None))
    codec = pickle.loads(pickle.dumps(fit(pandas_frame(), numbers="rank")))
    for column in codec.columns:
        for value in vars(column).values():
            values = value if isinstance(value, tuple) else (value,)
            assert all(type(one) in plain for one in values)
    np.testing.assert_array_equal(
        codec.encode(pandas_frame()), fit(pandas_frame(), numbers="rank").encode(pandas_frame())
    )
