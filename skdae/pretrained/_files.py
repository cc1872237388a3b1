"""The two files of a model: weights as float16 (npz), and a record of plain data (JSON).

The record has the SHA-256 of the weights; that of the record is in ``_models.py``.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["read_record", "read_weights", "write_model"]

_ADVICE = "Install skdae again: pip install --force-reinstall --no-deps skdae."


def write_model(folder: Path, name: str, arrays: Mapping[str, np.ndarray], record: dict) -> None:
    """Write the weights of a model, rounded to float16, and its record."""
    buffer = io.BytesIO()
    halves: dict[str, Any] = {
        key: np.asarray(value, dtype=np.float16) for key, value in arrays.items()
    }
    np.savez(buffer, **halves)
    weights = buffer.getvalue()
    (folder / f"{name}.npz").write_bytes(weights)
    text = json.dumps({**record, "sha256": _sha256(weights)}, indent=1)
    (folder / f"{name}.json").write_bytes(text.encode() + b"\n")


def read_record(folder: Traversable, name: str, *, sha256: str | None = None) -> dict[str, Any]:
    """Return the record of a model.

    Parameters
    ----------
    folder : Traversable
        Where its files are.
    name : str
        Name of the model.
    sha256 : str or None, default=None
        The checksum that the file must have; None looks at none.

    Raises
    ------
    FileNotFoundError
        If the file is missing.
    ValueError
        If the file is damaged.
    """
    return json.loads(_checked(folder, f"{name}.json", sha256))


def read_weights(folder: Traversable, name: str, record: Mapping[str, Any]) -> dict:
    """Return the weights of a model as float32, by their names in the module.

    Raises
    ------
    FileNotFoundError
        If the file is missing.
    ValueError
        If the file is not the one that the record was written with.
    """
    content = io.BytesIO(_checked(folder, f"{name}.npz", record["sha256"]))
    with np.load(content, allow_pickle=False) as file:
        return {key: file[key].astype(np.float32) for key in file.files}


def _checked(folder: Traversable, file: str, sha256: str | None) -> bytes:
    """Return the content of a file that has the checksum."""
    try:
        content = folder.joinpath(file).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{folder.joinpath(file)} is missing, which skdae.pretrained reads. {_ADVICE}"
        ) from None
    found = _sha256(content)
    if sha256 is not None and found != sha256:
        raise ValueError(
            f"{folder.joinpath(file)} is damaged: its SHA-256 must be {sha256}. Got {found}. "
            f"{_ADVICE}"
        )
    return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
