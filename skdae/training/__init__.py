"""How a module is trained: the lean skorch net and what belongs to it."""

from skdae.training._batches import Batches
from skdae.training._cell_loss import CellLoss, cell_losses
from skdae.training._checkpoints import Checkpoints
from skdae.training._device import PRECISIONS, free_memory, place, resolve_device
from skdae.training._distributed import checksum, processes, several_processes
from skdae.training._explosion import LossExploded
from skdae.training._fine_tuning import (
    fine_tuning_adamw,
    weighted_cross_entropy,
    weighted_squares,
)
from skdae.training._gradients import own_gradient_mode
from skdae.training._losses import LOSSES, Criterion, Loss, as_loss
from skdae.training._memory import kept_memory
from skdae.training._modules import has_only_known_layers
from skdae.training._net import DenoisingNet
from skdae.training._optimizers import OPTIMIZERS, OptimizerFactory
from skdae.training._patches import Patches, count_patches, patch_shape
from skdae.training._resident_patches import ResidentPatches, as_values
from skdae.training._schedules import SCHEDULES
from skdae.training._skorch import Callback, fresh_callbacks
from skdae.training._spots import at_spots, per_channel
from skdae.training._standardization import Standardization, channels_last
from skdae.training._state import (
    from_arrays,
    load_module_arrays,
    load_net_arrays,
    module_arrays,
    net_arrays,
    to_arrays,
)
from skdae.training._stored_batches import StoredBatches, split_blocks
from skdae.training._threads import n_threads_here, on_pool

__all__ = [
    "LOSSES",
    "OPTIMIZERS",
    "PRECISIONS",
    "SCHEDULES",
    "Batches",
    "Callback",
    "CellLoss",
    "Checkpoints",
    "Criterion",
    "DenoisingNet",
    "Loss",
    "LossExploded",
    "OptimizerFactory",
    "Patches",
    "ResidentPatches",
    "Standardization",
    "StoredBatches",
    "as_loss",
    "as_values",
    "at_spots",
    "cell_losses",
    "channels_last",
    "checksum",
    "count_patches",
    "fine_tuning_adamw",
    "free_memory",
    "fresh_callbacks",
    "from_arrays",
    "has_only_known_layers",
    "kept_memory",
    "load_module_arrays",
    "load_net_arrays",
    "module_arrays",
    "n_threads_here",
    "net_arrays",
    "on_pool",
    "own_gradient_mode",
    "patch_shape",
    "per_channel",
    "place",
    "processes",
    "resolve_device",
    "several_processes",
    "split_blocks",
    "to_arrays",
    "weighted_cross_entropy",
    "weighted_squares",
]
