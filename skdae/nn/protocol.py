"""What a module promises to the estimators that train it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeGuard

from torch import Tensor, nn

__all__ = [
    "AnySize",
    "Autoencoder",
    "Encoder",
    "HiddenLayers",
    "promises_any_size",
    "promises_hidden_layers",
]


class Encoder(Protocol):
    """A module that denoises and encodes: the least that estimators can train.

    An estimator builds it from the shape of one sample, channels first: ``(features,)``,
    ``(channels, length)`` or ``(channels, height, width)``. Batches have one more axis, in front.
    The output may be logits instead of samples, as ``loss="bce"`` computes best: then the module
    has an attribute ``returns_logits = True``, and estimators apply the sigmoid.

    See Also
    --------
    Autoencoder : A module that also decodes.
    AnySize : A module that takes samples of other sizes than that of its fit.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Denoise samples (n, ...): each on its own, whatever else is in the batch.

        The output has the shape of the input.
        """

    def encode(self, x: Tensor) -> Tensor:
        """Map samples (n, ...) to codes (n, ...).

        Codes have any number of axes; their sizes depend on the size of a sample alone.
        """


class Autoencoder(Encoder, Protocol):
    """A module whose code alone determines its output: estimators offer ``inverse_transform``.

    A U-Net is no autoencoder: its output depends on its skip connections too.

    See Also
    --------
    Encoder : The same without ``decode``.
    """

    def decode(self, code: Tensor) -> Tensor:
        """Map codes (n, ...) back to samples (n, ...), as ``forward`` returns them.

        The codes are those of samples of the size that the module was built for.
        """


class AnySize(Protocol):
    """A module that denoises images or signals of any size, large ones in tiles.

    Its ``forward`` takes any height and width, or length, and returns the same shape. A value of
    the output depends only on the input near it. If the input moves by a multiple of ``stride``,
    the output moves with it. So the module can train on patches and on lists of samples of
    different sizes, and tiles that overlap by ``reach`` give the result of the whole.

    Below, a place is a pixel of an image or a step of a signal.

    See Also
    --------
    promises_any_size : Whether a module has all three, and a ``reach`` that is not None.
    """

    @property
    def stride(self) -> int:
        """Places of the input, along each axis, that make one of the code: at least 1.

        An axis of n places has ceil(n / stride) of them in the code.
        """

    @property
    def reach(self) -> int | None:
        """Places along an axis, at most, from a value of the output to an input that changes it.

        Half the width of the receptive field, or more: a smaller number leaves seams between tiles,
        a larger one makes them slow. None, as with a dense layer, says that the module takes only
        the size that it was built for.
        """

    @property
    def width(self) -> float:
        """Values that the widest layer holds for each place of the input: the memory of a tile.

        The largest number of channels is never too small.
        """


class HiddenLayers(Protocol):
    """A module that shows the values of its hidden layers, which estimators give as features.

    See Also
    --------
    promises_hidden_layers : Whether a module does.
    """

    def hidden_layers(self, x: Tensor) -> Sequence[Tensor]:
        """Map samples (n, ...) to the values (n, ...) of every hidden layer, first to last.

        They come as the next layer gets them, after the activation; the code is among them.
        """


def promises_hidden_layers(module: nn.Module) -> TypeGuard[HiddenLayers]:
    """Return whether a module shows its hidden layers: see :class:`HiddenLayers`.

    Parameters
    ----------
    module : Module
        A module of skdae, or a user's.

    Returns
    -------
    promises : bool
        Whether it has ``hidden_layers``.

    Examples
    --------
    >>> import torch
    >>> from skdae.nn import DenseAutoencoder, promises_hidden_layers
    >>> module = DenseAutoencoder((8,), hidden_layer_sizes=(6,), latent_dim=3)
    >>> promises_hidden_layers(module)
    True
    >>> [layer.shape[1] for layer in module.hidden_layers(torch.zeros(1, 8))]
    [6, 3, 6]
    """
    return hasattr(module, "hidden_layers")


def promises_any_size(module: nn.Module) -> TypeGuard[AnySize]:
    """Return whether a module takes samples of any size: see :class:`AnySize`.

    Parameters
    ----------
    module : Module
        A module of skdae, or a user's.

    Returns
    -------
    promises : bool
        Whether it has ``stride``, ``reach`` and ``width``, none of them None.

    Examples
    --------
    >>> from skdae.nn import ConvAutoencoder, promises_any_size
    >>> promises_any_size(ConvAutoencoder((1, 28, 28)))
    True
    >>> promises_any_size(ConvAutoencoder((1, 28, 28), latent_dim=32))
    False
    """
    return all(getattr(module, name, None) is not None for name in ("stride", "reach", "width"))
