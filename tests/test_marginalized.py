"""MarginalizedDAE against the limit that it computes, and as a transformer of scikit-learn."""

import itertools
import pickle
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdae import MarginalizedDAE, MaskingNoise, trusted_types

KINDS = {
    "one": MarginalizedDAE(),
    "two": MarginalizedDAE(0.7, n_layers=2, activation="relu", reg=0.1),
    "wide": MarginalizedDAE(max_features=2),
}


@parametrize_with_checks(list(KINDS.values()))
def test_scikit_learn(estimator, check):
    check(estimator)


# The checks of set_output mix frames and arrays on purpose.
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
@pytest.mark.parametrize("estimator", KINDS.values(), ids=KINDS.keys())
def test_checks_that_scikit_learn_leaves_out(estimator, left_out_check):
    getattr(estimator_checks, left_out_check)(type(estimator).__name__, clone(estimator))


@pytest.fixture
def X():
    """Correlated counts of six words in 30 texts, one of which never occurs."""
    rng = np.random.default_rng(0)
    topics = rng.random((30, 2)) * 2
    return np.column_stack([rng.poisson(topics @ rng.random((2, 5))), np.zeros(30)]).astype(float)


def penalty(X, amount, reg):
    """Return the ridge penalty: a part of the mean variance of the masked columns."""
    kept = 1 - amount
    return reg * (kept * np.square(X).mean(axis=0) - (kept * X.mean(axis=0)) ** 2).mean()


def all_masked(X, amount):
    """Return every way to mask each row, its clean row, and its probability."""
    masks = np.array(list(itertools.product([0, 1], repeat=X.shape[1])))
    chances = np.where(masks, 1 - amount, amount).prod(axis=1) / len(X)
    masked = (X[:, np.newaxis] * masks).reshape(-1, X.shape[1])
    return masked, np.repeat(X, len(masks), axis=0), np.tile(chances, len(X))


def hidden_of(dae, X):
    return dae.transform(X)[:, : len(dae.columns_)]


@pytest.mark.parametrize("amount", [0.0, 0.2, 0.8])
@pytest.mark.parametrize("reg", [1e-5, 0.3])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, sparse.csc_matrix])
def test_a_layer_is_the_ridge_regression_on_all_masked_copies(X, amount, reg, kind):
    dae = MarginalizedDAE(amount, reg=reg, activation="identity").fit(kind(X))
    X = X / dae.scale_
    masked, clean, chances = all_masked(X, amount)
    ridge = Ridge(alpha=penalty(X, amount, reg), tol=1e-10, solver="svd")
    ridge.fit(masked, clean, sample_weight=chances)
    assert_allclose(dae.coefs_[0].T, ridge.coef_, atol=1e-7)
    assert_allclose(dae.intercepts_[0], ridge.intercept_, atol=1e-7)
    assert_allclose(dae.transform(kind(X) * dae.scale_), ridge.predict(X), atol=1e-7)


def test_sampled_copies_come_closer_the_more_there_are(X):
    dae = MarginalizedDAE(0.4, reg=0.05, activation="identity").fit(X)
    X = X / dae.scale_
    errors = []
    for n_copies in (10, 1000):
        clean = np.tile(X, (n_copies, 1))
        masked = MaskingNoise(0.4).corrupt(clean, random_state=0)
        ridge = Ridge(alpha=len(clean) * penalty(X, 0.4, 0.05)).fit(masked, clean)
        errors.append(np.abs(dae.coefs_[0].T - ridge.coef_).max())
    assert errors[1] < 0.03
    assert errors[1] < errors[0] / 3  # a tenth, as the root of the number of copies


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh"])
def test_each_layer_learns_from_the_one_before(X, activation):
    functions = {"identity": np.asarray, "relu": lambda x: x.clip(0), "tanh": np.tanh}
    dae = MarginalizedDAE(n_layers=3, reg=0.01, activation=activation).fit(X)
    plain = MarginalizedDAE(reg=0.01, activation="identity")
    values, layers = X / dae.scale_, []
    for _ in range(3):
        # What a layer learns does not depend on its unit.
        layer = plain.fit(values)
        values = functions[activation](plain.scale_ * layer.transform(values))
        layers.append(values)
    assert_allclose(dae.transform(X), np.hstack(layers), rtol=1e-6, atol=1e-9)


