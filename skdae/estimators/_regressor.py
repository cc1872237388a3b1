"""DAERegressor: few targets, many rows."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import r2_score
from sklearn.utils import Tags, check_array

from skdae._random import RandomState
from skdae._sklearn import fit_context
from skdae.estimators._base import BaseDenoisingAutoencoder
from skdae.estimators._fine_tuned import FineTunedDAE
from skdae.training import weighted_squares

__all__ = ["DAERegressor"]


class DAERegressor(RegressorMixin, FineTunedDAE):
    """Predict numbers where few rows have them: a denoising autoencoder learns from all rows.

    First the autoencoder learns from all rows, with targets or without. Then its encoder, with a
    linear layer on the code, learns the targets end to end, from noisy inputs. With a target for
    every row it is an ordinary regressor.

    Parameters
    ----------
    estimator : BaseDenoisingAutoencoder, FrozenEstimator or None, default=None
        The autoencoder, as ``ConvDAE()`` for images; it is cloned and trained on all rows. One
        that is trained already, in a ``FrozenEstimator``, is not trained on these rows again: the
        encoder starts from its weights, and it stays as it is itself. None is a ``DenseDAE`` with
        256 hidden units and as many codes, for tables after a ``StandardScaler``. Without a noise
        of its own (``noise="auto"``) it gets Gaussian noise of 0.5 standard deviations of X. Its
        ``device`` and ``precision`` are those of the regressor.
    lr : float, default=0.002
        Highest learning rate of the fine-tuning, of a one-cycle schedule.
    max_epochs : int or "auto", default="auto"
        Passes over the rows in fine-tuning. "auto" takes at least 2,500 steps of the optimizer,
        and from 10 to 500 epochs.
    batch_size : int or "auto", default="auto"
        Rows a step of the fine-tuning. "auto" is a fiftieth of an epoch, between 32 and 128.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, order and noise; of the autoencoder's too, if its own ``random_state`` is
        None.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar of the fine-tuning.

    Attributes
    ----------
    estimator_ : BaseDenoisingAutoencoder
        The trained autoencoder, before the fine-tuning.
    net_ : DenoisingNet
        The fine-tuned skorch net; ``net_.module_`` is the torch module, whose outputs are targets
        in standard deviations from their mean.
    n_iter_ : int
        Epochs of the fine-tuning.
    loss_curve_ : list of float
        Training loss of each of them: mean squared error, in squared standard deviations of the
        targets.
    n_features_in_ : int
        Number of values of a sample, all axes flattened.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, when X has string names.

    See Also
    --------
    DAEClassifier : The same for classes.

    Notes
    -----
    The fine-tuning minimises the mean squared error of the known targets, from inputs with the
    noise of the autoencoder. ``sample_weight`` weighs rows in it; the autoencoder learns from all
    rows alike.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_regression
    >>> from skdae import DAERegressor
    >>> X, y = make_regression(600, 8, random_state=0)
    >>> few = y[:500].copy()
    >>> few[100:] = np.nan
    >>> regressor = DAERegressor(random_state=0).fit(X[:500], few)
    >>> bool(regressor.score(X[500:], y[500:]) > 0.8)
    True
    """

    _sigma = 0.5
    _criterion = staticmethod(weighted_squares)

    def __init__(
        self,
        estimator: BaseDenoisingAutoencoder | FrozenEstimator | None = None,
        *,
        lr: float = 0.002,
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.lr = lr
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from all rows, and from the targets of some.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            All rows, as the autoencoder takes them; also what a noise step made of them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets, NaN where they are not known. A row may have some of its targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in fine-tuning. A row of weight 0 counts as one without targets.

        Returns
        -------
        self : DAERegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            If an output has no known target, or the training diverges.
        """
        self._fit(X, y, sample_weight)
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict the targets of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Rows as in ``fit``.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs), float64
            The targets, with as many axes as those of ``fit``.
        """
        predicted = self._outputs(X) * self._scale + self._centre
        return predicted[:, 0] if self._is_flat else predicted

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return R² on the rows with all targets, the mean over the outputs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Rows as in ``fit``.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets; rows with NaN do not count, so that searches can split all rows.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        r2 : float
            1 is perfect, 0 as good as the mean of the targets.

        Raises
        ------
        ValueError
            If no row has all targets.
        """
        predicted = self.predict(X)
        y = np.asarray(y, dtype=np.float64)
        judged = ~np.isnan(y.reshape(len(y), -1)).any(axis=1)
        if not judged.any():
            raise ValueError("DAERegressor scores rows with targets. All rows of y have NaN.")
        weights = None if sample_weight is None else np.asarray(sample_weight)[judged]
        return float(r2_score(y[judged], predicted[judged], sample_weight=weights))

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that y may have several columns."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    # ------------------------------------------------------------------ what the net learns
    def _read_y(self, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return standardized targets (n, n_outputs), and which rows have any."""
        y = check_array(
            y, dtype=np.float64, ensure_2d=False, ensure_all_finite="allow-nan", input_name="y"
        )
        self._is_flat = y.ndim == 1
        y = y.reshape(len(y), -1)
        known = ~np.isnan(y)
        if not known.any(axis=0).all():
            missing = np.flatnonzero(~known.any(axis=0))
            raise ValueError(
                "DAERegressor needs rows with targets, for each output. All of y"
                + ("" if self._is_flat else f"[:, {missing[0]}]")
                + " is NaN, the mark of rows without."
            )
        self._n_outputs = y.shape[1]
        self._centre = np.nanmean(y, axis=0)
        scale = np.nanstd(y, axis=0)
        # Constant targets, but for rounding, have no scale.
        is_constant = scale <= np.finfo(np.float64).eps * len(y) * np.abs(self._centre)
        self._scale = np.where(is_constant, 1.0, scale)
        standardized = (y - self._centre) / self._scale
        standardized[known & is_constant] = 0
        return standardized, known.any(axis=1)

    def _targets(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        known = ~np.isnan(y)
        return np.hstack([np.where(known, y, 0), known * weights[:, np.newaxis]])
