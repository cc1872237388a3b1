"""The error of a training that diverges."""

from __future__ import annotations

__all__ = ["LossExploded"]


class LossExploded(Exception):
    """The loss of an epoch is not finite, or far above that of the untrained net.

    Attributes
    ----------
    epoch : int
        In which epoch.
    loss : float
        What the loss became.
    restored : bool
        Whether the net has the weights of the best epoch before.
    """

    def __init__(self, epoch: int, loss: float):
        super().__init__(epoch, loss)
        self.epoch = epoch
        self.loss = loss
        self.restored = False

    def advice(self, owner: str, lr: float, *, standardized: bool) -> str:
        """Say what happened, what is left, and what to try."""
        left = "The weights of the best epoch before are kept."
        if not self.restored:
            left = "No epoch before went well: the estimator is as it was before this fit."
        return (
            f"The training of {owner} diverged: in epoch {self.epoch}, with lr={lr:g}, the loss "
            f"became {self.loss:g}. Try a smaller lr, such as {min(lr / 10, 1e-3):g}"
            + (". " if standardized else ", or scale X to a range near 1. ")
            + left
        )
