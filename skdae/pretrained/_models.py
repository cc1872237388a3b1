"""Find pretrained models by name, and make fitted estimators of them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from skdae.pretrained._description import PretrainedModel
from skdae.pretrained._files import read_record, read_weights
from skdae.pretrained._sources import SOURCES

if TYPE_CHECKING:  # names and descriptions need no torch
    import numpy as np

    from skdae.estimators import UNetDAE

__all__ = ["describe", "fitted", "load", "names"]

# Name, SHA-256 of the record, and what the model is for.
_MODELS = {
    "photos-camera": (
        "4c9687583e3f5316f40859c1f7514bb7eea3c9ca31cd1d58521bd1a9d66852a1",
        "colour photographs of cameras and telephones, whose noise is grainy, stronger in the "
        "shadows, and has gone through JPEG compression",
    ),
    "photos-color": (
        "9bd39305da7bbe20bf0561aaba1e7a38f39fda1c971948b3c5f58dbd74cdd3c2",
        "colour photographs with white Gaussian noise of any level up to sigma 55 of 255, which "
        "need not be known",
    ),
    "photos-gray": (
        "85e9217beb14405b27a067031dd81a5f94de08ae1aeb3b760d5f9a8ea1deaabd",
        "gray photographs with white Gaussian noise of any level up to sigma 55 of 255, which "
        "need not be known",
    ),
}
_LICENCE = "BSD-3-Clause"


def names() -> tuple[str, ...]:
    """List the models that come with the package.

    Returns
    -------
    names : tuple of str
        Their names, sorted.

    See Also
    --------
    load : The estimator of a name.

    Examples
    --------
    >>> from skdae import pretrained
    >>> pretrained.names()
    ('photos-camera', 'photos-color', 'photos-gray')
    """
    return tuple(_MODELS)


def describe(name: str) -> PretrainedModel:
    """Return what a model is for, what it reached, and what it was trained on.

    Parameters
    ----------
    name : str
        One of ``names()``.

    Returns
    -------
    model : PretrainedModel
        Its purpose, numbers and sources, with their licences.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file of the package is missing or damaged.

    See Also
    --------
    load : The estimator of a name.

    Examples
    --------
    >>> from skdae import pretrained
    >>> print(pretrained.describe("photos-camera"))  # doctest: +ELLIPSIS
    photos-camera: colour photographs of cameras and telephones, ...
    """
    record = _record_of(name)
    return PretrainedModel(
        name=name,
        purpose=_MODELS[name][1],
        channels=record["facts"]["sample_shape"][-1],
        noise=record["noise"]["repr"],
        n_parameters=record["n_parameters"],
        reached={"validation": record["validation"], **record["judged"]},
        training=f"{record['steps']:,} steps, {record['seconds']:.0f} s, {record['machine']}",
        sources=SOURCES,
        licence=_LICENCE,
    )


def load(name: str, **params: Any) -> UNetDAE:
    """Return a fitted estimator, whose weights come with the package.

    It denoises photographs of any size at once, and may be cloned, trained on, saved and used in
    pipelines like one that you fitted yourself. Nothing is downloaded.

    Parameters
    ----------
    name : str
        One of ``names()``.
    **params : dict
        Parameters of the estimator to set, such as ``device``, or ``warm_start=True`` for a
        ``fit`` that goes on from these weights. Those that decide what the weights mean, such as
        ``channels``, stay as they are.

    Returns
    -------
    dae : UNetDAE
        Fitted. One photograph, ``(height, width)`` for gray models and ``(height, width, 3)`` for
        those of colours, is read as one, and an array or a list of them as several: ``uint8``,
        ``uint16``, or floats from 0 to 1.

    Raises
    ------
    ValueError
        If there is no such model, if a parameter does not go with its weights, or if a file of
        the package is damaged.
    FileNotFoundError
        If a file of the package is missing.

    See Also
    --------
    describe : What the model was trained on, and what it reached.

    Examples
    --------
    >>> import numpy as np
    >>> from skdae import pretrained
    >>> dae = pretrained.load("photos-gray")
    >>> photo = np.full((40, 60), 128, dtype=np.uint8)
    >>> dae.predict(photo).shape
    (40, 60)
    """
    record = _record_of(name)
    return fitted(record, read_weights(files("skdae.pretrained"), name, record), **params)


def fitted(record: Mapping[str, Any], arrays: dict[str, np.ndarray], **params: Any) -> UNetDAE:
    """Make the fitted estimator of a record and its weights."""
    from skdae import noise
    from skdae.estimators import UNetDAE
    from skdae.estimators._persistence import take_weights

    kind = getattr(noise, record["noise"]["class"])
    levels = record["noise"]["parameters"]
    settings = {
        **record["settings"],
        "channels": tuple(record["settings"]["channels"]),
        "noise": kind(**{key: _as_tuple(value) for key, value in levels.items()}),
        "augment": True,
    }
    dae = UNetDAE(**{**settings, **params})
    facts, losses = dict(record["facts"]), record["loss_curve"]
    # Any loss may go on from the weights: those of noisy targets want loss="mse".
    facts["settings"] = {k: v for k, v in facts["settings"].items() if k != "loss"}
    advice = _advice(facts["sample_shape"][-1])
    return take_weights(dae, arrays, facts, record["model"], losses=losses, advice=advice)


def _advice(channels: int) -> str:
    """Return what to take for photographs of other channels."""
    if channels == 1:
        return "For colour photographs take skdae.pretrained.load('photos-color')."
    return "For gray photographs take skdae.pretrained.load('photos-gray')."


def _as_tuple(value: object) -> object:
    """Return a range of levels, which JSON has as a list."""
    return tuple(value) if isinstance(value, list) else value


def _record_of(name: str) -> dict[str, Any]:
    if name not in _MODELS:
        raise ValueError(
            f"The 'name' parameter of pretrained must be one of {', '.join(names())}. "
            f"Got {name!r} instead."
        )
    return read_record(files("skdae.pretrained"), name, sha256=_MODELS[name][0])
