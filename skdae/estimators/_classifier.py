"""DAEClassifier: few labels, many rows."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from torch import Tensor

from skdae._random import RandomState
from skdae._sklearn import Interval, fit_context
from skdae.estimators._base import BaseDenoisingAutoencoder
from skdae.estimators._fine_tuned import FineTunedDAE
from skdae.training import weighted_cross_entropy

__all__ = ["DAEClassifier"]

_UNLABELLED = -1


class DAEClassifier(ClassifierMixin, FineTunedDAE):
    """Classify where few rows have labels: a denoising autoencoder learns from all of them.

    First the autoencoder learns from all rows, with labels or without. Then its encoder, with a
    linear layer on the code, learns the labels end to end, from noisy inputs. Rows without a label
    learn the class that the net gives them without noise, once it is sure of it. With a
    label for every row it is an ordinary classifier.

    Parameters
    ----------
    estimator : BaseDenoisingAutoencoder, FrozenEstimator or None, default=None
        The autoencoder, as ``ConvDAE()`` for images; it is cloned and trained on all rows. One
        that is trained already, in a ``FrozenEstimator``, is not trained on these rows again: the
        encoder starts from its weights, and it stays as it is itself. None is a ``DenseDAE`` with
        256 hidden units and as many codes, for tables after a ``StandardScaler``. Without a noise
        of its own (``noise="auto"``) it gets Gaussian noise of one standard deviation of X. Its
        ``device`` and ``precision`` are those of the classifier.
    threshold : float or None, default=0.9
        Probability of a class from which on a row without a label learns that class. Lower uses
        more rows, and more wrong guesses. None learns from rows with labels only.
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
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted; -1 is not one of them.
    estimator_ : BaseDenoisingAutoencoder
        The trained autoencoder, before the fine-tuning.
    net_ : DenoisingNet
        The fine-tuned skorch net; ``net_.module_`` is the torch module.
    n_iter_ : int
        Epochs of the fine-tuning.
    loss_curve_ : list of float
        Training loss of each of them: cross-entropy of labels plus that of guesses.
    n_features_in_ : int
        Number of values of a sample, all axes flattened.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, when X has string names.

    See Also
    --------
    DAERegressor : The same for numbers.
    sklearn.semi_supervised.SelfTrainingClassifier : Guesses labels with any classifier.

    Notes
    -----
    With noisy inputs x', clean ones x, and the net p, the fine-tuning minimises the mean over
    labelled rows of -log p(y | x') plus the mean over the others of -log p(c | x') [p(c | x) >=
    threshold], where c is the most probable class of x [1]_. Labelled rows make a
    third of every epoch at least, a third of all rows come without noise, and guesses begin with
    the second epoch. ``sample_weight`` weighs rows in both; the autoencoder learns from all rows
    alike.

    References
    ----------
    .. [1] D.-H. Lee, "Pseudo-label: the simple and efficient semi-supervised learning method for
       deep neural networks", ICML workshop, 2013.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdae import DAEClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> few = y[:1500].copy()
    >>> few[100:] = -1
    >>> classifier = DAEClassifier(random_state=0).fit(X[:1500], few)
    >>> bool(classifier.score(X[1500:], y[1500:]) > 0.8)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **FineTunedDAE._parameter_constraints,
        "threshold": [Interval(Real, 0, 1, closed="both"), None],
    }

    classes_: np.ndarray

    _sigma = 1.0
    _criterion = staticmethod(weighted_cross_entropy)

    def __init__(
        self,
        estimator: BaseDenoisingAutoencoder | FrozenEstimator | None = None,
        *,
        threshold: float | None = 0.9,
        lr: float = 0.002,
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.lr = lr
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from all rows, and from the labels of some.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            All rows, as the autoencoder takes them; also what a noise step made of them.
        y : array-like of shape (n_samples,)
            The class of each row, -1 where it is not known. Words as classes are an array of
            dtype object, with the int -1 among them; without -1 any array.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in fine-tuning. A row of weight 0 counts as one without a label.

        Returns
        -------
        self : DAEClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If fewer than two classes have rows with labels, or the training diverges.
        """
        self._fit(X, y, sample_weight)
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Rows as in ``fit``.

        Returns
        -------
        classes : ndarray of shape (n_samples,)
            The classes.
        """
        index = self._outputs(X).argmax(axis=1)
        return self.classes_[index]

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Rows as in ``fit``.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            One column a class, in the order of ``classes_``.
        """
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Rows as in ``fit``.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            One column a class, in the order of ``classes_``.
        """
        logits = self._outputs(X)
        logits -= logits.max(axis=1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy on the rows with labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, width[, channels])
            Rows as in ``fit``.
        y : array-like of shape (n_samples,)
            Their classes; rows of -1 do not count, so that searches can split all rows.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        accuracy : float
            The part of the rows with labels that is classified right.

        Raises
        ------
        ValueError
            If no row has a label.
        """
        predicted = self.predict(X)
        known = np.asarray(column_or_1d(y))
        judged = _has_label(known)
        self._check_any(judged)
        weights = None if sample_weight is None else np.asarray(sample_weight)[judged]
        return float(accuracy_score(known[judged], predicted[judged], sample_weight=weights))

    # ------------------------------------------------------------------ what the net learns
    def _may_guess(self) -> bool:
        return self.threshold is not None

    def _read_y(self, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the index of each row's class, and which rows have one."""
        y = column_or_1d(y, warn=True)
        if y.dtype.kind == "f":
            assert_all_finite(y, input_name="y")
        if y.dtype.kind in "US" and (y == str(_UNLABELLED)).any():
            raise ValueError(
                "y of DAEClassifier has the text '-1' among its classes. Make it an array of dtype "
                "object with the int -1 for rows without a label: np.where(known, y.astype(object),"
                " -1)."
            )
        labelled = _has_label(y)
        self._check_any(labelled)
        check_classification_targets(y[labelled])
        self.classes_, found = np.unique(y[labelled], return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                "DAEClassifier needs rows with labels of two classes or more, and -1 is no class "
                f"but the mark of rows without a label. Got one class, {self.classes_[0]!r}. If -1 "
                "is a class of yours, give it another number."
            )
        index = np.full(len(y), _UNLABELLED)
        index[labelled] = found
        self._n_outputs = len(self.classes_)
        return index, labelled

    def _targets(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return np.eye(self._n_outputs)[y] * weights[:, np.newaxis]

    def _guesses(self, outputs: Tensor) -> Tensor:
        """Return one for the most probable class of each row, if it is probable enough."""
        highest, guess = torch.softmax(outputs, dim=1).max(dim=1, keepdim=True)
        sure = (highest >= cast(float, self.threshold)).to(outputs.dtype)
        return torch.zeros_like(outputs).scatter_(1, guess, sure)

    def _check_any(self, labelled: np.ndarray) -> None:
        if not labelled.any():
            raise ValueError(
                "DAEClassifier needs rows with labels. All of y is -1, the mark of rows without."
            )


def _has_label(y: np.ndarray) -> np.ndarray:
    """Tell rows with a label from those of -1; texts are labels, whatever they say."""
    if y.dtype.kind in "US":
        return np.ones(len(y), dtype=bool)
    return np.asarray(y != _UNLABELLED, dtype=bool)
