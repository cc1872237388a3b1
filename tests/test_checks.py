"""Data that mean more than their array: read without loss, or an error with the way out."""

from __future__ import annotations

import datetime
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from PIL import Image

from skdae import ConvDAE, DenseDAE, GaussianNoise, UNetDAE, psnr
from skdae._checks import as_array
from skdae.data import read_list

QUICK = {"noise": "gaussian", "max_epochs": 1, "device": "cpu", "random_state": 0}
RNG = np.random.default_rng(0)
TABLE = RNG.random((20, 4))
IMAGES = RNG.random((3, 16, 16))


def frame(kind, **odd):
    """Return a data frame of two numbers and some odd columns."""
    numbers = {"height": [1.0, 2.0, 3.0], "n": [1, 2, 3]}
    return kind({**numbers, **odd})


# -------------------------------------------------------------------------------- masked
MASKED = np.ma.masked_less(TABLE, 0.1)
MASKED_IMAGES = np.ma.masked_less(IMAGES, 0.1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: DenseDAE(**QUICK).fit(MASKED),
        lambda: DenseDAE(**QUICK).fit(TABLE, MASKED),
        lambda: DenseDAE(**QUICK).fit_transform(TABLE, MASKED),
        lambda: DenseDAE(**QUICK).fit(TABLE).predict(MASKED),
        lambda: DenseDAE(**QUICK).fit(TABLE).score(TABLE, MASKED),
        lambda: DenseDAE(**QUICK).fit(list(MASKED)),
        lambda: UNetDAE(**QUICK).fit(list(MASKED_IMAGES)),
        lambda: UNetDAE(**QUICK).fit(IMAGES, list(MASKED_IMAGES)),
        lambda: GaussianNoise().corrupt(MASKED),
        lambda: GaussianNoise().fit_transform(list(MASKED_IMAGES)),
        lambda: psnr(TABLE, MASKED),
    ],
)
def test_masks_are_not_dropped(call):
    with pytest.raises(ValueError, match=r"is a masked array, and \d+ of its \d+ .*\.filled\("):
        call()


def test_nothing_masked_is_a_plain_array():
    data = np.ma.masked_less(TABLE, -1)
    np.testing.assert_array_equal(as_array(data), TABLE)
    assert type(as_array(data)) is np.ndarray
    DenseDAE(**QUICK).fit(data)


# -------------------------------------------------------------------------------- Pillow
@pytest.mark.parametrize(
    "mode", ["P", "PA", "RGBA", "RGBa", "RGBX", "LA", "La", "CMYK", "HSV", "LAB"]
)
def test_images_whose_values_are_no_light(mode):
    image = Image.new(mode, (20, 16))
    target = "L" if mode in ("LA", "La") else "RGB"
    for call in (UNetDAE(**QUICK).fit, GaussianNoise().corrupt):
        with pytest.raises(
            ValueError, match=rf"X\[1\] .* mode '{mode}'.*X\[1\].convert\('{target}'"
        ):
            call([Image.new("RGB", (20, 16)), image])
    with pytest.raises(ValueError, match=rf"X is a Pillow image of mode '{mode}'"):
        as_array(image)
    assert np.ndim(as_array(np.asarray(image))) in (2, 3)


@pytest.mark.parametrize(
    ("mode", "dtype"),
    [
        ("1", np.bool_),
        ("L", np.uint8),
        ("RGB", np.uint8),
        ("YCbCr", np.uint8),
        ("I", np.int32),
        ("F", np.float32),
        ("I;16", np.uint16),
        ("I;16B", np.uint16),
        ("I;16L", np.uint16),
    ],
)
def test_images_of_light(mode, dtype):
    image = Image.new(
        mode, (5, 4), 1 if mode == "1" else 77 if len(mode) < 3 or "I" in mode else (7, 8, 9)
    )
    array = as_array(image)
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, np.asarray(image))
    (sample,) = read_list([image], "Owner")
    assert sample.dtype == dtype


