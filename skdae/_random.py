"""Local randomness: one seed in, private generators out, global state untouched."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state

__all__ = ["borrowed_global_generator", "draw_seeds", "make_generator"]

_GLOBAL_GENERATOR = threading.RLock()


def draw_seeds(random_state: Any, n_seeds: int) -> list[int]:
    """Draw seeds from ``random_state``; None means fresh entropy of the system.

    scikit-learn reads None as NumPy's global generator, which drawing would change.
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
    """Let torch's global generators, of the CPU and a CUDA device, start from a seed; restore them.

    ``nn.Module`` constructors and dropout layers draw from it and take no other; the
    lock keeps threads that fit side by side from sharing one stream.
    """
    device = torch.device(device)
    cuda = [device] if device.type == "cuda" else []
    with _GLOBAL_GENERATOR, torch.random.fork_rng(devices=cuda):
        torch.set_rng_state(make_generator(seed).get_state())
        for lent in cuda:
            torch.cuda.set_rng_state(make_generator(seed, lent).get_state(), lent)
        yield
