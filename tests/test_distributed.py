"""One training on several processes, which torchrun starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import skdae
from shared_fits import DRAWN, SAID, SAME, run

SCRIPT = Path(__file__).with_name("shared_fits.py")
# Starting takes 5 seconds on two idle cores.
LONGEST = 240


def torchrun(n_processes: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the script on several processes."""
    path = [str(Path(skdae.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1"}
    start = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={n_processes}"]
    command = [sys.executable, *start, SCRIPT, *arguments]
    return subprocess.run(
        [str(part) for part in command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )


def names_of(cases):
    return [case.__name__ for case in cases]


def read(folder, name, n_processes):
    """Return what a case returned in each process."""
    return [dict(np.load(folder / f"{name}-{rank}.npz")) for rank in range(n_processes)]


def run_once(factory, name, n_processes, *cases):
    """Run cases in a folder, once for all workers of xdist; the others wait for the first one."""
    folder = factory.getbasetemp() / name
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = factory.getbasetemp().parent / name
    done = folder / "done.json"
    try:
        folder.mkdir()
    except FileExistsError:
        end = time.monotonic() + LONGEST
        while not done.exists() and time.monotonic() < end:
            time.sleep(0.1)
    else:
        result = torchrun(n_processes, folder, "cpu", *cases)
        unfinished = folder / "unfinished.json"
        unfinished.write_text(json.dumps([result.returncode, result.stderr]), encoding="utf-8")
        unfinished.rename(done)
    return folder, *json.loads(done.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    """Run all cases on two processes."""
    names = names_of((*SAME, *DRAWN, *SAID))
    folder, status, errors = run_once(tmp_path_factory, "two", 2, *names, "inside_own_group")
    assert status == 0, errors[-3000:]
    return lambda name: read(folder, name, 2)


@pytest.fixture(scope="module")
def of_three(tmp_path_factory):
    """Run some cases on three processes, the last of which fails."""
    names = ["small_batches", "single_rows", "own", "in_turns", "uncaught"]
    return run_once(tmp_path_factory, "three", 3, *names)


def assert_as_one_process(name, result):
    """The largest difference of weights after one epoch is 1e-5; here it is after two or more."""
    alone = run(name)
    assert alone.keys() == result.keys()
    for key, value in alone.items():
        np.testing.assert_allclose(result[key], value, rtol=1e-5, atol=1e-5, err_msg=key)


def assert_equal_bits(results):
    first, *others = results
    for other in others:
        assert first.keys() == other.keys()
        for key, value in first.items():
            np.testing.assert_array_equal(value, other[key], err_msg=key)


# ------------------------------------------------------------------ started by torchrun
@pytest.mark.parametrize("name", names_of(SAME))
def test_without_noise_two_processes_train_as_one_does(name, of_two):
    results = of_two(name)
    assert_equal_bits(results)
    assert_as_one_process(name, results[0])


@pytest.mark.parametrize("name", names_of(DRAWN))
def test_with_noise_all_processes_end_with_the_same_weights(name, of_two):
    results = of_two(name)
    assert_equal_bits(results)
    assert all(np.isfinite(value).all() for value in results[0].values())


@pytest.mark.parametrize("name", ["small_batches", "single_rows"])
def test_three_processes_where_some_have_no_rows_of_their_own(name, of_three):
    results = read(of_three[0], name, 3)
    assert_equal_bits(results)
    assert_as_one_process(name, results[0])


def test_three_processes_with_a_module_of_the_user(of_three):
    assert_equal_bits(read(of_three[0], "own", 3))


def test_noise_trains_as_well_as_on_one_process(of_two):
    alone, shared = run("noise")["loss_curve_"], of_two("noise")[0]["loss_curve_"]
    assert shared[-1] == pytest.approx(alone[-1], rel=0.05)
    assert shared[-1] != alone[-1]  # other noise


def test_a_search_shares_each_fit(of_two):
    sizes = of_two("search")[0]["more1"]
    assert sizes.tolist() == [2] * 5  # two candidates on two folds, and the best on all


def test_early_stopping_ends_all_at_once(of_two):
    first, second = (int(result["more0"]) for result in of_two("stopped"))
    assert first == second < 40


def test_workers_of_joblib_train_alone(of_two):
    assert [result["sizes"].tolist() for result in of_two("workers")] == [[1] * 4] * 2


def test_only_the_first_process_prints_and_warns(of_two):
    first, second = of_two("said")
    assert "epoch 2/2" in str(first["bar"])
    assert int(first["n_warnings"]) == 1
    assert str(second["bar"]) == ""
    assert int(second["n_warnings"]) == 0


@pytest.mark.parametrize("name", ["failed", "inside_own_group"])
def test_a_failure_in_one_process_ends_the_training_in_all(name, of_two):
    first, second = of_two(name)
    assert str(second["message"]) == "OSError: no space left on device"
    assert "OtherProcessFailed: Another of the 2 processes" in str(first["message"])
    assert float(first["s"]) < 10
    assert not first["is_fitted"]
    assert not second["is_fitted"]


def test_the_message_of_a_failure_comes_to_all(of_two):
    assert "Process 1: OSError: no space left on device" in str(of_two("failed")[0]["message"])


def test_a_failure_before_the_training_ends_all(of_two):
    first, second = of_two("refused")
    assert "NaN" in str(second["message"])
    assert "Process 1: ValueError: Input X contains NaN" in str(first["message"])
    assert float(first["s"]) < 10


def test_failures_one_after_the_other_leave_nobody_waiting(of_three):
    results = read(of_three[0], "in_turns", 3)
    for rank, result in enumerate(results):
        for i, message in enumerate(result.pop("messages")):
            start = "ValueError: Input X" if i % 3 == rank else f"Process {i % 3}: ValueError"
            assert start in str(message)
    assert_equal_bits(results)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("other_data", "differ in the number of samples: [102] in process 0 and [101]"),
        ("other_seed", "differ in the first or the last sample"),
        ("other_step", "differ in what they do: a fit in process 0 and training in process 1"),
    ],
)
def test_processes_that_do_not_train_the_same_are_an_error_in_each(name, what, of_two):
    for result in of_two(name):
        assert what in str(result["message"])
        assert "random_state" in str(result["message"])


def test_a_loss_that_explodes_does_so_everywhere(of_two):
    for result in of_two("diverged"):
        assert "The training of DenseDAE diverged" in str(result["message"])


def test_a_group_of_the_user_is_used_and_stays(of_two):
    results = of_two("inside_own_group")
    weights = [{k: v for k, v in r.items() if "weight" in k or "bias" in k} for r in results]
    assert_equal_bits(weights)
    assert [result["ones"].tolist() for result in results] == [[2], [2]]


def test_a_failure_that_nobody_catches_ends_all_processes(of_three):
    folder, status, errors = of_three
    assert status != 0
    assert "no space left on device" in errors
    assert not list(folder.glob("uncaught-*"))


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_two_gpus_end_with_the_same_weights(tmp_path):
    done = torchrun(2, tmp_path, "cuda", "dense", "unet", "own", "failed")
    assert done.returncode == 0, done.stderr[-3000:]
    for name in ("dense", "unet", "own"):
        assert_equal_bits(read(tmp_path, name, 2))
