"""A camera: electrons, the grid of the sensor, compression, and what it leaves alone."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.fft import dctn
from scipy.signal import correlate2d
from sklearn.datasets import load_sample_image

from laws import N_SE, assert_counts, assert_mean, assert_variance
from skdae import CameraNoise, ChainNoise, ConvDAE, DenseDAE, GaussianNoise, OneOfNoise
from skdae.noise._bayer import demosaic, draw_sites, mosaic
from skdae.noise._camera import _encoded, _linear, _saturated
from skdae.noise._jpeg import _CHROMINANCE, _LUMINANCE, _cosines, _scale, _steps, compress

# A camera without what follows the sensor.
RAW = {"white_balance": 1, "saturation": 1, "jpeg_quality": None}


def encoded(light):
    """The curve of sRGB, as the standard writes it."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def linear(values):
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def assert_mean_of_images(values, expected):
    """A mean within its standard error; pixels of an image may be tied, images are not."""
    of_each = values.reshape(len(values), -1).mean(axis=1)
    assert abs(of_each.mean() - expected) < N_SE * of_each.std() / np.sqrt(len(values))


@pytest.fixture(scope="module")
def photo():
    return np.ascontiguousarray(load_sample_image("china.jpg")[170:291, 100:287])  # odd sides


# ------------------------------------------------------------------------------- electrons
@pytest.mark.parametrize("gain", [0.05, 0.002])
@pytest.mark.parametrize("light", [0.02, 0.1, 0.4])
def test_without_read_noise_electrons_are_poisson(gain, light):
    X = np.full((1000, 200), encoded(light))
    X_noisy = CameraNoise(gain, read_noise=0).corrupt(X, random_state=0)
    counts = linear(X_noisy) / gain
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-6)
    assert_counts(np.rint(counts), stats.poisson(light / gain))


@pytest.mark.parametrize("gain", [0.0005, 0.002])
@pytest.mark.parametrize("read_noise", [0, 1.5, 6])
@pytest.mark.parametrize("light", [0.1, 0.3, 0.7])
def test_variance_grows_with_the_light(gain, read_noise, light):
    X = np.full((1000, 200), encoded(light))
    noisy = linear(CameraNoise(gain, read_noise=read_noise).corrupt(X, random_state=1))
    shot, reading = gain * light, (gain * read_noise) ** 2
    assert_mean(noisy, light, shot + reading)
    excess = gain**2 * shot / (shot + reading) ** 2  # the fourth cumulant of the counts
    assert_variance(noisy, light, shot + reading, kurtosis=3 + excess)


def test_in_the_shadows_noise_is_stronger_after_the_curve():
    dark, bright = (np.full((100, 400), value) for value in (0.2, 0.9))
    of_dark, of_bright = (CameraNoise().corrupt(X, random_state=0).std() for X in (dark, bright))
    assert of_dark > 1.4 * of_bright


def test_the_sensor_is_full_at_white():
    X_noisy = CameraNoise(0.01).corrupt(np.ones((100, 400)), random_state=0)
    assert X_noisy.max() == 1
    assert (X_noisy == 1).mean() == pytest.approx(0.5, abs=0.03)  # half of the noise is cut off


@pytest.mark.filterwarnings("ignore:CameraNoise reads X as brightness:UserWarning")
@pytest.mark.parametrize("value", [-3.0, 7.5])
def test_beyond_black_and_white_noise_is_that_of_the_extremes(value):
    extreme = float(value > 0)
    one, other = (
        CameraNoise(0.01, jpeg_quality=None).corrupt(np.full((9, 9, 9, 3), v), random_state=0) - v
        for v in (value, extreme)
    )
    np.testing.assert_allclose(one, other, atol=1e-12)
    assert one.any()


def test_the_curve_is_that_of_srgb():
    light = torch.linspace(0, 1, 1001, dtype=torch.float64)
    np.testing.assert_allclose(_encoded(light), encoded(light.numpy()))
    np.testing.assert_allclose(_linear(_encoded(light)), light, atol=1e-12)


