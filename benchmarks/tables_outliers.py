"""Outliers in tables and images: areas under the curve against rivals, false alarms, speed.

    python benchmarks/tables.py outliers novelty
    python benchmarks/tables.py outliers contaminated
    python benchmarks/tables.py outliers alarms
    python benchmarks/tables.py outliers mnist
    python benchmarks/tables.py outliers large --rows 100000

The twelve tables are read from ``$SKDAE_DATA/tables``, MNIST from ``$SKDAE_DATA/mnist``.

- novelty: half of the normal rows to train on, at most 3,000; the others and the outliers to judge.
- contaminated: the same rows to fit and to judge, at most 4,000.
- alarms: as novelty with ``contamination=0.05``; the part of the new normal rows that are called
  outliers. "auto" is the same of ``contamination="auto"``.
- mnist: for each digit, its training images to train on, and the test images to judge.
- large: seconds and memory of fit and score_samples.

All get z-scores, by the mean and the standard deviation of the rows to train on, cut off at 10.
kNN(5) is the distance to the fifth neighbour. pyod's AutoEncoder is added where pyod is installed.
"""

from __future__ import annotations

import argparse
import gzip
import resource
import time
import warnings
from collections.abc import Callable

import numpy as np
from _report import data_folder, print_machine, print_table
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.svm import OneClassSVM

from skdae import DAEOutlierDetector, DenseDAE

Judge = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
MOST_TRAINED, MOST_JUDGED = 3000, 4000


def tables() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read the twelve tables: rows, and which of them are outliers."""
    folder = data_folder() / "tables"
    files = sorted(folder.glob("*.npz"))
    if not files:
        raise SystemExit(f"No tables in {folder}. Set SKDAE_DATA.")
    return {
        path.stem: (file["X"].astype(float), file["y"] == 1)
        for path in files
        for file in [np.load(path)]
    }


def z_scores(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale = train.std(axis=0)
    scale[scale == 0] = 1
    return tuple(((rows - train.mean(axis=0)) / scale).clip(-10, 10) for rows in (train, test))


def novelty_split(
    X: np.ndarray, y: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(~y))
    half = len(normal) // 2
    judged = np.concatenate([normal[half:], np.flatnonzero(y)])
    train, test = z_scores(X[normal[:half][:MOST_TRAINED]], X[judged])
    return train, test, y[judged]


# ---------------------------------------------------------------------- who judges
def by_dae(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    novelty = test is not train
    detector = DAEOutlierDetector(novelty=novelty, random_state=seed)
    return -detector.fit(train).score_samples(test)


def by_knn(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    neighbors = NearestNeighbors(n_neighbors=5).fit(train)
    distances, _ = neighbors.kneighbors(None if test is train else test)
    return distances[:, -1]


def by_lof(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of duplicates
        if test is train:
            return -LocalOutlierFactor().fit(train).negative_outlier_factor_
        return -LocalOutlierFactor(novelty=True).fit(train).score_samples(test)


def by_forest(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    return -IsolationForest(random_state=seed).fit(train).score_samples(test)


def by_pca(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    pca = PCA(0.95).fit(train)
    return np.square(test - pca.inverse_transform(pca.transform(test))).sum(axis=1)


def by_svm(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    return -OneClassSVM().fit(train).score_samples(test)


def by_pyod(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    from pyod.models.auto_encoder import AutoEncoder

    return AutoEncoder(random_state=seed, verbose=0).fit(train).decision_function(test)


def judges() -> dict[str, Judge]:
    known: dict[str, Judge] = {
        "skdae": by_dae,
        "kNN(5)": by_knn,
        "LOF": by_lof,
        "IsolationForest": by_forest,
        "PCA": by_pca,
        "OneClassSVM": by_svm,
    }
    try:
        import pyod  # noqa: F401
    except ImportError:
        return known
    return {**known, "pyod AutoEncoder": by_pyod}


# ---------------------------------------------------------------------- what is measured
def compare(seeds: int, names: list[str], *, novelty: bool) -> None:
    rivals = judges()
    rows, means = [], {name: [] for name in rivals}
    for table, (X, y) in tables().items():
        if names and table not in names:
            continue
        areas = {name: [] for name in rivals}
        for seed in range(seeds):
            if novelty:
                train, test, is_odd = novelty_split(X, y, seed)
            else:
                few = np.random.default_rng(seed).permutation(len(X))[:MOST_JUDGED]
                train, is_odd = z_scores(X[few], X[few])[0], y[few]
                test = train
            for name, judge in rivals.items():
                areas[name].append(roc_auc_score(is_odd, judge(train, test, seed)))
        for name in rivals:
            means[name].append(np.mean(areas[name]))
        rows.append([table, *(f"{means[name][-1]:.3f}" for name in rivals)])
        print(*rows[-1], flush=True)
    rows.append(["mean", *(f"{np.mean(means[name]):.4f}" for name in rivals)])
    print_table(["table", *rivals], rows)


def false_alarms(seeds: int, names: list[str]) -> None:
    rows = []
    for table, (X, y) in tables().items():
        if names and table not in names:
            continue
        rates = []
        for seed in range(seeds):
            train, test, is_odd = novelty_split(X, y, seed)
            detector = DAEOutlierDetector(novelty=True, contamination=0.05, random_state=seed)
            decision = detector.fit(train).decision_function(test)
            detector.set_params(contamination="auto")
            auto = detector._limit(detector.score_samples(train)) - detector.offset_
            rates.append([np.mean(decision[~is_odd] < 0), np.mean(decision[~is_odd] < auto)])
        five, box = np.mean(rates, axis=0)
        rows.append([table, str(len(X)), f"{100 * five:.1f}", f"{100 * box:.1f}"])
        print(*rows[-1], flush=True)
    print_table(["table", "rows", "5 %", "auto"], rows)


def read_digits(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read MNIST from its IDX files: images in [0, 1], and the digits."""
    folder = data_folder() / "mnist"
    images = gzip.decompress((folder / f"{split}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{split}-labels-idx1-ubyte.gz").read_bytes())
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28)
    return pixels / np.float32(255), np.frombuffer(labels, np.uint8, offset=8)


