"""TableDAE: tables come back repaired, as they came."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pandas.testing import assert_frame_equal
from polars.testing import assert_frame_equal as assert_polars_equal
from scipy.special import ndtr
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from skorch.callbacks import Callback

from killed_fits import before_epoch, counted_epochs
from skdae import (
    DAEClassifier,
    DAEOutlierDetector,
    DAERegressor,
    DenseDAE,
    TableDAE,
    trusted_types,
)
from skdae.data import TableCodec
from skdae.estimators._table_bins import TableBins
from skdae.estimators._table_limits import find_limits, set_aside, swap_cells
from skdae.nn import NumberBins

QUICK = TableDAE((16,), latent_dim=8, max_epochs=2, random_state=0)


@parametrize_with_checks(
    [
        QUICK,
        clone(QUICK).set_params(n_nets=2, early_stopping=True),
        clone(QUICK).set_params(features="all_layers"),
    ]
)
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
def test_checks_that_scikit_learn_leaves_out(left_out_check):
    getattr(estimator_checks, left_out_check)("TableDAE", clone(QUICK))


def linked(n, seed=0):
    """Return a frame whose columns determine each other, but for one."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(4, size=n)
    size = rng.normal(size=n)
    return pd.DataFrame(
        {
            "kind": pd.Categorical.from_codes(kind, ["ash", "beech", "elm", "oak"]),
            "leaf": np.array(["pinnate", "entire", "serrate", "lobed"])[kind],
            "height": 20 + 5 * kind + rng.normal(size=n),
            "weight": 100 + 10 * size + rng.normal(size=n),
            "volume": 30 - 5 * size + 0.5 * rng.normal(size=n),
            "width": size + 0.1 * rng.normal(size=n),
            "count": np.rint(1000 * kind + 50 * rng.normal(size=n)).astype(int),
            "flowers": kind < 2,
            "chance": rng.choice(["a", "b"], n),
        },
        index=pd.RangeIndex(5, n + 5, name="tree"),
    )


def swapped(frame, rate, seed=0):
    """Return a frame with cells of other rows, and which cells differ."""
    rng = np.random.default_rng(seed)
    noisy = frame.copy()
    for index in range(frame.shape[1]):
        chosen = np.flatnonzero(rng.random(len(frame)) < rate)
        donors = rng.integers(len(frame), size=len(chosen))
        noisy.iloc[chosen, index] = frame.iloc[:, index].array[donors]
    return noisy, differs(frame, noisy)


def differs(one, other):
    return (one.astype(object) != other.astype(object)).to_numpy()


@pytest.fixture(scope="module")
def repairer():
    net = TableDAE((64,), latent_dim=64, max_epochs=30, n_nets=1, random_state=0)
    return net.fit(linked(2500))


# ------------------------------------------------------------------------------------- repair
@pytest.mark.parametrize("rate", [0.02, 0.1])
def test_a_table_with_wrong_cells_gets_better_in_every_linked_column(repairer, rate):
    clean = linked(3000, seed=1)
    noisy, wrong = swapped(clean, rate)
    repaired = repairer.predict(noisy)
    left = differs(clean, repaired)
    for column in ["kind", "leaf", "flowers"]:
        index = clean.columns.get_loc(column)
        assert left[:, index].sum() < 0.4 * wrong[:, index].sum()
    for column in ["height", "weight", "volume", "width", "count"]:
        before = np.square(noisy[column] - clean[column]).mean()
        assert np.square(repaired[column] - clean[column]).mean() < 0.7 * before
    assert_frame_equal(repaired[["chance"]], noisy[["chance"]])  # nothing is known of it


def test_a_clean_table_stays_as_it_is(repairer):
    clean = linked(3000, seed=1)
    changed = differs(clean, repairer.predict(clean))
    assert changed.mean(axis=0).max() <= 0.01