# ------------------------------------------------------------------ the grid of the sensor
# Of the paper, in eighths: rows above, at and below the site.
GREEN = [[0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1], [0, 0, 2, 0, 0], [0, 0, -1, 0, 0]]
ALONG = [
    [0, 0, 0.5, 0, 0],
    [0, -1, 0, -1, 0],
    [-1, 4, 5, 4, -1],
    [0, -1, 0, -1, 0],
    [0, 0, 0.5, 0, 0],
]
OPPOSITE = [
    [0, 0, -1.5, 0, 0],
    [0, 2, 0, 2, 0],
    [-1.5, 0, 6, 0, -1.5],
    [0, 2, 0, 2, 0],
    [0, 0, -1.5, 0, 0],
]


def sites(height, width, first_row, first_column):
    rows = (torch.arange(height) % 2 == first_row).view(1, 1, -1, 1)
    columns = (torch.arange(width) % 2 == first_column).view(1, 1, 1, -1)
    return rows, columns


starts = pytest.mark.parametrize("start", [(0, 0), (0, 1), (1, 0), (1, 1)])


@starts
def test_demosaicing_is_that_of_the_paper(start):
    raw = np.random.default_rng(0).random((12, 9))
    out = demosaic(torch.from_numpy(raw)[None, None], *sites(12, 9, *start))[0].numpy()
    padded = np.pad(raw, 2, mode="reflect")
    green, along, across, opposite = (
        correlate2d(padded, np.array(kernel) / 8, mode="valid")
        for kernel in (GREEN, ALONG, np.transpose(ALONG), OPPOSITE)
    )
    for i, j in np.ndindex(raw.shape):
        in_red_row, in_red_column = i % 2 == start[0], j % 2 == start[1]
        if in_red_row and in_red_column:
            expected = raw[i, j], green[i, j], opposite[i, j]
        elif in_red_row:
            expected = along[i, j], raw[i, j], across[i, j]
        elif in_red_column:
            expected = across[i, j], raw[i, j], along[i, j]
        else:
            expected = opposite[i, j], green[i, j], raw[i, j]
        np.testing.assert_allclose(out[:, i, j], expected, atol=1e-12)


@starts
def test_planes_of_colour_survive_the_grid(start):
    y, x = np.mgrid[:11, :14]
    planes = [0.1 + 0.02 * y, 0.5 - 0.01 * x, 0.2 + 0.03 * x + 0.01 * y]
    image = torch.from_numpy(np.stack(planes))[None]
    grid = sites(11, 14, *start)
    out = demosaic(mosaic(image, *grid), *grid)
    inner = (..., slice(2, -2), slice(2, -2))
    np.testing.assert_allclose(out[inner], image[inner], atol=1e-12)
    flat = torch.full((1, 3, 11, 14), 0.3, dtype=torch.float64)
    np.testing.assert_allclose(demosaic(mosaic(flat, *grid), *grid), flat)


@starts
def test_a_quarter_of_the_sites_is_red_and_half_is_green(start):
    colours = torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1).expand(1, 3, 6, 8)
    raw = mosaic(colours, *sites(6, 8, *start))
    assert [(raw == colour).sum().item() for colour in (1, 2, 3)] == [12, 24, 12]
    assert raw[0, 0, start[0], start[1]] == 1


def test_the_grid_starts_anywhere():
    rows, columns = draw_sites(torch.empty(4000, 3, 5, 4), torch.Generator().manual_seed(0))
    first = 2 * rows[:, 0, 0, 0].int() + columns[:, 0, 0, 0].int()
    assert stats.chisquare(np.bincount(first)).pvalue > 1e-4
    assert (rows[:, :, 1:] ^ rows[:, :, :-1]).all()
    assert (columns[..., 1:] ^ columns[..., :-1]).all()


