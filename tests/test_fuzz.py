"""Fits of random estimators on random data: they work, or they say clearly what is wrong.

`make test` runs some hundreds of them, always the same; `make fuzz` ten thousand new ones.
"""

from __future__ import annotations

import math
import os
import pickle
import re
import traceback
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import Pipeline

import skdae
from kinds import INJECTORS
from skdae import ConvDAE, DenoisingAutoencoder, DenseDAE, GaussianNoise, PoissonNoise, UNetDAE
from skdae.nn import DenseAutoencoder
from skdae.noise import NOISES
from skdae.training import LOSSES, OPTIMIZERS, PRECISIONS, SCHEDULES

# Of what a message has to name one: a class, or the data.
NAMES = re.compile(rf"\b({'|'.join(skdae.__all__)}|X|y)\b")
N_FITS = int(os.environ.get("SKDAE_FUZZ", 480))
MODES = ["noise", "noise step", "pairs", "plain", "split_noise", "blind_spot"]

DTYPES = "uint8 uint16 float16 float32 float64 int16 int64 bool".split()
VALUES = {
    "unit": lambda rng, shape: rng.random(shape),
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "constant": lambda rng, shape: np.full(shape, 0.5),
    "zero": lambda rng, shape: np.zeros(shape),
    "offset": lambda rng, shape: 3e4 + rng.standard_normal(shape),
    "tiny": lambda rng, shape: 1e-6 * rng.standard_normal(shape),
    "outlier": lambda rng, shape: np.where(rng.random(shape) < 0.01, 1e6, rng.random(shape)),
    "enormous": lambda rng, shape: 1e30 * (1 + rng.random(shape)),
    "a NaN": lambda rng, shape: np.where(rng.random(shape) < 0.1, np.nan, 0.5),
}


def backwards(array):
    return np.ascontiguousarray(array[::-1])[::-1]


def read_only(array):
    array.flags.writeable = False
    return array


def every_second(array):
    return np.repeat(array, 2, axis=-1)[..., ::2]


LAYOUTS = {
    "C": lambda array: array,
    "Fortran": np.asfortranarray,
    "backwards": backwards,
    "every second": every_second,
    "read-only": read_only,
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
}


# ------------------------------------------------------------------------- what is drawn
@dataclass
class Data:
    """Random data, described by what a bug report would say of them."""

    kind: str
    shapes: list[tuple[int, ...]]  # of all samples; one shape and n_samples for an array
    n_samples: int
    dtype: str
    values: str
    layout: str
    flat: bool  # as rows
    seed: int

    @property
    def is_list(self) -> bool:
        return self.kind.startswith("list")

    @property
    def are_images(self) -> bool:
        return self.kind.endswith(("gray", "colour"))

    def draw(self) -> Any:
        rng = np.random.default_rng(self.seed)
        if self.is_list:
            return [self._array(rng, shape) for shape in self.shapes]
        shape = (math.prod(self.shapes[0]),) if self.flat else self.shapes[0]
        return self._array(rng, (self.n_samples, *shape))

    def _array(self, rng, shape):
        values = VALUES[self.values](rng, shape)
        dtype = np.dtype(self.dtype)
        if dtype.kind == "f":
            values = values.clip(np.finfo(dtype).min, np.finfo(dtype).max)
        elif dtype.kind == "u":
            values = np.nan_to_num(values).clip(0, 1) * np.iinfo(dtype).max
        elif dtype.kind == "i":
            values = (np.nan_to_num(values) * 10).clip(-1000, 1000)
        else:
            values = values > 0.5
        return LAYOUTS[self.layout](values.astype(dtype))


sides = st.integers(1, 20) | st.integers(3, 12)
SAMPLES = {
    "table": st.tuples(st.integers(1, 40)),
    "gray": st.tuples(sides, sides),
    "colour": st.tuples(sides, sides, st.sampled_from([1, 2, 3, 4])),
    "signals": st.integers(1, 3).flatmap(lambda c: st.tuples(st.integers(8 * c, 60), st.just(c))),
}
SAMPLES["list of gray"] = SAMPLES["gray"]
SAMPLES["list of colour"] = st.tuples(sides, sides, st.just(3))
SAMPLES["list of signals"] = st.tuples(st.integers(1, 60))


@st.composite
def data(draw, kinds):
    kind = draw(st.sampled_from(kinds))
    n_samples = draw(st.integers(1, 30))
    is_list = kind.startswith("list")
    n_shapes = min(n_samples, 5) if is_list else 1
    return Data(
        kind,
        draw(st.lists(SAMPLES[kind], min_size=n_shapes, max_size=n_shapes)),
        n_samples,
        draw(st.sampled_from(DTYPES)),
        draw(st.sampled_from(list(VALUES))),
        draw(st.sampled_from(list(LAYOUTS))),
        not is_list and draw(st.booleans()),
        draw(st.integers(0, 99)),
    )


