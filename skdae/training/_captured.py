"""CUDA graphs of training steps."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

import torch
from torch import Tensor, nn

from skdae.training._batches import Batches

__all__ = [
    "CAN_CAPTURE",
    "CapturedStep",
    "can_capture",
    "capture_training",
    "has_hooks",
    "step_settings",
]

CAN_CAPTURE = torch.__version__ >= "2.13"
"""Whether torch cleans up after a capture that fails: its allocator and its generators."""

# torch 2.14 finds out by itself which generators a graph draws from.
_REGISTERS_GENERATORS = torch.__version__ < "2.14.0.dev0"

# Kernels and optimizers initialise themselves in their first calls, which cannot be captured.
_WARM_UP = 3

# Only one thread captures at a time, and none replays meanwhile.
_CAPTURING = threading.Lock()

# Streams are used again, since cuBLAS keeps a workspace for each. Two steps never share one.
_IDLE_STREAMS: defaultdict[torch.device, list[torch.cuda.Stream]] = defaultdict(list)


def can_capture(module: nn.Module, optimizer: torch.optim.Optimizer) -> bool:
    """Whether torch can capture the steps of a module, and a replay leaves no hook out."""
    return CAN_CAPTURE and not has_hooks(module, optimizer)


def has_hooks(module: nn.Module, optimizer: torch.optim.Optimizer) -> bool:
    """Whether a step runs hooks of the user, which a replay would leave out."""
    hooks: list[object] = [
        nn.modules.module._has_any_global_hook(),
        optimizer._optimizer_step_pre_hooks,
        optimizer._optimizer_step_post_hooks,
    ]
    for part in module.modules():
        hooks += [part._forward_pre_hooks, part._forward_hooks]
        hooks += [part._backward_pre_hooks, part._backward_hooks]
    for parameter in module.parameters():
        hooks += [parameter._backward_hooks, parameter._post_accumulate_grad_hooks]
    return any(hooks)


def step_settings(module: nn.Module, optimizer: torch.optim.Optimizer, *others: object) -> tuple:
    """Return the settings that a captured step cannot change, for a comparison with ``==``.

    Values of tensors and learning rates may change: each replay reads them.
    """
    return (
        others,
        optimizer,
        [
            {key: value for key, value in group.items() if key not in ("lr", "params")}
            for group in optimizer.param_groups
        ],
        [[p.data_ptr() for p in group["params"]] for group in optimizer.param_groups],
        list(module.modules()),
        [(p.data_ptr(), p.requires_grad) for p in (*module.parameters(), *module.buffers())],
        has_hooks(module, optimizer),
        torch.are_deterministic_algorithms_enabled(),
    )


class CapturedStep:
    """Run a training step as a CUDA graph, which launches all its kernels at once.

    The first calls run as usual. Then the step is captured; after that, a call copies the
    indices of the next batch and starts a replay. Steps that cannot be captured run as usual,
    and so do batches of another length than the first.

    Parameters
    ----------
    step : callable (chosen) -> None
        Slices a batch, corrupts it, and trains on it, all without waiting for the GPU.
    settings : callable () -> object
        Returns :func:`step_settings`.
    optimizer : torch.optim.Optimizer
        The optimizer of the step. Its rates become tensors, which each replay reads.
    generator : torch.Generator
        Source of the noise of the step.
    device : torch.device
        The GPU.
    """

    def __init__(
        self,
        step: Callable[[Tensor], None],
        *,
        settings: Callable[[], object],
        optimizer: torch.optim.Optimizer,
        generator: torch.Generator,
        device: torch.device,
    ):
        self.step = step
        self.settings = settings
        self.optimizer = optimizer
        self.generator = generator
        self.device = device
        idle = _IDLE_STREAMS[device]
        self.stream = idle.pop() if idle else torch.cuda.Stream(device)
        self.chosen: Tensor | None = None
        self.graph: torch.cuda.CUDAGraph | None = None
        self.calls = 0
        self.rates = []
        for group in optimizer.param_groups:
            rate = torch.full((), group["lr"], dtype=torch.float32, device=device)
            self.rates.append(rate)
            group["lr"] = rate
            if "capturable" in group:
                group["capturable"] = True
        self.recorded = settings()

    def follows(self) -> bool:
        """Copy rates that callbacks have set; return whether all else is as it was captured."""
        if self.settings() != self.recorded:
            return False
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            if group["lr"] is not rate:
                rate.fill_(float(group["lr"]))
                group["lr"] = rate
        return True

    def __call__(self, chosen: Tensor) -> None:
        """Train on the rows of these indices."""
        if self.chosen is None:
            self.chosen = torch.empty_like(chosen)
        failed = self.graph is None and self.calls > _WARM_UP
        if failed or len(chosen) != len(self.chosen):
            self.step(chosen)
            return
        self.chosen.copy_(chosen)
        if self.calls == _WARM_UP:
            self._capture(self.chosen)
        self.calls += 1
        if self.graph is None:
            self._step_on_side_stream(self.chosen)
        else:
            with _CAPTURING:
                self.graph.replay()

    def _step_on_side_stream(self, chosen: Tensor) -> None:
        """Run once as usual, on the stream of the capture."""
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            self.step(chosen)
        current.wait_stream(self.stream)

    def _capture(self, chosen: Tensor) -> None:
        current = torch.cuda.current_stream(self.device)
        graph = torch.cuda.CUDAGraph()
        try:
            if _REGISTERS_GENERATORS:
                graph.register_generator_state(self.generator)
            # torch.cuda.graph sets the stream, but does not set it back if the capture fails.
            with (
                _CAPTURING,
                torch.cuda.stream(self.stream),
                torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"),
            ):
                self.step(chosen)
            # The start of a capture sets the state of the generator on its stream, which on a busy
            # GPU may run after the first replay has set it on the current one.
            current.wait_stream(self.stream)
            self.graph = graph
        except RuntimeError:
            pass  # a step that waits for the GPU cannot be captured, and runs as usual
        finally:
            if self.graph is None:
                graph.reset()

    def release(self) -> None:
        """Free the graph and its stream, and turn the rates into numbers again."""
        # After an error of the GPU every read raises it again; the caller's is to be seen.
        with suppress(RuntimeError):
            for group in self.optimizer.param_groups:
                group["lr"] = float(group["lr"])  # waits for the last replay
        for group in self.optimizer.param_groups:
            if "capturable" in group:
                group["capturable"] = False
            for parameter in group["params"]:
                parameter.grad = None
        self.graph = None
        _IDLE_STREAMS[self.device].append(self.stream)


def capture_training(
    train_step: Callable[[tuple[Tensor, ...]], dict[str, Tensor]],
    training: Batches,
    total: Tensor,
    *,
    optimizer: torch.optim.Optimizer,
    settings: Callable[[], object],
) -> CapturedStep:
    """Return a captured step that trains on the chosen rows and adds their loss to ``total``."""
    generator = training.generator
    assert generator is not None

    def step(chosen: Tensor) -> None:
        loss = train_step(training.batch(chosen, generator))["loss"]
        total.add_(loss, alpha=len(chosen))

    return CapturedStep(
        step, settings=settings, optimizer=optimizer, generator=generator, device=total.device
    )
