"""The outlier detector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from numbers import Integral, Real
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from skdae._random import RandomState, draw_seeds
from skdae._sklearn import Interval, StrOptions, fit_context
from skdae.data import DataFormat, Samples, read_first
from skdae.estimators._autoencoder_parameter import AutoencoderParameter
from skdae.estimators._base import BaseDenoisingAutoencoder
from skdae.estimators._column_scale import ColumnScale
from skdae.estimators._cross_fitting import Judges, fit_judges
from skdae.estimators._dense import DenseDAE
from skdae.estimators._error_spread import ErrorSpread
from skdae.estimators._folds import Folds, digests, draw_folds
from skdae.noise import GaussianNoise

__all__ = ["DAEOutlierDetector"]

# What "auto" takes: the highest level of the noise in standard deviations, steps of the optimizer
# for each row and at most, and rows.
_SIGMA = 1.0
_STEPS_A_ROW, _FEWEST_STEPS, _MOST_STEPS = 2, 200, 1000
_MOST_ROWS = 2**15
# Rows to judge may hold many outliers: training is short, and goes on without the oddest rows.
_SHORT_STEPS, _ROUNDS = 300, 3
# How far a box plot draws its whiskers, in heights of the box.
_WHISKER = 1.5
_VALUES_AT_ONCE = 2**20


class DAEOutlierDetector(OutlierMixin, BaseEstimator):
    """Find outliers in tables, images and signals by what denoising autoencoders make of them.

    A net that has learned to remove noise from usual samples moves odd ones to where usual ones
    lie. The larger this error, in comparison with those of samples that the net was not trained
    on, the odder the sample. Use it to find the outliers among the rows of the fit, as
    ``IsolationForest`` does, or, with ``novelty=True``, new rows that are unlike those of the fit.

    Parameters
    ----------
    estimator : BaseDenoisingAutoencoder or None, default=None
        The autoencoder to clone: :class:`DenseDAE` for tables, :class:`ConvDAE` or
        :class:`UNetDAE` for images and signals. Where its ``noise`` is "auto", Gaussian noise
        is taken, of all levels up to one standard deviation; where its ``max_epochs`` is "auto",
        at most 1,000 steps of the optimizer with ``novelty=True``, and three times 300 without.
        Its ``random_state`` is set. None is
        ``DenseDAE((256,), latent_dim=32)``.
    novelty : bool, default=False
        Whether all rows of the fit are normal. True learns them well, to judge other rows.
        False expects outliers among them: training is short, and repeated twice without the 40 %
        of the rows that have the largest errors or lie farthest from the centre, so that it does
        not learn the outliers.
    contamination : "auto" or float, default="auto"
        The part of the rows of the fit, in (0, 0.5], that count as outliers. With
        ``novelty=True`` it is the rate of false alarms on normal rows. "auto" takes those
        beyond the whiskers of a box plot of the scores, one and a half times the height of the box.
    n_folds : int, default=3
        Number of nets, at least 2. Each is trained without one fold of the rows, and judges it.
        More nets learn from more rows each, agree better, and take longer.
    max_samples : int or "auto", default="auto"
        Rows of the fit, drawn at random, that nets are trained on; all are judged. "auto" takes
        at most 32,768. More take longer.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds and the nets. None is a new one at every fit.

    Attributes
    ----------
    estimators_ : list of BaseDenoisingAutoencoder
        The fitted nets, one a fold. Those of tables see scaled columns.
    offset_ : float
        The score below which a row is an outlier.
    sample_shape_ : tuple of int
        What a sample is: ``(features,)``, ``(length, channels)`` or ``(height, width,
        channels)``.
    n_features_in_ : int
        Number of values of a sample, all axes flattened.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, when X has string names.

    See Also
    --------
    FeatureErrorsDisplay : Pictures of which cells and pixels are odd.
    sklearn.ensemble.IsolationForest : Finds single extreme values, and needs no training of nets.

    Notes
    -----
    The error of a sample x is the vector e = D(x) - x, where D denoises. Its size is
    e' S⁻¹ e / p, where p is the number of values and S the mean of e e' over samples of the fit
    that D was not trained on, plus 1 % of its mean variance: errors count less in directions in
    which those of usual samples are large. A sample of the fit is known again by its values, and
    judged by a net, and an S, of the folds that it is not in; other samples get the
    mean of all nets. So the scores of the fit are those that new samples would get, and
    ``offset_`` holds for these too.

    The columns of a table are centred and scaled before, by moments that a few outliers do not
    change, and cut off at 10 standard deviations: their units do not matter. Any new value in a
    column that was constant is as odd as can be. Pixels and signals keep their values.

    For Gaussian noise of variance s², the error of the best denoiser is s² times the gradient of
    the log density of the noisy data [1]_: it is small where samples are dense.

    References
    ----------
    .. [1] P. Vincent, "A connection between score matching and denoising autoencoders", Neural
       Computation 23, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import DAEOutlierDetector
    >>> rng = np.random.default_rng(0)
    >>> heights = rng.normal(170, 10, size=500)
    >>> X = np.column_stack([heights, heights - 100 + rng.normal(0, 3, size=500)])
    >>> detector = DAEOutlierDetector(
    ...     novelty=True, contamination=0.01, random_state=0
    ... ).fit(X)
    >>> detector.predict([[170, 70], [190, 90], [190, 55]])
    array([ 1,  1, -1])
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [AutoencoderParameter(), None],
        "novelty": ["boolean"],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "n_folds": [Interval(Integral, 2, None, closed="left")],
        "max_samples": [StrOptions({"auto"}), Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }

    estimators_: list[BaseDenoisingAutoencoder]
    offset_: float
    sample_shape_: tuple[int, ...]
    n_features_in_: int
    feature_names_in_: np.ndarray

    # What later data are compared with, and what judges them, as plain data.
    _format: tuple
    _scale: tuple | None
    _folds: tuple
    _spreads: list[tuple]

    def __init__(
        self,
        estimator: BaseDenoisingAutoencoder | None = None,
        *,
        novelty: bool = False,
        contamination: str | float = "auto",
        n_folds: int = 3,
        max_samples: str | int = "auto",
        random_state: RandomState = None,
    ) -> None:
        self.estimator = estimator
        self.novelty = novelty
        self.contamination = contamination
        self.n_folds = n_folds
        self.max_samples = max_samples
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: object = None) -> DAEOutlierDetector:
        """Learn what usual samples are, and from which score on a sample is an outlier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Samples: normal ones with ``novelty=True``, else those to judge.
        y : None
            Ignored.

        Returns
        -------
        self : DAEOutlierDetector
            The fitted detector.

        Raises
        ------
        ValueError
            If there are less than two samples, or X is none that ``estimator`` takes.
        """
        template = _default() if self.estimator is None else clone(self.estimator)
        flat = template._reads_flat_rows
        samples = read_first(X, self, sample_shape=template.sample_shape, flat=flat, lists=False)
        self._format, self.sample_shape_ = astuple(DataFormat.of(samples)), samples.sample_shape
        seeds = draw_seeds(self.random_state, 1 + _ROUNDS * self.n_folds)
        generator = np.random.RandomState(seeds.pop())
        rows = self._drawn(samples, generator)
        n_nets = min(self.n_folds, len(rows))
        if n_nets < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least 2 samples, to judge each by a net that was "
                f"trained on others. Got n_samples = {len(rows)}."
            )
        folds = draw_folds(len(rows), n_nets, generator)
        scale = ColumnScale.of(rows) if len(self.sample_shape_) == 1 else None
        self._scale = None if scale is None else (scale.centre, scale.scale)
        unit = samples.units[1] if scale is None else 1.0
        values = rows if scale is None else scale.apply(rows)
        n_rounds = 1 if self.novelty else _ROUNDS
        self.estimators_, spreads = fit_judges(
            self._set_up(template, unit, len(rows)),
            values,
            folds,
            sample_shape=self.sample_shape_,
            seeds=[seeds[i * n_nets : (i + 1) * n_nets] for i in range(n_rounds)],
        )
        self._spreads = [(s.directions, s.variances, s.rest, s.usual) for s in spreads]
        known = Folds.of(digests(rows), folds)
        self._folds = (known.known, known.shares)
        self.offset_ = self._limit(self._scores(samples))
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Say which samples are outliers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Samples, laid out as in ``fit`` or as flat rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int
            -1 for outliers, 1 for the others.
        """
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Return the scores above ``offset_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Samples, laid out as in ``fit`` or as flat rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64
            Negative for outliers.
        """
        return self.score_samples(X) - self.offset_

    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Return how normal samples are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Samples, laid out as in ``fit`` or as flat rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64
            The negative squared size of the error. Usual samples are near -1; -4 is an
            error of twice the usual size.
        """
        return self._scores(self._read(X))

    def feature_errors(self, X: ArrayLike) -> np.ndarray:
        """Return how odd each value of the samples is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Samples, laid out as in ``fit`` or as flat rows.

        Returns
        -------
        errors : ndarray of the shape of X, float64
            The size of the error of each value, in what is usual for this feature or pixel:
            1 is usual, 5 is odd.
        """
        samples = self._read(X)
        judges = self._judges()
        parts = [judges.feature_errors(*some) for some in self._judged(samples)]
        shape: tuple[Any, ...] = samples.shape
        return np.concatenate(parts).reshape(shape)

    # ------------------------------------------------------------------ computing
    def _set_up(
        self, template: BaseDenoisingAutoencoder, unit: float, n_rows: int
    ) -> BaseDenoisingAutoencoder:
        """Set what is "auto": the noise, and the epochs for some number of steps."""
        if template.noise == "auto":
            template.set_params(noise=GaussianNoise((0.0, _SIGMA * unit)))
        if template.max_epochs == "auto":
            n_trained = max(1, n_rows - n_rows // self.n_folds)
            steps = min(max(_STEPS_A_ROW * n_trained, _FEWEST_STEPS), _MOST_STEPS)
            steps = steps if self.novelty else _SHORT_STEPS
            batch = template._batch_size_for(n_trained, self.sample_shape_)
            template.set_params(max_epochs=max(1, round(steps * batch / n_trained)))
        return template

    def _drawn(self, samples: Samples, generator: np.random.RandomState) -> np.ndarray:
        """Return the rows that nets are trained on: all, or some at random."""
        n_rows, rows = len(samples.rows), cast(np.ndarray, samples.rows)
        most = _MOST_ROWS if self.max_samples == "auto" else int(self.max_samples)
        if n_rows <= most and not samples.is_stored:
            return rows
        chosen = np.zeros(n_rows, dtype=bool)
        chosen[generator.permutation(n_rows)[:most]] = True
        parts, start = [], 0
        for part in samples.in_memory():
            parts.append(part.rows[chosen[start : start + len(part.rows)]])
            start += len(part.rows)
        return np.concatenate(parts)

    def _limit(self, scores: np.ndarray) -> float:
        if not isinstance(self.contamination, str):
            return float(np.percentile(scores, 100 * self.contamination))
        low, high = np.percentile(np.sqrt(-scores), [25, 75])
        return -float(np.square(high + _WHISKER * (high - low)))

    def _read(self, X: ArrayLike) -> Samples:
        check_is_fitted(self)
        form = DataFormat(*self._format)
        return form.read(X, self, lists=False, any_size=False, finite=True)

    def _judges(self) -> Judges:
        spreads = [ErrorSpread(*parts) for parts in self._spreads]
        return Judges(self.estimators_, spreads, Folds(*self._folds), self.sample_shape_)

    def _judged(self, samples: Samples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield some rows as the nets take them, and their digests."""
        scale = None if self._scale is None else ColumnScale(*self._scale)
        for part in samples.in_memory():
            read = cast(np.ndarray, part.rows)
            for block in gen_batches(len(read), max(1, _VALUES_AT_ONCE // read.shape[1])):
                rows = read[block]
                yield rows if scale is None else scale.apply(rows), digests(rows)

    def _scores(self, samples: Samples) -> np.ndarray:
        judges = self._judges()
        return -np.concatenate([judges.squared_sizes(*some) for some in self._judged(samples)])

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether there is a limit, which fit learns last."""
        return hasattr(self, "offset_")


def _default() -> DenseDAE:
    return DenseDAE((256,), latent_dim=32)
