"""Images and signals of any size: arrays, lists, one alone, patches, tiles."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from torch import nn

from skdae import (
    ConvDAE,
    DenoisingAutoencoder,
    DenseDAE,
    GaussianNoise,
    UNetDAE,
    make_denoising_scorer,
)
from skdae.inference import _apply
from skdae.nn import ConvAutoencoder, ResidualUNet

RNG = np.random.default_rng(0)
SHORT = {"max_epochs": 1, "random_state": 0}
NOISY = {"noise": GaussianNoise(0.1), **SHORT}
both = pytest.mark.parametrize("kind", [ConvDAE, UNetDAE])
images_of = lambda *sizes: [RNG.random(size, dtype=np.float32) for size in sizes]  # noqa: E731


# ---------------------------------------------------------------------- fit and predict
@both
def test_a_list_comes_back_as_a_list(kind):
    photos = images_of((20, 30), (41, 17), (1, 1), (64, 64))
    dae = kind(**NOISY).fit(photos)
    denoised = dae.predict(photos)
    assert isinstance(denoised, list)
    assert [x.shape for x in denoised] == [x.shape for x in photos]
    assert {x.dtype for x in denoised} == {np.dtype(np.float32)}
    assert not hasattr(dae, "n_features_in_")
    assert dae.sample_shape_ == (64, 64, 1)


@both
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_what_goes_in_comes_out(kind, dtype, channels):
    scale = {np.uint8: 255, np.uint16: 65535}.get(dtype, 1)
    photos = [(x * scale).astype(dtype) for x in images_of((20, 30, *channels), (9, 8, *channels))]
    before = [x.copy() for x in photos]
    dae = kind(**NOISY).fit(photos)
    denoised = dae.predict(photos)
    kept = dtype if scale > 1 else np.float32
    for x, y, original in zip(photos, denoised, before, strict=True):
        assert y.shape == x.shape
        assert y.dtype == kept
        np.testing.assert_array_equal(x, original)
    alone = dae.predict(photos[0])
    np.testing.assert_array_equal(alone, denoised[0])


@both
def test_every_size_from_1_to_65(kind):
    dae = kind(**NOISY).fit(images_of((20, 30), (40, 40)))
    for side in range(1, 66):
        X = images_of((side, 66 - side), (side, side))
        assert [x.shape for x in dae.predict(X)] == [x.shape for x in X]
        assert np.isfinite(dae.predict(X)[1]).all()
    # And each of them is a sample that can be learnt from.
    for side in (1, 2, 3, 5, 64, 65):
        X = RNG.random((3, side, side), dtype=np.float32)
        for patch_size in (None, "auto", 8):
            assert kind(patch_size=patch_size, **NOISY).fit(X).predict(X).shape == X.shape


@both
def test_a_large_odd_one(kind):
    X = RNG.random((1, 1000, 777), dtype=np.float32)
    dae = kind(**NOISY).fit(X)
    assert dae.predict(X).shape == X.shape


@both
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_constant_images(kind, value):
    X = [np.full((20, 30), value), np.full((50, 8), value)]
    denoised = kind(**NOISY).fit(X).predict(X)
    assert all(np.isfinite(x).all() for x in denoised)


@both
def test_an_array_of_another_size_after_any_fit(kind):
    dae = kind(**NOISY).fit(RNG.random((8, 16, 16), dtype=np.float32))
    other = RNG.random((3, 20, 11), dtype=np.float32)
    np.testing.assert_allclose(
        dae.predict(other), np.stack(dae.predict(list(other))), rtol=0, atol=1e-6
    )


@both
def test_one_image_alone(kind):
    gray, colour = images_of((30, 21), (30, 21, 3))
    dae = kind(**NOISY).fit([gray, gray])
    np.testing.assert_array_equal(dae.predict(gray), dae.predict([gray])[0])
    dae = kind(**NOISY).fit([colour, colour])
    np.testing.assert_array_equal(dae.predict(colour), dae.predict([colour])[0])
    signal = RNG.random((300, 2))
    dae = kind(**NOISY).fit([signal, signal[:50]])
    np.testing.assert_array_equal(dae.predict(signal), dae.predict([signal])[0])


@both
def test_signals_of_different_lengths(kind):
    signals = [RNG.normal(size=(length, 2)) for length in (100, 33, 5000)]
    dae = kind(**NOISY).fit(signals)
    assert dae.sample_shape_ == (1024, 2)
    assert [x.shape for x in dae.predict(signals)] == [(100, 2), (33, 2), (5000, 2)]
    plain = [signal[:, 0] for signal in signals]
    assert [x.shape for x in kind(**NOISY).fit(plain).predict(plain)] == [(100,), (33,), (5000,)]


@both
def test_pairs_in_lists(kind):
    clean = images_of((20, 30), (41, 17))
    noisy = [GaussianNoise(0.1).corrupt(x[None], random_state=0)[0] for x in clean]
    dae = kind(**SHORT).fit(noisy, clean)
    assert isinstance(dae.score(noisy, clean), float)
    # The score pools all values of all images.
    denoised = np.concatenate([x.ravel() for x in dae.predict(noisy)]).astype(np.float64)
    truth = np.concatenate([x.ravel() for x in clean]).astype(np.float64)
    expected = 1 - np.square(denoised - truth).sum() / np.square(truth - truth.mean()).sum()
    assert dae.score(noisy, clean) == pytest.approx(expected, rel=1e-6)
    errors = [np.square(a - b).mean() for a, b in zip(dae.predict(noisy), noisy, strict=True)]
    np.testing.assert_allclose(dae.score_samples(noisy), -np.array(errors), rtol=1e-5)
    labelled = kind(**NOISY).fit(clean, [0, 1])
    np.testing.assert_array_equal(
        labelled.predict(clean)[0], kind(**NOISY).fit(clean).predict(clean)[0]
    )


def test_patches_of_whole_samples_learn_what_batches_learn():
    X = RNG.random((64, 12, 12), dtype=np.float32)
    assert UNetDAE(patch_size=12, **NOISY).fit(X).loss_curve_ == pytest.approx(
        UNetDAE(patch_size=None, **NOISY).fit(X).loss_curve_, rel=0.1
    )


def test_patches_denoise():
    from skdae.datasets import load_digits

    X, _ = load_digits()
    page = X[:900].reshape(30, 30, 8, 8).swapaxes(1, 2).reshape(240, 240)
    test = X[900:1700].reshape(20, 40, 8, 8).swapaxes(1, 2).reshape(160, 320)
    noise = GaussianNoise(0.4)
    noisy = noise.corrupt([test], random_state=0)[0]
    dae = UNetDAE(noise=noise, patch_size=24, max_epochs=100, random_state=0).fit([page])
    assert np.square(dae.predict(noisy) - test).mean() < 0.25 * np.square(noisy - test).mean()


# ---------------------------------------------------------------------- scikit-learn around it
def test_a_pipeline_of_lists_learns_from_fresh_noise():
    photos = images_of((20, 30), (41, 17), (25, 25))
    pipe = Pipeline([("noise", GaussianNoise(0.2)), ("dae", UNetDAE(**SHORT))]).fit(photos)
    own = UNetDAE(noise=GaussianNoise(0.2), **SHORT).fit(photos)
    for x, y in zip(pipe.predict(photos), own.predict(photos), strict=True):
        np.testing.assert_array_equal(x, y)
    assert isinstance(pipe["dae"].noise_, GaussianNoise)


def test_a_changed_list_is_an_error():
    noisy = GaussianNoise(0.2).fit_transform(images_of((20, 30), (41, 17)))
    with pytest.raises(ValueError, match="then changed"):
        UNetDAE(**SHORT).fit([np.clip(x, 0, 1) for x in noisy])
    assert isinstance(UNetDAE(**SHORT).fit(noisy[::-1]).noise_, GaussianNoise)
    with pytest.raises(ValueError, match="already comes from a noise step"):
        UNetDAE(**NOISY).fit(noisy)


def test_a_search_over_lists():
    photos = images_of(*[(20, 10 + 3 * k) for k in range(6)])
    pipe = Pipeline([("noise", GaussianNoise(0.2)), ("dae", UNetDAE(channels=(4, 8), **SHORT))])
    scorer = make_denoising_scorer(GaussianNoise(0.2))
    search = GridSearchCV(
        pipe, {"noise__sigma": [0.1, 0.2]}, cv=2, scoring=scorer, error_score="raise"
    )
    search.fit(photos)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(search.predict(photos)) == 6
    GridSearchCV(pipe, {"dae__lr": [0.01]}, cv=2, error_score="raise").fit(photos)


def test_clone_and_pickle_after_a_list(tmp_path):
    import pickle

    photos = images_of((20, 30), (41, 17))
    dae = ConvDAE(patch_size=16, augment=True, **NOISY).fit(photos)
    again = pickle.loads(pickle.dumps(dae))
    for x, y in zip(dae.predict(photos), again.predict(photos), strict=True):
        np.testing.assert_array_equal(x, y)
    assert clone(dae).get_params()["patch_size"] == 16


def test_going_on_with_other_sizes():
    photos = images_of((20, 30), (41, 17))
    dae = UNetDAE(**NOISY).partial_fit(photos).partial_fit(images_of((70, 90), (8, 8)))
    assert dae.n_iter_ == 2
    with pytest.raises(ValueError, match=r"those of fit had 1. Got X\[0\]"):
        dae.partial_fit(images_of((20, 30, 3), (41, 17, 3)))


def test_early_stopping_judges_by_whole_images():
    dae = UNetDAE(early_stopping=True, validation_fraction=0.5, **NOISY)
    dae.fit(images_of((20, 30), (41, 17)))
    assert len(dae.validation_loss_curve_) == 1
    with pytest.raises(ValueError, match="needs at least 2 samples"):
        dae.fit(images_of((20, 30)))


# ---------------------------------------------------------------------- wrong input
@both
@pytest.mark.parametrize(
    ("settings", "X", "message"),
    [
        ({"patch_size": None}, images_of((20, 30), (41, 17)), "patch_size=None .* of one size"),
        ({"patch_size": (8, 8, 8)}, images_of((20, 30)), "tuple of 2 .* Got \\(8, 8, 8\\)"),
        ({"patch_size": (8, 0)}, images_of((20, 30)), "'patch_size' parameter"),
        ({"patch_size": 0}, images_of((20, 30)), "'patch_size' parameter"),
        ({"patch_size": "all"}, images_of((20, 30)), "'patch_size' parameter"),
        ({"augment": True}, [np.zeros((50, 2)), np.zeros((40, 2))], "leave augment=False"),
        ({}, [*images_of((20, 30)), np.full((5, 5), np.nan)], r"X\[1\] contains NaN"),
    ],
)
def test_wrong_settings(kind, settings, X, message):
    with pytest.raises(ValueError, match=message):
        kind(**{**NOISY, **settings}).fit(X)


def test_a_bottleneck_wants_one_size():
    with pytest.raises(ValueError, match="latent_dim=4 .* one size"):
        ConvDAE(latent_dim=4, **NOISY).fit(images_of((20, 30), (41, 17)))
    with pytest.raises(ValueError, match="latent_dim=4 .* one size"):
        ConvDAE(latent_dim=4, patch_size=8, **NOISY).fit(images_of((20, 30)))
    photos = images_of((20, 30), (20, 30))
    dae = ConvDAE(latent_dim=4, **NOISY).fit(photos)
    assert [x.shape for x in dae.predict(photos)] == [(20, 30), (20, 30)]
    with pytest.raises(ValueError, match=r"X\[1\] has shape \(41, 17, 1\)"):
        dae.predict(images_of((20, 30), (41, 17)))


@both
def test_wrong_targets(kind):
    clean = images_of((20, 30), (41, 17))
    with pytest.raises(ValueError, match=r"y\[1\] of shape \(40, 17, 1\) for X\[1\]"):
        kind(**SHORT).fit(clean, images_of((20, 30), (40, 17)))
    with pytest.raises(ValueError, match="Got 1 targets for 2 samples"):
        kind(**SHORT).fit(clean, clean[:1])
    with pytest.raises(ValueError, match="as X is a list of 2 samples"):
        kind(**SHORT).fit(clean, np.zeros(5))
    with pytest.raises(ValueError, match="read as fractions"):
        kind(**SHORT).fit(clean, [(x * 255).astype(np.uint8) for x in clean])  # y is uint8, X not
        kind(**SHORT).fit([x * 255 for x in clean], [(x * 255).astype(np.uint8) for x in clean])


def test_dense_layers_want_one_size():
    with pytest.raises(ValueError, match=r"X\[1\] of shape \(41, 17\).* ConvDAE and UNetDAE"):
        DenseDAE(**NOISY).fit(images_of((20, 30), (41, 17)))
    X = images_of((4, 5), (4, 5), (4, 5))
    assert np.shape(DenseDAE(**NOISY).fit(X).predict(X)) == (3, 4, 5)


@both
def test_wrong_things_to_predict(kind):
    dae = kind(**NOISY).fit(images_of((20, 30), (41, 17)))
    with pytest.raises(ValueError, match=r"those of fit had 1. Got X\[1\] of shape"):
        dae.predict([np.zeros((5, 5)), np.zeros((5, 5, 3))])
    with pytest.raises(ValueError, match=r"samples of 1 channel,.*Got X of shape \(2, 5, 5, 3\)"):
        dae.predict(np.zeros((2, 5, 5, 3)))
    with pytest.raises(ValueError, match="encodes samples of one size"):
        dae.transform(images_of((20, 30), (41, 17)))


# ---------------------------------------------------------------------- codes
@both
def test_codes_of_patch_trained_nets(kind):
    X = RNG.random((3, 40, 50), dtype=np.float32)
    dae = kind(patch_size=16, **NOISY).fit(X)
    codes = dae.transform(X)
    assert codes.shape == (3, len(dae.get_feature_names_out()))
    np.testing.assert_array_equal(dae.transform(list(X)), codes)
    if kind is ConvDAE:
        assert dae.inverse_transform(codes).shape == X.shape
        np.testing.assert_allclose(dae.inverse_transform(codes), dae.predict(X), atol=1e-5)


@both
def test_codes_of_a_list_while_fitting(kind):
    photos = images_of((20, 30), (20, 30))
    dae = kind(**NOISY)
    codes = dae.fit_transform(photos)
    np.testing.assert_array_equal(codes, dae.transform(photos))
    with pytest.raises(ValueError, match="encodes samples of one size"):
        dae.fit_transform(images_of((20, 30), (41, 17)))


# ---------------------------------------------------------------------- tiles
def reach_of(module: torch.nn.Module, shape: tuple[int, ...]) -> int:
    """Say how far a NaN spreads: the oracle of ``reach``."""
    farthest = 0
    middle = [side // 2 for side in shape[1:]]
    for shift in range(module.stride):
        x = torch.zeros(1, *shape)
        place = [m + shift for m in middle]
        x[(0, 0, *place)] = math.nan
        with torch.inference_mode():
            spread = module(x).isnan().nonzero()[:, 2:]
        if len(spread):  # a kernel of 1 and a stride of 2 skip every other value
            farthest = max(farthest, int((spread - torch.tensor(place)).abs().max()))
    return farthest


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("channels", [(3,), (3, 4), (3, 4, 5)])
def test_reach_is_how_far_the_input_is_felt(channels, kernel_size):
    modules = [
        ConvAutoencoder(
            (1, 257, 263), channels=channels, kernel_size=kernel_size, downsample=down, upsample=up
        )
        for down in ("max", "average", "stride")
        for up in ("transpose", "nearest")
    ]
    modules += [
        ResidualUNet(
            (1, 257, 263), channels=channels, kernel_size=kernel_size, unshuffle=u, n_blocks=b
        )
        for u in (1, 2, 3)
        for b in (1, 2)
    ]
    for module in modules:
        for parameter in module.parameters():
            torch.nn.init.constant_(parameter, 0.01)
        felt = reach_of(module, (1, 257, 263))
        assert felt <= module.reach <= 3 * felt + 4 * module.stride, module


@both
@pytest.mark.parametrize("size", [(200, 333), (97, 64), (1, 500), (130, 130)])
@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_leave_no_seam(kind, size, channels, monkeypatch):
    dae = kind(noise=GaussianNoise(0.3), max_epochs=2, random_state=0)
    dae.fit(RNG.random((64, 16, 16, channels), dtype=np.float32))
    X = RNG.random((2, *size, channels), dtype=np.float32)
    whole = dae.predict(X)
    monkeypatch.setitem(_apply._TILE_BYTES, "cpu", 2**13)
    calls = []
    forward = type(dae.net_.module_).forward
    monkeypatch.setattr(
        type(dae.net_.module_), "forward", lambda *args: calls.append(1) or forward(*args)
    )
    tiled = dae.predict(X)
    assert len(calls) > 2
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5)
    assert whole.std() > 1e-3


def test_tiles_of_signals(monkeypatch):
    dae = UNetDAE(**NOISY).fit(RNG.normal(size=(8, 256, 2)))
    X = RNG.normal(size=(1, 5001, 2))
    whole = dae.predict(X)
    monkeypatch.setitem(_apply._TILE_BYTES, "cpu", 2**15)
    np.testing.assert_allclose(dae.predict(X), whole, rtol=0, atol=1e-5)


def test_tiles_of_integers_are_rounded_once(monkeypatch):
    X = RNG.integers(0, 256, size=(1, 150, 170), dtype=np.uint8)
    dae = UNetDAE(**NOISY).fit(X)
    whole = dae.predict(X)
    monkeypatch.setitem(_apply._TILE_BYTES, "cpu", 2**18)
    tiled = dae.predict(X)
    assert tiled.dtype == np.uint8
    assert np.abs(tiled.astype(int) - whole).max() <= 1


# ---------------------------------------------------------------------- averages
def test_turns_commute_with_the_average():
    dae = UNetDAE(noise=GaussianNoise(0.3), max_epochs=1, random_state=0)
    dae.fit(RNG.random((64, 16, 16), dtype=np.float32))
    X = RNG.random((2, 20, 33), dtype=np.float32)
    averaged = dae.predict(X, tta=True)
    assert np.abs(averaged - dae.predict(X)).max() > 1e-4
    for turned, back in (
        (X[:, ::-1], lambda y: y[:, ::-1]),
        (X[:, :, ::-1], lambda y: y[:, :, ::-1]),
        (X.swapaxes(1, 2), lambda y: y.swapaxes(1, 2)),
    ):
        again = back(dae.predict(np.ascontiguousarray(turned), tta=True))
        np.testing.assert_allclose(again, averaged, atol=1e-5)


def test_turns_are_for_images():
    dae = UNetDAE(**NOISY).fit(RNG.normal(size=(8, 64, 2)))
    with pytest.raises(ValueError, match="tta=True of UNetDAE flips and turns images"):
        dae.predict(RNG.normal(size=(8, 64, 2)), tta=True)


@both
@pytest.mark.parametrize("place", [(13, 1), (0, 0)], ids=["inside", "border"])
@pytest.mark.parametrize("shape", [(30, 21), (40, 3), (21, 17, 3)])
def test_j_invariant_values_do_not_depend_on_themselves(kind, shape, place):
    X = images_of(shape, shape)
    dae = kind(noise=GaussianNoise(0.3), **SHORT).fit(X)
    before = dae.predict(X[0], j_invariant=True)
    changed = X[0].copy()
    changed[place] += 5
    after = dae.predict(changed, j_invariant=True)
    np.testing.assert_array_equal(after[place], before[place])
    assert (after != before).any()
    assert (dae.predict(changed)[place] != dae.predict(X[0])[place]).any()


def test_averages_keep_the_dtype():
    X = [RNG.integers(0, 256, size=(30, 21), dtype=np.uint8)] * 2
    dae = UNetDAE(**NOISY).fit(X)
    for how in ({"tta": True}, {"j_invariant": True}, {"tta": True, "j_invariant": True}):
        assert dae.predict(X, **how)[0].dtype == np.uint8


# ---------------------------------------------------------------------- what a list is read as
@both
def test_sample_shape_decides_for_lists_too(kind):
    """One record is too short to be told from an image by its sides."""
    records = images_of((300, 12), (90, 12))
    with pytest.warns(UserWarning, match=r"say what they are|Say what they are"):
        assert kind(**NOISY).fit(records).sample_shape_[-1] == 1
    dae = kind(sample_shape=(300, 12), **NOISY).fit(records)
    assert dae.sample_shape_ == (300, 12)
    assert [x.shape for x in dae.predict(records)] == [(300, 12), (90, 12)]
    with pytest.raises(ValueError, match="'sample_shape' parameter"):
        kind(sample_shape=("a",), **NOISY).fit(records)


@both
@pytest.mark.parametrize("lengths", [(50,), (50, 50), (50, 70)])
def test_recordings_of_one_channel(kind, lengths):
    """Arrays of one axis are signals, however many there are and however long they are."""
    records = images_of(*((length,) for length in lengths))
    dae = kind(**NOISY).fit(records)
    assert dae.sample_shape_ == (max(lengths), 1)
    assert [x.shape for x in dae.predict(records)] == [(length,) for length in lengths]
    assert [x.shape for x in dae.predict([records[0][:20]])] == [(20,)]
    pipeline = Pipeline([("noise", GaussianNoise(0.1)), ("dae", kind(**SHORT))]).fit(records)
    assert pipeline[-1].sample_shape_ == dae.sample_shape_


@both
def test_folds_of_recordings(kind):
    records = images_of((40,), (40,), (30,), (50,))
    scorer = make_denoising_scorer(GaussianNoise(0.1))
    assert np.isfinite(cross_val_score(kind(**NOISY), records, cv=2, scoring=scorer)).all()


@both
def test_a_list_of_flat_rows(kind):
    rows = images_of((30,), (30,), (30,))
    dae = kind(sample_shape=(5, 6), **NOISY).fit(rows)
    assert dae.sample_shape_ == (5, 6, 1)
    np.testing.assert_array_equal(dae.predict(rows), dae.predict(np.stack(rows)))
    assert isinstance(dae.predict(rows), list)


@both
def test_a_colour_photo_is_not_many_gray_ones(kind):
    dae = kind(**NOISY).fit(images_of((20, 30), (40, 40)))
    rows, columns = np.mgrid[:40, :50] / 50
    photo = np.stack([rows, columns, rows * columns], axis=-1)
    with pytest.raises(ValueError, match="fitted on samples of 1 channel.*(40, 50, 3)"):
        dae.predict(photo)
    many = RNG.random((40, 50, 3), dtype=np.float32)  # rows that are not alike
    assert dae.predict(many).shape == many.shape


@both
def test_a_gray_photo_with_its_channel_is_one(kind):
    dae = kind(**NOISY).fit(images_of((20, 30), (40, 40)))
    (photo,) = images_of((17, 23))
    np.testing.assert_array_equal(dae.predict(photo[..., None])[..., 0], dae.predict(photo))


@both
def test_a_colour_photo_that_came_alone(kind):
    photo = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    with pytest.warns(UserWarning, match=r"If it is one colour image, give it as a list, \[X\]"):
        kind(**NOISY).fit(photo)
    kind(sample_shape=(30, 3), **NOISY).fit(photo)


@both
def test_going_on_with_an_array(kind):
    dae = kind(**NOISY).partial_fit(images_of((20, 30), (25, 14)))
    dae.partial_fit(RNG.random((4, 12, 12)))
    assert dae.n_iter_ == 2


def test_pillow_images():
    arrays = [(255 * x).astype(np.uint8) for x in images_of((20, 30), (25, 14))]
    pictures = [Image.fromarray(x) for x in arrays]
    dae = UNetDAE(**NOISY).fit(pictures)
    for a, b in zip(dae.predict(pictures), dae.predict(arrays), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda dae: dae.predict([]), "one sample or more. Got an empty list"),
        (lambda dae: dae.predict(pd.DataFrame(RNG.random((3, 4)))), "fitted on a list of samples"),
        (lambda dae: dae.fit(np.array(images_of((9, 8), (8, 9)), dtype=object)), r"list\(X\)"),
        (
            lambda dae: dae.fit(RNG.random((2, 9, 9)), images_of((9, 8), (9, 9))),
            r"targets of one size, as X is an array. Got y\[0\]",
        ),
    ],
)
def test_unusable_containers(call, message):
    dae = UNetDAE(**NOISY).fit(images_of((20, 30), (25, 14)))
    with pytest.raises(ValueError, match=message):
        call(dae)


# ---------------------------------------------------------------------- dense estimators
def test_dense_estimators_take_lists_of_one_size():
    images = images_of(*[(8, 8)] * 10)
    dae = DenseDAE(**NOISY).fit(images)
    assert isinstance(dae.predict(images), list)
    np.testing.assert_array_equal(dae.predict(images), dae.predict(np.stack(images)))
    scorer = make_denoising_scorer(GaussianNoise(0.1))
    assert scorer(dae, images) == pytest.approx(scorer(dae, np.stack(images)))
    pipeline = Pipeline([("noise", GaussianNoise(0.1)), ("dae", DenseDAE(**SHORT))]).fit(images)
    np.testing.assert_array_equal(pipeline.predict(images), dae.predict(images))
    mixed = [*images, np.zeros((8, 8), dtype=np.uint8)]
    with pytest.raises(ValueError, match=r"Got X\[10\] of dtype uint8"):
        DenseDAE(**NOISY).fit(mixed)


# ---------------------------------------------------------------- modules of users
class Strided(nn.Module):
    """A fully convolutional module that says so."""

    stride, reach, width = 2, 6, 4

    def __init__(self, sample_shape):
        super().__init__()
        self.down = nn.Conv2d(sample_shape[0], 4, 4, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(4, sample_shape[0], 4, stride=2, padding=1)

    def encode(self, x):
        height, width = x.shape[-2:]
        return torch.relu(self.down(nn.functional.pad(x, (0, width % 2, 0, height % 2))))

    def decode(self, code):
        return self.up(code)

    def forward(self, x):
        return self.decode(self.encode(x))[..., : x.shape[-2], : x.shape[-1]]


class Silent(Strided):
    reach = None


def test_a_module_of_the_user_that_promises_any_size_takes_lists_and_tiles(monkeypatch):
    images = [RNG.random((30 + i, 41)).astype(np.float32) for i in range(4)]
    dae = DenoisingAutoencoder(Strided, noise="gaussian", max_epochs=2, random_state=0).fit(images)
    denoised = dae.predict(images)
    assert [image.shape for image in denoised] == [image.shape for image in images]
    np.testing.assert_array_equal(dae.predict(images[2]), denoised[2])
    module = dae.net_.module_.eval()
    with torch.inference_mode():
        bare = module(torch.from_numpy(images[1])[None, None])[0, 0].numpy()
    np.testing.assert_allclose(denoised[1], bare, atol=1e-6)
    large = RNG.random((300, 400)).astype(np.float32)
    whole = dae.predict(large)
    monkeypatch.setitem(_apply._TILE_BYTES, "cpu", 2**19)
    np.testing.assert_allclose(dae.predict(large), whole, atol=1e-6)
    turned = dae.predict(np.ascontiguousarray(large[::-1]), tta=True)[::-1]
    np.testing.assert_allclose(turned, dae.predict(large, tta=True), atol=1e-6)


def test_a_module_of_the_user_trains_on_patches_of_arrays():
    X = RNG.random((6, 30, 41)).astype(np.float32)
    sizes = []

    class Recording(Strided):
        def forward(self, x):
            sizes.append(tuple(x.shape[2:]))
            return super().forward(x)

    dae = DenoisingAutoencoder(Recording, noise="gaussian", max_epochs=1, random_state=0)
    dae.fit(X)
    assert set(sizes) == {(30, 41)}
    sizes.clear()
    clone(dae).set_params(patch_size=(16, 8), augment=True).fit(X)
    assert sizes.count((16, 8)) >= 1
    with pytest.raises(ValueError, match="takes patch_size=8 only with a module that promises"):
        DenoisingAutoencoder(Silent, noise="gaussian", patch_size=8).fit(X)


def test_a_fit_on_a_list_goes_on_with_an_array():
    images = [RNG.random((30 + i, 41)).astype(np.float32) for i in range(3)]
    dae = DenoisingAutoencoder(Strided, noise="gaussian", random_state=0).partial_fit(images)
    again = clone(dae).partial_fit(images)
    array = np.stack([image[:30] for image in images])
    dae.partial_fit(array)
    again.partial_fit(list(array))
    np.testing.assert_array_equal(dae.predict(images[0]), again.predict(images[0]))
    assert dae.n_iter_ == 2


def test_a_module_that_promises_nothing_takes_one_size():
    images = [RNG.random((30 + i, 41)).astype(np.float32) for i in range(4)]
    dae = DenoisingAutoencoder(Silent, noise="gaussian", max_epochs=1)
    with pytest.raises(ValueError, match="Silent must have stride, reach and width, none of them"):
        dae.fit(images)
    assert not hasattr(dae, "net_")


@pytest.mark.parametrize("shape", [(12, 8, 8), (12, 6, 8, 2)])
def test_means_over_turns_of_a_dense_net(shape):
    X = RNG.random(shape).astype(np.float32)
    dae = DenseDAE((6,), noise="gaussian", max_epochs=1, random_state=0).fit(X)
    square = shape[1] == shape[2]
    turns = [
        (flip, turn) for flip in (False, True) for turn in ((0, 1, 2, 3) if square else (0, 2))
    ]
    total = 0
    for flip, turn in turns:
        turned = np.rot90(X[:, ::-1] if flip else X, turn, axes=(1, 2))
        back = np.rot90(dae.predict(np.ascontiguousarray(turned)), -turn, axes=(1, 2))
        total = total + (back[:, ::-1] if flip else back)
    np.testing.assert_allclose(dae.predict(X, tta=True), total / len(turns), atol=1e-6)


@pytest.mark.parametrize("argument", ["tta", "j_invariant"])
def test_tables_have_no_turns_and_no_neighbours(argument):
    X = RNG.random((12, 8))
    dae = DenseDAE((6,), noise="gaussian", max_epochs=1).fit(X)
    with pytest.raises(ValueError, match=rf"{argument}=True of DenseDAE .* shape \(8,\)"):
        dae.predict(X, **{argument: True})


@both
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_missing_value_in_a_tile_is_an_error(kind, value, monkeypatch):
    X = RNG.random((2, 60, 50)).astype(np.float32)
    dae = kind((4, 4), **NOISY).fit(X)
    monkeypatch.setitem(_apply._TILE_BYTES, "cpu", 2**16)
    assert np.isfinite(dae.predict(X)).all()
    X[1, 55, 3] = value
    for use in (dae.predict, dae.score, dae.score_samples, partial(dae.predict, tta=True)):
        with pytest.raises(ValueError, match="Input X contains (NaN|infinity)"):
            use(X)


@both
def test_flat_rows_of_different_lengths_are_no_images_of_different_sizes(kind):
    rows = [np.zeros(16), np.zeros(9)]
    with pytest.raises(ValueError, match=r"one size. Got X\[0\] of shape \(16,\) and X\[1\]"):
        kind((4,), sample_shape=(4, 4), **NOISY).fit(rows)
