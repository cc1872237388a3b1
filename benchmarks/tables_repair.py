"""Tables with swapped cells: how many TableDAE finds and repairs, and what it breaks.

    make bench-tables TABLES_ARGS="repair mushroom churn breast_cancer"
    make bench-tables TABLES_ARGS="repair --seeds 3"

Half of the rows are learnt; in the other half, 0, 2 and 10 % of the cells get the value of another
row of that half. Of sets with more than 8,000 rows, 8,000 are drawn. "wrong" is the share of wrong
categories and "RMSE" the error of numbers, in standard deviations of the rows learnt, over all
cells, before -> after ``predict``. "found" is the share of swapped cells that change, "repaired"
that of swapped categories that become right, "broken" that of right cells that change.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
from _frames import SETS, read
from _report import print_machine, print_table

from skdae import TableDAE

RATES = (0.0, 0.02, 0.1)


def swap(frame: pd.DataFrame, rate: float, rng: np.random.Generator) -> pd.DataFrame:
    """Give each cell, with probability ``rate``, the value of another row."""
    swapped = frame.copy()
    for column in frame:
        chosen = np.flatnonzero(rng.random(len(frame)) < rate)
        donors = rng.integers(len(frame), size=len(chosen))
        swapped.iloc[chosen, frame.columns.get_loc(column)] = frame[column].array[donors]
    return swapped


def differs(one: pd.DataFrame, other: pd.DataFrame) -> np.ndarray:
    """Return where cells differ; missing ones do not differ from each other."""
    return ((one.astype(object) != other.astype(object)) & ~(one.isna() & other.isna())).to_numpy()


def judge(
    train: pd.DataFrame, clean: pd.DataFrame, noisy: pd.DataFrame, repaired: pd.DataFrame
) -> list[str]:
    """Return the columns of the table."""
    numbers = clean.dtypes.map(pd.api.types.is_numeric_dtype).to_numpy()
    wrong, left = differs(clean, noisy), differs(clean, repaired)
    changed = differs(noisy, repaired)
    cells: list[str] = []
    if numbers.all():
        cells += ["", ""]
    else:
        swapped = wrong[:, ~numbers]
        cells.append(f"{swapped.mean():.2%} -> {left[:, ~numbers].mean():.2%}")
        share = (swapped & ~left[:, ~numbers]).sum() / max(swapped.sum(), 1)
        cells.append(f"{share:.1%}" if swapped.any() else "")
    if numbers.any():
        scale = train.loc[:, numbers].std().replace(0, 1)
        errors = [
            float(np.sqrt(np.nanmean(np.square((frame - clean.loc[:, numbers]) / scale))))
            for frame in (noisy.loc[:, clean.columns[numbers]], repaired[clean.columns[numbers]])
        ]
        cells.append(f"{errors[0]:.4f} -> {errors[1]:.4f}")
    else:
        cells.append("")
    found = f"{changed[wrong].mean():.1%}" if wrong.any() else ""
    return [*cells, found, f"{changed[~wrong].mean():.2%}"]


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    print_machine()
    rows = []
    for name in options.sets:
        table = read(name)
        for seed in range(options.seeds):
            rng = np.random.default_rng(seed)
            order = rng.permutation(len(table))
            half = len(table) // 2
            train = table.iloc[order[:half]]
            test = table.iloc[order[half:]].reset_index(drop=True)
            start = time.perf_counter()
            dae = TableDAE(device=options.device, random_state=seed).fit(train)
            seconds = time.perf_counter() - start
            for rate in RATES:
                noisy = swap(test, rate, rng)
                judged = judge(train, test, noisy, dae.predict(noisy))
                first = [name, f"{seconds:.0f} s"] if rate == RATES[0] else ["", ""]
                rows.append([*first, f"{rate:.0%}", *judged])
                print("  ".join([name, *rows[-1][1:]]), flush=True)
    print()
    head = ["set", "fit", "swapped", "wrong", "repaired", "RMSE", "found", "broken"]
    print_table(head, rows)


if __name__ == "__main__":
    main()