def test_what_was_found_aside_is_what_is_found_later(repairer):
    clean = linked(5000, seed=2)
    noisy, wrong = swapped(clean, 0.05, seed=3)
    changed = differs(noisy, repairer.predict(noisy))
    for index in range(clean.shape[1]):
        found = changed[wrong[:, index], index].mean()
        assert abs(found - repairer.found_[index]) < 0.1
        false = changed[~wrong[:, index], index].mean()
        assert false <= repairer.false_changes_[index] + 0.005
    assert repairer.found_[-1] == 0
    assert np.isinf(repairer.limits_[-1])


def test_a_table_is_repaired_that_was_wrong_in_the_fit():
    clean = linked(3000, seed=6)
    dirty, wrong = swapped(clean, 0.05)
    net = TableDAE((64,), latent_dim=64, max_epochs=30, n_nets=2, random_state=0)
    repaired = net.set_params(assume_clean=False).fit(dirty).predict(dirty)
    left = differs(clean, repaired)
    categories = [clean.columns.get_loc(column) for column in ["kind", "leaf", "flowers"]]
    assert (left[:, categories].sum(axis=0) < 0.9 * wrong[:, categories].sum(axis=0)).all()
    assert left[:, categories].sum() < 0.5 * wrong[:, categories].sum()
    for column in ["height", "weight", "volume", "width", "count"]:
        before = np.square(dirty[column] - clean[column]).mean()
        assert np.square(repaired[column] - clean[column]).mean() < 0.8 * before
    broken = differs(dirty, repaired) & ~wrong
    assert broken.mean(axis=0).max() <= 0.01


def test_columns_that_say_nothing_of_each_other_never_change():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=400), "b": rng.choice(["x", "y", "z"], 400)})
    dae = TableDAE((32,), latent_dim=16, max_epochs=10, random_state=0).fit(X)
    assert np.isinf(dae.limits_).all()
    assert_frame_equal(dae.predict(X), X, check_exact=True)


def test_no_false_change_is_no_change(repairer):
    clean = linked(300)
    dae = clone(QUICK).set_params(max_false_changes=0).fit(clean)
    noisy, _ = swapped(clean, 0.2)
    assert_frame_equal(dae.predict(noisy), noisy, check_exact=True)


def test_missing_cells_are_filled_from_the_others(repairer):
    clean = linked(500, seed=4)
    holes = np.random.default_rng(0).random(clean.shape) < 0.1
    X = clean.astype({"count": "Int64", "flowers": "boolean"}).mask(holes)
    filled = repairer.predict(X)
    assert not filled.isna().any(axis=None)
    assert filled.dtypes.equals(X.dtypes)
    right = filled["kind"][holes[:, 0]] == clean["kind"][holes[:, 0]]
    assert right.mean() > 0.9
    error = (filled["volume"] - clean["volume"])[holes[:, 4]]
    assert np.square(error).mean() < 0.5 * clean["volume"].var()
    changed = differs(filled, clean) & ~holes
    assert changed.mean() < 0.02  # known cells


def test_a_row_without_a_known_cell_is_filled(repairer):
    X = linked(4).astype({"count": "Int64", "flowers": "boolean"})
    X.iloc[1] = pd.NA
    filled = repairer.predict(X)
    assert not filled.isna().any(axis=None)
    assert repairer.score_samples(X)[1] == 0


def test_unseen_categories_stay(repairer):
    X = linked(20)
    X["leaf"] = "needle"
    X["kind"] = X["kind"].cat.add_categories("pine")
    X.loc[X.index[3], "kind"] = "pine"
    repaired = repairer.predict(X)
    assert (repaired["leaf"] == "needle").all()
    assert repaired["kind"].iloc[3] == "pine"


