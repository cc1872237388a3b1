"""A training step recorded once on the GPU, and replayed."""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["CapturedStep"]

# The first calls of kernels and optimizers set themselves up, which cannot be recorded.
_WARM_UP = 3

# One capture at a time; other threads may go on with all else meanwhile.
_CAPTURING = threading.Lock()


class CapturedStep:
    """Call a step whose kernels are launched all at once.

    The first calls run as usual. Then the step is captured as a CUDA graph: the host only
    copies the indices of the next batch and starts the replay. A step that cannot be captured
    goes on as usual.

    Parameters
    ----------
    step : callable (chosen) -> None
        Slices a batch, corrupts it, and trains on it, all without waiting for the GPU.
    batch_size : int
        Indices of the batches that are captured; others run as usual.
    optimizer : torch.optim.Optimizer
        What the step moves. Its rates become tensors, which a replay reads anew.
    generator : torch.Generator
        Source of the noise of the step.
    device : torch.device
        The GPU.
    """

    def __init__(
        self,
        step: Callable[[Tensor], None],
        *,
        batch_size: int,
        optimizer: torch.optim.Optimizer,
        generator: torch.Generator,
        device: torch.device,
    ):
        self.step = step
        self.optimizer = optimizer
        self.generator = generator
        self.chosen = torch.zeros(batch_size, dtype=torch.int64, device=device)
        self.stream = torch.cuda.Stream(device)
        self.graph: torch.cuda.CUDAGraph | None = None
        self.calls = 0
        for group in optimizer.param_groups:
            group["lr"] = torch.full((), group["lr"], device=device)
            if "capturable" in group:
                group["capturable"] = True

    def __call__(self, chosen: Tensor) -> None:
        """Train on the rows of these indices."""
        failed = self.graph is None and self.calls > _WARM_UP
        if failed or len(chosen) != len(self.chosen):
            self.step(chosen)
            return
        self.chosen.copy_(chosen)
        if self.calls == _WARM_UP:
            self._capture()
        self.calls += 1
        if self.graph is None:
            self._step_on_side_stream()
        else:
            self.graph.replay()

    def _step_on_side_stream(self) -> None:
        """Run once as usual, on a stream that a capture may follow."""
        current = torch.cuda.current_stream(self.chosen.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            self.step(self.chosen)
        current.wait_stream(self.stream)

    def _capture(self) -> None:
        graph = torch.cuda.CUDAGraph()
        try:
            graph.register_generator_state(self.generator)
            with (
                _CAPTURING,
                torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"),
            ):
                self.step(self.chosen)
        except RuntimeError:
            return  # something waits for the GPU: slower, but right
        self.graph = graph

    def release(self) -> None:
        """Give the memory of the graph back, and make the rates numbers again."""
        self.graph = None
        for group in self.optimizer.param_groups:
            group["lr"] = float(group["lr"])
            if "capturable" in group:
                group["capturable"] = False