def mnist(digits: list[int], most: int) -> None:
    X, labels = read_digits("train")
    X_test, y_test = read_digits("t10k")
    rows = []
    for digit in digits:
        dae = DenseDAE((512,), latent_dim=64, sample_shape=(28, 28))
        detector = DAEOutlierDetector(dae, novelty=True, random_state=0)
        train = X[labels == digit][:most]
        start = time.perf_counter()
        scores = detector.fit(train).score_samples(X_test)
        seconds = time.perf_counter() - start
        area = roc_auc_score(y_test != digit, -scores)
        flat = train.reshape(len(train), -1).astype(np.float32)
        distances = by_knn(flat, X_test.reshape(len(X_test), -1).astype(np.float32), 0)
        rows.append([digit, area, roc_auc_score(y_test != digit, distances), seconds])
        print(*rows[-1], flush=True)
    rows.append(["mean", *np.mean([row[1:] for row in rows], axis=0)])
    print_table(
        ["digit", "skdae", "kNN(5)", "s"],
        [[str(row[0]), *(f"{value:.4f}" for value in row[1:3]), f"{row[3]:.0f}"] for row in rows],
    )


def large(n_rows: int) -> None:
    rng = np.random.default_rng(0)
    mixed = rng.standard_normal((10, 50))
    X = np.empty((n_rows, 50))
    for start in range(0, n_rows, 10_000):  # so that making them takes no memory
        rows = X[start : start + 10_000]
        rows[:] = rng.standard_normal((len(rows), 10)) @ mixed
        rows += 0.3 * rng.standard_normal(rows.shape)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    detector = DAEOutlierDetector(random_state=0).fit(X)
    fitted = time.perf_counter()
    detector.score_samples(X)
    scored = time.perf_counter()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print_table(
        ["rows", "fit, s", "score_samples, s", "memory beside the data, in sizes of these"],
        [
            [
                f"{n_rows:,}",
                f"{fitted - start:.1f}",
                f"{scored - fitted:.1f}",
                f"{grown / X.nbytes:.2f}",
            ]
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["novelty", "contaminated", "alarms", "mnist", "large"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tables", nargs="*", default=[])
    parser.add_argument("--digits", nargs="*", type=int, default=range(10))
    parser.add_argument("--most", type=int, default=6000, help="training images of a digit")
    parser.add_argument("--rows", type=int, default=1_000_000)
    chosen = parser.parse_args()
    print_machine()
    if chosen.what == "large":
        large(chosen.rows)
    elif chosen.what == "mnist":
        mnist(list(chosen.digits), chosen.most)
    elif chosen.what == "alarms":
        false_alarms(chosen.seeds, chosen.tables)
    else:
        compare(chosen.seeds, chosen.tables, novelty=chosen.what == "novelty")


if __name__ == "__main__":
    main()
