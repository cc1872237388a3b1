"""What loads saved models must know of skdae."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

__all__ = ["trusted_types"]

_ROOMS = ("estimators", "marginalized", "nn", "noise")


def trusted_types() -> list[str]:
    """Return the names of all types of skdae that saved models consist of.

    skops, and MLflow with it, load and save only what they are told to trust. Nothing of these
    types runs code from a file. What is your own, as a module or a loss, you add yourself.

    Returns
    -------
    names : list of str
        Estimators, noises, modules, scorers and parts of recipes, sorted.

    See Also
    --------
    DenseDAE.save_weights : Write weights alone, as safetensors.

    Examples
    --------
    >>> import skops.io
    >>> from skdae import GaussianNoise, trusted_types
    >>> data = skops.io.dumps(GaussianNoise(0.4))
    >>> skops.io.loads(data, trusted=trusted_types())
    GaussianNoise(sigma=0.4)
    """
    # Recipes and scorers cost imports that nobody else needs who asks for this module.
    from skdae import recipes
    from skdae.data import TableCodec
    from skdae.data._table_coding import Categories, Numbers
    from skdae.estimators._cells import CellsDAE
    from skdae.estimators._table_bins import TableBins
    from skdae.metrics._scorer import DenoisingScorer
    from skdae.recipes._dropsofai_2020 import GrayLevelPoissonNoise
    from skdae.recipes._keras import keras_adam

    used: list[Any] = [CellsDAE, DenoisingScorer, GrayLevelPoissonNoise, keras_adam]
    used += [TableCodec, Numbers, Categories, TableBins]
    for room in map(import_module, (f"skdae.{name}" for name in _ROOMS)):
        public = (getattr(room, name) for name in room.__all__)
        used += [kind for kind in public if inspect.isclass(kind)]
    for module in (recipes.describe(name).module for name in recipes.names()):
        # A function, or an object that builds the module.
        used.append(module if inspect.isroutine(module) else type(module))
    return sorted({f"{kind.__module__}.{kind.__qualname__}" for kind in used})