def test_hidden_values_say_which_columns_are_expected():
    """Word 0 comes with word 1 or with word 2, and 3 never with 0: its value is the lowest."""
    X = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1]], dtype=float)
    hidden = MarginalizedDAE().fit_transform(X)
    assert (hidden[0, :3] > hidden[0, 3] + 0.05).all()
    assert hidden[0, 2] > hidden[2, 2] + 0.05  # it is not there in either row


@pytest.mark.parametrize("unit", [1e-200, 1e-3, 7.0, 1e200])
def test_units_do_not_matter(X, unit):
    expected = MarginalizedDAE(n_layers=2).fit_transform(X)
    assert_allclose(MarginalizedDAE(n_layers=2).fit_transform(unit * X), expected, atol=1e-6)


def test_flags_are_taken_as_they_are():
    X = np.eye(4)[[0, 1, 2, 3, 3, 1]]
    assert MarginalizedDAE().fit(X).scale_ == 1
    assert MarginalizedDAE().fit(sparse.csr_array(X)).scale_ == 1


# ------------------------------------------------------------------------------- wide data
def test_of_many_columns_those_of_the_largest_variance_are_reconstructed(X):
    dae = MarginalizedDAE(max_features=3).fit(X)
    assert_array_equal(dae.columns_, np.sort(np.argsort(X.var(axis=0))[-3:]))
    assert dae.coefs_[0].shape == (6, 3)
    assert dae.transform(X).shape == (30, 3)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_the_reconstructions_of_the_blocks_are_averaged(X, kind):
    dae = MarginalizedDAE(0.3, max_features=2, reg=0.01, activation="identity").fit(kind(X))
    X = X / dae.scale_
    order = np.argsort(-X.var(axis=0), kind="stable")
    blocks = [order[0::3], order[1::3], order[2::3]]
    parts = []
    for block in blocks:
        masked, _, chances = all_masked(X[:, block], 0.3)
        clean = np.repeat(X[:, dae.columns_], 4, axis=0)
        ridge = Ridge(alpha=penalty(X[:, block], 0.3, 0.01), tol=1e-10, solver="svd")
        parts.append(ridge.fit(masked, clean, sample_weight=chances).predict(X[:, block]))
    assert_allclose(dae.transform(kind(X * dae.scale_)), np.mean(parts, axis=0), atol=1e-7)


def test_all_columns_are_learned_from():
    """A rare word that stands for a frequent one counts, though it is not reconstructed."""
    frequent = np.repeat([1.0, 0.0], 50)
    rare = np.where(np.arange(100) < 5, 1.0, 0.0)
    X = np.column_stack([frequent, 1 - frequent, rare, rare])
    dae = MarginalizedDAE(max_features=2).fit(X)
    assert_array_equal(dae.columns_, [0, 1])
    with_rare, without = dae.transform([[0, 0, 1, 1], [0, 0, 0, 0]])
    assert with_rare[0] > without[0] + 0.1


# ------------------------------------------------------------------------------- sparse data
def test_sparse_and_dense_give_the_same(X):
    for kind in (sparse.csr_array, sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix):
        for max_features in (2, 5000):
            dae = MarginalizedDAE(n_layers=2, max_features=max_features)
            expected = clone(dae).fit_transform(X)
            assert_allclose(dae.fit_transform(kind(X)), expected, atol=1e-9)
            assert_allclose(dae.transform(X), expected, atol=1e-9)


def test_wide_sparse_data_are_never_dense(monkeypatch):
    X = sparse.random_array((50, 10_000), density=1e-3, format="csr", rng=0)
    made = []
    toarray = sparse.csr_array.toarray

    def spy(self, *args, **kwargs):
        made.append(self.shape)
        return toarray(self, *args, **kwargs)

    for kind in (sparse.csr_array, sparse.csc_array):
        monkeypatch.setattr(kind, "toarray", spy)
    MarginalizedDAE(max_features=100).fit(X).transform(X)
    assert made
    assert max(rows * columns for rows, columns in made) <= 100**2


