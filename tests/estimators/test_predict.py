"""Rules 4, 5 and 9: what goes in comes out, at any size, whatever the rows around it."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone

from skdae import ConvDAE, DenoisingAutoencoder, DenseDAE, GaussianNoise, UNetDAE
from skdae.nn import DenseAutoencoder, ResidualUNet

QUICK = {"noise": "gaussian", "max_epochs": 1, "random_state": 0}
ALL = [
    DenseDAE((8,), **QUICK),
    ConvDAE((4, 4), **QUICK),
    ConvDAE((4, 4), latent_dim=5, **QUICK),
    DenoisingAutoencoder(DenseAutoencoder, **QUICK),
    UNetDAE((4, 6), n_blocks=1, **QUICK),
]


def noise_of(shape, seed=0):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


@pytest.mark.parametrize("dae", ALL, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("shape", [(6, 8, 8), (6, 8, 8, 1), (6, 7, 5, 3), (6, 1, 9, 2)])
def test_layouts(dae, shape):
    X = noise_of(shape)
    denoised = dae.fit(X).predict(X)
    assert denoised.shape == shape
    assert denoised.dtype == np.float32
    codes = dae.transform(X)
    assert codes.shape == (6, len(dae.get_feature_names_out()))
    if not isinstance(dae, UNetDAE):
        assert dae.inverse_transform(codes).shape == shape
    assert dae.n_features_in_ == np.prod(shape[1:])
    flat = dae.predict(X.reshape(6, -1))
    np.testing.assert_array_equal(flat, denoised.reshape(6, -1))


def test_flat_rows_with_a_sample_shape_are_images():
    X = noise_of((10, 48))
    dae = ConvDAE((4,), sample_shape=(4, 4, 3), **QUICK).fit(X)
    assert dae.sample_shape_ == (4, 4, 3)
    assert dae.predict(X).shape == X.shape
    images = ConvDAE((4,), **QUICK).fit(X.reshape(10, 4, 4, 3))
    np.testing.assert_array_equal(dae.predict(X), images.predict(X))


@pytest.mark.parametrize(
    ("n_features", "sample_shape"), [(1, (1, 1)), (9, (3, 3, 1)), (13, (13, 1)), (64, (8, 8, 1))]
)
@pytest.mark.parametrize("estimator", [ConvDAE, UNetDAE])
def test_convolutions_guess_flat_rows_and_say_so(estimator, n_features, sample_shape):
    X = noise_of((8, n_features))
    message = rf"^{estimator.__name__} reads .* Say what they are with sample_shape=\(\d+"
    with pytest.warns(UserWarning, match=message) as caught:
        dae = estimator((4,), **QUICK).fit(X)
    assert dae.sample_shape_ == sample_shape
    assert caught[0].filename == __file__
    assert dae.predict(X).shape == X.shape


@pytest.mark.parametrize(
    ("given", "read"),
    [((30,), (30, 1)), ((15, 2), (15, 2)), ((5, 6), (5, 6, 1)), ((1, 15, 2), (15, 2))],
)
def test_signals(given, read):
    X = noise_of((10, 30))
    if given == (15, 2):  # fifteen is not eight times two: a picture, unless it says signal
        read = (15, 2, 1)
    dae = ConvDAE((4,), sample_shape=given, **QUICK).fit(X)
    assert dae.sample_shape_ == read
    assert dae.predict(X).shape == X.shape


def test_a_long_pair_is_a_signal_of_channels():
    X = noise_of((6, 100, 3))
    dae = ConvDAE((4,), **QUICK).fit(X)
    assert dae.sample_shape_ == (100, 3)
    assert dae.predict(X).shape == X.shape
    weight = next(dae.net_.module_.parameters())
    assert weight.ndim == 3  # Conv1d


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (3, 5), (17, 33), (64, 65), (65, 1)])
@pytest.mark.parametrize(
    "dae",
    [
        ConvDAE((4, 4, 4), **QUICK),
        ConvDAE((4, 4, 4), latent_dim=3, **QUICK),
        UNetDAE((4, 4, 4), n_blocks=1, **QUICK),
        UNetDAE((4, 4), n_blocks=1, unshuffle=3, residual=True, **QUICK),
    ],
    ids=["conv", "latent", "unet", "residual"],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size(size, dae, channels):
    X = noise_of((3, *size, channels))
    dae = clone(dae).set_params(sample_shape=(*size, channels)).fit(X)
    denoised = dae.predict(X)
    assert denoised.shape == X.shape
    assert np.isfinite(denoised).all()


@pytest.mark.parametrize("length", [1, 2, 7, 64, 65])
def test_signals_of_any_length(length):
    X = noise_of((3, length, 2))
    dae = UNetDAE((4, 4), sample_shape=(1, length, 2), **QUICK).fit(X)
    assert dae.sample_shape_ == (length, 2)
    assert next(dae.net_.module_.parameters()).ndim == 3  # Conv1d
    assert dae.predict(X).shape == X.shape


@pytest.mark.parametrize(
    ("shape", "code"),
    [((9, 8), (64, 3, 2)), ((28, 28), (64, 7, 7)), ((1, 30, 1), (64, 8)), ((5, 6, 3), (64, 2, 2))],
)
def test_codes_of_the_unet_are_its_deepest_level(shape, code):
    X = noise_of((4, *shape))
    dae = UNetDAE(sample_shape=shape, **QUICK).fit(X)
    codes = dae.transform(X)
    assert codes.shape == (4, np.prod(code))
    assert codes.dtype == np.float32
    x = torch.from_numpy(X.reshape(4, *dae.sample_shape_)).movedim(-1, 1)
    with torch.no_grad():
        deepest = dae.net_.module_.encode(dae.net_.standardization_.of_inputs(x))
    assert deepest.shape[1:] == code
    np.testing.assert_allclose(codes, deepest.flatten(1), atol=1e-5)
    assert list(dae.get_feature_names_out()[:2]) == ["unetdae0", "unetdae1"]


@pytest.mark.parametrize(
    "parameters",
    [
        *({"channels": (4, 6, 5)}, {"n_blocks": 3}, {"kernel_size": 5}, {"unshuffle": 1}),
        *({"activation": "relu"}, {"residual": True}, {"loss": "bce"}),
    ],
    ids=str,
)
def test_parameters_shape_the_unet(parameters, images):
    parameters = {"channels": (4, 6), **parameters}
    dae = UNetDAE(**parameters, standardize=False, **QUICK).fit(images)
    logits = parameters.pop("loss", "mse") == "bce"
    module = ResidualUNet((1, 8, 8), **parameters)
    module.load_state_dict(dae.net_.module_.state_dict())
    with torch.no_grad():
        expected = module(torch.from_numpy(images)[:, None])[:, 0]
    expected = expected.sigmoid() if logits else expected
    np.testing.assert_allclose(dae.predict(images), expected, atol=1e-5)


def test_codes_of_the_unet_cannot_be_decoded(images):
    dae = UNetDAE((4,), n_blocks=1, **QUICK)
    assert not hasattr(dae, "inverse_transform")
    dae.fit(images)
    assert not hasattr(dae, "inverse_transform")
    with pytest.raises(AttributeError, match="inverse_transform"):
        dae.inverse_transform(dae.transform(images))


def test_a_large_image():
    X = noise_of((1, 1000, 777))
    for dae in (ConvDAE((4,), **QUICK), UNetDAE((4, 4), n_blocks=1, **QUICK)):
        assert dae.fit(X).predict(X).shape == X.shape


# ---------------------------------------------------------------- dtypes
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integer_images_are_fractions_of_their_range(images, dtype):
    full = np.iinfo(dtype).max
    integers = np.rint(images * full).astype(dtype)
    floats = (integers / full).astype(np.float32)
    by_integers = DenseDAE((32,), noise=GaussianNoise(0.1, clip=(0, 1)), max_epochs=5)
    by_integers.set_params(random_state=0).fit(integers)
    by_floats = DenseDAE((32,), noise=GaussianNoise(0.1, clip=(0, 1)), max_epochs=5)
    by_floats.set_params(random_state=0).fit(floats)
    denoised = by_integers.predict(integers)
    assert denoised.dtype == dtype
    expected = np.rint(np.clip(by_floats.predict(floats), 0, 1) * full)
    np.testing.assert_allclose(denoised, expected, atol=1 + 1e-4 * full)
    decoded = by_integers.inverse_transform(by_integers.transform(integers))
    np.testing.assert_array_equal(decoded, denoised)
    assert by_integers.score(integers) == pytest.approx(by_floats.score(floats), abs=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integer_images_in_a_unet(images, dtype):
    full = np.iinfo(dtype).max
    integers = np.rint(images * full).astype(dtype)
    floats = (integers / full).astype(np.float32)
    noise = GaussianNoise(0.1, clip=(0, 1))
    dae = UNetDAE((8,), n_blocks=1, **{**QUICK, "noise": noise, "max_epochs": 3})
    denoised = clone(dae).fit(integers).predict(integers)
    assert denoised.dtype == dtype
    expected = np.rint(np.clip(clone(dae).fit(floats).predict(floats), 0, 1) * full)
    assert expected.std() > 0.1 * full
    np.testing.assert_allclose(denoised, expected, atol=1 + 1e-4 * full)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32, np.int64, bool])
def test_all_else_comes_back_as_float32(dtype):
    X = (noise_of((20, 6)) > 0.5).astype(dtype)
    dae = DenseDAE((8,), **QUICK).fit(X)
    assert dae.predict(X).dtype == np.float32
    assert dae.transform(X).dtype == np.float32


def test_floats_are_not_clipped():
    X = noise_of((50, 6)) * 10 - 5
    dae = DenseDAE((32,), noise=GaussianNoise(0.01), max_epochs=100, random_state=0).fit(X)
    assert dae.predict(X).min() < -1
    assert dae.predict(X).max() > 1


@pytest.mark.parametrize(
    "convert",
    [
        np.asfortranarray,
        np.ndarray.tolist,
        pd.DataFrame,
        torch.tensor,
        lambda X: X[::-1][::-1],
        lambda X: X.astype(">f8"),
    ],
    ids=["fortran", "list", "frame", "tensor", "strides", "big-endian"],
)
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
def test_kinds_of_arrays(convert):
    X = noise_of((20, 6))
    expected = DenseDAE((8,), **QUICK).fit(X).predict(X)
    denoised = DenseDAE((8,), **QUICK).fit(convert(X)).predict(convert(X))
    np.testing.assert_array_equal(denoised, expected)


def test_read_only_memmap(tmp_path):
    X = noise_of((20, 6))
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = DenseDAE((8,), **QUICK).fit(X).predict(X)
    np.testing.assert_array_equal(DenseDAE((8,), **QUICK).fit(mapped).predict(mapped), expected)


@pytest.mark.parametrize("dae", ALL, ids=lambda e: type(e).__name__)
def test_inputs_are_left_alone(dae):
    X = noise_of((20, 8, 8))
    before = X.copy()
    dae.fit(X).predict(X)
    np.testing.assert_array_equal(X, before)


# ---------------------------------------------------------------- rows on their own
@pytest.mark.parametrize(
    "dae",
    [
        DenseDAE((1024,), **QUICK),
        ConvDAE(**QUICK),
        UNetDAE((16, 32), **QUICK),
        UNetDAE((4, 4), n_blocks=1, precision="bfloat16", **QUICK),
    ],
    ids=["D", "C", "U", "bfloat16"],
)
def test_a_row_does_not_depend_on_the_rows_around_it(dae):
    X = noise_of((150, 28, 28))
    dae.fit(X)
    together, codes = dae.predict(X), dae.transform(X)
    order = np.random.default_rng(1).permutation(150)
    np.testing.assert_array_equal(dae.predict(X[order]), together[order])
    for part in (slice(0, 1), slice(3, 40), slice(100, 150)):
        np.testing.assert_array_equal(dae.predict(X[part]), together[part])
        np.testing.assert_array_equal(dae.transform(X[part]), codes[part])


class HalfOurs(ConvDAE):
    """Puts a layer before ours that works in place."""

    def _build_module(self, sample_shape):
        module = super()._build_module(sample_shape)
        module.register_forward_pre_hook(lambda module, args: (args[0].clamp_(0.2, 0.8),))
        return module


def test_a_module_that_works_in_place_leaves_the_samples_alone():
    X = noise_of((200, 8, 8))
    before = X.copy()
    HalfOurs((4, 4), **QUICK).fit(X[:100]).predict(X)
    np.testing.assert_array_equal(X, before)


# ---------------------------------------------------------------- scores
def test_score_is_one_r2_over_all_values(images):
    dae = DenseDAE(noise=GaussianNoise(0.3), max_epochs=3, random_state=0).fit(images)
    X_noisy = GaussianNoise(0.3).corrupt(images, random_state=0)
    error = ((dae.predict(X_noisy) - images) ** 2).sum()
    expected = 1 - error / ((images - images.mean()) ** 2).sum()
    assert dae.score(X_noisy, images) == pytest.approx(expected, rel=1e-5)
    assert type(dae.score(X_noisy, images)) is float
    assert dae.score(images, np.zeros(len(images))) == dae.score(images)


def test_score_of_constant_data_is_finite():
    X = np.ones((5, 3))
    assert DenseDAE((4,), **QUICK).fit(X).score(X) == 0.0


def test_score_samples_finds_what_is_unlike_the_training_data(images):
    dae = DenseDAE(noise=GaussianNoise(0.1), max_epochs=50, random_state=0).fit(images)
    scores = dae.score_samples(images)
    assert scores.shape == (len(images),)
    expected = -((dae.predict(images) - images) ** 2).mean(axis=(1, 2))
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    assert dae.score_samples(1 - images).max() < np.median(scores)


def test_logits_become_probabilities(images):
    dae = DenseDAE(noise="gaussian", loss="bce", max_epochs=5, random_state=0).fit(images)
    assert dae.predict(images * 100).max() <= 1
    assert dae.inverse_transform(dae.transform(images)).min() >= 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1500, 2999])
def test_a_value_that_is_missing_in_any_chunk_is_an_error(value, place):
    X = noise_of((3000, 6))
    dae = DenseDAE((4,), **QUICK).fit(X[:100])
    X[place, 2] = value
    message = "contains NaN" if np.isnan(value) else "contains infinity"
    for use in (dae.predict, dae.transform, dae.score, dae.score_samples):
        with pytest.raises(ValueError, match=message):
            use(X)
    with config_context(assume_finite=True):
        denoised = dae.predict(X)
    assert np.isfinite(np.delete(denoised, place, axis=0)).all()
    assert not np.isfinite(denoised[place]).all()
