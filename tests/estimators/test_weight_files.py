"""Weights alone: what a file carries, what it is refused for, and how it is written."""

import json
import os
import pickle
import stat
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from skdae import (
    ConvDAE,
    DenoisingAutoencoder,
    DenseDAE,
    GaussianNoise,
    UNetDAE,
    make_denoising_scorer,
)

SETTINGS = {"noise": "gaussian", "random_state": 0, "max_epochs": 1}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


def loaded_from(dae, path):
    dae.save_weights(path)
    return clone(dae).load_weights(path)


# ---------------------------------------------------------------- what a file carries
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_decode_to_integers(dtype, images, path):
    X = (images * np.iinfo(dtype).max).astype(dtype)
    dae = ConvDAE((4,), latent_dim=4, **SETTINGS).fit(X)
    loaded = loaded_from(dae, path)
    codes = dae.transform(X)
    assert loaded.inverse_transform(codes).dtype == dtype
    np.testing.assert_array_equal(loaded.inverse_transform(codes), dae.inverse_transform(codes))
    np.testing.assert_array_equal(loaded.predict(X), dae.predict(X))
    with pytest.raises(ValueError, match=f"was fitted on {np.dtype(dtype)}"):
        loaded.predict(X.astype(float))


def test_the_layout_of_X_comes_back(images, path):
    dae = DenseDAE((8,), latent_dim=4, **SETTINGS).fit(images)
    loaded = loaded_from(dae, path)
    assert loaded.inverse_transform(loaded.transform(images)).shape == images.shape


def test_the_range_of_X_is_known(rows, path):
    loaded = loaded_from(DenseDAE((8,), **{**SETTINGS, "noise": None}).fit(rows * 100), path)
    with pytest.raises(ValueError, match="the X of its fit is float32 with values up to 100"):
        loaded.predict((rows * 255).astype(np.uint8))


def test_a_scorer_behind_a_scaler_sees_what_it_saw(rows, path):
    X = 500 * rows + np.arange(64)
    pipe = make_pipeline(StandardScaler(), DenseDAE((8,), **SETTINGS)).fit(X)
    scorer = make_denoising_scorer(GaussianNoise(20.0), "neg_mse")
    expected = scorer(pipe, X)
    pipe.steps[-1] = ("densedae", loaded_from(pipe[-1], path))
    assert scorer(pipe, X) == expected
    assert pipe.score(X) == make_pipeline(*[s for _, s in pipe.steps]).score(X)


def test_pairs_keep_the_units_of_their_targets(rows, path):
    dae = DenseDAE((8,), **{**SETTINGS, "noise": "auto"}).fit(rows, 2 * rows)
    assert loaded_from(dae, path)._keeps_units is False


@pytest.mark.parametrize(
    "sample", [lambda side: (side, 8), lambda side: (side, 8, 3), lambda side: (side,)]
)
def test_lists_stay_lists(sample, path):
    rng = np.random.default_rng(0)
    X = [rng.random(sample(side)) for side in (15, 16, 18)]
    dae = ConvDAE((4,), **SETTINGS).fit(X)
    loaded = loaded_from(dae, path)
    for a, b in zip(loaded.predict(X), dae.predict(X), strict=True):
        np.testing.assert_array_equal(a, b)
    assert loaded.score(X) == dae.score(X)
    np.testing.assert_array_equal(loaded.score_samples(X), dae.score_samples(X))
    assert not hasattr(loaded, "n_features_in_")


def test_names_of_columns_are_compared(rows, path):
    frame = pd.DataFrame(rows, columns=[f"c{i}" for i in range(64)])
    dae = DenseDAE((8,), **SETTINGS).fit(frame)
    loaded = loaded_from(dae, path)
    assert loaded.feature_names_in_.tolist() == frame.columns.tolist()
    np.testing.assert_array_equal(loaded.predict(frame), dae.predict(frame))
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(frame.rename(columns=str.upper))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_precision_of_the_fit_is_kept(precision, images, path, monkeypatch):
    monkeypatch.setattr("skdae.training._device._has_bfloat16_units", lambda device: True)
    dae = ConvDAE((4,), precision=precision, **SETTINGS).fit(images)
    dae.save_weights(path)
    loaded = ConvDAE((4,)).load_weights(path)
    assert loaded.net_.precision_ == precision
    np.testing.assert_array_equal(loaded.predict(images), dae.predict(images))
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(loaded)).predict(images), dae.predict(images)
    )
    assert ConvDAE((4,), precision="float32").load_weights(path).net_.precision_ == "float32"


def test_loading_forgets_what_was_fitted_before(images, path):
    ConvDAE((4,), **SETTINGS).fit(images).save_weights(path)
    other = ConvDAE((4,), **SETTINGS).fit(images[:, :6, :6]).partial_fit(images[:, :6, :6])
    other.load_weights(path)
    assert other.sample_shape_ == (8, 8, 1)
    assert other.n_features_in_ == 64
    assert other.n_iter_ == 0
    assert other.loss_curve_ == []
    assert other.transform(images).shape == (200, 64)


