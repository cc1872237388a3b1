"""The fitted state as arrays: pickle, joblib, skops and safetensors (rule 7)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Any

import torch
from sklearn.utils.validation import check_is_fitted

from skdae.noise import NoiseInjector
from skdae.training import (
    LossExploded,
    from_arrays,
    load_module_arrays,
    module_arrays,
    resolve_device,
    to_arrays,
)

__all__ = ["PersistenceMixin", "unchanged_on_failure"]

_PLAIN = (bool, int, float, str)
_FORMAT = "skdae"


class PersistenceMixin:
    """Keep torch out of the pickle: weights as arrays, history and settings as plain data."""

    noise_: NoiseInjector | None

    def __getstate__(self) -> dict:
        """Replace the net by what it takes to build it again."""
        state = super().__getstate__().copy()  # type: ignore[attr-defined]
        net = state.pop("net_", None)
        if net is not None:
            goes_on = self.warm_start or self._went_on  # type: ignore[attr-defined]
            state["_saved_net"] = {
                "weights": module_arrays(net.module_),
                "history": [
                    {key: value for key, value in epoch.items() if isinstance(value, _PLAIN)}
                    for epoch in net.history
                ],
                "optimizer": to_arrays(net.optimizer_.state_dict()) if goes_on else None,
            }
        return state

    def __setstate__(self, state: dict) -> None:
        """Build the net again, on the CPU where its device is missing."""
        saved = state.pop("_saved_net", None)
        super().__setstate__(state)  # type: ignore[misc]
        if saved is None:
            return
        net = self._new_net(_available(self.device))  # type: ignore[attr-defined]
        load_module_arrays(net.module_, saved["weights"], type(self).__name__)
        for epoch in saved["history"]:
            net.history.new_epoch()
            net.history[-1].update(epoch)
        if saved["optimizer"] is not None:
            net.optimizer_.load_state_dict(from_arrays(saved["optimizer"]))
        self.net_ = net

    def save_weights(self, path: str | PathLike) -> None:
        """Write the weights to a safetensors file.

        Parameters
        ----------
        path : str or path-like
            The file.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ImportError
            If the package safetensors is missing.
        """
        check_is_fitted(self)
        metadata = {
            "format": _FORMAT,
            "estimator": type(self).__name__,
            "sample_shape": json.dumps(self.sample_shape_),  # type: ignore[attr-defined]
        }
        _safetensors().save_file(module_arrays(self.net_.module_), path, metadata=metadata)

    def load_weights(self, path: str | PathLike) -> Any:
        """Read weights that ``save_weights`` wrote.

        An estimator that is not fitted is built from its parameters and becomes fitted; a
        fitted one keeps its module and gets the weights.

        Parameters
        ----------
        path : str or path-like
            The file.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If the weights do not fit the architecture.
        ImportError
            If the package safetensors is missing.
        """
        with _safetensors(opener=True)(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}
        if metadata.get("format") != _FORMAT:
            raise ValueError(f"{path} holds no weights written by save_weights of skdae.")
        with unchanged_on_failure(self):
            if not hasattr(self, "net_"):
                self._start_unfitted(tuple(json.loads(metadata["sample_shape"])))
            load_module_arrays(self.net_.module_, arrays, type(self).__name__)
        return self

    def _start_unfitted(self, sample_shape: tuple[int, ...]) -> None:
        """Build the net for weights that were trained elsewhere."""
        self._validate_params()  # type: ignore[attr-defined]
        self._start((sample_shape, "float32", 0.0), sample_shape, None)  # type: ignore[attr-defined]
        self.n_features_in_ = math.prod(sample_shape)
        self.noise_ = None
        self._read_history()  # type: ignore[attr-defined]


@contextmanager
def unchanged_on_failure(estimator: Any) -> Iterator[None]:
    """Leave the estimator as it was, fitted or not, if what is tried in the block fails.

    A loss that exploded after good epochs is no such failure: their weights are kept.
    """
    before = estimator.__dict__.copy()
    try:
        yield
    except Exception as error:
        if not (isinstance(error, LossExploded) and error.restored):
            estimator.__dict__.clear()
            estimator.__dict__.update(before)
        raise


def _available(device: str) -> torch.device:
    """Return the device of the fit, or the CPU where this machine does not have it."""
    try:
        return resolve_device(device, "")
    except ValueError:
        return torch.device("cpu")


def _safetensors(*, opener: bool = False) -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "save_weights and load_weights need the package safetensors: "
            "pip install skdae[safetensors]"
        ) from error
    return safetensors.safe_open if opener else safetensors.numpy
