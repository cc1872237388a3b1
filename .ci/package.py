"""Build sdist and wheel where most can go wrong, and use the wheel as a user without extras does.

The tree is built in a folder named build/, without git, with the leftovers of a developer in it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOT_IN_THE_SDIST = (".ci/", ".pre-commit-config.yaml")
# Weights of models are part of it, 2.8 MB each.
LARGEST_WHEEL = 12_000_000
LEFTOVERS = [
    ".hypothesis/examples/x",
    ".venv/pyvenv.cfg",
    "demo/digits.png",
    "dist/skdae-0.0.1.tar.gz",
    "docs/_build/html/index.html",
    "docs/auto_examples/plot_x.rst",
    "docs/generated/skdae.x.rst",
    "skdae/__pycache__/x.cpython-311.pyc",
    "shared/data.npy",
]


def main() -> None:
    """Build, compare, install and use."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "build", "skdae")
        files = copy_tree(tree)
        run(sys.executable, "-m", "hatchling", "build", "--directory", folder, cwd=tree)
        (sdist,) = Path(folder).glob("*.tar.gz")
        (wheel,) = Path(folder).glob("*.whl")
        check_contents(sdist, wheel, files)
        check_links(wheel)
        use_without_extras(wheel, Path(folder, "venv"))


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command and return what it prints; what it says when it fails is shown."""
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


def copy_tree(tree: Path) -> set[str]:
    """Copy what git knows or would add, put leftovers beside it, and name the copied files."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard")
    files = {name for name in listed.splitlines() if (ROOT / name).is_file()}
    for name in [*files, *LEFTOVERS]:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes((ROOT / name).read_bytes() if name in files else b"left over")
    return files


def check_contents(sdist: Path, wheel: Path, files: set[str]) -> None:
    """Compare what was packed with the files of the repository."""
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    expected = {name for name in files if not name.startswith(NOT_IN_THE_SDIST)} | {"PKG-INFO"}
    assert packed == expected, f"{sdist.name}: {sorted(packed ^ expected)}"

    assert wheel.stat().st_size < LARGEST_WHEEL, f"{wheel.name}: {wheel.stat().st_size} bytes"
    packed = set(zipfile.ZipFile(wheel).namelist())
    about = {name for name in packed if ".dist-info/" in name}
    expected = {name for name in files if name.startswith("skdae/")}
    assert packed - about == expected, f"{wheel.name}: {sorted((packed - about) ^ expected)}"
    assert {name.rpartition("/")[2] for name in about} == {"LICENSE", "METADATA", "RECORD", "WHEEL"}


def check_links(wheel: Path) -> None:
    """Look for links in the README that lead nowhere outside of the repository."""
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
    text = archive.read(name).decode()
    relative = re.findall(r"\]\((?!https?:|#)[^)]*\)|(?:href|src)=\"(?!https?:)[^\"]*\"", text)
    assert not relative, f"the README links to {relative}"
    assert text.endswith((ROOT / "README.md").read_text(encoding="utf-8")[-500:]), "cut too much"


def use_without_extras(wheel: Path, folder: Path) -> None:
    """Install the wheel, and nothing that it does not ask for, and run what a user would.

    Isolated (-I), lest PYTHONPATH of whoever calls brings the repository along.
    """
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    constraints = ROOT / "constraints.txt"
    run(python, "-I", "-m", "pip", "install", "--quiet", "--constraint", constraints, wheel)
    print(run(python, "-I", "-W", "error", ROOT / ".ci" / "without_extras.py", cwd=folder), end="")


if __name__ == "__main__":
    main()
