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


# Checks that scikit-learn runs on its own estimators, but does not generate for others.
LEFT_OUT_BY_THE_GENERATOR = [
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
    "check_get_feature_names_out_error",
    "check_dataframe_column_names_consistency",
    "check_param_validation",
    "check_inplace_ensure_writeable",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what decides what ``precision="auto"`` finds on the processor."""
    parser.addoption(
        "--bfloat16",
        choices=["auto", "on", "off"],
        default="auto",
        help="whether precision='auto' finds units for bfloat16; torch imitates missing ones",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Let torch report the units that the option asks for."""
    choice = config.getoption("--bfloat16")
    if choice == "auto":
        return
    import torch

    units = dict.fromkeys(["avx512_bf16", "amx_bf16"], choice == "on")
    found = {**torch.cpu.get_capabilities(), **units}
    torch.cpu.get_capabilities = lambda: found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes ``left_out_check`` once for each of these checks."""
    if "left_out_check" in metafunc.fixturenames:
        metafunc.parametrize("left_out_check", LEFT_OUT_BY_THE_GENERATOR)


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


@pytest.fixture(scope="module")
def digits() -> Any:
    """Return the digits of scikit-learn, images of shape (8, 8) in [0, 1]."""
    from skdae.datasets import load_digits

    return load_digits()[0]


@pytest.fixture(scope="module")
def rows(digits: Any) -> Any:
    """Return the digits as rows of 64 values."""
    return digits.reshape(len(digits), -1)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Give the folder of the data sets that are not part of the repository."""
    default = Path(__file__).parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("SKDAE_DATA", default)).resolve()
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: set SKDAE_DATA to the folder with the data sets")
    return folder
