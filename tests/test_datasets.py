"""Loaders: what they return, and what they say about files that are not MNIST."""

from __future__ import annotations

import gzip
import sys

import numpy as np
import pytest
import sklearn.datasets

from skdae.datasets import load_digits, load_mnist, load_sample_photos


def idx(values, magic=None):
    """Encode an array as an IDX file."""
    values = np.asarray(values, np.uint8)
    magic = 0x0800 + values.ndim if magic is None else magic
    return np.array([magic, *values.shape], ">u4").tobytes() + values.tobytes()


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, images):
    """Make a folder of tiny MNIST files: the training ones compressed, the others not."""
    labels = np.arange(5)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(images[::-1]))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(labels[::-1]))
    return tmp_path


@pytest.fixture(autouse=True)
def no_data_folder(monkeypatch):
    """Keep the tests from the data of the machine."""
    monkeypatch.delenv("SKDAE_DATA", raising=False)


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


# ---------------------------------------------------------------------------- MNIST from files
@pytest.mark.parametrize("as_path", [str, lambda path: path])
def test_mnist_from_a_folder(folder, images, as_path):
    X, labels = load_mnist(as_path(folder))
    np.testing.assert_array_equal(X, images)
    np.testing.assert_array_equal(labels, [0, 1, 2, 3, 4])
    assert X.dtype == np.uint8
    assert labels.dtype == np.int64
    X[0] = 0  # nobody else's memory


def test_the_test_split_and_files_that_are_not_compressed(folder, images):
    X, labels = load_mnist(folder, split="test")
    np.testing.assert_array_equal(X, images[::-1])
    np.testing.assert_array_equal(labels, [4, 3, 2, 1, 0])


def test_the_environment_variable_names_the_folder_above(tmp_path, folder, images, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("SKDAE_DATA", str(tmp_path / "data"))
    with pytest.raises(FileNotFoundError, match="No MNIST in .*data.mnist"):
        load_mnist()
    files = list(tmp_path.glob("t*-ubyte*"))
    (tmp_path / "data" / "mnist").mkdir()
    for file in files:
        file.rename(tmp_path / "data" / "mnist" / file.name)
    np.testing.assert_array_equal(load_mnist()[0], images)


def test_the_folder_given_goes_before_the_environment_variable(folder, images, monkeypatch):
    monkeypatch.setenv("SKDAE_DATA", "/nowhere")
    np.testing.assert_array_equal(load_mnist(folder)[0], images)


@pytest.mark.slow
def test_real_mnist(data_dir, monkeypatch):
    monkeypatch.setenv("SKDAE_DATA", str(data_dir))
    for split, n_samples, ones in (("train", 60_000, 6742), ("test", 10_000, 1135)):
        X, labels = load_mnist(split=split)
        assert X.shape == (n_samples, 28, 28)
        assert X.min() == 0
        assert X.max() == 255
        assert np.bincount(labels)[1] == ones
    assert labels[:5].tolist() == [7, 2, 1, 0, 4]


# ---------------------------------------------------------------------------- files that are not
def test_a_missing_file_is_named(folder):
    (folder / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match="neither train-labels-idx1-ubyte nor .*download"):
        load_mnist(folder)
    load_mnist(folder, split="test")


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="No MNIST in .*nowhere"):
        load_mnist(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "magic number 0x00000803 .* an empty file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "magic number 0x00000803 and 3 sizes. Got 89504e47"),
        (idx(np.zeros(5)), "is not an IDX file of 3 axes"),
        (idx(np.zeros((1, 2, 2)), magic=0x0D03), "Got 00000d03"),
        (idx(np.zeros((1, 2, 2)))[:10], "is not an IDX file of 3 axes"),
        (idx(np.zeros((2, 28, 28)))[:-1], r"promises \(2, 28, 28\), 1568 values, and 1567 follow"),
        (idx(np.zeros((2, 28, 28))) + b"\0", "promises .* and 1569 follow"),
        (gzip.compress(idx(np.zeros((2, 28, 28))), mtime=0)[:-4], "cannot be decompressed"),
        (b"\x1f\x8b" + bytes(20), "cannot be decompressed"),
        (gzip.compress(b"no images", mtime=0), "is not an IDX file of 3 axes"),
    ],
    ids=range(10),
)
def test_damaged_files_are_errors_that_say_what_is_wrong(folder, content, message):
    (folder / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(ValueError, match=message) as raised:
        load_mnist(folder)
    assert "train-images-idx3-ubyte.gz" in str(raised.value)


def test_a_flipped_bit_in_a_compressed_file_is_seen(folder):
    path = folder / "train-images-idx3-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be decompressed"):
        load_mnist(folder)


def test_images_and_labels_must_be_as_many(folder):
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx([1, 2])))
    with pytest.raises(ValueError, match="5 images and 2 labels"):
        load_mnist(folder)


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


def test_a_folder_goes_before_openml(folder, images, openml):
    np.testing.assert_array_equal(load_mnist(folder, download=True)[0], images)
    assert not openml


def test_openml_comes_in_where_the_data_folder_has_no_mnist(tmp_path, openml, monkeypatch):
    monkeypatch.setenv("SKDAE_DATA", str(tmp_path))
    assert load_mnist(split="test", download=True)[0].shape == (2, 28, 28)


def test_nothing_is_downloaded_unless_asked_for(openml):
    with pytest.raises(ValueError, match=r"load_mnist\('data/mnist'\).*download=True"):
        load_mnist()
    assert not openml


@pytest.mark.parametrize(
    ("name", "value"), [("split", "valid"), ("download", "yes"), ("folder", 3)]
)
def test_wrong_parameters(name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of load_mnist must be"):
        load_mnist(**{name: value})
