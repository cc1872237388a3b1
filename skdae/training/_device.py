"""Where and how precisely to compute."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

__all__ = ["PRECISIONS", "autocast", "resolve_device"]

PRECISIONS = ("bfloat16", "float32")


def resolve_device(device: str, owner: str) -> torch.device:
    """Return the device; "auto" takes CUDA, then MPS, then the CPU.

    Raises
    ------
    ValueError
        If torch does not know the device or does not find it on this machine.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"The 'device' parameter of {owner} must be 'auto' or a device that torch finds "
            f"on this machine, such as 'cpu'. Got {device!r} instead: "
            f"{str(error).splitlines()[0]}"
        ) from None
    return resolved


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """Return the context in which a module computes."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
