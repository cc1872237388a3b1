"""Fixtures of all tests, and what a machine must have for some of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Before anything imports matplotlib: doctests draw too, and no window may open.
os.environ["MPLBACKEND"] = "Agg"

# A shared machine may be slow at any moment; hypothesis has a profile of its own for CI.
settings.register_profile("local", deadline=None)
if "CI" not in os.environ:
    settings.load_profile("local")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a CUDA device where there is none."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture
def pyplot() -> Iterator[Any]:
    """Give ``matplotlib.pyplot`` without figures, and close what the test opens."""
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.close("all")
    yield plt
    plt.close("all")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Give the folder of the data sets that are not part of the repository."""
    default = Path(__file__).parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("SKDAE_DATA", default)).resolve()
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: set SKDAE_DATA to the folder with the data sets")
    return folder
