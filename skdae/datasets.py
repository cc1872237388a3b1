"""Clean images to try denoising on."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn import datasets as sklearn_datasets

from skdae._optional import import_optional
from skdae._sklearn import StrOptions, validate_parameter_constraints

__all__ = ["load_digits", "load_mnist", "load_sample_photos"]

_MNIST_PREFIX = {"train": "train", "test": "t10k"}
_MNIST_TRAIN_SIZE = 60_000
_GZIP_START = b"\x1f\x8b"
_UINT8_IDX = 0x0800


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Load scikit-learn's digits as small images with values in [0, 1].

    The smallest real data set there is, and part of scikit-learn: nothing is downloaded.

    Returns
    -------
    X : ndarray of shape (1797, 8, 8), float32
        Images of handwritten digits, in steps of 1/16.
    labels : ndarray of shape (1797,), int64
        The digit in each image.

    See Also
    --------
    load_mnist : Larger images, and 70,000 of them.

    Examples
    --------
    >>> from skdae.datasets import load_digits
    >>> X, labels = load_digits()
    >>> X.shape, X.min().item(), X.max().item()
    ((1797, 8, 8), 0.0, 1.0)
    """
    digits = sklearn_datasets.load_digits()
    return (digits.images / 16).astype(np.float32), digits.target.astype(np.int64)


def load_sample_photos() -> list[np.ndarray]:
    """Load scikit-learn's two colour photographs.

    A Chinese temple and a flower. Needs pillow, which scikit-image brings along:
    ``pip install skdae[images]``.

    Returns
    -------
    photos : list of ndarray of shape (height, width, 3), uint8
        The photographs, in colour.

    Examples
    --------
    >>> from skdae.datasets import load_sample_photos
    >>> [photo.shape for photo in load_sample_photos()]
    [(427, 640, 3), (427, 640, 3)]
    """
    import_optional("PIL.Image", package="pillow", extra="images", owner="load_sample_photos")
    return list(sklearn_datasets.load_sample_images().images)


def load_mnist(
    folder: str | os.PathLike | None = None,
    *,
    split: str = "train",
    download: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Load MNIST from its original files or from OpenML.

    Parameters
    ----------
    folder : str, Path or None, default=None
        Folder with the IDX files (``train-images-idx3-ubyte.gz`` and so on, compressed or
        not). None takes the folder ``mnist`` in the folder that the environment variable
        ``SKDAE_DATA`` names, if it is set.
    split : {"train", "test"}, default="train"
        Which part: 60,000 or 10,000 images.
    download : bool, default=False
        Whether to fetch the data from OpenML where no folder is given: 15 MB, kept in the
        data folder of scikit-learn.

    Returns
    -------
    X : ndarray of shape (n_samples, 28, 28), uint8
        Images of handwritten digits.
    labels : ndarray of shape (n_samples,), int64
        The digit in each image.

    See Also
    --------
    load_digits : Small images that come with scikit-learn.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to
       document recognition, Proceedings of the IEEE 86 (1998).

    Examples
    --------
    >>> from skdae.datasets import load_mnist
    >>> X, labels = load_mnist("data/mnist", split="test")  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (10000, 28, 28)
    """
    validate_parameter_constraints(
        {
            "folder": [str, os.PathLike, None],
            "split": [StrOptions(set(_MNIST_PREFIX))],
            "download": ["boolean"],
        },
        {"folder": folder, "split": split, "download": download},
        caller_name="load_mnist",
    )
    if folder is None and os.environ.get("SKDAE_DATA"):
        folder = Path(os.environ["SKDAE_DATA"]) / "mnist"
        if download and not folder.is_dir():
            folder = None
    if folder is not None:
        return _read_mnist_folder(Path(folder), _MNIST_PREFIX[split])
    if download:
        return _fetch_mnist(split)
    raise ValueError(
        "load_mnist has no data to read. Give the folder of the four IDX files, "
        "load_mnist('data/mnist') (or set the environment variable SKDAE_DATA to the folder "
        "that holds 'mnist'), or fetch them from OpenML, load_mnist(download=True)."
    )


def _read_mnist_folder(folder: Path, prefix: str) -> tuple[np.ndarray, np.ndarray]:
    X = _read_idx(_find(folder, f"{prefix}-images-idx3-ubyte"), n_axes=3)
    labels = _read_idx(_find(folder, f"{prefix}-labels-idx1-ubyte"), n_axes=1)
    if len(X) != len(labels):
        raise ValueError(
            f"The MNIST files in {folder} do not belong together: {len(X)} images and "
            f"{len(labels)} labels of {prefix!r}."
        )
    return X, labels.astype(np.int64)


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"No MNIST in {folder}: neither {name} nor {name}.gz is there. Copy the original "
        "files there, or fetch them from OpenML with load_mnist(download=True)."
    )


def _read_idx(path: Path, *, n_axes: int) -> np.ndarray:
    """Read an IDX file of uint8 values: magic number, sizes (big endian), values."""
    content = path.read_bytes()
    if content.startswith(_GZIP_START):
        try:
            content = gzip.decompress(content)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path} is damaged: it cannot be decompressed.") from error
    header = struct.Struct(f">{1 + n_axes}I")
    magic = int.from_bytes(content[:4], "big")
    if magic != _UINT8_IDX + n_axes or len(content) < header.size:
        raise ValueError(
            f"{path} is not an IDX file of {n_axes} axes of uint8: it must begin with the "
            f"magic number {_UINT8_IDX + n_axes:#010x} and {n_axes} sizes. Got "
            f"{content[: header.size].hex() or 'an empty file'}."
        )
    shape = header.unpack_from(content)[1:]
    n_values = len(content) - header.size
    if n_values != math.prod(shape):
        raise ValueError(
            f"{path} is damaged: its header promises {shape}, {math.prod(shape)} values, "
            f"and {n_values} follow."
        )
    # A copy: frombuffer shares the memory of bytes, which nobody may write to.
    return np.frombuffer(content, np.uint8, offset=header.size).reshape(shape).copy()


def _fetch_mnist(split: str) -> tuple[np.ndarray, np.ndarray]:
    parser = "pandas" if find_spec("pandas") else "liac-arff"
    X, labels = sklearn_datasets.fetch_openml(
        "mnist_784", version=1, return_X_y=True, as_frame=False, parser=parser
    )
    rows = slice(_MNIST_TRAIN_SIZE) if split == "train" else slice(_MNIST_TRAIN_SIZE, None)
    return X[rows].astype(np.uint8).reshape(-1, 28, 28), labels[rows].astype(np.int64)
