"""Where and how precisely to compute."""

from __future__ import annotations

import multiprocessing
import re
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from skdae.training._distributed import local_rank

__all__ = [
    "PRECISIONS",
    "autocast",
    "free_memory",
    "on_device",
    "place",
    "resolve_device",
    "resolve_precision",
]

PRECISIONS = ("auto", "bfloat16", "float32")


def resolve_device(device: str, owner: str) -> torch.device:
    """Return the device; "auto" takes CUDA, then MPS, then the CPU.

    "cuda" without a number is the current GPU; numbered worker processes, as joblib starts
    them for a search and torchrun for a training, take turns.

    Raises
    ------
    ValueError
        If torch does not know the device or does not find it on this machine.
    """
    if device in ("auto", "cuda") and torch.cuda.is_available():
        return torch.device("cuda", _gpu_of_this_process(torch.cuda.device_count()))
    if device == "auto":
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
        if resolved.type == "meta":
            raise RuntimeError("tensors on it have shapes, but no values")
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"The 'device' parameter of {owner} must be 'auto' or a device that torch finds "
            f"on this machine, such as 'cpu'. Got {device!r} instead: "
            f"{str(error).splitlines()[0]}"
        ) from None
    return resolved


def _gpu_of_this_process(n_gpus: int) -> int:
    """Return the GPU of a worker process, from its number in its name or by torchrun."""
    worker = re.search(r"-(\d+)$", multiprocessing.current_process().name)
    number = int(worker[1]) if worker else local_rank()
    return torch.cuda.current_device() if number is None else number % n_gpus


def resolve_precision(precision: str, module: nn.Module, device: torch.device) -> str:
    """Return the precision; "auto" is bfloat16 for convolutions where it is fast.

    The processor must have units for it: a CPU with AVX512-BF16 or AMX, or a GPU since Ampere.
    For dense layers, converting the weights at every step costs what the units gain.
    """
    if precision != "auto":
        return precision
    convolves = any(parameter.ndim > 2 for parameter in module.parameters())
    return "bfloat16" if convolves and _has_bfloat16_units(device) else "float32"


def _has_bfloat16_units(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        capabilities: dict = getattr(torch.cpu, "get_capabilities", dict)()  # since torch 2.11
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """Return the context in which a module computes."""
    if precision == "float32":
        return nullcontext()
    # Weights that autocast caches would be lost with the memory of a captured step.
    return torch.autocast(device.type, dtype=torch.bfloat16, cache_enabled=False)


def on_device(device: torch.device) -> AbstractContextManager:
    """Return a context that makes a GPU the current one."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def place(rows: list[torch.Tensor], device: torch.device) -> list[torch.Tensor]:
    """Move data to the device, or leave it where it is if half the free GPU would not hold it."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if sum(part.nbytes for part in rows) > free / 2:
            return rows
    return [part.to(device) for part in rows]


def free_memory(device: torch.device | str) -> None:
    """Return cached memory of a GPU to the system, for other processes."""
    if torch.device(device).type == "cuda":
        torch.cuda.empty_cache()
