"""Samples of the user to validate on: X_val and y_val of fit."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import EpochScoring

from skdae import ConvDAE, DenseDAE, GaussianNoise, LossCurveDisplay, SwapNoise, UNetDAE

RNG = np.random.default_rng(0)
TABLE, NEW = (RNG.random((n, 5)).astype(np.float32) for n in (60, 41))
NOISY, NEW_NOISY = (X + RNG.normal(size=X.shape).astype(np.float32) / 10 for X in (TABLE, NEW))
IMAGES = RNG.random((60, 8, 8)).astype(np.float32)
PHOTOS = [RNG.random((12 + index % 3, 14)).astype(np.float32) for index in range(20)]
QUICK = {"max_epochs": 3, "random_state": 0}

FITS = {
    "table": (DenseDAE((8,), noise="gaussian", **QUICK), TABLE, None, NEW, None),
    "swap": (DenseDAE((8,), noise=SwapNoise(0.3), **QUICK), TABLE, None, NEW, None),
    "plain": (DenseDAE((8,), noise=None, **QUICK), TABLE, None, NEW, None),
    "pairs": (DenseDAE((8,), **QUICK), NOISY, TABLE, NEW_NOISY, NEW),
    "pairs of one": (DenseDAE((8,), **QUICK), NOISY, TABLE, NEW_NOISY[:1], NEW[:1]),
    "labels": (
        DenseDAE((8,), noise="gaussian", **QUICK),
        TABLE,
        np.zeros(60, int),
        NEW,
        np.zeros(41, int),
    ),
    "images": (ConvDAE((4,), noise="gaussian", **QUICK), IMAGES[:40], None, IMAGES[40:], None),
    "uint8": (
        ConvDAE((4,), noise="gaussian", **QUICK),
        (255 * IMAGES[:40]).astype(np.uint8),
        None,
        (255 * IMAGES[40:]).astype(np.uint8),
        None,
    ),
    "photos": (
        UNetDAE((2,), noise="gaussian", n_blocks=1, **QUICK),
        PHOTOS,
        None,
        PHOTOS[:3],
        None,
    ),
    "pairs of photos": (
        UNetDAE((2,), n_blocks=1, **QUICK),
        PHOTOS,
        [photo / 2 for photo in PHOTOS],
        PHOTOS[:3],
        [photo / 2 for photo in PHOTOS[:3]],
    ),
    "split": (
        DenseDAE((8,), noise=GaussianNoise(0.1), self_supervised="split_noise", **QUICK),
        NOISY,
        None,
        NEW_NOISY,
        None,
    ),
    "blind": (ConvDAE((4,), self_supervised="blind_spot", **QUICK), IMAGES, None, IMAGES[:5], None),
}


@pytest.mark.parametrize("name", FITS)
def test_without_early_stopping_they_only_give_a_curve(name):
    dae, X, y, X_val, y_val = FITS[name]
    judged = clone(dae).fit(X, y, X_val=X_val, y_val=y_val)
    alone = clone(dae).fit(X, y)
    assert alone.validation_loss_curve_ == []
    assert len(judged.validation_loss_curve_) == judged.n_iter_ == 3
    assert judged.loss_curve_ == alone.loss_curve_
    assert_array_equal(judged.predict(X)[0], alone.predict(X)[0])


@pytest.mark.parametrize("name", ["pairs", "pairs of one", "plain"])
def test_the_curve_is_the_error_on_them(name):
    dae, X, y, X_val, y_val = FITS[name]
    y_val = X_val if y_val is None else y_val
    fitted = clone(dae).fit(X, y, X_val=X_val, y_val=y_val)
    error = np.square(fitted.predict(X_val).astype(float) - y_val).mean()
    assert_allclose(fitted.validation_loss_curve_[-1], error, rtol=1e-5)


def test_the_weights_of_the_best_epoch_are_restored_and_all_of_X_is_trained_on():
    """Two hundred epochs on twenty noisy rows learn these by heart."""
    X, y = RNG.normal(size=(2, 20, 10))
    X_val, y_val = RNG.normal(size=(2, 500, 10))
    dae = DenseDAE((64,), lr=0.01, lr_schedule="constant", max_epochs=200, random_state=0)
    settings = {"early_stopping": True, "n_iter_no_change": 5}
    stopped = clone(dae).set_params(**settings).fit(X, y, X_val=X_val, y_val=y_val)
    assert stopped.n_iter_ < 200
    error = np.square(stopped.predict(X_val).astype(float) - y_val).mean()
    assert_allclose(error, min(stopped.validation_loss_curve_), rtol=1e-5)
    assert np.argmin(stopped.validation_loss_curve_) == stopped.n_iter_ - 6
    # The same epochs as those of a training on all rows.
    whole = clone(dae).set_params(max_epochs=stopped.n_iter_).fit(X, y)
    assert stopped.loss_curve_ == whole.loss_curve_


@pytest.mark.parametrize("name", ["table", "images", "photos", "split"])
def test_their_noise_is_the_same_in_every_epoch(name):
    dae, X, y, X_val, y_val = FITS[name]
    fitted = clone(dae).set_params(lr=1e-20).fit(X, y, X_val=X_val, y_val=y_val)
    assert len(set(fitted.validation_loss_curve_)) == 1
    assert len(set(fitted.loss_curve_)) == 3


def test_they_are_not_those_that_would_be_set_aside():
    dae = DenseDAE((8,), noise="gaussian", early_stopping=True, **QUICK)
    one, other = (clone(dae).set_params(validation_fraction=f) for f in (0.1, 0.5))
    expected = one.fit(TABLE, X_val=NEW).predict(TABLE)
    assert_array_equal(other.fit(TABLE, X_val=NEW).predict(TABLE), expected)


def test_one_row_is_enough_to_train_on():
    dae = DenseDAE((4,), noise="gaussian", early_stopping=True, **QUICK)
    assert dae.fit(TABLE[:1], X_val=NEW).n_iter_ == 3


# ------------------------------------------------------------------------------- where they go
def test_they_go_through_a_pipeline_with_noise():
    """The step before the noise has to be applied to them, as scikit-learn's pipelines do not."""
    scaler = StandardScaler().fit(TABLE)
    dae = DenseDAE((8,), **QUICK)
    pipe = make_pipeline(StandardScaler(), GaussianNoise(0.1), dae)
    pipe.fit(TABLE, densedae__X_val=scaler.transform(NEW))
    alone = clone(dae).set_params(noise=GaussianNoise(0.1))
    alone.fit(scaler.transform(TABLE), X_val=scaler.transform(NEW))
    assert pipe[-1].validation_loss_curve_ == alone.validation_loss_curve_
    codes = clone(alone).fit_transform(scaler.transform(TABLE), X_val=scaler.transform(NEW))
    assert_array_equal(codes, alone.transform(scaler.transform(TABLE)))


