"""Private random generators, made from one seed; the global ones stay as they are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.utils import check_random_state

__all__ = ["RandomState", "borrowed_global_generator", "draw_seeds", "make_generator"]

RandomState = int | np.random.RandomState | None
"""What the parameters ``random_state`` take."""

_GLOBAL_GENERATOR = threading.RLock()


def draw_seeds(random_state: RandomState, n_seeds: int) -> list[int]:
    """Draw seeds from ``random_state``; None means fresh entropy of the system.

    For scikit-learn, None is NumPy's global generator, and drawing would change its state.
    """
    if random_state is None:
        return np.random.SeedSequence().generate_state(n_seeds, np.uint32).tolist()
    generator = check_random_state(random_state)
    return generator.randint(0, 2**31 - 1, size=n_seeds).tolist()


def make_generator(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a private generator on the device."""
    return torch.Generator(device=device).manual_seed(seed)


@contextmanager
def borrowed_global_generator(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """Seed torch's global generators, of the CPU and a CUDA device, and restore them afterwards.

    ``nn.Module`` constructors and dropout layers draw from them and take no others. The lock
    keeps two threads that fit at once from drawing from one stream.
    """
    device = torch.device(device)
    cuda = [device] if device.type == "cuda" else []
    with _GLOBAL_GENERATOR, torch.random.fork_rng(devices=cuda):
        torch.set_rng_state(make_generator(seed).get_state())
        for lent in cuda:
            torch.cuda.set_rng_state(make_generator(seed, lent).get_state(), lent)
        yield