def one_of(*values):
    return st.sampled_from(values)


# A search over arrays sets numbers of NumPy.
SHARED = {
    "loss": one_of(*LOSSES),
    "optimizer": one_of(*OPTIMIZERS),
    "lr": one_of(1e-8, np.float32(1e-3), 0.1),
    "lr_schedule": one_of(*SCHEDULES),
    "batch_size": one_of(1, 2, np.int64(7), 10**6),
    "early_stopping": one_of(True, np.True_),
    "validation_fraction": one_of(1e-9, np.float64(0.5), 0.999),
    "n_iter_no_change": one_of(1, np.int8(1)),
    "precision": one_of(*PRECISIONS),
    "warm_start": st.just(True),
    "max_epochs": one_of(2, np.int64(1)),
    "activation": one_of("relu", "gelu", "identity", "tanh"),
}
CONVOLUTIONAL = {
    **SHARED,
    "channels": one_of((1,), [2, 3], np.array([3, 1, 2])),
    "kernel_size": one_of(1, np.int64(3), 5),
    "augment": st.just(True),
    "patch_size": one_of(None, 1, np.int64(3), 8, 100),
}
CONV = {
    "latent_dim": one_of(1, np.int64(5)),
    "downsample": one_of("max", "average", "stride"),
    "upsample": one_of("transpose", "nearest"),
}
UNET = {
    "n_blocks": one_of(1, np.int64(2)),
    "unshuffle": one_of(1, np.int64(3)),
    "residual": st.just(True),
}
DENSE = {
    "hidden_layer_sizes": one_of((), [4, 2], np.array([3])),
    "latent_dim": one_of(1, np.int64(50)),
}
MODULE = {name: values for name, values in SHARED.items() if name != "activation"}

# Classes, what makes them small, and what may be drawn.
KINDS = {
    "dense": (DenseDAE, {"hidden_layer_sizes": (4,), "latent_dim": 2}, {**SHARED, **DENSE}),
    "module": (DenoisingAutoencoder, {"module": DenseAutoencoder}, MODULE),
    "conv": (ConvDAE, {"channels": (2,)}, {**CONVOLUTIONAL, **CONV}),
    "unet": (UNetDAE, {"channels": (2,), "n_blocks": 1}, {**CONVOLUTIONAL, **UNET}),
}
# Values that no parameter takes, and data that they do not describe.
ABSURD = {
    "loss": ["mae", None],
    "optimizer": ["lion", 3],
    "lr": [0, -1, np.nan, "fast", None, 1e30],
    "lr_schedule": ["cosine"],
    "batch_size": [0, 2.5, "all", None],
    "early_stopping": ["yes", 2],
    "validation_fraction": [0, 1, -0.5, 3],
    "n_iter_no_change": [0, None],
    "precision": ["float8", 16],
    "max_epochs": [0, -3, 1.5, "many"],
    "activation": ["sine", None],
    "channels": [(), (0,), (2.5,), 3, "wide", None, (2, -1)],
    "kernel_size": [0, 2, -3, "3"],
    "patch_size": [0, -1, (3,), (3, 3, 3), (0, 0), "large", 2.5],
    "latent_dim": [0, -1, 1.5, "small"],
    "downsample": ["min"],
    "n_blocks": [0, 1.5],
    "unshuffle": [0, -1, 1.5],
    "residual": ["yes"],
    "hidden_layer_sizes": [(0,), (2.5,), "wide", 3, None],
    "sample_shape": [(), (0,), (3, 5), (1, 2, 3, 4), "square", -4, (2.5,)],
    "noise": ["pink", 3, GaussianNoise, GaussianNoise(-1), PoissonNoise(0)],
    "device": ["abacus", "cuda:99", "meta"],
    "random_state": [-1, "seed", 1.5],
    "callbacks": ["early", 3],
    "blind_spot": [True, "yes"],
    "split_noise": [True, "yes"],
}


@st.composite
def estimators(draw, kinds):
    kind, small, parameters = KINDS[draw(st.sampled_from(kinds))]
    chosen = draw(st.fixed_dictionaries({}, optional=parameters))
    estimator = kind(**{**small, "max_epochs": 1, "random_state": 0, **chosen})
    if draw(st.integers(0, 5)) == 5:
        legal = estimator.get_params(deep=False)
        name = draw(st.sampled_from(sorted(ABSURD.keys() & legal.keys())))
        estimator.set_params(**{name: draw(st.sampled_from(ABSURD[name]))})
    return estimator


noises = one_of(*INJECTORS.values(), GaussianNoise(0), GaussianNoise(25), PoissonNoise()).map(clone)
splittable = st.one_of(st.builds(GaussianNoise, one_of(0.1, 1e-6)), st.builds(PoissonNoise))


