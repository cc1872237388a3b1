"""Files of weights: written whole or not at all, and read with errors that say what is wrong."""

from __future__ import annotations

import json
import math
import os
import reprlib
import secrets
import stat
from collections.abc import Callable, Sequence
from os import PathLike
from types import ModuleType
from typing import Any

import numpy as np

from skdae._optional import import_optional
from skdae._sklearn import fits_float
from skdae.data import are_sizes

__all__ = ["check_facts", "read_weights", "write_weights", "write_whole"]

_FORMAT = "skdae"
_DTYPES = {np.dtype(code).name for code in "?bhilqBHILQefdg"}


def write_weights(path: str | PathLike, arrays: dict[str, np.ndarray], facts: dict) -> None:
    """Write arrays and facts to a safetensors file, as ``write_whole`` does.

    Raises
    ------
    OSError
        If that is not possible.
    """
    metadata = {"format": _FORMAT, "facts": json.dumps(facts)}
    write_whole(path, [_safetensors("safetensors.numpy").save(arrays, metadata=metadata)])


def write_whole(path: str | PathLike, parts: Sequence[bytes | memoryview]) -> None:
    """Write a file.

    It appears whole, in the place of one that was there, or not at all. A symbolic link stays
    one, and its target is written. A new file gets the mode that the umask asks for, an old one
    keeps its mode.

    Raises
    ------
    OSError
        If that is not possible.
    """
    target = os.path.realpath(path)
    mode = None
    if os.path.exists(target):
        with open(target, "ab") as file:  # raises for a folder, or without permission
            mode = stat.S_IMODE(os.stat(target).st_mode)
            if not os.path.isfile(target):  # a pipe or the like has no other file in its place
                file.writelines(parts)
                return
    beside = os.path.join(os.path.dirname(target), f".skdae-{secrets.token_hex(8)}")
    try:
        with open(beside, "xb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(beside, mode)
        os.replace(beside, target)
    except BaseException:
        if os.path.exists(beside):
            os.unlink(beside)
        raise


def read_weights(path: str | PathLike) -> tuple[dict[str, np.ndarray], dict]:
    """Return the arrays and the facts of a file that ``write_weights`` wrote.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no such file, or a damaged one.
    """
    safetensors = _safetensors()
    with open(path, "rb"):
        pass  # safetensors has errors of its own for what is no file
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise ValueError(f"{path} holds no weights written by save_weights of skdae.")
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except (safetensors.SafetensorError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no safetensors file, or a damaged one: {error}") from None
    try:
        facts = json.loads(metadata["facts"])
    except KeyError:
        raise ValueError(f"{path} does not say what its weights are: 'facts' is missing.") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: its 'facts' are no JSON: {error}") from None
    return arrays, facts


def check_facts(facts: object, path: str | PathLike) -> dict[str, Any]:
    """Return the facts of a file as ``fit`` has them: lists are tuples.

    Raises
    ------
    ValueError
        If one is missing, or is not what ``save_weights`` writes.
    """
    facts = facts if isinstance(facts, dict) else {}
    for name, (is_right, rule) in _FACTS.items():
        if name not in facts or not is_right(facts[name]):
            raise ValueError(
                f"{path} is damaged: its {name!r} must be {rule}. Got "
                f"{reprlib.repr(facts.get(name, 'none (missing)'))}."
            )
    kept = {name: facts[name] for name in _FACTS}
    for name in ("X_shape", "sample_shape"):
        kept[name] = tuple(kept[name])
    if kept["units"] is not None:
        kept["units"] = tuple((tuple(centre), scale) for centre, scale in kept["units"])
    return kept


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and fits_float(value) and math.isfinite(value)


def _is_name(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_shape(value: object) -> bool:
    return isinstance(value, list) and 1 <= len(value) <= 3 and are_sizes(value)


def _is_shape_of_X(value: object) -> bool:
    return _is_shape(value) or value in ([None], [None] * 2, [None] * 3)


def _are_units(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_are_units_of_one, value))


def _are_units_of_one(value: object) -> bool:
    """Whether this is a centre for each channel, and a scale."""
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[0], list)):
        return False
    centre, scale = value
    return bool(centre) and all(map(_is_number, centre)) and _is_number(scale) and scale > 0


# What a file says beside its weights: the rule, and how the message calls it.
_FACTS: dict[str, tuple[Callable[[object], bool], str]] = {
    "estimator": (_is_name, "the name of a class"),
    "settings": (lambda value: isinstance(value, dict), "a dict of parameters"),
    "sample_shape": (_is_shape, "one to three ints > 0"),
    "X_shape": (_is_shape_of_X, "one to three ints > 0, or nulls for a list of samples"),
    "dtype": (lambda value: _is_name(value) and value in _DTYPES, "the name of a dtype of numbers"),
    "highest": (_is_number, "a finite number"),
    "n_features_in": (lambda v: v is None or _is_shape([v]), "an int > 0, or null"),
    "feature_names_in": (
        lambda value: value is None or (isinstance(value, list) and all(map(_is_name, value))),
        "a list of names, or null",
    ),
    "keeps_units": (_is_flag, "true or false"),
    "units": (
        lambda value: value is None or _are_units(value),
        "null, or two pairs of a list of finite numbers and a number > 0",
    ),
    "precision": (lambda value: value in ("float32", "bfloat16"), "'float32' or 'bfloat16'"),
}


def _safetensors(module: str = "safetensors") -> ModuleType:
    owner = "save_weights and load_weights"
    return import_optional(module, package="safetensors", extra="safetensors", owner=owner)
