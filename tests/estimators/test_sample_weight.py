"""Weights of samples: what their losses count, and samples that are left out."""

import re
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from torch import nn

from skdae import ConvDAE, DenoisingAutoencoder, DenseDAE, GaussianNoise, SwapNoise, UNetDAE
from skdae.data import _stored
from skdae.nn import DenseAutoencoder

RNG = np.random.default_rng(0)
TABLE = RNG.random((60, 5)).astype(np.float32)
NOISY = TABLE + RNG.normal(size=TABLE.shape).astype(np.float32) / 10
IMAGES = RNG.random((60, 8, 8)).astype(np.float32)
PHOTOS = [RNG.random((12 + index % 3, 14)).astype(np.float32) for index in range(60)]
QUICK = {"max_epochs": 2, "random_state": 0}
WEIGHTS = RNG.permutation(np.arange(60) % 3).astype(float)  # 0, 1 and 2


def some(data, kept):
    """Return the samples of an array or a list for which ``kept`` is true."""
    if isinstance(data, list):
        return [sample for sample, is_kept in zip(data, kept, strict=True) if is_kept]
    return None if data is None else data[kept]


FITS = {
    "table": (DenseDAE((8,), noise="gaussian", **QUICK), TABLE, None),
    "swap": (DenseDAE((8,), noise=SwapNoise(0.3), **QUICK), TABLE, None),
    "stopping": (DenseDAE((8,), noise="gaussian", early_stopping=True, **QUICK), TABLE, None),
    "pairs": (DenseDAE((8,), **QUICK), NOISY, TABLE),
    "labels": (DenseDAE((8,), noise="gaussian", **QUICK), TABLE, np.arange(60)),
    "uint8": (ConvDAE((4,), noise="gaussian", **QUICK), (255 * IMAGES).astype(np.uint8), None),
    "patches": (UNetDAE((2,), noise="gaussian", n_blocks=1, **QUICK), PHOTOS, None),
    "pairs of photos": (UNetDAE((2,), n_blocks=1, **QUICK), PHOTOS, [p / 2 for p in PHOTOS]),
    "split": (
        DenseDAE((8,), noise=GaussianNoise(0.1), self_supervised="split_noise", **QUICK),
        NOISY,
        None,
    ),
    "blind": (ConvDAE((4,), self_supervised="blind_spot", **QUICK), IMAGES, None),
}


@pytest.mark.parametrize("name", FITS)
def test_samples_of_weight_0_are_left_out(name):
    dae, X, y = FITS[name]
    kept = WEIGHTS > 0
    weighted = clone(dae).fit(X, y, sample_weight=kept)
    without = clone(dae).fit(some(X, kept), some(y, kept))
    assert weighted.loss_curve_ == without.loss_curve_
    assert_array_equal(weighted.predict(X)[0], without.predict(X)[0])
    # The others count by their weights.
    both = clone(dae).fit(X, y, sample_weight=WEIGHTS)
    other = clone(dae).fit(some(X, kept), some(y, kept), sample_weight=WEIGHTS[kept])
    assert both.loss_curve_ == other.loss_curve_ != without.loss_curve_


@pytest.mark.parametrize("name", FITS)
def test_equal_weights_are_none(name):
    dae, X, y = FITS[name]
    for weight in (1, 0.3, 1e300):
        weighted = clone(dae).fit(X, y, sample_weight=np.full(60, weight))
        assert weighted.loss_curve_ == clone(dae).fit(X, y).loss_curve_


def test_the_unit_of_the_weights_does_not_matter():
    dae, X, _ = FITS["table"]
    one = clone(dae).fit(X, sample_weight=WEIGHTS)
    for unit in (1e-300, 7, 1e308 / 2):
        other = clone(dae).fit(X, sample_weight=unit * WEIGHTS)
        assert_allclose(other.predict(X), one.predict(X), atol=1e-6)


# ------------------------------------------------------------------------------- the loss
def absolute(output, target):
    return (output - target).abs().mean()


def error_of_each(name, output, target, deviation):
    """Return the loss of each sample; "huber" is quadratic below one deviation."""
    error = output - target
    each = {
        "mse": np.square(error),
        "l1": np.abs(error),
        "absolute": np.abs(error),
        "huber": np.where(
            np.abs(error) < deviation,
            np.square(error) / 2,
            deviation * (np.abs(error) - deviation / 2),
        ),
    }
    if name == "bce":
        return -(target * np.log(output) + (1 - target) * np.log(1 - output)).mean(axis=1)
    return each[name].mean(axis=1)


