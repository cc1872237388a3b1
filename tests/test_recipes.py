"""Published systems: exact networks, exact noise, the published schedule, and plain data."""

from __future__ import annotations

import gzip
import importlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from skdae import ConvDAE, GaussianNoise, recipes
from skdae.recipes._dropsofai_2020 import GrayLevelPoissonNoise, peak_of

ROOT = Path(__file__).parents[1]
SHAPE = (1, 28, 28)

# Parameters of each layer, and of all, as they were published.
PARAMETERS = {
    "dropsofai-2020": ((1664, 73856, 295168, 590080, 295040, 73792, 1601), 1_331_201),
    "keras-io-2021": ((320, 9248, 9248, 9248, 289), 28_353),
    "naokishibuya-2017-conv": ((160, 1160, 584, 584, 584, 1168, 145), 4385),
    "naokishibuya-2017-dense": ((25_120, 25_872), 50_992),
    "noisy-images-conv": ((160, 1160, 584, 1168, 145), 3217),
    "noisy-images-dense-1": ((785, 1568), 2353),
    "noisy-images-dense-16-denoising": ((12_560, 13_328), 25_888),
    "noisy-images-dense-2": ((1570, 2352), 3922),
    "noisy-images-dense-32": ((25_120, 25_872), 50_992),
    "noisy-images-dense-8": ((6280, 7056), 13_336),
    "venkataraman-2022-conv": ((320, 9248, 9248, 9248, 289), 28_353),
    "venkataraman-2022-dense": ((50_240, 50_960), 101_200),
}

# Channels and side of what each layer but the activations gives.
KERAS_IO = ["32x28", "32x14", "32x14", "32x7", "32x14", "32x28", "1x28"]
SIZES = {
    "dropsofai-2020": [
        *("64x24", "64x12", "128x10", "128x5", "256x3", "256x1"),
        *("256x3", "128x5", "128x10", "64x12", "64x24", "1x28"),
    ],
    "keras-io-2021": KERAS_IO,
    "naokishibuya-2017-conv": [
        *("16x28", "16x14", "8x14", "8x7", "8x7", "8x4"),
        *("8x4", "8x8", "8x8", "8x16", "16x14", "16x28", "1x28"),
    ],
    "noisy-images-conv": ["16x28", "8x28", "8x28", "16x28", "1x28"],
    "venkataraman-2022-conv": KERAS_IO,
}
CODES = {
    "dropsofai-2020": (256, 1, 1),
    "keras-io-2021": (32, 7, 7),
    "naokishibuya-2017-conv": (8, 4, 4),
    "naokishibuya-2017-dense": (32,),
    "noisy-images-dense-1": (1,),
    "venkataraman-2022-dense": (64,),
}

# Loss, noise level, batch size and epochs, as they were published.
SCHEDULES = {
    "dropsofai-2020": ("mse", "mixture", 64, 30),
    "keras-io-2021": ("bce", 0.4, 128, 100),
    "naokishibuya-2017-conv": ("bce", 0.2, 128, 50),
    "naokishibuya-2017-dense": ("bce", None, 128, 50),
    "noisy-images-conv": ("bce", 0.5, 32, 10),
    "noisy-images-dense-1": ("mse", None, 32, 10),
    "noisy-images-dense-16-denoising": ("mse", 0.5, 32, 10),
    "noisy-images-dense-2": ("mse", None, 32, 10),
    "noisy-images-dense-32": ("mse", None, 32, 10),
    "noisy-images-dense-8": ("mse", None, 32, 10),
    "venkataraman-2022-conv": ("bce", 0.4, 128, 20),
    "venkataraman-2022-dense": ("bce", 0.4, 128, 20),
}

each_recipe = pytest.mark.parametrize("name", PARAMETERS)


def module_of(name: str) -> nn.Module:
    """Build the network of a recipe, as its estimator would."""
    return recipes.make(name)._build_module(SHAPE)


def layers_of(module: nn.Module) -> list[nn.Module]:
    """List the layers that hold nothing but themselves, in the order of the data."""
    return [layer for layer in module.modules() if not list(layer.children())]


