"""Bad input ends in an error that names the parameter, the rule and the value."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import clone
from torch import nn

from skdae import (
    ConvDAE,
    DenoisingAutoencoder,
    DenseDAE,
    GaussianNoise,
    UNetDAE,
    UniformNoise,
)
from skdae.nn import ConvAutoencoder, DenseAutoencoder

QUICK = {"noise": "gaussian", "max_epochs": 1, "random_state": 0}
X = np.random.default_rng(0).random((20, 6))


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (np.full((4, 3), np.nan), ValueError, "contains NaN"),
        (np.full((4, 3), np.inf), ValueError, "contains infinity"),
        (np.full((4, 3), 1e300), ValueError, "too large for dtype"),
        (np.empty((0, 3)), ValueError, "0 sample"),
        (np.empty((3, 0)), ValueError, "0 feature"),
        (np.empty((3, 0, 4)), ValueError, "0 feature"),
        (np.array([["a", "b"], ["c", "d"]]), ValueError, "could not convert string"),
        (X * 1j, ValueError, "Complex data not supported"),
        (
            scipy.sparse.csr_array(X),
            TypeError,
            r"dense arrays. Got sparse.*OneHotEncoder\(sparse_output=False",
        ),
        (X[0], ValueError, r"Got X of shape \(\d+,\). Reshape your data"),
        (3.0, ValueError, r"Got X of shape \(\)"),
        (np.zeros((2, 2, 2, 2, 2)), ValueError, "samples of 1 to 3 axes"),
        (np.zeros((4, 3, 16, 16)), ValueError, r"channels-first.*np.moveaxis\(X, 1, -1\)"),
        (np.zeros((4, 1, 8, 8)), ValueError, "looks channels-first"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
@pytest.mark.parametrize("estimator", [DenseDAE, ConvDAE, UNetDAE])
def test_data(estimator, bad, error, message):
    with pytest.raises(error, match=message):
        estimator(**QUICK).fit(bad)


@pytest.mark.parametrize(
    ("bad", "got"),
    [
        ([], r"Got X of shape \(0,\)"),
        ([None], r"a file has to be opened first.*Got \[None\]"),
        ("a.png", "a file has to be opened first.*Got 'a.png'"),
        (["a.png"], r"a file has to be opened first.*Got \['a.png'\]"),
    ],
)
def test_what_holds_no_samples(bad, got):
    for method in (UNetDAE(**QUICK).fit, GaussianNoise().corrupt):
        with pytest.raises(ValueError, match=got):
            method(bad)


@pytest.mark.filterwarnings("ignore:(ConvDAE|UNetDAE) reads the rows:UserWarning")
@pytest.mark.parametrize("estimator", [DenseDAE, ConvDAE, UNetDAE])
@pytest.mark.parametrize("shape", [(1, 6), (20, 1), (1, 1), (2, 1)])
@pytest.mark.parametrize("constant", [True, False])
def test_little_and_constant_data_work(estimator, shape, constant):
    data = np.ones(shape) if constant else np.random.default_rng(0).random(shape)
    denoised = estimator(**QUICK).fit(data).predict(data)
    assert denoised.shape == shape
    assert np.isfinite(denoised).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sample_shape": (5, 5)}, r"\(5, 5\) has 25 values, a sample of X has 64"),
        ({"sample_shape": (8, -8)}, "must be None, .* Got \\(8, -8\\) instead"),
        ({"sample_shape": (8, 4, 2, 1)}, r"Got \(8, 4, 2, 1\) instead"),
        ({"sample_shape": (8.0, 8.0)}, r"Got \(8.0, 8.0\) instead"),
        ({"sample_shape": "image"}, "must be None or an array-like. Got 'image'"),
        ({"channels": ()}, r"'channels' parameter of ConvDAE must be .* Got \(\)"),
        ({"channels": (8, 0)}, r"Got \(8, 0\) instead"),
        ({"channels": (8, 2.5)}, r"Got \(8, 2.5\) instead"),
        ({"kernel_size": 4}, "'kernel_size' parameter of ConvDAE must be odd.* Got 4"),
        ({"noise": "pink"}, "'noise' parameter of ConvDAE must be .* Got 'pink'"),
        ({"noise": 0.4}, "'noise' parameter of ConvDAE must be .* Got 0.4"),
        ({"noise": GaussianNoise(-1)}, "'sigma' parameter of GaussianNoise .* Got -1"),
        (
            {"noise": GaussianNoise((2, 1))},
            r"low <= high, or a list of them, one for each column\. Got \(2, 1\)",
        ),
        ({"lr": 0}, "'lr' parameter of ConvDAE must be .* Got 0"),
        ({"loss": "psnr"}, "'loss' parameter of ConvDAE must be .* Got 'psnr'"),
        ({"max_epochs": 0}, "'max_epochs' parameter of ConvDAE must be .* Got 0"),
        ({"batch_size": "all"}, "'batch_size' parameter of ConvDAE must be .* Got 'all'"),
        ({"device": "warp"}, "'device' parameter of ConvDAE must be .* Got 'warp'"),
        ({"lr": 1e9}, "diverged: in epoch 1, with lr=1e\\+09"),
    ],
)
def test_parameters(parameters, message, images):
    with pytest.raises(ValueError, match=message):
        ConvDAE(**{**QUICK, **parameters}).fit(images)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"channels": ()}, r"'channels' parameter of UNetDAE must be .* Got \(\)"),
        ({"channels": (8, 0)}, r"Got \(8, 0\) instead"),
        ({"channels": (8, 2.5)}, r"Got \(8, 2.5\) instead"),
        ({"channels": 8}, "'channels' parameter of UNetDAE must be an array-like. Got 8"),
        ({"n_blocks": 0}, "'n_blocks' parameter of UNetDAE must be an int .* Got 0"),
        ({"n_blocks": 1.5}, "'n_blocks' parameter of UNetDAE must be an int .* Got 1.5"),
        ({"kernel_size": 4}, "'kernel_size' parameter of UNetDAE must be odd.* Got 4"),
        ({"kernel_size": 0}, "'kernel_size' parameter of UNetDAE must be an int .* Got 0"),
        ({"unshuffle": 0}, "'unshuffle' parameter of UNetDAE must be an int .* Got 0"),
        ({"activation": "swish"}, "'activation' parameter of UNetDAE must be .* Got 'swish'"),
        ({"residual": "yes"}, "'residual' parameter of UNetDAE must be .* Got 'yes'"),
        ({"residual": True, "loss": "bce"}, "residual=True of UNetDAE cannot go with loss='bce'"),
        ({"optimizer": "shampoo"}, "'optimizer' parameter of UNetDAE .* Got 'shampoo'"),
        ({"precision": "float16"}, "'precision' parameter of UNetDAE .* Got 'float16'"),
        ({"lr": 1e9}, "training of UNetDAE diverged: in epoch 1, with lr=1e\\+09"),
    ],
)
def test_parameters_of_the_unet(parameters, message, images):
    dae = UNetDAE(**{**QUICK, **parameters})
    with pytest.raises(ValueError, match=message):
        dae.fit(images)
    assert not hasattr(dae, "net_")


def test_cuda_without_cuda(images):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is CUDA here")
    with pytest.raises(ValueError, match="'device' parameter of DenseDAE .* Got 'cuda' instead"):
        DenseDAE(**{**QUICK, "device": "cuda"}).fit(images)


def test_array_and_sample_shape_must_agree(images):
    with pytest.raises(ValueError, match=r"Got \(4, 16\), but the samples of X have shape \(8, 8"):
        ConvDAE(sample_shape=(4, 16), **QUICK).fit(images)


@pytest.mark.parametrize("estimator", [DenseDAE, ConvDAE, UNetDAE])
def test_prediction_of_another_shape(estimator, images):
    dae = estimator(**QUICK).fit(images)
    with pytest.raises(ValueError, match="X has 60 features, but .* is expecting 64"):
        dae.predict(images.reshape(200, -1)[:, :60])
    if estimator is DenseDAE:
        with pytest.raises(ValueError, match=r"samples of shape \(4, 16\), but .*\(8, 8, 1\)"):
            dae.predict(images.reshape(200, 4, 16))
    else:
        with pytest.raises(ValueError, match=r"1 channel, such as \(8, 8, 1\).*\(200, 4, 4, 4\)"):
            dae.predict(images.reshape(200, 4, 4, 4))


@pytest.mark.parametrize("estimator", [DenseDAE, ConvDAE])
def test_codes_of_another_length(estimator, images):
    with pytest.raises(ValueError, match="X has 3 codes, but"):
        estimator(**QUICK).fit(images).inverse_transform(np.zeros((2, 3)))


@pytest.mark.parametrize("y", [X[:, :3], X[:10], X[..., None]])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_y_of_another_shape(y, method):
    with pytest.raises(ValueError, match=r"Got y of shape .* with X of shape \(20, 6\)"):
        getattr(DenseDAE(**QUICK), method)(X, y)
    with pytest.raises(ValueError, match="Got y of shape"):
        DenseDAE(**QUICK).fit(X).score(X, y)


def test_a_target_with_nan():
    with pytest.raises(ValueError, match="Input y contains NaN"):
        DenseDAE(**QUICK).fit(X, np.full_like(X, np.nan))


def test_bce_outside_of_probabilities(images):
    dae = DenseDAE(loss="bce", **QUICK)
    with pytest.raises(ValueError, match=r"loss='bce' .* targets in \[0, 1\].* from 0 to 2"):
        dae.fit(images * 2)
    with pytest.raises(ValueError, match="from -1 to -?0"):
        dae.fit(images, -images)


def test_early_stopping_needs_two_samples():
    with pytest.raises(ValueError, match="at least 2 samples.* Got n_samples = 1"):
        DenseDAE(early_stopping=True, **QUICK).fit(X[:1])


# ---------------------------------------------------------------- modules of the user
class NoEncode(nn.Linear):
    def __init__(self, sample_shape):
        super().__init__(*sample_shape, *sample_shape)


class Halves(nn.Module):
    def __init__(self, sample_shape):
        super().__init__()
        self.encode = nn.Linear(sample_shape[0], 4)
        self.decode = nn.Linear(4, sample_shape[0] // 2)

    def forward(self, x):
        return self.decode(self.encode(x))


class Unbounded(nn.Module):
    def __init__(self, sample_shape):
        super().__init__()
        self.encode = nn.Linear(sample_shape[0], 4)
        self.decode = nn.Linear(4, sample_shape[0])
        nn.init.constant_(self.decode.bias, 5.0)

    def forward(self, x):
        return self.decode(self.encode(x))


@pytest.mark.parametrize(
    ("module", "error", "message"),
    [
        (
            NoEncode,
            TypeError,
            "encode and decode. Got NoEncode, which has no encode and no de",
        ),
        (lambda shape: "net", TypeError, "must be an nn.Module .* Got str"),
        (nn.Linear(6, 6), TypeError, "a class or a function .* Got an instance of Linear"),
        (Halves, ValueError, r"Halves takes \(6,\) .* and gives \(3,\)"),
        (3, ValueError, "'module' parameter of DenoisingAutoencoder must be a callable. Got 3"),
    ],
)
def test_modules(module, error, message):
    with pytest.raises(error, match=message):
        DenoisingAutoencoder(module, **QUICK).fit(X)


def test_bce_with_a_module_without_sigmoid():
    with pytest.raises(ValueError, match="whose output lies in .* end Unbounded with a sigmoid"):
        DenoisingAutoencoder(Unbounded, loss="bce", **QUICK).fit(X)


@pytest.mark.parametrize("random_state", range(5))
def test_bce_with_a_module_whose_first_output_may_be_a_fraction(random_state):
    dae = DenoisingAutoencoder(DenseAutoencoder, loss="bce", noise=None, random_state=random_state)
    with pytest.raises(ValueError, match="whose output lies in .* end DenseAutoencoder with a"):
        dae.fit(np.zeros((10, 1)))


class Normalised(nn.Module):
    def __init__(self, sample_shape):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(sample_shape[0], 4), nn.BatchNorm1d(4))
        self.decode = nn.Linear(4, sample_shape[0])

    def forward(self, x):
        return self.decode(self.encode(x))


def test_a_last_batch_of_one_row_under_batch_normalisation():
    dae = DenoisingAutoencoder(Normalised, batch_size=19, **QUICK).fit(X)
    assert np.isfinite(dae.predict(X)).all()


# ---------------------------------------------------------------------------- scales and axes
GRAY = np.random.default_rng(0).integers(0, 256, size=(4, 16, 16)).astype(np.uint8)


def test_gray_levels_are_fitted_and_predicted_on_one_scale():
    """Fitted on floats up to 255, a net knows nothing of the fractions that uint8 is read as."""
    dae = UNetDAE(noise=GaussianNoise(25), max_epochs=1).fit(GRAY.astype(float))
    with pytest.raises(ValueError, match=r"the X of its fit is float32 with values up to 25\d"):
        dae.predict(GRAY)
    with pytest.raises(ValueError, match="X is uint8, read as fractions of 255"):
        dae.partial_fit(GRAY)
    fractions = UNetDAE(noise=GaussianNoise(0.1), max_epochs=1).fit(GRAY / 255)
    assert fractions.predict(GRAY).dtype == np.uint8


@pytest.mark.parametrize("noise", [GaussianNoise(25), GaussianNoise((0, 25)), UniformNoise(3)])
def test_levels_of_images_are_fractions(noise):
    message = r"is a fraction of the full range for uint8 .* 25 / 255. Got"
    for method in (noise.corrupt, noise.fit_transform, UNetDAE(noise=noise, max_epochs=1).fit):
        with pytest.raises(ValueError, match=message):
            method(GRAY)
        with pytest.raises(ValueError, match=message):
            method(list(GRAY))
    assert noise.corrupt(GRAY.astype(float)).shape == GRAY.shape


@pytest.mark.parametrize("make", [lambda x: [x, x[:, :-9]], lambda x: np.stack([x, x])])
def test_signals_with_their_channels_first(make):
    X = make(np.random.default_rng(0).random((12, 300)))
    with pytest.warns(UserWarning, match=r"\(12, 300\) as gray images.*\(300, 12\)"):
        UNetDAE(noise="gaussian", max_epochs=1).fit(X)
    UNetDAE(noise="gaussian", max_epochs=1, sample_shape=(12, 300, 1)).fit(X)


def test_a_list_that_is_not_what_sample_shape_says():
    dae = UNetDAE(noise="gaussian", sample_shape=(64, 70, 3))
    with pytest.raises(ValueError, match=r"sample_shape=\(64, 70, 3\) has 3. Got X\[0\] of shape"):
        dae.fit([np.zeros((64, 70))])


@pytest.mark.parametrize("argument", ["tta", "j_invariant"])
def test_flags_of_predict(argument):
    dae = UNetDAE(**QUICK).fit(GRAY)
    with pytest.raises(ValueError, match=f"'{argument}' argument .* Got 'no' instead"):
        dae.predict(GRAY, **{argument: "no"})


# ---------------------------------------------------------------------------- odd scales
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_dummies_in_few_bits_are_no_images(dtype):
    dummies = np.eye(4, dtype=dtype)[np.random.default_rng(0).integers(0, 4, size=50)]
    message = f"reads {dtype.__name__} as images.* highest value of X is 1.* X.astype"
    for data in (dummies, [dummies.reshape(10, 20), dummies.reshape(20, 10)]):
        make = UNetDAE if isinstance(data, list) else DenseDAE
        with pytest.warns(UserWarning, match=message):
            make(**QUICK).fit(data)
    DenseDAE(**QUICK).fit(dummies.astype(float))
    DenseDAE(**QUICK).fit(np.zeros_like(dummies))


def test_columns_on_different_scales():
    table = np.random.default_rng(0).normal(size=(100, 5)) * [1, 1, 2, 0.001, 1000]
    with pytest.warns(UserWarning, match=r"columns on different scales.*over 1.*e\+03, .*Standard"):
        DenseDAE(**QUICK).fit(table)
    table[:, 4] /= 1000
    table[:2] *= 1e4  # outliers say nothing of a scale
    DenseDAE(noise=GaussianNoise(0.1), max_epochs=1, random_state=0).fit(table)


def test_channels_on_different_scales():
    sensors = np.random.default_rng(0).normal(size=(20, 64, 3)) * [1, 2, 1e4]
    with pytest.warns(UserWarning, match=r"channels on different scales.*divide each channel"):
        UNetDAE((4,), n_blocks=1, **QUICK).fit(sensors)
    UNetDAE((4,), n_blocks=1, **QUICK).fit(sensors / sensors.std((0, 1)))


def test_values_that_a_module_of_the_user_cannot_learn_from():
    X = np.random.default_rng(0).random((20, 8, 8))
    for make in (DenoisingAutoencoder(ConvAutoencoder), UNetDAE((4,), n_blocks=1)):
        make.set_params(standardize=False, **{**QUICK, "noise": None})
        for data in (X * 1e-3, X + 293):
            with pytest.warns(UserWarning, match=r"as it is, with mean.*set standardize=True"):
                make.fit(data)
            clone(make).set_params(standardize=True).fit(data)
        make.fit(X * 1000)
        make.fit(X * 0)
    clone(make).set_params(loss="bce").fit(X * 1e-3)


@pytest.mark.parametrize("kind", [DenseDAE, UNetDAE])
def test_variations_that_float32_cannot_tell(kind):
    X = np.random.default_rng(0).random((20, 8, 8))
    with pytest.warns(UserWarning, match=r"finer than float32.*can tell"):
        kind(**QUICK).fit(X + 1e6)
    kind(**QUICK).fit(X + 1e4)
    kind(**QUICK).fit(X * 0 + 1e6)


# ---------------------------------------------------------------------------- pairs of frames
def test_frames_of_targets_are_in_the_order_of_x():
    clean = pd.DataFrame(X, columns=list("abcdef"))
    noisy = clean + 0.1
    dae = DenseDAE(max_epochs=1, random_state=0).fit(noisy, clean)
    dae.fit(noisy, clean.add_suffix("_clean").set_axis(np.arange(100, 120)))
    with pytest.raises(ValueError, match="same columns in another order: from 'f', where X begins"):
        dae.fit(noisy, clean[list("fedcba")])
    with pytest.raises(ValueError, match="same index in another order: from 19, where X begins"):
        dae.fit(noisy, clean.iloc[::-1])


def test_labels_in_a_column():
    with pytest.raises(ValueError, match=r"Got y of shape \(20, 1\).*with y.ravel\(\)"):
        DenseDAE(**QUICK).fit(X, np.zeros((20, 1)))
