"""
A frame comes back repaired
===========================

Words, numbers and yes-or-no answers stand in one frame, some in the wrong row, some missing.
:class:`~skdae.TableDAE` takes the frame as it is, learns what the columns say of each other, and
gives back the same columns with the cells changed that are surely wrong.
"""

# %%
# The table
# ---------
# 2,000 cars, drawn at random: the model tells the maker, the fuel and about the weight, the weight
# and the power tell about the consumption. The colour follows from nothing.

import numpy as np
import pandas as pd

MODELS = pd.DataFrame(
    {
        "maker": ["Alba", "Alba", "Borr", "Borr", "Cima", "Cima"],
        "fuel": "petrol diesel petrol electric petrol electric".split(),
        "weight": [1000, 1450, 1200, 1900, 1350, 1650],
        "power": [60, 110, 80, 200, 120, 150],
        "all_wheel": [False, False, False, True, False, True],
    },
    index=["A1", "A3", "B2", "Bolt", "C4", "Charge"],
)


def draw_cars(n, rng):
    """Draw a frame of cars."""
    model = rng.choice(MODELS.index, n, p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.1])
    cars = MODELS.loc[model].reset_index(names="model")
    cars["weight"] = (cars["weight"] + rng.normal(0, 30, n)).round().astype(int)
    cars["power"] = (cars["power"] + rng.normal(0, 5, n)).round().astype(int)
    cars["consumption"] = (
        cars["weight"] / 300 + cars["power"] / 50 + rng.normal(0, 0.2, n)
    ).round(1)
    cars["colour"] = rng.choice(["black", "red", "white"], n)
    return cars.astype({"model": "category", "fuel": "category"})


rng = np.random.default_rng(0)
clean = draw_cars(2000, rng)
clean.head()

# %%
# Four of a hundred cells come from another row, and one of a hundred is lost.

cars = clean.copy()
for column in cars:
    rows = np.flatnonzero(rng.random(len(cars)) < 0.04)
    seed = rng.integers(2**31)
    others = clean[column].sample(len(rows), replace=True, random_state=seed)
    cars.iloc[rows, cars.columns.get_loc(column)] = others.array
lost = rng.random(cars.shape) < 0.01
categories = {"model": "category", "fuel": "category"}
cars = cars.convert_dtypes().astype(categories).mask(lost)
wrong = (cars.astype(object) != clean.astype(object)).to_numpy() & ~lost

# %%
# The repair
# ----------
# It is fitted to the table that it shall repair, so some cells that it learns are wrong:
# ``assume_clean=False``. Nobody tells it which.

from skdae import TableDAE

repairer = TableDAE(
    (128,),
    latent_dim=64,
    assume_clean=False,
    max_epochs=40,
    n_nets=3,
    random_state=0,
).fit(cars)
repaired = repairer.predict(cars)
print("same dtypes:", repaired.dtypes.equals(cars.dtypes))
missing = [int(frame.isna().sum().sum()) for frame in (cars, repaired)]
print(f"missing cells: {missing[0]} -> {missing[1]}")

# %%
# How good is it?
# ---------------
# For each column, the wrong cells before and after. A number counts as wrong if it is off by more
# than half of the spread of its column. No cell of the colours changed, of which the other columns
# say nothing.


def are_off(frame):
    """Return where known cells of ``cars`` are wrong in a frame."""
    off = (frame.astype(object) != clean.astype(object)) & ~lost
    for column in clean.select_dtypes("number"):
        distance = (frame[column] - clean[column]).abs().astype(float)
        off[column] &= (distance > clean[column].std() / 2).fillna(False)
    return off


pd.DataFrame(
    {
        "before": are_off(cars).sum(),
        "after": are_off(repaired).sum(),
        "right cells changed": (
            (repaired.astype(object) != cars.astype(object)) & ~wrong & ~lost
        ).sum(),
    }
)

# %%
# What it expects of itself
# -------------------------
# Before it changes anything, it swaps cells of rows that it has not learnt. ``found_`` is the share
# of those that it changed, and ``false_changes_`` that of right ones. Where nothing is gained, no
# cell of the column changes.

pd.DataFrame(
    {"found": repairer.found_, "false changes": repairer.false_changes_},
    index=repairer.feature_names_in_,
).round(3)

# %%
# Which rows to look at
# ---------------------
# The rows with the lowest scores, beside what they become.

odd = np.argsort(repairer.score_samples(cars))[:5]
both = pd.concat({"was": cars.iloc[odd], "is": repaired.iloc[odd]})
both.swaplevel().sort_index()