@st.composite
def cases(draw, mode):
    """Draw a model and data for a way to train it."""
    dense = mode != "blind_spot" and draw(st.booleans())
    dae = draw(estimators(["dense", "module"] if dense else ["conv", "unet"]))
    described = draw(data([kind for kind in SAMPLES if not (dense and kind.startswith("list"))]))
    if not dense and not described.are_images:
        dae.augment = False
    model = dae
    if mode == "noise":
        if dae.noise == "auto":  # and not absurd
            dae.noise = draw(st.one_of(noises, one_of(*NOISES)))
    elif mode == "noise step":
        model = Pipeline([("noise", draw(noises).set_params(random_state=0)), ("dae", dae)])
    elif mode == "plain":
        dae.noise = draw(one_of("auto", None))
    elif mode == "split_noise":
        dae.set_params(split_noise=True, noise=draw(splittable), loss="mse")
    elif mode == "blind_spot":
        dae.set_params(blind_spot=True, early_stopping=False)
        described.shapes = [tuple(max(3, side) for side in shape) for shape in described.shapes]
    if described.flat and dae.sample_shape is None:  # and not absurd
        dae.sample_shape = draw(one_of(None, described.shapes[0]))
    return model, described


# ---------------------------------------------------------------------- what must hold
def bytes_of(X):
    return [x.tobytes() for x in X] if isinstance(X, list) else X.tobytes()


def assert_clear(error: BaseException) -> None:
    """One of ours, or of scikit-learn's checks of data and parameters, that names what is wrong."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    module = frame.f_globals["__name__"]
    ours = module.startswith("skdae.") or re.match(r"sklearn\.utils\.(_param_)?validation", module)
    named = NAMES.search(str(error))
    if not (isinstance(error, (ValueError, TypeError)) and ours and named):
        raise AssertionError(f"unclear {type(error).__name__} from {module}: {error}") from error


def assert_of_ours(warning: warnings.WarningMessage) -> None:
    """Of ``warn_user``, which warns as of the first line outside of skdae: one in this file."""
    assert warning.category is UserWarning, str(warning)
    assert warning.filename == __file__, str(warning)
    assert NAMES.search(str(warning.message)), str(warning)


def assert_denoised(denoised: Any, X: Any) -> None:
    if isinstance(X, list):
        assert isinstance(denoised, list) and len(denoised) == len(X)
    for one, x in zip(denoised, X, strict=True):
        kept = x.dtype.kind == "u"
        assert one.shape == x.shape
        assert one.dtype == (x.dtype.newbyteorder("=") if kept else np.float32)
        assert np.isfinite(one).all()


def assert_usable(model: Any, X: Any, y: Any) -> None:
    """Call all that a fitted model has, on the data of its fit."""
    predicted = model.predict(X)
    assert_denoised(predicted, X)
    for again in (pickle.loads(pickle.dumps(model)), clone(model).fit(X, y)):
        for one, other in zip(again.predict(X), predicted, strict=True):
            assert one.tobytes() == other.tobytes()

    score = model.score(X) if y is None else model.score(X, y)
    assert type(score) is float and np.isfinite(score)
    scores = model.score_samples(X)
    assert scores.shape == (len(X),) and scores.dtype == np.float64
    assert np.isfinite(scores).all() and (scores <= 0).all()

    if isinstance(X, list) and len({x.shape for x in X}) > 1:
        return  # of which there are no codes of one length
    codes = model.transform(X)
    assert codes.dtype == np.float32 and codes.ndim == 2 and len(codes) == len(X)
    assert np.isfinite(codes).all()
    if hasattr(model, "inverse_transform"):
        decoded = model.inverse_transform(codes)
        assert len(decoded) == len(X) and np.isfinite(decoded).all()


def outcome_of(mode: str, model: Any, described: Data) -> str:
    """Use a model on data, check what must hold, and say how fit went."""
    X, y = described.draw(), None
    if mode == "pairs":
        y = replace(described, seed=described.seed + 100).draw()
    before = bytes_of(X), y is None or bytes_of(y)
    outcome = "fitted"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.fit(X, y)
        except Exception as error:
            assert_clear(error)
            outcome = f"{type(error).__name__}: {error}"[:60]
        else:
            assert_usable(model, X, y)
    for warning in caught:
        assert_of_ours(warning)
    assert (bytes_of(X), y is None or bytes_of(y)) == before
    return outcome


@pytest.mark.parametrize("mode", MODES)
def test_fits(mode):
    outcomes = []

    @settings(
        max_examples=N_FITS // len(MODES),
        deadline=None,
        derandomize="SKDAE_FUZZ" not in os.environ,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases(mode))
    def check(case):
        outcomes.append(outcome_of(mode, *case))
        event(outcomes[-1])

    check()
    assert outcomes.count("fitted") > len(outcomes) / 4  # of random parameters, many clash