def test_the_input_stays_as_it_is(X):
    for data in (X, sparse.csr_array(X)):
        before = data.copy()
        MarginalizedDAE(n_layers=2).fit(data).transform(data)
        assert abs(before - data).max() == 0


# ------------------------------------------------------------------------------- as a transformer
def test_hidden_values_are_named_by_their_words():
    texts = ["red wine", "white wine", "red rose"]
    pipe = make_pipeline(CountVectorizer(), MarginalizedDAE(n_layers=2, max_features=2)).fit(texts)
    names = pipe.get_feature_names_out()
    words = pipe[0].get_feature_names_out()[pipe[1].columns_]
    assert list(names) == [f"layer{k}_{word}" for k in (1, 2) for word in words]


def test_it_goes_beside_the_words_and_into_a_search():
    texts = ["red wine", "white wine", "red rose", "white rose"] * 5
    union = make_union("passthrough", MarginalizedDAE())
    pipe = make_pipeline(CountVectorizer(), union, LogisticRegression())
    grid = {"featureunion__marginalizeddae__amount": [0.3, 0.7]}
    search = GridSearchCV(pipe, grid, cv=2).fit(texts, [0, 0, 1, 1] * 5)
    assert search.score(texts, [0, 0, 1, 1] * 5) == 1


def test_what_was_fitted_counts_not_what_is_set_later(X):
    dae = MarginalizedDAE().fit(X)
    expected = dae.transform(X)
    dae.set_params(activation="relu", n_layers=3, amount=0.1, max_features=1)
    assert_array_equal(dae.transform(X), expected)


def test_round_trips(X):
    skops_io = pytest.importorskip("skops.io")
    dae = MarginalizedDAE(n_layers=2).fit(X)
    for copy in (
        pickle.loads(pickle.dumps(dae)),
        skops_io.loads(skops_io.dumps(dae), trusted=trusted_types()),
    ):
        assert_array_equal(copy.transform(X), dae.transform(X))


def test_torch_is_not_imported():
    code = "import sys, skdae; skdae.MarginalizedDAE().fit([[0, 1], [1, 0]]); "
    command = [sys.executable, "-c", code + "print('torch' in sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "X",
    [np.zeros((5, 3)), np.ones((5, 3)), np.ones((1, 3)), np.eye(3)[:1], [[1, 0], [1, 0]]],
    ids=["zeros", "constant", "one row", "one row and zeros", "constant columns"],
)
def test_data_without_variance_come_back(X):
    """All that can be said of constant columns is their value."""
    dae = MarginalizedDAE(activation="identity").fit(X)
    assert_allclose(dae.transform(X) * dae.scale_, X, atol=1e-7)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *[("amount", value) for value in (1, -0.1, None, "half", (0.1, 0.3))],
        *[("n_layers", value) for value in (0, 1.5, None)],
        ("activation", "gelu"),
        *[("reg", value) for value in (0, -1, None)],
        *[("max_features", value) for value in (0, 0.5, None)],
    ],
)
def test_a_bad_value_is_named(X, parameter, value):
    match = rf"The '{parameter}' parameter of MarginalizedDAE must be .* Got .* instead"
    with pytest.raises(ValueError, match=match):
        MarginalizedDAE(**{parameter: value}).fit(X)


def test_too_small_a_penalty_is_named(X):
    X = np.column_stack([X, X])
    with pytest.raises(ValueError, match=r"'reg' parameter of MarginalizedDAE .* Got 1e-300"):
        MarginalizedDAE(0, reg=1e-300).fit(X)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_missing_and_infinite_values_are_errors(X, value):
    X[2, 3] = value
    for data in (X, sparse.csr_array(X)):
        with pytest.raises(ValueError, match="contains (NaN|infinity)"):
            MarginalizedDAE().fit(data)