# ------------------------------------------------------------------------------- tensors
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2])
def test_floats_that_numpy_lacks(dtype):
    tensor = torch.from_numpy(TABLE).to(dtype)
    array = as_array(tensor)
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, tensor.float())
    dae = DenseDAE(**QUICK).fit(tensor)
    np.testing.assert_array_equal(dae.predict(tensor), dae.predict(array))
    UNetDAE(**QUICK).fit([torch.from_numpy(x).to(dtype) for x in IMAGES])
    noisy = GaussianNoise(0.5).corrupt(tensor, random_state=0)
    assert noisy.dtype == dtype
    assert (noisy.float() - tensor.float()).std() == pytest.approx(0.5, rel=0.3)


def test_tensors_with_a_gradient_and_other_wrappings():
    tensor = torch.from_numpy(TABLE).requires_grad_()
    np.testing.assert_array_equal(as_array(tensor), TABLE)
    np.testing.assert_array_equal(as_array((tensor * 1j).conj().imag), -TABLE)
    DenseDAE(**QUICK).fit(tensor, tensor * 0.9)
    assert not GaussianNoise().corrupt(tensor).requires_grad


@pytest.mark.filterwarnings("ignore:.*(beta|prototype|deprecated):UserWarning")
@pytest.mark.parametrize(
    ("make", "way"),
    [
        (lambda x: x.to_sparse(), r"X.to_dense\(\)"),
        (lambda x: x.to_sparse_csr(), r"X.to_dense\(\)"),
        (lambda x: torch.quantize_per_tensor(x, 0.1, 0, torch.quint8), r"X.dequantize\(\)"),
        (lambda x: torch.nested.nested_tensor([x, x[:2]]), r"list\(X.unbind\(\)\)"),
        (lambda x: torch.masked.masked_tensor(x, x > 0.5), r"X.to_tensor\(value\)"),
    ],
)
def test_tensors_that_are_more_than_numbers(make, way):
    tensor = make(torch.from_numpy(TABLE).float())
    for call in (DenseDAE(**QUICK).fit, GaussianNoise().fit_transform, GaussianNoise().corrupt):
        with pytest.raises(TypeError, match=f"X must be a dense tensor .* take {way}"):
            call(tensor)


def test_complex_numbers():
    message = r"Complex data not supported: .* np.stack\(\[X.real, X.imag\]"
    for data in (
        TABLE * 1j,
        torch.from_numpy(TABLE * 1j),
        [IMAGES[0] * 1j],
        pd.DataFrame(TABLE * 1j),
    ):
        for call in (UNetDAE(**QUICK).fit, GaussianNoise().fit_transform):
            with pytest.raises(ValueError, match=message):
                call(data)


# -------------------------------------------------------------------------------- tables
WORDS = {"city": ["Rome", "Oslo", "Rome"]}
DATES = {"day": [datetime.datetime(2026, 1, day) for day in (1, 2, 3)]}
WAYS = r"OneHotEncoder\(sparse_output=False\) or OrdinalEncoder, in a ColumnTransformer.*SwapNoise"
FRAMES = {
    "words": (frame(pd.DataFrame, **WORDS), rf"{WAYS}.*columns 'city'\."),
    "objects": (frame(pd.DataFrame, **WORDS).astype({"city": object}), rf"{WAYS}.*'city'"),
    "categories": (frame(pd.DataFrame, **WORDS).astype({"city": "category"}), rf"{WAYS}.*'city'"),
    "numbered": (frame(pd.DataFrame).astype({"n": "category"}), rf"{WAYS}.*columns 'n'"),
    "dates": (frame(pd.DataFrame, **DATES), r"t - t.min\(\).*columns 'day'"),
    "dates_alone": (pd.DataFrame(DATES), r"t - t.min\(\).*columns 'day'"),
    "with_zones": (pd.DataFrame({"a": pd.to_datetime(DATES["day"], utc=True)}), "columns 'a'"),
    "durations": (
        frame(pd.DataFrame, d=pd.to_timedelta([1, 2, 3])),
        r"dates and dur.* columns 'd'",
    ),
    "periods": (frame(pd.DataFrame, d=pd.period_range("2026", periods=3)), r"dates.* columns 'd'"),
    "both": (frame(pd.DataFrame, **WORDS, **DATES), rf"{WAYS}.*dates.*columns 'city', 'day'"),
    "many": (pd.DataFrame([["a"] * 9] * 3, columns=list("abcdefghi")), "'d', 'e' and 4 more"),
    "polars": (frame(pl.DataFrame, **WORDS), rf"{WAYS}.*columns 'city'"),
    "polars_dates": (frame(pl.DataFrame, **DATES), r"t - t.min\(\).*columns 'day'"),
    "polars_categories": (
        frame(pl.DataFrame, **WORDS).cast({"city": pl.Categorical}),
        rf"{WAYS}.*columns 'city'",
    ),
}


