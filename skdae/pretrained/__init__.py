"""Models that come with the package, trained on photographs."""

from skdae.pretrained._description import PretrainedModel, Source
from skdae.pretrained._models import describe, load, names

__all__ = ["PretrainedModel", "Source", "describe", "load", "names"]
