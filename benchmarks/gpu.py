"""The first ten minutes on a GPU: ten checks of a minute each, as a table in Markdown.

    python benchmarks/gpu.py             all checks
    python benchmarks/gpu.py --only 6    one of them

The exit status is 1 if a check fails, or if there is no CUDA device.
"""

from __future__ import annotations

import argparse
import gc
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _report import machine, print_table
from skorch.callbacks import Callback

from skdae import ConvDAE, DenseDAE, UNetDAE
from skdae.datasets import load_digits
from skdae.training import OPTIMIZERS

ROOT = Path(__file__).parents[1]
SECONDS = 60
KINDS = (DenseDAE, ConvDAE, UNetDAE)


def versions() -> str:
    """Name what everything else depends on."""
    major, minor = torch.cuda.get_device_capability()
    return (
        f"torch {torch.__version__}, CUDA {torch.version.cuda}, "
        f"cuDNN {torch.backends.cudnn.version()}, {torch.cuda.device_count()} x "
        f"{torch.cuda.get_device_name()}, compute capability {major}.{minor}"
    )


def going_on() -> str:
    """Fit, pickle, fit on: moments lie as their weights do, and the weights stay together."""
    differences = []
    for optimizer in OPTIMIZERS:
        for kind in KINDS:
            dae = small(kind, optimizer=optimizer, warm_start=True).fit(images())
            loaded = pickle.loads(pickle.dumps(dae)).fit(images())
            for weight, state in loaded.net_.optimizer_.state.items():
                for name, moment in state.items():
                    if moment.shape == weight.shape and moment.stride() != weight.stride():
                        sys.exit(f"{kind.__name__}, {optimizer}: {name} in another layout")
            differences.append(largest_difference(loaded, dae.fit(images())))
    return f"after one more fit, weights differ by {max(differences):.2g} at most"


def memory() -> str:
    """Fit ten times: what torch holds does not grow after the first two."""
    held = []
    for _ in range(10):
        small(UNetDAE, max_epochs=30).fit(images())
        gc.collect()
        torch.cuda.synchronize()
        held.append(torch.cuda.memory_reserved() / 2**20)
    detail = f"MiB held after ten fits: {', '.join(f'{size:.0f}' for size in held)}"
    if held[-1] > held[1]:
        sys.exit(detail)
    return detail


def one_seed() -> str:
    """Fit twice from one seed, as torch is set and with its deterministic algorithms."""
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    details = []
    for deterministic in (False, True):
        torch.use_deterministic_algorithms(deterministic)
        differences = {}
        for kind in KINDS:
            first, second = (small(kind, max_epochs=30).fit(images()) for _ in range(2))
            differences[kind.__name__] = largest_difference(first, second)
        how = "deterministic algorithms" if deterministic else "as torch is set"
        details.append(f"{how}: " + ", ".join(f"{k} {d:.2g}" for k, d in differences.items()))
        if deterministic and any(differences.values()):
            sys.exit("; ".join(details))
    return "; ".join(details)


def overhead() -> str:
    """Time an epoch against a bare torch loop and plain skorch."""
    from overhead import measure

    return "; ".join(
        f"{name}: {bare} us a step, skdae {ours}, skorch {theirs}"
        for name, bare, ours, theirs in measure("cuda", turns=3)
    )


