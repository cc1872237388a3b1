"""Files of checkpoints: on disks that are full or gone, damaged, and what is in them."""

import _thread
import errno
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone

from killed_fits import TABLE, assert_same, before_epoch, counted_epochs, killed_after, quick
from skdae import GaussianNoise
from skdae.estimators import _files, _state_file
from skdae.estimators._settings import stable_text
from skdae.estimators._state_file import read_state, write_state

pytestmark = pytest.mark.usefixtures("every_epoch")


# ---------------------------------------------------------------- disks
def full(*args):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_stops_no_fit(tmp_path, monkeypatch):
    expected = quick().fit(TABLE)
    dae = quick(checkpoint=tmp_path / "fit")

    def fill(epoch, net):
        if epoch == 3:
            monkeypatch.setattr(os, "fsync", full)

    with (
        before_epoch(fill),
        pytest.warns(UserWarning, match=r"cannot write its checkpoint .*No space") as caught,
    ):
        dae.fit(TABLE)
    # One of epoch 3, and one of the end.
    assert ["goes on" in str(one.message) for one in caught] == [True, False]
    assert {one.filename for one in caught} == {__file__}
    assert_same(dae, expected)
    # What was written before is whole, and all there is.
    assert [file.name for file in tmp_path.iterdir()] == ["fit"]
    monkeypatch.undo()
    with counted_epochs() as epochs:
        again = clone(dae).fit(TABLE)
    assert epochs == [3, 4]
    assert_same(again, expected)


def test_a_disk_that_is_full_for_a_while(tmp_path, monkeypatch):
    def fill(epoch, net):
        monkeypatch.setattr(_files.os, "replace", full if epoch in (1, 3) else os.rename)

    dae = quick(checkpoint=tmp_path / "fit")
    with before_epoch(fill), pytest.warns(UserWarning, match="cannot write") as caught:
        dae.fit(TABLE)
    assert len(caught) == 2
    with counted_epochs() as epochs:
        assert_same(clone(dae).fit(TABLE), dae)
    assert not epochs


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_device_is_no_checkpoint():
    with pytest.raises(ValueError, match="/dev/full cannot be the checkpoint"):
        quick(checkpoint="/dev/full").fit(TABLE)


@pytest.mark.parametrize("where", ["missing/fit", "missing/", "file/fit"])
def test_a_folder_that_is_missing_is_an_error_at_once(where, tmp_path):
    (tmp_path / "file").touch()
    given = f"{tmp_path}/{where}"
    dae = quick(checkpoint=given)
    with (
        counted_epochs() as epochs,
        pytest.raises(
            OSError, match=f"'checkpoint' parameter of DenseDAE must .*{re.escape(given)}"
        ),
    ):
        dae.fit(TABLE)
    assert not epochs
    assert not hasattr(dae, "net_")


def refuse(*args, **kwargs):
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_a_folder_that_cannot_be_written_is_an_error_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with counted_epochs() as epochs, pytest.raises(PermissionError, match="can be written"):
        quick(checkpoint=tmp_path / "fit").fit(TABLE)
    assert not epochs


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do all")
def test_a_read_only_folder(tmp_path):
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(PermissionError, match="can be written"):
            quick(checkpoint=tmp_path / "fit").fit(TABLE)
    finally:
        tmp_path.chmod(0o755)


def test_a_complete_fit_is_read_from_a_read_only_folder(tmp_path, monkeypatch):
    dae = quick(checkpoint=tmp_path / "fit").fit(TABLE)
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert_same(clone(dae).fit(TABLE), dae)


def test_a_vanished_folder_stops_no_fit(tmp_path):
    expected = quick().fit(TABLE)
    folder = tmp_path / "folder"
    folder.mkdir()

    def vanish(epoch, net):
        if epoch == 3:
            shutil.rmtree(folder)

    dae = quick(checkpoint=folder)
    with before_epoch(vanish), pytest.warns(UserWarning, match="cannot write its checkpoint"):
        dae.fit(TABLE)
    assert_same(dae, expected)


def test_what_killed_processes_left_is_removed_after_an_hour(tmp_path):
    dae = quick(checkpoint=tmp_path / "fit")
    begin = _files._beside(str(tmp_path / "fit"))
    old, new, other = Path(f"{begin}old"), Path(f"{begin}new"), tmp_path / ".skdae-0-old"
    for file in (old, new, other):
        file.touch()
    for file in (old, other):
        os.utime(file, (time.time() - 4000,) * 2)
    dae.fit(TABLE)
    assert {file.name for file in tmp_path.iterdir()} == {"fit", new.name, other.name}


