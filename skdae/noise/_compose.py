"""Combinations of noises."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from skdae._random import RandomState
from skdae._sklearn import InvalidParameterError, NamedStepsMixin
from skdae.noise._injector import NoiseInjector
from skdae.noise._levels import Clip
from skdae.noise._summary import DataSummary

__all__ = ["ChainNoise", "OneOfNoise"]


class _ComposedNoise(NamedStepsMixin, NoiseInjector):
    """The base class of combinations of named noises."""

    _steps_attribute = "noises"

    _parameter_constraints: ClassVar[dict] = {
        **NoiseInjector._parameter_constraints,
        "noises": [list, tuple],
    }

    def __init__(
        self,
        noises: list[tuple[str, NoiseInjector]],
        *,
        clip: Clip = None,
        random_state: RandomState = None,
        when: str = "fit",
    ) -> None:
        # `super()` is scikit-learn's _BaseComposition, whose constructor takes no parameters.
        NoiseInjector.__init__(self, clip=clip, random_state=random_state, when=when)
        self.noises = noises

    @property
    def _mixes_rows(self) -> bool:  # type: ignore[override]
        return any(noise._mixes_rows for _, noise in self.noises)

    def _reads_axes(self) -> bool:
        """Whether one of the parts needs samples in their shape."""
        return any(noise._reads_axes() for _, noise in self.noises)

    def _is_repeatable(self) -> bool:
        """Whether a CUDA graph may capture the corruption: whether it may for all parts."""
        return super()._is_repeatable() and all(noise._is_repeatable() for _, noise in self.noises)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        owner = type(self).__name__
        pairs_of_noise = bool(self.noises) and all(
            isinstance(pair, (tuple, list))
            and len(pair) == 2
            and isinstance(pair[0], str)
            and isinstance(pair[1], NoiseInjector)
            for pair in self.noises
        )
        if not pairs_of_noise:
            raise InvalidParameterError(
                f"The 'noises' parameter of {owner} must be a list of (name, injector) "
                f"pairs, at least one. Got {self.noises!r} instead."
            )
        self._validate_names([name for name, _ in self.noises])
        for _, noise in self.noises:
            noise._check_parameters()

    def _check_samples(self, n_features: int, dtype: np.dtype | torch.dtype) -> None:
        for _, noise in self.noises:
            noise._check_samples(n_features, dtype)

    def _check_domain(self, summary: DataSummary) -> None:
        for _, noise in self.noises:
            noise._check_domain(summary)


class OneOfNoise(_ComposedNoise):
    """Corrupt each sample with one of several noises while fitting; then pass data through.

    For a model that meets several kinds of noise, one in each sample.

    Parameters
    ----------
    noises : list of (name, injector)
        The kinds to choose from. Their parameters are reached as ``name__parameter``.
    weights : array-like of shape (n_noises,) or None, default=None
        Relative frequency of each kind. None makes them equal.
    clip : tuple of (low, high) or None, default=None
        Interval to which the result is clipped, after the clipping of the named noises.
        None never clips floats; ``uint8`` and ``uint16`` data are always clipped to the
        range of their dtype.
    random_state : int, RandomState instance or None, default=None
        Seed of all the noise; those of the named noises are not used. None draws a new
        one at every call.
    when : {"fit", "always"}, default="fit"
        "fit" corrupts in ``fit_transform`` only, so that a pipeline adds nothing at
        predict time; "always" makes ``transform`` corrupt too. That of the named noises
        is not used.

    Attributes
    ----------
    n_features_in_ : int
        Number of values of a sample, all axes flattened.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, when X has string names.

    See Also
    --------
    ChainNoise : Several noises, one after another.

    Notes
    -----
    The kind is drawn for every sample on its own, with probability proportional to its
    weight.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import GaussianNoise, MaskingNoise, OneOfNoise
    >>> noise = OneOfNoise(
    ...     [("gauss", GaussianNoise(0.1)), ("mask", MaskingNoise(1.0))]
    ... )
    >>> noise = noise.set_params(gauss__sigma=0)
    >>> X_noisy = noise.corrupt(np.ones((1000, 2)), random_state=0)
    >>> print(f"{X_noisy.mean():.1f}")
    0.5
    """

    _repeatable = True

    _parameter_constraints: ClassVar[dict] = {
        **_ComposedNoise._parameter_constraints,
        "weights": [None, "array-like"],
    }

    def __init__(
        self,
        noises: list[tuple[str, NoiseInjector]],
        *,
        weights: ArrayLike | None = None,
        clip: Clip = None,
        random_state: RandomState = None,
        when: str = "fit",
    ) -> None:
        super().__init__(noises, clip=clip, random_state=random_state, when=when)
        self.weights = weights

    def _corrupt(self, x: Tensor, level: None, generator: torch.Generator) -> Tensor:
        """Corrupt each sample with the noise drawn for it."""
        kinds = self._draw_kinds(x, generator)
        noisy = x.clone()
        for kind, (_, noise) in enumerate(self.noises):
            drawn = kinds == kind
            if noise._mixes_rows or x.device.type != "cpu":
                # SwapNoise takes values from all rows of the batch. On a GPU, x[drawn] has to wait
                # until the CPU knows the number of its rows.
                mask = drawn.view(-1, *[1] * (x.ndim - 1))
                noisy = torch.where(mask, noise._corrupt_batch(x, generator), noisy)
            elif drawn.any():
                noisy[drawn] = noise._corrupt_batch(x[drawn], generator)
        return noisy

    def _draw_kinds(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Draw the index of a noise for each sample, by the cumulated weights."""
        weights = np.ones(len(self.noises)) if self.weights is None else np.asarray(self.weights)
        draws = torch.rand(len(x), generator=generator, device=x.device)
        kinds = torch.zeros_like(draws, dtype=torch.int64)
        for step in (np.cumsum(weights)[:-1] / np.sum(weights)).tolist():
            kinds += draws >= step
        return kinds

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.weights is None:
            return
        weights = np.asarray(self.weights)
        if (
            weights.dtype.kind not in "fiub"
            or weights.shape != (len(self.noises),)
            or not ((weights >= 0).all() and 0 < weights.sum() < np.inf)
        ):
            raise InvalidParameterError(
                "The 'weights' parameter of OneOfNoise must be None or one number >= 0 for "
                f"each of the {len(self.noises)} noises, not all 0. Got {self.weights!r} "
                "instead."
            )