def test_rows_are_repaired_one_by_one(repairer, monkeypatch):
    noisy, _ = swapped(linked(40), 0.2)
    together = repairer.predict(noisy)
    alone = pd.concat([repairer.predict(noisy.iloc[[row]]) for row in range(len(noisy))])
    assert_frame_equal(together, alone)
    monkeypatch.setattr("skdae.estimators._table_nets._AT_ONCE", 7)
    assert_frame_equal(together, repairer.predict(noisy))
    assert len(repairer.transform(noisy)) == len(repairer.score_samples(noisy)) == 40


def test_wrong_rows_score_lower(repairer):
    clean = linked(1000, seed=5)
    noisy, wrong = swapped(clean, 0.05)
    scores = repairer.score_samples(noisy)
    linked_wrong = wrong[:, :-1].any(axis=1)
    assert np.median(scores[linked_wrong]) < np.quantile(scores[~linked_wrong], 0.05)
    assert repairer.score(clean) > repairer.score(noisy, clean) > repairer.score(noisy)
    assert repairer.score(noisy, np.zeros(1000)) == pytest.approx(scores.mean())


# ---------------------------------------------------------------------------------- containers
def test_polars_frames_come_back(repairer):
    pandas = linked(30).reset_index(drop=True)
    X = pl.DataFrame({name: pandas[name].astype(object).tolist() for name in pandas})
    X = X.with_columns(pl.col("kind").cast(pl.Enum(["ash", "beech", "elm", "oak"])))
    X = X.with_columns(leaf=pl.Series([None, *X["leaf"].to_list()[1:]]))
    repaired = repairer.predict(X)
    assert repaired.schema == X.schema
    assert repaired["leaf"].null_count() == 0
    dae = clone(QUICK).fit(X)
    assert_polars_equal(dae.predict(X[1:]), X[1:])


def test_arrays_come_back_in_their_dtype():
    X = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    X[0, 1] = np.nan
    repaired = clone(QUICK).fit_transform(X), clone(QUICK).fit(X).predict(X)
    assert repaired[0].shape == (30, 8)
    assert repaired[1].dtype == np.float32
    assert not np.isnan(repaired[1]).any()


def test_set_output_names_the_codes():
    X = linked(30)
    codes = clone(QUICK).set_output(transform="pandas").fit(X).transform(X)
    assert list(codes) == [f"tabledae{code}" for code in range(8)]
    assert codes.index.equals(X.index)
    pipeline = make_pipeline(clone(QUICK), clone(QUICK)).fit(X)
    assert pipeline.predict(X).shape == (30, 8)


@pytest.mark.parametrize("activation", ["gelu", "tanh"])
@pytest.mark.parametrize("sizes", [(), (16,), (16, 12)])
def test_all_layers_are_activations_of_linear_maps_of_the_ones_before(activation, sizes):
    """Computed here from the weights, and from what an encoded row is; the code is among them."""
    X = linked(60).astype({"count": "Int64"})
    X.iloc[3:9, 2:7] = pd.NA
    dae = clone(QUICK).set_params(hidden_layer_sizes=sizes, activation=activation).fit(X)
    codes = dae.transform(X)
    found = dae.set_params(features="all_layers").transform(X)
    assert found.dtype == np.float32
    act = {"gelu": lambda x: x * ndtr(x), "tanh": np.tanh}[activation]
    linear = [part for part in dae.daes_[0].net_.module_.modules() if hasattr(part, "weight")]
    values, start = inputs_of(dae, X), 0
    for layer, width in zip(linear, [*sizes, 8, *sizes[::-1]], strict=False):
        weight, bias = (part.detach().numpy().astype(float) for part in (layer.weight, layer.bias))
        values = act(values @ weight.T + bias)
        np.testing.assert_allclose(found[:, start : start + width], values, atol=1e-5)
        start += width
    assert found.shape == (60, start)
    before = sum(sizes)
    np.testing.assert_array_equal(found[:, before : before + 8], codes)


def inputs_of(dae, X):
    """Return what the first layer gets: rows with zeros for unknown values, then their flags."""
    rows = with_bins(dae._bins, dae._codec.encode(X))
    levels = dae.daes_[0]._output_levels
    starts = np.cumsum([0, *(max(1, n_levels) for n_levels in levels)])[:-1]
    return np.hstack([np.nan_to_num(rows), ~np.isnan(rows[:, starts])]).astype(float)