class Profile(Callback):
    """Replay the captured step of a training under the profiler, once."""

    def __init__(self, lines: list[str], name: str):
        self.lines = lines
        self.name = name

    def __sklearn_clone__(self) -> Profile:
        """Stay the one that is read."""
        return self

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Count kernels, and the time between them."""
        if len(net.history) != 1:
            return
        if net._captured is None or net._captured.graph is None:
            sys.exit(f"{self.name} is not captured")
        torch.cuda.synchronize()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
            for _ in range(20):
                net._captured.graph.replay()
            torch.cuda.synchronize()
        kernels = [
            event.time_range
            for event in profiler.events()
            if event.device_type == torch.autograd.DeviceType.CUDA
        ]
        span = max(k.end for k in kernels) - min(k.start for k in kernels)
        busy = sum(k.elapsed_us() for k in kernels)
        self.lines.append(
            f"{self.name}: {len(kernels) / 20:.0f} kernels and {span / 20:.0f} us a step, "
            f"{1 - busy / span:.0%} of it gaps"
        )


def profile() -> str:
    """Look into twenty replays of a step."""
    lines: list[str] = []
    for kind in KINDS:
        small(kind, max_epochs=30, callbacks=[Profile(lines, kind.__name__)]).fit(images())
    return "; ".join(lines)


def images() -> np.ndarray:
    """Return 300 digits."""
    return load_digits()[0][:300].astype(np.float32)


def small(kind: type, **parameters: Any) -> Any:
    """Return a small estimator on the GPU."""
    settings = {"noise": "gaussian", "max_epochs": 3, "random_state": 0, "device": "cuda"}
    return kind((8,), **{**settings, **parameters})


def largest_difference(first: Any, second: Any) -> float:
    """Compare the weights of two estimators."""
    pairs = zip(first.net_.module_.parameters(), second.net_.module_.parameters(), strict=True)
    return max((a - b).abs().max().item() for a, b in pairs)


def tests(*arguments: str) -> list[str]:
    """Return what Python runs for tests that are marked ``gpu``."""
    return ["-m", "pytest", "-q", "-rN", "-m", "gpu", *arguments]


def captured(expression: str) -> list[str]:
    """Return what Python runs for some tests of captured steps."""
    return tests("tests/test_captured.py", "-k", expression)


# Each is a title, and what it runs: functions of this file and arguments of Python.
CHECKS: list[tuple[str, list[Callable[[], str] | list[str]]]] = [
    ("versions", [versions]),
    ("long trainings are captured", [captured("long_trainings")]),
    ("every noise is replayed", [captured("every_noise")]),
    ("replays learn what steps learn", [captured("replays_learn and ConvDAE")]),
    ("a failed capture is cleaned up", [captured("waits_for")]),
    ("fit, pickle, go on", [going_on]),
    ("memory and threads", [captured("memory_of or two_threads"), memory]),
    ("all other tests of GPUs", [tests("tests", "--ignore=tests/test_captured.py")]),
    ("one seed, two fits", [one_seed]),
    ("overhead, and a profile", [overhead, profile]),
]


def run(commands: list[list[str]], seconds: float) -> tuple[str, str, str]:
    """Run Python with these arguments, one after another, for so long at most.

    Returns
    -------
    result : {"ok", "skipped", "FAILED", "TOO SLOW"}
        What became of it. Tests that are all skipped have shown nothing.
    detail : str
        The last line of each output.
    output : str
        All of it.
    """
    end = time.monotonic() + seconds
    details, outputs, result = [], [], "ok"
    for arguments in commands:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # its workers end with it
        )
        try:
            output, _ = process.communicate(timeout=max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            result = "TOO SLOW"
        lines = output.strip().splitlines() or [""]
        details.append(lines[-1])
        outputs.append(output)
        if result == "TOO SLOW":
            break
        if process.returncode:
            result = "FAILED"
            break
        if "pytest" in arguments and " passed" not in lines[-1]:
            result = "skipped"
    return result, "; ".join(details).replace("|", "/"), "\n".join(outputs)


def main(arguments: list[str] | None = None) -> None:
    """Run the checks and print the table, then what failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=int, choices=range(1, len(CHECKS) + 1), metavar="CHECK")
    parser.add_argument("--function", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        sys.exit(
            f"No CUDA device: torch {torch.__version__} finds none on this machine, so that "
            "nothing was checked."
        )
    if options.function:
        print(globals()[options.function]())
        return

    print(machine(), end="\n\n", flush=True)
    rows, failed = [], []
    for number, (title, parts) in enumerate(CHECKS, 1):
        if options.only not in (None, number):
            continue
        commands = [
            part if isinstance(part, list) else [__file__, "--function", part.__name__]
            for part in parts
        ]
        start = time.monotonic()
        result, detail, output = run(commands, SECONDS)
        rows.append([f"{number}. {title}", result, f"{time.monotonic() - start:.0f}", detail])
        print(f"{number} of {len(CHECKS)}: {title}: {result}", file=sys.stderr, flush=True)
        if result != "ok":
            failed.append(f"\n{number}. {title}: {result}\n\n{output}")
    print_table(["check", "result", "s", "detail"], rows)
    if failed:
        print(*failed, sep="\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
