"""``make gpu``: how the checks are run and reported. What they check needs a GPU."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def gpu():
    """Give benchmarks/gpu.py as a module, as if run from its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        yield importlib.import_module("gpu")


@pytest.fixture
def found(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


@pytest.mark.parametrize("arguments", [[], ["--only", "3"], ["--function", "versions"]])
def test_without_a_gpu_it_fails_and_says_so(arguments, gpu, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpu, "run", None)
    with pytest.raises(SystemExit) as stop:
        gpu.main(arguments)
    assert str(stop.value).startswith("No CUDA device: torch ")  # a text makes the status 1
    assert capsys.readouterr().out == ""


def python(code):
    return ["-c", code]


@pytest.mark.parametrize(
    ("commands", "result", "detail"),
    [
        ([python("print('head'); print('a | b')")], "ok", "a / b"),
        ([python("print(1)"), python("print(2)")], "ok", "1; 2"),
        ([python("print(1); raise SystemExit('why')"), python("print(2)")], "FAILED", "why"),
        ([python("pass")], "ok", ""),
        ([python("import time; time.sleep(60)"), python("print(2)")], "TOO SLOW", ""),
        ([["-c", "print('3 passed in 1s')", "pytest"]], "ok", "3 passed in 1s"),
        ([["-c", "print('3 skipped in 1s')", "pytest"]], "skipped", "3 skipped in 1s"),
    ],
)
def test_a_check_has_a_result_and_the_last_lines(commands, result, detail, gpu):
    seconds = 1 if result == "TOO SLOW" else 30
    assert gpu.run(commands, seconds)[:2] == (result, detail)


def test_the_table_is_markdown_and_failures_follow(gpu, found, monkeypatch, capsys):
    results = {1: ("ok", "fine", "..."), 2: ("FAILED", "1 failed", "the whole output")}
    seen = []

    def run(commands, seconds):
        seen.append((commands, seconds))
        return results[len(seen)]

    monkeypatch.setattr(gpu, "run", run)
    monkeypatch.setattr(gpu, "CHECKS", [("one", [gpu.versions]), ("two", [["-m", "x"]])])
    with pytest.raises(SystemExit) as stop:
        gpu.main([])
    assert stop.value.code == 1
    _, _, head, line, first, second, *rest = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in (head, first, second)]
    assert cells == [
        ["check", "result", "s", "detail"],
        ["1. one", "ok", "0", "fine"],
        ["2. two", "FAILED", "0", "1 failed"],
    ]
    assert set(line) == set("|- ")
    assert rest[-1] == "the whole output"
    assert seen == [([[gpu.__file__, "--function", "versions"]], 60), ([["-m", "x"]], 60)]


def test_one_check_alone(gpu, found, monkeypatch, capsys):
    monkeypatch.setattr(gpu, "run", lambda commands, seconds: ("ok", "fine", ""))
    gpu.main(["--only", "5"])
    assert [row for row in capsys.readouterr().out.splitlines() if row.startswith("| 5. ")]


def test_there_are_ten_checks_of_things_that_exist(gpu):
    assert len(gpu.CHECKS) == 10
    tests = (ROOT / "tests" / "test_captured.py").read_text(encoding="utf-8")
    for _, parts in gpu.CHECKS:
        for part in parts:
            if callable(part):
                assert getattr(gpu, part.__name__) is part
            elif "-k" in part:
                expression = part[part.index("-k") + 1]
                for word in re.findall(r"\w+", expression):
                    assert word in ("and", "or") or word in tests


def test_what_runs_is_this_python(gpu):
    output = gpu.run([python("import sys; print(sys.executable)")], 30)[2]
    assert output.strip() == sys.executable
