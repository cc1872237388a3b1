"""Masking noise."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from skdae._random import RandomState
from skdae._sklearn import Interval
from skdae._warnings import warn_user
from skdae.noise._injector import NoiseInjector
from skdae.noise._levels import Clip, Level, LevelOfColumns
from skdae.noise._summary import DataSummary

__all__ = ["MaskingNoise"]


class MaskingNoise(NoiseInjector):
    """Replace values by a constant while fitting; pass data through afterwards.

    The noise of the first denoising autoencoders [1]_: the model learns to predict the masked
    values from the others.

    Parameters
    ----------
    amount : float, tuple of (low, high), or list or ndarray of shape (n_features,), default=0.25
        Probability that a value is replaced, between 0 (none) and 1 (all). A **tuple** of two
        draws one value per sample, uniformly; a list or an array is one value per column, as of
        columns that are missing more or less often.
    value : float, default=0
        The value that replaces it; for ``uint8`` and ``uint16`` a fraction of the full range.
    clip : tuple of (low, high) or None, default=None
        Interval to which noisy values are clipped. None never clips floats; ``uint8`` and
        ``uint16`` data are always clipped to the range of their dtype.
    random_state : int, RandomState instance or None, default=None
        Seed of the noise. None draws a new one at every call.
    when : {"fit", "always"}, default="fit"
        "fit" corrupts in ``fit_transform`` only, so that a pipeline adds nothing at
        predict time; "always" makes ``transform`` corrupt too.

    Attributes
    ----------
    n_features_in_ : int
        Number of values of a sample, all axes flattened.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, when X has string names.

    See Also
    --------
    SwapNoise : The same for tables, with plausible values.
    SaltAndPepperNoise : Replace by two extremes.

    Notes
    -----
    Every value is masked independently. The others are **not** rescaled by ``1 / (1 - p)``:
    this is masking, not dropout.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, Y. Bengio and P.-A. Manzagol, "Extracting and composing
       robust features with denoising autoencoders", ICML, 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import MaskingNoise
    >>> X = np.ones((1000, 64))
    >>> X_noisy = MaskingNoise(amount=0.25).corrupt(X, random_state=0)
    >>> print(f"{X_noisy.mean():.2f}")
    0.75
    """

    _short_name = "masking"
    _level = "amount"
    _repeatable = True

    _parameter_constraints: ClassVar[dict] = {
        **NoiseInjector._parameter_constraints,
        "amount": [Level(0, 1, closed="both", columns=True)],
        "value": [Interval(Real, None, None, closed="neither")],
    }

    def __init__(
        self,
        amount: LevelOfColumns = 0.25,
        *,
        value: float = 0,
        clip: Clip = None,
        random_state: RandomState = None,
        when: str = "fit",
    ) -> None:
        super().__init__(clip=clip, random_state=random_state, when=when)
        self.amount = amount
        self.value = value

    def _corrupt(self, x: Tensor, level: float | Tensor, generator: torch.Generator) -> Tensor:
        """Replace x by value with probability level."""
        replaced = x.new_empty(x.shape).uniform_(generator=generator) < level
        return x.masked_fill(replaced, self.value)

    def _check_domain(self, summary: DataSummary) -> None:
        """Warn if ``value`` is far from the data."""
        if np.max(self.amount) and summary.is_far_from(self.value):
            low, high = summary.bulk
            warn_user(
                f"value={self.value!r} of MaskingNoise is far from X, most of which goes from "
                f"{low:.3g} to {high:.3g}. Take a value among them, such as "
                f"value={summary.values.mean():.3g}, their mean."
            )
