"""Patches that a GPU cuts: bit by bit those of the host, from the same operations every time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skdae import GaussianNoise, UNetDAE
from skdae._random import make_generator
from skdae.data import rows_to_tensor
from skdae.training import Patches, ResidentPatches, as_values

CPU = torch.device("cpu")


def both(samples, target=None, *, shape, seed=0, **settings):
    """Return patches cut on the host, and cut where their samples lie."""
    parts = [samples] if target is None else [samples, target]
    values = [
        rows_to_tensor(np.concatenate([x.reshape(-1, x.shape[-1]) for x in part])) for part in parts
    ]
    settings = {"sample_shape": shape, "batch_size": 8, "device": CPU, **settings}
    return (
        Patches(samples, target, generator=make_generator(seed), **settings),
        ResidentPatches(samples, target, values=values, generator=make_generator(seed), **settings),
    )


def images(*sizes, channels=1, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (*size, channels)).astype(dtype) for size in sizes]


@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("sides", [(4, 4), (2, 5)])
def test_they_are_those_that_the_host_cuts(sides, dtype, channels, augment):
    samples = images((9, 13), (4, 4), (30, 6), (2, 1), (1, 7), channels=channels, dtype=dtype)
    on_host, resident = both(samples, shape=(*sides, channels), augment=augment)
    for _ in range(3):
        pairs = list(zip(on_host, resident, strict=True))
        assert len(pairs) > 2
        for (x, target), (x_there, target_there) in pairs:
            assert x.dtype == x_there.dtype
            assert torch.equal(x, x_there)
            assert torch.equal(target, target_there)
    assert torch.equal(on_host[5][0], resident[5][0])


def test_signals_and_targets_of_their_own():
    samples = images((50,), (7,), (200,), channels=2)
    target = images((50,), (7,), (200,), channels=2, seed=1)
    on_host, resident = both(samples, target, shape=(10, 2))
    for expected, found in zip(on_host, resident, strict=True):
        assert all(map(torch.equal, expected, found))


def test_places_stay_where_a_recorded_step_reads_them():
    _, resident = both(images((40, 40)), shape=(4, 4, 1), augment=True)
    address, before = resident.places_on_device.data_ptr(), resident.places_on_device.clone()
    list(resident)
    assert resident.places_on_device.data_ptr() == address
    assert not torch.equal(resident.places_on_device, before)


def test_a_cpu_cuts_from_the_samples_themselves():
    assert as_values([images((9, 9))], CPU) is None


@pytest.mark.gpu
def test_a_gpu_cuts_the_patches_of_the_host():
    samples = images((70, 90), (64, 64), (300, 20), dtype=np.uint8)
    (values,) = as_values([samples], torch.device("cuda"))
    settings = {"sample_shape": (64, 64, 1), "augment": True, "batch_size": 8}
    resident = ResidentPatches(
        samples, None, values=[values], device=torch.device("cuda"), seed=3, **settings
    )
    on_host = Patches(samples, None, device=CPU, seed=3, **settings)
    for (x, _), (x_there, _) in zip(on_host, resident, strict=True):
        assert torch.equal(x, x_there.cpu())


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_gpu_captures_trainings_on_photographs(dtype, monkeypatch):
    from skdae.training import _net

    steps = []
    capture = _net.capture_training

    def remember(*args, **settings):
        steps.append(capture(*args, **settings))
        return steps[-1]

    monkeypatch.setattr(_net, "capture_training", remember)
    released = _net.CapturedStep.release
    graphs = []
    monkeypatch.setattr(
        _net.CapturedStep, "release", lambda step: (graphs.append(step.graph), released(step))
    )
    photos = [image[..., 0] for image in images((200, 300), (150, 90), dtype=dtype)]
    photos = [photo / np.float32(255) if dtype is np.float32 else photo for photo in photos]
    dae = UNetDAE(
        (8, 8),
        noise=GaussianNoise(0.1),
        augment=True,
        max_epochs=100,
        random_state=0,
        device="cuda",
    )
    dae.fit(photos)
    assert len(steps) == 1
    assert graphs[0] is not None
    assert dae.loss_curve_[-1] < dae.loss_curve_[0]