def test_all_layers_have_names_and_may_be_asked_for_after_the_fit():
    X = linked(30)
    codes = clone(QUICK).fit(X)
    layers = clone(QUICK).set_params(features="all_layers").set_output(transform="pandas").fit(X)
    expected = [f"tabledae_layer{k}_{i}" for k, n in enumerate((16, 8, 16), 1) for i in range(n)]
    frame = layers.transform(X)
    assert list(frame) == layers.get_feature_names_out().tolist() == expected
    assert frame.index.equals(X.index)
    assert codes.get_feature_names_out().tolist() == [f"tabledae{code}" for code in range(8)]
    np.testing.assert_array_equal(codes.set_params(features="all_layers").transform(X), frame)
    again = pickle.loads(pickle.dumps(codes))
    np.testing.assert_array_equal(again.transform(X), frame)
    with pytest.raises(ValueError, match="'features' parameter of TableDAE must be .*'layers'"):
        clone(QUICK).set_params(features="layers").fit(X)


@pytest.mark.parametrize("make", [DAEClassifier, DAERegressor, DAEOutlierDetector])
def test_it_is_a_step_before_estimators_that_take_an_autoencoder(make):
    """These send arrays through one net; a frame needs the codec that TableDAE has around its own.

    The pipeline that the errors ask for takes a frame with words, categories and missing cells.
    """
    X = linked(80)
    X.loc[X.index[3], "height"] = np.nan
    X.loc[X.index[4], ["kind", "leaf"]] = None
    y = np.arange(80) % 2
    message = f"'estimator' parameter of {make.__name__} must be a denoising autoencoder.*"
    message += "TableDAE and DAEImputer are steps before it, in a pipeline.* Got "
    with pytest.raises(ValueError, match=message + "TableDAE"):
        make(clone(QUICK)).fit(X, y)
    frozen = FrozenEstimator(clone(QUICK).fit(X))
    with pytest.raises((ValueError, TypeError), match=message + "(a frozen TableDAE|FrozenEst)"):
        make(frozen).fit(X, y)
    small = DenseDAE((8,), latent_dim=4, max_epochs=2, random_state=0)
    pipe = make_pipeline(frozen, StandardScaler(), make(small))
    assert pipe.fit(X, y).predict(X).shape == (80,)


def test_columns_are_those_of_the_fit(repairer):
    X = linked(5)
    with pytest.raises(ValueError, match="feature names should match"):
        repairer.predict(X[X.columns[::-1]])
    with pytest.raises(ValueError, match="feature names should match"):
        repairer.predict(X.drop(columns="leaf"))
    with pytest.raises(ValueError, match="feature names should match"):
        repairer.predict(X.assign(new=1))
    with pytest.raises(ValueError, match="column 'height' of X must hold numbers"):
        repairer.predict(X.astype({"height": str}))


# ----------------------------------------------------------------------------------- bad tables
@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"a": [1.0], "b": ["x"]}),
        pd.DataFrame({"a": [1.0, 2.0, None]}),
        pd.DataFrame({"a": ["x"] * 5}),
        pd.DataFrame({"a": [2.5] * 5, "b": [None] * 5, "c": [np.nan] * 5}),
        pd.DataFrame({"a": [np.nan] * 4}),
    ],
    ids=["one row", "one column", "one level", "nothing known", "nothing"],
)
@pytest.mark.parametrize("n_nets", ["auto", 3])
def test_odd_tables_come_back(X, n_nets):
    dae = clone(QUICK).set_params(n_nets=n_nets).fit(X)
    repaired = dae.predict(X)
    known = X.notna().any().to_numpy()
    assert repaired.shape == X.shape
    assert not repaired.loc[:, known].isna().any(axis=None)
    assert repaired.loc[:, ~known].isna().all(axis=None)
    assert repaired.dtypes.equals(X.dtypes)
    assert np.isfinite(dae.score_samples(X)).all()