class ChainNoise(_ComposedNoise):
    """Corrupt with several noises, one after another, while fitting; then pass data through.

    For noise that comes in stages: photons are counted, the count is read out with electronic
    noise, and some pixels are dead.

    Parameters
    ----------
    noises : list of (name, injector)
        The noises in their order. Their parameters are reached as ``name__parameter``.
    clip : tuple of (low, high) or None, default=None
        Interval to which the result is clipped, after the clipping of the named noises.
        None never clips floats; ``uint8`` and ``uint16`` data are always clipped to the
        range of their dtype.
    random_state : int, RandomState instance or None, default=None
        Seed of all the noise; those of the named noises are not used. None draws a new
        one at every call.
    when : {"fit", "always"}, default="fit"
        "fit" corrupts in ``fit_transform`` only, so that a pipeline adds nothing at
        predict time; "always" makes ``transform`` corrupt too. That of the named noises
        is not used.

    Attributes
    ----------
    n_features_in_ : int
        Number of values of a sample, all axes flattened.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, when X has string names.

    See Also
    --------
    OneOfNoise : One of several noises for each sample.

    Notes
    -----
    The result of each noise, clipped if it says so, is the input of the next one.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import ChainNoise, GaussianNoise, PoissonNoise
    >>> camera = ChainNoise(
    ...     [("photons", PoissonNoise(100)), ("readout", GaussianNoise(0.03))]
    ... )
    >>> X = np.full((1000, 64), 0.16)
    >>> print(f"{camera.corrupt(X, random_state=0).std():.2f}")
    0.05
    """

    _repeatable = True

    def _corrupt(self, x: Tensor, level: None, generator: torch.Generator) -> Tensor:
        """Apply the noises in their order."""
        for _, noise in self.noises:
            x = noise._corrupt_batch(x, generator)
        return x
