"""Published systems as ready estimators, with the numbers that their authors reported."""

from skdae.recipes._make import describe, make, names
from skdae.recipes._recipe import Recipe

__all__ = ["Recipe", "describe", "make", "names"]
