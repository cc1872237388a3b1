"""How fit reads axes, targets and files: errors and warnings with the right spelling, no copies."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import get_config
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from torch import nn

from skdae import (
    ConvDAE,
    DenoisingAutoencoder,
    DenseDAE,
    GaussianNoise,
    SwapNoise,
    UNetDAE,
    _checks,
)

SHORT = {"max_epochs": 1, "device": "cpu", "random_state": 0}
QUICK = {"noise": "gaussian", **SHORT}
RNG = np.random.default_rng(0)
CONVOLUTIONAL = [ConvDAE, UNetDAE]
ALL = [DenseDAE, *CONVOLUTIONAL]


# ---------------------------------------------------------------------------------- axes
@pytest.mark.parametrize("estimator", ALL)
@pytest.mark.parametrize("shape", [(2, 16, 16), (7, 16, 16), (10, 12, 12), (40, 6, 9)])
def test_what_sample_shape_says_is_read_so(estimator, shape):
    X = RNG.random((3, *shape))
    for make, data, spelling in (
        (estimator, X, "np.moveaxis(X, 1, -1)"),
        (UNetDAE, list(X), "np.moveaxis(x, 0, -1)"),
    ):
        with pytest.raises(ValueError, match=f"looks channels-first.*{re.escape(spelling)}"):
            make(**QUICK).fit(data)
        dae = make(sample_shape=shape, **QUICK).fit(data)
        assert np.shape(dae.predict(data)) == X.shape
    pipeline = make_pipeline(GaussianNoise(0.1), UNetDAE(sample_shape=shape, **SHORT))
    assert np.shape(pipeline.fit(list(X)).predict(list(X))) == X.shape


def test_lists_of_volumes():
    for volumes in ([RNG.random((9, 20, 20))] * 2, [RNG.random((9, 20, 20, 3))] * 2):
        with pytest.raises(ValueError, match=r"X\[0\].* slice by slice: x.reshape\(-1, 20, 20"):
            UNetDAE(**QUICK).fit(volumes)
        UNetDAE(**QUICK).fit([slice for volume in volumes for slice in volume])


@pytest.mark.parametrize("estimator", CONVOLUTIONAL)
def test_windows_of_many_channels(estimator):
    eeg = RNG.normal(size=(6, 40, 200))
    for X in (eeg, [x[:, : 150 + 10 * i] for i, x in enumerate(eeg)]):
        with pytest.warns(UserWarning, match=r"\(40, \d+\) as gray images.*np.swapaxes\([Xx], -1"):
            estimator(**QUICK).fit(X)
        estimator(sample_shape=(40, 200, 1), **QUICK).fit(X)
    windows = np.swapaxes(eeg, -1, -2)
    with pytest.warns(UserWarning, match=r"of shape \(200, 40\), with sample_shape=\(1, 200, 40\)"):
        estimator(**QUICK).fit(windows)
    for X in (windows, list(windows), [x[: 150 + 10 * i] for i, x in enumerate(windows)]):
        dae = estimator(sample_shape=(1, 200, 40), **QUICK).fit(X)
        assert dae.sample_shape_[-1] == 40 and len(dae.sample_shape_) == 2
        assert [x.shape for x in dae.predict(X)] == [x.shape for x in X]
    estimator(sample_shape=(200, 40), **QUICK).fit(windows)


def test_tables_of_axes_need_no_word():
    DenseDAE(**QUICK).fit(RNG.normal(size=(6, 40, 200)))
    DenseDAE(**QUICK).fit(RNG.random((20, 30, 3)))


def test_one_photo_of_floats():
    ramp = np.linspace(0, 1, 40)
    photo = np.stack([ramp + ramp[:, np.newaxis]] * 3, axis=-1) / 2
    for X in (photo, photo.astype(np.float32), (255 * photo).astype(np.uint8)):
        with pytest.warns(UserWarning, match=r"reads X of shape \(40, 40, 3\).*\[X\]"):
            UNetDAE(**QUICK).fit(X)
        UNetDAE(**QUICK).fit([X])


# ------------------------------------------------------------------------------- targets
TABLE = RNG.normal(size=(40, 3))
FLAGS = (RNG.random((40, 3)) < 0.4) + 0.0
IMAGES = RNG.random((20, 8, 8))
GRAY = (255 * IMAGES).astype(np.uint8)
LABELS = {
    "integers": (TABLE, FLAGS.astype(int)),
    "classes": (TABLE, RNG.integers(0, 5, TABLE.shape)),
    "booleans": (TABLE, FLAGS > 0),
    "few_levels": (TABLE, FLAGS.astype(np.uint8)),
    "flags_of_floats": (TABLE, FLAGS),
    "frames": (pd.DataFrame(TABLE), pd.DataFrame(FLAGS > 0)),
    "beside_integers": (TABLE.round().astype(int), FLAGS > 0),
    "masks_of_images": (IMAGES, IMAGES > 0.5),
    "masks_of_gray_images": (GRAY, (IMAGES > 0.5).astype(np.uint8)),
}


@pytest.mark.parametrize(("X", "y"), LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("method", ["fit", "fit_transform", "partial_fit"])
def test_targets_that_look_like_labels(X, y, method):
    message = r"reads y as clean values of X, .* looks like labels: .*y.astype\(float\).*Frozen"
    with pytest.warns(UserWarning, match=message):
        getattr(DenseDAE(noise="swap", **SHORT), method)(X, y)


def test_a_list_of_masks():
    with pytest.warns(
        UserWarning, match="looks like labels: bool from 0 to 1, beside X of float64"
    ):
        UNetDAE(**SHORT).fit(list(IMAGES), list(IMAGES > 0.5))


def test_labels_of_a_later_step():
    Y = (TABLE > 0) + 0
    later = MultiOutputClassifier(LogisticRegression())
    with pytest.warns(UserWarning, match="looks like labels"):
        make_pipeline(DenseDAE(noise="swap", **SHORT), later).fit(TABLE, Y)
    alone = DenseDAE(noise="swap", **SHORT).fit(TABLE)
    assert make_pipeline(FrozenEstimator(alone), later).fit(TABLE, Y).predict(TABLE).shape == (
        40,
        3,
    )


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (TABLE, 0.9 * TABLE),
        (FLAGS, FLAGS[::-1]),
        (FLAGS.astype(int), FLAGS[::-1].astype(int)),
        (FLAGS, FLAGS),
        (TABLE, FLAGS.astype(int)[:, 0]),
        (IMAGES, GRAY),
        (GRAY, GRAY[::-1]),
        (GRAY // 32, GRAY[::-1] // 32),
        (IMAGES, (IMAGES > 0.5) + 0.0),
        (TABLE.round(), TABLE.round()[::-1] + 3),
        (TABLE, np.zeros_like(TABLE)),
    ],
)
def test_targets_that_are_none(X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "DenseDAE reads uint8 as images")
        DenseDAE(noise=SwapNoise(), **SHORT).fit(X, y)


def test_integers_through_a_noise_step():
    counts = RNG.integers(0, 50, (40, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_pipeline(SwapNoise(), DenseDAE(**SHORT)).fit(counts, counts)


# -------------------------------------------------------------------------------- memory
MEASURE = """
import sys, threading, time, warnings
import numpy as np
import torch
from skdae import DenseDAE, GaussianNoise

