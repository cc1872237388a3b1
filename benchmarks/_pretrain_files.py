"""The files of models that were trained, and are to be judged or shipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skdae import UNetDAE
from skdae.estimators._persistence import weights_and_facts
from skdae.pretrained._files import read_record, read_weights, write_model
from skdae.pretrained._models import fitted

__all__ = ["load", "save"]


def save(path: Path, dae: UNetDAE, record: dict[str, Any]) -> None:
    """Write weights to an npz file, and the record with what ``fit`` knew of the data."""
    weights, facts = weights_and_facts(dae)
    # What the training alone needed, and no record should hold.
    for name in ("callbacks", "checkpoint"):
        facts["settings"].pop(name, None)
    noise = {
        "class": type(dae.noise).__name__,
        "parameters": dae.noise.get_params(),
        "repr": " ".join(repr(dae.noise).split()),
    }
    write_model(path.parent, path.stem, weights, {**record, "noise": noise, "facts": facts})


def load(path: Path, device: str) -> UNetDAE:
    """Return the fitted estimator of a pair of such files, as ``skdae.pretrained`` does."""
    record = read_record(path.parent, path.stem)
    return fitted(record, read_weights(path.parent, path.stem, record), device=device)
