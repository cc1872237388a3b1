"""Few labels, many rows: DAEClassifier against classifiers that learn from the labels alone.

MNIST: 30,000 images, 1,000 of them with labels; accuracy on 10,000 test images. Tables and digits:
few labels. Means of five draws of them (``--draws``). One thread: OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import gzip
import time
from collections.abc import Iterator

import numpy as np
from _report import data_folder, print_machine, print_table
from sklearn.base import ClassifierMixin, clone
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skdae import ConvDAE, DAEClassifier

N_IMAGES, N_LABELS = 30_000, 1_000
ONLY_LABELS = {
    "LogisticRegression": LogisticRegression(max_iter=2000),
    "SVC": SVC(C=10),
}


def mnist(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images, as uint8, and their labels."""
    arrays = []
    for name, skipped in (("images-idx3", 16), ("labels-idx1", 8)):
        path = data_folder() / "mnist" / f"{part}-{name}-ubyte.gz"
        with gzip.open(path) as file:
            arrays.append(np.frombuffer(file.read(), np.uint8, offset=skipped))
    images, labels = arrays
    return images.reshape(-1, 28, 28).copy(), labels.astype(int)


def few(y: np.ndarray, n_labels: int, seed: int) -> np.ndarray:
    """Return y with -1 for all rows but a few, of each class as many as it has of all."""
    known, _ = train_test_split(
        np.arange(len(y)), train_size=n_labels, stratify=y, random_state=seed
    )
    labels = np.full(len(y), -1)
    labels[known] = y[known]
    return labels


def fit(model: ClassifierMixin, X: np.ndarray, y: np.ndarray) -> ClassifierMixin:
    """Fit a classifier to all rows if it can, or else to those with labels."""
    if isinstance(model, DAEClassifier):
        return model.fit(X, y)
    return model.fit(X[y != -1], y[y != -1])


def images(models: list[str], n_draws: int) -> None:
    """Print mean accuracies and times on MNIST."""
    (X, y), (X_test, y_test) = mnist("train"), mnist("t10k")
    X, y = X[:N_IMAGES], y[:N_IMAGES]
    conv = ConvDAE((16, 32), max_epochs=4, random_state=0)
    kinds: dict[str, tuple[ClassifierMixin, bool]] = {
        "logistic": (LogisticRegression(max_iter=200), True),
        "svc": (SVC(C=10), True),
        "dense": (DAEClassifier(random_state=0), True),
        "dense, labels alone": (DAEClassifier(threshold=None, random_state=0), True),
        "conv": (DAEClassifier(conv, random_state=0), False),
        "conv, labels alone": (DAEClassifier(conv, threshold=None, random_state=0), False),
    }
    rows = []
    for name in models or kinds:
        model, flat = kinds[name]
        train, test = (part.reshape(len(part), -1) if flat else part for part in (X, X_test))
        if not isinstance(model, DAEClassifier):
            train, test = train / 255, test / 255
        measured = []
        for seed in range(n_draws):
            seeded = clone(model).set_params(random_state=seed)
            start, cpu = time.perf_counter(), time.process_time()
            fit(seeded, train, few(y, N_LABELS, seed))
            seconds = time.perf_counter() - start, time.process_time() - cpu
            measured.append([seeded.score(test, y_test), *seconds])
        accuracy, wall, cpu = np.mean(measured, axis=0)
        rows.append([name, f"{accuracy:.4f}", f"{wall:.0f}", f"{cpu:.0f}"])
        print(*rows[-1], flush=True)
    print_table(["MNIST, 1,000 labels", "accuracy", "seconds", "CPU seconds"], rows)


def sets() -> Iterator[tuple[str, np.ndarray, np.ndarray, int]]:
    """Yield name, rows, classes and number of labels."""
    for name, load, n_labels in (
        ("digits", load_digits, 50),
        ("digits", load_digits, 200),
        ("breast_cancer", load_breast_cancer, 20),
        ("wine", load_wine, 15),
    ):
        X, y = load(return_X_y=True)
        yield name, X / 16 if name == "digits" else StandardScaler().fit_transform(X), y, n_labels


def tables(n_draws: int) -> None:
    """Print mean accuracies on small sets."""
    models = {
        **ONLY_LABELS,
        "labels alone": DAEClassifier(threshold=None),
        "DAEClassifier": DAEClassifier(),
    }
    rows = []
    for name, X, y, n_labels in sets():
        scores: dict[str, list[float]] = {kind: [] for kind in models}
        for seed in range(n_draws):
            parts = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
            X_train, X_test, y_train, y_test = parts
            for kind, model in models.items():
                seeded = clone(model).set_params(random_state=seed)
                fit(seeded, X_train, few(y_train, n_labels, seed))
                scores[kind].append(seeded.score(X_test, y_test))
        rows.append([name, str(n_labels), *(f"{np.mean(part):.3f}" for part in scores.values())])
        print(*rows[-1], flush=True)
    print_table(["set", "labels", *models], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["mnist", "tables"])
    parser.add_argument("--models", nargs="*", default=[], help="those of mnist; default: all")
    parser.add_argument("--draws", type=int, default=5, help="draws of the labels")
    args = parser.parse_args()
    print_machine()
    if args.part == "mnist":
        images(args.models, args.draws)
    else:
        tables(args.draws)
