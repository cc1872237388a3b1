"""Models that come with the package, trained on photographs."""

from skdae.pretrained._adapt import adapt
from skdae.pretrained._description import PretrainedModel, Source
from skdae.pretrained._models import describe, load, names

__all__ = ["PretrainedModel", "Source", "adapt", "describe", "load", "names"]
