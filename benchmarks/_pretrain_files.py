"""The files of pretrained models: weights as float16, and a record in JSON beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from skdae import UNetDAE
from skdae.estimators._files import check_facts
from skdae.training import load_module_arrays, module_arrays

__all__ = ["load", "save"]


def save(path: Path, dae: UNetDAE, record: dict[str, Any]) -> None:
    """Write weights to an npz file, and the record with what ``fit`` knew of the data."""
    weights = module_arrays(dae.net_.module_)
    np.savez(path, **{name: value.astype(np.float16) for name, value in weights.items()})
    facts = dae._facts()
    # What the training alone needed, and no record should hold.
    for name in ("callbacks", "checkpoint"):
        facts["settings"].pop(name, None)
    text = json.dumps({**record, "facts": facts}, indent=1)
    path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")


def load(path: Path, device: str) -> UNetDAE:
    """Return the fitted estimator of a pair of such files."""
    record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    settings = {**record["settings"], "channels": tuple(record["settings"]["channels"])}
    dae = UNetDAE(**settings, device=device)
    with np.load(path) as file:
        arrays = {name: file[name].astype(np.float32) for name in file.files}
    dae._take_facts(check_facts(record["facts"], path))
    load_module_arrays(dae.net_.module_, arrays, "UNetDAE")
    dae.noise_ = None
    dae._read_history()
    return dae
