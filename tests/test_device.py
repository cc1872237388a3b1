"""Where and how precisely to compute: devices, precision, and where the data lies."""

import multiprocessing
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from skdae import ConvDAE, DenseDAE, GaussianNoise, UNetDAE
from skdae.nn import ConvAutoencoder, DenseAutoencoder, ResidualUNet
from skdae.training import resolve_device
from skdae.training._device import autocast, free_memory, on_device, place, resolve_precision

CPU = torch.device("cpu")
GPU = torch.device("cuda", 1)


# ---------------------------------------------------------------- devices
@pytest.fixture
def four_gpus(monkeypatch):
    """Let torch find four GPUs, the third of which is the current one."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 2)


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def process(monkeypatch):
    """Give what renames this process."""
    return lambda name: monkeypatch.setattr(multiprocessing.current_process(), "name", name)


@pytest.mark.parametrize("device", ["auto", "cuda"])
@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("LokyProcess-1", 1),
        ("LokyProcess-3", 3),
        ("LokyProcess-4", 0),
        ("LokyProcess-10", 2),
        ("ForkPoolWorker-7", 3),
        ("SpawnPoolWorker-7:5", 2),
        ("MainProcess", 2),
        ("worker-3-of-mine", 2),
    ],
)
def test_numbered_workers_take_turns_at_the_gpus(device, name, index, four_gpus, process):
    process(name)
    assert resolve_device(device, "") == torch.device("cuda", index)


def test_a_gpu_with_a_number_is_that_gpu_in_every_worker(four_gpus, process, monkeypatch):
    process("LokyProcess-3")
    monkeypatch.setattr(torch, "empty", lambda size, device: device)
    assert resolve_device("cuda:1", "") == torch.device("cuda", 1)


@pytest.mark.parametrize("name", ["MainProcess", "LokyProcess-3"])
def test_without_a_gpu_there_is_nothing_to_deal(name, no_gpu, process, monkeypatch):
    process(name)
    for mps, device in [(False, "cpu"), (True, "mps")]:
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: mps)
        assert resolve_device("auto", "") == torch.device(device)
    assert resolve_device("cpu", "") == CPU


def test_workers_of_joblib_have_numbers():
    """The deal rests on these names, which joblib does not promise."""
    from joblib import Parallel, delayed

    def name():
        import multiprocessing

        return multiprocessing.current_process().name

    names = set(Parallel(n_jobs=2)(delayed(name)() for _ in range(4)))
    assert all(name.startswith("LokyProcess-") for name in names)
    assert all(name.split("-")[1].isdigit() for name in names)


# ---------------------------------------------------------------- precision
CONVOLUTIONS = [
    ConvAutoencoder((1, 8), channels=(2,)),
    ConvAutoencoder((1, 8, 8), channels=(2,), latent_dim=3),
    ResidualUNet((1, 8, 8), channels=(2,)),
]


@pytest.fixture
def capabilities(monkeypatch):
    """Give what says what the processor can do."""

    def can(**units):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: units, raising=False)

    return can


@pytest.mark.parametrize("module", CONVOLUTIONS)
@pytest.mark.parametrize(
    ("units", "precision"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, "bfloat16"),
        ({"avx512_bf16": False, "amx_bf16": True}, "bfloat16"),
        ({"amx_bf16": True}, "bfloat16"),
        ({"avx512_bf16": False, "amx_bf16": False, "avx512_f": True}, "float32"),
        ({}, "float32"),
    ],
)
def test_automatic_precision_of_convolutions_on_a_cpu(module, units, precision, capabilities):
    capabilities(**units)
    assert resolve_precision("auto", module, CPU) == precision


def test_automatic_precision_of_dense_layers_is_float32(capabilities, monkeypatch):
    capabilities(avx512_bf16=True, amx_bf16=True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    for device in (CPU, GPU):
        assert resolve_precision("auto", DenseAutoencoder((8,)), device) == "float32"


@pytest.mark.parametrize(
    ("capability", "precision"),
    [((7, 5), "float32"), ((8, 0), "bfloat16"), ((8, 6), "bfloat16"), ((12, 0), "bfloat16")],
)
def test_automatic_precision_on_a_gpu(capability, precision, capabilities, monkeypatch):
    asked = []

    def get_device_capability(device):
        asked.append(device)
        return capability

    capabilities(avx512_bf16=precision == "float32")  # of the host: says nothing here
    monkeypatch.setattr(torch.cuda, "get_device_capability", get_device_capability)
    assert resolve_precision("auto", CONVOLUTIONS[-1], GPU) == precision
    assert asked == [GPU]


def test_automatic_precision_elsewhere_is_float32(capabilities, monkeypatch):
    capabilities(avx512_bf16=True)
    assert resolve_precision("auto", CONVOLUTIONS[-1], torch.device("mps")) == "float32"
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)  # torch before 2.11
    assert resolve_precision("auto", CONVOLUTIONS[-1], CPU) == "float32"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_precision_that_is_asked_for_is_taken(precision, capabilities):
    capabilities(avx512_bf16=precision == "float32")
    for module in (DenseAutoencoder((8,)), *CONVOLUTIONS):
        assert resolve_precision(precision, module, CPU) == precision


def test_autocast():
    a = torch.ones(2, 2)
    with autocast(CPU, "float32"):
        assert (a @ a).dtype == torch.float32
    with autocast(CPU, "bfloat16"):
        assert (a @ a).dtype == torch.bfloat16
        assert not torch.is_autocast_cache_enabled()  # its weights would outlive a capture


def test_a_gpu_becomes_the_current_one_and_other_devices_change_nothing(monkeypatch):
    entered = []

    @contextmanager
    def device(which):
        entered.append(which)
        yield
        entered.append("left")

    monkeypatch.setattr(torch.cuda, "device", device)
    for other in (CPU, torch.device("mps"), torch.device("meta")):
        with on_device(other):
            assert entered == []
    with on_device(GPU):
        assert entered == [GPU]
    assert entered == [GPU, "left"]


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(
    ("dae", "may_be_short"),
    [
        (DenseDAE((4,)), False),
        (ConvDAE((4,)), True),
        (UNetDAE((4,), n_blocks=1), True),
    ],
    ids=["dense", "conv", "unet"],
)
def test_estimators_compute_in_the_precision_of_the_hardware(dae, may_be_short, fast, capabilities):
    capabilities(avx512_bf16=fast)
    X = np.random.default_rng(0).random((40, 8, 8)).astype(np.float32)
    settings = {"noise": "gaussian", "max_epochs": 2, "random_state": 0, "device": "cpu"}
    automatic = dae.set_params(precision="auto", **settings).fit(X).predict(X)
    assert dae.precision == "auto"
    expected = "bfloat16" if fast and may_be_short else "float32"
    fixed = {}
    for precision in ("float32", "bfloat16"):
        fixed[precision] = dae.set_params(precision=precision).fit(X).predict(X)
        assert fixed[precision].dtype == np.float32
        assert all(p.dtype == torch.float32 for p in dae.net_.module_.parameters())
    np.testing.assert_array_equal(automatic, fixed[expected])
    assert not np.array_equal(fixed["float32"], fixed["bfloat16"])


# ---------------------------------------------------------------- where the data lies
def test_data_goes_to_the_device():
    parts = place([torch.zeros(3, 2), torch.zeros(3, 2, dtype=torch.uint8)], torch.device("meta"))
    assert [(part.device.type, part.shape, part.dtype) for part in parts] == [
        ("meta", (3, 2), torch.float32),
        ("meta", (3, 2), torch.uint8),
    ]


class Rows(SimpleNamespace):
    """Rows of so many bytes, which remember where they were sent."""

    def to(self, device):
        return device


@pytest.mark.parametrize(
    ("sizes", "stays"),
    [([501], True), ([500], False), ([300, 201], True), ([300, 200], False), ([5000], True)],
)
def test_data_stays_where_half_of_the_free_gpu_does_not_hold_it(sizes, stays, monkeypatch):
    asked = []

    def mem_get_info(device):
        asked.append(device)
        return 1000, 100_000

    monkeypatch.setattr(torch.cuda, "mem_get_info", mem_get_info)
    rows = [Rows(nbytes=size) for size in sizes]
    placed = place(rows, GPU)
    assert placed == (rows if stays else [GPU for _ in rows])
    assert asked == [GPU]


def test_data_on_the_cpu_is_neither_copied_nor_measured(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", None)
    rows = torch.zeros(3, 2)
    assert place([rows], CPU)[0] is rows


def test_memory_is_given_back_to_gpus_alone(monkeypatch):
    calls = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: calls.append("emptied"))
    free_memory("cpu")
    free_memory(CPU)
    assert calls == []
    free_memory("cuda:1")
    free_memory(GPU)
    assert calls == ["emptied"] * 2


# ---------------------------------------------------------------- with a GPU
class WhereTheDataIs(Callback):
    def on_train_begin(self, net, X, **kwargs):
        self.rows_, self.training_ = X.rows.device.type, X.device.type


@pytest.mark.gpu
@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_data_on_the_host_makes_the_same_model(pairs, dtype, early_stopping, monkeypatch):
    rng = np.random.default_rng(0)
    clean = (rng.random((300, 8, 8)) * (255 if dtype is np.uint8 else 1)).astype(dtype)
    noisy = clean[::-1].copy()
    data = (noisy, clean) if pairs else (clean,)
    dae = ConvDAE((8,), noise="auto" if pairs else GaussianNoise(0.2), max_epochs=3)
    dae.set_params(device="cuda", precision="float32", random_state=0)
    dae.set_params(early_stopping=early_stopping, callbacks=[WhereTheDataIs()])

    on_gpu = clone(dae).fit(*data)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (0, 2**30))
    on_host = clone(dae).fit(*data)
    for fit, rows in [(on_gpu, "cuda"), (on_host, "cpu")]:
        seen = dict(fit.net_.callbacks_)["WhereTheDataIs"]
        assert (seen.rows_, seen.training_) == (rows, "cuda")
    np.testing.assert_allclose(on_host.loss_curve_, on_gpu.loss_curve_, rtol=1e-3)
    np.testing.assert_allclose(
        on_host.validation_loss_curve_, on_gpu.validation_loss_curve_, rtol=1e-3
    )


@pytest.mark.gpu
def test_a_search_in_two_processes_on_the_gpu():
    images = (load_digits().images[:400] / 16).astype(np.float32)
    dae = UNetDAE((8,), noise="gaussian", max_epochs=10, device="cuda", random_state=0)
    settings = {"param_grid": {"n_blocks": [1, 2]}, "cv": 2}
    search = GridSearchCV(dae, n_jobs=2, **settings).fit(images)
    assert next(search.best_estimator_.net_.module_.parameters()).is_cuda
    alone = GridSearchCV(dae, **settings).fit(images)
    scores = "mean_test_score"
    np.testing.assert_allclose(search.cv_results_[scores], alone.cv_results_[scores], atol=0.02)


class CurrentDevice(Callback):
    def on_epoch_end(self, net, **kwargs):
        self.index_ = torch.cuda.current_device()


@pytest.mark.gpu
def test_a_training_makes_its_gpu_the_current_one():
    last = torch.cuda.device_count() - 1
    before = torch.cuda.current_device()
    images = (load_digits().images[:100] / 16).astype(np.float32)
    dae = DenseDAE((8,), noise="gaussian", max_epochs=2, device=f"cuda:{last}")
    dae.set_params(callbacks=[CurrentDevice()]).fit(images)
    assert dict(dae.net_.callbacks_)["CurrentDevice"].index_ == last
    assert torch.cuda.current_device() == before


@pytest.mark.gpu
@pytest.mark.parametrize("kind", [DenseDAE, ConvDAE, UNetDAE])
@pytest.mark.parametrize("n_epochs", [3, 30])  # step by step, and as a graph
def test_deterministic_algorithms_give_one_model_for_one_seed(kind, n_epochs, monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    images = (load_digits().images[:300] / 16).astype(np.float32)[:, :7, :7]  # padded, then cropped
    dae = kind((8,), noise=GaussianNoise(0.2), max_epochs=n_epochs, device="cuda", random_state=0)
    torch.use_deterministic_algorithms(True)
    try:
        first, second = (clone(dae).fit(images).predict(images) for _ in range(2))
    finally:
        torch.use_deterministic_algorithms(False)
    np.testing.assert_array_equal(first, second)