@pytest.mark.parametrize("white_balance", [1, 2.5])
def test_variance_of_each_colour_is_that_of_its_interpolation(white_balance):
    gain, light = 0.0004, 0.3
    camera = CameraNoise(gain, read_noise=0, **{**RAW, "white_balance": white_balance})
    X = np.full((1000, 20, 20, 3), encoded(light))
    noise = (linear(camera.corrupt(X, random_state=0)) - light)[:, 2:-2, 2:-2]
    # By the squares of the kernels: of red and blue sites, which get less light, and of green.
    weak, green = gain * light / white_balance, gain * light
    of_green = green / 2 + (20 * green + 16 * weak) / 64 / 2
    at_a_site, at_the_opposite = weak, (36 + 16 + 9) / 64 * weak
    of_red = at_a_site / 4 + at_the_opposite / 4 + (31.5 * green + 32 * weak) / 64 / 2
    if white_balance == 1:
        assert of_green / green == pytest.approx(0.78125)
    else:
        of_green = green / 2 + (16 * green + 20 * weak) / 64 / 2
    assert_mean_of_images(noise[..., 1] ** 2, of_green)
    for channel in (0, 2):
        assert_mean_of_images(noise[..., channel] ** 2, white_balance**2 * of_red)


def test_red_and_blue_have_factors_of_their_own():
    camera = CameraNoise(0.001, **{**RAW, "white_balance": (1, 9)})
    noise = linear(camera.corrupt(np.full((300, 24, 24, 3), 0.6), random_state=0)) - linear(0.6)
    red, _, blue = np.log(noise.std(axis=(1, 2))).T
    assert red.std() > 0.2
    assert blue.std() > 0.2
    assert abs(np.corrcoef(red, blue)[0, 1]) < N_SE / np.sqrt(300)


def test_noise_is_tied_to_neighbours_and_colours():
    X = np.full((20, 64, 64, 3), [0.3, 0.5, 0.6])

    def correlation(noise, axis):
        noise = noise.corrupt(X, random_state=0) - X
        ahead, behind = (np.take(noise, range(*ends), axis=axis) for ends in ((1, 64), (63,)))
        return [np.corrcoef(ahead[..., c].ravel(), behind[..., c].ravel())[0, 1] for c in range(3)]

    for axis in (1, 2):
        of_each = correlation(CameraNoise(0.004), axis)
        assert np.mean(of_each) > 0.2
        assert min(of_each) > 0.05
        assert max(np.abs(correlation(GaussianNoise(0.1), axis))) < 0.02


# ----------------------------------------------------------------- saturation and smoothing
def test_saturation_leaves_gray_and_luminance_alone():
    image = torch.rand(
        (2, 3, 5, 4), dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    weights = torch.tensor([0.2126, 0.7152, 0.0722], dtype=torch.float64).view(3, 1, 1)
    strong = _saturated(image, 1.7)
    np.testing.assert_allclose((weights * strong).sum(1), (weights * image).sum(1))
    np.testing.assert_allclose(strong[:, 0] - strong[:, 1], 1.7 * (image[:, 0] - image[:, 1]))
    np.testing.assert_allclose(_saturated(strong, 1 / 1.7), image)


def test_saturation_makes_noise_more_coloured():
    X = np.full((50, 32, 32, 3), 0.5)
    chroma = []
    for saturation in (1, 2):
        camera = CameraNoise(0.0005, saturation=saturation, white_balance=1, jpeg_quality=None)
        noise = linear(camera.corrupt(X, random_state=0)) - linear(0.5)
        chroma.append((noise[..., 0] - noise[..., 1]).std())
    assert chroma[1] / chroma[0] == pytest.approx(2, rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.3, 0.6, 1])
def test_smoothing_is_a_gaussian(smoothing):
    gain, light = 0.0004, 0.3
    camera = CameraNoise(gain, read_noise=0, smoothing=smoothing, jpeg_quality=None)
    X = np.full((1000, 20, 20), encoded(light))
    noise = (linear(camera.corrupt(X, random_state=0)) - light)[:, 4:-4, 4:-4]
    weights = stats.norm(scale=smoothing).pdf(np.arange(-3, 4))
    weights /= weights.sum()
    variance = gain * light * (weights**2).sum() ** 2
    assert_mean_of_images(noise**2, variance)
    tied = (weights[1:] * weights[:-1]).sum() / (weights**2).sum()
    assert_mean_of_images(noise[:, 1:] * noise[:, :-1], variance * tied)
    assert_mean_of_images(noise[:, :, 1:] * noise[:, :, :-1], variance * tied)


