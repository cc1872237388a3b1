"""Bad values: an error that names the parameter, the class, the rule and the value."""

import re

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone

from skdae.noise import (
    NOISES,
    CameraNoise,
    ChainNoise,
    GaussianNoise,
    MaskingNoise,
    OneOfNoise,
    PoissonNoise,
    SaltAndPepperNoise,
    SwapNoise,
)

NOT_A_LEVEL = [
    -0.1,
    np.nan,
    np.inf,
    -np.inf,
    None,
    "0.1",
    [0.1, 0.2],
    (),
    (0.1,),
    (0.1, 0.2, 0.3),
    (0.3, 0.1),
    (-0.1, 0.1),
    (0.1, np.nan),
    (0.1, np.inf),
    (0.1, None),
    ("0.1", "0.2"),
    ((0.1, 0.2), 0.3),
    {"low": 0.1},
    np.array([0.1, 0.2]),
    0.1j,
]
NOT_A_SHARE = [*NOT_A_LEVEL, 1.1, (0.5, 1.1), (2, 3)]
NOT_A_NUMBER = [None, "0", np.nan, np.inf, -np.inf, [0.0], (0, 1), 1j]
PER_COLUMN = [
    [0.1, 0.2],
    [0.1],
    [],
    [0.1] * 4,
    [[0.1, 0.2, 0.3]],
    [0.1, 0.2, -0.3],
    [0.1, 0.2, 1.3],
    [0.1, 0.2, np.nan],
    ["a", "b", "c"],
    ["0.1", "0.2", "0.3"],
    [0.1, 0.2, None],
    np.array(0.1),
    np.array([0.1, 0.2]),
    np.array([[0.1, 0.2, 0.3]]),
]
NOT_A_CLIP = [
    5,
    "01",
    {0, 1},
    (1, 0),
    (1, 1),
    (0,),
    (),
    (0, 1, 2),
    (0, np.nan),
    (np.nan, 1),
    (None, 1),
    (0, None),
    (0, "1"),
    ((0, 1), 2),
]
gauss = GaussianNoise(0.1)
mask = MaskingNoise(0.1)
NOT_NOISES = [
    None,
    "gaussian",
    {"gauss": gauss},
    gauss,
    [],
    (),
    [gauss, mask],
    ["gauss"],
    [("gauss",)],
    [("gauss", gauss, 1)],
    [("gauss", GaussianNoise)],
    [("gauss", "gaussian")],
    [("gauss", None)],
    [(0, gauss)],
    [("gauss", gauss), mask],
]
NOT_WEIGHTS = [
    1.0,
    "ab",
    [1],
    [1, 2, 3],
    [[1, 2]],
    [1, -1],
    [0, 0],
    [1, np.nan],
    [1, np.inf],
    ["1", "2"],
    [1, None],
    np.array([1]),
]


COMPOSED = [OneOfNoise([("a", gauss), ("b", mask)]), ChainNoise([("a", gauss)])]
BAD_VALUES = {
    "sigma": NOT_A_LEVEL,
    "amplitude": NOT_A_LEVEL,
    "peak": [*NOT_A_LEVEL, 0, (0, 10)],
    "amount": NOT_A_SHARE,
    "groups": ["onehot", 3, [0, 1], [[0], [0]], [[-1]], [[99_999]]],
    "value": NOT_A_NUMBER,
    "low": NOT_A_NUMBER,
    "high": NOT_A_NUMBER,
    "salt_vs_pepper": [*NOT_A_NUMBER, -0.1, 1.1],
    "gain": NOT_A_SHARE,
    "read_noise": NOT_A_LEVEL,
    "white_balance": [*NOT_A_LEVEL, 0.9, (0.9, 2)],
    "saturation": [*NOT_A_LEVEL, 0.9, (0.9, 2)],
    "smoothing": NOT_A_SHARE,
    "jpeg_quality": [*(value for value in NOT_A_LEVEL if value is not None), 0, 101, (50, 101)],
    "chroma_subsampling": [None, True, "4:2:2", (4, 4, 4)],
    "noises": NOT_NOISES,
    "weights": NOT_WEIGHTS,
}
BAD = [
    (injector, parameter, value)
    for injector in [*(kind() for kind in NOISES.values()), *COMPOSED]
    for parameter in injector.get_params(deep=False)
    if parameter not in ("clip", "random_state", "when")  # tested below, for all
    for value in BAD_VALUES[parameter]
]
BAD += [(SwapNoise(), "amount", value) for value in PER_COLUMN]


