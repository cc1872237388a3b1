"""Pairs: noisy samples as X, and what their outputs should be as y."""

from __future__ import annotations

import numpy as np

from skdae._checks import Data, as_array
from skdae._warnings import warn_user
from skdae.data import Samples, full_range, is_list_of_samples, is_stored
from skdae.tasks._clean import check_one_noise
from skdae.tasks._task import Given, Task

__all__ = ["Pairs"]

_MOST_CLASSES = 16
_LOOKED_AT = 2**20


class Pairs(Task):
    """Learn to make the targets of noisy samples; a ``noise`` corrupts these further."""

    @classmethod
    def of(cls, given: Given) -> Pairs:
        """Return the task for an X with targets y.

        Raises
        ------
        ValueError
            If there are two noises.
        """
        check_one_noise(given)
        assert given.target is not None
        _warn_of_labels(given.X, given.y, given.samples, given.target, given.owner)
        noise = given.fitted(given.new_noise()) if given.origin is None else None
        return cls(given.samples, given.target, noise)


def _warn_of_labels(X: Data, y: Data, samples: Samples, target: Samples, owner: str) -> None:
    """Warn of a target that looks like the labels of a later step.

    Integers and booleans do, beside an X of another kind (uint8 and uint16 only if they have few
    levels), and so does a table of zeros and ones beside one of other values.
    """
    of_X, of_y = (_dtype_of(data) for data in (X, y))
    if full_range(of_y):
        higher = not full_range(of_X) or samples.highest > target.highest
        are_labels = higher and target.highest <= _MOST_CLASSES
    elif of_y.kind in "iub":
        are_labels = bool(of_X.kind == "f" or full_range(of_X) or of_y.kind == "b" != of_X.kind)
    else:
        are_labels = _are_flags(target) and not _are_flags(samples)
    if are_labels:
        warn_user(
            f"{owner} reads y as clean values of X, since it has the shape of X, but it looks like "
            f"labels: {of_y} from {target.lowest:g} to {target.highest:g}, beside X of {of_X}. If "
            "these are clean values, pass y.astype(float). If they are labels for a later step, "
            f"fit {owner} before, without y, and put FrozenEstimator(...) of it into the pipeline."
        )


def _dtype_of(data: Data) -> np.dtype:
    if is_stored(data):
        return np.dtype(data.dtype)
    return np.asarray(as_array(data[0] if is_list_of_samples(data) else data)).dtype


def _are_flags(samples: Samples) -> bool:
    """Whether the values of a table are zeros and ones; a part of them is looked at."""
    if not isinstance(samples.rows, np.ndarray) or len(samples.sample_shape) > 1:
        return False
    part = samples.rows[: max(1, _LOOKED_AT // samples.rows.shape[1])]
    return bool(part.min() == 0 and part.max() == 1 and np.isin(part, (0, 1)).all())
