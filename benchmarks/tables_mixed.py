"""Missing numbers and categories: DAEImputer beside forests, neighbours, commonest values, MIDASpy.

    make bench-tables TABLES_ARGS="mixed titanic german --seeds 3"

20 % of the known cells of a frame, drawn at random, are hidden and filled. "RMSE" is the error of
hidden numbers in standard deviations of their columns, "right" the share of hidden categories that
are right. Seconds are CPU seconds.

- commonest: the mean of numbers, the commonest category.
- knn: KNNImputer on standardized numbers and one-hot categories.
- forest: as missForest (D. J. Stekhoven, P. Bühlmann, "MissForest: non-parametric missing value
  imputation for mixed-type data", Bioinformatics, 2012): forests of 100 trees for each column in
  turn, regressors for numbers and classifiers for categories, three rounds.
- midas: MIDASpy, the mean of ten tables, in an environment of its own with old packages, whose
  interpreter is ``--midas-python``: pip install MIDASpy==1.2.3 tensorflow==2.15.1 numpy==1.23.5
  pandas==2.1.4.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

import numpy as np
import pandas as pd
from _frames import read
from _report import print_machine, print_table
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import KNNImputer

from skdae import DAEImputer

RATE, ROUNDS, TREES = 0.2, 3, 100
SETS = ("titanic", "german", "churn", "attrition", "gss_wages")
SCRIPT = Path(__file__).with_name("_midas.py")
Impute = Callable[[pd.DataFrame, int], pd.DataFrame]


def is_number(frame: pd.DataFrame) -> np.ndarray:
    """Return which columns hold numbers."""
    return frame.dtypes.map(pd.api.types.is_numeric_dtype).to_numpy()


def by_commonest(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Fill in means and commonest categories."""
    values = {
        name: frame[name].mean() if number else frame[name].mode()[0]
        for name, number in zip(frame, is_number(frame), strict=True)
    }
    return frame.fillna(values)