def test_they_go_with_weights():
    dae, X, _, X_val, _ = FITS["table"]
    weights = np.arange(60)
    judged = clone(dae).fit(X, sample_weight=weights, X_val=X_val)
    alone = clone(dae).fit(X, sample_weight=weights)
    assert_array_equal(judged.predict(X), alone.predict(X))


def test_frames_are_compared_by_their_columns():
    dae = DenseDAE((8,), noise="gaussian", **QUICK)
    frame, new = (pd.DataFrame(X, columns=list("abcde")) for X in (TABLE, NEW))
    expected = clone(dae).fit(TABLE, X_val=NEW).validation_loss_curve_
    assert clone(dae).fit(frame, X_val=new).validation_loss_curve_ == expected
    with pytest.raises(ValueError, match=r"X_val of DenseDAE must be samples as in X.*feature"):
        clone(dae).fit(frame, X_val=new[list("edcba")])


def test_scores_of_skorch_and_the_plot_see_them(pyplot):
    scoring = EpochScoring("neg_mean_squared_error", name="mse", lower_is_better=False)
    dae = DenseDAE((8,), callbacks=[scoring], **QUICK).fit(NOISY, TABLE, X_val=NEW_NOISY, y_val=NEW)
    expected = -np.array(dae.validation_loss_curve_)
    assert_allclose([epoch["mse"] for epoch in dae.net_.history], expected, rtol=1e-4)
    lines = LossCurveDisplay.from_estimator(dae).ax_.lines
    assert len(lines) == 3  # and the best epoch


