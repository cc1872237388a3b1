"""Loaders: what they return, and from where."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import sklearn.datasets

from skdae.datasets import load_digits, load_mnist, load_sample_photos


@pytest.fixture
def openml(monkeypatch):
    """Put 60,002 images, of which the last two are the test set, in the place of OpenML."""
    calls = []

    def fetch_openml(name, **options):
        calls.append((name, options))
        X = np.zeros((60_002, 784), np.float64)
        X[0, 1], X[60_001, 783] = 7, 255
        labels = np.full(60_002, "3", dtype=object)
        labels[-1] = "9"
        return X, labels

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch_openml)
    return calls


# ---------------------------------------------------------------------------- embedded data
def test_digits_are_those_of_scikit_learn():
    X, labels = load_digits()
    original = sklearn.datasets.load_digits()
    assert X.shape == (1797, 8, 8)
    assert X.dtype == np.float32
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(X * 16, original.images)
    np.testing.assert_array_equal(labels, original.target)


def test_sample_photos_are_colour_images():
    photos = load_sample_photos()
    assert [photo.shape for photo in photos] == [(427, 640, 3)] * 2
    assert all(photo.dtype == np.uint8 for photo in photos)
    for photo, name in zip(photos, ["china.jpg", "flower.jpg"], strict=True):
        np.testing.assert_array_equal(photo, sklearn.datasets.load_sample_image(name))


def test_sample_photos_without_pillow_show_the_way_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match=r"load_sample_photos requires pillow.*skdae\[images\]"):
        load_sample_photos()


# ---------------------------------------------------------------------------- MNIST from OpenML
@pytest.mark.parametrize(("split", "n_samples"), [("train", 60_000), ("test", 2)])
def test_mnist_from_openml(openml, split, n_samples):
    X, labels = load_mnist(split=split, download=True)
    assert X.shape == (n_samples, 28, 28)
    assert X.dtype == np.uint8
    assert labels.dtype == np.int64
    if split == "train":
        assert X[0, 0, 1] == 7
        assert set(labels) == {3}
    else:
        assert X[1, 27, 27] == 255
        assert labels.tolist() == [3, 9]
    ((name, options),) = openml
    assert name == "mnist_784"
    assert options["version"] == 1
    assert options["as_frame"] is False


def test_openml_needs_no_pandas(openml, monkeypatch):
    monkeypatch.setattr("skdae.datasets.find_spec", lambda name: None)
    load_mnist(split="test", download=True)
    assert openml[0][1]["parser"] == "liac-arff"


def test_nothing_is_downloaded_unless_asked_for(openml):
    with pytest.raises(ValueError, match="'download' parameter of load_mnist must be True"):
        load_mnist()
    assert not openml


@pytest.mark.parametrize(("name", "value"), [("split", "valid"), ("download", "yes")])
def test_wrong_parameters(name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of load_mnist must be"):
        load_mnist(**{name: value})
