"""PSNR and SSIM against scikit-image and by hand."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from skdae import (
    make_denoising_scorer,
    psnr,
    ssim,
)

DTYPES = {"float32": 1.0, "float64": 1.0, "uint8": 255, "uint16": 65535}


def images_of(dtype, shape, seed=0):
    """Make an array of random values over the whole range of a dtype, and a noisy one."""
    rng = np.random.default_rng(seed)
    full = DTYPES[dtype]
    clean = rng.uniform(0, full, shape)
    noisy = np.clip(clean + rng.normal(0, 0.1 * full, shape), 0, full)
    if full > 1:
        clean, noisy = clean.round(), noisy.round()
    return clean.astype(dtype), noisy.astype(dtype)


# ---------------------------------------------------------------------------- psnr
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 30), (5, 6, 7), (5, 6, 7, 3)])
def test_psnr_agrees_with_scikit_image(dtype, shape):
    clean, noisy = images_of(dtype, shape)
    full = DTYPES[dtype]
    expected = peak_signal_noise_ratio(clean, noisy, data_range=full)
    assert psnr(clean, noisy) == pytest.approx(expected, abs=1e-5)
    per_sample = [
        peak_signal_noise_ratio(a, b, data_range=full) for a, b in zip(clean, noisy, strict=True)
    ]
    np.testing.assert_allclose(psnr(clean, noisy, per_sample=True), per_sample, atol=1e-5)


def test_psnr_by_hand():
    clean = np.zeros((2, 4))
    assert psnr(clean, clean + 0.1) == pytest.approx(20)
    assert psnr(clean, clean + 0.01) == pytest.approx(40)
    assert psnr(clean, clean + 0.1, data_range=10) == pytest.approx(40)


def test_psnr_of_uint8_does_not_wrap_around():
    black, white = np.zeros((2, 4), np.uint8), np.full((2, 4), 255, np.uint8)
    assert psnr(black, white) == psnr(white, black) == 0


def test_psnr_of_float16_does_not_overflow():
    clean = np.zeros((2, 4), np.float16)
    assert psnr(clean, clean + np.float16(1000), data_range=1000) == pytest.approx(0)


def test_psnr_takes_the_range_of_the_dtype():
    clean, noisy = images_of("uint8", (3, 20))
    assert psnr(clean, noisy) == pytest.approx(psnr(clean / 1.0, noisy / 1.0, data_range=255))


def test_psnr_of_a_perfect_result_is_infinite():
    clean = np.ones((3, 4))
    assert psnr(clean, clean) == np.inf
    half_perfect = clean.copy()
    half_perfect[0] -= 0.1
    np.testing.assert_allclose(psnr(clean, half_perfect, per_sample=True), [20, np.inf, np.inf])


def test_psnr_is_pooled_over_values_not_over_samples():
    clean = np.zeros((2, 4))
    denoised = np.stack([np.full(4, 0.1), np.full(4, 0.3)])
    assert psnr(clean, denoised) == pytest.approx(10 * np.log10(1 / 0.05))
    assert psnr(clean, denoised) < psnr(clean, denoised, per_sample=True).mean()


def test_psnr_of_more_samples_than_it_reads_at_once():
    clean, noisy = images_of("float32", (2500, 3))
    expected = -10 * np.log10(np.mean((clean.astype(float) - noisy) ** 2))
    assert psnr(clean, noisy) == pytest.approx(expected)
    assert psnr(clean, noisy, per_sample=True).shape == (2500,)


@pytest.mark.parametrize("convert", [np.ndarray.tolist, torch.from_numpy, pd.DataFrame])
def test_psnr_reads_array_likes(convert):
    clean, noisy = images_of("float64", (5, 6))
    assert psnr(convert(clean), convert(noisy)) == pytest.approx(psnr(clean, noisy))


def test_psnr_returns_a_float_or_an_array():
    clean, noisy = images_of("float32", (5, 6))
    assert type(psnr(clean, noisy)) is float
    assert psnr(clean, noisy, per_sample=True).dtype == np.float64


def test_psnr_leaves_its_input_alone():
    clean, noisy = images_of("float64", (5, 6))
    before = clean.copy(), noisy.copy()
    psnr(clean, noisy)
    np.testing.assert_array_equal(clean, before[0])
    np.testing.assert_array_equal(noisy, before[1])


def test_psnr_of_other_integers_needs_a_range():
    clean = np.arange(12).reshape(3, 4)
    with pytest.raises(ValueError, match="'data_range' parameter of psnr is needed .* int64"):
        psnr(clean, clean + 1)
    assert psnr(clean, clean + 1, data_range=10) == pytest.approx(20)


def test_psnr_of_booleans():
    clean = np.array([[True, False], [True, True]])
    assert psnr(clean, ~clean) == 0


@pytest.mark.parametrize("measure", [psnr, ssim])
@pytest.mark.parametrize("data_range", [0, -1, np.nan, np.inf, "1"])
def test_a_wrong_data_range_is_an_error(measure, data_range):
    clean = np.zeros((2, 9))
    message = f"'data_range' parameter of {measure.__name__} must be .* Got {data_range!r} instead"
    with pytest.raises(ValueError, match=message):
        measure(clean, clean, data_range=data_range)


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_other_shapes_are_an_error_that_names_both(measure):
    message = rf"{measure.__name__} compares arrays of one shape.* \(3, 16\) and .* \(3, 4, 4\)"
    with pytest.raises(ValueError, match=message):
        measure(np.zeros((3, 16)), np.zeros((3, 4, 4)))


@pytest.mark.parametrize("measure", [psnr, ssim])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("which", ["clean", "denoised"])
def test_values_that_are_not_finite_are_an_error(measure, bad, which):
    pair = {"clean": np.zeros((3, 16)), "denoised": np.zeros((3, 16))}
    pair[which][1, 2] = bad
    with pytest.raises(ValueError, match=f"Input {which} contains"):
        measure(**pair)


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_no_samples_are_an_error(measure):
    with pytest.raises(ValueError, match="0 sample"):
        measure(np.zeros((0, 16)), np.zeros((0, 16)))


# ---------------------------------------------------------------------------- ssim
@pytest.mark.parametrize("dtype", DTYPES)
def test_ssim_of_gray_images_agrees_with_scikit_image(dtype):
    clean, noisy = images_of(dtype, (3, 12, 17))
    expected = [
        structural_similarity(a.astype(float), b.astype(float), data_range=DTYPES[dtype])
        for a, b in zip(clean, noisy, strict=True)
    ]
    np.testing.assert_allclose(ssim(clean, noisy, per_sample=True), expected)
    assert ssim(clean, noisy) == pytest.approx(np.mean(expected))
    assert type(ssim(clean, noisy)) is float


def test_ssim_of_uint8_is_what_scikit_image_says_of_it():
    clean, noisy = images_of("uint8", (1, 12, 17))
    assert ssim(clean, noisy) == pytest.approx(structural_similarity(clean[0], noisy[0]))


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_ssim_of_colour_images_agrees_with_scikit_image(channels):
    clean, noisy = images_of("uint8", (2, 12, 9, channels))
    expected = [
        structural_similarity(a, b, channel_axis=-1) for a, b in zip(clean, noisy, strict=True)
    ]
    np.testing.assert_allclose(ssim(clean, noisy, per_sample=True), expected)


@pytest.mark.parametrize(("side", "window"), [(3, 3), (4, 3), (5, 5), (6, 5), (7, 7), (20, 7)])
def test_ssim_takes_the_largest_window_that_fits(side, window):
    clean, noisy = images_of("float64", (1, 21, side))
    expected = structural_similarity(clean[0], noisy[0], data_range=1, win_size=window)
    assert ssim(clean, noisy, sample_shape=(21, side, 1)) == pytest.approx(expected)


def test_ssim_reads_flat_rows():
    clean, noisy = images_of("float64", (3, 8, 8))
    flat = clean.reshape(3, -1), noisy.reshape(3, -1)
    assert ssim(*flat) == ssim(clean, noisy)
    wide = clean.reshape(3, 4, 16), noisy.reshape(3, 4, 16)
    assert ssim(*flat, sample_shape=(4, 16)) == ssim(*wide) != ssim(*flat)


def test_ssim_reads_other_rows_as_signals():
    clean, noisy = images_of("float64", (3, 50))
    expected = [
        structural_similarity(a, b, data_range=1, win_size=7)
        for a, b in zip(clean, noisy, strict=True)
    ]
    np.testing.assert_allclose(ssim(clean, noisy, per_sample=True), expected)
    channels = [
        structural_similarity(
            a.reshape(25, 2), b.reshape(25, 2), data_range=1, win_size=7, channel_axis=-1
        )
        for a, b in zip(clean, noisy, strict=True)
    ]
    two = ssim(clean, noisy, per_sample=True, sample_shape=(25, 2))
    np.testing.assert_allclose(two, channels)


def test_ssim_of_a_perfect_result_is_one(digits):
    assert ssim(digits[:20], digits[:20]) == 1


@pytest.mark.parametrize("shape", [(2, 2, 9), (2, 9, 2, 3), (2, 2), (2, 1, 2)])
def test_ssim_of_too_small_samples_names_the_rule(shape):
    with pytest.raises(ValueError, match="at least 3 values a side"):
        ssim(np.zeros(shape), np.zeros(shape))


def test_ssim_with_a_wrong_sample_shape():
    with pytest.raises(ValueError, match="'sample_shape' parameter of ssim must describe"):
        ssim(np.zeros((2, 16)), np.zeros((2, 16)), sample_shape=(4, 5))


def test_without_scikit_image_the_way_to_install_it_is_shown(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    with pytest.raises(ImportError, match=r"ssim requires scikit-image.*skdae\[images\]"):
        ssim(np.zeros((2, 16)), np.zeros((2, 16)))
    with pytest.raises(ImportError, match="make_denoising_scorer.*skdae\\[images\\]"):
        make_denoising_scorer(metric="ssim")
    make_denoising_scorer(metric="psnr")


def test_psnr_of_integers_and_fractions():
    X = np.random.default_rng(0).integers(0, 256, (4, 9, 9), dtype=np.uint8)
    assert psnr(X, X / 255) > 300
    assert psnr(X, X / 255 + 0.1) == pytest.approx(20)
    with pytest.raises(ValueError, match="divide denoised by 255"):
        psnr(X, X.astype(float))
    # With a range, values are what they are.
    assert psnr(X, X.astype(float), data_range=255) == np.inf


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_floats_beyond_a_range_of_one_need_their_range(rows, metric):
    images = rows[:4].reshape(-1, 8, 8) * 16
    with pytest.warns(UserWarning, match="clean data go from 0 to 16.*data_range=16"):
        metric(images, images + 1)
    metric(images, images + 1, data_range=16)
    metric(images / 8 - 1, images / 8 - 1.1)
