"""The fitted state as arrays: pickle, joblib, skops and safetensors (rule 7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, replace
from os import PathLike
from typing import Any, TypeVar

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from skdae.data import DataFormat
from skdae.estimators._building import BuildingMixin
from skdae.estimators._files import check_facts, read_weights, write_weights
from skdae.estimators._settings import check_settings, plain_settings
from skdae.noise import NoiseInjector
from skdae.training import (
    DenoisingNet,
    LossExploded,
    load_net_arrays,
    module_arrays,
    net_arrays,
    own_gradient_mode,
    resolve_device,
)

__all__ = [
    "PersistenceMixin",
    "SavedNetMixin",
    "take_weights",
    "unchanged_on_failure",
    "weights_and_facts",
    "with_weights",
]

Fitted = TypeVar("Fitted", bound="PersistenceMixin")


class SavedNetMixin(BaseEstimator):
    """Keep torch out of the pickle: weights as arrays, history and settings as plain data."""

    net_: DenoisingNet

    _format: DataFormat

    def _new_net(self, device: torch.device) -> DenoisingNet:
        """Build a net like the one that was trained."""
        raise NotImplementedError

    def _device_of_saved(self) -> torch.device:
        """Return where a net is built again."""
        raise NotImplementedError

    def __getstate__(self) -> dict:
        """Replace the net by what it takes to build it again."""
        state = super().__getstate__().copy()
        net = state.pop("net_", None)
        if net is not None:
            state["_saved_net"] = net_arrays(net)
            state["_format"] = astuple(self._format)
        return state

    @own_gradient_mode()
    def __setstate__(self, state: dict) -> None:
        """Build the net again."""
        saved = state.pop("_saved_net", None)
        if "_format" in state:
            state["_format"] = DataFormat(*state["_format"])
        super().__setstate__(state)
        if saved is not None:
            self.net_ = self._net_from(saved, self._device_of_saved())

    def _net_from(self, saved: dict, device: torch.device) -> DenoisingNet:
        """Build a net, and give it what was saved of another."""
        net = self._new_net(device)
        load_net_arrays(net, saved)
        return net


class PersistenceMixin(BuildingMixin, SavedNetMixin):
    """Save the net of an estimator, build it again, and move it to another device."""

    def _device_of_saved(self) -> torch.device:
        """Return the device of the parameter, or the CPU where it is missing."""
        return _available(self.device)

    def _move_net(self) -> None:
        """Take the net, with what its optimizer keeps, to a device that was set since."""
        if self.device == self._built_with.get("device", self.device):
            return
        self._built_with = {**self._built_with, "device": self.device}
        device = resolve_device(self.device, self._owner)
        if device != torch.device(self.net_.device):
            self.net_ = self._net_from(net_arrays(self.net_), device)

    def save_weights(self, path: str | PathLike) -> None:
        """Write the weights, and what ``fit`` knew of the data, to a safetensors file.

        The file appears whole or not at all: what was there before stays until then.

        Parameters
        ----------
        path : str or path-like
            The file.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        OSError
            If the file cannot be written.
        ImportError
            If the package safetensors is missing.
        """
        check_is_fitted(self)
        write_weights(path, module_arrays(self.net_.module_), self._facts())

    def load_weights(self, path: str | PathLike) -> PersistenceMixin:
        """Read weights that ``save_weights`` wrote.

        The estimator is built from its parameters, which must be those that the weights were
        trained with as far as they decide what these mean, and predicts and scores like the one
        that was fitted. What it was fitted on before is forgotten.

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
            If the weights are those of other parameters, or the file is damaged.
        OSError
            If the file cannot be read.
        ImportError
            If the package safetensors is missing.
        """
        arrays, facts = read_weights(path)
        with unchanged_on_failure(self), own_gradient_mode():
            self._take_weights(arrays, check_facts(facts, path), path)
        return self

    def _take_weights(
        self,
        arrays: dict[str, np.ndarray],
        facts: dict[str, Any],
        path: str | PathLike,
        *,
        losses: Sequence[float] = (),
    ) -> None:
        """Build the net for weights with such facts, which come from ``path``, and load them."""
        self._validate_params()
        self._take_facts(facts)
        self._check_finite(arrays, path)
        history = [{"epoch": i, "train_loss": loss} for i, loss in enumerate(losses, start=1)]
        saved = {"weights": arrays, "history": history, "optimizer": None}
        load_net_arrays(self.net_, saved)
        self.noise_ = None
        self._read_history()

    def _read_history(self) -> None:
        epochs = self.net_.history
        self.loss_curve_ = [epoch["train_loss"] for epoch in epochs]
        self.validation_loss_curve_ = [e["valid_loss"] for e in epochs if "valid_loss" in e]
        self.n_iter_ = len(self.loss_curve_)

    def _facts(self) -> dict[str, Any]:
        """Return what fit learned beside the weights, as plain data."""
        names = getattr(self, "feature_names_in_", None)
        form = self._format
        return {
            "estimator": self._owner,
            "settings": plain_settings(self._built_with),
            "sample_shape": self.sample_shape_,
            "X_shape": form.shape,
            "dtype": form.dtype_name,
            "highest": form.highest,
            "n_features_in": getattr(self, "n_features_in_", None),
            "feature_names_in": None if names is None else names.tolist(),
            "keeps_units": self._keeps_units,
            "precision": self._precision,
            "units": form.units,
        }

    def _take_facts(self, facts: dict[str, Any]) -> None:
        """Build the net from the parameters, for weights with such facts."""
        owner = self._owner
        if facts["estimator"] != owner:
            raise ValueError(
                f"These weights do not fit {owner}: they are those of {facts['estimator']}."
            )
        self.__dict__.pop("feature_names_in_", None)
        self.__dict__.pop("n_features_in_", None)
        self.sample_shape_ = facts["sample_shape"]
        names = ("X_shape", "sample_shape", "dtype", "highest", "units")
        self._format = DataFormat(*(facts[name] for name in names))
        check_settings(self, facts["settings"])
        self._start(self._format)
        if facts["n_features_in"] is not None:
            self.n_features_in_ = facts["n_features_in"]
        if facts["feature_names_in"] is not None:
            self.feature_names_in_ = np.array(facts["feature_names_in"], dtype=object)
        self._keeps_units = facts["keeps_units"]
        if self.precision == "auto" and facts["precision"] is not None:
            self._precision = self.net_.precision_ = facts["precision"]

    def _check_finite(self, arrays: dict[str, np.ndarray], path: str | PathLike) -> None:
        for name, _ in self.net_.module_.named_parameters():
            if name in arrays and not np.isfinite(arrays[name]).all():
                raise ValueError(f"{path} is damaged: {name!r} has values that are not finite.")


def weights_and_facts(
    estimator: PersistenceMixin,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the weights of a fitted estimator, and what its fit knew of the data, for a file."""
    return module_arrays(estimator.net_.module_), estimator._facts()


