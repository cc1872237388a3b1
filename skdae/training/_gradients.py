"""Training takes gradients, whatever mode its caller is in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["own_gradient_mode"]


@contextmanager
def own_gradient_mode() -> Iterator[None]:
    """Enable gradients inside of the block, and restore the caller's mode after it.

    Under the caller's ``torch.no_grad()`` there are no gradients, and tensors made in
    ``torch.inference_mode()`` cannot be trained. Ctrl-C inside of torch may leave gradients
    disabled; that is undone too.
    """
    with torch.inference_mode(False), torch.enable_grad():
        yield
