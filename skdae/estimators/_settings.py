"""Parameters as settings of a net: whether they are still those that it was built from."""

from __future__ import annotations

import hashlib
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, NoneType
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from skdae.data import as_pixels, check_sample_shape, same_sides
from skdae.estimators._attributes import Attributes

__all__ = [
    "check_settings",
    "check_unchanged",
    "is_same_setting",
    "plain_settings",
    "stable_text",
]

# What belongs to a single fit, or says where the net runs.
_MAY_CHANGE = {
    "augment",
    "batch_size",
    "checkpoint",
    "device",
    "early_stopping",
    "features",
    "lr",
    "lr_schedule",
    "max_epochs",
    "n_iter_no_change",
    "patch_size",
    "self_supervised",
    "validation_fraction",
    "verbose",
    "warm_start",
}
# What says nothing about what trained weights mean.
_NOT_IN_WEIGHTS = {
    *_MAY_CHANGE,
    "callbacks",
    "noise",
    "optimizer",
    "precision",
    "random_state",
    "sample_shape",
}
# These are compared by their value, and functions and classes by their name.
_ATOMS = (NoneType, int, float, complex, str, bytes, type, FunctionType, BuiltinFunctionType)
_CALLABLE = "<a callable>"
_LONG = 1000


def check_unchanged(estimator: Attributes) -> None:
    """Check that what a net was built from is as it was, before training goes on with it.

    Raises
    ------
    ValueError
        If a parameter of the module, the loss or the optimizer has another value now.
    """
    owner = estimator._owner
    for name, built in estimator._built_with.items():
        now = getattr(estimator, name)
        if name in _MAY_CHANGE or is_same_setting(now, built):
            continue
        if name == "sample_shape" and _describes(now, estimator, owner):
            continue
        raise ValueError(
            f"The '{name}' parameter of {owner} cannot change from {built!r} to {now!r} while "
            "warm_start or partial_fit goes on with the net of the first fit. Set "
            "warm_start=False to start anew, or clone."
        )


def is_same_setting(a: object, b: object) -> bool:
    """Whether two values of a parameter build the same net.

    Sequences are the same if their values are, whatever holds them. A function is the same as
    itself alone; any other object, such as a ``partial`` or an ``nn.MSELoss()``, is the same as
    one of its class that is made of the same parts.
    """
    a, b = (v.tolist() if isinstance(v, (np.ndarray, np.generic)) else v for v in (a, b))
    if a is b:
        return True
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return torch.equal(a.detach().cpu(), b.detach().cpu())
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(is_same_setting, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(is_same_setting(a[key], b[key]) for key in a)
    if isinstance(a, _ATOMS) or type(a) is not type(b):
        return bool(a == b)
    return is_same_setting(_parts(a), _parts(b))


def _parts(value: object) -> object:
    """Return what pickle and copy make an object of."""
    reduced = value.__reduce_ex__(4)
    if isinstance(reduced, str):
        return reduced
    return [list(part) if hasattr(part, "__next__") else part for part in reduced]


def stable_text(value: Any, *, within: tuple[int, ...] = ()) -> str:
    """Return a text that is the same for the same setting, in every process.

    A function is told by its name, its code and what it encloses, an estimator by its
    parameters, and any other object by the parts that it is made of.
    """
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray) and value.size > _LONG:
        data = np.ascontiguousarray(value).reshape(-1).view(np.uint8).data
        return f"{value.dtype} {value.shape} {hashlib.sha256(data).hexdigest()}"
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, (NoneType, int, float, complex, str, bytes)):
        return repr(value)
    if id(value) in within:
        return "<itself>"
    text = partial(stable_text, within=(*within, id(value)))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(text, value))}]"
    if isinstance(value, (set, frozenset)):
        return f"{{{', '.join(sorted(map(text, value)))}}}"
    if isinstance(value, dict):
        return f"{{{', '.join(sorted(f'{text(key)}: {text(value[key])}' for key in value))}}}"
    if isinstance(value, CodeType):
        return text([value.co_code, value.co_consts, value.co_names])
    if isinstance(value, (type, FunctionType, BuiltinFunctionType)):
        name = f"{value.__module__}.{value.__qualname__}"
        return f"{name} {text(_code(value))}" if isinstance(value, FunctionType) else name
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, BaseEstimator):
        parameters = value.get_params(deep=False)
        parameters.pop("random_state", None)
        return f"{name} {text(parameters)}"
    try:
        return f"{name} {text(_parts(value))}"
    except TypeError:  # it cannot be taken apart, as a lock or a file
        return name


def _code(function: FunctionType) -> str:
    """Return the digest of what a function does."""
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    text = stable_text([function.__code__, function.__defaults__, function.__kwdefaults__, cells])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def plain_settings(parameters: dict[str, object]) -> dict[str, object]:
    """Return the parameters that decide what trained weights mean, as a file can hold them."""
    return {
        name: _plain(value) for name, value in parameters.items() if name not in _NOT_IN_WEIGHTS
    }


def _plain(value: object) -> object:
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return _CALLABLE if callable(value) else f"<a {type(value).__name__}>"


def check_settings(estimator: Attributes, settings: dict[str, object]) -> None:
    """Check that an estimator has the settings that weights were trained with.

    Of callables it is only known that they are some; parameters of other versions are left out.

    Raises
    ------
    ValueError
        If a parameter has another value.
    """
    owner = estimator._owner
    now = estimator.get_params(deep=False)
    for name, value in plain_settings(now).items():
        if name in settings and settings[name] != value:
            raise ValueError(
                f"These weights do not fit {owner}: they were trained with {name}="
                f"{settings[name]!r}, and it has {name}={now[name]!r}. Set the parameter to that "
                "value before load_weights."
            )
    if not _describes(now.get("sample_shape"), estimator, owner):
        raise ValueError(
            f"These weights do not fit {owner}: they were trained on samples of shape "
            f"{estimator.sample_shape_}, and it has sample_shape={now['sample_shape']!r}."
        )


def _describes(declared: object, estimator: Attributes, owner: str) -> bool:
    """Whether a declared shape, or none, goes with the samples of the fit; sides with a list."""
    if declared is None:
        return True
    shape, fitted = check_sample_shape(declared, owner), estimator.sample_shape_
    if estimator._format.is_list:
        shape = as_pixels(shape)
        return len(shape) == len(fitted) and shape[-1] == fitted[-1]
    return same_sides(shape, fitted)
