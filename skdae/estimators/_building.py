"""From an estimator's parameters to a net, and the checks of a user's module."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from skdae._random import draw_seeds
from skdae.data import DataFormat, module_shape
from skdae.estimators._attributes import Attributes
from skdae.nn import AnySize, promises_any_size, promises_hidden_layers
from skdae.training import OPTIMIZERS, DenoisingNet, processes, resolve_device

__all__ = ["BuildingMixin", "code_shape"]

# Costly or stateful, and not needed to rebuild the module.
_NOT_KEPT = {"callbacks", "noise", "random_state"}
# A module of any size is tried on an image, or a signal, of this side at most.
_LARGEST_PROBE = 64


class BuildingMixin(Attributes):
    """Build the module, the optimizer and the net around them."""

    def _build_module(self, sample_shape: tuple[int, ...]) -> nn.Module:
        """Return a new module: see :class:`BaseDenoisingAutoencoder`."""
        raise NotImplementedError

    def _start(self, form: DataFormat) -> None:
        """Make a new net for the current parameters, and look at what it encodes to."""
        self.sample_shape_ = form.sample_shape
        self._format = form
        self._precision = self.precision
        self._seeds = processes().agreed("a fit", draw_seeds(self.random_state, 2))
        self._trained_in_parts = False
        self._built_with = {
            name: copy.deepcopy(value)
            for name, value in self.get_params(deep=False).items()
            if name not in _NOT_KEPT
        }
        net = self._new_net(resolve_device(self.device, self._owner))
        self._precision = net.precision_
        self._check_sizes(net.module_)
        any_size = len(form.sample_shape) > 1 and promises_any_size(net.module_)
        self._format = replace(form, any_size=any_size)
        self._code_shape = self._probed_code_shape(net)
        self._hidden_widths = self._probed_hidden_widths(net)
        self.net_ = net

    def _new_net(self, device: torch.device) -> DenoisingNet:
        """Build the net from the settings of the fit, whatever the parameters are now."""
        builder = type(self)(**self._built_with)
        optimizer = builder._checked_optimizer
        if isinstance(builder.optimizer, str):
            optimizer = OPTIMIZERS[builder.optimizer]
        net = DenoisingNet(
            partial(builder._checked_module, module_shape(self.sample_shape_)),
            criterion=builder._as_loss(),
            optimizer=optimizer,
            lr=builder.lr,
            precision=self._precision,
            units=self._format.units,
            device=str(device),  # skorch hands it on to safetensors
            seed=self._seeds[0],
            owner=self._owner,
        )
        return net.initialize()

    def _checked_optimizer(
        self, parameters: Iterable[nn.Parameter], lr: float
    ) -> torch.optim.Optimizer:
        assert callable(self.optimizer)
        made = self.optimizer(parameters, lr=lr)
        if not isinstance(made, torch.optim.Optimizer) or isinstance(made, torch.optim.LBFGS):
            raise TypeError(
                f"The 'optimizer' parameter of {self._owner} must be a name or a callable (params, "
                "lr) that returns a torch.optim.Optimizer whose step() needs no closure. Got "
                f"{self.optimizer!r}, which returns an object of {type(made).__name__}."
            )
        return made

    def _checked_module(self, shape: tuple[int, ...]) -> nn.Module:
        module = self._build_module(shape)
        needed = ["encode", "decode"] if self._decodes else ["encode"]
        missing = [f"no {name}" for name in needed if not hasattr(module, name)]
        if not isinstance(module, nn.Module) or missing:
            which = f", which has {' and '.join(missing)}" if isinstance(module, nn.Module) else ""
            raise TypeError(
                f"The module of {self._owner} must be an nn.Module with the methods "
                f"{' and '.join(needed)}. Got {type(module).__name__}{which}."
            )
        return module

    def _check_sizes(self, module: nn.Module) -> None:
        """Check that a module takes patches, where samples come in these.

        Raises
        ------
        ValueError
            If it does not promise so.
        """
        by_patches = self._format.is_list or self.patch_size not in ("auto", None)
        if by_patches and self._reads_flat_rows and not promises_any_size(module):
            what = "a list of samples of different sizes"
            what = what if self._format.is_list else f"patch_size={self.patch_size!r}"
            raise ValueError(
                f"{self._owner} takes {what} only with a module that promises to take any size: "
                f"{type(module).__name__} must have stride, reach and width, none of them None. "
                "skdae.nn.AnySize says what they are."
            )

    def _probed_code_shape(self, net: DenoisingNet) -> tuple[int, ...]:
        """Try the module on a small sample, and return the shape of the code of a whole one."""
        *sides, channels = self.sample_shape_
        small = (*(min(side, _LARGEST_PROBE) for side in sides), channels)
        if small == self.sample_shape_ or not promises_any_size(net.module_):
            return self._probe(net, self.sample_shape_)
        n_channels, *_ = self._probe(net, small)
        return code_shape(n_channels, self.sample_shape_, net.module_)

    def _probed_hidden_widths(self, net: DenoisingNet) -> tuple[int, ...]:
        """Return how many values each hidden layer has, for a module that shows them."""
        module = net.module_.eval()
        if not promises_hidden_layers(module):
            return ()
        with torch.inference_mode():
            x = torch.zeros((1, *module_shape(self.sample_shape_)), device=net.device)
            return tuple(layer[0].numel() for layer in module.hidden_layers(x))

    def _probe(self, net: DenoisingNet, sample_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Send one sample through the module, and return the shape of its code.

        Raises
        ------
        TypeError, ValueError
            If it does not give back the shape it takes, or what the loss needs.
        """
        owner, name = self._owner, type(net.module_).__name__
        x, code, output = net.probe(sample_shape)
        for method, result in (("encode", code), ("forward", output)):
            if not isinstance(result, Tensor):
                raise TypeError(
                    f"The module of {owner} must return one tensor from {method}. {name} returns "
                    f"a {type(result).__name__}."
                )
        if net.units is not None and net.returns_logits:
            raise ValueError(
                f"standardize={self.standardize} of {owner} cannot go with {name}, which sets "
                "returns_logits = True: its outputs are probabilities. Take standardize=False."
            )
        if self._returns_samples and output.shape != x.shape:
            raise ValueError(
                f"The module of {owner} must give back the shape it takes. {name} takes "
                f"{tuple(x.shape[1:])} (channels first) and gives {tuple(output.shape[1:])}."
            )
        checks = self._as_loss().compares_probabilities and not net.returns_logits
        if checks and not _gives_fractions(net.module_, x):
            raise ValueError(
                f"loss={self.loss!r} of {owner} needs a module whose output lies in [0, 1]: end "
                f"{name} with a sigmoid, or leave the sigmoid out and set "
                "returns_logits = True on the module."
            )
        return tuple(code.shape[1:])


def code_shape(n_channels: int, sample_shape: tuple[int, ...], module: AnySize) -> tuple[int, ...]:
    """Return the shape of the code of a sample, for a module that takes any size."""
    return (n_channels, *(math.ceil(side / module.stride) for side in sample_shape[:-1]))


def _gives_fractions(module: nn.Module, x: Tensor) -> bool:
    """Whether the output lies in [0, 1], of values far from there too."""
    with torch.inference_mode():
        output = module(torch.cat([x, 100 * x, -100 * x]))
    return bool((output >= 0).all() and (output <= 1).all())