def take_weights(
    estimator: Fitted,
    arrays: dict[str, np.ndarray],
    facts: object,
    name: str,
    *,
    losses: Sequence[float],
    advice: str,
) -> Fitted:
    """Make an estimator the one that a model of photographs was trained as.

    Parameters
    ----------
    estimator : BaseDenoisingAutoencoder
        One with the parameters of the training.
    arrays : dict of {str: ndarray}
        The weights.
    facts : dict
        What ``weights_and_facts`` returned of it, as JSON has it.
    name : str
        Of the model, for the messages.
    losses : sequence of float
        Its loss curve.
    advice : str
        What to take for photographs of other channels, for the messages.

    Returns
    -------
    estimator : BaseDenoisingAutoencoder
        Fitted. In later training it computes in the precision that suits this machine.

    Raises
    ------
    ValueError
        If a parameter does not go with the weights.
    """
    checked = check_facts(facts, name)
    with own_gradient_mode():
        estimator._take_weights(arrays, {**checked, "precision": None}, name, losses=losses)
    estimator._format = replace(estimator._format, advice=advice)
    if isinstance(estimator.noise, NoiseInjector):
        estimator.noise_ = clone(estimator.noise)
    return estimator


def with_weights(
    fitted: Fitted, arrays: dict[str, np.ndarray] | None = None, **params: Any
) -> Fitted:
    """Return a new estimator like a fitted one, with other weights or parameters.

    Training may go on from them with any loss, which has a say in new weights alone.

    Parameters
    ----------
    fitted : BaseDenoisingAutoencoder
        The fitted one, which stays as it is.
    arrays : dict of {str: ndarray} or None, default=None
        The weights; None takes those that the fitted one has.
    **params : dict
        Parameters that differ from its own.

    Returns
    -------
    estimator : BaseDenoisingAutoencoder
        Fitted as well.

    Raises
    ------
    ValueError
        If a parameter does not go with the weights.
    """
    estimator = clone(fitted).set_params(**params)
    before, facts = weights_and_facts(fitted)
    facts["settings"] = {key: v for key, v in facts["settings"].items() if key != "loss"}
    with own_gradient_mode():
        estimator._take_weights(arrays or before, facts, "an estimator", losses=fitted.loss_curve_)
    estimator._format = fitted._format
    return estimator


@contextmanager
def unchanged_on_failure(
    estimator: BaseEstimator, *, failure: type[BaseException] = Exception
) -> Iterator[None]:
    """Leave the estimator as it was, fitted or not, if what is tried in the block fails.

    A loss that exploded after good epochs is no such failure: their weights are kept.
    """
    before = estimator.__dict__.copy()
    try:
        yield
    except failure as error:
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
