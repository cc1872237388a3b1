"""Arrays to tensors and back."""

import gc
import math
import re
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skdae import data as of_data

sides = st.integers(1, 40)
shapes = st.one_of(
    st.tuples(sides), st.tuples(sides, sides), st.tuples(sides, sides, st.integers(1, 4))
)


@given(shapes, st.integers(1, 5))
def test_rows_survive_the_way_to_a_module_and_back(shape, n_rows):
    sample_shape = of_data.as_pixels(shape)
    rows = torch.arange(n_rows * math.prod(shape), dtype=torch.float32).reshape(n_rows, -1)
    x = of_data.to_channels_first(rows, sample_shape)
    assert x.shape == (n_rows, *of_data.module_shape(sample_shape))
    assert torch.equal(of_data.from_channels_first(x), rows)


@given(shapes)
def test_a_pixel_is_where_it_was(shape):
    sample_shape = of_data.as_pixels(shape)
    array = np.random.default_rng(0).random((2, *sample_shape)).astype(np.float32)
    x = of_data.to_channels_first(torch.from_numpy(array.reshape(2, -1)), sample_shape)
    np.testing.assert_array_equal(np.moveaxis(array, -1, 1), x)


@given(shapes)
def test_completing_a_shape_twice_changes_nothing(shape):
    once = of_data.as_pixels(shape)
    assert math.prod(once) == math.prod(shape)
    assert len(once) in (2, 3)
    if len(once) == 3:
        assert of_data.as_pixels(once) == once


@pytest.mark.parametrize(
    ("shape", "read"),
    [
        ((784,), (784, 1)),
        ((28, 28), (28, 28, 1)),
        ((540, 258), (540, 258, 1)),
        ((100, 20), (100, 20, 1)),
        ((32, 32, 3), (32, 32, 3)),
        ((1000, 12), (1000, 12)),
        ((128, 9), (128, 9)),
        ((64, 8), (64, 8)),
        ((63, 8), (63, 8, 1)),
        ((4000, 33), (4000, 33, 1)),
        ((1, 50), (50, 1)),
        ((1, 256, 64), (256, 64)),
        ((1, 1), (1, 1)),
    ],
)
def test_what_a_sample_is(shape, read):
    assert of_data.as_pixels(shape) == read


@given(st.sampled_from([np.uint8, np.uint16]), st.data())
def test_image_dtypes_round_trip_through_fractions(dtype, data):
    full = np.iinfo(dtype).max
    values = np.array(data.draw(st.lists(st.integers(0, full), min_size=1)), dtype=dtype)
    fractions = of_data.as_fraction(of_data.rows_to_tensor(values))
    assert fractions.dtype == torch.float32
    assert 0 <= fractions.min() and fractions.max() <= 1
    restored = of_data.restore_dtype(fractions, getattr(torch, values.dtype.name))
    np.testing.assert_array_equal(restored.numpy(), values)


def test_image_dtypes_saturate():
    out_of_range = torch.tensor([-0.5, 0.0, 0.5, 1.0, 1.5])
    restored = of_data.restore_dtype(out_of_range, torch.uint8)
    assert restored.tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize("shape", [(7, 100_000), (5000, 100), (2, 600, 700), (600_000,), (0, 3)])
def test_images_of_many_blocks_are_restored_whole(shape):
    fractions = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    expected = fractions.mul(255).round().to(torch.uint8)
    assert torch.equal(of_data.restore_dtype(fractions, torch.uint8), expected)


def test_floats_are_taken_as_they_are():
    x = torch.tensor([-3.0, 300.0])
    assert torch.equal(of_data.as_fraction(x), x)
    assert torch.equal(of_data.restore_dtype(x, torch.float32), x)


@pytest.mark.parametrize(
    "make",
    [
        lambda rows: rows,
        np.asfortranarray,
        lambda rows: rows[::2, 1:],
        lambda rows: rows.T,
        lambda rows: np.broadcast_to(rows[:1], rows.shape),
    ],
)
@pytest.mark.parametrize("writeable", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.uint16])
def test_rows_are_shared(make, writeable, dtype):
    rows = make(np.arange(12, dtype=dtype).reshape(4, 3))
    rows.flags.writeable = writeable and rows.flags.writeable
    tensor = of_data.rows_to_tensor(rows)
    assert tensor.data_ptr() == rows.ctypes.data
    np.testing.assert_array_equal(tensor, rows)


