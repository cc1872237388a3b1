"""The arrows between the rooms, read from the source: what may import what."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import skdae

PACKAGE = Path(skdae.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# What each room may import beside itself and the standard library; rooms begin with a dot.
ARROWS = {
    ".__init__": set(),
    "._checks": {"numpy", "scipy", "sklearn"},
    "._optional": set(),
    "._random": {"numpy", "sklearn", "torch"},
    "._sklearn": {"numpy", "sklearn"},
    "._warnings": set(),
    ".data": {"._checks", "._warnings", "numpy", "sklearn", "torch"},
    ".noise": {
        *("._checks", "._optional", "._random", "._sklearn", "._warnings", ".data"),
        *("numpy", "sklearn", "torch"),
    },
    ".nn": {"torch"},
    ".training": {"._random", ".data", "joblib", "numpy", "skorch", "torch", "tqdm"},
    ".tasks": {
        *("._checks", "._warnings", ".data", ".noise", ".training"),
        *("numpy", "sklearn", "torch"),
    },
    ".inference": {"._optional", ".data", ".nn", ".training", "numpy", "scipy", "torch"},
    ".estimators": {
        *(".__version__", "._checks", "._optional", "._random", "._sklearn", "._warnings"),
        *(
            ".data",
            ".inference",
            ".nn",
            ".noise",
            ".tasks",
            ".training",
            "numpy",
            "safetensors",
            "sklearn",
            "torch",
        ),
    },
    ".pretrained": {
        *("._random", "._warnings", ".data", ".estimators", ".noise", ".training"),
        *("numpy", "scipy", "sklearn", "torch"),
    },
    ".recipes": {"._sklearn", ".data", ".estimators", ".nn", ".noise", "numpy", "torch"},
    ".metrics": {
        *("._checks", "._optional", "._sklearn", "._warnings", ".data", ".noise"),
        *("numpy", "sklearn", "torch"),
    },
    ".plotting": {
        *("._checks", "._optional", "._sklearn", ".data", ".metrics", ".noise", ".training"),
        *("numpy", "sklearn"),
    },
    ".marginalized": {"._sklearn", "numpy", "scipy", "sklearn"},
    ".persistence": {".data", ".estimators", ".metrics", ".recipes"},
    ".datasets": {"._optional", "._sklearn", "numpy", "sklearn"},
}
OPTIONAL = {"PIL", "matplotlib", "pandas", "polars", "pyarrow", "pywt", "safetensors", "skimage"}
OPTIONAL |= {"onnx", "onnxscript", "skops"}
GLOBAL_SEEDING = {
    *("random.seed", "np.random.seed", "numpy.random.seed", "np.random.set_state"),
    *("torch.manual_seed", "torch.random.manual_seed", "torch.seed", "torch.random.seed"),
    *("torch.cuda.manual_seed", "torch.cuda.manual_seed_all", "torch.mps.manual_seed"),
}

each_file = pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))


def room_of(file: Path) -> str:
    """Name the room of a file: its folder in skdae, or itself."""
    return "." + file.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(file: Path) -> Iterator[str]:
    """Yield the dotted path of every imported thing: ``from a.b import c`` is ``a.b.c``."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import: {ast.unparse(node)}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def origin(path: str) -> str:
    """Name the room of skdae, or the package, that an imported path belongs to."""
    first, *rest = path.split(".")
    return f".{rest[0]}" if first == "skdae" and rest else first


@each_file
def test_imports_follow_the_arrows(file):
    room = room_of(file)
    origins = {origin(path) for path in imported(file)}
    foreign = origins - ARROWS[room] - {room} - sys.stdlib_module_names
    assert not foreign, f"{room} must not import {sorted(foreign)}"


@each_file
def test_private_scikit_learn_has_one_importer(file):
    private = [p for p in imported(file) if p.startswith("sklearn.") and "._" in p]
    assert not private or file == PACKAGE / "_sklearn.py", private


@each_file
def test_no_global_generator_is_seeded(file):
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    calls = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    assert not GLOBAL_SEEDING & calls


@each_file
def test_files_are_short(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 400


def run(code: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_skdae_loads_none_of_what_it_needs():
    heavy = {"numpy", "scipy", "sklearn", "skorch", "torch"}
    assert run(f"import sys, skdae; print(*{heavy} & set(sys.modules))") == ""


def test_every_module_imports_without_the_optional_packages():
    modules = [".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts) for file in FILES]
    run(
        f"import sys; sys.modules.update(dict.fromkeys({OPTIONAL}))\n"
        f"from importlib import import_module\n"
        f"for module in {modules}: import_module(module)"
    )


def test_public_names_are_sorted():
    assert skdae.__all__ == sorted(skdae.__all__)


@pytest.mark.parametrize("name", skdae.__all__)
def test_public_names_resolve_and_are_listed(name):
    value = getattr(skdae, name)
    assert name in dir(skdae)
    if name in skdae._HOME:
        assert name in import_module(f"skdae.{skdae._HOME[name]}").__all__
        assert value.__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'skdae' has no attribute 'ConvDEA'"):
        skdae.ConvDEA  # noqa: B018
