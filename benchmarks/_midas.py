"""MIDASpy beside DAEImputer: run by ``tables_mixed.py`` in an environment of its own.

    python _midas.py FOLDER --seed 0

Reads ``columns.json`` (for each column, the number of levels of a category, or 0 for a number) and
``rows.npy`` (numbers and one-hot categories, NaN where cells are missing) from a folder, and writes
the mean of ten completed tables to ``filled.npy``. Numbers are brought to [0, 1], and the training
has 20 epochs, as in MIDASpy's own demonstration; the rest are its defaults.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import MIDASpy
import numpy as np
import pandas as pd

EPOCHS, DRAWS = 20, 10


def main() -> None:
    """Fill the rows of a folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    levels = json.loads((options.folder / "columns.json").read_text())
    rows = pd.DataFrame(np.load(options.folder / "rows.npy"))
    rows.columns = [f"x{index}" for index in rows]
    groups, numbers, start = [], [], 0
    for n_levels in levels:
        group = [f"x{index}" for index in range(start, start + max(1, n_levels))]
        if n_levels:
            groups.append(group)
        else:
            numbers += group
        start += len(group)
    low, high = rows[numbers].min(), rows[numbers].max()
    scale = (high - low).replace(0, 1)
    rows[numbers] = (rows[numbers] - low) / scale
    order = rows.columns
    imputer = MIDASpy.Midas(seed=options.seed, savepath=str(options.folder / "model"))
    imputer.build_model(rows, softmax_columns=groups, verbose=False)
    imputer.train_model(training_epochs=EPOCHS, verbose=False)
    imputer.generate_samples(m=DRAWS, verbose=False)
    filled = sum(table[order] for table in imputer.output_list) / DRAWS
    filled[numbers] = filled[numbers] * scale + low
    np.save(options.folder / "filled.npy", filled.to_numpy(dtype=float))


if __name__ == "__main__":
    main()
