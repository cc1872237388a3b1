"""How one column of a table is coded as numbers for a network, and back."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from skdae._warnings import warn_user
from skdae.data._table_columns import kind_of, missing_in, numbers_in, objects_in

__all__ = ["Categories", "ColumnCode", "Numbers", "fit_categories", "fit_numbers"]

_MOST_CATEGORIES = 255
_MOST_KNOTS = 1000
_RESOLUTION = 10 * float(np.finfo(np.float64).eps)

Plain = str | int | float | bool


@dataclass(frozen=True)
class Numbers:
    """A column of numbers: by straight lines between knots, ``units[i]`` is coded as ``codes[i]``.

    Two knots are a mean and a standard deviation; more are the ranks. Without knots, nothing
    was known of the column, and nothing is learnt of it.
    """

    units: tuple[float, ...]
    codes: tuple[float, ...]
    low: float = -np.inf
    high: float = np.inf
    standardizes: bool = True

    @property
    def width(self) -> int:
        """Number of encoded columns."""
        return 1

    def encode(self, column: Any, missing: np.ndarray) -> np.ndarray:
        """Return the coded numbers, of shape (n, 1)."""
        if not self.units:
            return np.full((len(missing), 1), np.nan, dtype=np.float32)
        numbers = numbers_in(column, missing)
        if self.standardizes:
            (mean, scale), largest = self.units, np.finfo(np.float32).max
            with np.errstate(over="ignore"):
                codes = np.clip(numbers / scale - mean / scale, -largest, largest)
        else:
            codes = np.interp(numbers, self.units, self.codes)
        codes[missing] = np.nan
        return codes.astype(np.float32)[:, None]

    def decode(self, codes: np.ndarray, column: Any) -> np.ndarray:
        """Return the numbers of codes (n, 1) in the kind of a column, within what ``fit`` saw."""
        values = codes[:, 0].astype(np.float64)
        if self.standardizes:
            mean, scale = self.units
            values = values * scale + mean
        else:
            values = np.interp(values, self.codes, self.units)
        values = np.clip(values, self.low, self.high)
        kind = kind_of(column, missing_in(column), "", "")
        if kind == "bool":
            return values > 1 / 2
        return _as_integers(values, str(column.dtype)) if kind == "integer" else values


@dataclass(frozen=True)
class Categories:
    """A column of categories: one-hot codes of its levels."""

    levels: tuple[Plain, ...]

    @property
    def width(self) -> int:
        """Number of encoded columns."""
        return len(self.levels)

    def encode(self, column: Any, missing: np.ndarray) -> np.ndarray:
        """Return the one-hot codes, of shape (n, levels), NaN where the level is unknown."""
        order = {level: index for index, level in enumerate(self.levels)}
        if _is_pandas_category(column):
            places = np.array([order.get(_plain(of), -1) for of in column.cat.categories] + [-1])
            indices = places[column.cat.codes.to_numpy()]
        else:
            objects = objects_in(column)
            indices = np.full(len(missing), -1)
            indices[~missing] = [order.get(_plain(value), -1) for value in objects[~missing]]
        indices[missing] = -1
        codes = np.zeros((len(indices), len(self.levels)), dtype=np.float32)
        known = indices >= 0
        codes[known, indices[known]] = 1
        codes[~known] = np.nan
        return codes

    def decode(self, codes: np.ndarray, column: Any) -> np.ndarray:
        """Return the most probable levels of codes (n, levels), as values of a column."""
        own: dict[Plain, Any] = {}
        if _is_pandas_category(column):
            own = {_plain(value): value for value in column.cat.categories}
        levels = np.empty(self.width, dtype=object)
        levels[:] = [own.get(level, level) for level in self.levels]
        if not own and getattr(column.dtype, "kind", "O") in "iufb":
            levels = np.array(levels.tolist())
        return levels[codes.argmax(axis=1)]


ColumnCode = Numbers | Categories


def fit_numbers(column: Any, missing: np.ndarray, how: str) -> Numbers:
    """Learn mean and spread, or the ranks, of the known numbers of a column."""
    values = numbers_in(column, missing)[~missing]
    if not len(values):
        return Numbers((), ())
    low, high = float(values.min()), float(values.max())
    if how == "rank" and low < high:
        return _fit_ranks(values, low, high)
    size = max(-low, high) or 1.0  # the squares of large numbers have no room in a float
    mean, scale = float((values / size).mean()) * size, float((values / size).std()) * size
    if scale <= _RESOLUTION * abs(mean) or scale == 0:
        scale = 1.0
    return Numbers((mean, scale), (0.0, 1.0), low, high)


def _fit_ranks(values: np.ndarray, low: float, high: float) -> Numbers:
    """Give the mean rank of equal values its place in a normal distribution."""
    units, counts = np.unique(values, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2) / len(values)
    normal = NormalDist()
    if len(units) > _MOST_KNOTS:
        ends = [normal.inv_cdf(rank) for rank in (ranks[0], ranks[-1])]
        half = _MOST_KNOTS // 2  # as dense in the middle as in the tails
        tails = [normal.cdf(score) for score in np.linspace(ends[0], ends[1], half)]
        asked = np.concatenate([np.linspace(ranks[0], ranks[-1], half), tails])
        kept = np.unique(np.searchsorted(ranks, asked).clip(max=len(ranks) - 1))
        units, ranks = units[kept], ranks[kept]
    codes = np.array([normal.inv_cdf(rank) for rank in ranks])
    coded = np.interp(values, units, codes)
    codes = (codes - coded.mean()) / coded.std()
    return Numbers(tuple(units.tolist()), tuple(codes.tolist()), low, high, standardizes=False)


def fit_categories(column: Any, missing: np.ndarray, name: Hashable, owner: str) -> ColumnCode:
    """Learn the levels of the known cells of a column, in their order; the commonest if many."""
    if missing.all():
        return Numbers((), ())
    if _is_pandas_category(column):
        declared = [_plain(value) for value in column.cat.categories]
        counts = np.bincount(column.cat.codes.to_numpy()[~missing], minlength=len(declared))
        count = {level: n for level, n in zip(declared, counts.tolist(), strict=True) if n}
    else:
        count = {}
        for value in map(_plain, objects_in(column)[~missing]):
            count[value] = count.get(value, 0) + 1
        declared = _declared_order(column, count)
        count = {level: count[level] for level in declared if level in count}
    if len(count) > _MOST_CATEGORIES:
        commonest = sorted(count, key=lambda level: -count[level])[:_MOST_CATEGORIES]
        share = sum(count[level] for level in commonest) / sum(count.values())
        warn_user(
            f"{owner} learns the {_MOST_CATEGORIES} commonest of the {len(count)} categories of "
            f"the column {name!r}, {share:.0%} of its cells, and reads the others as unknown. "
            "Leave the column out if it names rows; or join its rare categories."
        )
        count = {level: n for level, n in count.items() if level in set(commonest)}
    return Categories(tuple(count))


def _declared_order(column: Any, seen: dict[Plain, int]) -> list[Plain]:
    """Return the levels in the order of an Enum of polars, or sorted."""
    declared = getattr(column.dtype, "categories", None)
    if declared is not None and str(column.dtype).startswith("Enum"):
        return list(declared.to_list())
    return sorted(seen, key=lambda level: (isinstance(level, str), level))


def _is_pandas_category(column: Any) -> bool:
    return hasattr(column, "iloc") and hasattr(column, "cat")


def _plain(value: Any) -> Plain:
    """Return a level as plain data: an interval of ``pandas.cut`` is its name."""
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, (str, int, float)) else str(value)


def _as_integers(values: np.ndarray, dtype: str) -> np.ndarray:
    """Round to integers that a dtype of NumPy, pandas or polars can hold."""
    name = dtype.lower().split("[")[0]
    info = np.iinfo("int64" if name == "object" else name)
    highest = float(info.max)
    if highest > info.max:
        highest = float(np.nextafter(highest, 0))
    return np.clip(np.rint(values), float(info.min), highest).astype(info.dtype)
