"""ONNX files: what onnxruntime computes from them, what they say, and how they are refused."""

import os
import sys

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from torch import nn

from skdae import BaseDenoisingAutoencoder, ConvDAE, DenoisingAutoencoder, DenseDAE, UNetDAE
from skdae.nn import ConvAutoencoder, DenseAutoencoder

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

SETTINGS = {"noise": "gaussian", "max_epochs": 1, "random_state": 0}
SHAPES = {"table": (12,), "signal": (20, 2), "gray": (9, 12), "colour": (10, 9, 3)}
OTHER_SIDES = [(1, 1), (16, 8), (13, 23)]


class Own(DenseAutoencoder):
    def __init__(self, sample_shape):
        super().__init__(sample_shape, latent_dim=4)


class OwnOfAnySize(ConvAutoencoder):
    def __init__(self, sample_shape):
        super().__init__(sample_shape, channels=(4,))


class Branches(Own):
    def forward(self, x):
        return super().forward(x) if x.mean() > 0 else x


NETS = {
    "dense": DenseDAE((8,), latent_dim=3, **SETTINGS),
    "dense_logits": DenseDAE((8,), latent_dim=3, loss="bce", activation="tanh", **SETTINGS),
    "conv": ConvDAE((16, 4), **SETTINGS),
    "conv_average": ConvDAE(
        (4,), downsample="average", upsample="nearest", activation="gelu", loss="bce", **SETTINGS
    ),
    "conv_bottleneck": ConvDAE((4, 4), latent_dim=3, downsample="stride", **SETTINGS),
    "unet": UNetDAE((16, 4), n_blocks=1, **SETTINGS),
    "unet_residual": UNetDAE((4,), n_blocks=1, residual=True, **SETTINGS),
    "own": DenoisingAutoencoder(Own, standardize=True, **SETTINGS),
    "own_any_size": DenoisingAutoencoder(OwnOfAnySize, **SETTINGS),
}
CASES = [
    *((name, "table") for name in ("dense", "dense_logits", "own")),
    *(("dense", kind) for kind in ("signal", "gray", "colour")),
    *(("conv", kind) for kind in ("signal", "gray", "colour")),
    *(("unet", kind) for kind in ("signal", "gray", "colour")),
    *(("conv_average", "gray"), ("conv_bottleneck", "gray"), ("unet_residual", "colour")),
    *(("own", "colour"), ("own_any_size", "gray")),
]


def data(*shape):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def fitted(name, kind):
    dae = NETS[name]
    unit = 1.0 if dae.loss == "bce" else 50.0
    return dae.fit(unit * data(40, *SHAPES[kind])), unit


def runs(path, x):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return session.run(None, {given.name: x.astype(np.float32)})[0]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.onnx"


@pytest.fixture(scope="module")
def small():
    return DenseDAE((8,), latent_dim=3, **SETTINGS).fit(data(40, 12))


# ---------------------------------------------------------------- what it computes
@pytest.mark.parametrize(("name", "kind"), CASES)
def test_denoising_is_that_of_predict(name, kind, path):
    dae, unit = fitted(name, kind)
    dae.to_onnx(path)
    shape = dae.sample_shape_
    sides = [shape[:-1]]
    if dae._format.any_size:
        sides += [other[: len(shape) - 1] for other in OTHER_SIDES]
    for size in sides:
        for n_samples in (1, 3):
            X = unit * data(n_samples, *size, shape[-1])
            denoised = runs(path, X)
            assert denoised.shape == X.shape and denoised.dtype == np.float32
            np.testing.assert_allclose(denoised, dae.predict(X), rtol=0, atol=1e-5 * unit)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("dense", "table"),
        ("conv", "signal"),
        ("conv", "gray"),
        ("conv_bottleneck", "gray"),
        ("own", "colour"),
    ],
)
def test_codes_are_those_of_transform_and_come_back(name, kind, path):
    dae, unit = fitted(name, kind)
    X = unit * data(3, *dae.sample_shape_)
    codes = dae.transform(X)
    dae.to_onnx(path, "encode")
    size = 1e-5 * max(1.0, np.abs(codes).max())
    np.testing.assert_allclose(runs(path, X), codes, rtol=0, atol=size)
    dae.to_onnx(path, part="decode")
    samples = runs(path, codes)
    assert samples.shape == X.shape
    expected = dae.inverse_transform(codes).reshape(X.shape)
    np.testing.assert_allclose(samples, expected, rtol=0, atol=1e-5 * unit)