def test_a_shared_tensor_keeps_the_memory_alive():
    rows = np.arange(10**6, dtype=np.float32)
    rows.flags.writeable = False
    tensor = of_data.rows_to_tensor(rows)
    del rows
    gc.collect()
    np.testing.assert_array_equal(tensor, np.arange(10**6))


def test_what_torch_cannot_read_is_copied():
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    fields = np.zeros(4, dtype=[("x", np.float32), ("odd", np.uint8)])["x"]
    for odd in (rows[::-1], rows[:, ::-1], rows[:1, ::-1], rows.astype(">f4"), fields):
        np.testing.assert_array_equal(of_data.rows_to_tensor(odd), odd)


# ------------------------------------------------------------------------------------ axes
READ_AS_THEY_ARE = [
    (64, 64, 13),
    (64, 64, 31),
    (28, 28, 12),
    (8, 8, 4),
    (2, 5, 3),
    (2, 500, 2),
    (512, 512, 32),
    (1, 128, 3),
    (64, 256),
    (784,),
]
CHANNELS_FIRST = [(3, 16, 16), (1, 8, 8), (2, 64, 64), (5, 64, 64), (13, 64, 64), (2, 5, 6)]
VOLUMES = [(20, 48, 48), (48, 48, 48), (9, 9, 9), (200, 60, 60), (10, 12, 100)]


@pytest.mark.parametrize("shape", READ_AS_THEY_ARE)
def test_axes_that_need_no_word(shape):
    for flat in (True, False):
        of_data.infer_sample_shape(shape, None, "Owner", flat=flat)
    of_data.check_axes(shape, "Owner", alone=True)


@pytest.mark.parametrize("shape", CHANNELS_FIRST)
def test_channels_first_of_any_number(shape):
    depth, height, width = shape
    message = re.escape("np.moveaxis(X, 1, -1)") + ".*" + re.escape(f"sample_shape={shape}")
    with pytest.raises(ValueError, match=rf"X looks channels-first.*{message}"):
        of_data.infer_sample_shape(shape, None, "Owner", flat=False)
    with pytest.raises(ValueError, match=r"X\[3\] looks channels-first.*np.moveaxis\(x, 0, -1\)"):
        of_data.check_axes(shape, "Owner", "X[3]", alone=True)
    assert of_data.infer_sample_shape(shape, shape, "Owner", flat=True) == of_data.as_pixels(shape)
    X = np.moveaxis(np.zeros((2, *shape)), 1, -1)
    if 2 * depth <= min(height, width) or depth <= 4:
        of_data.infer_sample_shape(X.shape[1:], None, "Owner", flat=False)


@pytest.mark.parametrize("shape", [*VOLUMES, (64, 64, 33), (48, 40, 39)])
@pytest.mark.parametrize("alone", [True, False])
def test_volumes_are_shown_slice_by_slice(shape, alone):
    with pytest.raises(ValueError, match="or like volumes.* slice by slice: ") as error:
        of_data.check_axes(shape, "Owner", alone=alone)
    spelling = re.search(r"slice by slice: (.*?\))\. ", str(error.value))[1]
    x = np.zeros(shape if alone else (2, *shape))
    slices = eval(spelling, {"np": np, "x": x, "X": x})
    n_slices = shape[2] if shape[2] < min(shape[:2]) else shape[0]
    assert len(slices) == n_slices * (1 if alone else 2)
    of_data.infer_sample_shape(slices.shape[1:], None, "Owner", flat=False)


@pytest.mark.parametrize(
    ("shape", "sides"),
    [
        ((10, 32, 32, 3), (32, 32, 3)),
        ((3, 20, 48, 48), (48, 48, 3)),
        ((1, 20, 48, 48), (48, 48, 1)),
        ((10, 3, 64, 64), (64, 64, 3)),
        ((10, 20, 64, 64), (64, 64)),
        ((5, 2, 20, 64, 64), (64, 64, 2)),
        ((2, 2, 2, 2), (2, 2, 2)),
    ],
)
def test_films_and_volumes_with_channels(shape, sides):
    for alone, x in ((True, np.zeros(shape)), (False, np.zeros((2, *shape)))):
        with pytest.raises(ValueError, match="reads samples of 1 to 3 axes") as error:
            of_data.check_axes(shape, "Owner", alone=alone)
        spelling = re.search(r"slice by slice: (.*)\.$", str(error.value))[1]
        assert eval(spelling, {"np": np, "x": x, "X": x}).shape[1:] == sides


