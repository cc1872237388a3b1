"""What every kind of noise promises, whatever the data."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import clone

from skdae.noise import (
    GaussianNoise,
    MaskingNoise,
    PoissonNoise,
    SaltAndPepperNoise,
    SwapNoise,
    UniformNoise,
)

# some data that are drawn here are no counts, or have other extremes than 0 and 1
pytestmark = [
    pytest.mark.filterwarnings("ignore:PoissonNoise makes counts:UserWarning"),
    pytest.mark.filterwarnings("ignore:low=0 and high=1 of:UserWarning"),
    pytest.mark.filterwarnings("ignore:CameraNoise reads X as brightness:UserWarning"),
]

KEPT = [np.float16, np.float32, np.float64, np.uint8, np.uint16]
FLOATS = KEPT[:3]
INTEGER_IMAGES = [(np.uint8, 255), (np.uint16, 65535)]
OTHERS = [np.int8, np.int16, np.int32, np.int64, np.uint32, np.uint64, np.bool_]

quick = settings(max_examples=10, deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 2**31 - 1)


@st.composite
def arrays(draw, dtypes=KEPT, max_dims=4):
    """Draw data of 2 to 4 axes with extreme but finite values."""
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=max_dims, max_side=5))
    if dtype.kind == "f":
        elements = st.floats(-100, 100, width=8 * dtype.itemsize)
    elif dtype.kind == "b":
        elements = st.booleans()
    elif dtype in (np.uint8, np.uint16):
        elements = st.integers(0, np.iinfo(dtype).max)
    else:
        elements = st.integers(0 if dtype.kind == "u" else -100, 100)
    return draw(hnp.arrays(dtype, shape, elements=elements))


def assert_same_bits(one, other):
    assert one.dtype == other.dtype
    assert one.shape == other.shape
    assert one.tobytes() == other.tobytes()


# ------------------------------------------------------------------------ shape and dtype
@quick
@given(X=arrays(), seed=seeds)
def test_shape_and_dtype_are_kept(noise, X, seed):
    X_noisy = noise.corrupt(X, random_state=seed)
    assert type(X_noisy) is np.ndarray
    assert X_noisy.shape == X.shape
    assert X_noisy.dtype == X.dtype
    assert np.isfinite(X_noisy).all()


@quick
@given(X=arrays(OTHERS), seed=seeds)
def test_other_integers_and_booleans_become_float32(noise, X, seed):
    X_noisy = noise.corrupt(X, random_state=seed)
    assert_same_bits(X_noisy, noise.corrupt(X.astype(np.float32), random_state=seed))
    tensor_noisy = noise.corrupt(torch.from_numpy(X), random_state=seed)
    assert_same_bits(tensor_noisy.numpy(), X_noisy)


@quick
@given(X=arrays(), seed=seeds)
def test_the_input_is_left_alone_and_not_shared(noise, X, seed):
    before = X.copy()
    X_noisy = noise.corrupt(X, random_state=seed)
    X_fitted = clone(noise).fit_transform(X)
    tensor = torch.from_numpy(X)
    tensor_noisy = noise.corrupt(tensor, random_state=seed)
    assert_same_bits(X, before)
    for result in (X_noisy, X_fitted, tensor_noisy.numpy()):
        assert not np.shares_memory(X, result)


@quick
@given(X=arrays(), seed=seeds)
def test_a_row_gets_the_same_noise_whatever_its_axes(noise, X, seed):
    if noise._reads_axes():
        pytest.skip("corrupts what the axes say are neighbours and colours")
    flat = X.reshape(len(X), -1)
    X_noisy = noise.corrupt(X, random_state=seed)
    assert_same_bits(X_noisy.reshape(flat.shape), noise.corrupt(flat, random_state=seed))


# -------------------------------------------------------------------- arrays and tensors
@quick
@given(X=arrays(), seed=seeds)
def test_a_tensor_gets_the_values_of_the_array(noise, X, seed):
    tensor = torch.from_numpy(X)
    tensor_noisy = noise.corrupt(tensor, random_state=seed)
    assert isinstance(tensor_noisy, torch.Tensor)
    assert tensor_noisy.dtype == tensor.dtype
    assert tensor_noisy.device == tensor.device
    assert_same_bits(tensor_noisy.numpy(), noise.corrupt(X, random_state=seed))


@quick
@given(X=arrays(FLOATS), seed=seeds)
def test_a_tensor_may_have_any_strides_and_a_gradient(noise, X, seed):
    tensor = torch.from_numpy(X).movedim(0, -1).contiguous().movedim(-1, 0).requires_grad_()
    tensor_noisy = noise.corrupt(tensor, random_state=seed)
    assert not tensor_noisy.requires_grad
    assert_same_bits(tensor_noisy.numpy(), noise.corrupt(X, random_state=seed))


def test_strides_of_a_large_tensor_do_not_change_its_noise(noise):
    # large enough that torch's vectorised loops would follow the memory order
    tensor = torch.rand(6, 40, 41, 3, generator=torch.Generator().manual_seed(0))
    strided = tensor.to(memory_format=torch.channels_last)
    one, other = (noise.corrupt(t, random_state=0) for t in (tensor, strided))
    assert torch.equal(one, other)


@quick
@given(X=arrays(), seed=seeds)
def test_memory_layout_does_not_matter(noise, X, seed):
    expected = noise.corrupt(X, random_state=seed)
    read_only = X.copy()
    read_only.flags.writeable = False
    layouts = {
        "Fortran": np.asfortranarray(X),
        "read-only": read_only,
        "other byte order": X.astype(X.dtype.newbyteorder("S")),
        "negative strides": X[::-1].copy()[::-1],
        "unaligned": np.rec.fromarrays([X.astype("S1"), X], names="pad, X")["X"],
    }
    for name, layout in layouts.items():
        np.testing.assert_array_equal(layout, X)
        noisy = noise.corrupt(layout, random_state=seed)
        assert noisy.tobytes() == expected.tobytes(), name
        assert noisy.dtype == expected.dtype, name


@quick
@given(X=arrays([np.float64]), seed=seeds)
def test_lists_are_arrays(noise, X, seed):
    expected = noise.corrupt(X, random_state=seed)
    assert_same_bits(noise.corrupt(X.tolist(), random_state=seed), expected)


def test_memmaps_are_read(noise, X, tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert_same_bits(noise.corrupt(mapped, random_state=0), noise.corrupt(X, random_state=0))


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
def test_data_frames_are_arrays(noise, X, library, dtype):
    X = (X * 255 if dtype is np.uint8 else X).astype(dtype)
    names = [f"column {i}" for i in range(X.shape[1])]
    frames = pytest.importorskip(library)
    if library == "pandas":
        frame = frames.DataFrame(X, columns=names)
    else:
        frame = frames.DataFrame(X, schema=names, orient="row")
    assert_same_bits(noise.corrupt(frame, random_state=0), noise.corrupt(X, random_state=0))
    fitted = clone(noise).fit(frame)
    assert list(fitted.feature_names_in_) == names


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.uint8])
def test_a_cuda_tensor_is_corrupted_on_its_device(noise, dtype):
    values = torch.rand(50, 12, generator=torch.Generator().manual_seed(0))
    tensor = (values * 255 if dtype is torch.uint8 else values).to(dtype).cuda()
    before = tensor.clone()
    state = torch.cuda.get_rng_state()
    one, same = (noise.corrupt(tensor, random_state=0) for _ in range(2))
    assert one.device == tensor.device
    assert one.dtype == dtype
    assert one.shape == tensor.shape
    assert torch.equal(one, same)
    assert not torch.equal(one, tensor)
    assert torch.equal(tensor, before)
    assert torch.equal(torch.cuda.get_rng_state(), state)


# ------------------------------------------------------------------------------- extremes
@quick
@given(X=arrays(), seed=seeds)
def test_level_zero_is_the_identity(identity, X, seed):
    X = X + X.dtype.type(0)  # -0.0 plus noise of 0.0 is 0.0: equal, in other bits
    assert_same_bits(identity.corrupt(X, random_state=seed), X)


@quick
@given(X=arrays(), seed=seeds)
def test_amount_one_replaces_everything(X, seed):
    full = 1 if X.dtype.kind == "f" else np.iinfo(X.dtype).max
    for amount in (1, 1.0, (1, 1)):
        masked = MaskingNoise(amount, value=1).corrupt(X, random_state=seed)
        assert (masked == full).all()
        impulses = SaltAndPepperNoise(amount).corrupt(X, random_state=seed)
        assert np.isin(impulses, [0, full]).all()
        salt = SaltAndPepperNoise(amount, salt_vs_pepper=1).corrupt(X, random_state=seed)
        assert (salt == full).all()
        pepper = SaltAndPepperNoise(amount, salt_vs_pepper=0).corrupt(X, random_state=seed)
        assert (pepper == 0).all()


@quick
@given(X=arrays(), seed=seeds)
def test_swap_only_takes_values_of_the_same_column(X, seed):
    swapped = SwapNoise(1).corrupt(X, random_state=seed)
    assert (swapped[None] == X[:, None]).any(axis=0).all()


@quick
@given(X=arrays(FLOATS), amplitude=st.floats(0, 10), seed=seeds)
def test_uniform_noise_stays_within_its_amplitude(X, amplitude, seed):
    X = X.astype(np.float64)
    X_noisy = UniformNoise(amplitude).corrupt(X, random_state=seed)
    assert (abs(X_noisy - X) <= amplitude + 1e-12).all()


# -------------------------------------------------------------------------------- clipping
@quick
@given(
    X=arrays(FLOATS),
    low=st.floats(-5, 5, width=16),
    width=st.floats(0.5, 5, width=16),
    seed=seeds,
)
def test_clip_bounds_are_obeyed(noise, X, low, width, seed):
    bounds = (low, low + width)
    clipped = clone(noise).set_params(clip=bounds).corrupt(X, random_state=seed)
    # a bound that float16 cannot hold is rounded to it with the values
    assert clipped.min() >= X.dtype.type(bounds[0])
    assert clipped.max() <= X.dtype.type(bounds[1])
    if X.dtype != np.float16:
        free = clone(noise).set_params(clip=None).corrupt(X, random_state=seed)
        np.testing.assert_array_equal(clipped, np.clip(free, *map(X.dtype.type, bounds)))


def test_floats_are_not_clipped_unless_asked(X):
    X_noisy = GaussianNoise(1).corrupt(X, random_state=0)
    assert X_noisy.min() < 0
    assert X_noisy.max() > 1
    X_clipped = GaussianNoise(1, clip=(0, 1)).corrupt(X, random_state=0)
    assert (X_clipped.min(), X_clipped.max()) == (0, 1)


# ------------------------------------------------------------------------ integer images
@pytest.mark.parametrize(("dtype", "full"), INTEGER_IMAGES, ids=["uint8", "uint16"])
@quick
@given(data=st.data(), seed=seeds)
def test_integer_images_are_rounded_fractions(noise, dtype, full, data, seed):
    X = data.draw(arrays([dtype]))
    fractions = noise.corrupt((X / full).astype(np.float32), random_state=seed)
    expected = np.rint(fractions * np.float32(full)).clip(0, full).astype(dtype)
    assert_same_bits(noise.corrupt(X, random_state=seed), expected)


@pytest.mark.parametrize(("dtype", "full"), INTEGER_IMAGES, ids=["uint8", "uint16"])
def test_integer_images_saturate_and_never_wrap(dtype, full):
    X = np.repeat([[0, full]], 1000, axis=0).astype(dtype)
    X_noisy = GaussianNoise(0.1).corrupt(X, random_state=0)
    assert X_noisy[:, 0].max() < full * 0.6
    assert X_noisy[:, 1].min() > full * 0.4
    assert (X_noisy == X).mean() == pytest.approx(0.5, abs=0.1)  # half of the noise is cut off


@pytest.mark.parametrize(("dtype", "full"), INTEGER_IMAGES, ids=["uint8", "uint16"])
def test_every_integer_survives_the_trip_to_a_fraction(dtype, full):
    X = np.arange(full + 1, dtype=dtype).reshape(1, -1)
    assert_same_bits(GaussianNoise(0).corrupt(X), X)


def test_clip_of_integer_images_is_in_fractions():
    X = np.full((100, 10), 128, dtype=np.uint8)
    X_noisy = GaussianNoise(1, clip=(0.2, 0.6)).corrupt(X, random_state=0)
    assert (X_noisy.min(), X_noisy.max()) == (51, 153)


# ------------------------------------------------------------------------------ randomness
def test_one_seed_gives_one_draw(noise, X):
    expected = noise.corrupt(X, random_state=7)
    assert_same_bits(noise.corrupt(X, random_state=7), expected)
    assert_same_bits(clone(noise).set_params(random_state=7).corrupt(X), expected)
    seeded = clone(noise).set_params(random_state=7, when="always")
    assert_same_bits(seeded.fit(X).transform(X), expected)
    assert_same_bits(np.asarray(seeded.fit_transform(X)), expected)


def test_another_seed_gives_another_draw(noise, X):
    draws = {noise.corrupt(X, random_state=seed).tobytes() for seed in range(20)}
    assert len(draws) == 20


def test_the_seed_of_a_call_goes_before_that_of_the_injector(noise, X):
    seeded = clone(noise).set_params(random_state=1)
    assert_same_bits(seeded.corrupt(X, random_state=2), noise.corrupt(X, random_state=2))


def test_no_seed_gives_another_draw_at_every_call(noise, X):
    np.random.seed(0)  # a draw from NumPy's global generator would repeat itself
    one = noise.corrupt(X)
    np.random.seed(0)
    assert one.tobytes() != noise.corrupt(X).tobytes()


def test_samples_of_a_list_get_noise_of_their_own(noise):
    if noise._mixes_rows:
        pytest.skip("takes one array, whose rows it mixes")
    sample = np.full((9, 9), 0.5)
    one, other = noise.corrupt([sample, sample], random_state=0)
    assert (one != other).any()


def test_a_random_state_instance_moves_on(noise, X):
    one, other = (
        [noise.corrupt(X, random_state=state) for _ in range(2)]
        for state in (np.random.RandomState(3), np.random.RandomState(3))
    )
    assert one[0].tobytes() != one[1].tobytes()
    for a, b in zip(one, other, strict=True):
        assert_same_bits(a, b)


@pytest.mark.parametrize("random_state", [None, 0])
def test_global_states_are_untouched(noise, X, random_state):
    always = clone(noise).set_params(random_state=random_state, when="always")

    def states():
        _, keys, *rest = np.random.get_state()
        return keys.tobytes(), rest, torch.get_rng_state().tolist(), random.getstate()

    before = states()
    always.fit_transform(X)
    always.fit(X).transform(X)
    always.corrupt(X)
    always.corrupt(torch.from_numpy(X.copy()))
    assert states() == before


def test_global_states_are_not_read(noise, X):
    draws = set()
    for seed in (0, 1):
        torch.manual_seed(seed)
        np.random.seed(seed)
        draws.add(noise.corrupt(X, random_state=0).tobytes())
    assert len(draws) == 1


def test_a_batch_depends_on_its_generator_alone(noise, X):
    x = torch.tensor(X)
    before = x.clone()
    generator = torch.Generator().manual_seed(5)
    first, second = (noise._corrupt_batch(x, generator) for _ in range(2))
    again = noise._corrupt_batch(x, torch.Generator().manual_seed(5))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert torch.equal(x, before)
    assert first.shape == x.shape
    assert first.dtype == x.dtype


# --------------------------------------------------------------------- when does it act
def test_by_default_only_fit_transform_corrupts(noise, X):
    fitted = clone(noise).fit(X)
    for out in (fitted.transform(X), clone(noise).transform(X), fitted.inverse_transform(X)):
        assert_same_bits(out, X)
    assert (fitted.fit_transform(X) != X).any()


def test_when_always_corrupts_in_transform_too(noise, X):
    always = clone(noise).set_params(when="always").fit(X)
    assert (always.transform(X) != X).any()
    assert type(always.transform(X)) is np.ndarray
    assert_same_bits(always.inverse_transform(X), X)


@pytest.mark.parametrize("when", ["fit", "always"])
def test_images_pass_through_all_methods(noise, when):
    X = np.random.default_rng(0).integers(0, 256, size=(5, 6, 4, 3), dtype=np.uint8)
    injector = clone(noise).set_params(when=when)
    for out in (
        injector.fit_transform(X),
        injector.transform(X),
        injector.inverse_transform(X),
        injector.corrupt(X),
    ):
        assert out.shape == X.shape
        assert out.dtype == X.dtype
    assert injector.n_features_in_ == 6 * 4 * 3


def test_transform_takes_a_tensor_and_gives_an_array(noise, X):
    out = clone(noise).fit(X).transform(torch.tensor(X))
    assert_same_bits(out, X)


def test_a_level_of_numpy_is_a_number(X):
    for sigma in (np.float32(0.25), np.float64(0.25)):
        assert_same_bits(
            GaussianNoise(sigma).corrupt(X, random_state=0),
            GaussianNoise(0.25).corrupt(X, random_state=0),
        )
    assert_same_bits(
        PoissonNoise(np.int64(9)).corrupt(X, random_state=0),
        PoissonNoise(9).corrupt(X, random_state=0),
    )