@pytest.mark.parametrize(
    "loss", ["mse", "l1", "huber", "bce", absolute], ids=["mse", "l1", "huber", "bce", "callable"]
)
@pytest.mark.parametrize("standardize", [True, False])
def test_the_loss_is_the_weighted_mean(loss, standardize):
    """At a rate of next to nothing, the net stays as it is."""
    name = loss if isinstance(loss, str) else "absolute"
    standardize = standardize and name != "bce"
    settings = {"lr": 1e-20, "max_epochs": 1, "random_state": 0, "noise": None}
    dae = DenseDAE((8,), loss=loss, standardize=standardize, **settings)
    weights = RNG.random(60)
    dae.fit(TABLE, sample_weight=weights)
    deviation = TABLE.std() if standardize else 1
    errors = error_of_each(name, dae.predict(TABLE).astype(float), TABLE, deviation)
    assert_allclose(dae.loss_curve_[0], np.average(errors, weights=weights), rtol=1e-5)


def test_the_loss_of_logits_of_a_module_of_ones_own():
    class Logits(DenseAutoencoder):
        def __init__(self, sample_shape):
            super().__init__(sample_shape, returns_logits=True)

    settings = {"lr": 1e-20, "max_epochs": 1, "random_state": 0, "noise": None}
    dae = DenoisingAutoencoder(Logits, **settings).fit(TABLE, sample_weight=WEIGHTS)
    errors = np.square(dae.predict(TABLE).astype(float) - TABLE).mean(axis=1)
    assert_allclose(dae.loss_curve_[0], np.average(errors, weights=WEIGHTS), rtol=1e-5)


def test_patches_have_the_weights_of_their_samples():
    """The loss is that of the one photo whose weight counts: patches cover each in proportion."""
    photos = [np.zeros((8, 8)), np.ones((16, 8)), np.ones((8, 8)) * 3]
    targets = [photo + shift for photo, shift in zip(photos, (1, 2, 5), strict=True)]

    class Same(nn.Module):
        stride, reach, width = 1, 0, 1

        def __init__(self, sample_shape):
            super().__init__()
            self.factor = nn.Parameter(torch.ones(()))

        def encode(self, x):
            return self.factor * x

        def decode(self, code):
            return code

        def forward(self, x):
            return self.encode(x)

    dae = DenoisingAutoencoder(Same, patch_size=8, lr=1e-20, max_epochs=1, random_state=0)
    for weights in ([1, 1, 1], [1, 3, 0.5], [0, 1, 1]):
        # The second photo makes two patches of 8 x 8, the others one each.
        of_patches = np.array(weights) * [1, 2, 1]
        expected = np.average([1, 4, 25], weights=of_patches)
        dae.fit(photos, targets, sample_weight=weights)
        assert_allclose(dae.loss_curve_[0], expected, rtol=1e-5)


@pytest.mark.parametrize("loss", ["mse", "absolute"])
def test_a_long_training_ends_where_the_weights_say(loss):
    """Half of the rows are to come back doubled, the others as 0."""
    X = np.random.default_rng(1).normal(size=(400, 3))
    y = np.where(np.arange(400)[:, np.newaxis] % 2, 2 * X, 0 * X)
    weights = np.where(np.arange(400) % 2, 3, 1)
    loss = absolute if loss == "absolute" else loss
    dae = DenseDAE((), latent_dim=3, activation="identity", loss=loss, random_state=0)
    dae.set_params(lr=0.02, max_epochs=100).fit(X, y, sample_weight=weights)
    # The weighted least squares, or what is right for more than half of the weight.
    least_squares = LinearRegression().fit(X, y, sample_weight=weights).predict(X)
    expected = 2 * X if loss is absolute else least_squares
    assert np.abs(dae.predict(X) - expected).mean() < 0.02
    assert np.abs(expected - LinearRegression().fit(X, y).predict(X)).mean() > 0.3


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_row_of_weight_2_is_two_rows(optimizer):
    """Where all rows are one batch, and nothing is random, each step is the same."""
    dae = DenseDAE((8,), noise=None, optimizer=optimizer, standardize=False, random_state=0)
    dae.set_params(batch_size=1000, max_epochs=20)
    weighted = clone(dae).fit(TABLE, sample_weight=WEIGHTS)
    repeated = clone(dae).fit(np.repeat(TABLE, WEIGHTS.astype(int), axis=0))
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-5)
    assert_allclose(weighted.predict(TABLE), repeated.predict(TABLE), atol=1e-5)
    assert np.abs(weighted.predict(TABLE) - clone(dae).fit(TABLE).predict(TABLE)).max() > 1e-3


def test_early_stopping_judges_by_the_weights():
    dae = DenseDAE((8,), noise=None, lr=1e-20, early_stopping=True, max_epochs=1, random_state=0)
    weights = RNG.random(60)
    dae.fit(TABLE, sample_weight=weights)
    errors = np.square(dae.predict(TABLE).astype(float) - TABLE).mean(axis=1)
    # The losses of the two parts are those of all, weighted by the sums of their weights.
    losses = [dae.loss_curve_[0], dae.validation_loss_curve_[0]]
    total = np.average(errors, weights=weights)
    assert min(losses) < total < max(losses)