@pytest.mark.parametrize(("table", "message"), FRAMES.values(), ids=FRAMES)
def test_columns_are_named(table, message):
    for call in (DenseDAE(**QUICK).fit, GaussianNoise().fit_transform, GaussianNoise().corrupt):
        with pytest.raises(ValueError, match=message):
            call(table)
    with pytest.raises(ValueError, match="Got y with the columns"):
        DenseDAE(**QUICK).fit(RNG.random(table.shape), table)


def test_columns_of_numbers():
    table = frame(
        pd.DataFrame, mixed=pd.Series([1, 2.5, 3], dtype=object), seen=[True, False, True]
    )
    table["nullable"] = pd.array([1, 2, 3], dtype="Int64")
    table["maybe"] = pd.array([True, False, True], dtype="boolean")
    assert DenseDAE(**QUICK).fit(table).n_features_in_ == 6
    assert GaussianNoise(0).fit(table).transform(table)[:, 2].tolist() == [1, 2.5, 3]
    other = frame(pl.DataFrame, seen=[True, False, True])
    assert DenseDAE(**QUICK).fit(other).n_features_in_ == 3


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (np.array([["a", "b"], ["c", "d"]]), ValueError, rf"could not convert string.*{WAYS}"),
        (np.array([["a", 1.0]], dtype=object), ValueError, rf"could not convert string.*{WAYS}"),
        (np.array([[{}, 1.0]], dtype=object), TypeError, "argument must be a string or a real"),
        (np.array([["2026-01-01"]], dtype="M8[D]"), ValueError, r"t - t.min\(\).*datetime64\[D\]"),
        (np.array([[1, 2]], dtype="m8[s]"), ValueError, r"t - t.min\(\).*timedelta64\[s\]"),
    ],
)
def test_arrays_that_are_no_numbers(data, error, message):
    for call in (DenseDAE(**QUICK).fit, GaussianNoise().corrupt):
        with pytest.raises(error, match=message):
            call(data)


# ------------------------------------------------------------------- missing and infinite
TOO_LARGE = r"contains infinity or a value too large for dtype\('float32'\)"


@pytest.mark.parametrize(
    ("value", "first", "advice"),
    [
        (np.nan, "contains NaN", "SimpleImputer or KNNImputer"),
        (
            np.inf,
            r"contains infinity or a value too large for dtype\('float32'\)",
            "as missing ones",
        ),
        (1e300, r"contains infinity or a value too large for dtype\('float32'\)", "larger unit"),
    ],
)
def test_gaps(value, first, advice):
    bad, bad_images = TABLE.copy(), IMAGES.copy()
    bad[3, 2] = bad_images[1, 2, 3] = value
    dae = ConvDAE(**QUICK).fit(IMAGES)
    calls = {
        r"Input X ": [
            lambda: DenseDAE(**QUICK).fit(bad),
            lambda: DenseDAE(**QUICK).fit(pd.DataFrame(bad)),
            lambda: DenseDAE(**QUICK).fit(TABLE).predict(bad),
        ],
        r"Input X\[1\] ": [
            lambda: UNetDAE(**QUICK).fit(list(bad_images)),
            lambda: dae.predict(list(bad_images)),
            lambda: GaussianNoise().corrupt(list(bad_images)),
        ],
        r"Input y ": [lambda: DenseDAE(**QUICK).fit(TABLE, bad)],
        r"Input y\[1\] ": [lambda: UNetDAE(**QUICK).fit(list(IMAGES), list(bad_images))],
    }
    for name, ways in calls.items():
        for call in ways:
            with pytest.raises(ValueError, match=f"(?s){name}{first}.*{advice}") as error:
                call()
            assert "HistGradientBoosting" not in str(error.value)


def test_floats_that_their_own_dtype_holds():
    large = np.array([[1e300, 2.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(GaussianNoise(0).corrupt(large), large)