# ---------------------------------------------------------------- what it is refused for
OTHER_SETTINGS = [
    (DenseDAE((8,)), {"activation": "tanh"}),
    (DenseDAE((8,)), {"loss": "bce"}),
    (DenseDAE((8,)), {"hidden_layer_sizes": (9,)}),
    (ConvDAE((4, 4)), {"downsample": "average"}),
    (ConvDAE((4, 4)), {"upsample": "nearest"}),
    (ConvDAE((4, 4)), {"kernel_size": 5}),
    (UNetDAE((4,), n_blocks=1), {"residual": True}),
    (UNetDAE((4,), n_blocks=1), {"activation": "relu"}),
    (UNetDAE((4,), n_blocks=1), {"loss": "l1"}),
]


@pytest.mark.parametrize(("dae", "other"), OTHER_SETTINGS)
def test_weights_of_other_settings_are_an_error(dae, other, images, path):
    dae.set_params(**SETTINGS).fit(images).save_weights(path)
    (name,) = other
    with pytest.raises(
        ValueError, match=rf"do not fit {type(dae).__name__}.* trained with {name}="
    ):
        clone(dae).set_params(**other).load_weights(path)


def test_settings_are_values_and_training_is_none_of_them(images, path):
    ConvDAE([4, 4], **SETTINGS).fit(images).save_weights(path)
    other = {"lr": 1.0, "noise": None, "optimizer": "sgd", "max_epochs": 7, "verbose": 1}
    for channels in ((4, 4), np.array([4, 4])):
        ConvDAE(channels, sample_shape=(8, 8), **other).load_weights(path)
    with pytest.raises(ValueError, match=r"samples of shape \(8, 8, 1\), and it has sample_shape="):
        ConvDAE((4, 4), sample_shape=(4, 16)).load_weights(path)


def squared(output, target):
    return ((output - target) ** 2).mean()


def test_a_callable_is_known_to_be_one(rows, path):
    dae = DenseDAE((8,), loss=squared, **SETTINGS).fit(rows)
    np.testing.assert_array_equal(loaded_from(dae, path).predict(rows), dae.predict(rows))
    clone(dae).set_params(loss=nn.MSELoss()).load_weights(path)
    with pytest.raises(ValueError, match="trained with loss='<a callable>'"):
        clone(dae).set_params(loss="bce").load_weights(path)


def dense_module(sample_shape):
    from skdae.nn import DenseAutoencoder

    return DenseAutoencoder(sample_shape, hidden_layer_sizes=(8,), latent_dim=32)


def test_weights_of_another_class_are_an_error(rows, path):
    DenseDAE((8,), **SETTINGS).fit(rows).save_weights(path)
    with pytest.raises(ValueError, match="do not fit DenoisingAutoencoder: .* of DenseDAE"):
        DenoisingAutoencoder(dense_module).load_weights(path)


def rewritten(path, change):
    """Write the file anew, with other arrays or metadata."""
    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}
        metadata = dict(file.metadata())
    change(arrays, metadata)
    path.unlink()
    save_file(arrays, path, metadata=metadata)


FIRST = "encoder.0.weight"


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (lambda a: np.where(a == a.max(), np.nan, a), "damaged: .* not finite"),
        (lambda a: np.where(a == a.max(), np.inf, a), "damaged: .* not finite"),
        (lambda a: (100 * a).astype(np.int32), "must have shape .* dtype float32. Got .* int32"),
        (lambda a: a > 0, "must have shape .* dtype float32. Got .* bool"),
        (lambda a: a.astype(np.float64), "must have shape .* dtype float32. Got .* float64"),
        (lambda a: a[1:], "must have shape"),
    ],
)
def test_weights_that_are_none_are_an_error(value, match, rows, path):
    dae = DenseDAE((8,), **SETTINGS).fit(rows)
    dae.save_weights(path)
    name = next(n for n, p in dae.net_.module_.named_parameters() if p.ndim == 2)
    rewritten(path, lambda arrays, _: arrays.update({name: value(arrays[name])}))
    fresh = clone(dae)
    with pytest.raises(ValueError, match=match):
        fresh.load_weights(path)
    assert not hasattr(fresh, "net_")


def facts_without(name):
    def change(_, metadata):
        facts = json.loads(metadata["facts"])
        del facts[name]
        metadata["facts"] = json.dumps(facts)

    return change


def facts_with(**values):
    def change(_, metadata):
        metadata["facts"] = json.dumps({**json.loads(metadata["facts"]), **values})

    return change


def facts_are(text):
    return lambda _, metadata: metadata.update(facts=text)


