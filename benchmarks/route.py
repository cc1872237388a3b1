"""How many functions and files of skdae a call of ``fit`` or ``predict`` enters.

    python benchmarks/route.py

"Changes of file" counts how often a function and the next one entered are in different files; the
step from the benchmark into skdae counts too. One epoch in batches of 32. A fit before the first
count does the imports and fills the caches.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import FrameType

import numpy as np
from _report import print_table
from sklearn.base import clone

import skdae
from skdae import ConvDAE, GaussianNoise

PACKAGE = str(Path(skdae.__file__).parent)


def functions_entered(call: Callable[[], object]) -> list[tuple[str, int, str]]:
    """Return file, line and name of each function of skdae, in the order of the calls."""
    entered = []

    def record(frame: FrameType, event: str, arg: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGE):
            entered.append((code.co_filename, code.co_firstlineno, code.co_name))

    sys.setprofile(record)
    try:
        call()
    finally:
        sys.setprofile(None)
    return entered


def row(name: str, call: Callable[[], object]) -> list[str]:
    """Count what a call enters."""
    entered = functions_entered(call)
    files = [__file__, *(file for file, *_ in entered)]
    changes = sum(before != after for before, after in pairwise(files))
    return [name, *map(str, (len(set(entered)), len(entered), len(set(files)) - 1, changes))]


def main() -> None:
    """Print the table."""
    X = np.random.default_rng(0).random((64, 28, 28), dtype=np.float32)
    dae = ConvDAE(noise=GaussianNoise(0.1), max_epochs=1, batch_size=32, random_state=0)
    clone(dae).fit(X)
    rows = [row("fit, 64 images", lambda: dae.fit(X)), row("predict", lambda: dae.predict(X))]
    dae, images = clone(dae), list(X)
    rows += [row("fit, list of 64", lambda: dae.fit(images))]
    rows += [row("predict, list of 8", lambda: dae.predict(images[:8]))]
    print_table(["call", "functions", "calls of them", "files", "changes of file"], rows)


if __name__ == "__main__":
    main()
