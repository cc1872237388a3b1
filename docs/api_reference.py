"""The API page, written from the public names themselves, so that none can be missing."""

from __future__ import annotations

from importlib import import_module

import skdae

_TITLES = {
    "estimators": "Estimators",
    "marginalized": "Closed form",
    "noise": "Noise",
    "metrics": "Metrics",
    "plotting": "Plots",
    "nn": "Modules",
    "pretrained": "Pretrained models",
    "recipes": "Published systems",
    "datasets": "Data",
    "persistence": "Saved models",
}

_HEAD = """\
.. Written by api_reference.py at every build.

API reference
=============

"""

_SECTION = """\
{title}
{underline}

{summary}

.. autosummary::
   :toctree: generated
   :nosignatures:

   {names}

"""


def render() -> str:
    """Return the page: one section a room, one line a name."""
    rooms: dict[str, list[str]] = {room: [] for room in _TITLES}
    for name, room in skdae._HOME.items():
        rooms[room].append(f"skdae.{name}")
    page = _HEAD
    for room, title in _TITLES.items():
        module = import_module(f"skdae.{room}")
        documented = [name for name in module.__all__ if callable(getattr(module, name))]
        names = rooms[room] or [f"skdae.{room}.{name}" for name in documented]
        page += _SECTION.format(
            title=title,
            underline="-" * len(title),
            summary=(module.__doc__ or "").split("\n", 1)[0],
            names="\n   ".join(names),
        )
    return page