warnings.simplefilter("error")
path, dtype, shape, order = sys.argv[1:]
shape = eval(shape)

def own():  # the memory of this process, without the pages of the file
    lines = open("/proc/self/status").read().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem")))

def peak_of(call):
    highest, done = [own()], threading.Event()
    def watch():
        while not done.wait(0.001):
            highest.append(own())
    thread = threading.Thread(target=watch)
    thread.start()
    before = own()
    call()
    done.set()
    thread.join()
    return (max(highest) - before) / 1024

X = np.memmap(path, dtype=dtype, mode="r", shape=shape, order=order)
dae = DenseDAE((8,), latent_dim=4, noise=GaussianNoise(0.3), max_epochs=1, batch_size=256)
few = np.array(X[:64])
dae.fit(few)
dae.predict(few)
print(peak_of(lambda: dae.fit(X)), peak_of(lambda: dae.predict(X[: len(X) // 50])))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("dtype", "shape", "order"),
    [
        ("float32", (25_000, 1000), "C"),
        ("float32", (25_000, 1000), "F"),
        ("uint8", (100_000, 1000), "C"),
    ],
)
def test_a_file_is_read_and_not_copied(tmp_path, dtype, shape, order):
    path = tmp_path / "data"
    values = RNG.random(2**20) if dtype == "float32" else RNG.integers(0, 256, 2**20)
    X = np.memmap(path, dtype=dtype, mode="w+", shape=shape, order=order)
    flat = X.reshape(-1, order=order)
    for start in range(0, flat.size, 2**20):
        flat[start : start + 2**20] = values[: flat.size - start]
    X.flush()
    command = [sys.executable, "-c", MEASURE, str(path), dtype, repr(shape), order]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    fit, predict = map(float, done.stdout.split())
    assert fit < 60
    assert predict < 60


def test_a_read_only_file_gives_the_same_model(tmp_path):
    path = tmp_path / "data"
    np.save(path, RNG.random((50, 12)).astype(np.float32))
    data = np.load(path.with_suffix(".npy"), mmap_mode="r")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dae = DenseDAE(**QUICK).fit(data)
        denoised = dae.predict(data)
    for same in (np.array(data), np.asfortranarray(data)):
        np.testing.assert_array_equal(DenseDAE(**QUICK).fit(same).predict(same), denoised)
    noisy = GaussianNoise(0.1).corrupt(data, random_state=0)
    np.testing.assert_array_equal(noisy, GaussianNoise(0.1).corrupt(np.array(data), random_state=0))


def test_a_user_module_may_work_in_place_on_read_only_data():
    class InPlace(nn.Module):
        def __init__(self, sample_shape):
            super().__init__()
            self.encode = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(*sample_shape, 2))
            self.decode = nn.Linear(2, *sample_shape)

        def forward(self, x):
            return self.decode(self.encode(x))

    X = TABLE.astype(np.float32)
    before = X.copy()
    X.flags.writeable = False
    for noise in (None, "gaussian"):
        dae = DenoisingAutoencoder(InPlace, noise=noise, **SHORT).fit(X)
        dae.predict(X)
        dae.transform(X)
        np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("noise", [None, "gaussian"])
def test_fit_looks_for_missing_values_once(noise, monkeypatch):
    looked = []

    def check(array, *names):
        if not get_config()["assume_finite"]:
            looked.append(array.shape)
        check_finite(array, *names)

    check_finite = _checks.check_finite
    monkeypatch.setattr(_checks, "check_finite", check)
    DenseDAE((4,), noise=noise, max_epochs=1).fit(RNG.random((30, 6)))
    assert looked == [(30, 6)]
