"""NoiseInjector, the base class of every noise."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from torch import Tensor

from skdae._checks import validate_rows
from skdae._random import RandomState
from skdae._sklearn import StrOptions
from skdae.data import Rows, is_list_of_samples
from skdae.noise._corrupt_data import corrupt_rows, corrupt_tensor
from skdae.noise._corrupted import with_origin
from skdae.noise._input_checks import (
    KEPT_DTYPES,
    check_container,
    check_tensor,
    read_samples,
    refuse_list,
)
from skdae.noise._levels import (
    Clip,
    check_clip,
    check_columns,
    check_fraction,
    check_strength,
    draw_level,
)
from skdae.noise._summary import DataSummary, summarize

__all__ = ["NoiseInjector"]


class NoiseInjector(OneToOneFeatureMixin, TransformerMixin, BaseEstimator, metaclass=ABCMeta):
    """Base class of noises: corrupt data while fitting; pass it through afterwards.

    A subclass names its level parameter in ``_level`` and implements one formula, ``_corrupt``.
    Seeds, ranges of levels, clipping, dtypes, arrays and tensors are handled here.

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
    A noise of your own: a sensor that drifts between samples.

    >>> import numpy as np
    >>> from skdae import NoiseInjector
    >>> class DriftNoise(NoiseInjector):
    ...     _level = "drift"
    ...
    ...     def __init__(
    ...         self, drift=(-1, 1), *, clip=None, random_state=None, when="fit"
    ...     ):
    ...         super().__init__(clip=clip, random_state=random_state, when=when)
    ...         self.drift = drift
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
    # Whether values are taken from other samples of the batch.
    _mixes_rows: ClassVar[bool] = False
    # Whether the level is in the units of the data, and so a fraction for integer images.
    _in_units: ClassVar[bool] = False
    # Whether ``_corrupt`` runs the same operations for every batch, all on the device, so that a
    # CUDA graph may capture it. Not inherited: a subclass may corrupt in another way.
    _repeatable: ClassVar[bool] = False

    _parameter_constraints: ClassVar[dict] = {
        "clip": [None, tuple, list],
        "random_state": ["random_state"],
        "when": [StrOptions({"fit", "always"})],
    }

    def __init__(
        self, *, clip: Clip = None, random_state: RandomState = None, when: str = "fit"
    ) -> None:
        self.clip = clip
        self.random_state = random_state
        self.when = when

    @abstractmethod
    def _corrupt(self, x: Tensor, level: Any, generator: torch.Generator) -> Tensor:
        """Return a corrupted copy of ``x`` (n, ...): the formula of the noise."""

    def fit(self, X: ArrayLike, y: object = None) -> Self:
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
        self._check_domain(summarize(self._read(X, reset=True)))
        return self

    def fit_transform(self, X: ArrayLike, y: object = None) -> Rows:
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
        check_container(clean, self)
        self._check_domain(summarize(clean))
        noisy = corrupt_rows(self._corrupt_batch, clean, self.random_state)
        return with_origin(noisy, clean, clone(self))

    def transform(self, X: ArrayLike) -> Rows:
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
        check_container(clean, self)
        if self.when == "fit":
            return clean
        self._check_domain(summarize(clean))
        return corrupt_rows(self._corrupt_batch, clean, self.random_state)

    def inverse_transform(self, X: ArrayLike) -> Rows:
        """Return X as it is: noise cannot be undone.

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

    def corrupt(self, X: ArrayLike | Tensor, *, random_state: RandomState = None) -> Any:
        """Return a corrupted copy of X, for experiments.

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
            x = self._read_tensor(X)
            self._check_domain(summarize(x))
            return corrupt_tensor(self._corrupt_batch, x, random_state)
        clean = self._read(X)
        self._check_domain(summarize(clean))
        return corrupt_rows(self._corrupt_batch, clean, random_state)

    def _corrupt_batch(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Return a corrupted copy of a float tensor; training calls it for every batch.

        It checks nothing. The generator is on the device of ``x``.
        """
        level = draw_level(getattr(self, self._level), x, generator) if self._level else None
        noisy = self._corrupt(x, level, generator)
        return noisy if self.clip is None else noisy.clamp(*self.clip)

    def _reads_axes(self) -> bool:
        """Whether the formula needs samples in their shape: training has them as flat rows."""
        return False

    def _is_repeatable(self) -> bool:
        """Whether a CUDA graph may capture the corruption of a batch, and replay it for others.

        Not with one level per column, which is copied to the device for every batch.
        """
        level = getattr(self, self._level) if self._level else None
        says_so = vars(type(self)).get("_repeatable", False)
        return says_so and (level is None or isinstance(level, (Real, tuple)))

    def _check_parameters(self) -> None:
        self._validate_params()
        check_clip(self.clip, type(self).__name__)

    def _check_samples(self, n_features: int, dtype: np.dtype | torch.dtype) -> None:
        """Check the parameters against the number of values of a sample, and their dtype."""
        check_columns(self, n_features)
        if self._in_units and self._level:
            level = getattr(self, self._level)
            check_fraction(level, dtype, parameter=self._level, owner=type(self).__name__)

    def _check_domain(self, summary: DataSummary) -> None:
        """Warn if this noise, at this level, does not suit the values.

        Levels of columns are not compared with the spread of all.
        """
        level = getattr(self, self._level) if self._in_units and self._level else None
        if level is not None and not isinstance(level, (list, np.ndarray)):
            check_strength(self, float(np.max(level)), summary)

    def _fit_checked(self, rows: Rows, *, warns: bool) -> None:
        """Fit to checked rows (n, features), or samples; warn of their values if ``warns``."""
        self._check_parameters()
        self._check_rows(rows)
        if not isinstance(rows, list):
            self.n_features_in_ = rows.shape[1]
        if warns:
            self._check_domain(summarize(rows))

    def _read(self, X: ArrayLike, *, reset: bool = False) -> Rows:
        """Return the checked data: an array, or a list of arrays."""
        self._check_parameters()
        rows: Rows
        if is_list_of_samples(X):
            rows = read_samples(X, type(self).__name__)
        else:
            flat, shape = validate_rows(self, X, reset=reset, dtype=KEPT_DTYPES)
            rows = flat.reshape(shape)
        self._check_rows(rows)
        return rows

    def _check_rows(self, rows: Rows) -> None:
        """Check the parameters against each sample of a list, or the first one of an array."""
        if isinstance(rows, list) and self._mixes_rows:
            refuse_list(type(self).__name__)
        for sample in rows if isinstance(rows, list) else rows[:1]:
            self._check_samples(sample.size, sample.dtype)

    def _read_tensor(self, x: Tensor) -> Tensor:
        """Return the checked tensor, without its gradient."""
        self._check_parameters()
        check_tensor(x, type(self).__name__)
        self._check_samples(x[0].numel(), x.dtype)
        return x.detach()
