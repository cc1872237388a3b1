"""NoiseInjector: what every kind of noise shares."""

from __future__ import annotations

import math
from abc import ABCMeta, abstractmethod
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from torch import Tensor

from skdae._meaning import check_dense
from skdae._random import draw_seeds, make_generator
from skdae._sklearn import (
    InvalidParameterError,
    StrOptions,
    fits_float,
    makes_data_frames,
    validate_rows,
)
from skdae.layout import as_fraction, full_range, restore_dtype, rows_to_tensor
from skdae.lists import checked_samples, is_list_of_samples
from skdae.noise._corrupted import CorruptedArray
from skdae.noise._levels import check_strength, draw_level
from skdae.noise._seen import Seen, look_at

__all__ = ["NoiseInjector"]

_KEPT_DTYPES = [np.float32, np.float64, np.float16, np.uint8, np.uint16]


class NoiseInjector(OneToOneFeatureMixin, TransformerMixin, BaseEstimator, metaclass=ABCMeta):
    """Corrupt data while fitting; pass it through afterwards.

    The base of every kind of noise. A kind names the parameter that is its level in
    ``_level`` and implements one formula, ``_corrupt``; seeding, ranges of levels,
    clipping, dtypes, arrays and tensors are handled here.

    Parameters
    ----------
    clip : tuple of (low, high) or None, default=None
        Interval to which noisy values are clipped. None never clips floats; ``uint8`` and
        ``uint16`` data are always clipped to the range of their dtype.
    random_state : int, RandomState instance or None, default=None
        Seed of the noise. None draws a new one at every call.
    when : {"fit", "always"}, default="fit"
        "fit" corrupts in ``fit_transform`` only, so that a pipeline adds nothing at
        predict time; "always" makes ``transform`` corrupt too.

    See Also
    --------
    GaussianNoise : The usual model of sensor noise.
    ChainNoise : Several kinds, one after another.

    Notes
    -----
    Noise is drawn from a private generator: neither NumPy's nor torch's global state is
    read or changed. ``uint8`` and ``uint16`` data are images, read as fractions of their
    full range, so that a level means the same for them and for floats in [0, 1].

    Examples
    --------
    A kind of your own: a sensor that drifts between samples.

    >>> import numpy as np
    >>> from skdae import NoiseInjector
    >>> class DriftNoise(NoiseInjector):
    ...     _level = "drift"
    ...
    ...     def __init__(self, drift=(-1, 1), *, clip=None, random_state=None, when="fit"):
    ...         self.drift = drift
    ...         self.clip = clip
    ...         self.random_state = random_state
    ...         self.when = when
    ...
    ...     def _corrupt(self, x, level, generator):
    ...         return x + level
    >>> X_noisy = DriftNoise().corrupt(np.zeros((100, 8)), random_state=0)
    >>> print(np.ptp(X_noisy, axis=1).max(), np.ptp(X_noisy, axis=0).min() > 1.5)
    0.0 True
    """

    # What the ``noise`` parameter of estimators calls this kind, with its default level.
    _short_name: ClassVar[str | None] = None
    _level: ClassVar[str | None] = None
    _mixes_rows: ClassVar[bool] = False
    # Whether the level is in the units of the data, so that for images it is a fraction.
    _in_units: ClassVar[bool] = False
    # Whether a batch takes the same operations on the device every time, and none on the host, so
    # that a recording may stand for them. Each class says so for itself: a subclass may corrupt
    # in another way.
    _repeatable: ClassVar[bool] = False

    _parameter_constraints: ClassVar[dict] = {
        "clip": [None, tuple, list],
        "random_state": ["random_state"],
        "when": [StrOptions({"fit", "always"})],
    }

    @abstractmethod
    def _corrupt(self, x: Tensor, level: Any, generator: torch.Generator) -> Tensor:
        """Return a corrupted copy of ``x`` (n, ...): the formula of the noise."""

    # ------------------------------------------------------------------ scikit-learn
    def fit(self, X: Any, y: Any = None) -> NoiseInjector:
        """Check the parameters and the data; there is nothing to learn.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Clean data.
        y : None
            Ignored.

        Returns
        -------
        self : NoiseInjector
            The injector.
        """
        self._check_domain(look_at(self._read(X, reset=True)))
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Return a corrupted copy of X that remembers its origin.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Clean data; or a list of images or signals of different sizes.
        y : None
            Ignored.

        Returns
        -------
        X_noisy : ndarray of X's shape, or list of ndarray
            Noisy data. A denoising autoencoder that is fitted on it right away takes the
            clean data as its target and draws the noise anew for every batch.
        """
        clean = self._read(X, reset=True)
        self._check_container(clean)
        self._check_domain(look_at(clean))
        noisy, noise = self._draw(clean, self.random_state), clone(self)
        if not isinstance(clean, list):
            return CorruptedArray.from_pair(noisy, clean, noise)
        pairs = zip(noisy, clean, strict=True)
        return [CorruptedArray.from_pair(*pair, noise) for pair in pairs]

    def transform(self, X: Any) -> np.ndarray:
        """Pass X through, or corrupt it with ``when="always"``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Data.

        Returns
        -------
        X_out : ndarray of X's shape
            X itself with ``when="fit"``, a noisy copy with ``when="always"``.
        """
        clean = self._read(X)
        self._check_container(clean)
        if self.when == "fit":
            return clean
        self._check_domain(look_at(clean))
        return self._draw(clean, self.random_state)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Pass X through: noise cannot be taken back.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Data.

        Returns
        -------
        X_out : ndarray of X's shape
            X itself.
        """
        return self._read(X)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that there is nothing to fit."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = ["float64", "float32", "float16"]
        return tags

    # ------------------------------------------------------------------ corruption
    def corrupt(self, X: Any, *, random_state: Any = None) -> Any:
        """Make noisy data for an experiment: a corrupted copy of X.

        Parameters
        ----------
        X : array-like or torch.Tensor of 2 to 4 axes, samples first, or list of arrays
            Clean data, left as it is. A list holds images or signals of different sizes.
        random_state : int, RandomState instance or None, default=None
            Seed of this draw. None takes the ``random_state`` of the injector.

        Returns
        -------
        X_noisy : ndarray or torch.Tensor of X's shape, or list of ndarray
            Noisy data of the same kind, dtype and device. Integers other than ``uint8``
            and ``uint16``, and booleans, come back as float32.
        """
        random_state = self.random_state if random_state is None else random_state
        if isinstance(X, Tensor):
            self._check_tensor(X)
            self._check_domain(look_at(X))
            return self._draw_tensor(X.detach(), random_state)
        clean = self._read(X)
        self._check_domain(look_at(clean))
        return self._draw(clean, random_state)

    def _corrupt_batch(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Corrupt a float tensor with a generator of its device.

        This is what training calls for every batch: no checks, no seeding.

        Parameters
        ----------
        x : Tensor of shape (n, ...)
            Clean values.
        generator : torch.Generator
            Source of the noise, on the device of ``x``.

        Returns
        -------
        noisy : Tensor of x's shape
            A new tensor.
        """
        level = draw_level(getattr(self, self._level), x, generator) if self._level else None
        noisy = self._corrupt(x, level, generator)
        return noisy if self.clip is None else noisy.clamp(*self.clip)

    def _is_repeatable(self) -> bool:
        """Say whether a GPU may record the corruption of a batch, and repeat it for the others.

        Levels of an array would be copied to it for every batch.
        """
        level = getattr(self, self._level) if self._level else None
        says_so = vars(type(self)).get("_repeatable", False)
        return says_so and (level is None or isinstance(level, (Real, tuple)))

    def _check_parameters(self) -> None:
        self._validate_params()
        if self.clip is not None and not (
            len(self.clip) == 2
            and all(fits_float(value) for value in self.clip)
            and self.clip[0] < self.clip[1]
        ):
            raise InvalidParameterError(
                f"The 'clip' parameter of {type(self).__name__} must be None or a "
                f"(low, high) pair with low < high. Got {self.clip!r} instead."
            )

    def _check_columns(self, n_features: int) -> None:
        """Check the parameters that depend on the number of values of a sample."""

    def _check_fraction(self, dtype: Any) -> None:
        """Refuse gray levels: the level for images of integers is a fraction of their range."""
        white = full_range(dtype)
        level = getattr(self, self._level or "", None)
        if self._in_units and white and level is not None and np.max(level) > 1:
            raise ValueError(
                f"The '{self._level}' parameter of {type(self).__name__} is a fraction of the full "
                f"range for {str(dtype).removeprefix('torch.')} images, at most 1: 25 gray levels "
                f"are 25 / {white:.0f}. Got {level!r}."
            )

    def _check_domain(self, seen: Seen) -> None:
        """Warn if this noise, at this level, is not for such values."""
        if self._in_units:
            level = getattr(self, self._level or "")
            check_strength(self, float(np.max(level)), seen)

    def _read(self, X: Any, *, reset: bool = False) -> Any:
        """Return the checked data: an array, or a list of arrays."""
        self._check_parameters()
        if is_list_of_samples(X):
            return self._read_list(X)
        rows, shape = validate_rows(self, X, reset=reset, dtype=_KEPT_DTYPES)
        self._check_columns(rows.shape[1])
        self._check_fraction(rows.dtype)
        return rows.reshape(shape)

    def _read_list(self, X: Any) -> list[np.ndarray]:
        owner = type(self).__name__
        if self._mixes_rows:
            raise ValueError(
                f"{owner} takes values from other samples, which must be of one size. Got a list "
                "of samples; make one array of them, or use another noise."
            )
        arrays = []
        for sample in checked_samples(X, owner):
            self._check_columns(sample.size)
            self._check_fraction(sample.dtype)
            dtype = sample.dtype if sample.dtype in _KEPT_DTYPES else np.float32
            arrays.append(sample.astype(dtype, copy=False))
        return arrays

    def _check_container(self, data: Any) -> None:
        is_list = isinstance(data, list)
        if (is_list or data.ndim > 2) and makes_data_frames(self):
            shape = "different shapes" if is_list else f"shape {data.shape[1:]}"
            raise ValueError(
                f"set_output asks {type(self).__name__} for a data frame, which cannot hold "
                f"samples of {shape}. Use set_output(transform='default'), or give "
                "the noise to the autoencoder: noise=..."
            )

    def _check_tensor(self, x: Tensor) -> None:
        self._check_parameters()
        check_dense(x, "X")
        if x.ndim < 2 or not x.numel() or x.is_complex():
            raise ValueError(
                f"{type(self).__name__} corrupts real tensors of 2 or more axes, samples "
                f"first, with one value or more. Got {x.dtype} of shape {tuple(x.shape)}."
            )
        self._check_columns(math.prod(x.shape[1:]))
        self._check_fraction(x.dtype)

    def _draw(self, clean: Any, random_state: Any) -> Any:
        if not isinstance(clean, list):
            return self._draw_tensor(_own_tensor(clean), random_state).numpy()
        (seed,) = draw_seeds(random_state, 1)
        generator = make_generator(seed)
        tensors = (_own_tensor(sample[np.newaxis]) for sample in clean)
        return [self._corrupt_like(x, generator)[0].numpy() for x in tensors]

    def _draw_tensor(self, clean: Tensor, random_state: Any) -> Tensor:
        (seed,) = draw_seeds(random_state, 1)
        return self._corrupt_like(clean, make_generator(seed, clean.device))

    def _corrupt_like(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        """Corrupt a tensor of any dtype, and give it back in that dtype."""
        computed = clean if clean.dtype == torch.float64 else as_fraction(clean)
        noisy = self._corrupt_batch(computed, generator)
        if clean.is_floating_point():
            return noisy.to(clean.dtype)
        return restore_dtype(noisy, clean.dtype)


def _own_tensor(clean: np.ndarray) -> Tensor:
    """Return a tensor that a formula may write to, with values in the order of the array."""
    return rows_to_tensor(np.require(clean, requirements=["C", "W"]))