UNCLEAR = [(64, 256), (256, 64), (24, 5), (12, 300), (64, 160), (4000, 40), (22, 250)]


@pytest.mark.parametrize("shape", UNCLEAR)
def test_long_images_may_be_signals(shape):
    with pytest.warns(UserWarning, match=re.escape(f"{shape} as gray images")) as caught:
        of_data.warn_of_unclear_axes(np.zeros((3, *shape)), "Owner")
    message = str(caught[0].message)
    image, signal = (eval(found) for found in re.findall(r"sample_shape=(\(.*?\))", message))
    assert of_data.as_pixels(image) == (*shape, 1)
    channels, length = sorted(shape)
    assert of_data.as_pixels(signal) == (length, channels)
    turned = shape[0] < shape[1]
    assert ("np.swapaxes(X, -1, -2)" in message) == turned
    samples = (length, channels) if turned else shape
    read = of_data.infer_sample_shape(samples, signal, "Owner", flat=False)
    assert read == (length, channels)


def test_which_lists_are_unclear():
    def warned(*shapes):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            of_data.warn_of_unclear_axes([np.zeros(shape) for shape in shapes], "Owner")
        return [str(warning.message) for warning in caught]

    assert "np.swapaxes(x, -1, -2)" in warned((12, 300), (12, 200))[0]
    assert "sample_shape=(1, 100, 24)" in warned((100, 24), (70, 24))[0]
    # one of them is too short for a signal, and so none is read as one
    (message,) = warned((300, 2), (10, 2))
    assert "sample_shape=(300, 2, 1)" in message and "sample_shape=(1, 300, 2)" in message
    for shapes in (
        [(8, 8), (16, 8)],
        [(540, 258), (258, 540)],
        [(64, 256), (60, 256)],
        [(64, 256), (64, 256, 1)],
        [(300, 2), (80, 2)],
        [(1, 300), (1, 200)],
        [(30,), (20,)],
        [(64, 256, 3)],
    ):
        assert warned(*shapes) == []


@pytest.mark.parametrize(
    "shape", [(28, 28), (16, 8), (2, 9), (540, 258), (1, 300), (50, 1), (1000, 12)]
)
def test_images_that_need_no_word(shape):
    of_data.warn_of_unclear_axes(np.zeros((30, *shape)), "Owner")


def photo():
    """Return a smooth image with a little noise, (60, 90, 3), in [0, 1]."""
    y, x = np.mgrid[:60, :90]
    waves = [np.sin(y / 9 + i) * np.cos(x / 12 - i) for i in range(3)]
    image = 0.5 + 0.3 * np.stack(waves, axis=-1)
    return (image + np.random.default_rng(0).normal(0, 0.05, image.shape)).clip(0, 1)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x,
        lambda x: x.astype(np.float32) * 255,
        lambda x: (255 * x).astype(np.uint8),
        lambda x: (65535 * x).astype(np.uint16),
        lambda x: (255 * x).astype(int),
        lambda x: np.dstack([x, np.ones((60, 90))]),
        lambda x: x[:20, :20],
    ],
)
def test_a_colour_photo_alone(make):
    X = make(photo())
    with pytest.warns(UserWarning, match=r"give it as a list, \[X\]; if not, .*sample_shape=\("):
        of_data.warn_of_unclear_axes(X, "Owner")


def test_recordings_of_three_channels_are_no_photo():
    rng = np.random.default_rng(0)
    t = np.linspace(0, 20, 128)[:, np.newaxis] + rng.uniform(0, 6, (60, 1, 3))
    for X in (rng.random((60, 128, 3)), 5 + np.sin(t), np.sin(t), photo() - 0.5, photo()[:12]):
        of_data.warn_of_unclear_axes(X, "Owner")
