"""How a module is trained: the lean skorch net and what belongs to it."""

from skdae.training._batches import Batches, Noise
from skdae.training._device import PRECISIONS, free_memory, place, resolve_device
from skdae.training._inference import in_chunks
from skdae.training._losses import LOSSES
from skdae.training._net import DenoisingNet, LossExploded
from skdae.training._optimizers import OPTIMIZERS
from skdae.training._schedules import SCHEDULES
from skdae.training._state import from_arrays, load_module_arrays, module_arrays, to_arrays

__all__ = [
    "LOSSES",
    "OPTIMIZERS",
    "PRECISIONS",
    "SCHEDULES",
    "Batches",
    "DenoisingNet",
    "LossExploded",
    "Noise",
    "free_memory",
    "from_arrays",
    "in_chunks",
    "load_module_arrays",
    "module_arrays",
    "place",
    "resolve_device",
    "to_arrays",
]