def assert_named_error(injector, parameter, shown):
    """All ways in raise the same, and before they look at the data."""
    X = np.ones((4, 3))
    name = type(injector).__name__
    match = rf"(?s)The '{parameter}' parameter of {name} must be .* Got {re.escape(shown)} instead"
    calls = [
        lambda: injector.fit(X),
        lambda: injector.fit_transform(X),
        lambda: injector.transform(X),
        lambda: injector.corrupt(X),
        lambda: injector.corrupt(torch.from_numpy(X)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=match):
            call()


@pytest.mark.parametrize(
    ("injector", "parameter", "value"),
    BAD,
    ids=[f"{type(injector).__name__}-{p}-{i}" for i, (injector, p, _) in enumerate(BAD)],
)
def test_a_bad_value_is_named(injector, parameter, value):
    injector = clone(injector)
    setattr(injector, parameter, value)  # clone and set_params refuse some of them earlier
    assert_named_error(injector, parameter, repr(value))


@pytest.mark.parametrize("value", NOT_A_CLIP, ids=repr)
def test_a_bad_clip_is_named(noise, value):
    assert_named_error(clone(noise).set_params(clip=value), "clip", repr(value))


@pytest.mark.parametrize("value", ["never", "Fit", None, True, 1])
def test_a_bad_when_is_named(noise, value):
    assert_named_error(clone(noise).set_params(when=value), "when", repr(value))


@pytest.mark.parametrize("value", [-1, 0.5, "seed", [1]])
def test_a_bad_random_state_is_named(noise, value):
    assert_named_error(clone(noise).set_params(random_state=value), "random_state", repr(value))


def test_a_bad_seed_of_a_call_is_an_error(noise, X):
    with pytest.raises(ValueError, match="'seed' cannot be used to seed"):
        noise.corrupt(X, random_state="seed")


@pytest.mark.parametrize("composed", [OneOfNoise, ChainNoise])
@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["gauss", "gauss"], "Names provided are not unique"),
        (["gauss", "ma__sk"], "must not contain __"),
        (["gauss", "noises"], "conflict with constructor arguments"),
        (["clip", "mask"], "conflict with constructor arguments"),
    ],
)
def test_bad_names_of_noises(composed, names, message, X):
    injector = composed(list(zip(names, (gauss, mask), strict=True)))
    for call in (injector.fit, injector.fit_transform, injector.transform, injector.corrupt):
        with pytest.raises(ValueError, match=message):
            call(X)


@pytest.mark.parametrize("composed", [OneOfNoise, ChainNoise])
def test_a_bad_value_inside_names_the_inner_class(composed):
    injector = composed([("gauss", GaussianNoise(-1)), ("mask", mask)])
    with pytest.raises(ValueError, match="'sigma' parameter of GaussianNoise .* Got -1 instead"):
        injector.fit(np.ones((4, 3)))
    injector = composed([("mask", mask), ("inner", composed([("swap", SwapNoise([0.1, 0.2]))]))])
    for X in (np.ones((4, 3)), torch.ones(4, 3)):
        with pytest.raises(ValueError, match="'amount' parameter of SwapNoise .* the 3 columns"):
            injector.corrupt(X)


def test_the_rule_for_a_level_is_said_in_words():
    with pytest.raises(ValueError) as error:
        GaussianNoise(-1).fit([[1.0]])
    assert str(error.value) == (
        "The 'sigma' parameter of GaussianNoise must be a number >= 0 or a (low, high) pair of "
        "such numbers with low <= high, or a list of them, one for each column. Got -1 instead."
    )
    with pytest.raises(ValueError, match=r"must be a number > 0 or a \(low, high\) pair"):
        PoissonNoise(0).fit([[1.0]])
    with pytest.raises(ValueError, match=r"must be a number between 0 and 1 or a \(low, high\)"):
        MaskingNoise(2).fit([[1.0]])