# ------------------------------------------------------------------------------------ JPEG
def test_the_cosine_transform_is_that_of_scipy():
    blocks = np.random.default_rng(0).random((50, 8, 8))
    basis = _cosines(torch.empty(0, dtype=torch.float64)).numpy()
    expected = dctn(blocks, axes=(1, 2), norm="ortho").reshape(50, 64)
    np.testing.assert_allclose(blocks.reshape(50, 64) @ basis.T, expected, atol=1e-12)
    np.testing.assert_allclose(basis @ basis.T, np.eye(64), atol=1e-12)


def by_pillow(image, quality, chroma_subsampling="4:2:0"):
    images = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    images.fromarray(image).save(file, "JPEG", quality=quality, subsampling=chroma_subsampling)
    return images.open(file)


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 51, 70, 85, 99, 100])
def test_steps_are_those_of_libjpeg(quality):
    tables = by_pillow(np.zeros((8, 8, 3), np.uint8), quality).quantization
    scale = _scale(quality, torch.empty(1, 3, 8, 8))
    for standard, table in ((_LUMINANCE, tables[0]), (_CHROMINANCE, tables[1])):
        np.testing.assert_array_equal(_steps(standard, scale).ravel(), table)


def psnr(one, other):
    return -10 * np.log10(((one.astype(float) - other) ** 2).mean() / 255**2)


def compressed(image, quality, **options):
    """Compress one image of uint8."""
    planes = torch.from_numpy(image.reshape(*image.shape[:2], -1)).movedim(-1, 0)[None] / 255
    return (255 * compress(planes, quality, **options)).round()[0].movedim(0, -1).numpy()


@pytest.mark.parametrize("quality", [70, 85, 95])
@pytest.mark.parametrize("chroma_subsampling", ["4:2:0", "4:4:4"])
def test_compressed_colours_are_those_of_pillow(photo, quality, chroma_subsampling):
    theirs = np.asarray(by_pillow(photo, quality, chroma_subsampling))
    ours = compressed(photo, quality, subsampled=chroma_subsampling == "4:2:0")
    assert psnr(ours, theirs) > 40
    assert psnr(ours, theirs) > psnr(theirs, photo) + 6
    assert psnr(ours, photo) == pytest.approx(psnr(theirs, photo), abs=0.1)


@pytest.mark.parametrize("quality", [70, 85, 95])
def test_compressed_grays_are_those_of_pillow(photo, quality):
    gray = np.ascontiguousarray(photo[..., 1])
    theirs = np.asarray(by_pillow(gray, quality))
    ours = compressed(gray, quality)[..., 0]
    # libjpeg computes in whole numbers: where a coefficient lies between two steps, it may take
    # the other one, and all pixels of that block differ.
    differences = abs(ours - theirs.astype(float))[:120, :184].reshape(15, 8, 23, 8)
    assert (differences.max(axis=(1, 3)) <= 1).mean() > 0.75
    assert psnr(ours, theirs) > 45
    assert psnr(ours, photo[..., 1]) == pytest.approx(psnr(theirs, gray), abs=0.02)


def test_each_image_has_its_quality(photo):
    planes = torch.from_numpy(photo).movedim(-1, 0)[None].expand(3, -1, -1, -1) / 255
    qualities = torch.tensor([20.0, 60.0, 95.0]).view(3, 1, 1, 1)
    for one, quality in zip(compress(planes, qualities), (20, 60, 95), strict=True):
        np.testing.assert_allclose(one, compress(planes[:1], quality)[0], atol=1e-6)


def test_a_camera_compresses_what_it_saw(photo):
    for options in ({}, {"chroma_subsampling": "4:4:4"}):
        ours = CameraNoise(0, jpeg_quality=80, **options).corrupt(photo[None])[0]
        subsampled = options.get("chroma_subsampling") != "4:4:4"
        assert abs(ours - compressed(photo, 80, subsampled=subsampled)).max() <= 1
    worse = CameraNoise(0, jpeg_quality=(5, 95)).corrupt(np.stack([photo] * 40), random_state=0)
    sizes = [psnr(image, photo) for image in worse]
    assert max(sizes) - min(sizes) > 8
    assert len(set(sizes)) == 40


