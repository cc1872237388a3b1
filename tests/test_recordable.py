"""Which training steps may be recorded on a GPU, and that none of them waits for it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from skorch.callbacks import Callback
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from kinds import INJECTORS
from skdae import (
    ChainNoise,
    ConvDAE,
    DenoisingAutoencoder,
    DenseDAE,
    GaussianNoise,
    NoiseInjector,
    OneOfNoise,
    PoissonNoise,
    SwapNoise,
    UNetDAE,
)
from skdae.data import DataFormat, Samples
from skdae.nn import DenseAutoencoder
from skdae.tasks._blind_spot import BlindSpot
from skdae.tasks._clean import CleanSamples
from skdae.tasks._split_noise import SplitNoise
from skdae.training import Batches

X = (load_digits().images[:300] / 16).astype(np.float32)


# ---------------------------------------------------------------- whether it is worth it
class OfTheUser(DenseAutoencoder):
    pass


def mean_squared(output, target):
    return ((output - target) ** 2).mean()


def sgd(parameters, lr):
    return torch.optim.SGD(parameters, lr=lr)


class SeesBatches(Callback):
    def on_batch_end(self, net, **kwargs):
        pass


class SeesEpochs(Callback):
    def on_epoch_end(self, net, **kwargs):
        pass


@pytest.mark.parametrize(
    ("parameters", "situation", "worth"),
    [
        ({}, {}, True),
        ({}, {"epochs": 9}, False),
        ({}, {"epochs": 1000}, True),
        ({}, {"is_cuda": False}, False),
        ({}, {"repeatable": False}, False),
        ({}, {"can_capture": False}, False),  # torch before 2.13
        ({}, {"hook": True}, False),
        ({"loss": "l1"}, {}, True),
        ({"loss": mean_squared}, {}, False),
        ({"optimizer": "muon"}, {}, True),
        ({"optimizer": sgd}, {}, False),
        ({"callbacks": [SeesEpochs()]}, {}, True),
        ({"callbacks": [SeesBatches()]}, {}, False),
        ({"module": OfTheUser}, {}, False),
    ],
)
def test_only_many_equal_steps_on_a_gpu_are_captured(parameters, situation, worth, monkeypatch):
    dae = DenoisingAutoencoder(DenseAutoencoder, noise=None, max_epochs=1).set_params(**parameters)
    net = dae.fit(X).net_
    usual = {"epochs": 10, "is_cuda": True, "repeatable": True, "can_capture": True, "hook": False}
    situation = {**usual, **situation}
    monkeypatch.setattr("skdae.training._captured.CAN_CAPTURE", situation["can_capture"])
    if situation["hook"]:
        next(net.module_.parameters()).register_hook(lambda gradient: None)
    net._total = SimpleNamespace(is_cuda=situation["is_cuda"])
    training = SimpleNamespace(starts=range(20), repeatable=situation["repeatable"])
    assert net._is_worth_capturing(training, situation["epochs"]) is worth


class Drift(GaussianNoise):
    """A noise of the user, which may do another thing at every call."""


class Shifted(GaussianNoise):
    """A noise of the user that corrupts in a way of its own."""

    def _corrupt(self, x, level, generator):
        return x + level


class Offset(NoiseInjector):
    """A noise of the user that says nothing about itself."""

    def __init__(self, *, clip=None, random_state=None, when="fit"):
        self.clip = clip
        self.random_state = random_state
        self.when = when

    def _corrupt(self, x, level, generator):
        return x + 1


class Known(Offset):
    """A noise of the user that says that it can be repeated."""

    _repeatable = True


class OfKnown(Known):
    """One that says nothing again."""


OF_USER = ("mine", Drift())
OURS = ("ours", SwapNoise())
PER_COLUMN = SwapNoise([0.1, 0.2] * 32)  # levels that travel to the GPU with every batch


@pytest.mark.parametrize(
    ("noise", "repeatable"),
    [
        (None, True),
        ("gaussian", True),
        *((noise, not getattr(noise, "groups", None)) for noise in INJECTORS.values()),
        (ChainNoise([OURS, ("other", PoissonNoise())]), True),
        (OneOfNoise([OURS, ("chain", ChainNoise([OURS]))]), True),
        (Drift(), False),
        (Shifted(), False),
        (Offset(), False),
        (Known(), True),
        (OfKnown(), False),
        (PER_COLUMN, False),
        (SwapNoise(np.full(64, 0.1)), False),
        (ChainNoise([OURS, OF_USER]), False),
        (ChainNoise([("known", Known())]), True),
        (OneOfNoise([OURS, ("columns", PER_COLUMN)]), False),
        (OneOfNoise([OURS, ("chain", ChainNoise([OURS, OF_USER]))]), False),
    ],
    ids=lambda noise: type(noise).__name__,
)
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_only_noises_that_say_so_are_repeatable(noise, repeatable, dtype):
    seen = {}

    class Look(Callback):
        def on_train_begin(self, net, X, **kwargs):
            seen["repeatable"] = X.repeatable

    DenseDAE((4,), noise=noise, max_epochs=1, callbacks=[Look()]).fit(
        (X * (255 if dtype is np.uint8 else 1)).astype(dtype)
    )
    assert seen["repeatable"] is repeatable


# ---------------------------------------------------------------- what a step asks of the host
class NoWaiting(TorchDispatchMode):
    """Fail where a GPU had to tell the host a value or a shape, or got data from it."""

    names = ("_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select", "unique")

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        assert function.overloadpacket.__name__ not in self.names, function
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if torch.is_tensor(leaf)]
        assert {tensor.device.type for tensor in tensors} <= {"meta"}, function
        return result


def one_step(dae, sample_shape, dtype=torch.float32, *, kind=CleanSamples, noise=None):
    """Take a step on a device that holds no values: whoever asks for one fails."""
    meta = torch.device("meta")
    n_channels = sample_shape[-1] if len(sample_shape) > 1 else 1
    units = (tuple(range(n_channels)), 2.0)
    dae.set_params(optimizer="muon").sample_shape_ = sample_shape
    dae._format = DataFormat(sample_shape, sample_shape, "float32", 1.0, (units, units))
    dae._built_with, dae._seeds, dae._precision = dae.get_params(deep=False), [0, 0], "auto"
    net = dae._new_net(meta)
    net._observed, net._first_loss = False, torch.zeros(())
    for group in net.optimizer_.param_groups:
        group["lr"] = torch.zeros((), device=meta)
    generator, chosen = torch.Generator(), torch.zeros(8, dtype=torch.int64, device=meta)
    rows = torch.zeros((20, int(np.prod(sample_shape))), dtype=dtype, device=meta)
    samples = Samples(np.zeros((1, 1), dtype=str(dtype).removeprefix("torch.")), (), ())
    task = kind(samples, None, noise)
    settings = {"sample_shape": sample_shape, "batch_size": 8, "generator": generator}
    settings["make_batch"] = task.make_batch
    batches = Batches(rows, None, indices=chosen, **settings)
    total = torch.zeros((), device=meta)
    with NoWaiting():
        total.add_(net.train_step(batches.batch(chosen, generator))["loss"], alpha=len(chosen))


@pytest.mark.parametrize("noise", INJECTORS.values(), ids=INJECTORS.keys())
@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8, torch.uint16])
def test_no_noise_waits_for_the_gpu(noise, dtype):
    one_step(DenseDAE((4,)), (8, 8), dtype, noise=noise.fit(X))


@pytest.mark.parametrize("n_channels", [1, 2, 3])
@pytest.mark.parametrize("chroma_subsampling", ["4:2:0", "4:4:4"])
def test_no_camera_waits_for_the_gpu(n_channels, chroma_subsampling):
    ranges = clone(INJECTORS["camera_range"]).set_params(chroma_subsampling=chroma_subsampling)
    for noise in (INJECTORS["camera"], ranges, ChainNoise([("camera", ranges)])):
        one_step(DenseDAE((4,)), (9, 7, n_channels), noise=noise)


@pytest.mark.parametrize(
    "waits",
    [
        lambda x, generator: x * x.max().item(),
        lambda x, generator: x + torch.zeros(64).to(x.device),
        lambda x, generator: x + (x > 0).nonzero().sum(),
        lambda x, generator: x.cpu().to(x.device),
    ],
    ids=["value", "to", "shape", "from"],
)
def test_what_waits_for_the_gpu_is_noticed(waits):
    noise = SimpleNamespace(_corrupt_batch=waits, _reads_axes=lambda: False)
    with pytest.raises((AssertionError, RuntimeError)):
        one_step(DenseDAE((4,)), (8, 8), noise=noise)


@pytest.mark.parametrize("loss", ["bce", "huber", "l1", "mse"])
@pytest.mark.parametrize(
    ("dae", "sample_shape"),
    [
        (DenseDAE((8, 4), latent_dim=2), (13,)),
        (ConvDAE((4, 4)), (9, 7, 2)),
        (ConvDAE((4,), latent_dim=3, downsample="max"), (9, 7, 1)),
        (ConvDAE((4,), downsample="average"), (21, 1)),
        (UNetDAE((4, 4), n_blocks=1), (9, 7, 3)),
        (UNetDAE((4,), n_blocks=1), (21, 2)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ConvDAE) else None,
)
def test_no_module_and_no_loss_waits_for_the_gpu(dae, sample_shape, loss):
    dae = clone(dae).set_params(loss=loss)
    one_step(dae, sample_shape, noise=GaussianNoise())


@pytest.mark.parametrize("noise", [GaussianNoise(0.2), PoissonNoise(10)])
def test_no_split_waits_for_the_gpu(noise, monkeypatch):
    # It has no kernel without values.
    monkeypatch.setattr(torch, "binomial", lambda n, p, generator: torch.empty_like(n))
    one_step(UNetDAE((4,), n_blocks=1), (8, 8, 1), kind=SplitNoise, noise=noise)


@pytest.mark.parametrize("sample_shape", [(8, 8, 1), (21, 2)])
def test_blind_spots_do_not_wait_for_the_gpu(sample_shape):
    one_step(UNetDAE((4,), n_blocks=1), sample_shape, kind=BlindSpot)
