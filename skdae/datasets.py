"""Clean images to try denoising on."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from sklearn import datasets as sklearn_datasets

from skdae._optional import import_optional
from skdae._sklearn import StrOptions, validate_parameter_constraints

__all__ = ["load_digits", "load_mnist", "load_sample_photos"]

_MNIST_TRAIN_SIZE = 60_000


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Load scikit-learn's digits as small images with values in [0, 1].

    A small real data set that comes with scikit-learn: nothing is downloaded.

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

    A Chinese temple and a flower. Needs pillow: ``pip install skdae[images]``.

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


def load_mnist(*, split: str = "train", download: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Load MNIST from OpenML.

    Scikit-learn fetches 15 MB and keeps them in its data folder, so that later calls read
    them from there.

    Parameters
    ----------
    split : {"train", "test"}, default="train"
        Which part: 60,000 or 10,000 images.
    download : bool, default=False
        Must be True: nothing is fetched from the network unless you ask for it.

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
    >>> X, labels = load_mnist(split="test", download=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (10000, 28, 28)
    """
    validate_parameter_constraints(
        {"split": [StrOptions({"train", "test"})], "download": ["boolean"]},
        {"split": split, "download": download},
        caller_name="load_mnist",
    )
    if not download:
        raise ValueError(
            "The 'download' parameter of load_mnist must be True, since MNIST comes from OpenML "
            "(15 MB, kept in scikit-learn's data folder). Got False instead."
        )
    parser = "pandas" if find_spec("pandas") else "liac-arff"
    X, labels = sklearn_datasets.fetch_openml(
        "mnist_784", version=1, return_X_y=True, as_frame=False, parser=parser
    )
    rows = slice(_MNIST_TRAIN_SIZE) if split == "train" else slice(_MNIST_TRAIN_SIZE, None)
    return X[rows].astype(np.uint8).reshape(-1, 28, 28), labels[rows].astype(np.int64)