# ---------------------------------------------------------------------------------------- state
def test_one_seed_is_one_model_and_global_states_stay():
    X = linked(150)
    before = np.random.get_state()[1].copy()
    one, other = (clone(QUICK).set_params(n_nets=2).fit(X) for _ in range(2))
    np.testing.assert_array_equal(one.transform(X), other.transform(X))
    np.testing.assert_array_equal(one.limits_, other.limits_)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    third = clone(QUICK).set_params(n_nets=2, random_state=1).fit(X)
    assert not np.array_equal(one.transform(X), third.transform(X))


def test_a_saved_model_repairs_the_same(repairer):
    noisy, _ = swapped(linked(200), 0.1)
    expected = repairer.predict(noisy)
    assert_frame_equal(pickle.loads(pickle.dumps(repairer)).predict(noisy), expected)
    skops_io = pytest.importorskip("skops.io")
    data = skops_io.dumps(repairer)
    assert set(skops_io.get_untrusted_types(data=data)) <= set(trusted_types())
    assert_frame_equal(skops_io.loads(data, trusted=trusted_types()).predict(noisy), expected)


def test_parameters_that_are_set_later_change_nothing(repairer):
    noisy, _ = swapped(linked(200), 0.1)
    later = pickle.loads(pickle.dumps(repairer))
    later.set_params(amount=0.9, max_false_changes=0.5, numbers="rank", n_nets=7)
    assert_frame_equal(later.predict(noisy), repairer.predict(noisy))


class Trained(Callback):
    """Notes how many epochs each net trained."""

    epochs: ClassVar[list] = []

    def on_train_end(self, net, **others):
        self.epochs.append(len(net.history))


def test_callbacks_are_called_for_each_net(monkeypatch):
    monkeypatch.setattr(Trained, "epochs", [])
    given = Trained()
    dae = clone(QUICK).set_params(n_nets=3, callbacks=[given]).fit(linked(60))
    assert Trained.epochs == [2, 2, 2]
    used = [dict(net.net_.callbacks_)["Trained"] for net in dae.daes_]
    assert len({id(callback) for callback in [given, *used]}) == 4
    with pytest.raises(TypeError, match="'callbacks' parameter of TableDAE must be .* Got 3 in it"):
        clone(QUICK).set_params(callbacks=[3]).fit(linked(60))


def test_a_fit_that_was_interrupted_goes_on_from_its_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setattr("skdae.training._checkpoints._SHARE", np.inf)  # after every epoch
    X = linked(60)
    dae = clone(QUICK).set_params(n_nets=2, max_epochs=4)
    expected = clone(dae).fit(X)
    dae.set_params(checkpoint=tmp_path)
    second = expected.daes_[1].net_.seed

    def press(epoch, net):
        if epoch == 3 and net.seed == second:
            raise KeyboardInterrupt

    with before_epoch(press), pytest.raises(KeyboardInterrupt):
        dae.fit(X)
    assert not hasattr(dae, "n_features_in_")
    with counted_epochs() as epochs:
        dae.fit(X)
    assert epochs == [3, 4]  # of the second net: the first one is complete
    np.testing.assert_array_equal(dae.transform(X), expected.transform(X))
    np.testing.assert_array_equal(dae.score_samples(X), expected.score_samples(X))
    assert sorted(path.name[:9] for path in tmp_path.iterdir()) == ["TableDAE-"] * 2
    with counted_epochs() as epochs:
        clone(dae).fit(X)
    assert epochs == []


