"""Models that come with the package: files, shapes, what they denoise, and what fits them."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from skimage import data
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import skdae
from skdae import (
    CameraNoise,
    DenoisingDisplay,
    GaussianNoise,
    LossCurveDisplay,
    UNetDAE,
    pretrained,
    psnr,
    trusted_types,
)
from skdae.estimators._persistence import weights_and_facts
from skdae.pretrained import _models
from skdae.pretrained._files import write_model

FOLDER = Path(pretrained.__file__).parent
NAMES = pretrained.names()
# Of the five photographs that no training saw. Half as large, they have little noise of their own.
GRAY = data.camera()[::2, ::2][60:200, 100:240] / np.float32(255)
COLOUR = data.chelsea()[::2, ::2][:, 40:200] / np.float32(255)
each = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def models():
    return {name: pretrained.load(name, device="cpu") for name in NAMES}


def photo_for(name):
    return GRAY if name == "photos-gray" else COLOUR


def noisy(photo, level):
    noise = np.random.default_rng(0).normal(0, level / 255, photo.shape)
    return (photo + noise).astype(np.float32)


# ---------------------------------------------------------------------- what they do
@pytest.mark.parametrize(
    ("name", "level", "least"),
    [
        # 0.3 below what was measured.
        ("photos-gray", 15, 29.05),
        ("photos-gray", 25, 27.25),
        ("photos-gray", 50, 24.6),
        ("photos-color", 15, 31.9),
        ("photos-color", 25, 29.45),
        ("photos-color", 50, 26.7),
    ],
)
def test_photographs_that_no_training_saw_are_denoised(name, level, least, models):
    photo = photo_for(name)
    denoised = models[name].predict(noisy(photo, level))
    assert psnr(photo, np.clip(denoised, 0, 1)) > least


@pytest.mark.parametrize(("gain", "gained"), [(0.001, 1.5), (0.004, 4.0), (0.01, 5.5)])
def test_the_noise_of_cameras_is_removed(gain, gained, models):
    camera = CameraNoise(gain, smoothing=0.4, jpeg_quality=90)
    photographed = np.clip(camera.corrupt([COLOUR], random_state=0)[0], 0, 1)
    denoised = models["photos-camera"].predict(photographed)
    assert psnr(COLOUR, np.clip(denoised, 0, 1)) > psnr(COLOUR, photographed) + gained


@each
def test_a_clean_photograph_stays(name, models):
    photo = photo_for(name)
    least = 30 if name == "photos-camera" else 34
    assert psnr(photo, np.clip(models[name].predict(photo), 0, 1)) > least


# ---------------------------------------------------------------------- shapes and dtypes
@each
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_one_photograph_an_array_and_a_list_are_read_alike(name, dtype, models):
    white = {np.uint8: 255, np.uint16: 65535}.get(dtype)
    photo = photo_for(name)[:31, :42]
    photo = np.round(photo * white).astype(dtype) if white else photo.astype(dtype)
    alone = models[name].predict(photo)
    assert alone.shape == photo.shape
    assert alone.dtype == (dtype if white else np.float32)
    np.testing.assert_array_equal(alone, models[name].predict([photo])[0])
    several = models[name].predict(np.stack([photo, photo[::-1]]))
    assert several.shape == (2, *photo.shape)
    np.testing.assert_allclose(several[0], alone, rtol=0, atol=1 if white else 1e-5)
    if white:
        as_float = models[name].predict((photo / white).astype(np.float32))
        np.testing.assert_allclose(alone / white, as_float.clip(0, 1), rtol=0, atol=0.51 / white)


def test_a_gray_photograph_may_have_its_axis_of_channels(models):
    dae, photo = models["photos-gray"], GRAY[:20, :30]
    with_axis = dae.predict(photo[..., np.newaxis])
    np.testing.assert_array_equal(with_axis[..., 0], dae.predict(photo))
    several = dae.predict(np.stack([photo, photo])[..., np.newaxis])
    assert several.shape == (2, 20, 30, 1)


@pytest.mark.parametrize("wrap", [np.asarray, lambda x: [x], lambda x: np.stack([x, x])])
@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("photos-gray", (40, 50, 3), r"load\('photos-color'\)"),
        ("photos-gray", (40, 50, 4), r"load\('photos-color'\)"),
        ("photos-color", (40, 50), r"load\('photos-gray'\)"),
        ("photos-camera", (40, 50), r"load\('photos-gray'\)"),
        ("photos-color", (40, 50, 4), r"X\[\.\.\., :3\]"),
    ],
)
def test_photographs_of_other_channels_name_the_other_model(name, shape, message, wrap, models):
    with pytest.raises(ValueError, match=message):
        models[name].predict(wrap(np.full(shape, 100, dtype=np.uint8)))


@each
def test_floats_on_the_scale_of_uint8_are_an_error(name, models):
    with pytest.raises(ValueError, match="values up to .* divide X by 255"):
        models[name].predict(255 * photo_for(name))


def test_the_advice_is_gone_after_a_fit_of_the_user(models):
    dae = clone(models["photos-gray"]).set_params(channels=(4,), max_epochs=1, device="cpu")
    dae.fit([255 * COLOUR])
    assert dae.predict(255 * COLOUR).shape == COLOUR.shape


# ---------------------------------------------------------------------- a fitted estimator
@each
def test_two_loads_have_the_weights_of_the_file_bit_by_bit(name, models):
    weights, _ = weights_and_facts(pretrained.load(name))
    with np.load(FOLDER / f"{name}.npz") as file:
        assert set(file.files) == set(weights)
        for key, values in weights.items():
            assert file[key].dtype == np.float16
            np.testing.assert_array_equal(values, file[key].astype(np.float32))
    photo = photo_for(name)[:40, :40]
    again = pretrained.load(name, device="cpu")
    np.testing.assert_array_equal(again.predict(photo), models[name].predict(photo))


@each
def test_pickle_and_skops(name, models):
    skops_io = pytest.importorskip("skops.io")
    photo = photo_for(name)[:40, :40]
    expected = models[name].predict(photo)
    kept = pickle.loads(pickle.dumps(models[name]))
    np.testing.assert_array_equal(kept.predict(photo), expected)
    with pytest.raises(ValueError, match="skdae.pretrained.load"):
        kept.predict(COLOUR if name == "photos-gray" else GRAY)
    dumped = skops_io.dumps(models[name])
    loaded = skops_io.loads(dumped, trusted=trusted_types())
    np.testing.assert_array_equal(loaded.predict(photo), expected)


def test_files_of_weights(models, tmp_path):
    pytest.importorskip("safetensors")
    dae = models["photos-gray"]
    dae.save_weights(tmp_path / "weights")
    again = clone(dae).load_weights(tmp_path / "weights")
    np.testing.assert_array_equal(again.predict(GRAY), dae.predict(GRAY))


def test_clone_keeps_the_settings_and_not_the_weights(models):
    copy = clone(models["photos-camera"])
    assert not hasattr(copy, "net_")
    assert repr(copy) == repr(models["photos-camera"])
    assert isinstance(copy.noise, CameraNoise) and copy.noise.gain == (0, 0.012)


def test_parameters_are_set_unless_the_weights_are_for_others():
    dae = pretrained.load("photos-gray", device="cpu", warm_start=True, lr=0.001)
    assert (dae.warm_start, dae.lr) == (True, 0.001)
    with pytest.raises(ValueError, match="trained with channels"):
        pretrained.load("photos-gray", channels=(8,))
    with pytest.raises(ValueError, match="'lr' parameter of UNetDAE"):
        pretrained.load("photos-gray", lr=-1)
    with pytest.raises(TypeError, match="depth"):
        pretrained.load("photos-gray", depth=3)


@pytest.mark.parametrize("as_list", [True, False])
@pytest.mark.parametrize("name", ["photos-gray", "photos-color"])
def test_a_fit_goes_on_from_the_weights(name, as_list, models):
    photo = photo_for(name)[:100, :100]
    settings = {"warm_start": True, "max_epochs": 1, "batch_size": 1, "random_state": 0}
    dae = pretrained.load(name, device="cpu", lr=1e-5, **settings)
    n_before = dae.n_iter_
    dae.fit([photo] if as_list else photo)
    assert dae.n_iter_ == n_before + 1 == len(dae.loss_curve_)
    # So small a rate moves the weights, and hardly what they do.
    before, after = models[name].predict(photo), dae.predict(photo)
    assert 0 < np.abs(after - before).max() < 0.01
    assert isinstance(dae.noise_, GaussianNoise)


def test_a_gray_model_does_not_go_on_with_a_colour_photograph():
    dae = pretrained.load("photos-gray", device="cpu", warm_start=True, max_epochs=1)
    with pytest.raises(ValueError, match=r"load\('photos-color'\)"):
        dae.fit(COLOUR)
    with pytest.raises(ValueError, match="divide X by 255"):
        dae.fit(255 * GRAY)


def test_a_fit_goes_on_from_the_noisy_photograph_alone():
    photo = noisy(GRAY, 25)
    settings = {"max_epochs": 1, "lr": 1e-5, "noise": GaussianNoise(25 / 255), "loss": "mse"}
    dae = pretrained.load("photos-gray", device="cpu", warm_start=True, **settings)
    dae.set_params(self_supervised="split_noise").fit(photo)
    assert psnr(GRAY, dae.predict(photo)) > psnr(GRAY, photo) + 5


def test_partial_fit_goes_on(models):
    dae = pickle.loads(pickle.dumps(models["photos-gray"])).set_params(lr=1e-5, batch_size=1)
    dae.partial_fit([GRAY])
    assert 0 < np.abs(dae.predict(GRAY) - models["photos-gray"].predict(GRAY)).max() < 0.01


def test_features_and_a_denoising_step_before_a_classifier(models):
    dae = models["photos-gray"]
    tiles = np.stack([GRAY[i : i + 16, j : j + 16] for i in (0, 40, 80) for j in (0, 40, 80)])
    labels = tiles.mean(axis=(1, 2)) > np.median(tiles.mean(axis=(1, 2)))
    codes = dae.transform(tiles)
    assert codes.shape[0] == 9 and codes.dtype == np.float32
    classifier = LogisticRegression(max_iter=1000)
    before = dae.predict(tiles)
    frozen = make_pipeline(FrozenEstimator(dae), classifier).fit(tiles, labels)
    assert frozen.predict(tiles).shape == (9,)
    np.testing.assert_array_equal(dae.predict(tiles), before)
    rows = FunctionTransformer(lambda X: dae.predict(X).reshape(len(X), -1))
    cleaned = make_pipeline(rows, classifier).fit(tiles, labels)
    assert cleaned.score(tiles, labels) > 0.8


def test_plots(models):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    dae = models["photos-color"]
    photo = COLOUR[:40, :40]
    LossCurveDisplay.from_estimator(dae)
    DenoisingDisplay.from_estimator(dae, [noisy(photo, 25)], [photo])
    pyplot.close("all")


# ---------------------------------------------------------------------- files and descriptions
def test_names_and_descriptions_need_neither_torch_nor_numpy_of_the_user():
    code = (
        "import sys, skdae\n"
        "for name in skdae.pretrained.names(): skdae.pretrained.describe(name)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_unknown_names():
    for call in (pretrained.load, pretrained.describe):
        with pytest.raises(ValueError, match="must be one of photos-camera, .* Got 'photos'"):
            call("photos")


@each
def test_descriptions_name_everyone(name, models):
    model = pretrained.describe(name)
    text = str(model)
    assert model.channels == models[name].sample_shape_[-1]
    assert model.noise == " ".join(repr(models[name].noise_).split())
    parameters = models[name].net_.module_.parameters()
    assert model.n_parameters == sum(parameter.numel() for parameter in parameters)
    assert len(model.sources) == 44
    free = ("CC", "GPL", "LGPL", "public domain")
    for source in model.sources:
        assert source.author and source.title and source.licence.startswith(free)
        assert source.author in text and source.licence in text
        assert "NC" not in source.licence and "ND" not in source.licence
    validation = {"camera", "chelsea", "Dune", "EveningGlow", "Evening Glow", "aitzgorri"}
    assert not validation & {source.title for source in model.sources}


def test_the_package_stays_small():
    models = [path.stat().st_size for path in FOLDER.glob("photos-*")]
    assert len(models) == 2 * len(NAMES)
    assert max(models) < 4e6
    package = Path(skdae.__file__).parent
    whole = sum(path.stat().st_size for path in package.rglob("*") if path.suffix != ".pyc")
    assert whole < 12e6


@pytest.mark.parametrize("suffix", ["npz", "json"])
def test_a_damaged_file_and_a_missing_one(suffix, tmp_path, monkeypatch):
    for path in FOLDER.glob("photos-gray.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(_models, "files", lambda package: tmp_path)
    pretrained.load("photos-gray")
    file = tmp_path / f"photos-gray.{suffix}"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1  # one bit
    file.write_bytes(content)
    with pytest.raises(ValueError, match=rf"photos-gray\.{suffix} is damaged: its SHA-256"):
        pretrained.load("photos-gray")
    file.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{suffix} is missing.*Install skdae again"):
        pretrained.load("photos-gray")


def test_files_hold_no_pickle(tmp_path):
    name = "photos-gray"
    record = _models._record_of(name)
    np.savez(tmp_path / f"{name}.npz", weight=np.array([{}], dtype=object))
    content = (tmp_path / f"{name}.npz").read_bytes()
    record["sha256"] = hashlib.sha256(content).hexdigest()
    with pytest.raises(ValueError, match="allow_pickle=False"):
        _models.read_weights(tmp_path, name, record)


def test_a_written_model_is_read_again(tmp_path, models):
    dae = models["photos-color"]
    weights, facts = weights_and_facts(dae)
    record = {**_models._record_of("photos-color"), "facts": facts}
    write_model(tmp_path, "mine", weights, record)
    again = _models.read_record(tmp_path, "mine")
    loaded = _models.fitted(again, _models.read_weights(tmp_path, "mine", again), device="cpu")
    assert isinstance(loaded, UNetDAE)
    np.testing.assert_array_equal(loaded.predict(COLOUR), dae.predict(COLOUR))
