"""Whose a module is."""

from __future__ import annotations

from torch import nn

__all__ = ["has_only_known_layers"]


def has_only_known_layers(module: nn.Module) -> bool:
    """Whether a module and its layers come from skdae or torch, and have no hooks."""
    return type(module).__module__.startswith("skdae.") and all(
        type(part).__module__.split(".")[0] in ("skdae", "torch")
        and not part._forward_hooks
        and not part._forward_pre_hooks
        for part in module.modules()
    )