def test_checkpoints_need_a_seed_and_a_file_for_each_net(tmp_path):
    X = linked(60)
    dae = clone(QUICK).set_params(checkpoint=tmp_path, random_state=None)
    with pytest.raises(ValueError, match="an int as random_state.* Got random_state=None"):
        dae.fit(X)
    dae.set_params(checkpoint=tmp_path / "one", random_state=0, n_nets=2)
    with pytest.raises(ValueError, match="checkpoint of another fit.* folder, where each fit has"):
        dae.fit(X)
    clone(dae).set_params(checkpoint=tmp_path / "other", n_nets=1).fit(X)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_fit_that_fails_leaves_the_one_before(error):
    X = linked(60)
    dae = clone(QUICK).fit(X)
    repaired, codes = dae.predict(X), dae.transform(X)

    def fail(epoch, net):
        raise error

    with before_epoch(fail), pytest.raises(error):
        dae.fit(linked(40).drop(columns=["kind", "count"]))
    assert dae.n_features_in_ == X.shape[1]
    assert_frame_equal(dae.predict(X), repaired)
    np.testing.assert_array_equal(dae.transform(X), codes)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hidden_layer_sizes": (8, 0)}, "'hidden_layer_sizes' parameter of TableDAE must be a t"),
        ({"device": "abacus"}, "'device' parameter of TableDAE must be 'auto' or a device"),
        ({"lr": 1e30}, "training of TableDAE diverged.* smaller lr, such as 0.001. No epoch"),
    ],
)
def test_errors_of_the_nets_name_the_class_of_the_user(wrong, message):
    with pytest.raises(ValueError, match=message):
        clone(QUICK).set_params(**wrong).fit(linked(30))


def test_nets_are_averaged_and_early_stopping_reaches_them():
    X = linked(150)
    dae = clone(QUICK).set_params(n_nets=3, early_stopping=True, numbers="rank").fit(X)
    assert len(dae.daes_) == 3
    assert len(dae.validation_loss_curve_) == dae.n_iter_ == 2
    scores = [net_scores(dae, net, X) for net in dae.daes_]
    np.testing.assert_allclose(dae.score_samples(X), np.mean(scores, axis=0), rtol=1e-5)


def net_scores(dae, net, X):
    """Return the negative mean loss of the cells of full rows, without the bins."""
    rows = dae._codec.encode(X)
    return -net.cell_losses(rows)[:, dae._bins.cells].mean(axis=1)


# ------------------------------------------------------------------------------- bins and doubts
def bins_of(X):
    codec = TableCodec.fit(X, owner="Test")
    encoded = codec.encode(X)
    return codec, encoded, TableBins.fit(codec, encoded, amount=0.15)


def with_bins(bins, encoded):
    """Return rows with one-hot bins behind numbers, NaN where these are unknown."""
    parts, start = [], 0
    for n_levels, edges in zip(bins.n_levels, bins.edges, strict=True):
        stop = start + max(1, n_levels)
        parts.append(encoded[:, start:stop])
        if edges:
            numbers = encoded[:, start]
            one_hot = np.eye(len(edges) + 1)[np.searchsorted(edges, numbers, side="right")]
            parts.append(np.where(np.isnan(numbers)[:, None], np.nan, one_hot))
        start = stop
    return np.hstack(parts).astype(np.float32)


def test_numbers_have_bins_of_equal_counts_or_one_for_each_value():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "many": rng.exponential(size=2000),
            "few": rng.integers(3, size=2000),
            "one": 1.0,
            "word": rng.choice(["a", "b"], 2000),
        }
    )
    X.loc[5, ["many", "word"]] = None
    _, encoded, bins = bins_of(X)
    assert [len(edges) for edges in bins.edges] == [19, 2, 0, 0]
    assert bins.cells == [0, 2, 4, 5]
    made = with_bins(bins, encoded)
    assert made.shape == (2000, 28)
    np.testing.assert_array_equal(made[:, [0, 21, 25]], encoded[:, :3])
    np.testing.assert_array_equal(made[:, 26:], encoded[:, 3:])
    assert np.isnan(made[5, :21]).all()
    counts = np.nansum(made[:, 1:21], axis=0)
    assert counts.min() >= 99 and counts.max() <= 101
    values = pd.DataFrame({"value": X["few"], "bin": made[:, 22:25].argmax(axis=1)})
    assert (values["value"] == values["bin"]).all()