# ---------------------------------------------------------------- damaged files
def damaged(data):
    """Yield a file with its end missing, or with one bit of it changed."""
    rng = np.random.default_rng(0)
    for length in (0, 5, 19, 25, len(data) // 2, len(data) - 1):
        yield data[:length]
    for place in [0, 20, 25, 31, 40, len(data) - 1, *rng.integers(0, len(data), 40)]:
        changed = bytearray(data)
        changed[place] ^= 1 << int(rng.integers(8))
        yield bytes(changed)
    yield data + b"\0"
    yield b"no checkpoint"


@pytest.mark.parametrize("is_complete", [False, True])
def test_a_damaged_file_is_an_error_and_stays(is_complete, tmp_path):
    file = tmp_path / "fit"
    dae = quick(checkpoint=file)
    if is_complete:
        clone(dae).fit(TABLE)
    else:
        with killed_after(2):
            clone(dae).fit(TABLE)
    whole = file.read_bytes()
    for data in damaged(whole):
        file.write_bytes(data)
        with pytest.raises(ValueError, match=r"fit cannot be the checkpoint of DenseDAE: it is"):
            dae.fit(TABLE)
        assert not hasattr(dae, "net_")
        assert file.read_bytes() == data
    file.write_bytes(whole)
    assert_same(dae.fit(TABLE), quick().fit(TABLE))


# ---------------------------------------------------------------- the file
def test_a_state_comes_back(tmp_path):
    twice = np.arange(12, dtype=np.float32).reshape(3, 4)
    state = {
        "numbers": [1, -2.5, float("inf"), 1e-300, True, None, 2**70],
        "text": "ü\n",
        "nested": {1: ({"a": ()}, []), "b": {}},
        "arrays": [np.zeros((0, 3)), np.array(3, dtype=np.int64), np.array([True, False])],
        "nan": np.array([np.nan, -0.0]),
        "twice": twice,
        "again": twice.copy(),
        "turned": twice.T,
        "scalar": np.float32(0.1),
    }
    write_state(tmp_path / "file", state)
    found = read_state(tmp_path / "file")
    assert found.keys() == state.keys()
    for name in ("numbers", "text", "nested"):
        assert found[name] == state[name]
    assert isinstance(found["nested"][1], tuple)
    for a, b in zip(found["arrays"], state["arrays"], strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_array_equal(a, b)
    for name in ("nan", "twice", "again", "turned"):
        np.testing.assert_array_equal(found[name], state[name])
    assert np.signbit(found["nan"][1])
    assert found["scalar"] == np.float32(0.1)


def test_equal_arrays_are_in_the_file_once(tmp_path):
    array = np.random.default_rng(0).random(10_000)
    write_state(tmp_path / "once", {"a": array})
    write_state(tmp_path / "twice", {"a": array, "b": array.copy()})
    write_state(tmp_path / "other", {"a": array, "b": array + 1})
    once, twice, other = ((tmp_path / name).stat().st_size for name in ("once", "twice", "other"))
    assert twice < once + 100
    assert other > 2 * array.nbytes


def test_arrays_of_one_checksum_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(_state_file.zlib, "crc32", lambda data, start=0: 7)
    write_state(tmp_path / "file", {"a": np.zeros(5), "b": np.ones(5)})
    assert read_state(tmp_path / "file")["b"].tolist() == [1] * 5


@pytest.mark.parametrize("value", [object(), {1, 2}, {(1, 2): 3}, np.array([object()]), b"bytes"])
def test_a_file_holds_no_objects(value, tmp_path):
    with pytest.raises(TypeError, match="A checkpoint holds"):
        write_state(tmp_path / "file", {"value": value})
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- settings as texts
CODE = """
from functools import partial
import numpy as np, torch
from torch import nn
from skdae.estimators._settings import stable_text
from skdae import GaussianNoise
def enclosing(number):
    return lambda x: x * number
class Loss:
    def __init__(self): self.names = {"a", "b", "c"}; self.self = self
    def __call__(self, a, b): return 0
values = [
    enclosing(2), enclosing(3), lambda x: x + 1, lambda x: x + 2, partial(nn.Linear, bias=True),
    partial(nn.Linear, bias=False), nn.MSELoss(), nn.MSELoss(reduction="sum"),
    nn.HuberLoss(delta=2), Loss(), Loss().__call__, {"x": {"b", "a"}}, np.arange(2000.0),
    np.arange(2001.0), np.arange(3.0), torch.arange(4), GaussianNoise(0.1), GaussianNoise(0.2),
    nn.ReLU, len, "len", 2, 2.5, None, True,
]
texts = list(map(stable_text, values))
"""


def test_texts_of_settings_are_the_same_in_every_process():
    done = subprocess.run(
        [sys.executable, "-c", CODE + "print(*texts, sep='\\n')"],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = {"__name__": "__main__"}
    exec(CODE, here)
    assert done.stdout.splitlines() == here["texts"]
    assert len(set(here["texts"])) == len(here["texts"]) == 25


def test_equal_settings_have_equal_texts():
    for a, b in [
        ((8, 4), [8, np.int64(4)]),
        (1, 1.0),
        (np.array([0.5]), [0.5]),
        (torch.ones(2), [1, 1]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (GaussianNoise(0.1, random_state=1), GaussianNoise(0.1)),
    ]:
        assert stable_text(a) == stable_text(b)
    assert stable_text(_thread.allocate_lock()) == "_thread.lock"
