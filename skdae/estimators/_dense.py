"""The dense denoising autoencoder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from os import PathLike
from typing import ClassVar

from skdae._random import RandomState
from skdae._sklearn import Interval, StrOptions
from skdae.data import are_sizes
from skdae.estimators._attributes import Callbacks, Noise
from skdae.estimators._base import BaseDenoisingAutoencoder
from skdae.estimators._features import FEATURES
from skdae.nn import ACTIVATIONS, DenseAutoencoder
from skdae.training import Criterion, OptimizerFactory, as_loss

__all__ = ["DenseDAE"]

# Of latent_dim="auto": narrower ones lost to ridge regression on wide data, and wider ones gained
# little for their time.
_CODE_WIDTHS = 512, 1024
_VALUES_OF_CODE = 4


class DenseDAE(BaseDenoisingAutoencoder):
    """Denoise tables, and small images or signals, with dense layers.

    Fully connected layers to a code of ``latent_dim`` values and back. The first choice for
    tables (after a StandardScaler), and quick on small images. By default there is one wide
    hidden layer, the code itself: noise in training, not a bottleneck, is what it learns from.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=()
        Widths of the layers between the input and the code; the decoder has them in reverse.
        Deeper learns more from many rows, and takes longer; ``()`` has the code alone between
        input and output.
    latent_dim : int or "auto", default="auto"
        Width of the code. "auto" is as wide as the last hidden layer; without hidden layers four
        times as wide as a sample, but at least 512 and at most 1,024. Wide codes denoise best, as
        long as there is noise in training; a small number, as 32, is a compact code for later
        steps, and no code narrower than what the data need restores all of it.
    activation : {"relu", "elu", "gelu", "identity", "leaky_relu", "silu", "tanh"}, default="relu"
        Activation after every layer but the last, the code too; "identity" is linear.
    noise : {"auto", "gaussian", "speckle", "poisson", "uniform", "salt_and_pepper", "impulse", \
            "masking", "swap", "camera"}, NoiseInjector or None, default="auto"
        What corrupts the inputs, anew for every batch, on the training device. "auto" learns
        the noise of the pipeline step before, or the pairs (X, y); where there is neither, it
        trains a plain autoencoder and warns. A name is that injector with its default level.
        None trains a plain autoencoder.
    features : {"code", "all_layers"}, default="code"
        What ``transform`` gives: the code, or the values of all hidden layers, from the first one
        of the encoder through the code to the last one of the decoder. All layers are more
        features and keep more of the sample; only the code can be decoded. The net is the same, so
        this may be set after ``fit`` too. See :doc:`/user_guide/features`.
    self_supervised : {"split_noise", "blind_spot"} or None, default=None
        How to learn from noisy samples alone, ``fit(X_noisy)``. "split_noise" is for Gaussian or
        Poisson noise of a known level, which ``noise`` names: training splits each sample into two
        with independent noise, and learns to guess one from the other [2]_. "blind_spot" is for
        noise that is independent from one value to the next, of any level: training hides single
        values of images and signals, and guesses them from their surroundings. None learns
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
    standardize : bool or "auto", default="auto"
        Whether the net sees the data centred and scaled, by one mean for each channel and one
        standard deviation for all of X, so that units and zero of the data do not matter. "auto"
        does so unless the loss is "bce", whose outputs are probabilities. Columns of a table on
        different scales still want a ``StandardScaler``.
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
    ConvDAE : For images and signals.
    DenoisingAutoencoder : For a module of yours.

    Notes
    -----
    Everything random comes from ``random_state`` through private generators: one seed gives
    one model, and the global states of NumPy and torch stay as they are.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, Y. Bengio and P.-A. Manzagol, "Extracting and composing
       robust features with denoising autoencoders", ICML, 2008.
    .. [2] T. Pang, H. Zheng, Y. Quan, H. Ji, "Recorrupted-to-recorrupted: unsupervised deep
       learning for image denoising", 2021; counts as in A. Neufeld et al., "Data thinning for
       convolution-closed distributions", 2024.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdae import DenseDAE, GaussianNoise
    >>> X = load_digits().data / 16
    >>> noise = GaussianNoise(sigma=0.4)
    >>> dae = DenseDAE(noise=noise, max_epochs=10, random_state=0).fit(X[:1500])
    >>> X_noisy = noise.corrupt(X[1500:], random_state=0)
    >>> print(f"{((dae.predict(X_noisy) - X[1500:]) ** 2).mean():.2f}")
    0.03
    """

    _may_read_lists = False

    _parameter_constraints: ClassVar[dict] = {
        **{
            name: rules
            for name, rules in BaseDenoisingAutoencoder._parameter_constraints.items()
            if name not in ("augment", "patch_size")  # of images alone
        },
        "hidden_layer_sizes": ["array-like"],
        "latent_dim": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "features": [StrOptions(set(FEATURES))],
    }

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (),
        *,
        latent_dim: int | str = "auto",
        activation: str = "relu",
        noise: Noise = "auto",
        features: str = "code",
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
        standardize: bool | str = "auto",
        device: str = "auto",
        precision: str = "auto",
        callbacks: Callbacks = None,
        warm_start: bool = False,
        checkpoint: str | PathLike | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.latent_dim = latent_dim
        self.activation = activation
        self.noise = noise
        self.features = features
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
        self.device = device
        self.precision = precision
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose

    def _build_module(self, sample_shape: tuple[int, ...]) -> DenseAutoencoder:
        sizes = list(self.hidden_layer_sizes)
        if not are_sizes(sizes):
            raise ValueError(
                "The 'hidden_layer_sizes' parameter of DenseDAE must be a tuple of ints > 0. "
                f"Got {self.hidden_layer_sizes!r} instead."
            )
        return DenseAutoencoder(
            sample_shape,
            hidden_layer_sizes=sizes,
            latent_dim=self._width_of_code(sizes, math.prod(sample_shape)),
            activation=self.activation,
            returns_logits=as_loss(self.loss).compares_probabilities,
        )

    def _width_of_code(self, hidden_layer_sizes: list[int], n_values: int) -> int:
        if not isinstance(self.latent_dim, str):
            return self.latent_dim
        if hidden_layer_sizes:
            return hidden_layer_sizes[-1]
        narrowest, widest = _CODE_WIDTHS
        return min(max(_VALUES_OF_CODE * n_values, narrowest), widest)