def by_forest(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Fill in what forests predict from the other columns, column by column, in rounds."""
    numbers, missing = is_number(frame), frame.isna().to_numpy()
    completed = by_commonest(frame, seed)
    columns = [
        completed[name] if number else completed[name].cat.codes
        for name, number in zip(frame, numbers, strict=True)
    ]
    rows = np.column_stack(columns).astype(float)
    order = [
        index for index in missing.sum(axis=0).argsort(kind="stable") if missing[:, index].any()
    ]
    for _ in range(ROUNDS):
        for index in order:
            kind = RandomForestRegressor if numbers[index] else RandomForestClassifier
            others, holes = np.delete(rows, index, axis=1), missing[:, index]
            model = kind(TREES, random_state=seed).fit(others[~holes], rows[~holes, index])
            rows[holes, index] = model.predict(others[holes])
    return decoded(frame, {index: rows[:, index] for index in order})


def encoded(frame: pd.DataFrame) -> tuple[np.ndarray, list[int]]:
    """Return numbers and one-hot categories, NaN where cells are missing, and levels of columns."""
    parts, levels = [], []
    for name, number in zip(frame, is_number(frame), strict=True):
        if number:
            parts.append(frame[name].to_numpy(dtype=float)[:, None])
            levels.append(0)
        else:
            codes = frame[name].cat.codes.to_numpy()
            n_levels = len(frame[name].cat.categories)
            parts.append(np.where(codes[:, None] < 0, np.nan, np.eye(n_levels)[codes]))
            levels.append(n_levels)
    return np.hstack(parts), levels


def decoded(frame: pd.DataFrame, columns: dict[int, np.ndarray]) -> pd.DataFrame:
    """Return the frame with missing cells from columns of numbers, and of codes of categories."""
    filled = frame.copy()
    for index, values in columns.items():
        name = frame.columns[index]
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            values = frame[name].cat.categories[values.astype(int)]
        filled[name] = frame[name].where(frame[name].notna(), values)
    return filled


def from_one_hot(frame: pd.DataFrame, rows: np.ndarray, levels: list[int]) -> pd.DataFrame:
    """Return the frame with missing cells from encoded rows."""
    starts = np.cumsum([0, *(max(1, n_levels) for n_levels in levels)])
    columns = {
        index: rows[:, start : start + n_levels].argmax(axis=1) if n_levels else rows[:, start]
        for index, (start, n_levels) in enumerate(zip(starts, levels, strict=False))
    }
    return decoded(frame, columns)


def by_knn(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Fill in the means of five neighbours."""
    rows, levels = encoded(frame)
    is_one_hot = np.repeat(np.array(levels) > 0, np.maximum(levels, 1))
    mean = np.where(is_one_hot, 0, np.nanmean(rows, axis=0))
    # So that two categories differ by 1, as numbers do by a standard deviation.
    scale = np.where(is_one_hot, np.sqrt(2), np.nanstd(rows, axis=0))
    filled = KNNImputer(keep_empty_features=True).fit_transform((rows - mean) / scale)
    return from_one_hot(frame, filled * scale + mean, levels)


def by_midas(python: str) -> Impute:
    """Return what fills in the mean of ten tables of MIDASpy."""

    def impute(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
        rows, levels = encoded(frame)
        with tempfile.TemporaryDirectory() as folder:
            np.save(Path(folder, "rows.npy"), rows)
            Path(folder, "columns.json").write_text(json.dumps(levels))
            command = [python, str(SCRIPT), folder, "--seed", str(seed)]
            subprocess.run(command, capture_output=True, check=True)
            filled = np.load(Path(folder, "filled.npy"))
        return from_one_hot(frame, filled, levels)

    return impute


def by_dae(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Fill in what DAEImputer guesses."""
    return DAEImputer(random_state=seed).fit_transform(frame)


def cpu_seconds() -> float:
    """Return the CPU time of this process and those that it has waited for."""
    used = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure(impute: Impute, frame: pd.DataFrame, seed: int) -> tuple[float, float, float]:
    """Return error of numbers, share of right categories, and seconds."""
    known = frame.notna().to_numpy()
    hidden = known & (np.random.default_rng(seed).random(frame.shape) < RATE)
    start = cpu_seconds()
    filled = impute(frame.mask(hidden), seed)
    seconds = cpu_seconds() - start
    errors, right = [], []
    for index, (name, number) in enumerate(zip(frame, is_number(frame), strict=True)):
        cells = hidden[:, index]
        true, guess = frame[name][cells], filled[name][cells]
        if number:
            errors.append((guess - true).to_numpy() / frame[name].std(ddof=0))
        else:
            right.append(true.to_numpy() == guess.to_numpy())
    rmse = np.sqrt(np.square(np.concatenate(errors)).mean())
    return float(rmse), float(np.concatenate(right).mean()), seconds


def main() -> None:
    """Print one row for each set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--imputers", nargs="+", default=["commonest", "knn", "forest", "dae"])
    parser.add_argument(
        "--midas-python", help="an interpreter with MIDASpy, to compare with it too"
    )
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    imputers: dict[str, Impute] = {
        "commonest": by_commonest,
        "knn": by_knn,
        "forest": by_forest,
        "dae": by_dae,
    }
    imputers = {name: imputers[name] for name in options.imputers}
    if options.midas_python:
        imputers["midas"] = by_midas(options.midas_python)
    print_machine()
    rows = []
    for name in options.sets:
        frame = read(name)
        row = [name, f"{frame.shape[0]} x {frame.shape[1]}"]
        for kind, impute in imputers.items():
            measured = [measure(impute, frame, seed) for seed in range(options.seeds)]
            error, right, seconds = np.mean(measured, axis=0)
            row.append(f"{error:.3f} / {right:.1%} ({seconds:.0f} s)")
            print(name, kind, row[-1], flush=True)
        rows.append(row)
    print_table(["set", "rows", *(f"{name}: RMSE / right" for name in imputers)], rows)


if __name__ == "__main__":
    main()
