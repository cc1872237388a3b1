"""Small data and small models, so that a test is about one thing and fast."""

import signal
from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.datasets import load_digits


@pytest.fixture(scope="session")
def images():
    """Return 200 digits of shape (8, 8) in [0, 1]."""
    return (load_digits().images[:200] / 16).astype(np.float32)


@pytest.fixture(scope="session")
def labels():
    """Return what the digits are."""
    return load_digits().target[:200]


@pytest.fixture(scope="session")
def rows(images):
    """Return the digits as rows of 64 values."""
    return images.reshape(len(images), -1)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt, also where a shell runs the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def every_epoch(monkeypatch):
    """Write a checkpoint after each epoch, whatever that costs."""
    from skdae.training import _checkpoints

    monkeypatch.setattr(_checkpoints, "_SHARE", float("inf"))
