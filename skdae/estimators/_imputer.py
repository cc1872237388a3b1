"""DAEImputer: missing numbers and categories, filled from the other columns."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.impute import MissingIndicator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skdae._random import RandomState, draw_seeds
from skdae._sklearn import (
    Interval,
    MissingValues,
    StrOptions,
    check_feature_names_in,
    fit_context,
)
from skdae.data import TableCodec, are_sizes
from skdae.estimators._cells import CellsDAE
from skdae.estimators._imputation import fit_nets, guess, net_settings
from skdae.estimators._imputer_tables import ImputerTablesMixin, as_nan
from skdae.estimators._spread import draw_rows, fit_spreads

__all__ = ["DAEImputer"]

_COUNT = Interval(Integral, 1, None, closed="left")


class DAEImputer(ImputerTablesMixin, BaseEstimator):
    """Fill missing values with what denoising autoencoders guess from the other columns.

    It takes the place of :class:`sklearn.impute.IterativeImputer`, for numbers and categories: only
    the class changes. Known cells come back as they are, to the bit.

    Parameters
    ----------
    missing_values : int, float, str, np.nan, None or pandas.NA, default=np.nan
        What stands for a missing value. With NaN, None and NA are missing too.
    categorical_features : "from_dtype", array-like of bool, int or str, or None, \
            default="from_dtype"
        The columns of categories: a mask, positions, or names of a frame. "from_dtype" finds
        them: categories, words and bools. None takes all columns for numbers.
    n_estimators : int, default=4
        Number of nets, whose guesses are averaged. More are more exact, and take as many times
        longer.
    hidden_layer_sizes : "auto" or tuple of int, default="auto"
        Widths of the layers between the input and the code; the decoder has them in reverse.
        "auto" is (256, 256), and (512, 512) from 10,000 rows on.
    latent_dim : "auto" or int, default="auto"
        Width of the code. "auto" is 64, and 128 from 10,000 rows on.
    lr : float, default=0.003
        Learning rate: the highest of the schedule.
    max_epochs : "auto" or int, default="auto"
        Passes over the data. "auto" takes a twentieth of the rows, between 20 and 60, and fewer on
        more than 13,000 rows.
    batch_size : "auto" or int, default="auto"
        Rows a step. "auto" is a fiftieth of the rows, between 32 and 128.
    min_value : float or array-like of shape (n_features,), default=-np.inf
        Lowest number that is filled in, for all columns or for each of them. Numbers lie within
        those that ``fit`` has seen anyway.
    max_value : float or array-like of shape (n_features,), default=np.inf
        Highest number that is filled in.
    device : str, default="auto"
        Where to train and predict: "cpu", "cuda", "cuda:1", "mps". "auto" takes CUDA, then
        MPS, then the CPU.
    random_state : int, RandomState instance or None, default=None
        Seed of the nets. None is a new one at every fit.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar for each net.
    add_indicator : bool, default=False
        Whether columns of flags follow, one for each column that had missing values in ``fit``.
    keep_empty_features : bool, default=False
        Whether columns without a known value in ``fit`` stay, filled with 0, or are left out.

    Attributes
    ----------
    nets_ : list of estimators
        The nets, each trained on all rows but a part that tells how exact it is.
    indicator_ : MissingIndicator or None
        What makes the flags of ``add_indicator``.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, when X has string names.

    See Also
    --------
    TableDAE : Repairs tables whose cells may be wrong.
    sklearn.impute.IterativeImputer : Regresses each column on the others, in turn.

    Notes
    -----
    Where the others are known, a cell is guessed by its mean in a normal distribution that the EM
    algorithm fits to the rows [1]_; an autoencoder learns what is to be added to that, from rows
    whose known cells are hidden at random [2]_. It sees which cells are known. (Long tables that
    take more than 64 values a row once encoded do without the normal distribution.)

    What is returned: an array of floats for arrays, lists and frames of numbers, as scikit-learn's
    imputers do, and frames if ``set_output`` asks for them. A frame with categories comes back as a
    frame with its columns, dtypes and index, as no array can hold these.

    References
    ----------
    .. [1] A. P. Dempster, N. M. Laird, D. B. Rubin, "Maximum likelihood from incomplete data via
       the EM algorithm", 1977.
    .. [2] R. Lall, T. Robinson, "The MIDAS touch: accurate and scalable missing-data imputation
       with deep learning", Political Analysis, 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skdae import DAEImputer
    >>> X = load_iris().data
    >>> is_missing = np.random.default_rng(0).random(X.shape) < 0.2
    >>> X_missing = np.where(is_missing, np.nan, X)
    >>> imputer = DAEImputer(random_state=0)
    >>> X_filled = imputer.fit_transform(X_missing)
    >>> error = ((X_filled - X) / X.std(axis=0))[np.isnan(X_missing)]
    >>> bool(np.sqrt(np.square(error).mean()) < 0.6)  # that of means is 1
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "missing_values": [MissingValues()],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
        "n_estimators": [_COUNT],
        "hidden_layer_sizes": [StrOptions({"auto"}), "array-like"],
        "latent_dim": [StrOptions({"auto"}), _COUNT],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "max_epochs": [StrOptions({"auto"}), _COUNT],
        "batch_size": [StrOptions({"auto"}), _COUNT],
        "min_value": [Interval(Real, None, None, closed="both"), "array-like"],
        "max_value": [Interval(Real, None, None, closed="both"), "array-like"],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "add_indicator": ["boolean"],
        "keep_empty_features": ["boolean"],
    }

    nets_: list[CellsDAE]
    indicator_: MissingIndicator | None
    n_features_in_: int

    def __init__(
        self,
        *,
        missing_values: Any = np.nan,
        categorical_features: Any = "from_dtype",
        n_estimators: int = 4,
        hidden_layer_sizes: str | Sequence[int] = "auto",
        latent_dim: str | int = "auto",
        lr: float = 0.003,
        max_epochs: str | int = "auto",
        batch_size: str | int = "auto",
        min_value: ArrayLike = -np.inf,
        max_value: ArrayLike = np.inf,
        device: str = "auto",
        random_state: RandomState = None,
        verbose: int = 0,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
    ) -> None:
        self.missing_values = missing_values
        self.categorical_features = categorical_features
        self.n_estimators = n_estimators
        self.hidden_layer_sizes = hidden_layer_sizes
        self.latent_dim = latent_dim
        self.lr = lr
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.min_value = min_value
        self.max_value = max_value
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> DAEImputer:
        """Learn the cells of rows from each other.

        Parameters
        ----------
        X : array-like, pandas or polars frame of shape (n_samples, n_features)
            The table, with missing values.
        y : None
            Ignored.

        Returns
        -------
        self : DAEImputer
            The fitted imputer.

        Raises
        ------
        TypeError
            If X is sparse.
        ValueError
            If a number is infinite, or a column is neither of numbers nor of categories; if
            bounds do not fit the columns.
        """
        table, marked = self._read(X, reset=True)
        self._bounds = self._check_bounds()
        codec = TableCodec.fit(
            table,
            categorical_features=self.categorical_features,
            owner="DAEImputer",
            unknown=marked,
        )
        missing = self._missing(codec, table, marked)
        rows = codec.encode(table, unknown=marked)
        levels = codec.levels
        *seeds, spread_seed = draw_seeds(self.random_state, self.n_estimators + 2)
        self.nets_, self._spreads = [], []
        kept = np.flatnonzero(~missing.all(axis=0))
        if len(kept):
            settings = self._settings(int((~missing).any(axis=1).sum()))
            trained = fit_nets(rows, levels, seeds=seeds, settings=settings)
            self.nets_ = trained.nets
            rng = np.random.RandomState(spread_seed)
            self._spreads = fit_spreads(trained.nets, trained.held_out, levels, rng)
        self._codec, self._levels, self._not_empty = codec, levels, kept
        self.indicator_ = None
        if self.add_indicator:
            self.indicator_ = MissingIndicator(error_on_new=False).fit(as_nan(missing))
        return self

    def transform(self, X: ArrayLike) -> Any:
        """Fill missing values.

        Parameters
        ----------
        X : array-like, pandas or polars frame of shape (n_samples, n_features)
            A table with the columns of ``fit``; other cells may be missing than there.

        Returns
        -------
        X_filled : ndarray or frame of shape (n_samples, n_features_out)
            The table, whose missing values are the means of what the nets guess, or the most
            probable category.
        """
        check_is_fitted(self)
        table, missing, rows = self._encoded(X)
        here = missing.any(axis=1)
        if self.nets_ and here.any():
            rows[here] = guess(self.nets_, rows[here])
        return self._completed(X, table, missing, rows)

    def sample(
        self, X: ArrayLike, n_draws: int = 20, *, random_state: RandomState = None
    ) -> list[Any]:
        """Draw completed tables, which differ as much as the missing values are uncertain.

        For multiple imputation: fit a model to each table, and pool the results; the part of draws
        between two values is the probability that the missing value lies there.

        Parameters
        ----------
        X : array-like, pandas or polars frame of shape (n_samples, n_features)
            A table with the columns of ``fit``.
        n_draws : int, default=20
            Number of tables.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws. None is a new one at every call.

        Returns
        -------
        tables : list of ndarray or frame of shape (n_samples, n_features_out)
            Each as ``transform`` returns it.

        Notes
        -----
        A number is the guess of a net plus an error that such guesses had on rows which this net
        had not seen. Its scale depends on which cells are known. Categories are drawn by their
        probabilities. The cells of a row are drawn in turn, each given those before, so that they
        keep their correlations.
        """
        check_is_fitted(self)
        if not isinstance(n_draws, Integral) or n_draws < 1:
            raise ValueError(
                f"The 'n_draws' argument of DAEImputer.sample must be an int > 0. Got {n_draws!r}."
            )
        table, missing, rows = self._encoded(X)
        here, tables = missing.any(axis=1), []
        for index, seed in enumerate(draw_seeds(random_state, int(n_draws))):
            drawn = rows.copy()
            if self.nets_ and here.any():
                net, rng = self.nets_[index % len(self.nets_)], np.random.RandomState(seed)
                drawn[here] = draw_rows(net, self._spreads, rows[here], self._levels, rng)
            tables.append(self._completed(X, table, missing, drawn))
        return tables

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the columns that ``transform`` returns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the columns of X. None is those of ``fit``, or "x0", "x1", ...

        Returns
        -------
        names : ndarray of str
            The columns that are kept, then ``missingindicator_`` and the names of those with flags.
        """
        check_is_fitted(self)
        names = check_feature_names_in(self, input_features)
        kept = names[self._kept()]
        if self.indicator_ is None:
            return kept
        return np.concatenate([kept, self.indicator_.get_feature_names_out(names)])

    def _settings(self, n_rows: int) -> dict[str, Any]:
        """Return the parameters of a net for so many rows."""
        automatic = net_settings(n_rows)
        given = {name: getattr(self, name) for name in automatic}
        sizes = given["hidden_layer_sizes"]
        if not isinstance(sizes, str) and not are_sizes(list(sizes)):
            raise ValueError(
                "The 'hidden_layer_sizes' parameter of DAEImputer must be 'auto' or a tuple of "
                f"ints > 0. Got {sizes!r} instead."
            )
        chosen = {
            name: automatic[name] if isinstance(value, str) else value
            for name, value in given.items()
        }
        plain = ("lr", "batch_size", "device", "verbose")
        return {**chosen, **{name: getattr(self, name) for name in plain}, "owner": "DAEImputer"}

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn that values may be missing, and columns may be of categories."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags
