"""Arrays to tensors and back."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skdae import layout

sides = st.integers(1, 40)
shapes = st.one_of(
    st.tuples(sides), st.tuples(sides, sides), st.tuples(sides, sides, st.integers(1, 4))
)


@given(shapes, st.integers(1, 5))
def test_rows_survive_the_way_to_a_module_and_back(shape, n_rows):
    sample_shape = layout.as_pixels(shape)
    rows = torch.arange(n_rows * math.prod(shape), dtype=torch.float32).reshape(n_rows, -1)
    x = layout.to_channels_first(rows, sample_shape)
    assert x.shape == (n_rows, *layout.module_shape(sample_shape))
    assert torch.equal(layout.from_channels_first(x), rows)


@given(shapes)
def test_a_pixel_is_where_it_was(shape):
    sample_shape = layout.as_pixels(shape)
    array = np.random.default_rng(0).random((2, *sample_shape)).astype(np.float32)
    x = layout.to_channels_first(torch.from_numpy(array.reshape(2, -1)), sample_shape)
    np.testing.assert_array_equal(np.moveaxis(array, -1, 1), x)


@given(shapes)
def test_completing_a_shape_twice_changes_nothing(shape):
    once = layout.as_pixels(shape)
    assert math.prod(once) == math.prod(shape)
    assert len(once) in (2, 3)
    if len(once) == 3:
        assert layout.as_pixels(once) == once


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
    assert layout.as_pixels(shape) == read


@given(st.sampled_from([np.uint8, np.uint16]), st.data())
def test_image_dtypes_round_trip_through_fractions(dtype, data):
    full = np.iinfo(dtype).max
    values = np.array(data.draw(st.lists(st.integers(0, full), min_size=1)), dtype=dtype)
    fractions = layout.as_fraction(layout.rows_to_tensor(values))
    assert fractions.dtype == torch.float32
    assert 0 <= fractions.min() and fractions.max() <= 1
    restored = layout.restore_dtype(fractions, getattr(torch, values.dtype.name))
    np.testing.assert_array_equal(restored.numpy(), values)


def test_image_dtypes_saturate():
    out_of_range = torch.tensor([-0.5, 0.0, 0.5, 1.0, 1.5])
    restored = layout.restore_dtype(out_of_range, torch.uint8)
    assert restored.tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize("shape", [(7, 100_000), (5000, 100), (2, 600, 700), (600_000,), (0, 3)])
def test_images_of_many_blocks_are_restored_whole(shape):
    fractions = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    expected = fractions.mul(255).round().to(torch.uint8)
    assert torch.equal(layout.restore_dtype(fractions, torch.uint8), expected)


def test_floats_are_taken_as_they_are():
    x = torch.tensor([-3.0, 300.0])
    assert torch.equal(layout.as_fraction(x), x)
    assert torch.equal(layout.restore_dtype(x, torch.float32), x)


def test_writable_rows_are_shared_and_others_copied():
    rows = np.zeros((3, 2), dtype=np.float32)
    assert layout.rows_to_tensor(rows).data_ptr() == rows.ctypes.data
    rows.flags.writeable = False
    tensor = layout.rows_to_tensor(rows)
    tensor += 1
    assert not rows.any()
