"""Import optional packages where they are used, or say how to install them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__all__ = ["import_optional"]


def import_optional(module: str, *, package: str, extra: str, owner: str) -> ModuleType:
    """Import a module of an optional package, or say how to install it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{owner} requires {package}. Install it with: pip install skdae[{extra}]"
        ) from error
