"""The module, the loss and the optimizer of a net, before any training."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from skorch import NeuralNet
from torch import Tensor, nn

from skdae._random import borrowed_global_generator
from skdae.data import Units, from_channels_first, module_shape
from skdae.training._batches import Batches
from skdae.training._device import resolve_precision
from skdae.training._distributed import processes
from skdae.training._losses import Loss
from skdae.training._modules import has_only_known_layers
from skdae.training._skorch import InPlainOrder
from skdae.training._standardization import Standardization
from skdae.training._threads import few_threads
from skdae.training._work import counted_products

__all__ = ["BuiltNet"]


class BuiltNet(NeuralNet):
    """skorch's net, whose module sees the data standardized and comes from a seed.

    Parameters
    ----------
    module : callable () -> nn.Module
        Builds the module.
    criterion : Loss
        The loss.
    lr_schedule : {"constant", "one_cycle"}
        How the learning rate moves; "constant" leaves it to the callbacks.
    precision : {"auto", "float32", "bfloat16"}
        The precision of the module's layers; weights and loss are float32.
    units : pair of Units or None, default=None
        Centre and scale of inputs and outputs, which the module sees standardized. None
        leaves the data as they are.
    seed : int
        Seed of the initial weights and of dropout.
    owner : str
        Name of the estimator, for the messages.
    **kwargs
        Parameters of :class:`skorch.NeuralNet`.
    """

    def __init__(
        self,
        module: Callable[[], nn.Module],
        *,
        criterion: Loss,
        lr_schedule: str = "constant",
        precision: str = "auto",
        units: tuple[Units, Units] | None = None,
        seed: int = 0,
        owner: str = "DenoisingNet",
        **kwargs: Any,
    ):
        # Scores of skorch compare rows, after the sigmoid.
        kwargs = {"predict_nonlinearity": self._output_rows, **kwargs}
        super().__init__(module, criterion=criterion, train_split=None, verbose=0, **kwargs)
        self.lr_schedule = lr_schedule
        self.precision = precision
        self.units = units
        self.seed = seed
        self.owner = owner

    @property
    def _default_callbacks(self) -> list:
        return []

    def initialize_module(self) -> BuiltNet:
        """Build the module from the seed, with channels last where there are images."""
        with borrowed_global_generator(self.seed):
            module = self.module()
        self.precision_ = resolve_precision(self.precision, module, torch.device(self.device))
        images = any(p.ndim == 4 for p in module.parameters())
        self.module_ = module.to(memory_format=torch.channels_last) if images else module
        self._products: dict[tuple[int, ...], int] = {}
        self.standardization_ = None
        if self.units is not None:
            self.standardization_ = Standardization(*self.units, torch.device(self.device))
        return self

    def initialize_criterion(self) -> BuiltNet:
        """Make the loss that fits what the module returns."""
        loss, standardization = self.criterion, self.standardization_
        self.criterion_, self._loss_of_each = (
            kind.criterion(logits=self.returns_logits, standardization=standardization)
            for kind in (loss, loss.of_each())
        )
        self._unit_of_loss = loss.unit(standardization.output_scale) if standardization else 1.0
        return self

    @property
    def returns_logits(self) -> bool:
        """Whether the output of the module stands before its sigmoid."""
        return getattr(self.module_, "returns_logits", False)

    def _get_module(self, name: str, msg: str) -> object:
        """Return a module that saves its weights contiguously, as safetensors needs them."""
        found = super()._get_module(name, msg)
        return InPlainOrder(found) if isinstance(found, nn.Module) else found

    def initialize_optimizer(self, triggered_directly: bool | None = None) -> BuiltNet:
        """Build the optimizer on the parameters of the module."""
        self._parameters = list(self.module_.parameters())
        self.optimizer_ = self.optimizer(self._parameters, lr=self.lr)
        self._rate_factors = [group["lr"] / self.lr for group in self.optimizer_.param_groups]
        return self

    def probe(self, sample_shape: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
        """Send one sample through the module; return it, its code and its output."""
        x = torch.full((1, *module_shape(sample_shape)), 0.5, device=self.device)
        module = self.module_.eval()
        with self._global_generator(), few_threads(0, 0), torch.inference_mode():
            code = module.encode(x)
            with counted_products(module) as counts:
                output = module(x)
        self._products[sample_shape] = sum(counts)
        return x, code, output

    def _products_of_a_step(self, training: Batches) -> int:
        """Return how many products the forward pass of a batch takes."""
        if training.sample_shape not in self._products:
            self.probe(training.sample_shape)
        return self._products[training.sample_shape] * training.batch_size

    def _global_generator(self) -> AbstractContextManager:
        """Seed torch's global generator for a module of the user, which may draw from it."""
        if has_only_known_layers(self.module_):
            return nullcontext()
        seed = processes().own_seed(self.seed + len(self.history))
        return borrowed_global_generator(seed, self.device)

    def _output_rows(self, output: Tensor) -> Tensor:
        return from_channels_first(torch.sigmoid(output) if self.returns_logits else output)