def test_a_unet_encodes_samples_of_any_size(path):
    dae, unit = fitted("unet", "gray")
    dae.to_onnx(path, "encode")
    for height, width in [(9, 12), *OTHER_SIDES]:
        X = unit * data(2, height, width, 1)
        np.testing.assert_allclose(runs(path, X), dae.transform(X), rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_are_given_as_fractions(dtype, path):
    white = np.iinfo(dtype).max
    X = (data(40, 9, 12) * white).astype(dtype)
    dae = ConvDAE((4,), **SETTINGS).fit(X)
    dae.to_onnx(path)
    fractions = X[..., np.newaxis] / white
    denoised = runs(path, fractions)
    np.testing.assert_allclose(denoised, dae.predict(fractions), rtol=0, atol=1e-5)
    levels = np.clip(denoised[..., 0] * white, 0, white)
    assert np.abs(levels - dae.predict(X)).max() < 0.5 + 1e-5 * white


def test_flat_rows_are_images_of_the_shape_of_a_sample(path):
    X = data(40, 64)
    dae = ConvDAE((4,), sample_shape=(8, 8), **SETTINGS).fit(X)
    dae.to_onnx(path)
    denoised = runs(path, X.reshape(-1, *dae.sample_shape_))
    np.testing.assert_allclose(denoised.reshape(X.shape), dae.predict(X), rtol=0, atol=1e-5)


# ---------------------------------------------------------------- what it is
def test_the_last_convolution_is_one_node(path):
    """And not the matrix product that the CPU trains with."""
    fitted("conv", "gray")[0].to_onnx(path)
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert kinds.count("Conv") == 3 and "MatMul" not in kinds and "ScatterND" not in kinds


def test_a_file_says_what_it_is(small, path):
    small.to_onnx(path, "encode")
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert facts["estimator"] == "DenseDAE" and facts["part"] == "encode"
    assert facts["sample_shape"] == "[12]" and facts["dtype"] == "float32"
    (given,), (result,) = model.graph.input, model.graph.output
    assert (given.name, result.name) == ("X", "codes")
    assert result.type.tensor_type.shape.dim[1].dim_value == 3


def test_free_sides_have_names(path):
    dae, _ = fitted("unet", "colour")
    dae.to_onnx(path, "encode")
    session = onnxruntime.InferenceSession(path)
    assert session.get_inputs()[0].shape == ["n_samples", "height", "width", 3]
    assert session.get_outputs()[0].shape == ["n_samples", "n_codes"]


def test_a_file_tells_nothing_of_the_machine_and_is_repeatable(small, path, tmp_path):
    small.to_onnx(path)
    assert b".py" not in path.read_bytes() and os.fsencode(tmp_path) not in path.read_bytes()
    small.to_onnx(tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_export_is_silent_and_changes_nothing(mode, small, path, capfd):
    X = data(3, 12)
    expected, generator = small.predict(X), torch.random.get_rng_state()
    with mode():
        small.to_onnx(path)
    assert capfd.readouterr() == ("", "")
    assert torch.equal(torch.random.get_rng_state(), generator)
    np.testing.assert_array_equal(small.predict(X), expected)


# ---------------------------------------------------------------- what is refused
def test_an_unfitted_estimator_is_an_error(path):
    with pytest.raises(NotFittedError):
        DenseDAE().to_onnx(path)
    assert not path.exists()


@pytest.mark.parametrize("part", ["denoize", None, "predict", 3])
def test_an_unknown_part_is_an_error(part, small, path):
    with pytest.raises(ValueError, match=f"'part' argument of DenseDAE.to_onnx .* Got {part!r}"):
        small.to_onnx(path, part)


def test_a_unet_has_nothing_to_decode_with(path):
    with pytest.raises(ValueError, match="since UNetDAE has no decoder. Got 'decode'"):
        fitted("unet", "gray")[0].to_onnx(path, "decode")


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_a_missing_package_is_named(package, small, path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    message = rf"DenseDAE.to_onnx requires {package}. .*pip install skdae\[onnx\]"
    with pytest.raises(ImportError, match=message):
        small.to_onnx(path)


def test_a_module_that_branches_on_values_is_an_error(path):
    dae = DenoisingAutoencoder(Branches, **SETTINGS).fit(data(40, 12))
    path.write_text("old")
    with pytest.raises(ValueError, match="to_onnx cannot export Branches, since torch cannot foll"):
        dae.to_onnx(path)
    assert path.read_text() == "old"


def test_weights_too_large_for_a_file_are_an_error(small, path, monkeypatch):
    monkeypatch.setattr("skdae.inference._onnx._MOST_BYTES", 100)
    with pytest.raises(ValueError, match="holds at most 2 GiB"):
        small.to_onnx(path)


def test_what_is_no_file_is_an_OSError(small, tmp_path):
    with pytest.raises(FileNotFoundError):
        small.to_onnx(tmp_path / "missing" / "model.onnx")
    with pytest.raises(IsADirectoryError):
        small.to_onnx(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_subclass_exports_too(path):
    class Tiny(BaseDenoisingAutoencoder):
        def __init__(self, *, noise="auto", max_epochs=1):
            self.noise = noise
            self.max_epochs = max_epochs

        def _build_module(self, sample_shape):
            return Own(sample_shape)

    X = data(40, 12)
    dae = Tiny(noise="gaussian").fit(X)
    dae.to_onnx(path)
    np.testing.assert_allclose(runs(path, X), dae.predict(X), rtol=0, atol=1e-5)


def test_modules_of_torch_layers_export(path):
    class Layers(nn.Module):
        def __init__(self, sample_shape):
            super().__init__()
            self.encode = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.BatchNorm1d(4))
            self.decode = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 12))

        def forward(self, x):
            return self.decode(self.encode(x))

    X = data(40, 12)
    dae = DenoisingAutoencoder(Layers, **SETTINGS).fit(X)
    dae.to_onnx(path)
    np.testing.assert_allclose(runs(path, X), dae.predict(X), rtol=0, atol=1e-5)