@pytest.mark.parametrize(
    "injector",
    [
        GaussianNoise(0),
        GaussianNoise(1),
        GaussianNoise((0, 0)),
        GaussianNoise((0.2, 0.2)),
        GaussianNoise((0, np.float32(3))),
        GaussianNoise(0.1, clip=(-np.inf, 0)),
        GaussianNoise(0.1, clip=[0, 1]),
        PoissonNoise(1e-3),
        PoissonNoise((1, 1000)),
        MaskingNoise((0, 1), value=-5),
        SaltAndPepperNoise(1, salt_vs_pepper=0, low=3, high=-3),
        SwapNoise((0, 1)),
        GaussianNoise([0, 0.5, 3]),
        GaussianNoise(np.array([0, 1, 1], dtype=np.float32)),
        MaskingNoise([0, 0.5, 1]),
        SwapNoise([0, 0.5, 1]),
        SwapNoise(np.array([0, 1, 1])),
        SwapNoise([False, True, True]),
        OneOfNoise([("a", gauss), ("b", mask)], weights=(0, 3)),
        OneOfNoise((("a", gauss), ["b", mask]), weights=np.array([0.5, 0.5])),
        CameraNoise(1, read_noise=0, white_balance=1, saturation=1, smoothing=1, jpeg_quality=1),
        CameraNoise((0, 1), smoothing=(0, 1), jpeg_quality=(1, 100), chroma_subsampling="4:4:4"),
        ChainNoise([("one", gauss)]),
    ],
    ids=str,
)
def test_good_values_are_taken(injector):
    X = np.ones((4, 3))
    assert injector.fit_transform(X).shape == X.shape
    assert injector.corrupt(torch.ones(4, 3)).shape == (4, 3)


def test_a_constructor_checks_nothing():
    injector = SaltAndPepperNoise("a", salt_vs_pepper="b", low="c", high="d", clip="e", when="f")
    assert injector.get_params()["amount"] == "a"
    assert OneOfNoise("a", weights="b").get_params(deep=False)["noises"] == "a"


# ------------------------------------------------------------------------------- bad data
@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.array([[1.0, np.nan]]), ValueError, "contains NaN"),
        (np.array([[1.0, np.inf]]), ValueError, "contains infinity"),
        (np.full((2, 3, 3), np.nan), ValueError, "contains NaN"),
        (np.ones(3), ValueError, r"Got X of shape \(3,\)"),
        (np.float64(3), ValueError, r"Got X of shape \(\)"),
        (np.empty((0, 3)), ValueError, r"0 sample\(s\)"),
        (np.empty((3, 0)), ValueError, r"0 feature\(s\)"),
        (np.empty((0, 3, 3)), ValueError, r"0 sample\(s\)"),
        (np.empty((3, 0, 3)), ValueError, r"0 feature\(s\)"),
        (np.array([["a", "b"]]), ValueError, "could not convert string to float"),
        (np.array([["a", 1.0]], dtype=object), ValueError, "could not convert string to float"),
        (np.ones((2, 2), dtype=complex), ValueError, "Complex data not supported"),
        ([[1.0, 2.0], [3.0]], ValueError, "inhomogeneous"),
        (sparse.csr_array(np.eye(3)), TypeError, "dense arrays. Got sparse data"),
        (None, ValueError, "takes arrays of numbers.*Got None"),
    ],
)
def test_data_that_scikit_learn_refuses(noise, X, error, message):
    injector = clone(noise)
    for call in (injector.fit, injector.fit_transform, injector.transform, injector.corrupt):
        with pytest.raises(error, match=message):
            call(X)


@pytest.mark.parametrize(
    "x",
    [
        torch.ones(3),
        torch.tensor(1.0),
        torch.ones(0, 3),
        torch.ones(3, 0),
        torch.ones(2, 2, dtype=torch.complex64),
    ],
    ids=lambda x: f"{x.dtype}{tuple(x.shape)}",
)
def test_tensors_that_are_no_data(noise, x):
    match = f"{type(noise).__name__} corrupts real tensors .* Got {x.dtype} of shape"
    with pytest.raises(ValueError, match=match):
        noise.corrupt(x)


def test_another_width_after_fit_is_an_error(noise, X):
    injector = clone(noise).fit(X)
    for call in (injector.transform, injector.inverse_transform, injector.corrupt):
        with pytest.raises(ValueError, match="X has 11 features, but .* is expecting 12"):
            call(X[:, :11])


def test_one_sample_of_one_feature(noise):
    assert noise.corrupt([[0.5]]).shape == (1, 1)
