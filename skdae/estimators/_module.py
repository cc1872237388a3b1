"""The denoising autoencoder around a module of yours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import ClassVar

from torch import nn

from skdae._random import RandomState
from skdae.estimators._attributes import Callbacks, Noise
from skdae.estimators._base import BaseDenoisingAutoencoder
from skdae.training import Criterion, OptimizerFactory

__all__ = ["DenoisingAutoencoder"]


class DenoisingAutoencoder(BaseDenoisingAutoencoder):
    """Denoise with a torch module of yours.

    The estimator around any ``nn.Module`` with ``encode`` and ``decode``. Where its settings
    should be searched, derive from :class:`BaseDenoisingAutoencoder` instead: ten lines with
    the settings as parameters.

    Parameters
    ----------
    module : callable
        A class or a function that takes the shape of one sample and returns a new
        ``nn.Module`` with ``forward(x)``, ``encode(x)`` and ``decode(code)``. The shape has its
        channels first: ``(features,)``, ``(channels, length)`` or ``(channels, height,
        width)``. Tensors have it behind the axis of the batch.
    noise : {"auto", "gaussian", "speckle", "poisson", "uniform", "salt_and_pepper", "impulse", \
            "masking", "swap", "camera"}, NoiseInjector or None, default="auto"
        What corrupts the inputs, anew for every batch, on the training device. "auto" learns
        the noise of the pipeline step before, or the pairs (X, y); where there is neither, it
        trains a plain autoencoder and warns. A name is that injector with its default level.
        None trains a plain autoencoder.
    self_supervised : {"split_noise", "blind_spot"} or None, default=None
        How to learn from noisy samples alone, ``fit(X_noisy)``. "split_noise" is for Gaussian or
        Poisson noise of a known level, which ``noise`` names: training splits each sample into two
        with independent noise, and learns to guess one from the other [1]_. "blind_spot" is for
        noise that is independent from one value to the next, of any level: training hides single
        values of images and signals, and guesses them from their surroundings. None learns
        from clean samples or pairs.
    loss : {"mse", "bce", "l1", "huber"} or callable, default="mse"
        What training minimises. "bce" is for targets in [0, 1] and ends the module with a
        sigmoid; "l1" and "huber" (quadratic below errors of 1, or of one standard deviation of X
        with ``standardize``) are less sensitive to outliers. A callable takes (output, target),
        tensors in the units of X with channels first, and returns a scalar tensor.
        What its attributes may declare, as ``on_logits``, is in :doc:`/user_guide/training`.
    optimizer : {"adamw", "adam", "muon", "sgd"} or callable, default="adamw"
        The optimizer: AdamW with weight decay 1e-4, Adam, Muon (orthogonalised momentum, at a
        rate near 0.02), or SGD with Nesterov momentum 0.9. A callable takes (parameters, lr) and
        returns a ``torch.optim.Optimizer``.
    lr : float, default=0.003
        Learning rate: the highest of the schedule. Larger is faster until training diverges.
    lr_schedule : {"one_cycle", "constant"}, default="one_cycle"
        "one_cycle" rises from lr/25 to lr and falls to almost 0; the number of epochs decides
        how fast. "constant" leaves the rate to ``callbacks``.
    max_epochs : int or "auto", default="auto"
        Passes over the data. "auto" takes at least 2,500 steps of the optimizer: from 10
        epochs on large data to 1,000 on tiny ones.
    batch_size : int or "auto", default="auto"
        Samples a step. "auto" is a fiftieth of the data, between 32 and 128.
    validation_fraction : float, default=0.1
        Part of the data, drawn at random, that early stopping judges by. Without
        ``early_stopping``, or with ``X_val`` in ``fit``, all data are trained on.
    early_stopping : bool, default=False
        Whether to stop when the validation loss no longer falls, and to keep the weights of
        the best epoch. The validation noise is the same in every epoch.
    n_iter_no_change : int, default=10
        Epochs without a better validation loss after which early stopping stops.
    sample_shape : tuple of int or None, default=None
        What a row is: ``(length,)``, ``(length, channels)``, ``(height, width)`` or ``(height,
        width, channels)``. A pair is (length, channels) if it is at least eight times longer
        than wide and at most 32 wide; ``(height, width, 1)`` and ``(1, length, channels)`` leave
        no doubt. None takes flat rows as
        they are, and images by their axes.
    standardize : bool or "auto", default=False
        Whether the module sees the data centred and scaled, and its output is taken back to their
        units: see :doc:`/user_guide/shapes`. False shows it the data as they are, as a module that
        ends in a sigmoid needs them. "auto" is True unless the loss is "bce".
    patch_size : int, tuple of int, "auto" or None, default="auto"
        Sides of the patches that training draws at random from images and signals, for a module
        that promises to take any size: :class:`skdae.nn.AnySize`. None takes whole samples, which
        must be of one size. "auto" takes whole samples of arrays, and of lists of samples of
        different sizes patches of 64 x 64, or of 1024 for signals.
    augment : bool, default=False
        Whether training flips and turns the images at random.
    device : str, default="auto"
        Where to train and predict: "cpu", "cuda", "cuda:1", "mps". "auto" takes CUDA, then
        MPS, then the CPU.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        What training computes in; weights, loss and predictions are always float32. "auto" is
        bfloat16 for convolutions where the hardware is made for it (CPUs with AVX512-BF16 or
        AMX, NVIDIA GPUs since Ampere), and float32 elsewhere. A fitted estimator keeps it.
    callbacks : list of skorch callbacks or None, default=None
        Callbacks of skorch to call while training. They are cloned.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the last fit instead of starting anew.
    checkpoint : str, path-like or None, default=None
        File that keeps the state of a ``fit`` after its epochs. ``fit`` with the same data and
        settings goes on from there, to the same weights as without the interruption; one that was
        completed is read. In a folder, each fit has a file of its own, as those of a search do.
        None keeps none. See :doc:`/user_guide/training`.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, order, validation split and noise. None is a new one at every fit.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar.

    Attributes
    ----------
    net_ : DenoisingNet
        The trained skorch net; ``net_.module_`` is the torch module.
    noise_ : NoiseInjector or None
        The noise that the last fit learned to remove.
    n_iter_ : int
        Number of epochs trained.
    loss_curve_ : list of float
        Training loss of each epoch.
    validation_loss_curve_ : list of float
        Validation loss of each epoch; empty without early stopping or ``X_val``.
    sample_shape_ : tuple of int
        What a sample is: ``(features,)``, ``(length, channels)`` or ``(height, width,
        channels)``.
    n_features_in_ : int
        Number of values of a sample, all axes flattened.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, when X has string names.

    See Also
    --------
    DenseDAE : Dense layers, ready to use.
    ConvDAE : Convolutions, ready to use.

    Notes
    -----
    The output of the module is the reconstruction. With ``loss="bce"`` it must lie in [0, 1];
    a module that sets ``returns_logits = True`` leaves its last sigmoid to the estimator, which
    is more exact.

    Everything random comes from ``random_state`` through private generators: one seed gives
    one model, and the global states of NumPy and torch stay as they are.

    References
    ----------
    .. [1] T. Pang, H. Zheng, Y. Quan, H. Ji, "Recorrupted-to-recorrupted: unsupervised deep
       learning for image denoising", 2021; counts as in A. Neufeld et al., "Data thinning for
       convolution-closed distributions", 2024.

    Examples
    --------
    >>> from torch import nn
    >>> from skdae import DenoisingAutoencoder
    >>> from skdae.datasets import load_digits
    >>> class Small(nn.Module):
    ...     def __init__(self, sample_shape):
    ...         super().__init__()
    ...         self.encode = nn.Sequential(
    ...             nn.Flatten(), nn.Linear(64, 16), nn.ReLU()
    ...         )
    ...         self.decode = nn.Sequential(
    ...             nn.Linear(16, 64), nn.Unflatten(1, sample_shape)
    ...         )
    ...
    ...     def forward(self, x):
    ...         return self.decode(self.encode(x))
    >>> X, _ = load_digits()
    >>> dae = DenoisingAutoencoder(
    ...     Small, noise="gaussian", max_epochs=2, random_state=0
    ... )
    >>> dae.fit(X).transform(X).shape
    (1797, 16)
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseDenoisingAutoencoder._parameter_constraints,
        "module": [callable],
    }

    def __init__(
        self,
        module: Callable[[tuple[int, ...]], nn.Module],
        *,
        noise: Noise = "auto",
        self_supervised: str | None = None,
        loss: str | Criterion = "mse",
        optimizer: str | OptimizerFactory = "adamw",
        lr: float = 0.003,
        lr_schedule: str = "one_cycle",
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        validation_fraction: float = 0.1,
        early_stopping: bool = False,
        n_iter_no_change: int = 10,
        sample_shape: int | Sequence[int] | None = None,
        standardize: bool | str = False,
        patch_size: int | tuple[int, ...] | str | None = "auto",
        augment: bool = False,
        device: str = "auto",
        precision: str = "auto",
        callbacks: Callbacks = None,
        warm_start: bool = False,
        checkpoint: str | PathLike | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.module = module
        self.noise = noise
        self.self_supervised = self_supervised
        self.loss = loss
        self.optimizer = optimizer
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.sample_shape = sample_shape
        self.standardize = standardize
        self.patch_size = patch_size
        self.augment = augment
        self.device = device
        self.precision = precision
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose

    def _build_module(self, sample_shape: tuple[int, ...]) -> nn.Module:
        if isinstance(self.module, nn.Module):
            raise TypeError(
                "The 'module' parameter of DenoisingAutoencoder must be a class or a function "
                "that builds the module, not a module, whose weights every clone would share. "
                f"Got an instance of {type(self.module).__name__} instead."
            )
        return self.module(sample_shape)