def test_bins_are_made_of_a_few_rows_at_a_time(monkeypatch):
    """Those of all rows would take 21 times the memory of the table."""
    seen, forward = [], NumberBins.forward

    def spy(self, x):
        seen.append(len(x))
        return forward(self, x)

    monkeypatch.setattr(NumberBins, "forward", spy)
    X = np.random.default_rng(0).normal(size=(9000, 2))
    dae = clone(QUICK).set_params(max_epochs=1).fit(X)
    for method in (dae.predict, dae.transform, dae.score_samples):
        method(X)
    assert 1 < max(seen) <= 2**12


@pytest.mark.parametrize("size", [10, 40])
def test_edges_are_of_float32_and_part_its_numbers_as_those_of_float64_would(size):
    rng = np.random.default_rng(0)
    numbers = (1 + rng.integers(size, size=5000) * 2.0**-23).astype(np.float32)  # neighbours
    codec, _, _ = bins_of(pd.DataFrame({"a": numbers}))
    (edges,) = TableBins.fit(codec, numbers[:, None], amount=0.15).edges
    assert (np.float32(edges) == edges).all()
    values = np.unique(numbers).astype(float)
    exact = (values[1:] + values[:-1]) / 2
    if size > 20:
        exact = np.quantile(numbers.astype(float), np.arange(1, 20) / 20)
    parts = [np.searchsorted(each, numbers, side="right") for each in (exact, edges)]
    same = [np.unique(part, return_inverse=True)[1] for part in parts]
    np.testing.assert_array_equal(*same)


def test_the_doubt_of_a_category_is_the_log_odds_of_its_likeliest_other_level():
    X = pd.DataFrame({"word": ["a", "b", "c", None]})
    _, encoded, bins = bins_of(X)
    p = np.array([[0.7, 0.1, 0.2], [0.7, 0.1, 0.2], [0.25, 0.25, 0.5], [0.7, 0.2, 0.1]])
    doubts, values = bins.doubts(encoded, p)
    expected = np.log([0.2 / 0.7, 0.7 / 0.1, 0.25 / 0.5])
    np.testing.assert_allclose(doubts[:3, 0], expected)
    assert doubts[3, 0] == -np.inf
    assert values.argmax(axis=1).tolist() == [2, 0, 0, 0]  # another level, or the likeliest


def test_the_doubt_of_a_number_is_its_squared_distance_times_the_odds_that_its_bin_is_wrong():
    X = pd.DataFrame({"few": [0.0, 1.0, 5.0, None]})
    _, encoded, bins = bins_of(X)
    p = np.tile([0.1, 0.2, 0.7], (4, 1))
    guesses = np.column_stack([np.full(4, 0.5), p])
    doubts, values = replace(bins, prior=0.1).doubts(encoded, guesses)
    right = p[0]
    wrong = 0.1 * (1 - right)
    expected = wrong / (wrong + right) * (encoded[:3, 0] - 0.5) ** 2
    np.testing.assert_allclose(doubts[:3, 0], expected, rtol=1e-6)
    assert doubts[3, 0] == -np.inf
    np.testing.assert_array_equal(values, 0.5)


@pytest.mark.parametrize(
    ("n_rows", "n_nets", "max_false_changes", "sizes"),
    [
        (1000, "auto", 0.01, [334, 333, 333]),
        (5000, "auto", 0.01, [1000]),
        (90_000, "auto", 0.01, [10_000]),
        (90_000, 3, 0.01, [10_000] * 3),
        (60, "auto", 0.01, [0]),
        (60, "auto", 0.1, [12]),
        (60, 2, 0.1, [30, 30]),
        (1000, 1, 0, [0]),
        (3, 4, 1, [0, 0, 0, 0]),
    ],
)
def test_rows_are_set_aside_where_they_can_prove_enough(n_rows, n_nets, max_false_changes, sizes):
    aside = set_aside(n_rows, n_nets, max_false_changes, np.random.RandomState(0))
    assert [len(part) for part in aside] == sizes
    rows = np.concatenate(aside)
    assert len(set(rows)) == len(rows)


