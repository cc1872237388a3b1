"""Fixed costs: importing skdae, and fitting a tiny table.

    python benchmarks/fixed_costs.py

Each import is timed in a process of its own, in turns with ``import sklearn.base``, which is
what a user of scikit-learn has paid already; the ratio is that of the medians. A fit is the whole
call of ``fit`` on 50 rows of 20 values for one epoch.
"""

from __future__ import annotations

import subprocess
import sys
import time
import warnings

import numpy as np
from _report import print_machine, print_table
from sklearn.decomposition import PCA
from sklearn.neural_network import MLPRegressor

from skdae import DenseDAE, GaussianNoise

IMPORTS = ("sklearn.base", "skdae", "torch", "skdae.estimators")
TURNS = 15

TIMED_IMPORT = """
import time
start = time.perf_counter()
import {module}
print(time.perf_counter() - start)
"""


def import_seconds(module: str) -> float:
    """Time an import in a fresh interpreter."""
    code = TIMED_IMPORT.format(module=module)
    return float(
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    )


def main() -> None:
    """Print both tables."""
    print_machine()
    seconds = {module: [] for module in IMPORTS}
    for _ in range(TURNS):
        for module in IMPORTS:
            seconds[module].append(import_seconds(module))
    base = np.median(seconds["sklearn.base"])
    print_table(
        ["import", "over sklearn.base"],
        [[module, f"{np.median(times) / base:.2f}"] for module, times in seconds.items()],
    )
    print()

    X = np.random.default_rng(0).standard_normal((50, 20))
    fits = {
        "DenseDAE, 1 epoch": DenseDAE(noise=GaussianNoise(0.1), max_epochs=1, random_state=0),
        "MLPRegressor(32), 1 epoch": MLPRegressor(
            hidden_layer_sizes=(32,), max_iter=1, tol=0, n_iter_no_change=9
        ),
        "PCA(16)": PCA(16),
    }
    rows = []
    for name, estimator in fits.items():
        times = []
        for _ in range(40):
            start = time.perf_counter()
            _fit(estimator, X)
            times.append(time.perf_counter() - start)
        rows.append([name, f"{np.median(times[5:]) * 1e3:.1f}"])
    print_table(["fit on 50 x 20", "ms"], rows)


def _fit(estimator, X):
    """Fit an estimator to give back X."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(X, X if isinstance(estimator, MLPRegressor) else None)


if __name__ == "__main__":
    main()
