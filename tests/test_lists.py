"""Lists of samples of different sizes: how they are read, and what is wrong with one of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from skdae.data import is_list_of_samples, read_list

GRAY, TALL, COLOUR = np.zeros((4, 6)), np.zeros((9, 3)), np.zeros((5, 5, 3))


@pytest.mark.parametrize(
    ("X", "expected"),
    [
        ([GRAY], True),
        ((GRAY, TALL), True),
        ([COLOUR, COLOUR], True),
        ([torch.zeros(3, 3), GRAY], True),
        ([np.zeros(4), np.zeros(5)], True),
        ([np.zeros(4), np.zeros(4)], True),
        ([np.zeros(4)], True),
        ([Image.new("L", (4, 6)), Image.new("L", (5, 5))], True),
        ([np.float64(1), np.float64(2)], False),
        ([[1.0, 2.0], [3.0, 4.0]], False),
        ([GRAY.tolist(), GRAY.tolist()], False),
        (np.zeros((2, 4, 6)), False),
        ([], False),
        ("images", False),
    ],
)
def test_what_is_a_list_of_samples(X, expected):
    assert is_list_of_samples(X) is expected


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([(4, 6), (9, 3)], [(4, 6, 1), (9, 3, 1)]),
        ([(4, 6), (9, 3, 1)], [(4, 6, 1), (9, 3, 1)]),
        ([(5, 5, 3), (1, 7, 3)], [(5, 5, 3), (1, 7, 3)]),
        ([(100, 2), (50, 2)], [(100, 2), (50, 2)]),
        ([(100, 2), (50, 3)], [(100, 2, 1), (50, 3, 1)]),
        ([(100, 2), (20, 20)], [(100, 2, 1), (20, 20, 1)]),
        ([(100, 2, 1), (50, 2, 1)], [(100, 2, 1), (50, 2, 1)]),
        ([(1, 100, 2), (50, 2)], [(100, 2), (50, 2)]),
        ([(30,), (20,)], [(30, 1), (20, 1)]),
        ([(1, 30), (1, 20)], [(30, 1), (20, 1)]),
        ([(1, 1), (1, 1)], [(1, 1), (1, 1)]),
        ([(1, 1), (3, 2)], [(1, 1, 1), (3, 2, 1)]),
    ],
)
def test_pairs_are_signals_only_if_all_are(shapes, expected):
    samples = read_list([np.zeros(shape) for shape in shapes], "Owner")
    assert [sample.shape for sample in samples] == expected


@pytest.mark.parametrize(
    ("sample_shape", "shapes", "expected"),
    [
        ((5000, 12), [(100, 12), (50, 12)], [(100, 12), (50, 12)]),
        ((1, 3000, 64), [(300, 64), (1, 50, 64)], [(300, 64), (50, 64)]),
        ((8, 8), [(100, 2), (50, 2)], [(100, 2, 1), (50, 2, 1)]),
        ((1, 9, 12), [(1, 12), (5, 12)], [(1, 12), (5, 12)]),
    ],
)
def test_sample_shape_says_what_they_are(sample_shape, shapes, expected):
    samples = read_list([np.zeros(s) for s in shapes], "Owner", sample_shape=sample_shape)
    assert [sample.shape for sample in samples] == expected
    with pytest.raises(ValueError, match=r"Got X\[1\] of shape"):
        read_list([np.zeros(shapes[0]), np.zeros((9, 9, 9))], "Owner", sample_shape=sample_shape)


def test_a_wrong_sample_shape():
    with pytest.raises(ValueError, match="'sample_shape' parameter of Owner"):
        read_list([GRAY], "Owner", sample_shape=("a",))


def test_no_samples():
    with pytest.raises(ValueError, match="one sample or more. Got an empty list as y"):
        read_list([], "Owner", name="y")


def test_values_that_float32_cannot_hold():
    with pytest.raises(ValueError, match=r"X\[1\] contains infinity or a value too large"):
        read_list([GRAY, GRAY + 1e39], "Owner")


def test_samples_are_views():
    image = np.zeros((4, 6), dtype=np.float64)
    (sample, _) = read_list([image, TALL], "Owner")
    assert np.shares_memory(sample, image)


def test_like_decides_what_a_sample_is():
    (sample,) = read_list([np.zeros((100, 2))], "Owner", like=(8, 8, 1))
    assert sample.shape == (100, 2, 1)
    (sample,) = read_list([np.zeros((10, 2))], "Owner", like=(1000, 2))
    assert sample.shape == (10, 2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((4, 4, 3)), r"one number of channels; X\[0\] has 1. Got X\[2\] of shape \(4, 4"),
        (np.zeros((4, 4), dtype=np.uint8), r"X\[0\] has dtype float64. Got X\[2\] of dtype uint8"),
        (np.zeros((2, 3, 4, 1)), r"Got X\[2\] of shape \(2, 3, 4, 1\)"),
        (np.zeros((0, 4)), r"with one value or more. Got X\[2\] of shape \(0, 4\)"),
        (np.array([["a", "b"]]), r"arrays of numbers.*Got X\[2\]"),
        (np.full((3, 3), np.nan), r"X\[2\] contains NaN"),
        (np.full((3, 3), np.inf), r"X\[2\] contains infinity"),
        (np.zeros((3, 17, 30)), r"X\[2\] looks channels-first.*np.moveaxis"),
        ("photo.png", r"arrays of numbers.*Got X\[2\]"),
        (None, r"arrays of numbers.*Got X\[2\]"),
    ],
)
def test_the_error_names_the_wrong_one(wrong, message):
    with pytest.raises(ValueError, match=message):
        read_list([GRAY, TALL, wrong], "Owner")


def test_the_error_names_what_fit_had():
    with pytest.raises(ValueError, match=r"those of fit had 3. Got X\[0\] of shape \(4, 6\)"):
        read_list([GRAY], "Owner", like=(8, 8, 3))
