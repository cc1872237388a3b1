"""What a module promises to the estimators that train it."""

from __future__ import annotations

from typing import Protocol, TypeGuard

from torch import Tensor, nn

__all__ = ["AnySize", "Autoencoder", "Encoder", "promises_any_size"]


class Encoder(Protocol):
    """A module that denoises and encodes: the least that estimators can train.

    An estimator builds it from the shape of one sample, channels first: ``(features,)``,
    ``(channels, length)`` or ``(channels, height, width)``. Batches have one more axis, in front.
    A module may set ``returns_logits = True``: the sigmoid of its output are then the samples.

    See Also
    --------
    Autoencoder : A module that also decodes.
    AnySize : A module that takes samples of other sizes than that of its fit.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Denoise a batch.

        Parameters
        ----------
        x : Tensor of shape (n, ...)
            Noisy samples.

        Returns
        -------
        output : Tensor of the shape of ``x``
            Denoised samples; each depends on no other sample of the batch.
        """

    def encode(self, x: Tensor) -> Tensor:
        """Map samples to codes.

        Parameters
        ----------
        x : Tensor of shape (n, ...)
            Samples.

        Returns
        -------
        code : Tensor of shape (n, ...)
            Codes, of any shape that depends on the shape of a sample alone.
        """


class Autoencoder(Encoder, Protocol):
    """A module whose code alone determines its output: estimators offer ``inverse_transform``.

    A U-Net is none, since its skip connections carry more than the code.

    See Also
    --------
    Encoder : The same without ``decode``.
    """

    def decode(self, code: Tensor) -> Tensor:
        """Map codes back to samples.

        Parameters
        ----------
        code : Tensor of shape (n, ...)
            What ``encode`` returns for samples of the size that the module was built for.

        Returns
        -------
        output : Tensor of shape (n, ...)
            Samples of that size, as ``forward`` returns them.
        """


class AnySize(Protocol):
    """A module that denoises samples of any size, large ones in tiles.

    Its ``forward`` takes images, or signals, of any height and width and returns the same shape,
    and a value of the output depends on the input near it alone. If the input moves by a multiple
    of ``stride``, the output moves with it. So the module can train on patches and lists of
    samples of different sizes, and tiles that overlap by ``reach`` give the result of the whole.

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
        """How far from a value of the output the input may lie that it depends on.

        In places along any axis: half the width of the receptive field, or more. Too small a
        number leaves seams between tiles, too large a one makes them slow. None takes the promise
        back: as with a dense layer, the module takes only the size that it was built for.
        """

    @property
    def width(self) -> float:
        """Values that the widest layer holds for each place of the input: the memory of a tile.

        The largest number of channels is never too small.
        """


def promises_any_size(module: nn.Module) -> TypeGuard[AnySize]:
    """Return whether a module takes samples of any size: see :class:`AnySize`.

    Parameters
    ----------
    module : Module
        A module of skdae, or a user's.

    Returns
    -------
    promises : bool
        Whether it has ``stride``, ``reach`` and ``width``, and ``reach`` is not None.

    Examples
    --------
    >>> from skdae.nn import ConvAutoencoder, promises_any_size
    >>> promises_any_size(ConvAutoencoder((1, 28, 28)))
    True
    >>> promises_any_size(ConvAutoencoder((1, 28, 28), latent_dim=32))
    False
    """
    return all(getattr(module, name, None) is not None for name in ("stride", "reach", "width"))
