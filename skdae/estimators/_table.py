"""TableDAE: a table of numbers and categories comes back repaired."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skdae._random import RandomState, draw_seeds
from skdae._sklearn import Interval, StrOptions, fit_context
from skdae.data import TableCodec, read_table
from skdae.estimators._attributes import Callbacks
from skdae.estimators._cells import CellsDAE
from skdae.estimators._features import FEATURES, FeaturesMixin
from skdae.estimators._persistence import unchanged_on_failure
from skdae.estimators._table_bins import TableBins
from skdae.estimators._table_limits import find_limits, set_aside
from skdae.estimators._table_nets import doubts_of, scores_of
from skdae.noise import SwapNoise
from skdae.training import OptimizerFactory

__all__ = ["TableDAE"]

# Of the parameters, those of each net.
_OF_NETS = (
    *("hidden_layer_sizes", "latent_dim", "activation", "optimizer", "lr", "lr_schedule"),
    *("max_epochs", "batch_size", "validation_fraction", "early_stopping", "n_iter_no_change"),
    *("device", "precision", "callbacks", "checkpoint", "verbose"),
)
# Cells that are hidden in training, so that missing ones can be filled.
_HIDDEN = (0.0, 0.2)


class TableDAE(FeaturesMixin, TransformerMixin, BaseEstimator):
    """Repair tables: change wrong cells, and fill missing ones, from the others of their row.

    A frame goes in and a frame comes out, with the same columns, dtypes, categories, units and
    index. Numbers, categories, words and bools are read as they are. A cell changes only where the
    nets are surer than a limit found on rows set aside: right tables stay almost as they are.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(256,)
        Widths of the layers between the input and the code; the decoder has them in reverse.
    latent_dim : int, default=128
        Width of the code. One narrower than the table cannot tell right cells from wrong ones.
    activation : {"relu", "elu", "gelu", "identity", "leaky_relu", "silu", "tanh"}, default="gelu"
        Activation after every layer but the last.
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        The columns of categories, as in scikit-learn's ``HistGradientBoostingClassifier``: a mask,
        positions or names. "from_dtype" takes those of categories, words (strings) and bools.
    numbers : {"standardize", "rank"}, default="standardize"
        What the nets see of a number, and errors are compared in: less its mean over its standard
        deviation, or the normal score of its rank, for columns with long tails.
    amount : float, default=0.15
        Probability with which training replaces a cell by that of another row, between 0 and 1.
        Larger teaches more about wrong cells and less about right ones.
    max_false_changes : float, default=0.01
        The share of the right cells of a column, among the rows set aside, that may change. Smaller
        finds fewer wrong cells; 0 changes no known cell, and only fills missing ones.
    assume_clean : bool, default=True
        Whether the cells of ``fit`` are taken to be right. False allows for some of a hundred that
        are wrong, as in a table that is to be repaired itself; right cells that are odd may change.
    n_nets : int or "auto", default="auto"
        1 trains one net, and sets a fifth of the rows aside, 10,000 at most. Several nets set one
        share each aside, 10,000 rows at most, and are averaged in ``predict``; they take as many
        times longer, and find more in small tables. "auto" is 3 from 100 to 2,000 rows, else 1.
    features : {"code", "all_layers"}, default="code"
        What ``transform`` gives: the code of the first net, or the values of all its hidden layers,
        from the first one of the encoder to the last one of the decoder. The nets are the same, so
        this may be set after ``fit`` too. See :doc:`/user_guide/features`.
    optimizer : {"adam", "adamw", "muon", "sgd"} or callable, default="adamw"
        As in :class:`DenseDAE`.
    lr : float, default=0.003
        Learning rate: the highest of the schedule.
    lr_schedule : {"one_cycle", "constant"}, default="one_cycle"
        "one_cycle" rises from lr/25 to lr and falls to almost 0.
    max_epochs : int or "auto", default="auto"
        Passes over the rows. "auto" takes at least 2,500 steps of the optimizer.
    batch_size : int or "auto", default="auto"
        Rows a step. "auto" is a fiftieth of the rows, between 32 and 128.
    validation_fraction : float, default=0.1
        Part of the rows of a net, drawn at random, that early stopping judges by.
    early_stopping : bool, default=False
        Whether to stop when the validation loss no longer falls, and keep the best weights.
    n_iter_no_change : int, default=10
        Epochs without a better validation loss after which early stopping stops.
    device : str, default="auto"
        Where to train and predict: "cpu", "cuda", "cuda:1", "mps", or the fastest there is.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        What training computes in.
    callbacks : list of skorch callbacks or None, default=None
        Callbacks of skorch to call while each net trains. They are cloned for each.
    checkpoint : str, path-like or None, default=None
        Folder that keeps the state of each net after its epochs, as in :class:`DenseDAE`; a file
        will do for one net. It takes an int as ``random_state``. None keeps none.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, order, noise and the rows set aside. None is a new one at every fit.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar for each net.

    Attributes
    ----------
    daes_ : list of CellsDAE
        The trained nets.
    limits_ : ndarray of shape (``n_features_in_``,)
        The doubt above which a cell of each column changes; infinite where none does.
    false_changes_ : ndarray of shape (``n_features_in_``,)
        The share of right cells of each column that changed, among the rows set aside.
    found_ : ndarray of shape (``n_features_in_``,)
        The share of wrong cells of each column that changed, among the rows set aside.
    is_categorical_ : ndarray of shape (``n_features_in_``,), dtype bool
        The columns of categories.
    n_iter_ : int
        Number of epochs that the first net trained.
    loss_curve_, validation_loss_curve_ : list of float
        Losses of each of its epochs; the latter is empty without early stopping.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, when X has string names.

    See Also
    --------
    DAEImputer : Fill missing cells, and leave all others as they are.

    Notes
    -----
    A known cell is changed if its doubt is above the limit of its column. That of a category is
    log(max_k p(k) / p(observed)), where p are the probabilities that the net gives to its levels,
    and k others than that observed. That of a number is P(wrong) · (observed - guess)². The limit
    is the one with which a table with 2 % of wrong cells gains most: right categories, or smaller
    squared errors, less two standard errors. If nothing is gained, no cell changes: as in tables of
    some 100 rows, or in columns that the others say nothing about.

    Without ``assume_clean``, of the cells that change in rows set aside although nobody swapped
    them, as many are taken to have been wrong as would be found of the largest share of wrong
    cells that fits all limits, 10 % at most.

    Each row is repaired on its own.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import load_iris
    >>> from skdae import TableDAE
    >>> X = load_iris(as_frame=True).frame
    >>> species = ["setosa", "versicolor", "virginica"]
    >>> X["target"] = pd.Categorical.from_codes(X["target"], species)
    >>> repairer = TableDAE(max_epochs=20, random_state=0).fit(X)
    >>> X.loc[1, "target"] = None
    >>> repairer.predict(X[:3])["target"].tolist()
    ['setosa', 'setosa', 'setosa']
    """

    _parameter_constraints: ClassVar[dict] = {
        **{name: CellsDAE._parameter_constraints[name] for name in _OF_NETS},
        "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
        "numbers": [StrOptions({"standardize", "rank"})],
        "amount": [Interval(Real, 0, 1, closed="neither")],
        "max_false_changes": [Interval(Real, 0, 1, closed="both")],
        "assume_clean": ["boolean"],
        "features": [StrOptions(set(FEATURES))],
        "n_nets": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (256,),
        *,
        latent_dim: int = 128,
        activation: str = "gelu",
        categorical_features: Any = "from_dtype",
        numbers: str = "standardize",
        amount: float = 0.15,
        max_false_changes: float = 0.01,
        assume_clean: bool = True,
        n_nets: int | str = "auto",
        features: str = "code",
        optimizer: str | OptimizerFactory = "adamw",
        lr: float = 0.003,
        lr_schedule: str = "one_cycle",
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        validation_fraction: float = 0.1,
        early_stopping: bool = False,
        n_iter_no_change: int = 10,
        device: str = "auto",
        precision: str = "auto",
        callbacks: Callbacks = None,
        checkpoint: str | PathLike | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.latent_dim = latent_dim
        self.activation = activation
        self.categorical_features = categorical_features
        self.numbers = numbers
        self.amount = amount
        self.max_false_changes = max_false_changes
        self.assume_clean = assume_clean
        self.n_nets = n_nets
        self.features = features
        self.optimizer = optimizer
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.device = device
        self.precision = precision
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: object = None) -> Self:
        """Learn what the cells of a row say of each other, and when to change one.

        Parameters
        ----------
        X : array-like, pandas or polars frame of shape (n_samples, n_features)
            A table whose cells are right, or most of them; None, NaN, NA and nulls are missing.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : TableDAE
            The fitted estimator.

        Raises
        ------
        TypeError
            If X is sparse, or a column holds objects that are neither words nor numbers.
        ValueError
            If a column holds dates, infinite numbers, or words beside numbers.
        """
        if self.checkpoint is not None and not isinstance(self.random_state, Integral):
            raise ValueError(
                "The 'checkpoint' parameter of TableDAE takes an int as random_state, by which a "
                f"fit finds its files again. Got random_state={self.random_state!r}."
            )
        with unchanged_on_failure(self, failure=BaseException):
            self._fit(X)
        return self

    def _fit(self, X: Any) -> None:
        X = read_table(X, type(self).__name__)
        validate_data(self, X, reset=True, skip_check_array=True)
        seeds = draw_seeds(self.random_state, 2)
        self._codec = TableCodec.fit(
            X,
            categorical_features=self.categorical_features,
            numbers=self.numbers,
            owner=type(self).__name__,
        )
        self.is_categorical_ = np.array(self._codec.is_category)
        encoded = self._codec.encode(X)
        self._bins = TableBins.fit(self._codec, encoded, amount=self.amount)
        rng = check_random_state(seeds[0])
        aside = set_aside(len(encoded), self.n_nets, self.max_false_changes, rng)
        seeds = draw_seeds(seeds[1], len(aside))
        self.daes_ = [
            self._fit_net(np.delete(encoded, part, axis=0), seed)
            for part, seed in zip(aside, seeds, strict=True)
        ]
        limits = find_limits(
            encoded,
            aside,
            self.daes_,
            self._bins,
            self._codec.groups,
            max_false_changes=self.max_false_changes,
            assume_clean=bool(self.assume_clean),
            rng=rng,
        )
        self.false_changes_, self.found_ = limits.false_changes, limits.found
        first = self.daes_[0]
        self._code_shape, self._hidden_widths = first._code_shape, first._hidden_widths
        self.n_iter_, self.loss_curve_ = first.n_iter_, first.loss_curve_
        self.validation_loss_curve_ = first.validation_loss_curve_
        self.limits_ = limits.doubt

    def predict(self, X: Any) -> Any:
        """Return a table with its missing cells filled, and cells changed that are surely wrong.

        Parameters
        ----------
        X : array-like, pandas or polars frame of shape (n_samples, n_features)
            A table with the columns of ``fit``.

        Returns
        -------
        X_repaired : ndarray, pandas or polars frame of shape (n_samples, n_features)
            A copy of X. Categories that ``fit`` has not seen, and columns without a known cell in
            ``fit``, stay as they are.
        """
        X, encoded = self._read(X)
        cells = self._codec.missing(X)
        doubts, values = doubts_of(self.daes_, self._bins, encoded)
        cells |= doubts > self.limits_
        return self._codec.decode(values, like=X, cells=cells)

    def transform(self, X: Any) -> np.ndarray:
        """Encode rows by the first net.

        Parameters
        ----------
        X : array-like, pandas or polars frame of shape (n_samples, n_features)
            A table with the columns of ``fit``.

        Returns
        -------
        codes : ndarray of shape (n_samples, latent_dim), float32
            The codes; with ``features="all_layers"`` the values of all hidden layers.
        """
        _, encoded = self._read(X)
        return self.daes_[0]._features_of(encoded, self.features)

    def score_samples(self, X: Any) -> np.ndarray:
        """Return how well the nets explain each row: higher is more like the table of ``fit``.

        Parameters
        ----------
        X : array-like, pandas or polars frame of shape (n_samples, n_features)
            A table with the columns of ``fit``.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64
            The negative mean loss of the known cells, 0 where none is: squared errors of coded
            numbers, and negative log-probabilities of categories.
        """
        _, encoded = self._read(X)
        return scores_of(self.daes_, self._bins, encoded, encoded)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean of ``score_samples``, or how well the nets restore another table.

        Parameters
        ----------
        X : array-like, pandas or polars frame of shape (n_samples, n_features)
            A table with the columns of ``fit``.
        y : array-like or frame of X's shape, or labels, default=None
            The clean table. None and labels are X itself: that says nothing about wrong cells.

        Returns
        -------
        score : float
            Higher is better, and 0 the best.
        """
        X, encoded = self._read(X)
        target = self._read(y)[1] if y is not None and np.shape(y) == np.shape(X) else encoded
        return float(scores_of(self.daes_, self._bins, encoded, target).mean())

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether a fit was completed."""
        return hasattr(self, "limits_")

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that cells may be words, categories or missing."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _fit_net(self, encoded: np.ndarray, seed: int) -> CellsDAE:
        """Train a net to restore rows whose cells are swapped or hidden."""
        net = CellsDAE(
            self._codec.levels,
            owner=type(self).__name__,
            edges=self._bins.edges if any(self._bins.edges) else None,
            hidden=_HIDDEN,
            noise=SwapNoise(self.amount, groups=list(self._codec.groups)),
            random_state=seed,
            **{name: getattr(self, name) for name in _OF_NETS},
        )
        return net.fit(encoded)

    def _read(self, X: Any) -> tuple[Any, np.ndarray]:
        """Return a checked table, and its codes."""
        check_is_fitted(self)
        X = read_table(X, type(self).__name__)
        validate_data(self, X, reset=False, skip_check_array=True)
        return X, self._codec.encode(X)