# ------------------------------------------------------------------------------- where it goes
def test_fit_transform_encodes_samples_of_weight_0_too():
    dae, X, _ = FITS["table"]
    codes = clone(dae).fit_transform(X, sample_weight=WEIGHTS)
    assert_array_equal(codes, clone(dae).fit(X, sample_weight=WEIGHTS).transform(X))
    assert len(codes) == 60


@pytest.mark.parametrize("X", [TABLE, IMAGES], ids=["table", "images"])
def test_weights_go_through_a_pipeline_with_noise(X):
    kind = DenseDAE if X is TABLE else ConvDAE
    dae = kind((4,), **QUICK)
    alone = clone(dae).set_params(noise=GaussianNoise(0.1)).fit(X, sample_weight=WEIGHTS)
    pipe = make_pipeline(GaussianNoise(0.1), dae)
    name = f"{kind.__name__.lower()}__sample_weight"
    pipe.fit(X, **{name: WEIGHTS})
    assert_array_equal(pipe.predict(X), alone.predict(X))
    inner = make_pipeline(GaussianNoise(0.1), clone(dae), LogisticRegression())
    inner.fit(X, np.arange(60) % 2, **{name: WEIGHTS})
    assert inner[1].loss_curve_ == alone.loss_curve_


def test_weights_are_routed_as_metadata():
    with config_context(enable_metadata_routing=True):
        dae = DenseDAE((4,), noise="gaussian", **QUICK).set_fit_request(sample_weight=True)
        pipe = make_pipeline(dae).fit(TABLE, sample_weight=WEIGHTS)
    assert pipe[0].loss_curve_ == clone(dae).fit(TABLE, sample_weight=WEIGHTS).loss_curve_


def test_weights_of_partial_fit_and_of_a_warm_start():
    dae = DenseDAE((4,), noise="gaussian", random_state=0)
    kept = WEIGHTS > 0
    weighted, without = clone(dae), clone(dae)
    for _ in range(3):
        weighted.partial_fit(TABLE, sample_weight=kept)
        without.partial_fit(TABLE[kept])
    assert_array_equal(weighted.predict(TABLE), without.predict(TABLE))
    warm = clone(dae).set_params(warm_start=True, max_epochs=1)
    warm.fit(TABLE).fit(TABLE, sample_weight=WEIGHTS)
    assert warm.n_iter_ == 2


def test_a_checkpoint_knows_its_weights(tmp_path):
    dae = DenseDAE((4,), noise="gaussian", checkpoint=tmp_path / "fit", **QUICK)
    fitted = clone(dae).fit(TABLE, sample_weight=WEIGHTS)
    again = clone(dae).fit(TABLE, sample_weight=WEIGHTS)
    assert_array_equal(again.predict(TABLE), fitted.predict(TABLE))
    for other in (None, WEIGHTS[::-1], WEIGHTS + 1):
        with pytest.raises(ValueError, match="is the checkpoint of another fit"):
            clone(dae).fit(TABLE, sample_weight=other)


def test_weights_stay_as_they_are():
    weights = WEIGHTS.copy()
    clone(FITS["table"][0]).fit(TABLE, sample_weight=weights)
    assert_array_equal(weights, WEIGHTS)


# ------------------------------------------------------------------------------- what is wrong
@pytest.mark.parametrize(
    ("weights", "got"),
    [
        (np.ones(59), r"shape \(59,\)"),
        (np.ones((60, 1)), r"shape \(60, 1\)"),
        (2.0, r"shape \(\)"),
        (["a"] * 60, "dtype <U1"),
        ([None] * 60, "dtype object"),
        (-WEIGHTS, "values from -2 to"),
        (np.where(WEIGHTS, 1, np.nan), "values from nan to nan"),
        (np.where(WEIGHTS, 1, np.inf), "values from 1 to inf"),
        (np.zeros(60), "values from 0 to 0"),
    ],
)
@pytest.mark.parametrize("name", ["table", "patches"])
def test_what_is_not_one_weight_a_sample_is_named(name, weights, got):
    dae, X, _ = FITS[name]
    match = rf"sample_weight of {type(dae).__name__} must be .* of the 60 samples of X.* Got .*"
    with pytest.raises(ValueError, match=match + got):
        clone(dae).fit(X, sample_weight=weights)


def test_samples_in_a_file_have_no_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(_stored, "_LARGEST_IN_MEMORY", 100)
    TABLE.tofile(tmp_path / "x")
    X = np.memmap(tmp_path / "x", dtype=np.float32, mode="r", shape=TABLE.shape)
    with pytest.raises(ValueError, match=re.escape("sample_weight of DenseDAE needs samples in m")):
        DenseDAE((4,), noise="gaussian").fit(X, sample_weight=WEIGHTS)


def test_a_fit_that_refuses_weights_changes_nothing():
    dae = clone(FITS["table"][0]).fit(TABLE)
    before = dae.predict(TABLE)
    with warnings.catch_warnings(action="error"), pytest.raises(ValueError, match="sample_weight"):
        dae.fit(TABLE, sample_weight=[1])
    assert_array_equal(dae.predict(TABLE), before)
