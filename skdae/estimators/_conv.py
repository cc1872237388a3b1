"""The convolutional denoising autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from os import PathLike
from typing import ClassVar

from skdae._random import RandomState
from skdae._sklearn import Interval, StrOptions
from skdae.estimators._attributes import Callbacks, Noise
from skdae.estimators._base import BaseDenoisingAutoencoder
from skdae.estimators._convolutional import ConvolutionalMixin
from skdae.nn import ACTIVATIONS, ConvAutoencoder
from skdae.training import Criterion, OptimizerFactory, as_loss

__all__ = ["ConvDAE"]


class ConvDAE(ConvolutionalMixin, BaseDenoisingAutoencoder):
    """Denoise images and signals with convolutions.

    Convolutions that halve the size level by level, and back. By default the network of the
    Keras tutorial [1]_. Images are gray or colour, signals have one channel or several, and
    any size works: modules pad what their strides do not divide and crop it back.

    Parameters
    ----------
    channels : tuple of int, default=(32, 32)
        Channels of each level. More levels see farther, more channels learn more.
    kernel_size : int, default=3
        Width of the kernels, odd.
    latent_dim : int or None, default=None
        Width of a dense bottleneck. None keeps the spatial code, which denoises better; a
        number makes a compact code for feature extraction.
    downsample : {"max", "average", "stride"}, default="max"
        How a level halves the size: pooling, or convolutions of stride 2.
    upsample : {"transpose", "nearest"}, default="transpose"
        How a level doubles it: transposed convolutions, or repeated values and a convolution.
    activation : {"relu", "elu", "gelu", "identity", "leaky_relu", "silu", "tanh"}, default="relu"
        Activation after every layer but the last; "identity" is linear.
    noise : {"auto", "gaussian", "speckle", "poisson", "uniform", "salt_and_pepper", "impulse", \
            "masking", "swap", "camera"}, NoiseInjector or None, default="auto"
        What corrupts the inputs, anew for every batch, on the training device. "auto" learns
        the noise of the pipeline step before, or the pairs (X, y); where there is neither, it
        trains a plain autoencoder and warns. A name is that injector with its default level.
        None trains a plain autoencoder.
    self_supervised : {"split_noise", "blind_spot"} or None, default=None
        How to learn from noisy samples alone, ``fit(X_noisy)``. "split_noise" is for Gaussian or
        Poisson noise of a known level, which ``noise`` names: training splits each sample into two
        with independent noise, and learns to guess one from the other [3]_. "blind_spot" is for
        noise that is independent from one value to the next, of any level: training hides single
        values of images and signals, and guesses them from their surroundings [2]_. None learns
        from clean samples or pairs.
    loss : {"mse", "bce", "l1", "huber"} or callable, default="mse"
        What training minimises. "bce" is for targets in [0, 1] and ends the module with a
        sigmoid; "l1" and "huber" (quadratic below errors of one standard deviation of X) are
        less sensitive to outliers. A callable takes (output, target), tensors in the units of X
        with channels first, and returns a scalar tensor.
        What its attributes may declare, as ``on_logits``, is in :doc:`/user_guide/training`.
    optimizer : {"adamw", "adam", "muon", "sgd"} or callable, default="adamw"
        The optimizer: AdamW with weight decay 1e-4, Adam, Muon (orthogonalised momentum, at a
        rate near 0.02), or SGD with Nesterov momentum 0.9. A callable takes (parameters, lr) and
        returns a ``torch.optim.Optimizer``.
    lr : float, default=0.005
        Learning rate: the highest of the schedule. Larger is faster until training diverges.
    lr_schedule : {"one_cycle", "constant"}, default="one_cycle"
        "one_cycle" rises from lr/25 to lr and falls to almost 0; the number of epochs decides
        how fast. "constant" leaves the rate to ``callbacks``.
    max_epochs : int or "auto", default="auto"
        Passes over the data. "auto" takes at least 2,500 steps of the optimizer: from 10
        epochs on large data to 1,000 on tiny ones.
    batch_size : int or "auto", default="auto"
        Samples a step. "auto" is a fiftieth of the data, between 32 and 128, or fewer where
        samples are large: a step takes 131,072 pixels at most, 32 patches of 64 x 64.
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
        no doubt. Of the samples of a list it says the axes and the channels; sides differ. None
        takes a square number of columns for a gray image and any other for a signal, and warns;
        images are known by their axes.
    standardize : bool or "auto", default="auto"
        Whether the net sees the data centred and scaled, by one mean for each channel and one
        standard deviation for all of X, so that units and zero of the data do not matter. "auto"
        does so unless the loss is "bce", whose outputs are probabilities. Columns of a table on
        different scales still want a ``StandardScaler``.
    patch_size : int, tuple of int, "auto" or None, default="auto"
        Sides of the patches that training draws at random from the samples, where they lie: an
        epoch draws as many as cover the samples once. None takes whole samples, which must be of
        one size. "auto" does so for samples of one size of up to 128 x 128 values, and else draws
        patches of 64 x 64, or of 1024 for signals. A patch is never larger than the largest
        sample; a smaller one goes on as its mirror image. With ``self_supervised``
        it is no larger than the smallest.
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
    DenseDAE : For tables.
    UNetDAE : Denoises better; its codes cannot be decoded.
    DenoisingAutoencoder : For a module of yours.

    Notes
    -----
    The defaults are the published network. On small images ``channels=(32, 64)``,
    ``downsample="stride"``, ``activation="gelu"``, ``lr=0.01`` denoises better in the same time
    (digits with noise of sigma 0.4: a squared error of 0.022 instead of 0.025).

    Everything random comes from ``random_state`` through private generators: one seed gives
    one model, and the global states of NumPy and torch stay as they are.

    References
    ----------
    .. [1] S. L. Valdarrama, "Convolutional autoencoder for image denoising", keras.io, 2021.
    .. [2] A. Krull, T.-O. Buchholz, F. Jug, "Noise2Void: learning denoising from single noisy
       images", 2019; ``predict(X, j_invariant=True)`` as in J. Batson, L. Royer, "Noise2Self",
       2019.
    .. [3] T. Pang, H. Zheng, Y. Quan, H. Ji, "Recorrupted-to-recorrupted: unsupervised deep
       learning for image denoising", 2021; counts as in A. Neufeld et al., "Data thinning for
       convolution-closed distributions", 2024.

    Examples
    --------
    >>> from skdae import ConvDAE, GaussianNoise
    >>> from skdae.datasets import load_digits
    >>> X, _ = load_digits()
    >>> noise = GaussianNoise(sigma=0.4)
    >>> dae = ConvDAE(noise=noise, max_epochs=5, random_state=0).fit(X[:1500])
    >>> X_noisy = noise.corrupt(X[1500:], random_state=0)
    >>> dae.predict(X_noisy).shape
    (297, 8, 8)
    """

    _most_places = 2**17

    _parameter_constraints: ClassVar[dict] = {
        **BaseDenoisingAutoencoder._parameter_constraints,
        "channels": ["array-like"],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "latent_dim": [None, Interval(Integral, 1, None, closed="left")],
        "downsample": [StrOptions({"max", "average", "stride"})],
        "upsample": [StrOptions({"transpose", "nearest"})],
        "activation": [StrOptions(set(ACTIVATIONS))],
    }

    def __init__(
        self,
        channels: Sequence[int] = (32, 32),
        *,
        kernel_size: int = 3,
        latent_dim: int | None = None,
        downsample: str = "max",
        upsample: str = "transpose",
        activation: str = "relu",
        noise: Noise = "auto",
        self_supervised: str | None = None,
        loss: str | Criterion = "mse",
        optimizer: str | OptimizerFactory = "adamw",
        lr: float = 0.005,
        lr_schedule: str = "one_cycle",
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        validation_fraction: float = 0.1,
        early_stopping: bool = False,
        n_iter_no_change: int = 10,
        sample_shape: int | Sequence[int] | None = None,
        standardize: bool | str = "auto",
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
        self.channels = channels
        self.kernel_size = kernel_size
        self.latent_dim = latent_dim
        self.downsample = downsample
        self.upsample = upsample
        self.activation = activation
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

    def _build_module(self, sample_shape: tuple[int, ...]) -> ConvAutoencoder:
        return ConvAutoencoder(
            sample_shape,
            channels=self._checked_channels(),
            kernel_size=self._checked_kernel_size(),
            latent_dim=self.latent_dim,
            downsample=self.downsample,
            upsample=self.upsample,
            activation=self.activation,
            returns_logits=as_loss(self.loss).compares_probabilities,
        )
