"""Levels far from the data, and data that a noise is not made for: warnings, no false ones."""

import re
import warnings

import numpy as np
import pytest
import torch

from skdae import DenseDAE, make_denoising_scorer
from skdae.noise import (
    CameraNoise,
    ChainNoise,
    GaussianNoise,
    MaskingNoise,
    OneOfNoise,
    PoissonNoise,
    SaltAndPepperNoise,
    SpeckleNoise,
    SwapNoise,
    UniformNoise,
)
from skdae.noise._summary import summarize

RNG = np.random.default_rng(0)
UNIT = RNG.random((40, 8, 8))
GRAY = 255 * UNIT
BITS_8 = GRAY.astype(np.uint8)
BITS_12 = (4095 * UNIT).astype(np.uint16)
KELVIN = 293 + np.sin(np.arange(4000) / 80 + np.arange(8)[:, np.newaxis])
CENTRED = RNG.normal(size=(100, 12))


WRAPPED = {
    "alone": lambda noise: noise,
    "in_a_chain": lambda noise: ChainNoise([("it", noise)]),
    "one_of_two": lambda noise: OneOfNoise([("none", UniformNoise(0)), ("it", noise)]),
    "deep": lambda noise: ChainNoise([("one", OneOfNoise([("it", noise)]))]),
}
MEETINGS = {
    "fit": lambda noise, X: noise.fit(X),
    "fit_transform": lambda noise, X: noise.fit_transform(X),
    "transform": lambda noise, X: noise.set_params(when="always").transform(X),
    "corrupt": lambda noise, X: noise.corrupt(X),
    "corrupt_a_tensor": lambda noise, X: noise.corrupt(torch.from_numpy(X)),
    "an_estimator": lambda noise, X: DenseDAE(noise=noise, max_epochs=1, device="cpu").fit(X),
}
everywhere = pytest.mark.parametrize("meet", MEETINGS.values(), ids=MEETINGS)
in_all = pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)