@pytest.fixture(scope="module")
def X():
    """Give 48 pictures of blurred blobs in [0, 1], with 28x28 pixels."""
    rng = np.random.default_rng(0)
    centre = rng.uniform(8, 20, size=(48, 2, 1, 1))
    y, x = np.mgrid[:28, :28]
    distance = (y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2
    return np.exp(-distance / 20).round(2).astype(np.float32)


# ---------------------------------------------------------------------- networks
def test_names_are_sorted_and_complete():
    assert recipes.names() == tuple(sorted(PARAMETERS))


@each_recipe
def test_layers_have_exactly_the_published_parameters(name):
    layers, total = PARAMETERS[name]
    counts = [sum(p.numel() for p in layer.parameters()) for layer in layers_of(module_of(name))]
    assert tuple(count for count in counts if count) == layers
    assert sum(layers) == total
    assert recipes.describe(name).layer_parameters == layers
    assert recipes.describe(name).n_parameters == total


@pytest.mark.parametrize("name", SIZES)
def test_layers_have_exactly_the_published_shapes(name):
    module, sizes = module_of(name), []
    for layer in layers_of(module):
        if not isinstance(layer, nn.ReLU):
            layer.register_forward_hook(
                lambda layer, x, output: sizes.append(f"{output.shape[1]}x{output.shape[2]}")
            )
    assert module(torch.rand(2, *SHAPE)).shape == (2, *SHAPE)
    assert sizes == SIZES[name]


@pytest.mark.parametrize("name", CODES)
def test_codes_have_exactly_the_published_shape(name):
    assert module_of(name).encode(torch.rand(2, *SHAPE)).shape[1:] == CODES[name]


@each_recipe
def test_every_layer_but_the_last_has_a_relu(name):
    module = module_of(name)
    # Max-pooling commutes with a relu, and comes first in some.
    layers = [layer for layer in layers_of(module) if not isinstance(layer, nn.MaxPool2d)]
    kinds = [type(layer) for layer in layers]
    with_weights = [i for i, layer in enumerate(layers) if list(layer.parameters())]
    assert all(kinds[i + 1] is nn.ReLU for i in with_weights[:-1])
    # dropsofai-2020 ends with a relu, the others with a sigmoid, which the estimator applies.
    assert (kinds[-1] is nn.ReLU) == (name == "dropsofai-2020")
    assert module.returns_logits == (name != "dropsofai-2020")


@each_recipe
def test_networks_start_as_in_keras(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = module_of(name)
    for layer in layers_of(module):
        if not list(layer.parameters()):
            continue
        assert not layer.bias.any()
        kernel = layer.weight[0, 0].numel()
        limit = np.sqrt(6 / (sum(layer.weight.shape[:2]) * kernel))
        values = layer.weight.detach().flatten() / limit
        assert values.abs().max() <= 1 + 1e-6
        # The variance of a uniform distribution, within five standard errors.
        n_values = len(values)
        assert abs(values.square().mean() - 1 / 3) < 5 * np.sqrt(4 / 45 / n_values)


def test_keras_io_2021_is_the_default_conv_dae():
    ours = ConvDAE(loss="bce")._build_module(SHAPE)
    assert str(ours) == str(module_of("keras-io-2021"))


# ---------------------------------------------------------------------- noise
def test_peak_is_that_of_scikit_image():
    x = np.zeros((600, 600))
    for n_distinct in range(1, 601):
        x[n_distinct - 1, :n_distinct] = np.arange(n_distinct)
    expected = [2 ** np.ceil(np.log2(len(np.unique(row)))) for row in x]
    generator = torch.Generator().manual_seed(0)
    shuffled = torch.from_numpy(x)[:, torch.randperm(600, generator=generator)]
    for dtype in (torch.float32, torch.float64):
        assert peak_of(shuffled.to(dtype).reshape(600, 20, 30)).flatten().tolist() == expected


def test_gray_level_poisson_noise_counts_as_scikit_image(X):
    util = pytest.importorskip("skimage.util")
    image = X[0].astype(np.float64)
    theirs = util.random_noise(image, mode="poisson", clip=False, rng=0)
    (peak,) = peak_of(torch.from_numpy(image[None])).flatten().tolist()
    assert np.allclose(theirs * peak, np.round(theirs * peak), atol=1e-9)
    assert not np.allclose(theirs * peak / 2, np.round(theirs * peak / 2), atol=1e-9)

    stack = np.repeat(image[None], 4000, axis=0)
    noisy = GrayLevelPoissonNoise().corrupt(stack, random_state=0)
    assert np.allclose(noisy * peak, np.round(noisy * peak), atol=1e-9)
    bright = image > 0.05
    z = (noisy.mean(axis=0) - image)[bright] / np.sqrt(image[bright] / peak / 4000)
    assert abs(z).max() < 5
    # Mean of z² over so many pixels: 1, with a variance of 2 / n.
    assert abs((z**2).mean() - 1) < 5 * np.sqrt(2 / len(z))
    ratio = noisy.var(axis=0)[bright] / (image[bright] / peak)
    assert abs(ratio.mean() - 1) < 0.01
    assert not noisy[:, image == 0].any()


def test_gray_level_poisson_noise_is_per_sample():
    two, many = np.tile([0.0, 1.0], 400), np.linspace(0, 1, 800)
    noisy = GrayLevelPoissonNoise().corrupt(np.stack([two, many]), random_state=0)
    assert set(np.unique(noisy[0] * 2 % 1)) == {0}
    assert np.std(noisy[0][two == 1] - 1) > 0.5
    assert np.std(noisy[1] - many) < 0.05
    assert GrayLevelPoissonNoise().corrupt(np.full((2, 5), -1.0), random_state=0).max() == 0


def test_the_mixture_has_the_published_kinds_and_no_clip():
    noise = recipes.describe("dropsofai-2020").noise
    kinds = dict(noise.noises)
    assert noise.weights is None and noise.clip is None
    assert all(kind.clip is None for kind in kinds.values())
    assert kinds["gaussian"].sigma ** 2 == pytest.approx(0.1)
    assert (kinds["salt_and_pepper"].amount, kinds["salt_and_pepper"].salt_vs_pepper) == (0.1, 0.9)
    assert isinstance(kinds["poisson"], GrayLevelPoissonNoise)
    assert kinds["speckle"].sigma == 1


def test_the_mixture_adds_up(X):
    """The mean squared error of each kind is known; so is that of their mixture."""
    X = np.repeat(X, 60, axis=0).astype(np.float64)
    noisy = recipes.describe("dropsofai-2020").noise.corrupt(X, random_state=0)
    peak = peak_of(torch.from_numpy(X)).numpy()
    salt_and_pepper = 0.1 * (0.9 * (1 - X) ** 2 + 0.1 * X**2)
    expected = np.mean([np.full_like(X, 0.1), salt_and_pepper, X / peak, X**2], axis=0)
    assert np.mean((noisy - X) ** 2) == pytest.approx(expected.mean(), rel=0.03)


# ---------------------------------------------------------------------- estimators
@each_recipe
def test_the_published_schedule(name):
    loss, level, batch_size, max_epochs = SCHEDULES[name]
    dae = recipes.make(name, "published")
    assert (dae.loss, dae.lr, dae.lr_schedule) == (loss, 1e-3, "constant")
    assert (dae.batch_size, dae.max_epochs) == (batch_size, max_epochs)
    optimizer = dae.optimizer([nn.Parameter(torch.zeros(1))], lr=dae.lr)
    group = optimizer.param_groups[0]
    assert type(optimizer) is torch.optim.Adam
    assert (group["eps"], group["weight_decay"], group["betas"]) == (1e-7, 0, (0.9, 0.999))
    if isinstance(level, float):
        assert repr(dae.noise) == repr(GaussianNoise(level, clip=(0, 1)))
    else:
        assert (dae.noise is None) == (level is None)


@each_recipe
def test_our_schedule_is_shorter_and_anneals(name):
    ours, published = recipes.make(name), recipes.make(name, "published")
    assert ours.lr_schedule == "one_cycle"
    assert ours.max_epochs < published.max_epochs
    assert ours.module is published.module and ours.loss == published.loss
    assert repr(ours.noise) == repr(published.noise)


@each_recipe
def test_recipes_train_persist_and_are_safe(name, X, tmp_path):
    skops_io = pytest.importorskip("skops.io")
    dae = clone(recipes.make(name, "published", random_state=0, max_epochs=1, device="cpu"))
    X = X[:16]
    dae = pickle.loads(pickle.dumps(dae)).fit(X)
    assert np.isfinite(dae.loss_curve_).all()
    X_denoised = dae.predict(X)
    assert X_denoised.shape == X.shape and X_denoised.min() >= 0
    assert np.array_equal(pickle.loads(pickle.dumps(dae)).predict(X), X_denoised)

    skops_io.dump(dae, tmp_path / "dae.skops")
    untrusted = skops_io.get_untrusted_types(file=tmp_path / "dae.skops")
    assert all(path.startswith("skdae.") for path in untrusted), untrusted
    restored = skops_io.load(tmp_path / "dae.skops", trusted=untrusted)
    assert np.array_equal(restored.predict(X), X_denoised)


def test_one_seed_gives_one_model(X):
    runs = [recipes.make("keras-io-2021", random_state=0, max_epochs=1).fit(X) for _ in range(2)]
    assert np.array_equal(runs[0].predict(X), runs[1].predict(X))


def test_an_estimator_has_a_noise_of_its_own():
    recipes.make("keras-io-2021").set_params(noise__sigma=9.0)
    assert recipes.describe("keras-io-2021").noise.sigma == 0.4
    assert recipes.make("keras-io-2021", noise=None).noise is None


def test_unknown_names_say_which_there_are():
    with pytest.raises(ValueError, match=r"'name'.*keras-io-2021.*Got 'keras' instead"):
        recipes.make("keras")
    with pytest.raises(ValueError, match=r"'schedule'.*'ours' or 'published'.*Got 'mine'"):
        recipes.make("keras-io-2021", schedule="mine")
    with pytest.raises(ValueError, match="Invalid parameter 'epochs'"):
        recipes.make("keras-io-2021", epochs=3)


# ---------------------------------------------------------------------- what was reported
@pytest.mark.parametrize(
    ("name", "reported", "target"),
    [
        ("dropsofai-2020", {1: 0.0135, 30: 0.0069}, 0.0069),
        ("keras-io-2021", {1: 0.0946, 52: 0.0847, 100: 0.0846}, 0.0846),
        ("venkataraman-2022-conv", {20: 0.0871}, 0.0871),
        ("venkataraman-2022-dense", {20: 0.2305}, 0.2305),
        ("noisy-images-conv", {}, None),
    ],
)
def test_reported_numbers(name, reported, target):
    recipe = recipes.describe(name)
    assert recipe.reported == reported
    assert recipe.target == target


def test_only_keras_io_trained_without_noise_first():
    epochs = {name: recipes.describe(name).pretraining_epochs for name in recipes.names()}
    assert {name: n for name, n in epochs.items() if n} == {"keras-io-2021": 50}


def test_the_user_guide_names_every_recipe():
    page = (ROOT / "docs" / "user_guide" / "recipes.rst").read_text(encoding="utf-8")
    assert [name for name in recipes.names() if f"``{name}``" not in page] == []


# ---------------------------------------------------------------------- benchmark
@pytest.fixture(scope="module")
def benchmark():
    """Give benchmarks/published.py as a module, as if run from its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        yield importlib.import_module("published")


def test_benchmark_losses(benchmark):
    X_denoised, X = np.array([[0.5, 1.0, 0.0]]), np.array([[1.0, 1.0, 1.0]])
    expected = -(np.log(0.5) + np.log1p(-1e-7) + np.log(1e-7)) / 3
    assert benchmark.binary_cross_entropy(X_denoised, X) == pytest.approx(expected)
    assert benchmark.mean_squared_error(X_denoised, X) == pytest.approx(1.25 / 3)


def test_benchmark_pretrains_and_then_learns_from_pairs(benchmark, X):
    recipe = recipes.describe("keras-io-2021")
    dae = recipes.make("keras-io-2021", "published", max_epochs=2, random_state=0)
    benchmark.fit_as_published(dae, recipe, X, quick=True)
    assert dae.n_iter_ == 4
    assert dae.noise_ is None and dae.noise == "auto"


@pytest.mark.parametrize(("split", "name"), [("train", "train"), ("test", "t10k")])
@pytest.mark.parametrize("compressed", [False, True])
def test_benchmark_reads_idx_files(benchmark, tmp_path, monkeypatch, split, name, compressed):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    content = np.array([0x0803, *pixels.shape], ">u4").tobytes() + pixels.tobytes()
    file = tmp_path / "mnist" / f"{name}-images-idx3-ubyte{'.gz' * compressed}"
    file.parent.mkdir()
    file.write_bytes(gzip.compress(content) if compressed else content)
    monkeypatch.setenv("SKDAE_DATA", str(tmp_path))
    X = benchmark.images(split)
    assert X.dtype == np.float32
    np.testing.assert_array_equal(X, pixels / np.float32(255))


@pytest.mark.slow
def test_benchmark_prints_a_table_and_writes_json(benchmark, data_dir, tmp_path, capsys):
    output = tmp_path / "results.jsonl"
    command = "venkataraman-2022-dense --schedule both --epochs 1 --train-rows 256"
    benchmark.main([*command.split(), f"--output={output}"])
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:5] == ["recipe", "schedule", "parameters", "epochs", "seconds"]
    assert [row.split()[1] for row in rows] == ["published", "ours"]
    results = [json.loads(text) for text in output.read_text(encoding="utf-8").splitlines()]
    assert [result["train_rows"] for result in results] == [256] * 2
    assert all(0 < result["mse"] < 0.5 for result in results)


@pytest.mark.parametrize(
    ("reported", "reached", "verdict"),
    [(0.0846, 0.0846, "reached"), (0.0846, 0.08461, "missed"), (None, 0.1, "0.1000")],
)
def test_benchmark_compares_with_what_was_reported(benchmark, reported, reached, verdict):
    result = {"recipe": "a", "schedule": "ours", "parameters": 1, "epochs": 1, "seconds": 1.0}
    row = benchmark.line(result | {"metric": "bce", "reported": reported, "reached": reached})
    assert row.split()[-1] == verdict


def test_benchmark_asks_for_names(benchmark, capsys):
    with pytest.raises(SystemExit):
        benchmark.main([])
    assert "keras-io-2021" in capsys.readouterr().err
