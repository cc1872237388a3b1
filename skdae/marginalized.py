"""Denoising autoencoders in closed form: no training loop, and no torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from skdae._sklearn import Interval, StrOptions, check_feature_names_in, fit_context

__all__ = ["MarginalizedDAE"]

_ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda values: values,
    "relu": lambda values: np.maximum(values, 0, out=values),
    "tanh": lambda values: np.tanh(values, out=values),
}


class MarginalizedDAE(TransformerMixin, BaseEstimator):
    r"""Learn features of bags of words and wide tables in closed form.

    A stack of linear denoising autoencoders [1]_. Each layer learns to reconstruct values of which
    some are masked, that is set to 0, and an activation follows. The mean over all ways to mask
    them is computed exactly, so that there is no training loop, no learning rate and no randomness:
    seconds instead of minutes. A hidden value says how much a word, or a column, is to be
    expected beside the others of its row, whether it is there or not.

    The features help most where there are many rows and few of them have labels. The words
    themselves are not among them: ``make_union("passthrough", MarginalizedDAE())`` has both, as
    in [1]_.

    Parameters
    ----------
    amount : float, default=0.8
        Probability that a value is masked, in [0, 1). Larger relies more on the other columns:
        0.5 to 0.9 suits texts; 0 is a linear autoencoder, which learns next to nothing.
    n_layers : int, default=1
        Layers, each of which learns from the hidden values of the one before, and adds as many
        features. More of them spread what a word says further, which helps with few labels, or
        blurs it.
    activation : {"identity", "relu", "tanh"}, default="tanh"
        What follows each layer. With "identity" and one layer, ``transform`` gives the
        reconstruction itself, in units of ``scale_``.
    reg : float, default=1e-5
        Ridge penalty of the weights, as a part of the mean variance of the masked columns. Larger
        is smoother, and better where there are fewer rows than columns.
    max_features : int, default=2000
        The most columns that are reconstructed, and that one system of equations has. Of more
        columns, those of the largest variance are reconstructed, which are the most frequent
        ones in flags of words. All columns are learned from, in blocks of this many whose
        reconstructions are averaged, as in [1]_. The time grows with its square and the number of
        columns, the memory with its square.

    Attributes
    ----------
    coefs_ : list of ndarray
        Weights of each layer, of shape (``n_features_in_``, n_reconstructed) for the first one and
        (n_reconstructed, n_reconstructed) for the others.
    intercepts_ : list of ndarray of shape (n_reconstructed,)
        Intercepts of each layer.
    columns_ : ndarray of shape (n_reconstructed,)
        Indices of the columns that are reconstructed, in their order.
    scale_ : float
        Root mean square of the values that are not 0, by which X is divided: 1 for flags.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, when X has string names.

    See Also
    --------
    DenseDAE : Any noise and any depth, trained by gradients.
    MaskingNoise : The noise that is marginalized out here.

    Notes
    -----
    With x the values, x' the masked ones, the first layer minimises

    .. math:: E\,\lVert x - W x' - b \rVert^2 + \lambda \lVert W \rVert^2

    over the rows and all ways to mask them: the ridge regression on infinitely many masked copies.
    With S the mean of x xᵀ, m that of x, and q the probability to keep a value, the moments are
    exact: E[x x'ᵀ] = q S, and E[x' x'ᵀ] is q² S with the diagonal q diag(S). The hidden values are
    activation(W x + b) of the values as they are, and the next layer learns from these.

    Sparse X stays sparse; only moments of at most ``max_features`` columns are dense.

    References
    ----------
    .. [1] M. Chen, Z. Xu, K. Q. Weinberger and F. Sha, "Marginalized denoising autoencoders for
       domain adaptation", ICML, 2012.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from skdae import MarginalizedDAE
    >>> texts = ["red wine", "white wine", "red rose", "white rose"]
    >>> texts += ["wine glass", "rose garden"]
    >>> words = CountVectorizer(binary=True).fit(texts)
    >>> X = words.transform(texts)
    >>> dae = MarginalizedDAE(amount=0.5, reg=0.1).fit(X)
    >>> names = dae.get_feature_names_out(words.get_feature_names_out())
    >>> expected = dict(zip(names, dae.transform(words.transform(["wine"]))[0]))
    >>> bool(expected["layer1_glass"] > expected["layer1_garden"])
    True
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "amount": [Interval(Real, 0, 1, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(_ACTIVATIONS))],
        "reg": [Interval(Real, 0, None, closed="neither")],
        "max_features": [Interval(Integral, 1, None, closed="left")],
    }

    coefs_: list[np.ndarray]
    intercepts_: list[np.ndarray]
    columns_: np.ndarray
    scale_: float
    n_features_in_: int

    def __init__(
        self,
        amount: float = 0.8,
        *,
        n_layers: int = 1,
        activation: str = "tanh",
        reg: float = 1e-5,
        max_features: int = 2000,
    ) -> None:
        self.amount = amount
        self.n_layers = n_layers
        self.activation = activation
        self.reg = reg
        self.max_features = max_features

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> MarginalizedDAE:
        """Solve for the layers, one after another.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows, of which many values are 0 or, in a table, have mean 0.
        y : None
            Ignored.

        Returns
        -------
        self : MarginalizedDAE
            The fitted transformer.

        Raises
        ------
        ValueError
            If ``reg`` is too small for columns that depend on each other.
        """
        rows = self._read(X, reset=True)
        self.scale_ = _scale_of(rows)
        values = rows.astype(np.float64) / self.scale_
        order = np.argsort(-_variances(values), kind="stable")
        self.columns_ = np.sort(order[: self.max_features])
        self.coefs_, self.intercepts_, self._activation = [], [], self.activation
        for layer in range(self.n_layers):
            if layer:
                values = self._next(values, layer - 1)
                self._add(self._solve(values, values))
            elif len(order) <= self.max_features:
                self._add(self._solve(values, values))
            else:
                self._add(self._solve_in_blocks(values, order))
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Return the hidden values of all layers.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows as in ``fit``; nothing is masked.

        Returns
        -------
        hidden : ndarray of shape (n_samples, n_layers * n_reconstructed)
            The values of the first layer, then those of the second, in the dtype of X.
        """
        check_is_fitted(self)
        rows = self._read(X, reset=False)
        values, width = rows.astype(np.float64) / self.scale_, len(self.columns_)
        hidden = np.empty((rows.shape[0], width * len(self.coefs_)), dtype=rows.dtype)
        for layer in range(len(self.coefs_)):
            values = self._next(values, layer)
            hidden[:, layer * width : (layer + 1) * width] = values
        return hidden

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the name of each hidden value: that of its column, behind its layer.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the columns of X, as the words of a vectorizer. None takes those of ``fit``.

        Returns
        -------
        names : ndarray of str objects
            As "layer1_wine".
        """
        check_is_fitted(self)
        columns = check_feature_names_in(self, input_features)[self.columns_]
        layers = range(1, len(self.coefs_) + 1)
        return np.array([f"layer{k}_{name}" for k in layers for name in columns], dtype=object)

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that X may be sparse, and keeps its dtype."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    # ------------------------------------------------------------------ computing
    def _read(self, X: ArrayLike, *, reset: bool) -> Any:
        dtypes = [np.float64, np.float32]
        return validate_data(self, X, accept_sparse="csr", dtype=dtypes, reset=reset)

    def _next(self, values: Any, layer: int) -> np.ndarray:
        """activation(x W + b)."""
        linear = values @ self.coefs_[layer] + self.intercepts_[layer]
        return _ACTIVATIONS[self._activation](linear)

    def _add(self, solved: tuple[np.ndarray, np.ndarray]) -> None:
        coef, intercept = solved
        self.coefs_.append(coef)
        self.intercepts_.append(intercept)

    def _solve_in_blocks(self, values: Any, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean of the reconstructions from blocks of columns.

        Each block has frequent and rare columns.
        """
        n_blocks = -(-len(order) // self.max_features)
        coef = np.empty((len(order), len(self.columns_)))
        intercept = np.zeros(len(self.columns_))
        targets = values[:, self.columns_]
        for first in range(n_blocks):
            block = np.sort(order[first::n_blocks])
            part, at_zero = self._solve(values[:, block], targets)
            coef[block] = part / n_blocks
            intercept += at_zero / n_blocks
        return coef, intercept

    def _solve(self, values: Any, targets: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return W = cov(x', x')⁻¹ cov(x', target) and b, for the masked values x' of x.

        cov(x', x') is q² cov(x, x), where the diagonal is q E[x²] - q² E[x]²; cov(x', target) is
        q cov(x, target).
        """
        kept = 1 - self.amount
        mean, covariance, squares = _means(values), _moments(values, values), _squares(values)
        if targets is values:
            target_mean, coef = mean, kept * covariance
        else:
            target_mean, coef = _means(targets), kept * _moments(values, targets)
        variances = kept * squares - (kept * mean) ** 2
        penalty = self.reg * (variances.mean() or 1.0)
        covariance *= kept**2
        covariance[np.diag_indices_from(covariance)] = variances + penalty
        try:
            factor = cho_factor(covariance, overwrite_a=True, check_finite=False)
        except LinAlgError:
            raise ValueError(
                "The 'reg' parameter of MarginalizedDAE must be larger for columns that depend on "
                f"each other, as these do. Got {self.reg!r}: take the default of 1e-5, or more."
            ) from None
        coef = cho_solve(factor, coef, overwrite_b=True, check_finite=False)
        return coef, target_mean - kept * mean @ coef


def _scale_of(X: Any) -> float:
    """Return the root mean square of the values that are not 0; 1 if all are."""
    values = X.data if issparse(X) else X
    largest, n_values = float(np.abs(values).max(initial=0)), np.count_nonzero(values)
    if not n_values:
        return 1.0
    mean = np.square(values / largest, dtype=np.float64).sum() / n_values
    return largest * math.sqrt(mean)


def _means(values: Any) -> np.ndarray:
    return np.asarray(values.mean(axis=0)).ravel()


def _squares(values: Any) -> np.ndarray:
    """Return E[x²] of each column."""
    squares = values.multiply(values) if issparse(values) else np.square(values)
    return _means(squares)


def _variances(values: Any) -> np.ndarray:
    return _squares(values) - _means(values) ** 2


def _moments(values: Any, targets: Any) -> np.ndarray:
    """Return cov(x, target), of columns in pairs."""
    products = values.T @ targets
    products = products.toarray() if issparse(products) else products
    products /= values.shape[0]
    products -= np.outer(_means(values), _means(targets))
    return products