ODD = {
    "gray_levels_as_floats": (GaussianNoise(0.1), GRAY, "sigma=0.1 .* next to no noise.* by 255"),
    "a_range": (GaussianNoise((0, 0.1)), GRAY, r"sigma=\(0, 0.1\).* divide X by 255"),
    "12_bits_as_floats": (GaussianNoise(0.5), 4095.0 * UNIT, "divide X by 4095, or multiply"),
    "16_bits_as_int64": (GaussianNoise(1), (65535 * UNIT).astype(int), "divide X by 65535"),
    "of_255_on_fractions": (GaussianNoise(25), UNIT, "more noise than X .*25 / 255"),
    "12_bits_in_uint16": (GaussianNoise(), BITS_12, r"0.1 \* 4095 / 65535"),
    "10_bits_in_uint16": (UniformNoise(), BITS_12 // 4, r"amplitude=0.1 \* 1023 / 65535"),
    "8_bits_in_uint16": (GaussianNoise(0.05), BITS_8.astype(np.uint16), r"0.1 \* 255 / 65535"),
    "dark_uint8": (GaussianNoise(0.2), BITS_8 // 8, "these images have 5 bits"),
    "volts": (GaussianNoise(0.1), 1e-5 * CENTRED, "more noise than X"),
    "uniform": (UniformNoise(0.01), GRAY, "amplitude=0.01 of UniformNoise is next to no"),
    "speckle": (SpeckleNoise(0.1), KELVIN, "in proportion to the values: subtract"),
    "peak": (PoissonNoise(), np.round(4095 * UNIT), "whole numbers up to 409.* take peak=1"),
    "peak_of_gray_levels": (PoissonNoise(255), np.round(GRAY), "gray levels are divided by 255"),
    "peak_of_means": (PoissonNoise(4e4), 50 * UNIT, "peak=40000.0 .* next to no noise"),
    "peak_of_volts": (PoissonNoise(255), 1e-6 * UNIT, "peak=255 .* more noise than X"),
    "peaks": (PoissonNoise((100, 1000)), np.round(GRAY), r"peak=\(100, 1000\) of PoissonNoise"),
    "no_salt": (SaltAndPepperNoise(), GRAY, "not the extremes of X.* from .* to 25"),
    "no_pepper": (SaltAndPepperNoise(), 2 * UNIT - 1, "low=0 and high=1 of SaltAndPepperNoise"),
    "salt_alone": (SaltAndPepperNoise(salt_vs_pepper=1, high=0.5), UNIT, "not the extremes"),
    "salt_of_16_bits": (SaltAndPepperNoise(), BITS_12 // 2, "as fractions of 65535"),
    "a_mask_at_0_kelvin": (MaskingNoise(), KELVIN, "value=0 of MaskingNoise is far from X.*293"),
    "gray_levels_of_a_camera": (CameraNoise(), GRAY, "brightness .* most of X goes from .* to 25"),
    "standardized_photographs": (CameraNoise(), CENTRED, "no photographs: put the noise before"),
    "negative_counts": (PoissonNoise(20), CENTRED, r"\d+(\.\d)? % .* negative, down to -[34]"),
}


@pytest.mark.parametrize(("noise", "X", "message"), ODD.values(), ids=ODD)
def test_each_kind_is_named(noise, X, message):
    with pytest.warns(UserWarning, match=message):
        noise.fit(X)


@everywhere
@in_all
@pytest.mark.parametrize("odd", ["gray_levels_as_floats", "12_bits_in_uint16", "negative_counts"])
def test_wherever_noise_meets_data(odd, wrap, meet):
    noise, X, message = ODD[odd]
    with pytest.warns(UserWarning, match=message):
        meet(wrap(noise), X)


@pytest.mark.parametrize("odd", ["gray_levels_as_floats", "12_bits_in_uint16"])
def test_lists_too(odd):
    noise, X, message = ODD[odd]
    with pytest.warns(UserWarning, match=message):
        noise.corrupt([x[: 3 + i % 4] for i, x in enumerate(X)])


def test_who_says_it_once():
    """Scorers and further training meet data again and again."""
    noise, X, message = ODD["gray_levels_as_floats"]
    dae = DenseDAE(noise=noise, max_epochs=1)
    with pytest.warns(UserWarning, match=message):
        dae.fit(X)
    dae.partial_fit(X)
    make_denoising_scorer(noise, "r2")(dae, X)


def test_the_line_of_the_user_is_named():
    with pytest.warns(UserWarning) as caught:
        GaussianNoise(25).fit(UNIT)
    assert caught[0].filename == __file__


def test_data_that_only_pass_through_are_not_looked_at():
    noise = GaussianNoise(25).fit(CENTRED[:5])
    assert noise.transform(CENTRED[:50]).shape == noise.inverse_transform(CENTRED[:50]).shape


SILENT = [
    (GaussianNoise(), UNIT),
    (GaussianNoise(0), GRAY),
    (GaussianNoise((0.01, 3)), UNIT),
    (GaussianNoise(0.3), KELVIN),
    (GaussianNoise(25), GRAY),
    (GaussianNoise(0.1), BITS_8),
    (GaussianNoise(0.1 / 16), BITS_12),
    (GaussianNoise(0.1), np.full((40, 40), 1e4)),
    (GaussianNoise(0.1), GRAY[:4]),
    (GaussianNoise(0.1), np.hstack([CENTRED, 1e5 * CENTRED[:, :3]])),
    (GaussianNoise(0.1), CENTRED * np.where(np.arange(100) < 2, 1e4, 1)[:, np.newaxis]),
    (GaussianNoise(0.1), np.eye(40)),
    (GaussianNoise(0.1), np.eye(40, dtype=np.uint8)),
    (UniformNoise(0.5), CENTRED),
    (SpeckleNoise(0.3), UNIT),
    (SpeckleNoise(0.3), CENTRED),
    (PoissonNoise(), UNIT),
    (PoissonNoise(1), np.round(GRAY)),
    (PoissonNoise(20_000), UNIT),
    (PoissonNoise(), np.eye(40)),
    (PoissonNoise(0.1), UNIT),
    (PoissonNoise(), BITS_12),
    (PoissonNoise(), UNIT - UNIT.min() - 1e-9),
    (SaltAndPepperNoise(), UNIT),
    (SaltAndPepperNoise(), 0.4 + UNIT / 10),
    (SaltAndPepperNoise(), BITS_8),
    (SaltAndPepperNoise(low=-3, high=3), CENTRED),
    (SaltAndPepperNoise(low=255, high=0), GRAY),
    (SaltAndPepperNoise(salt_vs_pepper=0), GRAY),
    (SaltAndPepperNoise(0), GRAY),
    (MaskingNoise(), CENTRED),
    (MaskingNoise(), 100 + GRAY),
    (MaskingNoise(value=293), KELVIN),
    (MaskingNoise(0), KELVIN),
    (SwapNoise(), KELVIN),
    (CameraNoise(), UNIT),
    (CameraNoise(), UNIT + 0.1 * RNG.normal(size=UNIT.shape)),
    (CameraNoise(), BITS_8),
    (CameraNoise(), BITS_12),
]


@pytest.mark.parametrize(("noise", "X"), SILENT, ids=lambda part: str(part)[:40])
def test_no_false_alarm(noise, X):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        noise.fit(X)
        noise.corrupt(torch.from_numpy(X))
        noise.corrupt(X.reshape(len(X), -1))


@in_all
@pytest.mark.parametrize("noise", [GaussianNoise(25), UniformNoise((0, 3))])
def test_levels_of_images_are_fractions(noise, wrap):
    injector = wrap(noise)
    for X in (BITS_8, BITS_12, list(BITS_8), torch.from_numpy(BITS_8), torch.from_numpy(BITS_12)):
        kind = "uint16" if "uint16" in str(X[0].dtype) else "uint8"
        match = rf"parameter of {type(noise).__name__} is a fraction .* for {kind} .* Got"
        with pytest.raises(ValueError, match=match):
            injector.corrupt(X)


def test_a_share_and_the_lowest_value_of_what_is_no_count():
    X = UNIT.copy()
    X[:10] *= -2
    with pytest.warns(
        UserWarning, match=re.escape(f"25 % of the values of X are negative, down to {X.min():.3g}")
    ):
        PoissonNoise(20).corrupt(X)


# ------------------------------------------------------------------------- what is looked at
@pytest.mark.parametrize(
    "shape", [(7, 5), (100_000, 30), (40, 300, 200, 3), (2, 3_000_000), (300_000, 1)]
)
def test_a_part_of_large_data_is_looked_at(shape):
    X = np.broadcast_to(np.float32(1), shape)
    assert min(X.size, 2**14) <= summarize(X).values.size <= 2**16
    assert summarize(torch.ones(1).expand(shape)).values.size == summarize(X).values.size


def test_every_part_of_the_data_is_summary():
    X = np.zeros((1000, 1000))
    X[-50:] = 7
    assert summarize(X).high == 7
    images = [np.full((50, 50 + i), float(i)) for i in range(200)]
    summary = summarize(images)
    assert summary.low == 0 and summary.high > 190
