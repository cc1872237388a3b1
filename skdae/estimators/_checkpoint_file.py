"""Checkpoints of a fit: in which file, of which data and settings, and what if it fails."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from skdae._warnings import warn_user
from skdae.data import Samples, Stored
from skdae.estimators._building import BuildingMixin
from skdae.estimators._files import remove_leftovers
from skdae.estimators._settings import stable_text
from skdae.estimators._state_file import read_state, write_state
from skdae.noise._corrupted import checksum
from skdae.tasks import Task
from skdae.training import Checkpoints, net_arrays, processes

__all__ = ["FitCheckpoint", "open_checkpoint"]

# What does not change a fit, or is compared as what it stands for.
_NOT_COMPARED = {
    *("callbacks", "checkpoint", "device", "features", "noise", "precision", "random_state"),
    *("self_supervised", "verbose"),
}


@dataclass
class FitCheckpoint:
    """The checkpoint of one fit.

    Attributes
    ----------
    owner : str
        Name of the estimator, for the messages.
    path : str
        The file.
    facts : dict of str
        Data and settings of the fit, as texts.
    seeds : list of int
        Those of the fit, which ``random_state=None`` does not give again.
    state : dict or None, default=None
        What the file holds, to go on from.
    is_complete : bool, default=False
        Whether that is a trained net.
    failed : bool, default=False
        Whether the last writing failed.
    """

    owner: str
    path: str
    facts: dict[str, str]
    seeds: list[int]
    state: dict[str, Any] | None = None
    is_complete: bool = False
    failed: bool = False

    def read(self) -> None:
        """Read the file, if there is one, and check that it is that of this fit.

        Raises
        ------
        ValueError
            If the file is damaged, or that of other data or settings.
        OSError
            If it cannot be read.
        """
        try:
            saved = read_state(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return
        except ValueError as error:
            raise ValueError(
                f"{self.path} cannot be the checkpoint of {self.owner}: {error}. Delete it to "
                "start anew, or set 'checkpoint' to another file."
            ) from None
        facts = saved["facts"]
        for name in (*self.facts, *facts):
            before, now = (known.get(name, "nothing") for known in (facts, self.facts))
            if before != now:
                raise ValueError(
                    f"{self.path} is the checkpoint of another fit: {name} was {_short(before)}, "
                    f"and {self.owner} has {_short(now)}. Fit with the same data and settings to "
                    "go on, delete the file to start anew, or set 'checkpoint' to another file, or "
                    "to a folder, where each fit has a file of its own."
                )
        self.seeds = saved["seeds"]
        self.state, self.is_complete = saved["state"], saved["is_complete"]

    def keeper(self) -> Checkpoints:
        """Return what goes on from the state, and writes those of the epochs to come."""
        state, self.state = self.state, None
        return Checkpoints(self.write, state)

    def write(self, state: dict[str, Any], *, is_complete: bool = False) -> None:
        """Write a state; if that fails, warn once, and leave the file as it was."""
        saved = {"facts": self.facts, "seeds": self.seeds, "is_complete": is_complete}
        try:
            write_state(self.path, {**saved, "state": state})
            self.failed = False
        except OSError as error:
            if is_complete or not self.failed:
                warn_user(
                    f"{self.owner} cannot write its checkpoint {self.path}: {error}. "
                    + ("The fit is complete, and " if is_complete else "The fit goes on, and ")
                    + "the file stays as it was."
                )
            self.failed = True

    def finish(self, estimator: BuildingMixin) -> None:
        """Write the trained net, unless it came from the file."""
        if not self.is_complete:
            self.write(net_arrays(estimator.net_), is_complete=True)


def open_checkpoint(
    estimator: BuildingMixin, task: Task, *, starts_anew: bool
) -> FitCheckpoint | None:
    """Return the checkpoint of a fit, with what its file holds; None where none is wanted.

    Parameters
    ----------
    estimator : estimator
        With its net, as it is before the training. If the file has the seeds of a fit with
        ``random_state=None``, the net is built again from these.
    task : Task
        What is learned.
    starts_anew : bool
        Whether the net is new.

    Raises
    ------
    ValueError
        If the file is damaged, or that of other data or settings.
    OSError
        If the file cannot be read, or no file can be written there.
    """
    if estimator.checkpoint is None:
        return None
    owner, given = estimator._owner, os.fsdecode(estimator.checkpoint)
    if processes().size > 1:
        raise ValueError(
            f"The 'checkpoint' parameter of {owner} must be None where several processes share a "
            f"training: each would have a state of its own. Got {given!r}."
        )
    facts = _facts(estimator, task, starts_anew=starts_anew)
    path = given
    if os.path.isdir(given):
        digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
        path = os.path.join(given, f"{owner}-{digest[:16]}.skdae")
    checkpoint = FitCheckpoint(owner, path, facts, estimator._seeds)
    checkpoint.read()
    if not checkpoint.is_complete:
        _check_folder(given, path, owner)
        remove_leftovers(path)
    if checkpoint.seeds != estimator._seeds:
        estimator._seeds = checkpoint.seeds
        estimator.net_ = estimator._new_net(torch.device(estimator.net_.device))
    return checkpoint


def _check_folder(given: str, path: str, owner: str) -> None:
    """Check that there is a folder that takes files."""
    # What ends in a slash is no name of a file.
    folder = os.path.dirname(os.path.realpath(path)) if os.path.basename(path) else path
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            error.errno,
            f"The 'checkpoint' parameter of {owner} must name a file in a folder that exists and "
            f"can be written, or such a folder. Got {given!r}: {error.strerror}",
        ) from error


def _facts(estimator: BuildingMixin, task: Task, *, starts_anew: bool) -> dict[str, str]:
    """Return data and settings of a fit, as texts that are the same in every process."""
    kind, net = type(estimator), estimator.net_
    parameters = {
        name: stable_text(value)
        for name, value in estimator.get_params(deep=False).items()
        if name not in _NOT_COMPARED
    }
    seeds = str(estimator._seeds)
    return {
        "estimator": f"{kind.__module__}.{kind.__qualname__}",
        "X": _data_text(task.samples),
        "y": _data_text(task.target),
        **_further_data(task),
        **parameters,
        "noise": stable_text(task.noise),
        "task": type(task).__name__,
        "callbacks": stable_text([_kind_of(item) for item in estimator.callbacks or ()]),
        "device": torch.device(net.device).type,
        "precision": estimator._precision,
        "random_state": "None" if starts_anew and estimator.random_state is None else seeds,
        "start": "a new net" if starts_anew else stable_text(net_arrays(net)),
    }


def _kind_of(item: Any) -> str:
    callback = item[1] if isinstance(item, (tuple, list)) else item
    return (callback if isinstance(callback, type) else type(callback)).__qualname__


def _data_text(samples: Samples | None) -> str:
    if samples is None:
        return "nothing"
    found = [_checksum(part) for part in samples.parts]
    what = f"{len(found)} samples" if samples.is_list else f"shape {found[0][0]}"
    return f"{what} of {samples.dtype.name} with checksum {zlib.crc32(repr(found).encode()):08x}"


def _further_data(task: Task) -> dict[str, str]:
    """Return what else the user gave, where there is any."""
    facts = {}
    if task.weights is not None:
        facts["sample_weight"] = f"weights with checksum {zlib.crc32(task.weights.tobytes()):08x}"
    if task.validation is not None:
        facts["X_val"] = _data_text(task.validation.samples)
        facts["y_val"] = _data_text(task.validation.target)
    return facts


def _checksum(part: np.ndarray) -> tuple:
    """Return shape and checksum of an array, block by block of one that stays in a file."""
    if not isinstance(part, Stored):
        return checksum(part)
    blocks = [checksum(part[block]) for block in part.blocks()]
    return part.shape, zlib.crc32(repr(blocks).encode())


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:60]}...{text[-17:]}"
