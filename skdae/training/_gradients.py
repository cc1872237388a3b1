"""Training takes gradients, whatever mode its caller is in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["own_gradient_mode"]


@contextmanager
def own_gradient_mode() -> Iterator[None]:
    """Make tensors that can be trained, and take gradients, inside; then restore the mode.

    ``torch.no_grad()`` and ``torch.set_grad_enabled(False)`` of the caller take no gradients, and
    what is made in ``torch.inference_mode()`` can never be trained. torch itself may leave its
    gradients off when Ctrl-C comes at a bad moment; the mode that is restored is the caller's.
    """
    with torch.inference_mode(False), torch.enable_grad():
        yield
