"""Find published systems by name, and make estimators of them."""

from __future__ import annotations

from copy import deepcopy
from itertools import chain
from typing import Any

from skdae.estimators import DenoisingAutoencoder
from skdae.recipes import (
    _dropsofai_2020,
    _keras_io_2021,
    _naokishibuya_2017,
    _noisy_images,
    _venkataraman_2022,
)
from skdae.recipes._keras import keras_adam
from skdae.recipes._recipe import Recipe

__all__ = ["describe", "make", "names"]

_SYSTEMS = (
    *(_dropsofai_2020, _keras_io_2021, _naokishibuya_2017, _noisy_images, _venkataraman_2022),
)
_RECIPES = {recipe.name: recipe for recipe in chain.from_iterable(s.RECIPES for s in _SYSTEMS)}


def names() -> tuple[str, ...]:
    """List the published systems.

    Returns
    -------
    names : tuple of str
        Their names, sorted.

    See Also
    --------
    make : The estimator of a name.

    Examples
    --------
    >>> from skdae import recipes
    >>> recipes.names()[:2]
    ('dropsofai-2020', 'keras-io-2021')
    """
    return tuple(sorted(_RECIPES))


def describe(name: str) -> Recipe:
    """Return the recipe of a published system.

    Parameters
    ----------
    name : str
        One of ``names()``.

    Returns
    -------
    recipe : Recipe
        Its source, task, network and reported numbers.

    See Also
    --------
    make : The estimator of a name.

    Examples
    --------
    >>> from skdae import recipes
    >>> recipe = recipes.describe("dropsofai-2020")
    >>> f"{recipe.loss} {recipe.reported[30]} after 30 epochs"
    'mse 0.0069 after 30 epochs'
    """
    if name not in _RECIPES:
        raise ValueError(
            f"The 'name' parameter of recipes must be one of {', '.join(names())}. "
            f"Got {name!r} instead."
        )
    return _RECIPES[name]


def make(name: str, schedule: str = "ours", **params: Any) -> DenoisingAutoencoder:
    """Make the estimator of a published system.

    The network is exactly the published one, with initial weights as in Keras. It takes MNIST
    as floats in [0, 1], of shape (n_samples, 28, 28).

    Parameters
    ----------
    name : str
        One of ``names()``.
    schedule : {"ours", "published"}, default="ours"
        "published" trains as the authors did, with Adam at a constant rate, their batch size
        and their number of epochs. "ours" trains with Adam and a one-cycle rate, for fewer
        epochs.
    **params : dict
        Parameters of the estimator to set, such as ``random_state`` or ``max_epochs``.

    Returns
    -------
    estimator : DenoisingAutoencoder
        Not fitted.

    See Also
    --------
    describe : The source of a name, and its reported numbers.

    Notes
    -----
    Both schedules draw the noise anew for every batch. The authors drew it once; to do the same,
    fit pairs, ``fit(X_noisy, X)`` with ``noise="auto"``. If ``pretraining_epochs`` of the recipe
    is not 0, the authors first trained so many epochs without noise; to do the same, fit twice
    with ``warm_start=True``. ``benchmarks/published.py`` does both.

    Examples
    --------
    >>> from skdae import recipes
    >>> dae = recipes.make("keras-io-2021", random_state=0)
    >>> dae.noise
    GaussianNoise(clip=(0, 1), sigma=0.4)
    >>> recipes.make("keras-io-2021", schedule="published").max_epochs
    100
    """
    recipe = describe(name)
    if schedule not in ("ours", "published"):
        raise ValueError(
            "The 'schedule' parameter of recipes.make must be 'ours' or 'published'. "
            f"Got {schedule!r} instead."
        )
    published = schedule == "published"
    estimator = DenoisingAutoencoder(
        recipe.module,
        noise=deepcopy(recipe.noise),
        loss=recipe.loss,
        optimizer=keras_adam if published else "adam",
        lr_schedule="constant" if published else "one_cycle",
        **(recipe.published if published else recipe.ours),
    )
    return estimator.set_params(**params)