def test_cells_are_swapped_one_by_one_at_the_rate():
    encoded = np.repeat(np.arange(20_000.0)[:, None], 3, axis=1)
    noisy = swap_cells(encoded, (slice(0, 2), slice(2, 3)), 0.1, np.random.RandomState(0))
    np.testing.assert_array_equal(noisy[:, 0], noisy[:, 1])
    changed = noisy != encoded
    error = 5 * np.sqrt(0.1 * 0.9 / 20_000)
    assert abs(changed[:, 0].mean() - 0.1) < error
    assert abs((changed[:, 0] & changed[:, 2]).mean() - 0.01) < error


class Oracle:
    """Stands for a net that knows the right cells, and mixes them with noise."""

    def __init__(self, bins, truth, sharpness):
        self.bins, self.truth, self.sharpness = bins, with_bins(bins, truth), sharpness

    def guess(self, rows):
        rng = np.random.default_rng(0)
        seen = with_bins(self.bins, rows)
        mixed = np.where(rng.random((len(rows), 1)) < self.sharpness, self.truth, seen)
        return mixed.astype(np.float32)


@pytest.mark.parametrize(("sharpness", "found"), [(1.0, 1.0), (0.5, 0.5), (0.0, 0.0)])
def test_limits_let_through_what_the_nets_know(sharpness, found):
    X = pd.DataFrame(np.random.default_rng(0).choice(list("abcd"), (800, 3)))
    codec, encoded, bins = bins_of(X)
    limits = find_limits(
        encoded,
        [np.arange(800)],
        [Oracle(bins, encoded, sharpness)],
        bins,
        codec.groups,
        max_false_changes=0.01,
        assume_clean=True,
        rng=np.random.RandomState(0),
    )
    np.testing.assert_array_equal(limits.false_changes, 0)
    np.testing.assert_allclose(limits.found, found, atol=0.1)
    np.testing.assert_array_equal(np.isinf(limits.doubt), found == 0)


@pytest.mark.parametrize(
    ("rate", "assume_clean", "found"), [(0.05, False, 1.0), (0.05, True, 0.0), (0.2, False, 0.0)]
)
def test_wrong_cells_of_the_fit_are_no_false_changes_if_one_says_so(rate, assume_clean, found):
    """Up to a tenth: more of them would be as likely the fault of the nets."""
    X = pd.DataFrame(np.random.default_rng(0).choice(list("abcd"), (2000, 3)))
    codec, truth, bins = bins_of(X)
    encoded = swap_cells(truth, codec.groups, rate, np.random.RandomState(1))
    limits = find_limits(
        encoded,
        [np.arange(2000)],
        [Oracle(bins, truth, 1.0)],
        bins,
        codec.groups,
        max_false_changes=0.01,
        assume_clean=assume_clean,
        rng=np.random.RandomState(0),
    )
    np.testing.assert_allclose(limits.found, found, atol=0.05)
    assert limits.false_changes.max() < 0.002


def test_nets_that_are_sure_and_wrong_change_nothing():
    X = pd.DataFrame(np.random.default_rng(0).choice(list("abcd"), (800, 3)))
    codec, encoded, bins = bins_of(X)
    wrong = Oracle(bins, encoded[::-1], 1.0)
    limits = find_limits(
        encoded,
        [np.arange(800)],
        [wrong],
        bins,
        codec.groups,
        max_false_changes=1,
        assume_clean=False,
        rng=np.random.RandomState(0),
    )
    assert np.isinf(limits.doubt).all()
