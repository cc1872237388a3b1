"""Memory that is kept while it will be asked for again, and what becomes of it afterwards."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from skdae import ConvDAE
from skdae.training import _memory
from skdae.training._memory import kept_memory

CPU = torch.device("cpu")
KEPT = {-3: 2**30, -1: 2**31 - 1}
GLIBC = _memory._glibc.__wrapped__  # each call looks anew
USUAL = {-3: 32 * 2**20, -1: 64 * 2**20}


class FakeLibrary:
    """Remember what the C library is told."""

    def __init__(self):
        self.thresholds = {}
        self.calls = []
        self.trims = 0

    def mallopt(self, parameter, value):
        self.thresholds[parameter] = value
        self.calls.append((parameter, value))

    def malloc_trim(self, pad):
        self.trims += 1


@pytest.fixture
def library(monkeypatch):
    library = FakeLibrary()
    monkeypatch.setattr(_memory, "_glibc", lambda: library)
    return library


def test_thresholds_are_high_inside_and_the_usual_ones_afterwards(library):
    with kept_memory(CPU, 2**13):
        assert library.thresholds == KEPT
        with kept_memory(CPU, 2**20):
            pass
        assert library.thresholds == KEPT
        assert library.trims == 0
    assert library.thresholds == USUAL
    assert library.trims == 1


def test_an_error_inside_puts_them_back_too(library):
    with pytest.raises(KeyboardInterrupt), kept_memory(CPU, 2**13):
        raise KeyboardInterrupt
    assert library.thresholds == USUAL


@pytest.mark.parametrize(("device", "n_values"), [("cpu", 2**13 - 1), ("meta", 2**20)])
def test_small_blocks_and_other_devices_need_no_help(device, n_values, library):
    with kept_memory(torch.device(device), n_values):
        pass
    assert library.calls == []


def test_training_and_prediction_keep_their_memory(library, images):
    seen = []

    def loss(output, target):
        seen.append(dict(library.thresholds))
        return ((output - target) ** 2).mean()

    X = np.resize(images, (400, 16, 16))
    dae = ConvDAE((4,), noise="gaussian", loss=loss, max_epochs=1, batch_size=200).fit(X)
    assert KEPT in seen
    assert library.thresholds == USUAL
    library.calls.clear()
    dae.predict(X)
    assert library.calls == [*KEPT.items(), *USUAL.items()]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((50, 8, 8), dtype=np.float32)


@pytest.mark.parametrize(
    ("variable", "value", "is_left_alone"),
    [
        ("MALLOC_MMAP_THRESHOLD_", "131072", True),
        ("MALLOC_TRIM_THRESHOLD_", "131072", True),
        ("MALLOC_TOP_PAD_", "0", True),
        ("MALLOC_MMAP_MAX_", "0", True),
        ("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=128:glibc.rtld.nns=4", True),
        ("GLIBC_TUNABLES", "glibc.malloc.arena_max=2", False),
        ("MALLOC_ARENA_MAX", "2", False),
    ],
)
def test_the_thresholds_of_the_user_are_left_alone(variable, value, is_left_alone, monkeypatch):
    monkeypatch.setattr(_memory.platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setenv(variable, value)
    assert (GLIBC() is None) is is_left_alone


@pytest.mark.parametrize("with_dask", [True, False])
def test_what_dask_sets_in_its_workers_is_put_back(with_dask, library, monkeypatch):
    monkeypatch.setattr(_memory.platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    monkeypatch.delitem(sys.modules, "distributed", raising=False)
    if with_dask:
        monkeypatch.setitem(sys.modules, "distributed", sys)
    assert (GLIBC() is None) is not with_dask
    with kept_memory(CPU, 2**13):
        assert library.thresholds == KEPT
    assert library.thresholds == ({-3: 2**17, -1: 2**16} if with_dask else USUAL)


def test_in_a_worker_of_dask_too_what_else_the_user_sets_is_left_alone(monkeypatch):
    monkeypatch.setattr(_memory.platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setitem(sys.modules, "distributed", sys)
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    monkeypatch.setenv("MALLOC_TOP_PAD_", "0")
    assert GLIBC() is None


def test_other_libraries_have_no_thresholds(monkeypatch):
    monkeypatch.setattr(_memory.platform, "libc_ver", lambda: ("", ""))
    assert GLIBC() is None


@pytest.mark.skipif(_memory._glibc() is None, reason="needs glibc, as it comes")
def test_blocks_are_asked_of_the_system_once():
    """Page faults, in a process of its own: 50 blocks of 64 MB, with and without."""
    code = """
        import resource, torch
        from skdae.training._memory import kept_memory

        def faults():
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            for _ in range(10):
                torch.zeros(2**24).add_(1)
            return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

        faults()
        without = faults()
        with kept_memory(torch.device("cpu"), 2**24):
            faults()
            kept = faults()
        print(without, kept)
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    without, kept = map(int, result.stdout.split())
    assert kept < without / 10