def test_a_warm_start_goes_on_with_them():
    dae = DenseDAE((8,), noise="gaussian", warm_start=True, **QUICK)
    dae.fit(TABLE, X_val=NEW).fit(TABLE, X_val=NEW[:20])
    assert len(dae.validation_loss_curve_) == 6


def test_a_checkpoint_knows_them(tmp_path):
    dae = DenseDAE((8,), checkpoint=tmp_path / "fit", **QUICK)
    fitted = clone(dae).fit(NOISY, TABLE, X_val=NEW_NOISY, y_val=NEW)
    again = clone(dae).fit(NOISY, TABLE, X_val=NEW_NOISY, y_val=NEW)
    assert again.validation_loss_curve_ == fitted.validation_loss_curve_
    for others in ({}, {"X_val": NEW_NOISY[1:], "y_val": NEW[1:]}, {"X_val": NEW, "y_val": NEW}):
        with pytest.raises(ValueError, match=r"is the checkpoint of another fit: ._val was"):
            clone(dae).fit(NOISY, TABLE, **others)


# ------------------------------------------------------------------------------- what is wrong
@pytest.mark.parametrize(
    ("name", "X_val", "y_val", "message"),
    [
        ("table", NEW[:, :4], None, "X_val of DenseDAE must be samples as in X. X has 4 features"),
        ("table", np.full((3, 5), np.nan), None, "X_val of DenseDAE .*contains NaN"),
        ("table", NEW[0], None, r"X_val of DenseDAE .*Got X of shape \(5,\)"),
        ("table", np.empty((0, 5)), None, "X_val of DenseDAE .*0 sample"),
        ("images", IMAGES[:, :6], None, "X_val of ConvDAE "),
        ("uint8", 255 * IMAGES, None, "X_val of ConvDAE "),
        ("photos", [PHOTOS[0][:, 0]], None, "X_val of UNetDAE "),
        ("table", None, NEW, "y_val of DenseDAE are targets of X_val. Got no X_val"),
        ("table", NEW, NEW + 1, "y_val of DenseDAE are targets, but fit learns none"),
        ("labels", NEW, NEW + 1, "y_val of DenseDAE are targets, but fit learns none"),
        ("pairs", NEW, None, "DenseDAE learns the targets y, so X_val needs its own.* Got none"),
        ("pairs", NEW, np.zeros(41), "DenseDAE learns the targets y.* Got labels"),
        ("pairs", NEW, NEW[1:], r"y_val of DenseDAE must go with X_val .*y of shape \(40, 5\)"),
        ("pairs of photos", PHOTOS, PHOTOS[1:], "y_val of UNetDAE must go with X_val "),
    ],
)
def test_what_does_not_go_with_X_and_y_is_named(name, X_val, y_val, message):
    dae, X, y, _, _ = FITS[name]
    with pytest.raises(ValueError, match=f"(?s){message}"):
        clone(dae).fit(X, y, X_val=X_val, y_val=y_val)


def test_what_comes_from_a_noise_step_is_refused():
    noisy = GaussianNoise(0.1).fit_transform(NEW)
    match = re.escape("X_val of DenseDAE comes from a noise step, GaussianNoise(): Pass it clean")
    with pytest.raises(ValueError, match=match.replace("\\(\\):", r"\(.*\)\.")):
        DenseDAE((8,), noise="gaussian", **QUICK).fit(TABLE, X_val=noisy)


def test_targets_in_the_range_of_the_loss():
    dae = DenseDAE((8,), noise="gaussian", loss="bce", **QUICK)
    with pytest.raises(ValueError, match=r"loss='bce' of DenseDAE needs targets in \[0, 1\]"):
        dae.fit(TABLE, X_val=2 * NEW)