# --------------------------------------------------------------------- what an image is
def test_one_channel_is_gray():
    X = np.random.default_rng(0).random((3, 13, 10))
    noise = CameraNoise(0.01)
    with_axis = noise.corrupt(X[..., np.newaxis], random_state=0)
    np.testing.assert_array_equal(noise.corrupt(X, random_state=0), with_axis[..., 0])
    tied = np.corrcoef(
        noise.set_params(jpeg_quality=None).corrupt(X, random_state=0).ravel(), X.ravel()
    )
    assert tied[0, 1] > 0.9


def test_a_flat_row_is_not_compressed():
    X = np.random.default_rng(0).random((5, 64))
    one, other = (
        CameraNoise(0.01, jpeg_quality=quality).corrupt(X, random_state=0) for quality in (5, None)
    )
    np.testing.assert_array_equal(one, other)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    shape=st.tuples(*[st.integers(1, 19)] * 2, st.sampled_from([1, 2, 3, 4])),
    dtype=st.sampled_from([np.float32, np.float64, np.uint8, np.uint16]),
    gain=st.sampled_from([0.0, 1e-9, 0.003, 1.0, (0.0, 0.1)]),
    quality=st.sampled_from([1, 90, (70, 100), None]),
    seed=st.integers(0, 99),
)
def test_images_of_any_size(shape, dtype, gain, quality, seed):
    X = np.random.default_rng(seed).random((2, *shape))
    full = 1 if np.issubdtype(dtype, np.floating) else np.iinfo(dtype).max
    X = (full * np.round(X)).astype(dtype)  # black, and white, where numbers are at their ends
    camera = CameraNoise(gain, smoothing=(0, 1), jpeg_quality=quality)
    X_noisy = camera.corrupt(X, random_state=seed)
    assert X_noisy.shape == X.shape
    assert X_noisy.dtype == dtype
    assert np.isfinite(X_noisy).all()
    if full == 1:
        assert X_noisy.min() > -1e-6
        assert X_noisy.max() < 1 + 1e-6


# ----------------------------------------------------------------------------- in training
class Seen(CameraNoise):
    """A camera that remembers what it was given."""

    shapes = set()

    def _corrupt(self, x, level, generator):
        self.shapes.add(tuple(x.shape[1:]))
        return super()._corrupt(x, level, generator)


PHOTOS = np.random.default_rng(0).random((12, 8, 6, 3)).astype(np.float32)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda noise: noise,
        lambda noise: ChainNoise([("camera", noise)]),
        lambda noise: ChainNoise([("one", OneOfNoise([("camera", noise)]))]),
    ],
    ids=["alone", "chain", "deep"],
)
@pytest.mark.parametrize(
    ("X", "sample_shape", "shape"),
    [
        (PHOTOS, None, (8, 6, 3)),
        (PHOTOS[..., 0], None, (8, 6, 1)),
        (PHOTOS.reshape(12, -1), (8, 6, 3), (8, 6, 3)),
    ],
    ids=["colour", "gray", "flat"],
)
def test_training_gives_it_images(X, sample_shape, shape, wrap):
    Seen.shapes.clear()
    dae = DenseDAE((4,), noise=wrap(Seen()), sample_shape=sample_shape, max_epochs=1)
    noise = dae.fit(X).noise_
    seen = {tuple(s) + (1,) * (3 - len(s)) for s in Seen.shapes}
    assert seen == {shape}
    assert noise._reads_axes()


def test_patches_of_a_list_are_images():
    Seen.shapes.clear()
    photos = [PHOTOS[0], PHOTOS[1, :7], PHOTOS[2]]
    ConvDAE((2,), noise=Seen(), patch_size=4, max_epochs=1).fit(photos)
    assert Seen.shapes == {(4, 4, 3)}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_takes_the_same_photograph(photo):
    x = torch.from_numpy(photo)[None]
    noise = CameraNoise(0, jpeg_quality=80)
    one, other = noise.corrupt(x), noise.corrupt(x.cuda()).cpu()
    assert psnr(one.numpy(), other.numpy()) > 50
    stack = x.expand(50, -1, -1, -1)
    one, other = (CameraNoise(0.01).corrupt(s, random_state=0).cpu() for s in (stack, stack.cuda()))
    assert one.float().std() == pytest.approx(other.float().std().item(), rel=0.01)