NAMES = [
    *("estimator", "settings", "sample_shape", "X_shape", "dtype", "highest"),
    *("n_features_in", "feature_names_in", "keeps_units", "precision"),
]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        *((facts_without(name), f"damaged: its '{name}' must be .*missing") for name in NAMES),
        *((facts_with(**{name: 1j.imag}), "damaged: its") for name in NAMES if name != "highest"),
        (facts_with(sample_shape=[0]), "damaged: its 'sample_shape' must be"),
        (facts_with(sample_shape=[10**30]), "damaged: its 'sample_shape' must be"),
        (facts_with(X_shape=[8, None]), "damaged: its 'X_shape' must be"),
        (facts_with(highest=float("nan")), "damaged: its 'highest' must be a finite number"),
        (facts_with(highest=10**400), "damaged: its 'highest' must be a finite number"),
        (facts_with(feature_names_in=[3]), "damaged: its 'feature_names_in' must be"),
        (facts_are("{"), "damaged: its 'facts' are no JSON"),
        (facts_are("[" * 100_000), "damaged: its 'facts' are no JSON"),
        (facts_are("7"), "damaged: its 'estimator' must be"),
        (lambda _, metadata: metadata.pop("facts"), "does not say what its weights are"),
        (lambda _, metadata: metadata.pop("format"), "holds no weights written by save_weights"),
        (lambda _, metadata: metadata.clear(), "holds no weights written by save_weights"),
    ],
)
def test_a_file_says_what_is_wrong_with_it(change, match, rows, path):
    dae = DenseDAE((8,), **SETTINGS).fit(rows)
    dae.save_weights(path)
    rewritten(path, change)
    expected = dae.predict(rows)
    with pytest.raises(ValueError, match=match):
        dae.load_weights(path)
    np.testing.assert_array_equal(dae.predict(rows), expected)


@pytest.mark.parametrize("length", [0, 5, 8, 100, -1])
def test_a_file_that_was_cut_off_is_an_error(length, rows, path):
    DenseDAE((8,), **SETTINGS).fit(rows).save_weights(path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match="no safetensors file, or a damaged one"):
        DenseDAE((8,)).load_weights(path)


# ---------------------------------------------------------------- how it is written
@pytest.fixture(scope="module")
def fitted(rows):
    return DenseDAE((8,), **SETTINGS).fit(rows)


@pytest.mark.parametrize("method", ["save_weights", "load_weights"])
def test_what_is_no_file_is_an_OSError(method, fitted, tmp_path):
    with pytest.raises(FileNotFoundError):
        getattr(clone(fitted) if method == "load_weights" else fitted, method)(tmp_path / "a" / "b")
    with pytest.raises(IsADirectoryError):
        getattr(fitted, method)(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may do everything")
@pytest.mark.parametrize("method", ["save_weights", "load_weights"])
def test_a_file_of_others_is_an_OSError(method, fitted, path):
    fitted.save_weights(path)
    path.chmod(0)
    with pytest.raises(PermissionError):
        getattr(fitted, method)(path)


posix = pytest.mark.skipif(os.name != "posix", reason="modes and links of POSIX")


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_mode_of_the_umask(umask, fitted, path):
    before = os.umask(umask)
    try:
        fitted.save_weights(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


@posix
def test_an_old_file_keeps_its_mode(fitted, path):
    path.write_text("old")
    path.chmod(0o640)
    fitted.save_weights(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    clone(fitted).load_weights(str(path))


@posix
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_one(exists, fitted, path, tmp_path):
    target = tmp_path / "elsewhere" / "model"
    target.parent.mkdir()
    if exists:
        target.write_text("old")
    path.symlink_to(target)
    fitted.save_weights(path)
    assert path.is_symlink()
    clone(fitted).load_weights(target)
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", path.name]
    assert os.listdir(target.parent) == ["model"]


@posix
def test_a_device_is_written_and_not_replaced(fitted):
    fitted.save_weights("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@posix
def test_a_full_disk_leaves_the_old_file(fitted, path, rows):
    """A limit on the size of files stands for the end of the disk."""
    fitted.save_weights(path)
    code = f"""
        import os, pickle, resource, sys
        dae = pickle.load(sys.stdin.buffer)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        try:
            dae.save_weights({str(path)!r})
        except OSError:
            os._exit(7)
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        input=pickle.dumps(DenseDAE((9,), **SETTINGS).fit(rows)),
    )
    assert result.returncode == 7
    assert os.listdir(path.parent) == [path.name]
    np.testing.assert_array_equal(
        clone(fitted).load_weights(path).predict(rows), fitted.predict(rows)
    )


def test_an_interrupted_save_leaves_the_old_file(fitted, path, monkeypatch):
    fitted.save_weights(path)
    before = path.read_bytes()

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fitted.save_weights(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]
