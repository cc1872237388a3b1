"""What the benchmarks share: the folder of the data, the machine in a line, and a table."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

__all__ = ["data_folder", "machine", "print_machine", "print_table"]


def data_folder() -> Path:
    """Return the folder that the data are read from."""
    return Path(os.environ.get("SKDAE_DATA", Path(__file__).parents[2] / "shared" / "data"))


def machine(device: str = "cpu") -> str:
    """Describe processor, threads, versions and date."""
    where = f"{processor()}, {torch.get_num_threads()} threads"
    if torch.device(device).type == "cuda":
        where = f"{torch.cuda.get_device_name(device)}, {where}"
    versions = f"torch {torch.__version__}, NumPy {np.__version__}"
    return f"{where}; Python {platform.python_version()}, {versions}; {datetime.date.today()}"


def processor() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def print_machine(device: str = "cpu") -> None:
    """Print what the table below was measured on."""
    print(machine(device), end="\n\n", flush=True)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown, its columns aligned."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("| " + " | ".join(cells) + " |", flush=True)
